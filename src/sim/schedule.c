/* Virtual time. See schedule.h. */
#include "sim/schedule.h"

#include "base/assert.h"
#include "base/list.h"

uint64_t timed_at_us(const struct schedule *schedule, const struct timed *timed)
{
    ASSERT(timed_pending(timed));
    return schedule->heap.slots[timed->place.at].major;
}

void schedule_at(struct schedule *schedule, struct timed *timed, uint64_t at_us)
{
    if (timed_pending(timed)) heap_remove(&schedule->heap, &timed->place);
    if (at_us < schedule->now_us) at_us = schedule->now_us;
    heap_push(&schedule->heap, at_us, schedule->sequence++, &timed->place);
}

void schedule_cancel(struct schedule *schedule, struct timed *timed)
{
    if (timed_pending(timed)) heap_remove(&schedule->heap, &timed->place);
}

uint64_t schedule_next_us(const struct schedule *schedule)
{
    const struct heap_slot *slot = heap_min(&schedule->heap);
    return slot == NULL ? UINT64_MAX : slot->major;
}

void schedule_pass(struct schedule *schedule, uint64_t at_us)
{
    ASSERT(at_us >= schedule->now_us && at_us <= schedule_next_us(schedule));
    schedule->now_us = at_us;
}

bool schedule_run_next(struct schedule *schedule)
{
    const struct heap_slot *slot = heap_min(&schedule->heap);
    if (slot == NULL) return false;
    struct timed *timed = LIST_ITEM(slot->place, struct timed, place);
    schedule->now_us = slot->major;
    heap_remove(&schedule->heap, &timed->place);
    timed->fire(timed->owner, timed);
    return true;
}
