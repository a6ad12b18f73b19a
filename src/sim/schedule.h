/* Virtual time: what will happen, in order of time, then of when it was scheduled.
 *
 * A `struct timed` lives in the thing that it is about (a host's timer, a packet), so scheduling
 * allocates nothing. */
#ifndef QUARTET_SIM_SCHEDULE_H
#define QUARTET_SIM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"

struct timed {
    struct heap_place place;
    void (*fire)(void *owner, struct timed *timed);
    void *owner;
};

/* Zero-initialized is empty, at time 0. */
struct schedule {
    struct heap heap;
    uint64_t now_us;
    uint64_t sequence;
};

static inline void timed_init(struct timed *timed, void (*fire)(void *, struct timed *),
                              void *owner)
{
    timed->place.at = HEAP_NOWHERE;
    timed->fire = fire;
    timed->owner = owner;
}

static inline bool timed_pending(const struct timed *timed)
{
    return timed->place.at != HEAP_NOWHERE;
}

/* When it is pending: the time it was scheduled for. */
uint64_t timed_at_us(const struct schedule *schedule, const struct timed *timed);
/* In place of an earlier appointment, if any. A time that has passed means now. */
void schedule_at(struct schedule *schedule, struct timed *timed, uint64_t at_us);
void schedule_cancel(struct schedule *schedule, struct timed *timed);
/* When the next thing happens; UINT64_MAX: nothing is scheduled. */
uint64_t schedule_next_us(const struct schedule *schedule);
/* Time passes and nothing happens: `at_us` is not later than the next thing. */
void schedule_pass(struct schedule *schedule, uint64_t at_us);
/* Moves time to the next thing and lets it happen; false when nothing is scheduled. */
bool schedule_run_next(struct schedule *schedule);

#endif
