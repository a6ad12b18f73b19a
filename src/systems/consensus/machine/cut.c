/* Taking a snapshot while the state goes on changing: contract/cut.h; the objects are those of
 * specs/systems/consensus.md, "Snapshot".
 *
 * Versions never change, and stand in the order of revisions, so they need no mark: one is part of
 * the cut if it is not newer than the last of then, and written if the cursor has passed it. Only
 * those that are freed ahead of the cursor are written early. */
#include "systems/consensus/machine/internal.h"

static void put_session(struct buffer *out, const struct session_key *session)
{
    buffer_put_u32(out, session->node);
    buffer_put_u32(out, session->connection);
    buffer_put_u64(out, session->incarnation);
}

/* Where a walk stands; all ones: behind the last version, or nowhere. */
static void put_place(const struct consensus *c, const struct list *at, struct buffer *out)
{
    bool somewhere = at != NULL && at != &c->versions;
    const struct version *version = somewhere ? LIST_ITEM(at, const struct version, all) : NULL;
    buffer_put_u64(out, version == NULL ? UINT64_MAX : version->mod);
    buffer_put_u32(out, version == NULL ? UINT32_MAX : version->sub);
}

static void put_running(const struct running *running, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)(running->active | running->answers << 1 | running->resumed << 2));
    put_session(out, &running->session);
    buffer_put_u32(out, running->at);
    buffer_put_u32(out, running->sub);
    buffer_put_u64(out, (uint64_t)running->lease);
    buffer_put_bytes(out, buffer_slice(&running->resume));
    buffer_put_bytes(out, buffer_slice(&running->command));
}

static void put_header(const struct consensus *c, struct buffer *out)
{
    size_t begin = cut_object_begin(out, CUT_HEADER);
    buffer_put_u64(out, c->elapsed_us);
    buffer_put_u64(out, c->revision);
    buffer_put_u64(out, c->compacted);
    buffer_put_u64(out, c->quota);
    buffer_put_u32(out, c->alarm);
    buffer_put_u64(out, c->expired);
    buffer_put_u64(out, c->freeing);
    buffer_put_u8(out, CONSENSUS_OP_END - 1);
    for (unsigned op = 1; op < CONSENSUS_OP_END; op++) buffer_put_u64(out, c->commands[op]);
    buffer_put_u8(out, c->walk.active);
    buffer_put_u64(out, c->walk.target);
    buffer_put_u64(out, c->walk.from_us);
    put_place(c, c->walk.active ? c->walk.at : NULL, out);
    put_place(c, c->walk.from, out);
    put_running(&c->running, out);
    cut_object_end(out, begin);
}

static void put_waiting(const struct waiting *waiting, struct buffer *out)
{
    size_t begin = cut_object_begin(out, OBJECT_WAITING);
    put_session(out, &waiting->session);
    buffer_append(out, waiting->command, waiting->size);
    cut_object_end(out, begin);
}

static void put_lease(struct consensus *c, struct lease *lease, struct buffer *out)
{
    if (!cut_mark(&c->cut, &lease->cut_number)) return;
    size_t begin = cut_object_begin(out, OBJECT_LEASE);
    buffer_put_u64(out, (uint64_t)lease->id);
    buffer_put_u64(out, (uint64_t)lease->ttl_s);
    buffer_put_u64(out, lease->expires_us);
    cut_object_end(out, begin);
}

static void put_version(const struct version *version, enum consensus_object kind,
                        struct buffer *out)
{
    size_t begin = cut_object_begin(out, (uint8_t)kind);
    buffer_put_u64(out, version->mod);
    buffer_put_u32(out, version->sub);
    buffer_put_u64(out, version->create);
    buffer_put_u64(out, version->version);
    buffer_put_u64(out, (uint64_t)version->lease);
    buffer_put_bytes(out, key_bytes(version->key));
    buffer_append(out, version->value, version->size);
    cut_object_end(out, begin);
}

/* What changes ahead of its turn */

void cut_lease(struct consensus *c, struct lease *lease)
{
    put_lease(c, lease, cut_pre_image(&c->cut));
}

void cut_lease_gone(struct consensus *c, struct lease *lease)
{
    cut_lease(c, lease);
    cut_skip(&c->cursors.lease, &lease->all);
}

void cut_waiting_gone(struct consensus *c, struct waiting *waiting)
{
    if (cut_mark(&c->cut, &waiting->cut_number)) put_waiting(waiting, cut_pre_image(&c->cut));
    cut_skip(&c->cursors.waiting, &waiting->all);
}

/* `a` stands before (mod, sub), or at it. */
static bool not_behind(const struct version *a, uint64_t mod, uint32_t sub)
{
    return a->mod < mod || (a->mod == mod && a->sub <= sub);
}

void cut_version_gone(struct consensus *c, struct version *version)
{
    const struct cut_cursors *cursors = &c->cursors;
    if (cursors->version != &c->versions) {
        const struct version *next = LIST_ITEM(cursors->version, struct version, all);
        if (not_behind(next, version->mod, version->sub) &&
            not_behind(version, cursors->mod, cursors->sub)) {
            put_version(version, OBJECT_AHEAD, cut_pre_image(&c->cut));
        }
    }
    cut_skip(&c->cursors.version, &version->all);
}

/* The cut */

void consensus_cut_begin(void *machine)
{
    struct consensus *c = machine;
    cut_begin(&c->cut);
    c->cursors = (struct cut_cursors){
        .waiting = c->waiting.next,
        .lease = c->lease_list.next,
        .version = c->versions.next,
        .digest = consensus_digest(c),
        .waitings = c->waiting_count,
        .leases = c->leases.count,
        .versions = c->versions_count,
    };
    if (!list_empty(&c->versions)) {
        const struct version *last = LIST_ITEM(c->versions.previous, struct version, all);
        c->cursors.mod = last->mod;
        c->cursors.sub = last->sub;
    }
    put_header(c, cut_pre_image(&c->cut));
}

/* A cut_step. */
static bool put_next(void *machine, size_t limit, struct buffer *out)
{
    struct consensus *c = machine;
    struct cut_cursors *cursors = &c->cursors;
    (void)limit;
    if (cursors->waiting != &c->waiting) {
        struct waiting *waiting = LIST_ITEM(cursors->waiting, struct waiting, all);
        cursors->waiting = cursors->waiting->next;
        if (cut_mark(&c->cut, &waiting->cut_number)) put_waiting(waiting, out);
        return true;
    }
    if (cursors->lease != &c->lease_list) {
        struct lease *lease = LIST_ITEM(cursors->lease, struct lease, all);
        cursors->lease = cursors->lease->next;
        put_lease(c, lease, out);
        return true;
    }
    if (cursors->version == &c->versions) return false;
    const struct version *version = LIST_ITEM(cursors->version, struct version, all);
    if (!not_behind(version, cursors->mod, cursors->sub)) return false;
    cursors->version = cursors->version->next;
    put_version(version, OBJECT_VERSION, out);
    return true;
}

/* A cut_end. */
static void put_end(void *machine, struct buffer *out)
{
    const struct cut_cursors *cursors = &((const struct consensus *)machine)->cursors;
    size_t begin = cut_object_begin(out, OBJECT_END);
    buffer_put_u64(out, cursors->waitings);
    buffer_put_u64(out, cursors->leases);
    buffer_put_u64(out, cursors->versions);
    buffer_put_u64(out, cursors->digest);
    cut_object_end(out, begin);
}

bool consensus_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct consensus *c = machine;
    return cut_read(&c->cut, size, out, put_next, put_end, c);
}

uint64_t consensus_cut_pending(const void *machine)
{
    return cut_pending(&((const struct consensus *)machine)->cut);
}

void consensus_cut_abort(void *machine)
{
    cut_abort(&((struct consensus *)machine)->cut);
}
