/* What a start changes of the files that it found, once it knows what they are worth. */
#include "node/hub.h"

/* What is not part of the log any more moves out of the way, once this start is durable: until
 * then the next one has to find the damage again. */
void start_plan_set_aside(struct node *node, const struct event_start *start,
                          const struct wal_recovered *log)
{
    bool torn = log->verdict == WAL_TORN;
    for (uint32_t i = 0; i < start->segments_count; i++) {
        uint64_t number = start->segments[i].number;
        if (wal_recovered_keeps(log, number)) continue;
        if (torn && number >= log->bad_segment) continue; /* cut */
        buffer_put_u64(&node->start.set_aside, number);
    }
}

void start_set_aside(struct node *node)
{
    struct reader numbers = reader_of(buffer_slice(&node->start.set_aside));
    while (numbers.bytes.size > 0) {
        turn_act(&node->turn, ACTION_SET_ASIDE)->segment = read_u64(&numbers);
    }
    buffer_free(&node->start.set_aside);
    numbers = reader_of(buffer_slice(&node->start.set_aside_snapshots));
    while (numbers.bytes.size > 0) {
        turn_act(&node->turn, ACTION_SNAPSHOT_SET_ASIDE)->sequence = read_u64(&numbers);
    }
    buffer_free(&node->start.set_aside_snapshots);
}

static void tail_measure(void *context, uint64_t segment, uint64_t offset, struct slice bytes)
{
    (void)segment;
    (void)offset;
    *(size_t *)context += bytes.size;
}

static void tail_rewrite(void *context, uint64_t segment, uint64_t offset, struct slice bytes)
{
    struct node *node = context;
    struct action *action = turn_act(&node->turn, ACTION_REWRITE);
    action->segment = segment;
    action->offset = offset;
    action->bytes = slice_of(node->start.tail.data + node->start.tail.size, bytes.size);
    buffer_append_slice(&node->start.tail, bytes);
}

/* What was read need not be on disk: after a sync that failed, the page cache shows what the disk
 * does not have, and no later sync writes it. (Rebello and others, "Can Applications Recover from
 * fsync Failures?", ATC 2020.) */
void start_secure(struct node *node, const struct event_start *start,
                  const struct wal_recovered *log)
{
    size_t size = 0;
    wal_each_tail(start->segments, start->segments_count, log, tail_measure, &size);
    if (size == 0) return;
    buffer_reserve(&node->start.tail, size);
    wal_each_tail(start->segments, start->segments_count, log, tail_rewrite, node);
}
