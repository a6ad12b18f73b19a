/* Applying the log. See replica.h. */
#include "node/group/replica.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"

enum { CLOCKS_SIZE = 24, ORIGIN_SIZE = 29, ORIGIN_ENDED = 1, ORIGIN_ACTIVE = 2 };

void commands_header_store(uint8_t at[COMMANDS_HEADER_SIZE], const struct commands_header *header)
{
    store_u32(at, header->origin);
    store_u64(at + 4, header->incarnation);
    store_u64(at + 12, header->first);
    store_u32(at + 20, header->count);
}

static bool commands_header_read(struct reader *reader, struct commands_header *header)
{
    header->origin = read_u32(reader);
    header->incarnation = read_u64(reader);
    header->first = read_u64(reader);
    header->count = read_u32(reader);
    return !reader->bad && header->origin != 0 && header->first != 0;
}

bool command_read(struct reader *reader, struct command *command)
{
    if (reader->bytes.size == 0) return false;
    command->type = read_u8(reader);
    command->connection = read_u32(reader);
    command->bytes = read_bytes(reader);
    return !reader->bad;
}

void command_append(struct buffer *out, const struct command *command)
{
    uint8_t *at = buffer_reserve(out, COMMAND_HEADER_SIZE + command->bytes.size);
    at[0] = command->type;
    store_u32(at + 1, command->connection);
    store_u32(at + 5, (uint32_t)command->bytes.size);
    if (command->bytes.size != 0) {
        memcpy(at + COMMAND_HEADER_SIZE, command->bytes.data, command->bytes.size);
    }
    buffer_grew(out, COMMAND_HEADER_SIZE + command->bytes.size);
}

bool commands_check(struct slice batch, struct commands_header *header)
{
    struct reader reader = reader_of(batch);
    if (!commands_header_read(&reader, header)) return false;
    struct command command;
    uint32_t count = 0;
    while (command_read(&reader, &command)) count++;
    return !reader.bad && count == header->count && count > 0;
}

struct replica *replica_create(const struct machine_ops *ops, const void *options,
                               machine_emit *emit, void *world)
{
    struct replica *replica = calloc(1, sizeof *replica);
    ASSERT(replica != NULL);
    replica->ops = ops;
    replica->machine = ops->create(options, emit, world);
    return replica;
}

bool replica_destroy_some(struct replica *replica)
{
    if (!replica->ops->destroy(replica->machine)) return false;
    free(replica->origins.at);
    free(replica->terms);
    buffer_free(&replica->cut_head);
    buffer_free(&replica->restore_head);
    free(replica);
    return true;
}

void replica_destroy(struct replica *replica)
{
    while (replica != NULL && !replica_destroy_some(replica)) {}
}

void origins_reserve(struct origins *origins, uint32_t count)
{
    ASSERT(count <= REPLICA_ORIGINS_MAX);
    if (count <= origins->capacity) return;
    while (origins->capacity < count) origins->capacity += 4;
    origins->at = realloc(origins->at, origins->capacity * sizeof *origins->at);
    ASSERT(origins->at != NULL);
}

static struct origin *origin_find(struct replica *replica, uint32_t node)
{
    for (uint32_t i = 0; i < replica->origins.count; i++) {
        if (replica->origins.at[i].node == node) return &replica->origins.at[i];
    }
    return NULL;
}

const struct origin *replica_origin(const struct replica *replica, uint32_t node)
{
    for (uint32_t i = 0; i < replica->origins.count; i++) {
        if (replica->origins.at[i].node == node) return &replica->origins.at[i];
    }
    return NULL;
}

static struct origin *origin_add(struct replica *replica, uint32_t node)
{
    if (replica->origins.count == REPLICA_ORIGINS_MAX) return NULL;
    origins_reserve(&replica->origins, replica->origins.count + 1);
    uint32_t at = replica->origins.count++;
    for (; at > 0 && replica->origins.at[at - 1].node > node; at--) {
        replica->origins.at[at] = replica->origins.at[at - 1];
    }
    replica->origins.at[at] = (struct origin){.node = node};
    return &replica->origins.at[at];
}

/* The origin as of this batch's incarnation; NULL when the batch belongs to an earlier life. */
static struct origin *origin_enter(struct replica *replica, const struct commands_header *header)
{
    struct origin *origin = origin_find(replica, header->origin);
    if (origin == NULL) origin = origin_add(replica, header->origin);
    if (origin == NULL || header->incarnation < origin->incarnation) return NULL;
    if (header->incarnation > origin->incarnation) {
        /* Only its first proposal begins a life: one behind it came out of order. */
        if (header->first != 1) return NULL;
        if (origin->incarnation != 0) {
            replica->ops->origin_end(replica->machine, origin->node, header->incarnation - 1);
        }
        *origin = (struct origin){
            .node = header->origin,
            .incarnation = header->incarnation,
            .next = 1,
        };
    }
    return origin->ended ? NULL : origin;
}

/* False: this entry is not of its term. */
static bool apply_fenced(struct replica *replica, const struct origin *origin, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    uint64_t term = read_u64(&reader);
    if (reader.bad || term != replica->at_term) return false;
    struct session_key nobody = {origin->incarnation, origin->node, 0};
    replica->ops->apply(replica->machine, &nobody, reader.bytes);
    return true;
}

static void apply_command(struct replica *replica, struct origin *origin,
                          const struct command *command)
{
    struct session_key session = {origin->incarnation, origin->node, command->connection};
    switch (command->type) {
    case COMMAND_MACHINE:
        origin->active = !replica->ops->sessionless;
        replica->ops->apply(replica->machine, &session, command->bytes);
        break;
    case COMMAND_SESSION_END: replica->ops->session_end(replica->machine, &session); break;
    case COMMAND_HURRY:
        if (replica->ops->session_hurry != NULL) {
            replica->ops->session_hurry(replica->machine, &session);
        }
        break;
    case COMMAND_RENEW: origin->active = command->connection != 0; break;
    default: /* OPEN: entering the incarnation was all */ break;
    }
}

static void apply_commands(struct replica *replica, const struct raft_entry *entry,
                           struct replica_stop *stop)
{
    struct reader reader = reader_of(entry->data);
    struct commands_header header;
    if (!commands_header_read(&reader, &header)) return;
    struct origin *origin = origin_enter(replica, &header);
    if (origin == NULL) return;
    origin->heard_us = replica->elapsed_us;
    bool stops =
        stop != NULL && header.origin == stop->origin && header.incarnation == stop->incarnation;
    struct command command;
    for (uint64_t sequence = header.first; command_read(&reader, &command); sequence++) {
        if (sequence < origin->next) continue;
        if (sequence > origin->next) return;
        origin->next++;
        if (command.type != COMMAND_FENCED) {
            apply_command(replica, origin, &command);
        } else if (!apply_fenced(replica, origin, command.bytes) && stops) {
            stop->fenced(stop->world, sequence);
        }
        if (stops && sequence >= stop->sequence) stop->reached(stop->world, stop);
    }
}

static void apply_expire(struct replica *replica, struct slice data)
{
    struct reader reader = reader_of(data);
    uint32_t node = read_u32(&reader);
    uint64_t incarnation = read_u64(&reader);
    struct origin *origin = origin_find(replica, node);
    if (!reader_done(&reader) || origin == NULL || origin->incarnation != incarnation) return;
    origin->ended = true;
    origin->active = false;
    replica->ops->origin_end(replica->machine, node, incarnation);
}

struct machine_time replica_time(const struct replica *replica)
{
    return (struct machine_time){
        .elapsed_us = replica->elapsed_us,
        .due_us = replica->elapsed_us + replica->leaderless_us,
        .wall_us = replica->wall_us,
    };
}

/* What went by between two entries on which clocks agreed, and was not counted by a leader. */
static void apply_clock(struct replica *replica, uint64_t wall_us, bool late)
{
    uint64_t counted_us = replica->elapsed_us - replica->agreed_elapsed_us;
    bool later = replica->agreed_wall_us != 0 && wall_us > replica->agreed_wall_us;
    uint64_t passed_us = later ? wall_us - replica->agreed_wall_us : 0;
    if (passed_us > counted_us && !late) replica->leaderless_us += passed_us - counted_us;
    replica->agreed_wall_us = wall_us;
    replica->agreed_elapsed_us = replica->elapsed_us;
    replica->wall_us = wall_us;
}

/* --- where terms begin --- */

static void term_begins(struct replica *replica, const struct raft_entry *entry)
{
    if (replica->terms == NULL) {
        replica->base_index = replica->index;
        replica->base_term = replica->term;
    }
    if (replica->terms_count == REPLICA_TERMS_MAX) {
        uint32_t kept = REPLICA_TERMS_MAX / 2;
        struct replica_term *from = replica->terms + (REPLICA_TERMS_MAX - kept);
        replica->base_index = from->index - 1;
        replica->base_term = from[-1].term;
        memmove(replica->terms, from, kept * sizeof *from);
        replica->terms_count = kept;
    }
    if (replica->terms_count == replica->terms_capacity) {
        replica->terms_capacity += replica->terms_capacity == 0 ? 4 : replica->terms_capacity;
        replica->terms = realloc(replica->terms, replica->terms_capacity * sizeof *replica->terms);
        ASSERT(replica->terms != NULL);
    }
    replica->terms[replica->terms_count++] = (struct replica_term){entry->term, entry->index};
}

enum replica_held replica_holds(const struct replica *replica, uint64_t term, uint64_t index)
{
    if (index == 0) return REPLICA_HOLDS;
    if (index > replica->index) return replica->term > term ? REPLICA_LOST : REPLICA_NOT_YET;
    uint64_t held = replica->terms == NULL ? replica->term : replica->base_term;
    for (uint32_t i = replica->terms_count; i > 0; i--) {
        if (replica->terms[i - 1].index > index) continue;
        held = replica->terms[i - 1].term;
        break;
    }
    return held == term ? REPLICA_HOLDS : REPLICA_LOST;
}

enum replica_result replica_apply(struct replica *replica, const struct raft_entry *entry,
                                  struct replica_stop *stop)
{
    ASSERT(entry->index == replica->index + 1);
    if (entry->kind >= KINDS_END || entry->version > 1) return REPLICA_UNKNOWN_KIND;
    if (entry->kind > RAFT_KIND_MEMBERS && entry->kind < RAFT_KIND_CALLER) {
        return REPLICA_UNKNOWN_KIND;
    }
    /* Leaders stamp in order; a stamp that falls all the same must not turn time back. */
    if (entry->elapsed_us > replica->elapsed_us) replica->elapsed_us = entry->elapsed_us;
    if (entry->wall_us > replica->wall_us) replica->wall_us = entry->wall_us;
    if (entry->kind == KIND_CLOCK) {
        bool late = entry->data.size > 0 && entry->data.data[0] == CLOCK_LATE;
        apply_clock(replica, entry->wall_us, late);
    }
    if (entry->term != replica->term) term_begins(replica, entry);
    replica->at_index = entry->index;
    replica->at_term = entry->term;
    struct machine_time time = replica_time(replica);
    replica->ops->advance(replica->machine, &time);
    if (entry->kind == KIND_COMMANDS) apply_commands(replica, entry, stop);
    if (entry->kind == KIND_EXPIRE) apply_expire(replica, entry->data);
    replica->index = entry->index;
    replica->term = entry->term;
    return REPLICA_APPLIED;
}

uint64_t replica_digest(const struct replica *replica)
{
    uint64_t digest = replica->ops->digest(replica->machine);
    for (uint32_t i = 0; i < replica->origins.count; i++) {
        const struct origin *origin = &replica->origins.at[i];
        uint64_t hash = random_mix(origin->node);
        hash = random_mix(hash ^ origin->incarnation);
        hash = random_mix(hash ^ origin->next);
        hash = random_mix(hash ^ origin->heard_us);
        digest += random_mix(hash ^ ((uint64_t)origin->ended << 1 | origin->active));
    }
    digest += random_mix(replica->leaderless_us ^ random_mix(replica->agreed_wall_us));
    digest += random_mix(~replica->agreed_elapsed_us);
    return digest + random_mix(replica->elapsed_us) + random_mix(~replica->wall_us);
}

void replica_cut_begin(struct replica *replica)
{
    ASSERT(!replica->cutting);
    replica->cutting = true;
    buffer_clear(&replica->cut_head);
    buffer_put_u64(&replica->cut_head, replica->leaderless_us);
    buffer_put_u64(&replica->cut_head, replica->agreed_wall_us);
    buffer_put_u64(&replica->cut_head, replica->agreed_elapsed_us);
    buffer_put_u32(&replica->cut_head, replica->origins.count);
    for (uint32_t i = 0; i < replica->origins.count; i++) {
        const struct origin *origin = &replica->origins.at[i];
        buffer_put_u32(&replica->cut_head, origin->node);
        buffer_put_u64(&replica->cut_head, origin->incarnation);
        buffer_put_u64(&replica->cut_head, origin->next);
        buffer_put_u64(&replica->cut_head, origin->heard_us);
        buffer_put_u8(&replica->cut_head, (uint8_t)((origin->ended ? ORIGIN_ENDED : 0) |
                                                    (origin->active ? ORIGIN_ACTIVE : 0)));
    }
    replica->ops->cut_begin(replica->machine);
}

bool replica_cut_read(struct replica *replica, size_t size, struct buffer *out)
{
    ASSERT(replica->cutting);
    buffer_append_slice(out, buffer_slice(&replica->cut_head));
    buffer_clear(&replica->cut_head);
    replica->cutting = replica->ops->cut_read(replica->machine, size, out);
    return replica->cutting;
}

uint64_t replica_cut_pending(const struct replica *replica)
{
    return replica->cutting ? replica->ops->cut_pending(replica->machine) : 0;
}

void replica_cut_abort(struct replica *replica)
{
    if (!replica->cutting) return;
    replica->cutting = false;
    replica->ops->cut_abort(replica->machine);
}

/* The clocks and origins, once all of them have arrived; false when malformed. */
static bool restore_own(struct replica *replica, bool *complete)
{
    struct reader reader = reader_of(buffer_slice(&replica->restore_head));
    *complete = false;
    replica->leaderless_us = read_u64(&reader);
    replica->agreed_wall_us = read_u64(&reader);
    replica->agreed_elapsed_us = read_u64(&reader);
    uint32_t count = read_u32(&reader);
    if (reader.bad) return true;
    if (count > REPLICA_ORIGINS_MAX) return false;
    if (reader.bytes.size < (size_t)count * ORIGIN_SIZE) return true;
    origins_reserve(&replica->origins, count);
    for (uint32_t i = 0; i < count; i++) {
        struct origin *origin = &replica->origins.at[i];
        origin->node = read_u32(&reader);
        origin->incarnation = read_u64(&reader);
        origin->next = read_u64(&reader);
        origin->heard_us = read_u64(&reader);
        uint8_t flags = read_u8(&reader);
        origin->ended = (flags & ORIGIN_ENDED) != 0;
        origin->active = (flags & ORIGIN_ACTIVE) != 0;
        if (i > 0 && origin->node <= replica->origins.at[i - 1].node) return false;
    }
    replica->origins.count = count;
    buffer_consume(&replica->restore_head, CLOCKS_SIZE + 4 + (size_t)count * ORIGIN_SIZE);
    *complete = true;
    return true;
}

bool replica_restore(struct replica *replica, struct slice bytes)
{
    if (replica->restoring) return replica->ops->restore(replica->machine, bytes);
    buffer_append_slice(&replica->restore_head, bytes);
    bool complete = false;
    if (!restore_own(replica, &complete)) return false;
    if (!complete) return true;
    replica->restoring = true;
    bool good = replica->ops->restore(replica->machine, buffer_slice(&replica->restore_head));
    buffer_free(&replica->restore_head);
    return good;
}

bool replica_restore_end(struct replica *replica)
{
    if (!replica->restoring) return false;
    replica->restoring = false;
    return replica->ops->restore_end(replica->machine);
}
