/* A world from its seed to its verdict.
 *
 * First faults strike (PHASE_FAULTS). Then all is mended, and within a bound there must be a
 * leader and an answer for every client (PHASE_HEAL); then every job must come out (PHASE_DRAIN),
 * and all replicas become equal (PHASE_SETTLE). Safety is checked at every step of all phases. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "sim/operator.h"
#include "sim/text.h"
#include "sim/world.h"

enum {
    CHECK_US = 100000,      /* between two looks at the phase */
    HEAL_US_MAX = 30000000, /* virtual time that each phase may take */
    DRAIN_US_MAX = 180000000,
    SETTLE_US_MAX = 10000000,
    SEGMENT_BYTES = 64 << 10,
    LEADERS_HOME_US = 1000000,
    SPARE_ODDS = 2, /* of a world with a node that may join */
};

/* --- verdict and trace --- */

void world_count_raft(struct world *world, const struct raft *raft)
{
    if (raft == NULL) return;
    const struct raft_counters *counters = raft_counters(raft);
    uint64_t *counts = world->report->counts;
    counts[SIM_COVER_PRE_VOTES_REFUSED] += counters->pre_votes_refused;
    counts[SIM_COVER_VOTES_REFUSED] += counters->votes_refused;
    counts[SIM_COVER_TRUNCATIONS] += counters->truncations;
    counts[SIM_COVER_BACK_UPS] += counters->back_ups;
    counts[SIM_COVER_READS_CONFIRMED] += counters->reads_confirmed;
    counts[SIM_COVER_LEASES_HELD] += counters->leases_held;
    counts[SIM_COVER_LEASES_MISSING] += counters->leases_missing;
    counts[SIM_COVER_TRANSFERS] += counters->transfers;
}

void world_fail(struct world *world, const char *invariant, const char *format, ...)
{
    struct sim_report *report = world->report;
    if (report->failed) return;
    report->failed = true;
    struct buffer text = {0};
    text_append(&text, "%s: ", invariant);
    va_list arguments;
    va_start(arguments, format);
    text_append_list(&text, format, arguments);
    va_end(arguments);
    size_t size = text.size < SIM_REASON_SIZE - 1 ? text.size : SIM_REASON_SIZE - 1;
    memcpy(report->reason, buffer_slice(&text).data, size);
    world_narrate(world, "FAIL", 0, "%s", report->reason);
    buffer_free(&text);
}

void world_narrate(struct world *world, const char *who, uint32_t number, const char *format, ...)
{
    if (!world->options->trace) return;
    struct buffer *line = &world->line;
    buffer_clear(line);
    text_append(line, "%t %s", world_now_us(world), who);
    if (number != 0) text_append(line, " %u", number);
    buffer_put_u8(line, ' ');
    va_list arguments;
    va_start(arguments, format);
    text_append_list(line, format, arguments);
    va_end(arguments);
    buffer_put_u8(line, '\n');
    world->options->print(world->options->print_context, buffer_slice(line));
}

bool world_changes_members(const struct world *world)
{
    return world->options->nodes > 1 && (world->options->faults >> SIM_FAULT_MEMBERS & 1) != 0;
}

uint32_t world_host_known(const struct world *world, uint32_t drawn)
{
    uint32_t founders = world->options->nodes;
    bool known = drawn < founders || sim_host_raft(&world->hosts[drawn]) != NULL;
    return known ? drawn : drawn % founders;
}

/* --- phases --- */

static const char *const phase_names[] = {"faults", "heal", "drain", "settle", "over"};

static void phase_enter(struct world *world, enum phase phase)
{
    world->phase = phase;
    world->phase_since_us = world_now_us(world);
    world_narrate(world, "phase", 0, "%s", phase_names[phase]);
}

static const struct raft *raft_of(const struct world *world, uint32_t host, uint32_t group)
{
    const struct node *node = world->hosts[host].node;
    return node == NULL ? NULL : node_group_raft(node, group);
}

static const struct host *leader_of(const struct world *world, uint32_t group)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = raft_of(world, i, group);
        if (raft == NULL) continue;
        if (raft_role(raft) == RAFT_LEADER && raft_settled(raft)) return &world->hosts[i];
    }
    return NULL;
}

static bool all_led(const struct world *world)
{
    for (uint32_t i = 0; i < world->groups_count; i++) {
        if (leader_of(world, i) == NULL) return false;
    }
    return true;
}

static bool all_trusted(const struct world *world)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if (!sim_host_trusted(&world->hosts[i])) return false;
    }
    return true;
}

static bool equal_in(const struct world *world, uint32_t group)
{
    const struct host *leader = leader_of(world, group);
    if (leader == NULL) return false;
    uint64_t applied = node_group_applied_index(leader->node, group);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = raft_of(world, i, group);
        if (raft == NULL || raft_last_index(raft) != applied) return false;
        if (node_group_applied_index(world->hosts[i].node, group) != applied) return false;
    }
    return true;
}

static bool all_equal(const struct world *world)
{
    for (uint32_t i = 0; i < world->groups_count; i++) {
        if (!equal_in(world, i)) return false;
    }
    return true;
}

static void too_long(struct world *world)
{
    switch (world->phase) {
    case PHASE_HEAL:
        if (!all_led(world)) {
            world_fail(world, "liveness", "no leader %t s after healing", (uint64_t)HEAL_US_MAX);
        } else if (!all_trusted(world)) {
            world_fail(world, "liveness", "a node is untrusted %t s after healing",
                       (uint64_t)HEAL_US_MAX);
        } else {
            world_fail(world, "liveness", "client %u was not served for %t s after healing",
                       world->system->unserved(world, world->phase_since_us),
                       (uint64_t)HEAL_US_MAX);
        }
        break;
    case PHASE_DRAIN:
        world_fail(world, "liveness", "%U %s do not come out within %t s",
                   world->system->left(world), world->system->leftovers, (uint64_t)DRAIN_US_MAX);
        break;
    default:
        if (all_equal(world)) {
            world_fail(world, "liveness", "%U sessions of clients that are gone do not end in %t s",
                       world->system->lingering(world), (uint64_t)SETTLE_US_MAX);
        }
        world_fail(world, "liveness", "the replicas do not become equal within %t s",
                   (uint64_t)SETTLE_US_MAX);
        break;
    }
}

static void phase_look(struct world *world)
{
    static const uint64_t limits_us[] = {
        [PHASE_HEAL] = HEAL_US_MAX, [PHASE_DRAIN] = DRAIN_US_MAX, [PHASE_SETTLE] = SETTLE_US_MAX};
    switch (world->phase) {
    case PHASE_FAULTS:
        if (world_now_us(world) < world->options->seconds * 1000000ull) return;
        faults_heal(&world->faults);
        phase_enter(world, PHASE_HEAL);
        return;
    case PHASE_HEAL:
        if (world_changes_members(world) && !sim_operator_restore(world)) break;
        if (!all_led(world) || !all_trusted(world)) break;
        if (world->system->unserved(world, world->phase_since_us) != 0) break;
        world->system->drain(world);
        phase_enter(world, PHASE_DRAIN);
        return;
    case PHASE_DRAIN:
        if (world->system->left(world) > 0) break;
        world->system->finish(world);
        phase_enter(world, PHASE_SETTLE);
        return;
    case PHASE_SETTLE:
        if (!all_equal(world)) break;
        if (world->system->lingering != NULL && world->system->lingering(world) > 0) break;
        for (uint32_t i = 0; i < world->hosts_count; i++) node_check(world->hosts[i].node);
        phase_enter(world, PHASE_OVER);
        return;
    case PHASE_OVER: return;
    }
    if (world_now_us(world) > world->phase_since_us + limits_us[world->phase]) too_long(world);
}

static void on_phase_check(void *owner, struct timed *timed)
{
    struct world *world = owner;
    phase_look(world);
    schedule_at(&world->schedule, timed, world_now_us(world) + CHECK_US);
}

/* --- making a world --- */

/* Keyed, and different for different messages: all that a simulation needs of a MAC. */
static void toy_mac(const uint8_t key[NODE_SECRET_SIZE], struct slice message, uint8_t out[32])
{
    uint64_t hash = map_hash_bytes(slice_of(key, NODE_SECRET_SIZE)) ^ map_hash_bytes(message);
    for (uint32_t i = 0; i < 4; i++) store_u64(out + i * 8, random_mix(hash + i));
}

void world_address(uint32_t id, char *address)
{
    static const char text[] = "node-N:7000";
    memcpy(address, text, sizeof text);
    address[5] = (char)('0' + id);
}

void world_client_address(uint32_t id, char *address)
{
    world_address(id, address);
    memcpy(address + 7, "6379", 4);
}

static void config_peers(struct world *world)
{
    struct node_config *config = &world->config;
    if (world->options->nodes == 1) return;
    config->peers_count = world->options->nodes;
    for (uint32_t i = 0; i < world->options->nodes; i++) {
        config->peers[i].id = i + 1;
        world_address(i + 1, config->peers[i].address);
    }
}

static uint32_t group_of_slot(uint32_t slot, uint32_t groups_count)
{
    return slot % groups_count;
}

static void config_init(struct world *world)
{
    struct node_config *config = &world->config;
    struct random *random = &world->random;
    *config = (struct node_config){.machine = world->system->machine,
                                   .machine_options = world->system->machine_options,
                                   .protocol = world->system->protocol};
    node_config_defaults(config);
    config->draws.mac = toy_mac;
    config->protocol_config.options = world->system->protocol_options;
    config->groups_count = world->groups_count;
    config->group_of = world->system->group_of != NULL ? world->system->group_of : group_of_slot;
    config->leaders_home_us = (random_mix(world->options->seed) & 4) != 0 ? LEADERS_HOME_US : 0;
    config_peers(world);
    config->trace_messages = world->options->trace;
    /* Clocks drift within the bound, unless told otherwise: so both levels have to be true. */
    config->clock_drift_permille =
        1 + (uint32_t)random_below(random, world->system->drift_permille_max);
    bool lease = (random_mix(world->options->seed) & 1) != 0;
    config->protocol_config.reads = lease ? PROTOCOL_READ_LEASE : PROTOCOL_READ_LINEARIZABLE;
    config->heartbeat_us = 50000;
    config->election_timeout_us = 150000 + random_below(random, 300000);
    config->session_lease_us = 2000000 + random_below(random, 4000000);
    config->refuse_after_us = 500000 + random_below(random, 2000000);
    config->uncertain_after_us = 2000000 + random_below(random, 3000000);
    config->segment_bytes = SEGMENT_BYTES;
    config->log_bytes_compact = (64u << 10) << random_below(random, 4);
    config->fsync_never = random_below(random, 8) == 0;
    if (config->fsync_never) world_count(world, SIM_COVER_NEVER);
    config->log_bytes_memory = (16u << 10) << random_below(random, 5);
    if (random_below(random, 2) == 0) config->append_bytes_max >>= random_below(random, 14);
    if (random_below(random, 2) == 0) {
        config->mac = toy_mac;
        for (uint32_t i = 0; i < NODE_SECRET_SIZE; i++) config->secret[i] = (uint8_t)(i + 1);
    }
}

static void world_init(struct world *world, const struct sim_options *options,
                       struct sim_report *report)
{
    ASSERT(options->nodes >= 1 && options->nodes <= SIM_NODES_MAX);
    *report = (struct sim_report){0};
    world->options = options;
    world->report = report;
    world->system = options->system;
    world->random = random_seeded(options->seed);
    world->groups_count = options->groups == 0 ? 1 : options->groups;
    ASSERT(world->groups_count <= SIM_GROUPS_MAX);
    world->judged = calloc(world->groups_count, sizeof *world->judged);
    ASSERT(world->judged != NULL);
    world->hosts_count = options->nodes;
    if (world_changes_members(world)) {
        world->hosts_count += random_below(&world->random, SPARE_ODDS) == 0;
    }
    config_init(world);
    network_init(&world->network, &world->schedule, &sim_host_sink, world,
                 random_next(&world->random));
    world->network.latency_us_min = 20 + random_below(&world->random, 200);
    world->network.latency_us_max =
        world->network.latency_us_min + random_below(&world->random, 1000);
    world->network.unreachable_us = node_connect_us_max(&world->config);
    world->network.split_permille = (uint32_t)random_below(&world->random, 300);
    for (uint32_t i = 0; i < world->hosts_count; i++) sim_host_init(world, &world->hosts[i], i);
    faults_init(world, &world->faults, random_next(&world->random));
    world->system->begin(world, random_next(&world->random));
    timed_init(&world->phase_check, on_phase_check, world);
}

struct world *world_new(const struct sim_options *options, struct sim_report *report)
{
    struct world *world = calloc(1, sizeof *world);
    ASSERT(world != NULL);
    world_init(world, options, report);
    return world;
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) sim_host_free(&world->hosts[i]);
    network_free(&world->network);
    for (uint32_t i = 0; i < world->groups_count; i++) {
        invariants_free(&world->judged[i].invariants);
    }
    free(world->judged);
    world->system->end(world);
    buffer_free(&world->line);
    heap_free(&world->schedule.heap);
    free(world);
}

static void report_counts(struct world *world)
{
    const struct network *network = &world->network;
    uint64_t *counts = world->report->counts;
    counts[SIM_COVER_LOST] = network->counts_lost;
    counts[SIM_COVER_DUPLICATED] = network->counts_duplicated;
    counts[SIM_COVER_REORDERED] = network->counts_reordered;
    counts[SIM_COVER_DELAYED] = network->counts_delayed;
    counts[SIM_COVER_HELD] = network->counts_held;
    counts[SIM_COVER_REFUSALS] = network->counts_refused;
    counts[SIM_COVER_BREAKS] = network->counts_broken;
    counts[SIM_COVER_DEADS] = network->counts_dead;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        counts[SIM_COVER_SECTORS_LOST] += world->hosts[i].disk.sectors_lost;
        counts[SIM_COVER_SECTORS_KEPT] += world->hosts[i].disk.sectors_kept;
    }
    world->report->simulated_us = world_now_us(world);
}

void sim_run(const struct sim_options *options, struct sim_report *report)
{
    struct world *world = world_new(options, report);
    phase_enter(world, PHASE_FAULTS);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        schedule_at(&world->schedule, &world->hosts[i].restart,
                    random_below(&world->random, 500000));
    }
    faults_start(&world->faults, 0);
    schedule_at(&world->schedule, &world->phase_check, CHECK_US);
    while (!report->failed && world->phase != PHASE_OVER) schedule_run_next(&world->schedule);
    report_counts(world);
    world_narrate(world, "fingerprint", 0, "%x", report->fingerprint);
    world_free(world);
}
