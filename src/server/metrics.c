/* The host's metrics: see metrics.h. */
#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "server/host.h"
#include "server/say.h"
#include "server/system.h"
#include "server/tls.h"

enum {
    METRICS_LINE_SIZE_MAX = 200,
};

void metrics_line(struct buffer *out, const char *format, ...)
{
    char text[METRICS_LINE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_append_text(out, text);
    buffer_append_text(out, "\n");
}

static void number(struct buffer *out, const char *type, const char *name, const char *help,
                   uint64_t value)
{
    metrics_line(out, "# HELP %s %s", name, help);
    metrics_line(out, "# TYPE %s %s", name, type);
    metrics_line(out, "%s %" PRIu64, name, value);
}

void metrics_write(const struct host *host, struct buffer *out)
{
    const struct disk *disk = &host->disk;
    const struct tcp *tcp = &host->tcp;
    durations_write(&host->steps, "quartet_step",
                    "How long single calls into the node took: one event, or the end of one turn. "
                    "Clients wait meanwhile.",
                    out);
    durations_write(&disk->counters.syncs, "quartet_log_sync", "How long syncs of the log took.",
                    out);
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
    if (tcp->tls != NULL) {
        number(out, "gauge", "quartet_tls_certificate_ends_seconds",
               "When this node's certificate ends, since 1970.", tls_expires_s(tcp->tls));
        number(out, "counter", "quartet_tls_failures_total", "TLS handshakes that failed.",
               tcp->tls_failures);
    }
    number(out, "counter", "quartet_said_lines_dropped_total",
           "Lines for the operator that nobody read in time: they are lost.", say_dropped());
    number(out, "gauge", "quartet_resident_bytes", "Resident memory of this process.",
           system_resident_bytes());
}
