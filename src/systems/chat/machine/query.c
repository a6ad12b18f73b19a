/* Questions: what they are answered changes nothing. */
#include "systems/chat/machine/internal.h"

struct chat_event chat_show(const struct event *event)
{
    const struct saying *saying = event->saying;
    return (struct chat_event){
        .kind = (enum chat_event_kind)event->kind,
        .seq = event->seq,
        .of = saying->of,
        .wall_us = event->wall_us,
        .user = slice_of(event->user, event->user_size),
        .client = event->client,
        .id = event->id,
        .edited = saying->edited,
        .deleted = saying->deleted,
        .form = (enum chat_form)saying->form,
        .body = slice_of(saying->body, saying->body_size),
    };
}

/* Backwards from `before`, past edits and deletions: MACHINE_WORK_MAX events are looked at. */
static void answer_history(const struct chat *chat, const struct session_key *session,
                           const struct chat_command *command)
{
    struct chat_event events[CHAT_PAGE_EVENTS];
    struct chat_reply reply = {.kind = CHAT_REPLY_HISTORY};
    const struct room *room = chat_room_find(chat, command->room);
    uint32_t limit = command->limit < CHAT_PAGE_EVENTS ? command->limit : CHAT_PAGE_EVENTS;
    uint32_t at = CHAT_PAGE_EVENTS;
    uint64_t bytes = 0, seq = room == NULL ? 0 : room->seq;
    if (command->seq <= seq) seq = command->seq == 0 ? 0 : command->seq - 1;
    for (int work = MACHINE_WORK_MAX; room != NULL && seq >= room->first; seq--, work--) {
        if (work == 0 || CHAT_PAGE_EVENTS - at == limit || bytes >= CHAT_PAGE_BYTES) break;
        const struct event *event = chat_event_at(room, seq);
        if (event->kind != CHAT_EVENT_POST) continue;
        events[--at] = chat_show(event);
        bytes += events[at].body.size;
    }
    reply.events = events + at;
    reply.events_count = CHAT_PAGE_EVENTS - at;
    reply.seq = room != NULL && seq >= room->first ? seq + 1 : 0;
    chat->emit(chat->world, session, &reply);
}

static void answer_presence(const struct chat *chat, const struct session_key *session,
                            const struct chat_command *command)
{
    struct slice users[CHAT_PAGE_USERS];
    const struct room *room = chat_room_find(chat, command->room);
    struct chat_reply reply = {.kind = CHAT_REPLY_PRESENCE, .users = users};
    reply.room = chat_room_state_of(chat, room);
    if (room != NULL) {
        uint32_t at = chat_attendee_index(room, command->user);
        for (; at < room->attendees_count && reply.users_count < CHAT_PAGE_USERS; at++) {
            users[reply.users_count++] = chat_attendee_user(room->attendees[at]);
        }
        reply.more = at < room->attendees_count;
    }
    chat->emit(chat->world, session, &reply);
}

void chat_query(const void *machine, const struct session_key *session, struct slice bytes,
                const struct machine_time *now, const struct machine_facts *facts)
{
    (void)now, (void)facts;
    const struct chat *chat = machine;
    struct chat_command command;
    struct chat_reply reply = {0};
    bool good = chat_command_decode(bytes, &command) && command.op > CHAT_COMMANDS;
    ASSERT(good); /* it comes from this node's own protocol */
    switch (command.op) {
    case CHAT_HISTORY: answer_history(chat, session, &command); return;
    case CHAT_PRESENCE: answer_presence(chat, session, &command); return;
    case CHAT_STAMP:
        reply.kind = CHAT_REPLY_STAMP;
        reply.seq = chat->sequence;
        break;
    default: reply.kind = CHAT_REPLY_ROOM; reply.room = chat_room_state(chat, command.room);
    }
    chat->emit(chat->world, session, &reply);
}

static void put_metric(struct buffer *out, const char *name, const char *what, uint64_t value)
{
    buffer_append_text(out, "# HELP quartet_chat_");
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_text(out, what);
    buffer_append_text(out, "\n# TYPE quartet_chat_");
    buffer_append_text(out, name);
    buffer_append_text(out, " gauge\nquartet_chat_");
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_decimal(out, value);
    buffer_append_text(out, "\n");
}

void chat_metrics(const void *machine, struct buffer *out)
{
    const struct chat *chat = machine;
    struct chat_counts counts = chat_counts_of(chat);
    put_metric(out, "rooms", "Rooms with a history or somebody in them.", counts.rooms);
    put_metric(out, "events", "Events that are kept.", counts.events);
    put_metric(out, "history_bytes", "What they count.", chat->history_bytes);
    put_metric(out, "present", "Users present, once for each room.", counts.attendees);
    put_metric(out, "clients", "Clients whose ids are remembered.", counts.clients);
    put_metric(out, "markers", "Read markers.", counts.markers);
}
