/* Reading a snapshot back. Versions are appended in the order of revisions, as they were made: that
 * builds keys, their chains and the lists of leases anew. Those that were written ahead of their
 * turn wait in a heap for it. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum { OBJECT_SIZE_MAX = 4 * CONSENSUS_COMMAND_BYTES_MAX };

struct ahead {
    struct heap_place place;
    uint32_t size;
    uint8_t fields[];
};

static void read_session(struct reader *reader, struct session_key *session)
{
    session->node = read_u32(reader);
    session->connection = read_u32(reader);
    session->incarnation = read_u64(reader);
}

static bool take_running(struct running *running, struct reader *reader)
{
    uint8_t flags = read_u8(reader);
    running->active = flags & 1;
    running->answers = flags >> 1 & 1;
    running->resumed = flags >> 2 & 1;
    running->sliced = running->active;
    read_session(reader, &running->session);
    running->at = read_u32(reader);
    running->sub = read_u32(reader);
    running->lease = (int64_t)read_u64(reader);
    buffer_append_slice(&running->resume, read_bytes(reader));
    struct slice command = read_bytes(reader);
    if (reader->bad || flags > 7) return false;
    if (running->active && running->lease == 0 &&
        consensus_refuses(command) != CONSENSUS_ERROR_NONE) {
        return false;
    }
    buffer_append_slice(&running->command, command);
    return true;
}

static bool take_header(struct consensus *c, struct reader *reader)
{
    c->elapsed_us = read_u64(reader);
    c->revision = read_u64(reader);
    c->compacted = read_u64(reader);
    c->quota = read_u64(reader);
    c->alarm = read_u32(reader);
    c->expired = read_u64(reader);
    c->freeing = read_u64(reader);
    if (read_u8(reader) != CONSENSUS_OP_END - 1) return false;
    for (unsigned op = 1; op < CONSENSUS_OP_END; op++) c->commands[op] = read_u64(reader);
    c->walk.active = read_u8(reader) != 0;
    c->walk.target = read_u64(reader);
    c->walk.from_us = read_u64(reader);
    c->restoring.walk_mod = read_u64(reader);
    c->restoring.walk_sub = read_u32(reader);
    c->restoring.from_mod = read_u64(reader);
    c->restoring.from_sub = read_u32(reader);
    c->walk.at = c->walk.from = NULL;
    return take_running(&c->running, reader) && reader_done(reader) &&
           c->compacted <= c->revision && c->walk.target <= c->compacted;
}

static bool take_waiting(struct consensus *c, struct reader *reader)
{
    struct session_key session;
    read_session(reader, &session);
    if (reader->bad || consensus_refuses(reader->bytes) != CONSENSUS_ERROR_NONE) return false;
    waiting_add(c, &session, reader->bytes);
    return true;
}

static bool take_lease(struct consensus *c, struct reader *reader)
{
    int64_t id = (int64_t)read_u64(reader), ttl_s = (int64_t)read_u64(reader);
    uint64_t expires_us = read_u64(reader);
    if (!reader_done(reader) || id == 0 || lease_find(c, id) != NULL) return false;
    lease_new(c, id, ttl_s, expires_us);
    return true;
}

/* What a command that was under way had done. */
static void note_running(struct consensus *c, struct version *version, bool lived)
{
    bool lives = version->version != 0;
    if (version->mod <= c->revision || lived == lives) return;
    tree_insert(lived ? &c->gone : &c->born, version->key);
}

static bool behind_all(const struct consensus *c, const struct version *numbers)
{
    if (list_empty(&c->versions)) return true;
    const struct version *last = LIST_ITEM(c->versions.previous, const struct version, all);
    return last->mod < numbers->mod || (last->mod == numbers->mod && last->sub < numbers->sub);
}

static bool append(struct consensus *c, struct slice fields)
{
    struct reader reader = reader_of(fields);
    struct version numbers = {.mod = read_u64(&reader), .sub = read_u32(&reader)};
    numbers.create = read_u64(&reader);
    numbers.version = read_u64(&reader);
    numbers.lease = (int64_t)read_u64(&reader);
    struct slice bytes = read_bytes(&reader);
    if (reader.bad || bytes.size == 0 || !behind_all(c, &numbers)) return false;
    if (numbers.mod > c->revision + c->running.active) return false;
    struct key *key = tree_find(&c->keys, bytes);
    bool lived = key != NULL && key_live(key);
    struct version *version = version_add(c, bytes, reader.bytes, &numbers);
    note_running(c, version, lived);
    const struct restoring *restoring = &c->restoring;
    if (numbers.mod == restoring->walk_mod && numbers.sub == restoring->walk_sub) {
        c->walk.at = &version->all;
    }
    if (numbers.mod == restoring->from_mod && numbers.sub == restoring->from_sub) {
        c->walk.from = &version->all;
    }
    return true;
}

/* Appends those whose turn is before (mod, sub). */
static bool append_ahead(struct consensus *c, uint64_t mod, uint32_t sub)
{
    struct heap *heap = &c->restoring.ahead;
    for (const struct heap_slot *first; (first = heap_min(heap)) != NULL;) {
        if (first->major > mod || (first->major == mod && first->minor > sub)) break;
        struct ahead *ahead = (struct ahead *)(void *)first->place;
        heap_remove(heap, &ahead->place);
        bool good = append(c, slice_of(ahead->fields, ahead->size));
        free(ahead);
        if (!good) return false;
    }
    return true;
}

static bool take_version(struct consensus *c, struct slice fields)
{
    struct reader reader = reader_of(fields);
    uint64_t mod = read_u64(&reader);
    uint32_t sub = read_u32(&reader);
    return !reader.bad && append_ahead(c, mod, sub) && append(c, fields);
}

static bool take_ahead(struct consensus *c, struct slice fields)
{
    struct reader reader = reader_of(fields);
    uint64_t mod = read_u64(&reader);
    uint32_t sub = read_u32(&reader);
    if (reader.bad) return false;
    struct ahead *ahead = malloc(sizeof *ahead + fields.size);
    ASSERT(ahead != NULL);
    ahead->size = (uint32_t)fields.size;
    memcpy(ahead->fields, fields.data, fields.size);
    heap_push(&c->restoring.ahead, mod, sub, &ahead->place);
    return true;
}

static bool take_end(struct consensus *c, struct reader *reader)
{
    c->restoring.waitings = read_u64(reader);
    c->restoring.leases = read_u64(reader);
    c->restoring.versions = read_u64(reader);
    c->restoring.digest = read_u64(reader);
    c->restoring.feed.ended = true;
    return reader_done(reader);
}

/* A cut_take. */
static bool take(void *machine, uint8_t kind, struct slice fields)
{
    struct consensus *c = machine;
    struct reader reader = reader_of(fields);
    switch (kind) {
    case CUT_HEADER: return take_header(c, &reader);
    case OBJECT_WAITING: return take_waiting(c, &reader);
    case OBJECT_LEASE: return take_lease(c, &reader);
    case OBJECT_VERSION: return take_version(c, fields);
    case OBJECT_AHEAD: return take_ahead(c, fields);
    case OBJECT_END: return take_end(c, &reader);
    default: return false;
    }
}

bool consensus_restore(void *machine, struct slice bytes)
{
    struct consensus *c = machine;
    return cut_feed(&c->restoring.feed, bytes, OBJECT_SIZE_MAX, take, c);
}

static bool lives_on(struct consensus *c)
{
    const struct running *running = &c->running;
    if (!running->active || running->lease == 0) return true;
    return lease_find(c, running->lease) != NULL;
}

bool consensus_restore_end(void *machine)
{
    struct consensus *c = machine;
    const struct restoring *restoring = &c->restoring;
    if (!cut_feed_whole(&restoring->feed)) return false;
    if (!append_ahead(c, UINT64_MAX, UINT32_MAX) || !lives_on(c)) return false;
    if (c->walk.at == NULL) c->walk.at = &c->versions;
    bool nowhere = restoring->from_mod == UINT64_MAX;
    if (c->walk.from == NULL && !(c->walk.active && nowhere)) c->walk.from = &c->versions;
    run_restored(c);
    restore_free(c);
    return c->versions_count == restoring->versions && c->leases.count == restoring->leases &&
           c->waiting_count == restoring->waitings && consensus_digest(c) == restoring->digest;
}

void restore_free(struct consensus *c)
{
    cut_feed_free(&c->restoring.feed);
    struct heap *heap = &c->restoring.ahead;
    while (heap_min(heap) != NULL) {
        struct ahead *ahead = (struct ahead *)(void *)heap_min(heap)->place;
        heap_remove(heap, &ahead->place);
        free(ahead);
    }
    heap_free(heap);
    *heap = (struct heap){0};
}
