/* What looks at the whole state: its digest, its metrics, and the check of its invariants. */
#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

uint64_t waiting_hash(const struct waiting *waiting)
{
    uint64_t hash = map_hash_bytes(slice_of(waiting->command, waiting->size));
    hash = map_hash_u64(hash + waiting->session.incarnation) + waiting->session.node;
    return map_hash_u64(hash + ((uint64_t)waiting->session.connection << 32));
}

uint64_t consensus_digest(const void *machine)
{
    const struct consensus *c = machine;
    const uint64_t numbers[] = {
        c->revision,       c->compacted,      c->quota,       c->alarm,
        c->elapsed_us,     c->walk.active,    c->walk.target, c->walk.from_us,
        c->running.active, c->running.at,     c->running.sub, (uint64_t)c->running.lease,
        c->expired,        c->versions_count, c->freeing,
    };
    uint64_t hash = c->digest + c->waiting_digest;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        hash = map_hash_u64(hash + numbers[i]);
    }
    return hash;
}

/* Metrics */

static void metric(struct buffer *out, const char *name, const char *kind, const char *help,
                   uint64_t value)
{
    buffer_append_text(out, "# HELP ");
    buffer_append_text(out, name);
    buffer_append_text(out, help);
    buffer_append_text(out, "\n# TYPE ");
    buffer_append_text(out, name);
    buffer_append_text(out, kind);
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_decimal(out, value);
    buffer_append_text(out, "\n");
}

static void gauge(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    metric(out, name, " gauge\n", help, value);
}

static const char *const op_names[CONSENSUS_OP_END] = {
    [CONSENSUS_RANGE] = "range",         [CONSENSUS_PUT] = "put",
    [CONSENSUS_DELETE] = "delete",       [CONSENSUS_TXN] = "txn",
    [CONSENSUS_COMPACT] = "compact",     [CONSENSUS_GRANT] = "lease_grant",
    [CONSENSUS_REVOKE] = "lease_revoke", [CONSENSUS_KEEP_ALIVE] = "lease_keep_alive",
    [CONSENSUS_ALARM] = "alarm",         [CONSENSUS_QUOTA] = "quota",
};

void consensus_metrics(const void *machine, struct buffer *out)
{
    const struct consensus *c = machine;
    gauge(out, "quartet_consensus_revision", " The present revision.", c->revision);
    gauge(out, "quartet_consensus_compact_revision", " Older ones cannot be read.", c->compacted);
    gauge(out, "quartet_consensus_keys", " Keys that there are.", tree_live_below(&c->keys, NULL));
    gauge(out, "quartet_consensus_versions", " Versions of keys, readable or not freed yet.",
          c->versions_count);
    gauge(out, "quartet_consensus_leases", " Leases that there are.", c->leases.count);
    gauge(out, "quartet_consensus_bytes", " Bytes in use, as the quota counts them.", c->bytes);
    gauge(out, "quartet_consensus_quota_bytes", " Above it nothing is put.", c->quota);
    gauge(out, "quartet_consensus_no_space", " 1: the alarm is raised.", c->alarm != 0);
    gauge(out, "quartet_consensus_commands_waiting", " Commands behind one that takes long.",
          c->waiting_count);
    metric(out, "quartet_consensus_leases_expired_total", " counter\n", " Leases that ran out.",
           c->expired);
    buffer_append_text(out, "# HELP quartet_consensus_commands_total Commands of the log.\n"
                            "# TYPE quartet_consensus_commands_total counter\n");
    for (unsigned op = 1; op < CONSENSUS_OP_END; op++) {
        if (op_names[op] == NULL) continue;
        buffer_append_text(out, "quartet_consensus_commands_total{command=\"");
        buffer_append_text(out, op_names[op]);
        buffer_append_text(out, "\"} ");
        buffer_append_decimal(out, c->commands[op]);
        buffer_append_text(out, "\n");
    }
}

/* Checking */

struct sums {
    uint64_t versions, bytes, digest, attached, live_attached;
};

static void check_version(const struct consensus *c, const struct version *version,
                          const struct version *before, struct sums *sums)
{
    ASSERT(before == NULL || before->mod < version->mod ||
           (before->mod == version->mod && before->sub < version->sub));
    ASSERT(version->mod <= c->revision + c->running.active);
    ASSERT((version->version == 0) == (version->create == 0) && version->create <= version->mod);
    ASSERT(tree_find(&c->keys, key_bytes(version->key)) == version->key);
    const struct version *older = version->older;
    ASSERT(older == NULL || (older->mod < version->mod && older->key == version->key));
    if (older != NULL && older->version != 0 && version->version != 0) {
        ASSERT(version->version == older->version + 1 && version->create == older->create);
    }
    if (version->key->newest == version) {
        sums->bytes += KEY_BYTES + version->key->size;
        const struct lease *lease = version->lease == 0 ? NULL : lease_find(c, version->lease);
        ASSERT((lease != NULL) == (version->lease != 0));
        if (lease != NULL) {
            ASSERT(tree_find(&lease->keys, key_bytes(version->key)) == version->key);
            sums->attached++;
        }
    }
    sums->versions++;
    sums->bytes += VERSION_BYTES + version->size;
    sums->digest += version_hash(version);
}

static void check_leases(const struct consensus *c, struct sums *sums)
{
    const struct list *at = c->lease_list.next;
    uint64_t count = 0;
    for (; at != &c->lease_list; at = at->next, count++) {
        const struct lease *lease = LIST_ITEM(at, const struct lease, all);
        ASSERT(lease_find(c, lease->id) == lease);
        tree_check(&lease->keys);
        sums->live_attached += lease->keys.count;
        sums->bytes += LEASE_BYTES;
        sums->digest += lease_hash(lease);
    }
    ASSERT(count == c->leases.count && count == c->expiry.count);
}

static void check_waiting(const struct consensus *c)
{
    uint64_t count = 0, digest = 0;
    const struct list *at = c->waiting.next;
    for (; at != &c->waiting; at = at->next, count++) {
        digest += waiting_hash(LIST_ITEM(at, const struct waiting, all));
    }
    ASSERT(count == c->waiting_count && digest == c->waiting_digest);
}

void consensus_check(const void *machine)
{
    const struct consensus *c = machine;
    struct sums sums = {0};
    const struct version *before = NULL;
    const struct list *at = c->versions.next;
    for (; at != &c->versions; at = at->next) {
        const struct version *version = LIST_ITEM(at, const struct version, all);
        check_version(c, version, before, &sums);
        before = version;
    }
    check_leases(c, &sums);
    check_waiting(c);
    ASSERT(sums.versions == c->versions_count && sums.bytes == c->bytes);
    ASSERT(sums.digest == c->digest && sums.attached == sums.live_attached);
    ASSERT(tree_check(&c->keys) == tree_live_below(&c->keys, NULL));
    if (c->running.active) tree_check(&c->gone);
    if (c->running.active) tree_check(&c->born);
    ASSERT(!c->running.active || c->running.sliced);
    ASSERT(c->running.active || c->running.sub == 0);
    ASSERT(c->walk.target <= c->compacted && c->compacted <= c->revision);
}
