/* A model of the chat: plain arrays, searched from end to end; no heaps, no counts that are kept,
 * no sharing. It does all its work at once, so the machine's cursors are let finish after each
 * step before the two are compared. */
#ifndef QUARTET_TEST_CHAT_MODEL_H
#define QUARTET_TEST_CHAT_MODEL_H

#include "chat_world.h"

enum {
    MODEL_ROOMS = 5,
    MODEL_USERS = 4,
    MODEL_CLIENTS = 600, /* ever issued in one life */
    MODEL_SESSIONS = 9,
    MODEL_EVENTS = 4096, /* ever, of one room */
    MODEL_IDS = 4096,    /* ever accepted, of one client */
};

static const char *const model_rooms[MODEL_ROOMS] = {"lobby", "attic", "ann,bob", "r4", "r5"};
static const char *const model_users[MODEL_USERS] = {"ann", "bob", "cid", "Eve"};

struct model_event {
    enum chat_event_kind kind;
    uint64_t seq, of, due_us;
    uint32_t user, client;
    uint32_t body_size; /* of a post: what it says now */
    uint8_t fill;       /* of which byte the text consists */
    bool edited, deleted;
};

struct model_attendee {
    bool there;
    uint64_t grace_until_us; /* 0: sessions are there */
};

struct model_room {
    bool exists;
    uint64_t born; /* orders rooms */
    uint64_t base; /* the number before its first event ever */
    uint64_t count, trimmed;
    uint64_t version;
    struct model_event events[MODEL_EVENTS];
    struct model_attendee attendees[MODEL_USERS];
};

struct model_id {
    uint64_t id, seq, target;
    enum chat_op op;
    uint32_t room;
};

struct model_client {
    uint64_t stamp, secret;
    bool known;
    int owner; /* session, or -1 */
    uint64_t idle_due_us, idle_turn, top;
    uint32_t ids_count;
    struct model_id ids[MODEL_IDS];
};

struct model_session {
    struct session_key key;
    bool alive;
    int client; /* or -1 */
    bool replaced;
    int user_in[MODEL_ROOMS]; /* or -1 */
};

struct model_marker {
    bool there;
    uint64_t seq, turn;
};

static struct model {
    struct chat_options options;
    struct machine_time time;
    struct model_room rooms[MODEL_ROOMS];
    struct model_client clients[MODEL_CLIENTS];
    uint32_t clients_count;
    struct model_session sessions[MODEL_SESSIONS];
    struct model_marker markers[MODEL_ROOMS][MODEL_USERS];
    uint64_t removed_seq, removed_version, forgotten_stamp, turn;
    struct buffer heard;
} m;

static void model_reply(const struct model_session *session, struct chat_reply reply)
{
    struct world ear = {.heard = m.heard};
    world_hear(&ear, &session->key, &reply);
    m.heard = ear.heard;
}

static void model_error(const struct model_session *session, enum chat_error error)
{
    model_reply(session, (struct chat_reply){.kind = CHAT_REPLY_ERROR, .error = error});
}

/* --- rooms --- */

static uint64_t model_seq(const struct model_room *room)
{
    return room->base + room->count;
}

static uint64_t model_first(const struct model_room *room)
{
    return room->base + room->trimmed + 1;
}

static struct model_event *model_event(struct model_room *room, uint64_t seq)
{
    return &room->events[seq - room->base - 1];
}

/* What an event's post says: the post's own text, whether the post is still kept or not. */
static struct model_event *model_post(struct model_room *room, const struct model_event *event)
{
    return model_event(room, event->of);
}

static uint64_t model_bytes(struct model_room *room)
{
    uint64_t bytes = 0;
    for (uint64_t seq = model_first(room); seq <= model_seq(room); seq++) {
        const struct model_event *event = model_event(room, seq);
        bool counted = false;
        for (uint64_t before = model_first(room); before < seq; before++) {
            counted |= model_event(room, before)->of == event->of;
        }
        bytes += CHAT_EVENT_BYTES + (counted ? 0 : model_post(room, event)->body_size);
    }
    return bytes;
}

static uint32_t model_attendees(const struct model_room *room)
{
    uint32_t count = 0;
    for (int i = 0; i < MODEL_USERS; i++) count += room->attendees[i].there;
    return count;
}

static bool model_keeps(const struct model_room *room)
{
    return room->trimmed < room->count;
}

static void model_drop_empty(struct model_room *room)
{
    if (!room->exists || model_keeps(room) || model_attendees(room) != 0) return;
    if (model_seq(room) > m.removed_seq) m.removed_seq = model_seq(room);
    if (room->version > m.removed_version) m.removed_version = room->version;
    room->exists = false;
}

/* NULL: there are as many as may be. */
static struct model_room *model_room_get(uint32_t index)
{
    struct model_room *room = &m.rooms[index];
    uint64_t count = 0;
    if (room->exists) return room;
    for (int i = 0; i < MODEL_ROOMS; i++) count += m.rooms[i].exists;
    if (count >= m.options.rooms_max) return NULL;
    room->exists = true;
    room->born = ++m.turn;
    room->base = m.removed_seq;
    room->count = room->trimmed = 0;
    room->version = m.removed_version;
    memset(room->attendees, 0, sizeof room->attendees);
    return room;
}

static struct chat_room_state model_room_state(uint32_t index)
{
    const struct model_room *room = &m.rooms[index];
    if (!room->exists) {
        return (struct chat_room_state){m.removed_seq, m.removed_seq + 1, m.removed_version, 0};
    }
    return (struct chat_room_state){model_seq(room), model_first(room), room->version,
                                    model_attendees(room)};
}

static void model_trim_whole(void)
{
    for (;;) {
        uint64_t bytes = 0, largest_bytes = 0;
        struct model_room *largest = NULL;
        for (int i = 0; i < MODEL_ROOMS; i++) {
            struct model_room *room = &m.rooms[i];
            if (!room->exists || !model_keeps(room)) continue;
            uint64_t of_room = model_bytes(room);
            bytes += of_room;
            if (largest == NULL || of_room > largest_bytes ||
                (of_room == largest_bytes && room->born < largest->born)) {
                largest = room;
                largest_bytes = of_room;
            }
        }
        if (bytes <= m.options.history_bytes_max) return;
        largest->trimmed++;
        model_drop_empty(largest);
    }
}

static void model_trim_aged(void)
{
    for (int i = 0; i < MODEL_ROOMS; i++) {
        struct model_room *room = &m.rooms[i];
        while (room->exists && model_keeps(room) &&
               model_event(room, model_first(room))->due_us + m.options.history_age_us <=
                   m.time.due_us) {
            room->trimmed++;
        }
        model_drop_empty(room);
    }
}

static void model_trim(struct model_room *room)
{
    while (room->count - room->trimmed > 1 &&
           (room->count - room->trimmed > m.options.room_events_max ||
            model_bytes(room) > m.options.room_bytes_max)) {
        room->trimmed++;
    }
    model_trim_whole();
}

/* --- clients --- */

static void model_forget(struct model_client *client)
{
    if (client->stamp > m.forgotten_stamp) m.forgotten_stamp = client->stamp;
    client->known = false;
}

static struct model_client *model_longest_idle(void)
{
    struct model_client *found = NULL;
    for (uint32_t i = 0; i < m.clients_count; i++) {
        struct model_client *client = &m.clients[i];
        if (!client->known || client->owner >= 0) continue;
        if (found == NULL || client->idle_turn < found->idle_turn) found = client;
    }
    return found;
}

static void model_detach(struct model_session *session)
{
    if (session->client < 0) return;
    struct model_client *client = &m.clients[session->client];
    client->owner = -1;
    client->idle_due_us = m.time.due_us;
    client->idle_turn = ++m.turn;
    session->client = -1;
    session->replaced = false;
}

static void model_attach(int at, const struct chat_command *command)
{
    struct model_session *session = &m.sessions[at];
    struct model_client *client = &m.clients[command->client.number];
    if (!client->known) {
        uint64_t known = 0;
        for (uint32_t i = 0; i < m.clients_count; i++) known += m.clients[i].known;
        if (client->stamp <= m.forgotten_stamp) {
            model_error(session, CHAT_ERROR_CLIENT_FORGOTTEN);
            return;
        }
        if (known >= m.options.clients_max) {
            struct model_client *idle = model_longest_idle();
            if (idle == NULL) {
                model_error(session, CHAT_ERROR_FULL);
                return;
            }
            model_forget(idle);
        }
        client->known = true;
        client->owner = -1;
        client->secret = command->secret[0];
        client->top = client->ids_count = 0;
    } else if (client->secret != command->secret[0]) {
        model_error(session, CHAT_ERROR_BAD_CLIENT);
        return;
    }
    if (client->owner != at) {
        if (client->owner >= 0) {
            m.sessions[client->owner].client = -1;
            m.sessions[client->owner].replaced = true;
        }
        model_detach(session);
        client->owner = at;
        session->client = (int)command->client.number;
        session->replaced = false;
    }
    model_reply(session, (struct chat_reply){.kind = CHAT_REPLY_ATTACHED});
}

/* --- posts --- */

static enum chat_error model_judge(const struct model_client *client,
                                   const struct chat_command *command, uint32_t room_index,
                                   uint32_t user)
{
    struct model_room *room = &m.rooms[room_index];
    if (command->op != CHAT_DELETE && command->body.size == 0) return CHAT_ERROR_EMPTY;
    if (command->body.size > CHAT_BODY_SIZE_MAX) return CHAT_ERROR_TOO_BIG;
    if (command->op == CHAT_POST) {
        return model_room_get(room_index) == NULL ? CHAT_ERROR_TOO_MANY_ROOMS : CHAT_ERROR_NONE;
    }
    if (!room->exists || command->seq < model_first(room) || command->seq > model_seq(room)) {
        return CHAT_ERROR_NO_SUCH_POST;
    }
    const struct model_event *post = model_event(room, command->seq);
    if (post->kind != CHAT_EVENT_POST || post->deleted) return CHAT_ERROR_NO_SUCH_POST;
    bool mine = command->authority == CHAT_ANYONE ||
                (command->authority == CHAT_SAME_USER && post->user == user) ||
                (command->authority == CHAT_SAME_CLIENT && &m.clients[post->client] == client);
    return mine ? CHAT_ERROR_NONE : CHAT_ERROR_NOT_YOURS;
}

/* An id that was accepted, or is too old to tell. */
static bool model_answer_known(const struct model_session *session, struct model_client *client,
                               const struct chat_command *command, uint32_t room)
{
    if (client->top >= CHAT_WINDOW && command->id <= client->top - CHAT_WINDOW) {
        model_error(session, CHAT_ERROR_ID_TOO_OLD);
        return true;
    }
    for (uint32_t i = 0; i < client->ids_count; i++) {
        const struct model_id *known = &client->ids[i];
        if (known->id != command->id) continue;
        if (known->op != command->op || known->room != room || known->target != command->seq) {
            model_error(session, CHAT_ERROR_ID_REUSED);
        } else {
            model_reply(session, (struct chat_reply){
                                     .kind = CHAT_REPLY_ACK, .seq = known->seq, .duplicate = true});
        }
        return true;
    }
    return false;
}

static void model_post_command(const struct model_session *session,
                               const struct chat_command *command, uint32_t room_index,
                               uint32_t user)
{
    if (session->client < 0) {
        model_error(session, session->replaced ? CHAT_ERROR_REPLACED : CHAT_ERROR_BAD_CLIENT);
        return;
    }
    struct model_client *client = &m.clients[session->client];
    if (model_answer_known(session, client, command, room_index)) return;
    enum chat_error error = model_judge(client, command, room_index, user);
    if (error != CHAT_ERROR_NONE) {
        model_error(session, error);
        return;
    }
    struct model_room *room = &m.rooms[room_index];
    uint64_t seq = room->base + ++room->count;
    assert_true(room->count <= MODEL_EVENTS && client->ids_count < MODEL_IDS);
    struct model_event *event = model_event(room, seq);
    *event = (struct model_event){
        .kind = command->op == CHAT_POST   ? CHAT_EVENT_POST
                : command->op == CHAT_EDIT ? CHAT_EVENT_EDIT
                                           : CHAT_EVENT_DELETE,
        .seq = seq,
        .of = command->op == CHAT_POST ? seq : command->seq,
        .due_us = m.time.due_us,
        .user = user,
        .client = (uint32_t)session->client,
    };
    struct model_event *post = model_post(room, event);
    post->body_size = (uint32_t)command->body.size;
    if (command->body.size != 0) post->fill = command->body.data[0];
    post->edited |= command->op == CHAT_EDIT;
    post->deleted |= command->op == CHAT_DELETE;
    client->ids[client->ids_count++] =
        (struct model_id){command->id, seq, command->seq, command->op, room_index};
    if (command->id > client->top) client->top = command->id;
    model_trim(room);
    model_reply(session, (struct chat_reply){.kind = CHAT_REPLY_ACK, .seq = seq});
}

/* --- presence --- */

static bool model_sessions_in(uint32_t room, uint32_t user)
{
    for (int i = 0; i < MODEL_SESSIONS; i++) {
        if (m.sessions[i].alive && m.sessions[i].user_in[room] == (int)user) return true;
    }
    return false;
}

static void model_lose(struct model_session *session, uint32_t room, uint64_t grace_until_us)
{
    uint32_t user = (uint32_t)session->user_in[room];
    session->user_in[room] = -1;
    if (model_sessions_in(room, user)) return;
    struct model_attendee *attendee = &m.rooms[room].attendees[user];
    attendee->grace_until_us = grace_until_us;
    if (grace_until_us > m.time.elapsed_us) return;
    attendee->there = false;
    m.rooms[room].version++;
    model_drop_empty(&m.rooms[room]);
}

static void model_enter(struct model_session *session, uint32_t room_index, uint32_t user)
{
    struct chat_reply reply = {.kind = CHAT_REPLY_ROOM};
    int before = session->user_in[room_index];
    if (before != (int)user) {
        if (before >= 0) model_lose(session, room_index, 0);
        struct model_room *room = model_room_get(room_index);
        if (room == NULL) {
            model_error(session, CHAT_ERROR_TOO_MANY_ROOMS);
            return;
        }
        if (!room->attendees[user].there) room->version++;
        room->attendees[user] = (struct model_attendee){true, 0};
        session->user_in[room_index] = (int)user;
    }
    reply.room = model_room_state(room_index);
    model_reply(session, reply);
}

static void model_leave(struct model_session *session, uint32_t room)
{
    struct chat_reply reply = {.kind = CHAT_REPLY_ROOM};
    if (session->user_in[room] >= 0) model_lose(session, room, 0);
    reply.room = model_room_state(room);
    model_reply(session, reply);
}

static void model_session_end(struct model_session *session)
{
    if (!session->alive) return;
    for (uint32_t room = 0; room < MODEL_ROOMS; room++) {
        if (session->user_in[room] < 0) continue;
        model_lose(session, room, m.time.elapsed_us + m.options.grace_us);
    }
    model_detach(session);
    session->alive = false;
}

/* --- markers --- */

static void model_read(const struct model_session *session, uint32_t room, uint32_t user,
                       uint64_t seq)
{
    struct model_marker *marker = &m.markers[room][user], *oldest = NULL;
    uint64_t count = 0;
    if (!m.rooms[room].exists || seq > model_seq(&m.rooms[room])) {
        model_error(session, CHAT_ERROR_NO_SUCH_EVENT);
        return;
    }
    for (int i = 0; i < MODEL_ROOMS * MODEL_USERS; i++) {
        struct model_marker *other = &m.markers[i / MODEL_USERS][i % MODEL_USERS];
        if (!other->there) continue;
        count++;
        if (oldest == NULL || other->turn < oldest->turn) oldest = other;
    }
    uint64_t now = marker->there ? marker->seq : 0;
    if (seq > now) {
        if (!marker->there && count >= m.options.markers_max) oldest->there = false;
        *marker = (struct model_marker){true, seq, ++m.turn};
        now = seq;
    }
    model_reply(session, (struct chat_reply){.kind = CHAT_REPLY_READ, .seq = now});
}

/* --- time --- */

static void model_advance(void)
{
    for (int room = 0; room < MODEL_ROOMS; room++) {
        for (int user = 0; user < MODEL_USERS; user++) {
            struct model_attendee *attendee = &m.rooms[room].attendees[user];
            if (!m.rooms[room].exists || !attendee->there || attendee->grace_until_us == 0)
                continue;
            if (attendee->grace_until_us > m.time.elapsed_us) continue;
            attendee->there = false;
            m.rooms[room].version++;
        }
        model_drop_empty(&m.rooms[room]);
    }
    model_trim_aged();
    for (;;) {
        struct model_client *idle = model_longest_idle();
        if (idle == NULL) return;
        if (idle->idle_due_us + m.options.client_idle_us > m.time.due_us) return;
        model_forget(idle);
    }
}

#endif
