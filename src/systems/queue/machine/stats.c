/* Queries: peeks, lists and statistics. Fields, their order and their quoting are those of
 * beanstalkd 1.13 (its doc/protocol.txt, and issue 610 for the quotes around names).
 *
 * What 1.13 shows of its process, the node tells us (struct machine_facts). Commands are counted
 * where they were applied, so by the whole cluster; queries by the replica that answered them.
 *
 * A job that a retry policy counted attempts for shows more, behind the fields of any job:
 *     attempts              in all
 *     dead-from             the tube it died in, if it did
 *     attempt-N-cause       release or timeout; N counts from the oldest one remembered
 *     attempt-N-time        seconds since 1970 */
#include "base/assert.h"
#include "systems/queue/machine/internal.h"

static void put_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, ": ");
    buffer_append_decimal(out, value);
    buffer_append_text(out, "\n");
}

static void put_text(struct buffer *out, const char *name, const char *value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, ": ");
    buffer_append_text(out, value);
    buffer_append_text(out, "\n");
}

/* Names hold nothing that would need an escape; what the node says of its host has its quotes and
 * backslashes left out. */
static void put_quoted(struct buffer *out, const char *name, struct slice value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, ": \"");
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (byte >= ' ' && byte != '"' && byte != '\\') buffer_put_u8(out, byte);
    }
    buffer_append_text(out, "\"\n");
}

static struct slice or_unknown(struct slice value)
{
    return value.size == 0 ? slice_text("unknown") : value;
}

static void put_seconds(struct buffer *out, const char *name, uint64_t value_us)
{
    buffer_append_text(out, name);
    buffer_append_text(out, ": ");
    buffer_append_decimal(out, value_us / SECOND_US);
    buffer_append_text(out, ".");
    for (uint64_t unit = SECOND_US / 10; unit != 0; unit /= 10) {
        buffer_put_u8(out, (uint8_t)('0' + value_us / unit % 10));
    }
    buffer_append_text(out, "\n");
}

/* As of the question: log time, and what the node says of itself. */
struct present {
    uint64_t elapsed_us;
    uint64_t due_us;
    const struct machine_facts *facts; /* of the node that was asked */
};

static uint64_t seconds_until(uint64_t deadline_us, uint64_t now_us)
{
    return deadline_us > now_us ? (deadline_us - now_us) / SECOND_US : 0;
}

/* stats-job */

static const char *state_name(const struct job *job)
{
    switch ((enum queue_job_state)job->state) {
    case QUEUE_JOB_READY: return "ready";
    case QUEUE_JOB_RESERVED: return "reserved";
    case QUEUE_JOB_DELAYED: return "delayed";
    case QUEUE_JOB_BURIED: return "buried";
    case QUEUE_JOB_NONE: break;
    }
    return "invalid";
}

static void put_attempt(struct buffer *out, unsigned number, const struct job_attempt *attempt)
{
    buffer_append_text(out, "attempt-");
    buffer_append_decimal(out, number);
    put_text(out, "-cause", attempt->cause == JOB_CAUSE_RELEASE ? "release" : "timeout");
    buffer_append_text(out, "attempt-");
    buffer_append_decimal(out, number);
    put_number(out, "-time", attempt->wall_us / SECOND_US);
}

static void put_retry(struct buffer *out, const struct job_retry *retry)
{
    put_number(out, "attempts", retry->attempts_total);
    if (retry->dead_from_size != 0) {
        put_quoted(out, "dead-from", slice_of(retry->dead_from, retry->dead_from_size));
    }
    for (unsigned i = 0; i < retry->history_count; i++) put_attempt(out, i + 1, &retry->history[i]);
}

static void stats_job(const struct present *now, const struct job *job, struct buffer *out)
{
    static const struct job_past nothing;
    const struct job_past *past = job->past == NULL ? &nothing : job->past;
    uint64_t left_s = 0;
    if (job->state == QUEUE_JOB_RESERVED) {
        left_s = seconds_until(queue_job_when(job), now->elapsed_us);
    } else if (job->state == QUEUE_JOB_DELAYED) {
        left_s = seconds_until(queue_job_when(job), now->due_us);
    }
    buffer_append_text(out, "---\n");
    put_number(out, "id", job->id);
    put_quoted(out, "tube", queue_tube_name(job->tube));
    put_text(out, "state", state_name(job));
    put_number(out, "pri", job->priority);
    put_number(out, "age", (now->due_us - job->created_us) / SECOND_US);
    put_number(out, "delay", job->delay_s);
    put_number(out, "ttr", job->ttr_s);
    put_number(out, "time-left", left_s);
    put_number(out, "file", 0);
    put_number(out, "reserves", job->reserves);
    put_number(out, "timeouts", past->timeouts);
    put_number(out, "releases", past->releases);
    put_number(out, "buries", past->buries);
    put_number(out, "kicks", past->kicks);
    if (past->retry != NULL) put_retry(out, past->retry);
}

/* stats-tube */

static void stats_tube(const struct present *now, const struct tube *tube, struct buffer *out)
{
    uint64_t left_s = 0;
    if (tube->pause_until_us != 0) left_s = seconds_until(tube->pause_until_us, now->elapsed_us);
    buffer_append_text(out, "---\n");
    put_quoted(out, "name", queue_tube_name(tube));
    put_number(out, "current-jobs-urgent", tube->urgent);
    put_number(out, "current-jobs-ready", tube->ready.count);
    put_number(out, "current-jobs-reserved", tube->reserved);
    put_number(out, "current-jobs-delayed", tube->delay.count);
    put_number(out, "current-jobs-buried", tube->buried.count);
    put_number(out, "total-jobs", tube->jobs_total);
    put_number(out, "current-using", tube->using);
    put_number(out, "current-watching", tube->watching);
    put_number(out, "current-waiting", tube->waiters.count);
    put_number(out, "cmd-delete", tube->deletes);
    put_number(out, "cmd-pause-tube", tube->pauses);
    put_number(out, "pause", tube->pause_us / SECOND_US);
    put_number(out, "pause-time-left", left_s);
}

/* stats */

static void stats_commands(const struct queue *queue, struct buffer *out)
{
    const uint64_t *commands = queue->commands;
    const uint64_t *queries = queue->local->queries;
    uint64_t timed = queue->reserves_with_timeout;
    put_number(out, "cmd-put", commands[QUEUE_PUT]);
    put_number(out, "cmd-peek", queries[QUEUE_PEEK]);
    put_number(out, "cmd-peek-ready", queries[QUEUE_PEEK_READY]);
    put_number(out, "cmd-peek-delayed", queries[QUEUE_PEEK_DELAYED]);
    put_number(out, "cmd-peek-buried", queries[QUEUE_PEEK_BURIED]);
    put_number(out, "cmd-reserve", commands[QUEUE_RESERVE] - timed);
    put_number(out, "cmd-reserve-with-timeout", timed);
    put_number(out, "cmd-delete", commands[QUEUE_DELETE]);
    put_number(out, "cmd-release", commands[QUEUE_RELEASE]);
    put_number(out, "cmd-use", commands[QUEUE_USE]);
    put_number(out, "cmd-watch", commands[QUEUE_WATCH]);
    put_number(out, "cmd-ignore", commands[QUEUE_IGNORE]);
    put_number(out, "cmd-bury", commands[QUEUE_BURY]);
    put_number(out, "cmd-kick", commands[QUEUE_KICK]);
    put_number(out, "cmd-touch", commands[QUEUE_TOUCH]);
    put_number(out, "cmd-stats", queries[QUEUE_STATS]);
    put_number(out, "cmd-stats-job", queries[QUEUE_STATS_JOB]);
    put_number(out, "cmd-stats-tube", queries[QUEUE_STATS_TUBE]);
    put_number(out, "cmd-list-tubes", queries[QUEUE_LIST_TUBES]);
    put_number(out, "cmd-list-tube-used", queries[QUEUE_LIST_TUBE_USED]);
    put_number(out, "cmd-list-tubes-watched", queries[QUEUE_LIST_TUBES_WATCHED]);
    put_number(out, "cmd-pause-tube", commands[QUEUE_PAUSE_TUBE]);
}

static void stats_node(const struct machine_facts *node, struct buffer *out)
{
    put_number(out, "total-connections", node->clients_total);
    put_number(out, "pid", node->pid);
    put_quoted(out, "version", slice_text("1.13+quartet"));
    put_seconds(out, "rusage-utime", node->user_time_us);
    put_seconds(out, "rusage-stime", node->system_time_us);
    put_number(out, "uptime", node->uptime_s);
    put_number(out, "binlog-oldest-index", 0);
    put_number(out, "binlog-current-index", 0);
    put_number(out, "binlog-records-migrated", 0);
    put_number(out, "binlog-records-written", node->log_writes);
    put_number(out, "binlog-max-size", 0);
    put_text(out, "draining", node->draining ? "true" : "false");
    buffer_append_text(out, "id: ");
    buffer_append_hex(out, node->node, 16);
    buffer_append_text(out, "\n");
    put_quoted(out, "hostname", or_unknown(node->hostname));
    put_quoted(out, "os", or_unknown(node->os));
    put_quoted(out, "platform", or_unknown(node->platform));
}

static void stats_all(const struct queue *queue, const struct machine_facts *node,
                      struct buffer *out)
{
    buffer_append_text(out, "---\n");
    put_number(out, "current-jobs-urgent", queue->urgent);
    put_number(out, "current-jobs-ready", queue->jobs[QUEUE_JOB_READY]);
    put_number(out, "current-jobs-reserved", queue->jobs[QUEUE_JOB_RESERVED]);
    put_number(out, "current-jobs-delayed", queue->jobs[QUEUE_JOB_DELAYED]);
    put_number(out, "current-jobs-buried", queue->jobs[QUEUE_JOB_BURIED]);
    stats_commands(queue, out);
    put_number(out, "job-timeouts", queue->job_timeouts);
    put_number(out, "total-jobs", queue->jobs_total);
    put_number(out, "max-job-size",
               node->request_size_max == 0 ? QUEUE_JOB_SIZE_DEFAULT : node->request_size_max);
    put_number(out, "current-tubes", queue->tubes.count);
    put_number(out, "current-connections", node->clients);
    put_number(out, "current-producers", queue->producers);
    put_number(out, "current-workers", queue->workers);
    put_number(out, "current-waiting", queue->waiting);
    stats_node(node, out);
}

/* Lists and the policy */

static void put_item(struct buffer *out, const struct tube *tube)
{
    buffer_append_text(out, "- ");
    buffer_append_slice(out, queue_tube_name(tube));
    buffer_append_text(out, "\n");
}

static void list_tubes(const struct queue *queue, struct buffer *out)
{
    buffer_append_text(out, "---\n");
    const struct list *end = &queue->tube_list;
    for (const struct list *at = end->next; at != end; at = at->next) {
        put_item(out, LIST_ITEM(at, struct tube, all));
    }
}

static void list_watched(const struct queue *queue, const struct session *session,
                         struct buffer *out)
{
    buffer_append_text(out, "---\n");
    if (session == NULL) put_item(out, queue->default_tube);
    for (uint32_t i = 0; session != NULL && i < session->watch_count; i++) {
        put_item(out, session->watches[i].tube);
    }
}

static void show_policy(const struct tube *tube, struct buffer *out)
{
    const struct tube_policy *policy = tube->policy;
    buffer_append_text(out, "---\n");
    put_quoted(out, "tube", queue_tube_name(tube));
    put_number(out, "attempts-max", policy->attempts_max);
    put_number(out, "base-ms", policy->base_ms);
    put_number(out, "factor-permille", policy->factor_permille);
    put_number(out, "cap-ms", policy->cap_ms);
    put_number(out, "jitter-permille", policy->jitter_permille);
    put_quoted(out, "dead-tube", slice_of(policy->dead_tube, policy->dead_tube_size));
}

/* Answers */

static struct queue_reply found(const struct job *job)
{
    if (job == NULL) return (struct queue_reply){.kind = QUEUE_REPLY_NOT_FOUND};
    return (struct queue_reply){
        .kind = QUEUE_REPLY_FOUND, .id = job->id, .body = slice_of(job->body, job->body_size)};
}

static struct queue_reply found_first(const struct heap *heap)
{
    const struct heap_slot *first = heap_min(heap);
    return found(first == NULL ? NULL : JOB_OF(first->place));
}

/* Text, where there is any, goes to `text`; an answer that leaves it empty was not found. */
static void answer_text(const struct queue *queue, const struct session *session,
                        const struct present *now, const struct queue_command *command,
                        struct buffer *text)
{
    const struct tube *tube = NULL;
    const struct job *job = NULL;
    if (command->tube.size != 0) tube = queue_tube_find(queue, command->tube);
    switch (command->op) {
    case QUEUE_STATS_JOB:
        job = queue_job_find(queue, command->id);
        if (job != NULL) stats_job(now, job, text);
        break;
    case QUEUE_STATS_TUBE:
        if (tube != NULL) stats_tube(now, tube, text);
        break;
    case QUEUE_POLICY_GET:
        if (tube != NULL && tube->policy != NULL) show_policy(tube, text);
        break;
    case QUEUE_STATS: stats_all(queue, now->facts, text); break;
    case QUEUE_LIST_TUBES: list_tubes(queue, text); break;
    default: list_watched(queue, session, text);
    }
}

void queue_query(const void *machine, const struct session_key *key, struct slice bytes,
                 const struct machine_time *time, const struct machine_facts *facts)
{
    const struct queue *queue = machine;
    struct present now = {
        .elapsed_us = time->elapsed_us > queue->elapsed_us ? time->elapsed_us : queue->elapsed_us,
        .due_us = time->due_us > queue->due_us ? time->due_us : queue->due_us,
        .facts = facts,
    };
    struct queue_command command;
    if (!queue_command_decode(bytes, &command) || command.op < QUEUE_PEEK) return;
    queue->local->queries[command.op]++;
    const struct session *session = queue_session_find(queue, key);
    const struct tube *use = session == NULL ? queue->default_tube : session->use;
    struct buffer text = {0};
    struct queue_reply reply = {.kind = QUEUE_REPLY_OK};
    switch (command.op) {
    case QUEUE_PEEK: reply = found(queue_job_find(queue, command.id)); break;
    case QUEUE_PEEK_READY: reply = found_first(&use->ready); break;
    case QUEUE_PEEK_DELAYED: reply = found_first(&use->delay); break;
    case QUEUE_PEEK_BURIED: reply = found_first(&use->buried); break;
    case QUEUE_LIST_TUBE_USED:
        reply = (struct queue_reply){.kind = QUEUE_REPLY_USING, .tube = queue_tube_name(use)};
        break;
    default:
        answer_text(queue, session, &now, &command, &text);
        reply.body = buffer_slice(&text);
        if (text.size == 0) reply.kind = QUEUE_REPLY_NOT_FOUND;
    }
    queue->emit(queue->world, key, &reply);
    buffer_free(&text);
}
