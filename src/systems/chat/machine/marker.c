/* Read markers: how far a user has read in a room. They only rise. They belong to names, not to
 * rooms: when a room comes again its numbers are above all that a marker may say. */
#include <stdlib.h>
#include <string.h>

#include "systems/chat/machine/internal.h"

static uint64_t marker_bytes(const struct marker *marker)
{
    return sizeof *marker + marker->room_size + marker->user_size + 48;
}

static uint64_t names_hash(struct slice room, struct slice user)
{
    return map_hash_u64(map_hash_bytes(room) + map_hash_u64(map_hash_bytes(user)));
}

struct marker *chat_marker_find(const struct chat *chat, struct slice room, struct slice user)
{
    struct map_node *node = map_find(&chat->markers, names_hash(room, user));
    for (; node != NULL; node = map_find_next(node)) {
        struct marker *marker = LIST_ITEM(node, struct marker, node);
        if (slice_equal(slice_of(marker->names, marker->room_size), room) &&
            slice_equal(slice_of(marker->names + marker->room_size, marker->user_size), user)) {
            return marker;
        }
    }
    return NULL;
}

struct marker *chat_marker_make(struct chat *chat, struct slice room, struct slice user)
{
    struct marker *marker = calloc(1, sizeof *marker + room.size + user.size);
    ASSERT(marker != NULL);
    marker->room_size = (uint8_t)room.size;
    marker->user_size = (uint8_t)user.size;
    memcpy(marker->names, room.data, room.size);
    memcpy(marker->names + room.size, user.data, user.size);
    marker->moved_place.at = HEAP_NOWHERE;
    marker->cut_number = chat->cut.number;
    map_insert(&chat->markers, &marker->node, names_hash(room, user));
    list_append(&chat->marker_list, &marker->all);
    chat->bytes += marker_bytes(marker);
    return marker;
}

void chat_marker_free(struct chat *chat, struct marker *marker)
{
    if (marker->moved_place.at != HEAP_NOWHERE) heap_remove(&chat->moved, &marker->moved_place);
    chat_cut_skip(chat, &marker->all);
    map_remove(&chat->markers, &marker->node);
    list_remove(&marker->all);
    chat->bytes -= marker_bytes(marker);
    free(marker);
}

void chat_marker_will_change(struct chat *chat, struct marker *marker)
{
    if (chat->cut.active) chat_cut_marker(chat, marker);
}

uint64_t chat_marker_hash(const struct marker *marker)
{
    uint64_t words[] = {marker->node.hash, marker->room_size, marker->seq, marker->moved_number};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_marker_changed(struct chat *chat, struct marker *marker)
{
    uint64_t contribution = chat_marker_hash(marker);
    chat->digest += contribution - marker->contribution;
    marker->contribution = contribution;
}

static void forget_oldest(struct chat *chat)
{
    struct marker *marker = ITEM_OF(heap_min(&chat->moved)->place, marker, moved_place);
    chat_marker_will_change(chat, marker);
    chat->digest -= marker->contribution;
    chat_marker_free(chat, marker);
}

static void marker_move(struct chat *chat, struct slice room, struct slice user, uint64_t seq)
{
    struct marker *marker = chat_marker_find(chat, room, user);
    if (marker == NULL) {
        if (chat->markers.count >= chat->options.markers_max) forget_oldest(chat);
        marker = chat_marker_make(chat, room, user);
    } else {
        chat_marker_will_change(chat, marker);
        heap_remove(&chat->moved, &marker->moved_place);
    }
    marker->seq = seq;
    marker->moved_number = chat_next_number(chat);
    heap_push(&chat->moved, marker->moved_number, 0, &marker->moved_place);
    chat_marker_changed(chat, marker);
}

uint64_t chat_marker(const void *machine, struct slice room, struct slice user)
{
    const struct marker *marker = chat_marker_find(machine, room, user);
    return marker == NULL ? 0 : marker->seq;
}

void chat_read(struct chat *chat, struct session *session, const struct chat_command *command)
{
    const struct room *room = chat_room_find(chat, command->room);
    if (room == NULL || command->seq > room->seq) {
        chat_reply_error(chat, session, CHAT_ERROR_NO_SUCH_EVENT);
        return;
    }
    uint64_t seq = chat_marker(chat, command->room, command->user);
    if (command->seq > seq) {
        seq = command->seq;
        marker_move(chat, command->room, command->user, seq);
    }
    chat_emit(chat, &session->key, (struct chat_reply){.kind = CHAT_REPLY_READ, .seq = seq});
}
