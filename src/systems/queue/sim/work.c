/* What simulated clients say. See queue_clients.h. */
#include "base/assert.h"
#include "sim/text.h"
#include "systems/queue/sim/users.h"

enum {
    LIVE_JOBS_MANY = 120,
    BURST_MAX = 5,
    PROBE_PRIORITIES = 4,
    PROBE_TTR_S = 60,
    DRAIN_KICK_EVERY = 8,
};

static const char *const tube_names[CLIENT_TUBES] = {"default", "mail", "video", "index"};

void queue_client_tube_name(uint32_t tube, struct buffer *out)
{
    buffer_append_text(out, tube_names[tube]);
}

static uint64_t below(struct client *client, uint64_t bound)
{
    return random_below(&queue_users(client->world)->clients.random, bound);
}

static uint32_t any_tube(struct client *client)
{
    return (uint32_t)below(client, CLIENT_TUBES);
}

/* --- single commands --- */

static uint32_t put(struct client *client, uint32_t priority, uint32_t delay_s, uint32_t ttr_s,
                    uint32_t size)
{
    struct client_op *op = queue_client_begin(client, OP_PUT);
    if (op == NULL) return CHECKER_NO_KEY;
    struct queue_checker *checker = &queue_users(client->world)->checker;
    op->key = checker_put(checker, size, ttr_s);
    text_append(&client->out, "put %u %u %u %u\r\n", priority, delay_s, ttr_s,
                checker->jobs[op->key].size);
    checker_body(checker, op->key, &client->out);
    buffer_append_text(&client->out, "\r\n");
    return op->key;
}

static void put_any(struct client *client)
{
    uint32_t size = (uint32_t)below(client, 200);
    if (below(client, 20) == 0) size = (uint32_t)below(client, 3000);
    if (below(client, 300) == 0) size = (uint32_t)below(client, 20000);
    uint32_t delay_s = below(client, 6) == 0 ? (uint32_t)below(client, 3) : 0;
    /* One draw a statement: C does not say in which order arguments are evaluated. */
    uint32_t ttr_s = (uint32_t)below(client, 5);
    uint32_t priority = (uint32_t)below(client, 2000);
    put(client, priority, delay_s, ttr_s, size);
}

static void reserve(struct client *client)
{
    if (below(client, 12) == 0) {
        if (queue_client_begin(client, OP_RESERVE) != NULL) {
            buffer_append_text(&client->out, "reserve\r\n");
        }
    } else if (queue_client_begin(client, OP_RESERVE_TIMEOUT) != NULL) {
        uint32_t timeout_s = below(client, 4) == 0 ? 1 + (uint32_t)below(client, 2) : 0;
        text_append(&client->out, "reserve-with-timeout %u\r\n", timeout_s);
    }
}

/* A command about one job, by its id. */
static void about_job(struct client *client, enum client_op_kind kind, uint32_t key, uint64_t id,
                      const char *format)
{
    struct client_op *op = queue_client_begin(client, kind);
    if (op == NULL) return;
    const struct checked_job *checked = &queue_users(client->world)->checker.jobs[key];
    const struct queue_job_story *job = &checked->story;
    op->key = key;
    op->id = id;
    if (job->holder == client->index + 1) {
        op->held_since_us = job->held_since_us;
        op->held_until_us = job->held_until_us;
        op->sure_until_us = checked->sure_until_us;
    }
    text_append(&client->out, format, id);
}

/* Something with a job that this client holds; most of the time it is then done with it. */
static void handle_held(struct client *client)
{
    uint32_t at = (uint32_t)below(client, client->held_count);
    uint32_t key = client->held[at].key;
    uint64_t id = client->held[at].id;
    uint64_t dice = below(client, 100);
    if (dice < 70) {
        about_job(client, OP_DELETE, key, id, "delete %U\r\n");
    } else if (dice < 80) {
        about_job(client, OP_RELEASE, key, id,
                  below(client, 2) == 0 ? "release %U 100 0\r\n" : "release %U 7 1\r\n");
    } else if (dice < 86) {
        about_job(client, OP_BURY, key, id, "bury %U 50\r\n");
    } else if (dice < 93) {
        about_job(client, OP_TOUCH, key, id, "touch %U\r\n");
        return;
    } else {
        return; /* let its time run */
    }
    queue_client_forget_held(client, id);
}

/* A job that this client need not hold, from among the recent ones. */
static void handle_any(struct client *client)
{
    const struct queue_checker *checker = &queue_users(client->world)->checker;
    if (checker->jobs_count == 0) return;
    uint32_t back = (uint32_t)below(client, checker->jobs_count < 200 ? checker->jobs_count : 200);
    uint32_t key = checker->jobs_count - 1 - back;
    uint64_t id = checker->jobs[key].story.id;
    if (id == 0 || checker->jobs[key].story.ttr_s >= PROBE_TTR_S) return; /* a prober's */
    switch (below(client, 5)) {
    case 0:
        about_job(client, OP_DELETE, key, id, "delete %U\r\n");
        queue_client_forget_held(client, id);
        break;
    case 1: about_job(client, OP_KICK_JOB, key, id, "kick-job %U\r\n"); break;
    case 2: about_job(client, OP_STATS_JOB, key, id, "stats-job %U\r\n"); break;
    default: about_job(client, OP_PEEK, key, id, "peek %U\r\n"); break;
    }
}

static void about_tube(struct client *client, enum client_op_kind kind, const char *before,
                       const char *after)
{
    if (queue_client_begin(client, kind) == NULL) return;
    buffer_append_text(&client->out, before);
    queue_client_tube_name(any_tube(client), &client->out);
    buffer_append_text(&client->out, after);
}

static void plain(struct client *client, enum client_op_kind kind, const char *text)
{
    if (queue_client_begin(client, kind) != NULL) buffer_append_text(&client->out, text);
}

static void odd_command(struct client *client)
{
    switch (below(client, 10)) {
    case 0:
    case 1: about_tube(client, OP_USE, "use ", "\r\n"); break;
    case 2:
    case 3: about_tube(client, OP_WATCH, "watch ", "\r\n"); break;
    case 4: about_tube(client, OP_IGNORE, "ignore ", "\r\n"); break;
    case 5: plain(client, OP_KICK, "kick 3\r\n"); break;
    case 6:
        if (below(client, 8) == 0)
            about_tube(client, OP_PAUSE, "pause-tube ", " 1\r\n");
        else
            plain(client, OP_PEEK_READY, "peek-ready\r\n");
        break;
    case 7: about_tube(client, OP_STATS_TUBE, "stats-tube ", "\r\n"); break;
    case 8: plain(client, OP_LIST_TUBES, "list-tubes\r\n"); break;
    default:
        if (below(client, 4) == 0)
            plain(client, OP_STATS, "stats\r\n");
        else
            plain(client, OP_KICK, "kick 10\r\n");
        break;
    }
}

/* --- workers --- */

/* What ran out of time has gone to others by now. */
static void forget_expired(struct client *client)
{
    struct world *world = client->world;
    for (uint32_t i = 0; i < client->held_count;) {
        const struct queue_job_story *job =
            &queue_users(world)->checker.jobs[client->held[i].key].story;
        if (world_now_us(world) < job->held_until_us + 2000000) {
            i++;
        } else {
            world_count(world, SIM_COVER_EXPIRED);
            queue_client_forget_held(client, client->held[i].id);
        }
    }
}

static void worker_command(struct client *client)
{
    bool many = queue_users(client->world)->checker.live > LIVE_JOBS_MANY;
    uint64_t dice = below(client, 100);
    if (client->held_count > 0 && (dice < 40 || client->held_count + 2 >= CLIENT_HELD_MAX)) {
        handle_held(client);
    } else if (dice < 85) {
        if (below(client, 10) < (many ? 2 : 5))
            put_any(client);
        else if (client->held_count + client->ops_count < CLIENT_HELD_MAX)
            reserve(client);
    } else if (dice < 92) {
        handle_any(client);
    } else {
        odd_command(client);
    }
}

static void worker(struct client *client)
{
    forget_expired(client);
    uint64_t burst = below(client, 5) == 0 ? 1 + below(client, BURST_MAX) : 1;
    if (burst > 1) client->world->report->counts[SIM_COVER_PIPELINED] += burst;
    for (; burst > 0; burst--) worker_command(client);
    if (below(client, 400) == 0) {
        queue_client_flush(client);
        queue_client_leave(client); /* without a word, in the middle of things */
    } else if (client->ops_count == 0) {
        queue_client_wake_in(client, below(client, queue_users(client->world)->clients.think_us));
    }
}

/* --- probers --- */

static void probe_tube(struct client *client, const char *before)
{
    text_append(&client->out, "%sprobe-%u-%u\r\n", before, client->index + 1, client->probe.tube);
}

void queue_client_probe_void(struct client *client)
{
    client->probe = (struct probe){.tube = client->probe.tube + 1};
}

/* The job that must come out next: the lowest priority number, then the lowest id. */
static struct probe_job *probe_next(struct probe *probe)
{
    struct probe_job *best = NULL;
    for (uint32_t i = 0; i < probe->count; i++) {
        struct probe_job *job = &probe->jobs[i];
        if (job->taken) continue;
        if (best == NULL || job->priority < best->priority ||
            (job->priority == best->priority && job->id < best->id)) {
            best = job;
        }
    }
    return best;
}

void queue_client_probe_put(struct client *client, uint32_t key, uint64_t id)
{
    struct probe *probe = &client->probe;
    for (uint32_t i = 0; i < probe->count; i++) {
        if (probe->jobs[i].key == key) probe->jobs[i].id = id;
    }
}

void queue_client_probe_reserved(struct client *client, uint64_t id)
{
    struct probe_job *next = probe_next(&client->probe);
    world_count(client->world, SIM_COVER_PROBES);
    if (next == NULL || next->id != id) {
        world_fail(client->world, "order",
                   "client %u got job %U where job %U of priority %u was due", client->index + 1,
                   id, next == NULL ? 0 : next->id, next == NULL ? 0 : next->priority);
        return;
    }
    next->taken = true;
}

void queue_client_probe_timed_out(struct client *client)
{
    struct probe_job *next = probe_next(&client->probe);
    if (next == NULL) return;
    world_fail(client->world, "order",
               "client %u got nothing where job %U of priority %u was ready", client->index + 1,
               next->id, next->priority);
}

enum probe_step { PROBE_MEET, PROBE_PUT, PROBE_RESERVE, PROBE_DELETE };

static void prober(struct client *client)
{
    struct probe *probe = &client->probe;
    switch ((enum probe_step)probe->step) {
    case PROBE_MEET:
        if (queue_client_begin(client, OP_USE) != NULL) probe_tube(client, "use ");
        if (queue_client_begin(client, OP_WATCH) != NULL) probe_tube(client, "watch ");
        plain(client, OP_IGNORE, "ignore default\r\n");
        probe->wanted = 1 + (uint32_t)below(client, PROBE_JOBS_MAX);
        probe->step = PROBE_PUT;
        break;
    case PROBE_PUT: {
        struct probe_job *job = &probe->jobs[probe->count++];
        job->priority = (uint32_t)below(client, PROBE_PRIORITIES);
        job->taken = false;
        job->key = put(client, job->priority, 0, PROBE_TTR_S, 40);
        if (probe->count == probe->wanted) probe->step = PROBE_RESERVE;
        break;
    }
    case PROBE_RESERVE:
        if (probe_next(probe) == NULL) {
            probe->step = PROBE_DELETE;
            queue_client_wake_in(client, 0);
        } else if (queue_client_begin(client, OP_RESERVE_TIMEOUT) != NULL) {
            buffer_append_text(&client->out, "reserve-with-timeout 0\r\n");
        }
        break;
    case PROBE_DELETE:
        for (uint32_t i = 0; i < probe->count; i++) {
            about_job(client, OP_DELETE, probe->jobs[i].key, probe->jobs[i].id, "delete %U\r\n");
            queue_client_forget_held(client, probe->jobs[i].id);
        }
        probe->count = 0;
        probe->wanted = 1 + (uint32_t)below(client, PROBE_JOBS_MAX);
        probe->step = PROBE_PUT;
        break;
    }
}

/* --- drainers --- */

/* The tubes that there may be: the workers' and all that a prober ever used. */
static bool drain_tube(struct client *client, uint32_t step, struct buffer *out)
{
    if (step < CLIENT_TUBES) {
        queue_client_tube_name(step, out);
        return true;
    }
    step -= CLIENT_TUBES;
    const struct clients *clients = &queue_users(client->world)->clients;
    for (uint32_t i = 0; i < clients->count; i++) {
        uint32_t used = clients->items[i].probe.tube + 1;
        if (clients->items[i].probe.tube == 0 && clients->items[i].probe.wanted == 0) continue;
        if (step < used) {
            text_append(out, "probe-%u-%u", i + 1, step);
            return true;
        }
        step -= used;
    }
    return false;
}

static void drainer(struct client *client)
{
    struct buffer name = {0};
    while (client->held_count > 0) {
        struct client_held held = client->held[0];
        about_job(client, OP_DELETE, held.key, held.id, "delete %U\r\n");
        queue_client_forget_held(client, held.id);
    }
    bool more = true;
    for (uint32_t i = 0; i < 4 && more && client->ops_count + 4 < CLIENT_OPS_MAX; i++) {
        buffer_clear(&name);
        more = drain_tube(client, client->drain_step, &name);
        if (!more) break;
        client->drain_step++;
        queue_client_begin(client, OP_WATCH);
        text_append(&client->out, "watch %b\r\n", buffer_slice(&name));
        queue_client_begin(client, OP_USE);
        text_append(&client->out, "use %b\r\n", buffer_slice(&name));
        queue_client_begin(client, OP_KICK);
        buffer_append_text(&client->out, "kick 1000\r\n");
    }
    if (!more) {
        if (below(client, DRAIN_KICK_EVERY) == 0) client->drain_step = 0;
        queue_client_begin(client, OP_RESERVE_TIMEOUT);
        text_append(&client->out, "reserve-with-timeout %u\r\n", (uint32_t)below(client, 2));
    }
    buffer_free(&name);
}

void queue_client_work(struct client *client)
{
    switch (client->role) {
    case CLIENT_WORKER: worker(client); break;
    case CLIENT_PROBER: prober(client); break;
    case CLIENT_DRAINER: drainer(client); break;
    }
}
