/* What a work queue owes its clients, job by job. The simulator and the judge of queue histories
 * (history.h) both tell a job's story through these.
 *
 * no loss          an acknowledged put comes out, unless a delete was acknowledged or may have been
 * no resurrection  a job whose delete was acknowledged is not reserved by a command sent later
 * exactly once     one put makes one job at most; a refused put makes none; one delete is
 *                  acknowledged at most once
 * one holder       while nothing is wrong, a job is not handed to a second client while the first
 *                  holds it by its time-to-run, nor is the first denied it
 *
 * An outcome that a client did not hear is unknown, and allows both. */
#ifndef QUARTET_SYSTEMS_QUEUE_CHECK_RULES_H
#define QUARTET_SYSTEMS_QUEUE_CHECK_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    QUEUE_TTR_SLACK_PERMILLE = 50, /* drift of clocks, and the coarseness of log time */
    QUEUE_TTR_SLACK_US = 150000,
};

enum queue_breach {
    QUEUE_HOLDS,
    QUEUE_TWO_IDS,     /* exactly once: one put, two jobs */
    QUEUE_REFUSED_JOB, /* exactly once: a refused put, a job all the same */
    QUEUE_TWO_DELETES, /* exactly once */
    QUEUE_RESURRECTED, /* no resurrection */
    QUEUE_TWO_HOLDERS, /* one holder */
    QUEUE_DENIED,      /* one holder */
    QUEUE_LOST,        /* no loss */
};

enum outcome { OUTCOME_PENDING, OUTCOME_ACKNOWLEDGED, OUTCOME_REFUSED, OUTCOME_UNKNOWN };

/* Zero-initialized, but for ttr_s: about to be put. Moments called `at` are only compared with one
 * another; those in microseconds are also measured against the time-to-run. */
struct queue_job_story {
    uint64_t id; /* 0: not known yet */
    uint32_t ttr_s;
    enum outcome put;
    bool deleted;        /* acknowledged */
    uint32_t deleted_by; /* client */
    bool delete_unknown; /* a delete may have been carried out */
    uint64_t deleted_at;
    uint32_t holder; /* client + 1 who believes to hold it; 0: none known */
    uint64_t held_since_us;
    uint64_t held_until_us; /* at least, by the time-to-run */
};

/* The name of the rule that it breaks. */
const char *queue_rule_name(enum queue_breach breach);

/* The job's key was seen under this id. */
enum queue_breach queue_job_seen(struct queue_job_story *job, uint64_t id);
/* The put is over; `id` when it was acknowledged. */
enum queue_breach queue_job_put_over(struct queue_job_story *job, enum outcome outcome,
                                     uint64_t id);
/* What is left of a time-to-run or a lease when clocks disagree as far as they may. */
uint64_t queue_at_least_us(uint64_t us);

/* A reserve sent at `sent_at`, `sent_us`, gave the job to the client. `sure`: the one who held it
 * by its time-to-run cannot have lost its session since it got it. */
enum queue_breach queue_job_reserved(struct queue_job_story *job, uint32_t client, uint64_t sent_at,
                                     uint64_t sent_us, uint64_t now_us, bool calm);
/* The holder touched it: its time-to-run began anew at `sent_us` or later. */
void queue_job_touched(struct queue_job_story *job, uint32_t client, uint64_t sent_us);
/* The client no longer claims it: it is about to give it back, or lost its connection. */
void queue_job_let_go(struct queue_job_story *job, uint32_t client);
/* The client is told that it does not hold what it held until then, at least. */
enum queue_breach queue_job_denied(const struct queue_job_story *job, uint32_t client,
                                   uint64_t held_until_us, uint64_t now_us, bool sure);
enum queue_breach queue_job_delete_over(struct queue_job_story *job, uint32_t client,
                                        enum outcome outcome, uint64_t now_at);
/* Everything that was left has been taken out and deleted. */
enum queue_breach queue_job_drained(const struct queue_job_story *job);

#endif
