/* Which tubes have metrics of their own: Prometheus wants few series, and whoever is woken at night
 * wants those where jobs pile up. Half of the places go to where most jobs wait for a worker or for
 * a person, half to where one has waited longest; what place is left, to the oldest tubes. */
#include "systems/queue/machine/internal.h"

typedef uint64_t tube_rank(const struct queue *queue, const struct tube *tube);

static uint64_t backlog(const struct queue *queue, const struct tube *tube)
{
    (void)queue;
    return (uint64_t)tube->ready.count + tube->buried.count;
}

/* Of the next ready job: the oldest one where all have the same priority. */
static uint64_t age(const struct queue *queue, const struct tube *tube)
{
    if (tube->ready.count == 0) return 0;
    return queue->due_us - JOB_OF(tube->ready.slots[0].place)->created_us;
}

static bool is_shown(const struct queue_shown *shown, const struct tube *tube)
{
    for (unsigned i = 0; i < shown->count; i++) {
        if (shown->tubes[i] == tube) return true;
    }
    return false;
}

struct ranked {
    const struct tube *tube;
    uint64_t rank;
};

/* Keeps `best` in falling order; of equals those that came first. */
static unsigned insert(struct ranked *best, unsigned count, unsigned count_max, struct ranked new)
{
    unsigned at = count < count_max ? count++ : count - 1;
    for (; at > 0 && best[at - 1].rank < new.rank; at--) best[at] = best[at - 1];
    best[at] = new;
    return count;
}

static void choose(const struct queue *queue, tube_rank *rank, unsigned count_max,
                   struct queue_shown *shown)
{
    struct ranked best[QUEUE_METRICS_TUBES_MAX];
    unsigned count = 0, looked = 0;
    const struct list *end = &queue->tube_list;
    for (const struct list *at = end->next; at != end; at = at->next) {
        if (looked++ == QUEUE_METRICS_LOOK_MAX) break;
        const struct tube *tube = LIST_ITEM(at, struct tube, all);
        struct ranked new = {tube, rank == NULL ? 1 : rank(queue, tube)};
        if (new.rank == 0 || (count == count_max && best[count - 1].rank >= new.rank)) continue;
        if (is_shown(shown, tube)) continue;
        count = insert(best, count, count_max, new);
        if (rank == NULL && count == count_max) break;
    }
    for (unsigned i = 0; i < count; i++) shown->tubes[shown->count++] = best[i].tube;
}

void queue_choose_shown(const struct queue *queue, struct queue_shown *shown)
{
    shown->count = 0;
    if (queue->tubes.count > QUEUE_METRICS_TUBES_MAX) {
        choose(queue, backlog, QUEUE_METRICS_TUBES_MAX / 2, shown);
        choose(queue, age, QUEUE_METRICS_TUBES_MAX / 2, shown);
    }
    unsigned left = QUEUE_METRICS_TUBES_MAX - shown->count;
    if (left > 0) choose(queue, NULL, left, shown);
}
