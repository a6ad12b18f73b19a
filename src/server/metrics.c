/* The host's metrics: see metrics.h. Seconds are written from microseconds without floating
 * point. */
#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "server/host.h"
#include "server/system.h"

enum {
    METRICS_LINE_SIZE_MAX = 200,
};

__attribute__((format(printf, 2, 3))) static void line(struct buffer *out, const char *format, ...)
{
    char text[METRICS_LINE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_append_text(out, text);
    buffer_append_text(out, "\n");
}

static void sync_histogram(const struct disk_counters *counters, struct buffer *out)
{
    line(out, "# HELP quartet_log_sync_seconds How long syncs of the log took.");
    line(out, "# TYPE quartet_log_sync_seconds histogram");
    uint64_t below = 0;
    for (unsigned i = 0; i < DISK_BUCKETS; i++) {
        below += counters->buckets[i];
        line(out, "quartet_log_sync_seconds_bucket{le=\"%" PRIu64 ".%06" PRIu64 "\"} %" PRIu64,
             disk_bucket_us[i] / 1000000, disk_bucket_us[i] % 1000000, below);
    }
    line(out, "quartet_log_sync_seconds_bucket{le=\"+Inf\"} %" PRIu64, counters->syncs);
    line(out, "quartet_log_sync_seconds_sum %" PRIu64 ".%06" PRIu64,
         counters->sync_us_total / 1000000, counters->sync_us_total % 1000000);
    line(out, "quartet_log_sync_seconds_count %" PRIu64, counters->syncs);
}

static void number(struct buffer *out, const char *type, const char *name, const char *help,
                   uint64_t value)
{
    line(out, "# HELP %s %s", name, help);
    line(out, "# TYPE %s %s", name, type);
    line(out, "%s %" PRIu64, name, value);
}

void metrics_write(const struct host *host, struct buffer *out)
{
    const struct disk *disk = &host->disk;
    const struct tcp *tcp = &host->tcp;
    sync_histogram(&disk->counters, out);
    number(out, "gauge", "quartet_log_on_thread",
           "1 while syncs are slow and run on a thread, 0 while they run in the loop.",
           disk->on_thread);
    number(out, "counter", "quartet_log_mode_switches_total", "Changes between loop and thread.",
           disk->counters.switches);
    number(out, "gauge", "quartet_disk_free_bytes", "Free space in the data directory.",
           directory_free_bytes(&host->directory));
    number(out, "gauge", "quartet_snapshot_bytes", "Size of the newest snapshot file.",
           host->snapshot.bytes_last);
    number(out, "counter", "quartet_turns_total", "Turns of the node.", host->turns);
    number(out, "gauge", "quartet_sockets", "Open connections of all kinds.", tcp->open);
    number(out, "counter", "quartet_accepted_total", "Connections accepted since the start.",
           tcp->accepted);
    number(out, "counter", "quartet_accept_failures_total",
           "Connections that could not be accepted.", tcp->accept_failures);
    number(out, "gauge", "quartet_resident_bytes", "Resident memory of this process.",
           system_resident_bytes());
}
