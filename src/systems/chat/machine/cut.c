/* Taking a snapshot while the state goes on changing: contract/cut.h; the objects are those of
 * specs/systems/chat.md, "Snapshot".
 *
 * Cursors walk rooms with their events, attendees, clients, sessions and markers. Marks are the
 * number of the cut, but for events: those of a room leave from the front and are written from the
 * front, so two numbers in the room say which are still to come, and no event needs a mark. What an
 * object refers to is written ahead of it. */
#include "systems/chat/machine/internal.h"

static void put_name(struct buffer *out, const uint8_t *name, uint8_t size)
{
    buffer_put_u8(out, size);
    buffer_append(out, name, size);
}

static void put_header(const struct chat *chat, struct buffer *out)
{
    size_t begin = cut_object_begin(out, CUT_HEADER);
    buffer_put_u64(out, chat->time.elapsed_us);
    buffer_put_u64(out, chat->time.due_us);
    buffer_put_u64(out, chat->time.wall_us);
    buffer_put_u64(out, chat->sequence);
    buffer_put_u64(out, chat->removed_seq);
    buffer_put_u64(out, chat->removed_version);
    buffer_put_u64(out, chat->forgotten_stamp);
    const struct list *end = &chat->origins;
    uint32_t count = 0;
    for (const struct list *at = end->next; at != end; at = at->next) count++;
    buffer_put_u32(out, count);
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, struct origin, all);
        buffer_put_u32(out, origin->node);
        buffer_put_u64(out, origin->incarnation);
        buffer_put_u64(out, origin->number);
        buffer_put_u64(out, origin->ended_us);
        buffer_put_u64(out, origin->ended_number);
    }
    cut_object_end(out, begin);
}

static void put_room(struct chat *chat, struct room *room, struct buffer *out)
{
    if (!cut_mark(&chat->cut, &room->cut_number)) return;
    room->cut_next = room->first;
    room->cut_last = room->seq;
    size_t begin = cut_object_begin(out, CHAT_OBJECT_ROOM);
    buffer_put_u64(out, room->number);
    put_name(out, room->name, room->name_size);
    buffer_put_u64(out, room->first);
    buffer_put_u64(out, room->version);
    cut_object_end(out, begin);
}

static void put_saying(struct chat *chat, struct room *room, struct saying *saying,
                       struct buffer *out)
{
    if (!cut_mark(&chat->cut, &saying->cut_number)) return;
    put_room(chat, room, out);
    size_t begin = cut_object_begin(out, CHAT_OBJECT_SAYING);
    buffer_put_u64(out, room->number);
    buffer_put_u64(out, saying->of);
    buffer_put_u8(out, saying->form);
    buffer_put_u8(out, (uint8_t)(saying->edited | saying->deleted << 1));
    buffer_append(out, saying->body, saying->body_size);
    cut_object_end(out, begin);
}

/* The next of its room that is to come. */
static void put_event(struct chat *chat, struct room *room, const struct event *event,
                      struct buffer *out)
{
    ASSERT(event->seq == room->cut_next);
    put_saying(chat, room, event->saying, out);
    size_t begin = cut_object_begin(out, CHAT_OBJECT_EVENT);
    buffer_put_u64(out, room->number);
    buffer_put_u64(out, event->seq);
    buffer_put_u8(out, event->kind);
    buffer_put_u64(out, event->saying->of);
    buffer_put_u64(out, event->wall_us);
    buffer_put_u64(out, event->due_us);
    buffer_put_u64(out, event->client.stamp);
    buffer_put_u64(out, event->client.number);
    buffer_put_u64(out, event->id);
    put_name(out, event->user, event->user_size);
    cut_object_end(out, begin);
    room->cut_next++;
}

static void put_attendee(struct chat *chat, struct attendee *attendee, struct buffer *out)
{
    if (!cut_mark(&chat->cut, &attendee->cut_number)) return;
    put_room(chat, attendee->room, out);
    size_t begin = cut_object_begin(out, CHAT_OBJECT_ATTENDEE);
    buffer_put_u64(out, attendee->room->number);
    put_name(out, attendee->user, attendee->user_size);
    buffer_put_u64(out, attendee->number);
    buffer_put_u64(out, attendee->grace_until_us);
    cut_object_end(out, begin);
}

static void put_client(struct chat *chat, struct client *client, struct buffer *out)
{
    if (!cut_mark(&chat->cut, &client->cut_number)) return;
    size_t begin = cut_object_begin(out, CHAT_OBJECT_CLIENT);
    buffer_put_u64(out, client->key.stamp);
    buffer_put_u64(out, client->key.number);
    buffer_put_u64(out, client->secret[0]);
    buffer_put_u64(out, client->secret[1]);
    buffer_put_u64(out, client->top);
    buffer_put_u64(out, client->idle_due_us);
    buffer_put_u64(out, client->idle_number);
    for (unsigned i = 0; i < CHAT_WINDOW; i++) {
        const struct window_slot *slot = &client->window[i];
        if (slot->id == 0) continue;
        buffer_put_u64(out, slot->id);
        buffer_put_u64(out, slot->action);
        buffer_put_u64(out, slot->seq);
        buffer_put_u64(out, slot->wall_us);
    }
    cut_object_end(out, begin);
}

static void put_session(struct chat *chat, struct session *session, struct buffer *out)
{
    if (!cut_mark(&chat->cut, &session->cut_number)) return;
    for (unsigned i = 0; i < session->rooms; i++) put_attendee(chat, session->present[i], out);
    if (session->client != NULL) put_client(chat, session->client, out);
    size_t begin = cut_object_begin(out, CHAT_OBJECT_SESSION);
    buffer_put_u32(out, session->key.node);
    buffer_put_u32(out, session->key.connection);
    buffer_put_u64(out, session->key.incarnation);
    buffer_put_u64(out, session->number);
    buffer_put_u64(out, session->origin->number);
    buffer_put_u8(out, (uint8_t)(session->replaced | (session->client != NULL) << 1));
    if (session->client != NULL) {
        buffer_put_u64(out, session->client->key.stamp);
        buffer_put_u64(out, session->client->key.number);
    }
    for (unsigned i = 0; i < session->rooms; i++) {
        buffer_put_u64(out, session->present[i]->room->number);
        put_name(out, session->present[i]->user, session->present[i]->user_size);
    }
    cut_object_end(out, begin);
}

static void put_marker(struct chat *chat, struct marker *marker, struct buffer *out)
{
    if (!cut_mark(&chat->cut, &marker->cut_number)) return;
    size_t begin = cut_object_begin(out, CHAT_OBJECT_MARKER);
    put_name(out, marker->names, marker->room_size);
    put_name(out, marker->names + marker->room_size, marker->user_size);
    buffer_put_u64(out, marker->seq);
    buffer_put_u64(out, marker->moved_number);
    cut_object_end(out, begin);
}

/* --- pre-images --- */

void chat_cut_room(struct chat *chat, struct room *room)
{
    put_room(chat, room, cut_pre_image(&chat->cut));
}

void chat_cut_event(struct chat *chat, struct room *room, struct event *event)
{
    if (event->seq < room->cut_next || event->seq > room->cut_last) return;
    put_event(chat, room, event, cut_pre_image(&chat->cut));
}

void chat_cut_saying(struct chat *chat, struct room *room, struct saying *saying)
{
    put_saying(chat, room, saying, cut_pre_image(&chat->cut));
}

void chat_cut_attendee(struct chat *chat, struct attendee *attendee)
{
    put_attendee(chat, attendee, cut_pre_image(&chat->cut));
}

void chat_cut_client(struct chat *chat, struct client *client)
{
    put_client(chat, client, cut_pre_image(&chat->cut));
}

void chat_cut_session(struct chat *chat, struct session *session)
{
    put_session(chat, session, cut_pre_image(&chat->cut));
}

void chat_cut_marker(struct chat *chat, struct marker *marker)
{
    put_marker(chat, marker, cut_pre_image(&chat->cut));
}

void chat_cut_skip(struct chat *chat, const struct list *leaving)
{
    if (!chat->cut.active) return;
    cut_skip(&chat->cursors.room, leaving);
    cut_skip(&chat->cursors.attendee, leaving);
    cut_skip(&chat->cursors.client, leaving);
    cut_skip(&chat->cursors.session, leaving);
    cut_skip(&chat->cursors.marker, leaving);
}

/* --- the cut --- */

void chat_cut_begin(void *machine)
{
    struct chat *chat = machine;
    cut_begin(&chat->cut);
    chat->cursors = (struct chat_cursors){
        .room = chat->room_list.next,
        .attendee = chat->attendee_list.next,
        .client = chat->client_list.next,
        .session = chat->session_list.next,
        .marker = chat->marker_list.next,
        .digest = chat_digest(chat),
        .counts = chat_counts_of(chat),
    };
    put_header(chat, cut_pre_image(&chat->cut));
}

/* True when the room and all its events are written; else `out` has grown to `limit`. */
static bool put_events(struct chat *chat, struct room *room, size_t limit, struct buffer *out)
{
    put_room(chat, room, out);
    while (room->cut_next <= room->cut_last) {
        if (out->size >= limit) return false;
        put_event(chat, room, chat_event_at(room, room->cut_next), out);
    }
    return true;
}

/* The next of a list that a cursor walks; NULL: it is through. */
static struct list *walk(struct list **cursor, const struct list *end)
{
    struct list *at = *cursor;
    if (at == end) return NULL;
    *cursor = at->next;
    return at;
}

/* A cut_step. */
static bool put_next(void *machine, size_t limit, struct buffer *out)
{
    struct chat *chat = machine;
    struct chat_cursors *cursors = &chat->cursors;
    struct list *at;
    if (cursors->room != &chat->room_list) {
        struct room *room = ITEM_OF(cursors->room, room, all);
        if (put_events(chat, room, limit, out)) cursors->room = cursors->room->next;
    } else if ((at = walk(&cursors->attendee, &chat->attendee_list)) != NULL) {
        put_attendee(chat, ITEM_OF(at, attendee, all), out);
    } else if ((at = walk(&cursors->client, &chat->client_list)) != NULL) {
        put_client(chat, ITEM_OF(at, client, all), out);
    } else if ((at = walk(&cursors->session, &chat->session_list)) != NULL) {
        put_session(chat, ITEM_OF(at, session, all), out);
    } else if ((at = walk(&cursors->marker, &chat->marker_list)) != NULL) {
        put_marker(chat, ITEM_OF(at, marker, all), out);
    } else {
        return false;
    }
    return true;
}

/* A cut_end. */
static void put_end(void *machine, struct buffer *out)
{
    const struct chat_cursors *cursors = &((const struct chat *)machine)->cursors;
    size_t begin = cut_object_begin(out, CHAT_OBJECT_END);
    buffer_put_u64(out, cursors->counts.rooms);
    buffer_put_u64(out, cursors->counts.events);
    buffer_put_u64(out, cursors->counts.attendees);
    buffer_put_u64(out, cursors->counts.clients);
    buffer_put_u64(out, cursors->counts.sessions);
    buffer_put_u64(out, cursors->counts.markers);
    buffer_put_u64(out, cursors->digest);
    cut_object_end(out, begin);
}

bool chat_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct chat *chat = machine;
    return cut_read(&chat->cut, size, out, put_next, put_end, chat);
}

uint64_t chat_cut_pending(const void *machine)
{
    return cut_pending(&((const struct chat *)machine)->cut);
}

void chat_cut_abort(void *machine)
{
    cut_abort(&((struct chat *)machine)->cut);
}
