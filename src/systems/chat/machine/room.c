/* Rooms: made by a first post or presence, gone when empty of both. */
#include <stdlib.h>
#include <string.h>

#include "base/sha1.h"
#include "systems/chat/machine/internal.h"

/* A watch knows its room by this alone, so nobody may be able to name a room that has the topic of
 * another's: 8 bytes of SHA-1, whose second preimages nobody can find. */
uint64_t chat_room_topic(struct slice name)
{
    uint8_t digest[SHA1_SIZE];
    sha1(name, digest);
    return load_u64(digest);
}

void chat_room_mark(struct chat *chat, const struct room *room)
{
    chat_mark(chat, room->node.hash);
}

static uint64_t room_bytes(const struct room *room)
{
    return sizeof *room + room->name_size + 128;
}

struct room *chat_room_find(const struct chat *chat, struct slice name)
{
    struct map_node *node = map_find(&chat->rooms, chat_room_topic(name));
    for (; node != NULL; node = map_find_next(node)) {
        struct room *room = LIST_ITEM(node, struct room, node);
        if (slice_equal(chat_room_name(room), name)) return room;
    }
    return NULL;
}

struct room *chat_room_by_number(const struct chat *chat, uint64_t number)
{
    struct map_node *node = map_find(&chat->rooms_by_number, number);
    return node == NULL ? NULL : LIST_ITEM(node, struct room, by_number);
}

struct room *chat_room_make(struct chat *chat, struct slice name, uint64_t number, uint64_t seq)
{
    struct room *room = calloc(1, sizeof *room + name.size);
    ASSERT(room != NULL && name.size <= CHAT_ROOM_SIZE_MAX);
    room->number = number;
    room->seq = seq;
    room->first = seq + 1;
    room->name_size = (uint8_t)name.size;
    memcpy(room->name, name.data, name.size);
    room->size_place.at = HEAP_NOWHERE;
    room->age_place.at = HEAP_NOWHERE;
    /* Made while a cut runs: no part of it, and neither is any event of it. */
    room->cut_number = chat->cut.number;
    room->cut_next = 1;
    map_insert(&chat->rooms, &room->node, chat_room_topic(name));
    map_insert(&chat->rooms_by_number, &room->by_number, number);
    list_append(&chat->room_list, &room->all);
    chat->bytes += room_bytes(room);
    chat_room_changed(chat, room);
    return room;
}

struct room *chat_room_find_or_make(struct chat *chat, struct slice name)
{
    struct room *room = chat_room_find(chat, name);
    if (room != NULL) return room;
    if (chat->rooms.count >= chat->options.rooms_max) return NULL;
    room = chat_room_make(chat, name, chat_next_number(chat), chat->removed_seq);
    room->version = chat->removed_version;
    chat_room_changed(chat, room);
    return room;
}

void chat_room_drop_empty(struct chat *chat, struct room *room)
{
    if (room->first <= room->seq || room->attendees_count != 0) return;
    chat_room_will_change(chat, room);
    if (room->seq > chat->removed_seq) chat->removed_seq = room->seq;
    if (room->version > chat->removed_version) chat->removed_version = room->version;
    chat->digest -= room->contribution;
    chat_room_free(chat, room);
}

/* Its events are gone already; attendees may be there when all is torn down. */
void chat_room_free(struct chat *chat, struct room *room)
{
    if (room->size_place.at != HEAP_NOWHERE) heap_remove(&chat->by_size, &room->size_place);
    if (room->age_place.at != HEAP_NOWHERE) heap_remove(&chat->by_age, &room->age_place);
    chat_cut_skip(chat, &room->all);
    map_remove(&chat->rooms, &room->node);
    map_remove(&chat->rooms_by_number, &room->by_number);
    list_remove(&room->all);
    chat->bytes -= room_bytes(room);
    free(room->ring);
    free(room->attendees);
    free(room);
}

void chat_room_will_change(struct chat *chat, struct room *room)
{
    if (chat->cut.active) chat_cut_room(chat, room);
}

uint64_t chat_room_hash(const struct room *room)
{
    uint64_t words[] = {room->node.hash, room->number, room->seq,
                        room->first,     room->bytes,  room->version};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_room_changed(struct chat *chat, struct room *room)
{
    uint64_t contribution = chat_room_hash(room);
    chat->digest += contribution - room->contribution;
    room->contribution = contribution;
}

struct chat_room_state chat_room_state_of(const struct chat *chat, const struct room *room)
{
    if (room == NULL) {
        return (struct chat_room_state){.seq = chat->removed_seq,
                                        .first = chat->removed_seq + 1,
                                        .version = chat->removed_version};
    }
    return (struct chat_room_state){room->seq, room->first, room->version, room->attendees_count};
}

struct chat_room_state chat_room_state(const void *machine, struct slice room)
{
    return chat_room_state_of(machine, chat_room_find(machine, room));
}
