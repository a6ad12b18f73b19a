/* A world that someone drives by hand. See steer.h. */
#include "sim/steer.h"

#include <string.h>

#include "base/assert.h"

enum {
    PAUSE_STEP_US = 2000, /* how often a paused host is asked whether it may go on */
    STARTS_WITHIN_US = 5000,
    SESSION_LEASE_US = 300000000, /* or renewals fill the log that one looks at */
};

/* packet.mark */
enum { MARK_QUIET = 1, MARK_NEWS = 2 };

const struct steer_setting steer_setting_default = {
    .latency_us_min = 12000,
    .latency_us_max = 18000,
    .sync_us_max = 4000,
    .heartbeat_us = 100000,
    .election_timeout_us = 400000,
    .patience_us = 4000000,
};

/* --- what can be seen --- */

struct glancing {
    struct steered *steered;
    uint64_t news, quiet; /* sums of hashes: in any order */
    uint32_t coming;      /* messages with news that nothing holds up */
};

static void glance_at(void *context, const struct network_glance *glance)
{
    struct glancing *glancing = context;
    if (*glance->mark == 0) {
        bool news = !glance->peer || frames_are_news(&glancing->steered->told, glance->from,
                                                     glance->to, glance->bytes);
        *glance->mark = news ? MARK_NEWS : MARK_QUIET;
    }
    bool news = *glance->mark == MARK_NEWS;
    glancing->coming += news && !glance->held;
    *(news ? &glancing->news : &glancing->quiet) += random_mix(glance->number * 2 + glance->held);
}

bool steer_is_news(const struct network_glance *glance)
{
    return *glance->mark != MARK_QUIET;
}

static uint64_t host_hash(const struct steered *steered, const struct host *host)
{
    uint64_t hash = random_mix(host->id * 4 + (host->node != NULL ? 2 : 0) +
                               (steer_paused(steered, host->id) ? 1 : 0));
    const struct raft *raft = sim_host_raft(host);
    if (raft == NULL) return hash;
    uint64_t seen[] = {
        raft_role(raft),         raft_term(raft),        raft_vote(raft),
        raft_last_index(raft),   raft_first_index(raft), raft_durable_index(raft),
        raft_commit_index(raft), raft_trusted(raft),     node_applied_index(host->node)};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) hash = random_mix(hash + seen[i]);
    return hash;
}

static struct glancing look(struct steered *steered)
{
    struct world *world = steered->world;
    const struct hand_users *users = hand_users(world);
    struct glancing glancing = {.steered = steered};
    network_each_under_way(&world->network, glance_at, &glancing);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        glancing.news += host_hash(steered, &world->hosts[i]);
    }
    glancing.news += random_mix((uint64_t)users->asked_count << 32 | users->over_count);
    return glancing;
}

/* --- goals --- */

/* Who leads in the highest term; NULL: nobody. */
static const struct host *leader_of(const struct world *world)
{
    const struct host *leader = NULL;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = sim_host_raft(&world->hosts[i]);
        if (raft == NULL || raft_role(raft) != RAFT_LEADER) continue;
        if (leader != NULL && raft_term(raft) < raft_term(sim_host_raft(leader))) continue;
        leader = &world->hosts[i];
    }
    return leader;
}

/* All whom the leader reaches have what it has, and know it to be committed. */
static bool level(const struct steered *steered, const struct host *leader)
{
    const struct world *world = steered->world;
    uint64_t last = raft_last_index(sim_host_raft(leader));
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct host *host = &world->hosts[i];
        bool reached = host->node != NULL && !steer_paused(steered, host->id) &&
                       !world->network.cut[leader->index][i];
        if (!reached) continue;
        const struct raft *raft = sim_host_raft(host);
        if (raft == NULL || raft_last_index(raft) != last) return false;
        if (node_applied_index(host->node) != last) return false;
    }
    return true;
}

static bool calm(const struct steered *steered, uint32_t coming)
{
    const struct hand_users *users = hand_users(steered->world);
    if (coming > 0) return false;
    const struct host *leader = leader_of(steered->world);
    return leader != NULL && users->over_count == users->asked_count && level(steered, leader);
}

static enum steer_stop stop_if(bool reached, enum steer_stop stop)
{
    return reached ? stop : STEER_LATE;
}

/* After one thing happened. What can be seen now is remembered. STEER_LATE: go on. */
static enum steer_stop reached(struct steered *steered, enum steer_goal goal, uint32_t over_count)
{
    struct glancing now = look(steered);
    bool news = now.news != steered->seen;
    bool quiet = now.quiet != steered->seen_quiet;
    const struct host *first = leader_of(steered->world);
    uint64_t term = first == NULL ? 0 : raft_term(sim_host_raft(first));
    bool leader = term > steered->led_term;
    steered->seen = now.news;
    steered->seen_quiet = now.quiet;
    if (leader) steered->led_term = term;
    switch (goal) {
    case STEER_TIME: break;
    case STEER_EVENT: return news ? STEER_REACHED : stop_if(quiet, STEER_QUIET);
    case STEER_NEWS: return stop_if(news, STEER_REACHED);
    case STEER_LEADER: return stop_if(leader, STEER_REACHED);
    case STEER_ANSWER:
        return stop_if(hand_users(steered->world)->over_count > over_count, STEER_REACHED);
    case STEER_CALM: return stop_if(news && calm(steered, now.coming), STEER_REACHED);
    }
    return STEER_LATE;
}

enum steer_stop steer_until(struct steered *steered, enum steer_goal goal, uint64_t until_us)
{
    struct schedule *schedule = &steered->world->schedule;
    uint32_t over_count = hand_users(steered->world)->over_count;
    if (goal == STEER_CALM && !steered->report.failed && calm(steered, look(steered).coming)) {
        return STEER_REACHED;
    }
    while (!steered->report.failed && schedule_next_us(schedule) <= until_us) {
        schedule_run_next(schedule);
        if (steered->report.failed) break;
        enum steer_stop stop = reached(steered, goal, over_count);
        if (stop != STEER_LATE) return stop;
    }
    if (steered->report.failed) return STEER_FAILED;
    if (until_us > schedule->now_us) schedule_pass(schedule, until_us);
    return STEER_LATE;
}

/* --- opening --- */

static void on_pause(void *owner, struct timed *timed)
{
    struct host *host = owner;
    uint64_t now_us = world_now_us(host->world);
    host->paused_until_us = now_us + 2 * PAUSE_STEP_US;
    schedule_at(&host->world->schedule, timed, now_us + PAUSE_STEP_US);
}

static void apply_setting(struct world *world, const struct steer_setting *setting)
{
    struct node_config *config = &world->config;
    config->heartbeat_us = setting->heartbeat_us;
    config->election_timeout_us = setting->election_timeout_us;
    config->session_lease_us = SESSION_LEASE_US;
    config->refuse_after_us = setting->patience_us;
    config->uncertain_after_us = setting->patience_us;
    config->fsync_never = false;
    config->mac = NULL;
    memset(config->secret, 0, sizeof config->secret);
    world->network.latency_us_min = setting->latency_us_min;
    world->network.latency_us_max = setting->latency_us_max;
    world->network.split_permille = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        world->hosts[i].sync_us_max = setting->sync_us_max;
    }
}

void steer_open(struct steered *steered, const struct sim_system *system, uint64_t seed,
                uint32_t nodes, const struct steer_setting *setting)
{
    ASSERT(setting->latency_us_min <= setting->latency_us_max && setting->sync_us_max > 0);
    steered->setting = *setting;
    hand_system(&steered->system, system);
    steered->options =
        (struct sim_options){.system = &steered->system, .seed = seed, .nodes = nodes};
    steered->world = world_new(&steered->options, &steered->report);
    struct world *world = steered->world;
    apply_setting(world, &steered->setting);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        timed_init(&steered->pauses[i], on_pause, &world->hosts[i]);
        schedule_at(&world->schedule, &world->hosts[i].restart,
                    random_below(&world->random, STARTS_WITHIN_US));
    }
}

void steer_close(struct steered *steered)
{
    world_free(steered->world);
    steered->world = NULL;
}

/* --- what one may do --- */

static struct host *host_of(const struct steered *steered, uint32_t node)
{
    ASSERT(node >= 1 && node <= steered->world->hosts_count);
    return &steered->world->hosts[node - 1];
}

const char *steer_resume(struct steered *steered, uint32_t node)
{
    struct host *host = host_of(steered, node);
    if (!steer_paused(steered, node)) return "it is not paused";
    schedule_cancel(&steered->world->schedule, &steered->pauses[node - 1]);
    host->paused_until_us = world_now_us(steered->world);
    return NULL;
}

const char *steer_kill(struct steered *steered, uint32_t node)
{
    struct host *host = host_of(steered, node);
    if (host->node == NULL) return "it is down";
    if (steer_paused(steered, node)) steer_resume(steered, node);
    sim_host_end(host, HOST_CRASHED, UINT64_MAX);
    return NULL;
}

const char *steer_restart(struct steered *steered, uint32_t node)
{
    struct host *host = host_of(steered, node);
    if (host->node != NULL) return "it runs";
    schedule_at(&steered->world->schedule, &host->restart, world_now_us(steered->world));
    return NULL;
}

const char *steer_pause(struct steered *steered, uint32_t node)
{
    struct host *host = host_of(steered, node);
    if (host->node == NULL) return "it is down";
    if (steer_paused(steered, node)) return "it is paused";
    on_pause(host, &steered->pauses[node - 1]);
    return NULL;
}

const char *steer_cut(struct steered *steered, uint32_t node, uint32_t other)
{
    struct network *network = &steered->world->network;
    uint32_t a = host_of(steered, node)->index;
    uint32_t b = host_of(steered, other)->index;
    if (a == b) return "a node has no link to itself";
    if (network->cut[a][b]) return "it is cut";
    network_cut(network, a, b, true);
    network_cut(network, b, a, true);
    return NULL;
}

const char *steer_cut_off(struct steered *steered, uint32_t node)
{
    bool any = false;
    for (uint32_t other = 1; other <= steered->world->hosts_count; other++) {
        if (other != node) any |= steer_cut(steered, node, other) == NULL;
    }
    return any ? NULL : "it is cut off";
}

const char *steer_heal(struct steered *steered)
{
    network_heal(&steered->world->network);
    return NULL;
}

const char *steer_ask(struct steered *steered, uint32_t node, struct slice words)
{
    return hand_ask(steered->world, host_of(steered, node)->id, words);
}
