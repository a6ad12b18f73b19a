/* The host: see host.h. */
#include "server/host.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "server/metrics.h"
#include "server/ports.h"
#include "server/system.h"
#include "server/say.h"

void host_want_turn(struct host *host)
{
    host->turn_due = true;
}

/* What changes by the event; watch() sees to what changes by the second. */
static void update_facts(struct host *host)
{
    host->facts.clients = host->tcp.clients;
    host->facts.clients_total = host->tcp.clients_total;
    host->facts.log_writes = host->disk.counters.writes;
    host->facts.draining = host->draining;
}

static void count_step(struct host *host, uint64_t began_ns)
{
    durations_count(&host->steps, (uv_hrtime() - began_ns) / 1000);
}

void host_tell(struct host *host, struct event *event)
{
    update_facts(host);
    /* After the read that made the event: a promise to a leader that ran from before its message
     * came would end too early, and a lease looked at with an old time would seem to last. */
    if (!host->in_turn) host->now = system_now();
    event->now = host->now;
    uint64_t began_ns = uv_hrtime();
    node_step(host->node, event);
    if (event->type != EVENT_START) count_step(host, began_ns);
}

void host_step(struct host *host, struct event *event)
{
    host_tell(host, event);
    host->turn_due = true;
}

static void step_plain(struct host *host, enum event_type type, uint64_t count)
{
    struct event event = {.type = type, .count = count};
    host_step(host, &event);
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void carry_out(struct host *host, const struct action *action)
{
    struct tcp *tcp = &host->tcp;
    switch (action->type) {
    case ACTION_SEND: tcp_send(tcp, action->connection, action->bytes); break;
    case ACTION_CONNECT: tcp_dial(tcp, action->connection, action->bytes); break;
    case ACTION_CLOSE: tcp_close_one(tcp, action->connection); break;
    case ACTION_READ: tcp_read(tcp, action->connection, action->on); break;
    case ACTION_SNAPSHOT_WRITE: snapshot_file_write(&host->snapshot, action->bytes); break;
    case ACTION_SNAPSHOT_COMMIT: snapshot_file_commit(&host->snapshot, action->sequence); break;
    case ACTION_SNAPSHOT_ABORT: snapshot_file_abort(&host->snapshot); break;
    case ACTION_SNAPSHOT_SET_ASIDE: disk_set_aside_snapshot(&host->disk, action->sequence); break;
    case ACTION_TRUNCATE: disk_truncate(&host->disk, action->segment, action->offset); break;
    case ACTION_REWRITE: disk_rewrite(&host->disk, action); break;
    case ACTION_SET_ASIDE: disk_set_aside(&host->disk, action->segment); break;
    case ACTION_WRITE:
    case ACTION_TRIM: break; /* log_actions() */
    }
}

static void log_actions(struct host *host, const struct actions *actions)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->items[i];
        if (action->type == ACTION_WRITE) disk_write(&host->disk, action);
        if (action->type == ACTION_TRIM) disk_trim(&host->disk, action->segment);
    }
}

static void deadline_passed(uv_timer_t *timer)
{
    struct host *host = timer->data;
    host->armed_us = UINT64_MAX;
    host->turn_due = true;
}

/* Moves the timer only when it would fire too late: one that fires early costs a turn. */
static void arm(struct host *host, uint64_t deadline_us, uint64_t now_us)
{
    if (deadline_us == UINT64_MAX) return; /* a timer that is set fires early: harmless */
    if (host->armed_us <= deadline_us && host->armed_us > now_us) return;
    uint64_t wait_ms = deadline_us > now_us ? (deadline_us - now_us + 999) / 1000 : 0;
    host->armed_us = now_us + wait_ms * 1000;
    uv_update_time(&host->loop);
    uv_timer_start(&host->deadline, deadline_passed, wait_ms, 0);
}

static void watch_disk(struct host *host)
{
    if (!disk_watch(&host->disk, host->snapshot.bytes_last)) return;
    step_plain(host, host->disk.full ? EVENT_DISK_FULL : EVENT_DISK_OK, 0);
}

/* Carries out everything and steps the node with what came of it. */
static void take_turn(struct host *host, struct actions *actions)
{
    host->turn_due = false;
    host->turns++;
    uint64_t began_ns = uv_hrtime();
    node_turn(host->node, host->now, actions);
    count_step(host, began_ns);
    if (actions->trace.size > 0) say_lines(actions->trace);
    if (actions->fatal != NULL) system_die(SYSTEM_EXIT_FAILED, "%s", actions->fatal);
    bool writes = false;
    for (uint32_t i = 0; i < actions->count; i++) {
        carry_out(host, &actions->items[i]);
        writes |= actions->items[i].type >= ACTION_WRITE && actions->items[i].type <= ACTION_TRIM;
    }
    /* A write that is not synced is done at once: more replies come in the next round. */
    if (writes && host->config->node.fsync_never) {
        tcp_hold(&host->tcp);
    } else {
        tcp_flush(&host->tcp);
    }
    uint64_t deadline_us = actions->deadline_us;
    bool stopped = actions->stopped;
    if (writes) {
        log_actions(host, actions);
        uint64_t syncs = host->disk.counters.syncs.count;
        uint64_t durable = disk_flush(&host->disk);
        if (host->disk.counters.syncs.count != syncs) host->now = system_now();
        if (durable != 0) step_plain(host, EVENT_DURABLE, durable);
        if (host->disk.watch_due) watch_disk(host);
    }
    tcp_report(&host->tcp);
    actions->deadline_us = deadline_us;
    actions->stopped = stopped;
}

static void finish_if_stopped(struct host *host)
{
    uint64_t now_us = system_now().mono_us;
    bool flushed = host->tcp.writing == 0 && disk_idle(&host->disk);
    if (!flushed && now_us < host->drain_until_us) return;
    uv_stop(&host->loop);
}

static void turn(struct host *host)
{
    if (!host->turn_due || host->stopped) return;
    struct actions actions = {.deadline_us = UINT64_MAX};
    host->now = system_now();
    host->in_turn = true;
    tcp_report(&host->tcp);
    for (unsigned i = 0; i < HOST_ROUNDS_MAX && host->turn_due; i++) take_turn(host, &actions);
    tcp_flush(&host->tcp);
    tcp_report(&host->tcp);
    host->in_turn = false;
    uint64_t now_us = host->now.mono_us;
    arm(host, host->turn_due ? now_us : actions.deadline_us, now_us);
    if (actions.stopped) {
        host->stopped = true;
        host->drain_until_us = now_us + HOST_FLUSH_US_MAX;
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

/* There is something to do. How long it took to come tells how to wait for the next: host.h. */
static void end_wait(struct host *host)
{
    if (host->waiting_since_ns == 0) return;
    host->awake =
        host->config->node.fsync_never && uv_hrtime() - host->waiting_since_ns < HOST_AWAKE_NS;
    host->waiting_since_ns = 0;
}

static void poll_again(uv_idle_t *idle)
{
    (void)idle; /* that it is active keeps the poll from sleeping */
}

static void begin_wait(struct host *host)
{
    uint64_t now_ns = uv_hrtime();
    if (host->waiting_since_ns == 0) host->waiting_since_ns = now_ns;
    if (host->awake && now_ns - host->waiting_since_ns < HOST_AWAKE_NS) {
        uv_idle_start(&host->stay_awake, poll_again);
    } else {
        uv_idle_stop(&host->stay_awake);
    }
}

static void before_poll(uv_prepare_t *prepare)
{
    struct host *host = prepare->data;
    if (host->turn_due) end_wait(host);
    turn(host);
    if (host->stopped) finish_if_stopped(host);
    begin_wait(host);
}

void host_read(struct host *host)
{
    unsigned reads = host->config->node.fsync_never ? HOST_TURN_READS : UINT_MAX;
    while (tcp_read_ready(&host->tcp, reads)) turn(host);
}

static void after_poll(uv_check_t *check)
{
    struct host *host = check->data;
    if (host->turn_due || host->tcp.ready.count > 0) end_wait(host);
    host_read(host);
    turn(host);
}

static void log_durable(void *world, uint64_t sequence)
{
    step_plain(world, EVENT_DURABLE, sequence);
}

static void snapshot_answered(void *world, enum snapshot_result result)
{
    switch (result) {
    case SNAPSHOT_WRITTEN:
        step_plain(world, EVENT_SNAPSHOT_WRITTEN, 0);
        watch_disk(world);
        break;
    case SNAPSHOT_DURABLE: step_plain(world, EVENT_SNAPSHOT_DURABLE, 0); break;
    case SNAPSHOT_FAILED: step_plain(world, EVENT_SNAPSHOT_FAILED, 0); break;
    }
}

/* Once a second: space, deadlines of sockets, metrics, and the end of a drain that lasts. */
static void watch(uv_timer_t *timer)
{
    struct host *host = timer->data;
    uint64_t now_us = system_now().mono_us;
    watch_disk(host);
    host->facts.uptime_s = (now_us - host->began_us) / 1000000;
    system_cpu_time(&host->facts.user_time_us, &host->facts.system_time_us);
    buffer_clear(&host->metrics);
    metrics_write(host, &host->metrics);
    node_set_world_metrics(host->node, buffer_slice(&host->metrics));
    if (host->draining && now_us >= host->drain_until_us) {
        /* At once: a thread that waits for room on the disk would be waited for. */
        system_die(0, "not drained after %d s: exiting all the same; what was acknowledged is safe",
                   HOST_DRAIN_US_MAX / 1000000);
    }
}

static void signalled(uv_signal_t *handle, int number)
{
    struct host *host = handle->data;
    if (host->draining) {
        system_die(128 + number, "%s again: exiting at once", strsignal(number));
    }
    say_line("%s: draining", strsignal(number));
    host->draining = true;
    host->drain_until_us = system_now().mono_us + HOST_DRAIN_US_MAX;
    step_plain(host, EVENT_DRAIN, 0);
}

/* Who changed the certificates says so with this. */
static void hung_up(uv_signal_t *handle, int number)
{
    struct host *host = handle->data;
    (void)number;
    if (host->config->tls.cert == NULL) return;
    if (tcp_tls_load(&host->tcp, &host->config->tls)) {
        say_line("certificates read anew: connections from now on use them");
    } else {
        say_line("the certificates that are in use stay");
    }
}

/* Other servers mean something by it (beanstalkd: take no more jobs), so that somebody may send it
 * to a node: that must not end it. */
static void user_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
    say_line("SIGUSR1 means nothing here, and the node goes on: SIGTERM drains and stops it");
}

/* --- start ----------------------------------------------------------------------------------- */

bool host_has_peer_port(const struct host_config *config)
{
    return config->node.peers_count != 0 || config->node.address[0] != '\0';
}

/* Its log may say that it has company. Without --peers nobody would reach it: one of three would be
 * missing, and nothing said why. */
static bool company_reachable(const struct host *host)
{
    const struct raft *raft = node_raft(host->node);
    uint32_t count = raft == NULL ? 0 : raft_members(raft)->count;
    if (count <= 1 || host_has_peer_port(host->config)) return true;
    say_line("%s is of one of %u members, and without --peers they cannot reach it: start it "
             "with the --peers (or --join) that it had",
             host->directory.path, count);
    return false;
}

/* What the disk holds goes in; the first turn repairs, writes the new incarnation and so on. */
static bool start_node(struct host *host)
{
    struct directory_images images;
    const char *wrong = directory_map(&host->directory, &images);
    if (wrong != NULL) {
        say_line("%s", wrong);
        directory_images_free(&images);
        return false;
    }
    disk_set_oldest(&host->disk, images.start.segments_count > 0 ? images.segments[0].number : 1);
    uint64_t largest = 0;
    for (uint32_t i = 0; i < images.start.snapshots_count; i++) {
        uint64_t size = images.snapshots[i].bytes.size;
        if (size > largest) largest = size;
    }
    snapshot_file_open(&host->snapshot, &host->loop, &host->directory, largest);
    struct event event = {.type = EVENT_START, .start = &images.start};
    host_step(host, &event);
    directory_images_free(&images);
    return company_reachable(host);
}

static void start_loop(struct host *host)
{
    uv_prepare_init(&host->loop, &host->prepare);
    uv_check_init(&host->loop, &host->check);
    uv_timer_init(&host->loop, &host->deadline);
    uv_timer_init(&host->loop, &host->watch);
    uv_idle_init(&host->loop, &host->stay_awake);
    host->prepare.data = host->check.data = host->deadline.data = host->watch.data = host;
    host->armed_us = UINT64_MAX;
    uv_timer_start(&host->watch, watch, 0, HOST_WATCH_MS);
    uv_prepare_start(&host->prepare, before_poll);
    uv_check_start(&host->check, after_poll);
    uv_signal_init(&host->loop, &host->hangup);
    host->hangup.data = host;
    uv_signal_start(&host->hangup, hung_up, SIGHUP);
    uv_signal_init(&host->loop, &host->user);
    uv_signal_start(&host->user, user_signal, SIGUSR1);
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        uv_signal_init(&host->loop, &host->signals[i]);
        host->signals[i].data = host;
        uv_signal_start(&host->signals[i], signalled, numbers[i]);
    }
}

static void say_hello(const struct host *host, const struct host_ports *ports)
{
    const struct host_config *config = host->config;
    const struct node_config *node = &config->node;
    say_line("quartet %s, %s, fsync %s", config->name,
             node->peers_count == 0 ? "a single node" : "one of several nodes",
             node->fsync_never ? "never" : "always");
    const struct address *clients = config->clients;
    say_line("clients at %s:%s, admin at http://%s:%s", clients->host, clients->port,
             ports->admin.host, ports->admin.port);
    for (uint32_t i = 1; i < config->clients_count; i++) {
        say_line("clients also at %s:%s", clients[i].host, clients[i].port);
    }
    for (uint32_t i = 0; i < node->peers_count; i++) {
        say_line("peer %u at %s%s", node->peers[i].id, node->peers[i].address,
                 node->peers[i].id == node->self ? " (this node)" : "");
    }
    say_line("data in %s", config->data);
}

/* Descriptors in one pot would let idle clients take the one that the log needs next. */
static bool share_files(struct host *host, struct node_config *node)
{
    uint64_t files = host->files_max;
    uint64_t others = HOST_ADMINS_OWN + HOST_PEER_FILES * (uint64_t)node->peers_count;
    if (files < HOST_FILES_OWN + others + HOST_CLIENTS_MIN) {
        say_line("a limit of %" PRIu64 " open files is too low (ulimit -n): %" PRIu64
                 " at least are needed",
                 files, HOST_FILES_OWN + others + HOST_CLIENTS_MIN);
        return false;
    }
    uint64_t sockets = files - HOST_FILES_OWN;
    host->tcp.open_max = sockets < UINT32_MAX ? (uint32_t)sockets : UINT32_MAX;
    if (sockets - others >= node->connections_max) return true;
    say_line("%u clients may connect, not %u: open files are limited to %" PRIu64 " (ulimit -n)",
             (uint32_t)(sockets - others), node->connections_max, files);
    node->connections_max = (uint32_t)(sockets - others);
    return true;
}

static int run(struct host *host, const struct host_ports *ports)
{
    const struct host_config *config = host->config;
    struct node_config node = config->node;
    if (!share_files(host, &node)) return SYSTEM_EXIT_FAILED;
    disk_open(&host->disk, &host->loop, &host->directory, config->node.segment_bytes,
              config->node.fsync_never);
    host->disk.durable = log_durable;
    host->disk.world = host;
    host->snapshot.answer = snapshot_answered;
    host->snapshot.world = host;
    tcp_open(&host->tcp, host, &host->loop, node_connect_us_max(&config->node));
    if (config->tls.cert != NULL && !tcp_tls_load(&host->tcp, &config->tls)) {
        return SYSTEM_EXIT_FAILED;
    }
    host->facts.node = config->node.self;
    host->facts.request_size_max = config->node.protocol_config.request_size_max;
    system_facts(&host->facts);
    node.facts = &host->facts;
    host->node = node_create(&node);
    host->began_us = system_now().mono_us;
    start_loop(host);
    if (!start_node(host)) return SYSTEM_EXIT_FAILED;
    turn(host);
    if (!host_ports_listen(ports, &host->tcp)) return SYSTEM_EXIT_FAILED;
    say_hello(host, ports);
    uv_run(&host->loop, UV_RUN_DEFAULT);
    say_line("stopped");
    return 0;
}

static int serve(struct host_config *config)
{
    static struct host host; /* large, and there is one */
    host.config = config;
    system_tune_memory();
    signal(SIGPIPE, SIG_IGN);
    char threads[8];
    snprintf(threads, sizeof threads, "%d", HOST_THREADS);
    setenv("UV_THREADPOOL_SIZE", threads, 1);
    host.files_max = system_raise_file_limit();
    say_as_node(config->node.self);
    say_apart();
    struct host_ports ports;
    if (!host_ports_bind(&ports, config)) return SYSTEM_EXIT_FAILED;
    const char *wrong = directory_open(&host.directory, config->data, DIRECTORY_OWN);
    if (wrong != NULL) {
        say_line("%s", wrong);
        return SYSTEM_EXIT_FAILED;
    }
    if (uv_loop_init(&host.loop) != 0) {
        say_line("cannot make an event loop");
        return SYSTEM_EXIT_FAILED;
    }
    return run(&host, &ports);
}

int host_run(struct host_config *config)
{
    int code = serve(config);
    say_flush();
    return code;
}
