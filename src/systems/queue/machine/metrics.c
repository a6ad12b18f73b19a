/* What the admin port shows of the queue: jobs by state, for all and for QUEUE_METRICS_TUBES_MAX
 * tubes (shown.c); how old jobs are when they are reserved, and how long workers take
 * to delete them, in log time. The histograms are part of the state: they survive restarts and
 * agree on all replicas. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/queue/machine/internal.h"

/* Upper bounds of the buckets in milliseconds, as text in seconds for Prometheus; the last bucket
 * is everything above. */
static const struct {
    uint64_t ms;
    const char *seconds;
} bounds[QUEUE_METER_BUCKETS - 1] = {
    {1, "0.001"},  {5, "0.005"},    {10, "0.01"},      {25, "0.025"},     {100, "0.1"},
    {250, "0.25"}, {500, "0.5"},    {1000, "1"},       {5000, "5"},       {15000, "15"},
    {60000, "60"}, {300000, "300"}, {1800000, "1800"}, {7200000, "7200"}, {86400000, "86400"},
};

static void histogram_add(struct meter_histogram *histogram, uint64_t value_ms)
{
    unsigned bucket = 0;
    while (bucket < QUEUE_METER_BUCKETS - 1 && value_ms > bounds[bucket].ms) bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ms += value_ms;
}

struct meter *queue_meter_of(struct queue *queue, struct tube *tube)
{
    if (tube->meter != NULL) return tube->meter;
    tube->meter = calloc(1, sizeof *tube->meter);
    ASSERT(tube->meter != NULL);
    queue->bytes += sizeof *tube->meter;
    return tube->meter;
}

void queue_meter_reserve(struct queue *queue, struct tube *tube, uint64_t age_ms)
{
    queue_tube_will_change(queue, tube);
    histogram_add(&queue_meter_of(queue, tube)->age_at_reserve, age_ms);
    histogram_add(&queue->meter.age_at_reserve, age_ms);
}

void queue_meter_delete(struct queue *queue, struct tube *tube, uint64_t took_ms)
{
    queue_tube_will_change(queue, tube);
    histogram_add(&queue_meter_of(queue, tube)->reserve_to_delete, took_ms);
    histogram_add(&queue->meter.reserve_to_delete, took_ms);
}

/* Text */

static void put_type(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_append_text(out, "# HELP ");
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_text(out, help);
    buffer_append_text(out, "\n# TYPE ");
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_text(out, type);
    buffer_append_text(out, "\n");
}

static void put_line(struct buffer *out, const char *name, const struct tube *tube,
                     const char *label, const char *label_value, uint64_t value)
{
    buffer_append_text(out, name);
    if (tube != NULL || label != NULL) buffer_append_text(out, "{");
    if (tube != NULL) {
        buffer_append_text(out, "tube=\"");
        buffer_append_slice(out, queue_tube_name(tube));
        buffer_append_text(out, label == NULL ? "\"" : "\",");
    }
    if (label != NULL) {
        buffer_append_text(out, label);
        buffer_append_text(out, "=\"");
        buffer_append_text(out, label_value);
        buffer_append_text(out, "\"");
    }
    buffer_append_text(out, tube != NULL || label != NULL ? "} " : " ");
    buffer_append_decimal(out, value);
    buffer_append_text(out, "\n");
}

static void put_states(struct buffer *out, const char *name, const struct tube *tube,
                       uint64_t ready, uint64_t reserved, uint64_t delayed, uint64_t buried)
{
    put_line(out, name, tube, "state", "ready", ready);
    put_line(out, name, tube, "state", "reserved", reserved);
    put_line(out, name, tube, "state", "delayed", delayed);
    put_line(out, name, tube, "state", "buried", buried);
}

static void put_sum(struct buffer *out, const char *name, const struct tube *tube, uint64_t sum_ms)
{
    buffer_append_text(out, name);
    buffer_append_text(out, "_sum");
    if (tube != NULL) {
        buffer_append_text(out, "{tube=\"");
        buffer_append_slice(out, queue_tube_name(tube));
        buffer_append_text(out, "\"}");
    }
    buffer_append_text(out, " ");
    buffer_append_decimal(out, sum_ms / 1000);
    buffer_append_text(out, ".");
    for (uint64_t unit = 100; unit != 0; unit /= 10) {
        buffer_put_u8(out, (uint8_t)('0' + sum_ms / unit % 10));
    }
    buffer_append_text(out, "\n");
}

static void put_suffixed(struct buffer *out, const char *name, const char *suffix,
                         const struct tube *tube, const char *bound, uint64_t value)
{
    buffer_append_text(out, name);
    put_line(out, suffix, tube, bound == NULL ? NULL : "le", bound, value);
}

static void put_histogram(struct buffer *out, const char *name, const struct tube *tube,
                          const struct meter_histogram *histogram)
{
    uint64_t below = 0;
    for (unsigned i = 0; i < QUEUE_METER_BUCKETS; i++) {
        below += histogram->counts[i];
        const char *bound = i < QUEUE_METER_BUCKETS - 1 ? bounds[i].seconds : "+Inf";
        put_suffixed(out, name, "_bucket", tube, bound, below);
    }
    put_sum(out, name, tube, histogram->sum_ms);
    put_suffixed(out, name, "_count", tube, NULL, below);
}

/* Of the first QUEUE_METRICS_SCAN_MAX jobs in the ready heap. Among jobs of one priority the heap
 * has the oldest in front, so this is exact where all have the same, or where there are no more. */
static uint64_t oldest_ready_s(const struct queue *queue, const struct tube *tube)
{
    uint64_t created_us = queue->due_us;
    for (uint32_t i = 0; i < tube->ready.count && i < QUEUE_METRICS_SCAN_MAX; i++) {
        const struct job *job = JOB_OF(tube->ready.slots[i].place);
        if (job->created_us < created_us) created_us = job->created_us;
    }
    return (queue->due_us - created_us) / SECOND_US;
}

enum tube_metric { TUBE_JOBS, TUBE_OLDEST, TUBE_WAITING, TUBE_AGE, TUBE_TOOK };

static void put_tubes(const struct queue *queue, const struct queue_shown *shown,
                      struct buffer *out, const char *name, enum tube_metric metric)
{
    for (unsigned i = 0; i < shown->count; i++) {
        const struct tube *tube = shown->tubes[i];
        switch (metric) {
        case TUBE_JOBS:
            put_states(out, name, tube, tube->ready.count, tube->reserved, tube->delay.count,
                       tube->buried.count);
            break;
        case TUBE_OLDEST: put_line(out, name, tube, NULL, NULL, oldest_ready_s(queue, tube)); break;
        case TUBE_WAITING: put_line(out, name, tube, NULL, NULL, tube->waiters.count); break;
        case TUBE_AGE:
            if (tube->meter != NULL) put_histogram(out, name, tube, &tube->meter->age_at_reserve);
            break;
        case TUBE_TOOK:
            if (tube->meter == NULL) break;
            put_histogram(out, name, tube, &tube->meter->reserve_to_delete);
            break;
        }
    }
}

static void put_gauges(const struct queue *queue, struct buffer *out)
{
    put_type(out, "quartet_queue_jobs", "gauge", "Jobs by state.");
    put_states(out, "quartet_queue_jobs", NULL, queue->jobs[QUEUE_JOB_READY],
               queue->jobs[QUEUE_JOB_RESERVED], queue->jobs[QUEUE_JOB_DELAYED],
               queue->jobs[QUEUE_JOB_BURIED]);
    put_type(out, "quartet_queue_jobs_total", "counter", "Jobs ever put.");
    put_line(out, "quartet_queue_jobs_total", NULL, NULL, NULL, queue->jobs_total);
    put_type(out, "quartet_queue_job_timeouts_total", "counter", "Reservations that ran out.");
    put_line(out, "quartet_queue_job_timeouts_total", NULL, NULL, NULL, queue->job_timeouts);
    put_type(out, "quartet_queue_tubes", "gauge", "Tubes.");
    put_line(out, "quartet_queue_tubes", NULL, NULL, NULL, queue->tubes.count);
    put_type(out, "quartet_queue_sessions", "gauge", "Sessions of clients, on all nodes.");
    put_line(out, "quartet_queue_sessions", NULL, NULL, NULL, queue->sessions.count);
    put_type(out, "quartet_queue_waiting", "gauge", "Sessions that wait for a job.");
    put_line(out, "quartet_queue_waiting", NULL, NULL, NULL, queue->waiting);
    put_type(out, "quartet_queue_bytes", "gauge", "Estimated memory in jobs, tubes, sessions.");
    put_line(out, "quartet_queue_bytes", NULL, NULL, NULL, queue->bytes);
}

void queue_metrics(const void *machine, struct buffer *out)
{
    const struct queue *queue = machine;
    struct queue_shown shown;
    queue_choose_shown(queue, &shown);
    put_gauges(queue, out);
    put_type(out, "quartet_queue_tubes_not_shown", "gauge",
             "Tubes that have no lines of their own here: those shown have most jobs waiting, or "
             "the oldest.");
    put_line(out, "quartet_queue_tubes_not_shown", NULL, NULL, NULL,
             queue->tubes.count - shown.count);
    put_type(out, "quartet_queue_age_at_reserve_seconds", "histogram",
             "Age of jobs when they are reserved.");
    put_histogram(out, "quartet_queue_age_at_reserve_seconds", NULL, &queue->meter.age_at_reserve);
    put_type(out, "quartet_queue_reserve_to_delete_seconds", "histogram",
             "Time from the last reserve of a job to its delete by its holder.");
    put_histogram(out, "quartet_queue_reserve_to_delete_seconds", NULL,
                  &queue->meter.reserve_to_delete);
    put_type(out, "quartet_queue_tube_jobs", "gauge", "Jobs by tube and state.");
    put_tubes(queue, &shown, out, "quartet_queue_tube_jobs", TUBE_JOBS);
    put_type(out, "quartet_queue_tube_oldest_ready_seconds", "gauge",
             "Age of the oldest among the next ready jobs.");
    put_tubes(queue, &shown, out, "quartet_queue_tube_oldest_ready_seconds", TUBE_OLDEST);
    put_type(out, "quartet_queue_tube_waiting", "gauge", "Sessions that wait on the tube.");
    put_tubes(queue, &shown, out, "quartet_queue_tube_waiting", TUBE_WAITING);
    put_type(out, "quartet_queue_tube_age_at_reserve_seconds", "histogram",
             "Age of jobs when they are reserved, by tube.");
    put_tubes(queue, &shown, out, "quartet_queue_tube_age_at_reserve_seconds", TUBE_AGE);
    put_type(out, "quartet_queue_tube_reserve_to_delete_seconds", "histogram",
             "Time from the last reserve of a job to its delete by its holder, by tube.");
    put_tubes(queue, &shown, out, "quartet_queue_tube_reserve_to_delete_seconds", TUBE_TOOK);
}
