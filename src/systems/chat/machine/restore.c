/* Reading back what cut.c wrote: specs/systems/chat.md, "Snapshot". The stream may have been
 * damaged on its way: whatever does not fit is refused, and the digest at its end must be that of
 * what was read. Heaps, counts and the order of names are built up as the objects come. */
#include <stdlib.h>

#include "systems/chat/machine/internal.h"

enum { OBJECT_SIZE_MAX = CHAT_BODY_SIZE_MAX + 65536 };

/* --- sayings: before the first event about them --- */

static uint64_t post_hash(uint64_t room_number, uint64_t of)
{
    return map_hash_u64(map_hash_u64(room_number) + of);
}

static struct saying_ref *ref_find(const struct chat *chat, uint64_t room_number, uint64_t of)
{
    struct map_node *node = map_find(&chat->restore.by_post, post_hash(room_number, of));
    for (; node != NULL; node = map_find_next(node)) {
        struct saying_ref *ref = LIST_ITEM(node, struct saying_ref, node);
        if (ref->room_number == room_number && ref->saying->of == of) return ref;
    }
    return NULL;
}

static void ref_free(struct chat *chat, struct saying_ref *ref)
{
    map_remove(&chat->restore.by_post, &ref->node);
    list_remove(&ref->all);
    if (ref->saying->events == 0) {
        free(ref->saying->body);
        free(ref->saying);
    }
    free(ref);
}

void chat_restore_free(struct chat *chat)
{
    while (!list_empty(&chat->restore.sayings)) {
        ref_free(chat, ITEM_OF(chat->restore.sayings.next, saying_ref, all));
    }
    map_free(&chat->restore.by_post);
    cut_feed_free(&chat->restore.feed);
}

static bool restore_saying(struct chat *chat, struct reader *reader)
{
    struct room *room = chat_room_by_number(chat, read_u64(reader));
    uint64_t of = read_u64(reader);
    uint8_t form = read_u8(reader), flags = read_u8(reader);
    struct slice body = read_exactly(reader, reader->bytes.size);
    if (reader->bad || room == NULL || of == 0 || form > CHAT_DATA || flags > 3) return false;
    if (body.size > CHAT_BODY_SIZE_MAX || ((flags & 2) != 0) != (body.size == 0)) return false;
    if (ref_find(chat, room->number, of) != NULL) return false;
    struct saying_ref *ref = calloc(1, sizeof *ref);
    ASSERT(ref != NULL);
    ref->room_number = room->number;
    ref->saying = chat_saying_make(chat, of);
    ref->saying->edited = (flags & 1) != 0;
    ref->saying->deleted = (flags & 2) != 0;
    chat_saying_set(chat, room, ref->saying, (enum chat_form)form, body);
    chat_room_changed(chat, room);
    map_insert(&chat->restore.by_post, &ref->node, post_hash(room->number, of));
    list_append(&chat->restore.sayings, &ref->all);
    return true;
}

/* What an event is about. A post takes its saying over; after that it is found through the post. */
static struct saying *saying_of(struct chat *chat, const struct room *room, uint8_t kind,
                                uint64_t seq, uint64_t of)
{
    if ((kind == CHAT_EVENT_POST) != (of == seq) || of > seq) return NULL;
    if (of != seq && of >= room->first) {
        const struct event *post = chat_event_at(room, of);
        return post->kind == CHAT_EVENT_POST ? post->saying : NULL;
    }
    struct saying_ref *ref = ref_find(chat, room->number, of);
    return ref == NULL ? NULL : ref->saying;
}

/* --- objects --- */

static struct slice read_name(struct reader *reader)
{
    return read_exactly(reader, read_u8(reader));
}

static bool restore_origin(struct chat *chat, struct reader *reader)
{
    uint32_t node = read_u32(reader);
    uint64_t incarnation = read_u64(reader);
    uint64_t number = read_u64(reader);
    uint64_t ended_us = read_u64(reader);
    uint64_t ended_number = read_u64(reader);
    if (reader->bad || number == 0) return false;
    struct origin *origin = chat_origin_make(chat, node, incarnation, number);
    origin->ended_us = ended_us;
    origin->ended_number = ended_number;
    if (ended_number != 0) {
        heap_push(&chat->ending_origins, ended_number, 0, &origin->ending_place);
    }
    return true;
}

static bool restore_header(struct chat *chat, struct reader *reader)
{
    chat->time.elapsed_us = read_u64(reader);
    chat->time.due_us = read_u64(reader);
    chat->time.wall_us = read_u64(reader);
    chat->sequence = read_u64(reader);
    chat->removed_seq = read_u64(reader);
    chat->removed_version = read_u64(reader);
    chat->forgotten_stamp = read_u64(reader);
    uint32_t origins = read_u32(reader);
    for (uint32_t i = 0; i < origins; i++) {
        if (!restore_origin(chat, reader)) return false;
    }
    return reader_done(reader);
}

static bool restore_room(struct chat *chat, struct reader *reader)
{
    uint64_t number = read_u64(reader);
    struct slice name = read_name(reader);
    uint64_t first = read_u64(reader);
    uint64_t version = read_u64(reader);
    if (!reader_done(reader) || !chat_room_valid(name) || first == 0) return false;
    if (chat_room_find(chat, name) != NULL || chat_room_by_number(chat, number) != NULL) {
        return false;
    }
    struct room *room = chat_room_make(chat, name, number, first - 1);
    room->version = version;
    chat_room_changed(chat, room);
    return true;
}

static bool restore_event(struct chat *chat, struct reader *reader)
{
    struct room *room = chat_room_by_number(chat, read_u64(reader));
    uint64_t seq = read_u64(reader);
    struct event like = {.kind = read_u8(reader)};
    uint64_t of = read_u64(reader);
    like.wall_us = read_u64(reader);
    like.due_us = read_u64(reader);
    like.client.stamp = read_u64(reader);
    like.client.number = read_u64(reader);
    like.id = read_u64(reader);
    struct slice user = read_name(reader);
    if (!reader_done(reader) || room == NULL || seq != room->seq + 1) return false;
    if (!chat_user_valid(user) || like.kind < CHAT_EVENT_POST || like.kind > CHAT_EVENT_DELETE) {
        return false;
    }
    struct saying *saying = saying_of(chat, room, like.kind, seq, of);
    if (saying == NULL) return false;
    chat_event_append(chat, room, &like, user, saying);
    chat_saying_changed(chat, room, saying);
    chat_room_changed(chat, room);
    chat_history_moved(chat, room);
    if (like.kind == CHAT_EVENT_POST) ref_free(chat, ref_find(chat, room->number, of));
    return true;
}

static bool restore_attendee(struct chat *chat, struct reader *reader)
{
    struct room *room = chat_room_by_number(chat, read_u64(reader));
    struct slice user = read_name(reader);
    uint64_t number = read_u64(reader);
    uint64_t grace_until_us = read_u64(reader);
    if (!reader_done(reader) || room == NULL || !chat_user_valid(user)) return false;
    if (chat_attendee_find(room, user) != NULL) return false;
    struct attendee *attendee = chat_attendee_make(chat, room, user, number);
    chat_attendee_set_grace(chat, attendee, grace_until_us);
    chat_attendee_changed(chat, attendee);
    return true;
}

static bool restore_slots(struct chat *chat, struct client *client, struct reader *reader)
{
    while (reader->bytes.size != 0) {
        struct window_slot slot = {.id = read_u64(reader)};
        slot.action = read_u64(reader);
        slot.seq = read_u64(reader);
        slot.wall_us = read_u64(reader);
        if (reader->bad || slot.id == 0 || slot.id > client->top) return false;
        if (client->window[slot.id % CHAT_WINDOW].id != 0) return false;
        chat_client_set_slot(chat, client, slot);
    }
    return true;
}

static bool restore_client(struct chat *chat, struct reader *reader)
{
    struct chat_client_key key = {.stamp = read_u64(reader)};
    key.number = read_u64(reader);
    if (reader->bad || chat_client_find(chat, key) != NULL) return false;
    struct client *client = chat_client_make(chat, key);
    client->secret[0] = read_u64(reader);
    client->secret[1] = read_u64(reader);
    client->top = read_u64(reader);
    client->idle_due_us = read_u64(reader);
    client->idle_number = read_u64(reader);
    if (reader->bad || !restore_slots(chat, client, reader)) return false;
    if (client->idle_number != 0) {
        heap_push(&chat->idle, client->idle_due_us, client->idle_number, &client->idle_place);
    }
    chat_client_changed(chat, client);
    return true;
}

static struct origin *origin_find(const struct chat *chat, uint64_t number)
{
    for (struct list *at = chat->origins.next; at != &chat->origins; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->number == number) return origin;
    }
    return NULL;
}

static bool restore_present(struct chat *chat, struct session *session, struct reader *reader)
{
    while (reader->bytes.size != 0) {
        const struct room *room = chat_room_by_number(chat, read_u64(reader));
        struct slice user = read_name(reader);
        if (reader->bad || room == NULL || session->rooms == CHAT_SESSION_ROOMS) return false;
        struct attendee *attendee = chat_attendee_find(room, user);
        if (attendee == NULL || attendee->grace_until_us != 0) return false;
        attendee->sessions++;
        session->present[session->rooms++] = attendee;
        chat_attendee_changed(chat, attendee);
    }
    return true;
}

static bool restore_session(struct chat *chat, struct reader *reader)
{
    struct session_key key = {.node = read_u32(reader)};
    key.connection = read_u32(reader);
    key.incarnation = read_u64(reader);
    uint64_t number = read_u64(reader);
    struct origin *origin = origin_find(chat, read_u64(reader));
    uint8_t flags = read_u8(reader);
    if (reader->bad || origin == NULL || flags > 2) return false;
    struct session *session = chat_session_make(chat, &key, origin, number);
    session->replaced = flags == 1;
    if (flags == 2) {
        struct chat_client_key owned = {.stamp = read_u64(reader)};
        owned.number = read_u64(reader);
        struct client *client = chat_client_find(chat, owned);
        if (client == NULL || client->owner != NULL || client->idle_number != 0) return false;
        client->owner = session;
        session->client = client;
        chat->restore.owned++;
    }
    if (!restore_present(chat, session, reader)) return false;
    chat_session_changed(chat, session);
    return true;
}

static bool restore_marker(struct chat *chat, struct reader *reader)
{
    struct slice room = read_name(reader);
    struct slice user = read_name(reader);
    uint64_t seq = read_u64(reader);
    uint64_t moved_number = read_u64(reader);
    if (!reader_done(reader) || !chat_room_valid(room) || !chat_user_valid(user)) return false;
    if (chat_marker_find(chat, room, user) != NULL) return false;
    struct marker *marker = chat_marker_make(chat, room, user);
    marker->seq = seq;
    marker->moved_number = moved_number;
    heap_push(&chat->moved, moved_number, 0, &marker->moved_place);
    chat_marker_changed(chat, marker);
    return true;
}

static bool restore_finish(struct chat *chat, struct reader *reader)
{
    struct chat_counts counts = chat_counts_of(chat);
    bool all = read_u64(reader) == counts.rooms;
    all &= read_u64(reader) == counts.events;
    all &= read_u64(reader) == counts.attendees;
    all &= read_u64(reader) == counts.clients;
    all &= read_u64(reader) == counts.sessions;
    all &= read_u64(reader) == counts.markers;
    chat->restore.digest = read_u64(reader);
    chat->restore.feed.ended = true;
    return reader_done(reader) && all;
}

/* A cut_take. */
static bool restore_object(void *machine, uint8_t kind, struct slice fields)
{
    struct chat *chat = machine;
    struct reader reader = reader_of(fields);
    switch (kind) {
    case CUT_HEADER: return restore_header(chat, &reader);
    case CHAT_OBJECT_ROOM: return restore_room(chat, &reader);
    case CHAT_OBJECT_SAYING: return restore_saying(chat, &reader);
    case CHAT_OBJECT_EVENT: return restore_event(chat, &reader);
    case CHAT_OBJECT_ATTENDEE: return restore_attendee(chat, &reader);
    case CHAT_OBJECT_CLIENT: return restore_client(chat, &reader);
    case CHAT_OBJECT_SESSION: return restore_session(chat, &reader);
    case CHAT_OBJECT_MARKER: return restore_marker(chat, &reader);
    case CHAT_OBJECT_END: return restore_finish(chat, &reader);
    default: return false;
    }
}

bool chat_restore(void *machine, struct slice bytes)
{
    struct chat *chat = machine;
    return cut_feed(&chat->restore.feed, bytes, OBJECT_SIZE_MAX, restore_object, chat);
}

/* Nothing waits for an object that never came. */
static bool all_found(const struct chat *chat)
{
    const struct list *end = &chat->restore.sayings;
    for (const struct list *at = end->next; at != end; at = at->next) {
        if (LIST_ITEM(at, struct saying_ref, all)->saying->events == 0) return false;
    }
    end = &chat->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        if (LIST_ITEM(at, struct origin, all)->sessions.count == 0) return false;
    }
    return chat->idle.count + chat->restore.owned == chat->clients.count;
}

bool chat_restore_end(void *machine)
{
    struct chat *chat = machine;
    bool whole = cut_feed_whole(&chat->restore.feed) && all_found(chat);
    chat_restore_free(chat);
    return whole && chat_digest(chat) == chat->restore.digest;
}
