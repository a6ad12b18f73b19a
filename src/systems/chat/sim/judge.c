/* The judge of a simulated chat. See judge.h. */
#include "systems/chat/sim/judge.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/random.h"

enum { POSTS_LOOKED_AT = 64 };

/* Allocated one by one: maps keep their addresses. */
struct judge_named {
    struct map_node node;
    uint64_t number;
};

static uint64_t name_hash(struct chat_client_key client, uint64_t id)
{
    return map_hash_u64(map_hash_u64(map_hash_u64(client.stamp) + client.number) + id);
}

struct judge_change *judge_change(const struct judge *judge, uint64_t number)
{
    return number == 0 || number > judge->count ? NULL : &judge->changes[number - 1];
}

static uint64_t number_named(const struct judge *judge, struct chat_client_key client, uint64_t id)
{
    struct map_node *at = map_find(&judge->by_id, name_hash(client, id));
    for (; at != NULL; at = map_find_next(at)) {
        uint64_t number = LIST_ITEM(at, struct judge_named, node)->number;
        const struct judge_change *change = judge_change(judge, number);
        if (change->id == id && change->client.stamp == client.stamp &&
            change->client.number == client.number) {
            return number;
        }
    }
    return 0;
}

uint64_t judge_asked(struct judge *judge, const struct judge_change *change)
{
    if (judge->count == judge->capacity) {
        judge->capacity = judge->capacity == 0 ? 256 : judge->capacity * 2;
        judge->changes = realloc(judge->changes, judge->capacity * sizeof *judge->changes);
        ASSERT(judge->changes != NULL);
    }
    struct judge_named *named = calloc(1, sizeof *named);
    ASSERT(named != NULL);
    judge->changes[judge->count] = *change;
    judge->changes[judge->count].acked_max = judge->acked_max[change->room];
    named->number = ++judge->count;
    map_insert(&judge->by_id, &named->node, name_hash(change->client, change->id));
    return named->number;
}

static uint64_t *place_at(struct judge *judge, uint32_t room, uint64_t seq)
{
    struct buffer *places = &judge->rooms[room];
    while (places->size <= seq * 8) buffer_put_u64(places, 0);
    return (uint64_t *)(void *)(places->data + places->head) + seq;
}

/* The change stands at this number. */
static void stands(struct world *world, struct judge *judge, uint64_t number, uint64_t seq)
{
    struct judge_change *change = judge_change(judge, number);
    uint64_t *place = place_at(judge, change->room, seq);
    if (change->refused) {
        world_fail(world, "nothing invented", "number %U of room %u was refused", seq,
                   change->room);
    } else if (change->seq != 0 && change->seq != seq) {
        world_fail(world, "at most once", "change %U of room %u stands at %U and at %U", number,
                   change->room, change->seq, seq);
    } else if (*place != 0 && *place != number) {
        world_fail(world, "one order", "number %U of room %u is %U and %U", seq, change->room,
                   *place, number);
    } else if (seq <= change->acked_max) {
        world_fail(world, "one order",
                   "number %U of room %u was asked for when %U was acknowledged", seq, change->room,
                   change->acked_max);
    }
    *place = number;
    change->seq = seq;
}

static void deletion_known(struct world *world, struct judge *judge, uint32_t room, uint64_t of)
{
    struct judge_change *post = judge_change(judge, *place_at(judge, room, of));
    if (post != NULL && post->deleted_us == 0) post->deleted_us = world_now_us(world) + 1;
}

void judge_acknowledged(struct world *world, struct judge *judge, uint64_t number, uint64_t seq)
{
    struct judge_change *change = judge_change(judge, number);
    stands(world, judge, number, seq);
    if (seq > judge->acked_max[change->room]) judge->acked_max[change->room] = seq;
    if (change->kind == CHAT_EVENT_DELETE) {
        deletion_known(world, judge, change->room, change->of);
    }
}

void judge_refused(struct world *world, struct judge *judge, uint64_t number)
{
    struct judge_change *change = judge_change(judge, number);
    change->refused = true;
    if (change->seq == 0) return;
    world_fail(world, "nothing invented", "number %U of room %u was refused later", change->seq,
               change->room);
}

/* What a post says now. */
static void judge_text(struct world *world, struct judge *judge, const struct word *word,
                       uint64_t joined_us)
{
    uint64_t of = word->kind == CHAT_EVENT_POST ? word->seq : word->of;
    const struct judge_change *post = judge_change(judge, *place_at(judge, word->room, of));
    const struct judge_change *text = judge_change(judge, word->text);
    if (word->kind == CHAT_EVENT_DELETE || word->deleted) {
        if (word->text == 0) return;
        world_fail(world, "deleted text", "number %U of room %u has one", word->seq, word->room);
    } else if (text == NULL || text->refused || text->room != word->room) {
        world_fail(world, "nothing invented", "number %U of room %u says \"%U\"", word->seq,
                   word->room, word->text);
    } else if (text->kind == CHAT_EVENT_EDIT ? text->of != of : post != text && post != NULL) {
        world_fail(world, "nothing invented", "number %U of room %u says \"%U\" of another post",
                   word->seq, word->room, word->text);
    } else if (post != NULL && post->deleted_us != 0 && joined_us > post->deleted_us) {
        world_fail(world, "deleted text", "number %U of room %u shows \"%U\"", word->seq,
                   word->room, word->text);
    }
}

void judge_event(struct world *world, struct judge *judge, const struct word *word,
                 uint64_t joined_us)
{
    uint64_t number = 0;
    if (word->client.size == WORDS_KEY_SIZE) {
        number = number_named(judge, word_key(word->client), word->id);
    }
    const struct judge_change *change = judge_change(judge, number);
    bool same = change != NULL && change->kind == word->kind && change->room == word->room &&
                change->of == word->of;
    if (!same) {
        world_fail(world, "nothing invented", "nobody asked for number %U of room %u", word->seq,
                   word->room);
        return;
    }
    stands(world, judge, number, word->seq);
    if (word->kind == CHAT_EVENT_DELETE) deletion_known(world, judge, word->room, word->of);
    judge_text(world, judge, word, joined_us);
}

static uint64_t first_kept(const struct world *world, uint32_t room)
{
    uint64_t first = 0;
    uint8_t name[] = {'r', (uint8_t)('0' + room)};
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if (world->hosts[i].node == NULL) continue;
        const void *machine = node_machine(world->hosts[i].node);
        uint64_t kept = chat_room_state(machine, slice_of(name, sizeof name)).first;
        if (kept > first) first = kept;
    }
    return first;
}

void judge_gap(struct world *world, uint32_t room, uint64_t to)
{
    uint64_t first = first_kept(world, room);
    bool all_up = true;
    for (uint32_t i = 0; i < world->hosts_count; i++) all_up &= world->hosts[i].node != NULL;
    if (first > to || !all_up) return;
    world_fail(world, "gap", "number %U of room %u is told as gone, and the oldest kept is %U", to,
               room, first);
}

void judge_marker(struct world *world, struct judge *judge, uint32_t user, uint32_t room,
                  uint64_t floor, uint64_t seq)
{
    if (seq < floor) {
        world_fail(world, "marker", "user %u has read to %U of room %u, and to %U before", user,
                   seq, room, floor);
    }
    if (seq > judge->markers[user][room]) judge->markers[user][room] = seq;
}

uint64_t judge_some_post(const struct judge *judge, struct random *random, uint32_t identity)
{
    uint64_t found = 0;
    uint32_t seen = 0;
    uint32_t last = judge->count < POSTS_LOOKED_AT ? 0 : judge->count - POSTS_LOOKED_AT;
    for (uint32_t i = judge->count; i > last; i--) {
        const struct judge_change *change = &judge->changes[i - 1];
        if (change->kind != CHAT_EVENT_POST || change->seq == 0) continue;
        if (change->identity != identity) continue;
        if (random_below(random, ++seen) == 0) found = i;
    }
    return found;
}

uint64_t judge_last(const struct world *world, uint32_t room)
{
    uint64_t last = 0;
    uint8_t name[] = {'r', (uint8_t)('0' + room)};
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if (world->hosts[i].node == NULL) return UINT64_MAX;
        const void *machine = node_machine(world->hosts[i].node);
        uint64_t seq = chat_room_state(machine, slice_of(name, sizeof name)).seq;
        if (seq > last) last = seq;
    }
    return last;
}

/* A client's own changes, those that nobody refused in between. */
static void judge_own_order(struct world *world, const struct judge *judge)
{
    uint64_t *last = calloc((size_t)(judge->identities + 1) * JUDGE_ROOMS, sizeof *last);
    ASSERT(last != NULL);
    for (uint32_t i = 0; i < judge->count; i++) {
        const struct judge_change *change = &judge->changes[i];
        uint64_t *before = &last[change->identity * JUDGE_ROOMS + change->room];
        if (change->doubted || change->seq == 0) continue;
        if (change->seq < *before) {
            world_fail(world, "one order", "change %u of room %u stands at %U, behind %U", i + 1,
                       change->room, change->seq, *before);
        }
        *before = change->seq;
    }
    free(last);
}

void judge_end(struct world *world, const struct judge *judge)
{
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
        uint64_t last = judge_last(world, room);
        if (last >= judge->acked_max[room]) continue;
        world_fail(world, "no loss", "room %u ends at %U, and %U was acknowledged", room, last,
                   judge->acked_max[room]);
    }
    judge_own_order(world, judge);
}

void judge_free(struct judge *judge)
{
    for (struct map_node *at = map_any(&judge->by_id); at != NULL; at = map_any(&judge->by_id)) {
        map_remove(&judge->by_id, at);
        free(LIST_ITEM(at, struct judge_named, node));
    }
    map_free(&judge->by_id);
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) buffer_free(&judge->rooms[room]);
    free(judge->changes);
}
