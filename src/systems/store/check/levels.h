/* Judges what the levels of the store promise (specs/systems/store.md, "Levels"), on keys whose
 * values only grow: whoever writes one writes a greater number than ever before, and never before
 * it has heard of the last, so that the order of the log is that of the numbers. After a write of
 * which nobody knows, that key is written no more. A key that was never written holds 0.
 *
 * invented          a read is told what somebody had begun to write by then
 * no loss           a linearizable or lease read is told no less than what a majority, or all, had
 *                   acknowledged when it was asked
 * committed         nor less than what any read, of whatever level, had been told: who is told
 *                   something that is not committed has been told what may never be
 * session           a session read is told no less than what its session was told and wrote, or a
 *                   token says that it is behind; or hears that some of that is lost
 *
 * What a leader alone acknowledged may be lost: those are counted. Pure; nothing here fails. */
#ifndef QUARTET_SYSTEMS_STORE_CHECK_LEVELS_H
#define QUARTET_SYSTEMS_STORE_CHECK_LEVELS_H

#include <stdbool.h>
#include <stdint.h>

enum levels_read { LEVELS_LINEARIZABLE, LEVELS_SESSION, LEVELS_LOCAL };

/* The greatest number that one knows of a key. */
struct levels_known {
    uint64_t sure;  /* this session was told it: its replica has it */
    uint64_t after; /* a leader acknowledged it, or a token says so: may be told to be lost */
};

/* What a session knows, or a token carries, of all keys; zero: nothing. */
struct levels_view {
    struct levels_known *keys;
    uint32_t count;
};

void levels_view_free(struct levels_view *view);
/* It begins anew. */
void levels_view_clear(struct levels_view *view);
/* What a session knows goes into a token, in place of what was there. */
void levels_token(const struct levels_view *session, struct levels_view *token);
/* The session is to be behind the token. */
void levels_after(struct levels_view *session, const struct levels_view *token);
/* It has heard that something is lost, and goes on without. */
void levels_lost(struct levels_view *session);

struct levels_key {
    uint64_t asked;        /* the greatest that somebody has begun to write */
    uint64_t acknowledged; /* by a majority or all */
    uint64_t told;         /* to any read */
    uint64_t *early;       /* acknowledged by a leader alone, ascending */
    uint32_t early_count, early_capacity;
};

/* Zero: no keys yet. */
struct levels {
    struct levels_key *keys;
    uint32_t count, capacity;
};

void levels_free(struct levels *levels);
/* Numbers are above 0. */
void levels_write_begins(struct levels *levels, uint32_t key, uint64_t value);
/* `early`: a leader alone did. */
void levels_write_acknowledged(struct levels *levels, struct levels_view *session, uint32_t key,
                               uint64_t value, bool early);

/* What a read that is asked now has to be told at least, whatever comes meanwhile. */
struct levels_floor {
    uint64_t acknowledged, told;
};
struct levels_floor levels_read_begins(struct levels *levels, uint32_t key);
/* What it was told; `floor` is its own. NULL, or the name of the rule that is broken, which lives
 * for ever, and *least, what it had to be told at least. */
const char *levels_read_told(struct levels *levels, struct levels_view *session, uint32_t key,
                             enum levels_read level, struct levels_floor floor, uint64_t found,
                             uint64_t *least);
/* How many writes that a leader alone acknowledged are not there, when all is over and a
 * linearizable read is told `found`. */
uint32_t levels_count_lost(const struct levels *levels, uint32_t key, uint64_t found);

#endif
