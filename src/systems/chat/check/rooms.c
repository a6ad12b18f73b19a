/* What is known of rooms. See rooms.h. */
#include "systems/chat/check/rooms.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/list.h"
#include "check/history.h"

static uint64_t hash_of(uint64_t a, uint64_t b, uint64_t c)
{
    return map_hash_u64(map_hash_u64(map_hash_u64(a) + b) + c);
}

static void *new_item(size_t size)
{
    void *item = calloc(1, size);
    ASSERT(item != NULL);
    return item;
}

static void free_all(struct map *map, size_t node_at)
{
    for (struct map_node *node = map_any(map); node != NULL; node = map_any(map)) {
        map_remove(map, node);
        free((uint8_t *)node - node_at);
    }
    map_free(map);
}

void rooms_free(struct rooms *rooms)
{
    free_all(&rooms->things, offsetof(struct thing, node));
    free_all(&rooms->texts, offsetof(struct text, node));
    free_all(&rooms->readers, offsetof(struct reader_state, node));
    free_all(&rooms->known, offsetof(struct knowledge, node));
    free_all(&rooms->states, offsetof(struct room_state, node));
}

struct thing *rooms_thing(struct rooms *rooms, uint64_t room, uint64_t seq)
{
    uint64_t hash = hash_of(room, seq, 0);
    struct map_node *node = map_find(&rooms->things, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct thing *thing = LIST_ITEM(node, struct thing, node);
        if (thing->room == room && thing->seq == seq) return thing;
    }
    struct thing *thing = new_item(sizeof *thing);
    thing->room = room;
    thing->seq = seq;
    thing->text = HISTORY_NIL;
    map_insert(&rooms->things, &thing->node, hash);
    return thing;
}

struct text *rooms_text(struct rooms *rooms, uint64_t room, uint64_t atom, bool make)
{
    uint64_t hash = hash_of(room, atom, 1);
    struct map_node *node = map_find(&rooms->texts, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct text *text = LIST_ITEM(node, struct text, node);
        if (text->room == room && text->atom == atom) return text;
    }
    if (!make) return NULL;
    struct text *text = new_item(sizeof *text);
    text->room = room;
    text->atom = atom;
    map_insert(&rooms->texts, &text->node, hash);
    return text;
}

struct reader_state *rooms_reader(struct rooms *rooms, uint64_t room, uint32_t process)
{
    uint64_t hash = hash_of(room, process, 2);
    struct map_node *node = map_find(&rooms->readers, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct reader_state *reader = LIST_ITEM(node, struct reader_state, node);
        if (reader->room == room && reader->process == process) return reader;
    }
    struct reader_state *reader = new_item(sizeof *reader);
    reader->room = room;
    reader->process = process;
    map_insert(&rooms->readers, &reader->node, hash);
    return reader;
}

struct knowledge *rooms_knowledge(struct rooms *rooms, uint64_t room, uint64_t seq,
                                  uint32_t process, bool make)
{
    uint64_t hash = hash_of(room, seq, (uint64_t)process + 3);
    struct map_node *node = map_find(&rooms->known, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct knowledge *known = LIST_ITEM(node, struct knowledge, node);
        if (known->room == room && known->seq == seq && known->process == process) return known;
    }
    if (!make) return NULL;
    struct knowledge *known = new_item(sizeof *known);
    known->room = room;
    known->seq = seq;
    known->process = process;
    map_insert(&rooms->known, &known->node, hash);
    return known;
}

struct room_state *rooms_state(struct rooms *rooms, uint64_t room)
{
    uint64_t hash = map_hash_u64(room);
    struct map_node *node = map_find(&rooms->states, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct room_state *state = LIST_ITEM(node, struct room_state, node);
        if (state->room == room) return state;
    }
    struct room_state *state = new_item(sizeof *state);
    state->room = room;
    map_insert(&rooms->states, &state->node, hash);
    return state;
}
