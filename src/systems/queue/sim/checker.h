/* Judges what the queue's clients saw: by the unique key in each job's body.
 *
 * The rules are those of check/rules.h. One holder is judged as long as no fault is near; and
 * whatever goes wrong, while the holder's connection stands and its node's lease cannot have run
 * out. And:
 * content          a job comes out as it was put in
 * liveness         while nothing goes wrong, who waits is answered or loses its connection
 *
 * An outcome that a client did not hear is unknown, and allows both. */
#ifndef QUARTET_SYSTEMS_QUEUE_SIM_CHECKER_H
#define QUARTET_SYSTEMS_QUEUE_SIM_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "systems/queue/check/rules.h"

enum {
    CHECKER_JOBS_MAX = 1 << 24,
    CHECKER_NO_KEY = UINT32_MAX,
    CHECKER_BODY_MIN = 16,
};

struct checked_job {
    struct queue_job_story story;
    uint32_t size;
    uint64_t sure_until_us; /* held by the session's lease, too, if its connection stands */
};

struct world;
struct client_op;

struct queue_checker {
    struct checked_job *jobs; /* [key] */
    uint32_t jobs_count, jobs_capacity;
    uint32_t live; /* acknowledged, not deleted for all we know */
};

void checker_free(struct queue_checker *checker);

/* A job about to be put; returns its key. */
uint32_t checker_put(struct queue_checker *checker, uint32_t size, uint32_t ttr_s);
void checker_body(const struct queue_checker *checker, uint32_t key, struct buffer *out);
void checker_put_over(struct world *world, uint32_t key, enum outcome outcome, uint64_t id);

/* A body that came out under this id: its key, or CHECKER_NO_KEY after failing the world. */
uint32_t checker_identify(struct world *world, uint64_t id, struct slice body);
/* The client sent its reserve at `sent_us`. Returns as checker_identify(). */
uint32_t checker_reserved(struct world *world, uint32_t client, uint64_t id, struct slice body,
                          uint64_t sent_us);
/* The holder touched it: its time-to-run began anew at `sent_us` or later. */
void checker_touched(struct world *world, uint32_t client, uint32_t key, uint64_t sent_us);
/* The client no longer claims it: it is about to give it back, or it lost its connection. */
void checker_let_go(struct world *world, uint32_t client, uint32_t key);
/* Who held the job when it sent this is told that it does not. */
void checker_denied(struct world *world, uint32_t client, const struct client_op *op);
void checker_delete_over(struct world *world, uint32_t client, uint32_t key, enum outcome outcome);
/* A client gives up a command that it sent then. */
void checker_unanswered(struct world *world, uint32_t client, uint64_t sent_us);

/* After everything was drained. */
void checker_finish(struct world *world);

#endif
