/* What must hold after every step. See invariants.h. */
#include "sim/invariants.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "node/group/replica.h"
#include "sim/quorums.h"
#include "sim/world.h"

void invariants_free(struct invariants *invariants)
{
    free(invariants->entries);
    free(invariants->leaders);
}

static void *grown(void *array, uint64_t *capacity, uint64_t needed, size_t item_size)
{
    if (needed <= *capacity) return array;
    uint64_t old = *capacity;
    uint64_t wanted = old == 0 ? 1024 : old;
    while (wanted < needed) wanted *= 2;
    array = realloc(array, wanted * item_size);
    ASSERT(array != NULL);
    memset((uint8_t *)array + old * item_size, 0, (wanted - old) * item_size);
    *capacity = wanted;
    return array;
}

/* --- durability --- */

static void host_lost(struct world *world, struct host *host)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    const struct raft *raft = host->node == NULL ? NULL : sim_judged_raft(host);
    promises_lost(world, host);
    if (raft == NULL || view->forgot) return;
    if (host->told_durable == 0) return; /* it spoke to no one: the claim before stands */
    view->claim = raft_durable_index(raft);
    view->claim_first = raft_first_index(raft);
    if (view->claim >= INVARIANTS_CLAIMS_MAX &&
        view->claim_first <= view->claim - INVARIANTS_CLAIMS_MAX) {
        view->claim_first = view->claim - INVARIANTS_CLAIMS_MAX + 1;
    }
    view->claim_count = 0;
    for (uint64_t at = view->claim_first; at <= view->claim; at++) {
        view->claim_terms[view->claim_count++] = raft_term_at(raft, at);
    }
}

static void forget(struct world *world, struct host *host)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    view->forgot = true;
    view->trusted_sequence = 0;
    view->forgot_count = sim_judged(world)->invariants.entries_count;
    view->forgot_now = true;
    promises_forget(world, host);
}

static void started(struct world *world, struct host *host)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    const struct raft *raft = sim_judged_raft(host);
    view->started = false;
    view->untrusted = false;
    view->trusted_sequence = 0;
    if (raft == NULL) { /* not founded yet */
        view->forgot_now = false;
        if (view->forgot || view->claim == 0) return;
        world_fail(world, "durability", "node %u starts as if it had never been founded", host->id);
        return;
    }
    promises_started(world, host);
    view->started = true;
    view->term = raft_term(raft);
    view->role = RAFT_FOLLOWER;
    view->commit = 0;
    view->applied = 0;
    view->last = 0;
    /* Nothing that mattered was hit, it says: then it owes all that it claimed. */
    if (view->forgot_now && raft_trusted(raft)) view->forgot = false;
    view->forgot_now = false;
    if (view->forgot || view->claim == 0) return;
    uint64_t term = view->claim_count == 0 ? 0 : view->claim_terms[view->claim_count - 1];
    uint64_t there = raft_term_at(raft, view->claim);
    bool compacted = view->claim < raft_first_index(raft); /* a snapshot holds what is committed */
    /* One that arrived and holds another entry than was claimed there: that one, and what stood
     * behind it, was never committed. */
    uint64_t base = raft_first_index(raft) - 1;
    bool known = base >= view->claim_first && base <= view->claim && view->claim_count > 0;
    if (known && view->claim_terms[base - view->claim_first] != raft_term_at(raft, base)) return;
    if (raft_last_index(raft) < view->claim || (there != term && !compacted && term != 0)) {
        world_fail(world, "durability",
                   "node %u called entry %U of term %U durable, but starts with %U entries and "
                   "term %U there",
                   host->id, view->claim, term, raft_last_index(raft), there);
    }
}

/* --- the log --- */

static uint64_t entry_hash(const struct raft_entry *entry)
{
    uint64_t hash = map_hash_bytes(entry->data);
    hash = random_mix(hash ^ entry->elapsed_us ^ (uint64_t)entry->kind << 56);
    return random_mix(hash ^ entry->wall_us ^ (uint64_t)entry->version << 56);
}

static void check_log_time(struct world *world, struct host *host, uint64_t index)
{
    const struct committed_entry *entry = &sim_judged(world)->invariants.entries[index - 1];
    if (index < 2 || entry[-1].term == 0 || entry->term == 0) return;
    bool wall_goes_on = entry->wall_us >= entry[-1].wall_us || entry->sets_clock;
    if (entry->elapsed_us >= entry[-1].elapsed_us && wall_goes_on) return;
    world_fail(world, "log time", "node %u commits entry %U whose time is before entry %U's",
               host->id, index, index - 1);
}

static void check_committed(struct world *world, struct host *host, uint64_t index)
{
    struct invariants *invariants = &sim_judged(world)->invariants;
    const struct raft_entry *entry = raft_entry_at(sim_judged_raft(host), index);
    struct committed_entry *known = &invariants->entries[index - 1];
    if (entry == NULL && known->term == 0) memberships_unseen(world);
    if (entry == NULL) return; /* covered by a snapshot */
    uint64_t hash = entry_hash(entry);
    if (known->term == 0) {
        known->term = entry->term;
        known->hash = hash;
        known->elapsed_us = entry->elapsed_us;
        known->wall_us = entry->wall_us;
        known->sets_clock = entry->kind == KIND_CLOCK;
        check_log_time(world, host, index);
        if (entry->kind == RAFT_KIND_MEMBERS) memberships_committed(world, host, entry);
    } else if (known->term != entry->term || known->hash != hash) {
        world_fail(world, "log matching",
                   "node %u has an entry of term %U at committed index %U, others one of term %U",
                   host->id, entry->term, index, known->term);
    }
}

/* Section 5.4.2: by counting, a leader commits only entries of its own term. */
static void check_commit_rule(struct world *world, struct host *host, const struct raft *raft)
{
    uint64_t commit = raft_commit_index(raft);
    uint64_t term = raft_term_at(raft, commit);
    if (raft_role(raft) != RAFT_LEADER || term == raft_term(raft)) return;
    world_fail(world, "commit", "node %u, leader of term %U, commits entry %U of term %U", host->id,
               raft_term(raft), commit, term);
}

/* Dissertation 6.4.1, at the worst moment: an entry has just been committed. A process that is held
 * up reads nothing; when it goes on, it looks at the clock first. Clocks beyond the bound are for
 * the judge to notice. */
static void check_leases(struct world *world, uint64_t commit)
{
    if ((world->options->faults >> SIM_FAULT_DRIFT & 1) != 0) return;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct host *host = &world->hosts[i];
        const struct raft *raft = sim_judged_raft(host);
        uint64_t index = 0;
        if (raft == NULL || host->paused_until_us > world_now_us(world)) continue;
        if (!raft_lease_index(raft, sim_host_time(host), &index)) continue;
        world_count(world, SIM_COVER_LEASES);
        if (index >= commit) continue;
        world_fail(world, "lease", "node %u of term %U would read at %U, when %U is committed",
                   host->id, raft_term(raft), index, commit);
    }
}

static void commit_advanced(struct world *world, struct host *host, const struct raft *raft)
{
    struct invariants *invariants = &sim_judged(world)->invariants;
    struct node_view *view = &invariants->nodes[host->index];
    uint64_t commit = raft_commit_index(raft);
    if (commit < view->commit) {
        world_fail(world, "commit", "node %u takes its commit index back from %U to %U", host->id,
                   view->commit, commit);
        return;
    }
    uint64_t known = invariants->entries_count;
    if (commit > known) {
        invariants->entries = grown(invariants->entries, &invariants->entries_capacity, commit,
                                    sizeof *invariants->entries);
        invariants->entries_count = commit;
        for (uint64_t at = known; at < commit; at++) {
            invariants->entries[at].committed_in = raft_term(raft);
        }
        world->report->counts[SIM_COVER_COMMITTED] += commit - known;
    }
    uint64_t from = view->commit + 1;
    if (from < raft_first_index(raft)) from = raft_first_index(raft);
    for (uint64_t index = from; index <= commit; index++) check_committed(world, host, index);
    check_commit_rule(world, host, raft);
    if (commit > known) quorums_check_entry(world, host, commit, raft_term_at(raft, commit));
    if (sim_judged(world)->memberships.index > known) quorums_check_members(world, host);
    memberships_step(world, host);
    if (commit > known) check_leases(world, commit);
    view->commit = commit;
}

static void applied_advanced(struct world *world, struct host *host)
{
    struct invariants *invariants = &sim_judged(world)->invariants;
    struct node_view *view = &invariants->nodes[host->index];
    uint64_t applied = node_group_applied_index(host->node, world->group);
    if (applied < view->applied || applied > invariants->entries_count) {
        world_fail(world, "state-machine safety", "node %u applied %U, before %U, committed %U",
                   host->id, applied, view->applied, invariants->entries_count);
        return;
    }
    view->applied = applied;
    struct committed_entry *entry = &invariants->entries[applied - 1];
    uint64_t digest = node_group_digest(host->node, world->group);
    if (!entry->digested) {
        entry->digested = true;
        entry->digest = digest;
        return;
    }
    world_count(world, SIM_COVER_DIGESTS);
    if (entry->digest == digest) return;
    world_fail(world, "state-machine safety", "node %u has digest %x after entry %U, others %x",
               host->id, digest, applied, entry->digest);
}

/* --- leaders --- */

/* A lease ends before anyone else can be elected in a later term. (Votes that come late may still
 * make a leader of an earlier one: it finds no quorum that has not gone on.) */
static void check_sole_lease(struct world *world, const struct host *elected)
{
    if ((world->options->faults >> SIM_FAULT_DRIFT & 1) != 0) return;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct host *host = &world->hosts[i];
        const struct raft *raft = sim_judged_raft(host);
        uint64_t index = 0;
        if (raft == NULL || host == elected) continue;
        if (raft_term(raft) > raft_term(sim_judged_raft(elected))) continue;
        if (!raft_lease_index(raft, sim_host_time(host), &index)) continue;
        world_fail(world, "lease", "node %u leads term %U while node %u has a lease in term %U",
                   elected->id, raft_term(sim_judged_raft(elected)), host->id, raft_term(raft));
    }
}

static void check_new_leader(struct world *world, struct host *host, const struct raft *raft)
{
    struct invariants *invariants = &sim_judged(world)->invariants;
    uint64_t term = raft_term(raft);
    if (term >= INVARIANTS_TERMS_MAX) {
        world_fail(world, "limit", "term %U: elections without end", term);
        return;
    }
    invariants->leaders = grown(invariants->leaders, &invariants->leaders_capacity, term + 1,
                                sizeof *invariants->leaders);
    struct term_leader *leader = &invariants->leaders[term];
    bool again = leader->host == host->index + 1 && leader->boot != host->boots;
    if (again && world->hosts_count == 1) {
        /* A sole voter leads before its term is durable. If a crash took the term, nothing of it
         * may have been committed. */
        uint64_t count = invariants->entries_count;
        again = count > 0 && invariants->entries[count - 1].term >= term;
    }
    if (again || (leader->host != 0 && leader->host != host->index + 1)) {
        world_fail(world, "election safety", "nodes %u and %u both lead term %U", leader->host,
                   host->id, term);
        return;
    }
    *leader = (struct term_leader){host->index + 1, host->boots};
    promises_leader(world, host);
    check_sole_lease(world, host);
    if (raft_term_at(raft, raft_last_index(raft)) != term) {
        world_fail(world, "commit", "node %u leads term %U without an entry of that term to commit",
                   host->id, term);
    }
    world_count(world, SIM_COVER_LEADERS);
    /* Votes may come late: a leader of an older term owes nothing of what newer ones committed. */
    uint64_t index = raft_first_index(raft);
    for (; index <= invariants->entries_count; index++) {
        const struct committed_entry *entry = &invariants->entries[index - 1];
        uint64_t there = index > raft_last_index(raft) ? 0 : raft_term_at(raft, index);
        if (entry->term == 0 || entry->committed_in >= term || there == entry->term) continue;
        world_fail(world, "leader completeness",
                   "node %u leads term %U but has term %U at index %U, committed in term %U with "
                   "term %U",
                   host->id, term, there, index, entry->committed_in, entry->term);
        return;
    }
}

/* Time in the log: a leader goes on from the stamp that it found, as fast as its own clock. */
static void check_elapsed(struct world *world, struct host *host, const struct raft *raft)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    const struct raft_entry *last = raft_entry_at(raft, raft_last_index(raft));
    if (last == NULL) return;
    uint64_t mono_us = sim_host_time(host).mono_us;
    if (view->last == 0) { /* it leads since this step */
        const struct raft_entry *before = raft_entry_at(raft, last->index - 1);
        view->elapsed_us = before == NULL ? last->elapsed_us : before->elapsed_us;
        view->elapsed_at_us = mono_us;
    }
    if (last->elapsed_us - view->elapsed_us > mono_us - view->elapsed_at_us) {
        world_fail(world, "log time",
                   "node %u adds %U us to the time in the log while its clock shows %U us",
                   host->id, last->elapsed_us - view->elapsed_us, mono_us - view->elapsed_at_us);
    }
}

static void check_append_only(struct world *world, struct host *host, const struct raft *raft)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    uint64_t last = raft_last_index(raft);
    if (view->last != 0) {
        uint64_t there = raft_term_at(raft, view->last);
        bool compacted = there == 0 && view->last < raft_first_index(raft);
        if (last < view->last || (there != view->last_term && !compacted)) {
            world_fail(world, "leader append-only", "node %u lost entry %U while it leads",
                       host->id, view->last);
        }
    }
    check_elapsed(world, host, raft);
    view->last = last;
    view->last_term = raft_term_at(raft, last);
}

static void role_changed(struct world *world, struct host *host, const struct raft *raft)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    uint32_t role = raft_role(raft);
    if (raft_term(raft) < view->term) {
        world_fail(world, "term", "node %u takes its term back from %U to %U", host->id, view->term,
                   raft_term(raft));
    }
    if (role == RAFT_CANDIDATE) world_count(world, SIM_COVER_CAMPAIGNS);
    bool lost = view->role == RAFT_CANDIDATE && role != RAFT_LEADER;
    if (lost) world_count(world, SIM_COVER_CAMPAIGNS_LOST);
    if (view->role == RAFT_LEADER) world_count(world, SIM_COVER_STEP_DOWNS);
    view->role = role;
    view->term = raft_term(raft);
    view->last = 0;
    if (role == RAFT_LEADER) check_new_leader(world, host, raft);
}

/* Is there a group in which it is not trusted again? */
static bool forgot_any(const struct world *world, const struct host *host)
{
    for (uint32_t i = 0; i < world->groups_count; i++) {
        if (world->judged[i].invariants.nodes[host->index].forgot) return true;
    }
    return false;
}

/* It may only be trusted with all that was committed, by anyone, when its disk forgot. */
static void trusted_again(struct world *world, struct host *host, const struct raft *raft)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    uint64_t held = raft_durable_index(raft);
    if (held < view->forgot_count) {
        world_fail(world, "durability",
                   "node %u is trusted with entries up to %U, while its disk forgot %U that were "
                   "committed",
                   host->id, held, view->forgot_count);
    }
    /* Its acknowledgements count once its trust is durable, though it may have applied nothing. */
    if (view->trusted_sequence == 0) view->trusted_sequence = host->disk.sequence_written + 1;
    bool durable = host->disk.sequence_durable >= view->trusted_sequence;
    if (view->applied == 0 && !durable) return;
    view->forgot = false;
    if (!forgot_any(world, host)) faults_regained(&world->faults, host);
}

static void step(struct world *world, struct host *host)
{
    struct node_view *view = &sim_judged(world)->invariants.nodes[host->index];
    const struct raft *raft = sim_judged_raft(host);
    if (raft == NULL) return;
    if (!view->started) started(world, host); /* founded just now */
    if (raft_trusted(raft) && view->untrusted) {
        view->untrusted = false;
        world_count(world, SIM_COVER_REPAIRED);
    }
    if (!raft_trusted(raft) && !view->untrusted) {
        view->untrusted = true;
        world_count(world, SIM_COVER_UNTRUSTED);
    }
    if ((uint32_t)raft_role(raft) != view->role || raft_term(raft) != view->term) {
        role_changed(world, host, raft);
    }
    if (view->role == RAFT_LEADER && raft_last_index(raft) != view->last) {
        check_append_only(world, host, raft);
    }
    if (raft_commit_index(raft) != view->commit) commit_advanced(world, host, raft);
    if (node_group_applied_index(host->node, world->group) != view->applied)
        applied_advanced(world, host);
    if (view->forgot && raft_trusted(raft)) trusted_again(world, host, raft);
    promises_step(world, host);
    if (++view->steps % INVARIANTS_CHECK_STEPS == 0 && world->group == 0) node_check(host->node);
}

/* --- of each group --- */

static void each_group(struct world *world, struct host *host,
                       void (*look)(struct world *, struct host *))
{
    for (world->group = 0; world->group < world->groups_count; world->group++) look(world, host);
    world->group = 0;
}

void invariants_host_lost(struct world *world, struct host *host)
{
    each_group(world, host, host_lost);
}

void invariants_forget(struct world *world, struct host *host)
{
    each_group(world, host, forget);
}

void invariants_started(struct world *world, struct host *host)
{
    each_group(world, host, started);
}

void invariants_step(struct world *world, struct host *host)
{
    each_group(world, host, step);
}
