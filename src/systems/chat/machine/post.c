/* Posts, edits, deletions: each once, however often it is sent. specs/systems/chat.md, "Posting
 * once". */
#include "systems/chat/machine/internal.h"

/* What an id did: sent again, it must be the same. */
static uint64_t action_of(const struct chat_command *command)
{
    uint64_t words[] = {command->op, map_hash_bytes(command->room), command->seq};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

static void ack(struct chat *chat, const struct session *session, const struct window_slot *slot,
                bool duplicate)
{
    chat_emit(chat, &session->key,
              (struct chat_reply){.kind = CHAT_REPLY_ACK,
                                  .seq = slot->seq,
                                  .wall_us = slot->wall_us,
                                  .duplicate = duplicate});
}

/* Whether the id is one of those that were accepted, or too old to tell; then it is answered. */
static bool answer_known(struct chat *chat, const struct session *session,
                         const struct chat_command *command)
{
    const struct client *client = session->client;
    const struct window_slot *slot = &client->window[command->id % CHAT_WINDOW];
    if (command->id > client->top) return false;
    if (client->top - command->id >= CHAT_WINDOW) {
        chat_reply_error(chat, session, CHAT_ERROR_ID_TOO_OLD);
    } else if (slot->id != command->id) {
        return false; /* it was refused, or passed by */
    } else if (slot->action != action_of(command)) {
        chat_reply_error(chat, session, CHAT_ERROR_ID_REUSED);
    } else {
        ack(chat, session, slot, true);
    }
    return true;
}

static enum chat_error judge_body(const struct chat_command *command)
{
    if (command->op == CHAT_DELETE) return CHAT_ERROR_NONE;
    if (command->body.size == 0) return CHAT_ERROR_EMPTY;
    return command->body.size > CHAT_BODY_SIZE_MAX ? CHAT_ERROR_TOO_BIG : CHAT_ERROR_NONE;
}

static bool may_reach(const struct session *session, const struct chat_command *command,
                      const struct event *post)
{
    const struct chat_client_key *key = &session->client->key;
    switch (command->authority) {
    case CHAT_SAME_CLIENT:
        return key->stamp == post->client.stamp && key->number == post->client.number;
    case CHAT_SAME_USER: return slice_equal(command->user, slice_of(post->user, post->user_size));
    default: return true;
    }
}

/* The post that an edit or deletion is about, or why not. */
static enum chat_error find_post(const struct session *session, const struct chat_command *command,
                                 const struct room *room, struct saying **saying)
{
    if (room == NULL || command->seq < room->first || command->seq > room->seq) {
        return CHAT_ERROR_NO_SUCH_POST;
    }
    const struct event *post = chat_event_at(room, command->seq);
    if (post->kind != CHAT_EVENT_POST || post->saying->deleted) return CHAT_ERROR_NO_SUCH_POST;
    *saying = post->saying;
    return may_reach(session, command, post) ? CHAT_ERROR_NONE : CHAT_ERROR_NOT_YOURS;
}

/* All that speaks against it was looked at: it happens. Returns the event's number; the room may be
 * gone afterwards, if limits are that small. */
static uint64_t happen(struct chat *chat, const struct session *session,
                       const struct chat_command *command, struct room *room, struct saying *saying)
{
    struct event like = {
        .kind = command->op == CHAT_POST   ? CHAT_EVENT_POST
                : command->op == CHAT_EDIT ? CHAT_EVENT_EDIT
                                           : CHAT_EVENT_DELETE,
        .wall_us = chat->time.wall_us,
        .due_us = chat->time.due_us,
        .client = session->client->key,
        .id = command->id,
    };
    chat_room_will_change(chat, room);
    if (saying == NULL) {
        saying = chat_saying_make(chat, room->seq + 1);
    } else {
        chat_saying_will_change(chat, room, saying);
        saying->edited = saying->edited || command->op == CHAT_EDIT;
        saying->deleted = command->op == CHAT_DELETE;
    }
    chat_saying_set(chat, room, saying, command->form, command->body);
    uint64_t seq = chat_event_append(chat, room, &like, command->user, saying)->seq;
    chat_saying_changed(chat, room, saying);
    chat_room_changed(chat, room);
    chat_room_mark(chat, room);
    chat_history_trim(chat, room);
    return seq;
}

void chat_post(struct chat *chat, struct session *session, const struct chat_command *command)
{
    struct client *client = session->client;
    if (client == NULL) {
        enum chat_error why = session->replaced ? CHAT_ERROR_REPLACED : CHAT_ERROR_BAD_CLIENT;
        chat_reply_error(chat, session, why);
        return;
    }
    if (answer_known(chat, session, command)) return;
    struct room *room = chat_room_find(chat, command->room);
    struct saying *saying = NULL;
    enum chat_error error = judge_body(command);
    if (error == CHAT_ERROR_NONE && command->op != CHAT_POST) {
        error = find_post(session, command, room, &saying);
    } else if (error == CHAT_ERROR_NONE && room == NULL) {
        room = chat_room_find_or_make(chat, command->room);
        if (room == NULL) error = CHAT_ERROR_TOO_MANY_ROOMS;
    }
    if (error != CHAT_ERROR_NONE) {
        chat_reply_error(chat, session, error);
        return;
    }
    struct window_slot slot = {command->id, action_of(command), 0, chat->time.wall_us};
    slot.seq = happen(chat, session, command, room, saying);
    chat_client_will_change(chat, client);
    chat_client_set_slot(chat, client, slot);
    if (slot.id > client->top) client->top = slot.id;
    chat_client_changed(chat, client);
    ack(chat, session, &slot, false);
}
