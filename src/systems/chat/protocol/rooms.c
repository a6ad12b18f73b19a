/* Rooms that are followed: two watches each, one of the events, one of who is present. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/chat/protocol/internal.h"

static struct room_here *here_find(const struct chat_connection *connection, struct slice room)
{
    const struct list *end = &connection->rooms;
    for (struct list *at = end->next; at != end; at = at->next) {
        struct room_here *here = LIST_ITEM(at, struct room_here, all);
        if (slice_equal(here->join.room, room)) return here;
    }
    return NULL;
}

static struct room_here *here_of(const struct chat_connection *connection, uint64_t token)
{
    const struct list *end = &connection->rooms;
    for (struct list *at = end->next; at != end; at = at->next) {
        struct room_here *here = LIST_ITEM(at, struct room_here, all);
        if (here->events_token == token || here->presence_token == token) return here;
    }
    return NULL;
}

bool room_is_here(const struct chat_connection *connection, struct slice room)
{
    return here_find(connection, room) != NULL;
}

static void here_forget(struct room_here *here)
{
    list_remove(&here->all);
    free(here);
}

void rooms_forget(struct chat_connection *connection)
{
    while (!list_empty(&connection->rooms)) {
        here_forget(LIST_ITEM(connection->rooms.next, struct room_here, all));
    }
}

void room_leave(struct chat_connection *connection, struct slice room)
{
    struct room_here *here = here_find(connection, room);
    if (here == NULL) return;
    request_cancel(connection, here->events_token);
    request_cancel(connection, here->presence_token);
    here_forget(here);
}

void room_join(struct chat_connection *connection, const struct errand_asked *asked)
{
    struct slice room = asked->asked.room;
    room_leave(connection, room); /* it begins anew, where it says */
    struct room_here *here = calloc(1, sizeof *here + room.size);
    ASSERT(here != NULL);
    memcpy(here->room, room.data, room.size);
    here->join = asked->asked;
    here->join.room = slice_of(here->room, room.size);
    here->events_token = ++connection->token;
    list_append(&connection->rooms, &here->all);
    request_watch(connection, here->events_token,
                  &(struct chat_watch){.kind = CHAT_WATCH_EVENTS,
                                       .room = here->join.room,
                                       .after = asked->after,
                                       .last = asked->last});
}

/* --- hearing --- */

/* The answer to `join`. Presence is followed from the version that it says. */
static void hear_begin(struct chat_connection *connection, struct room_here *here,
                       const struct chat_room_state *state, struct buffer *out)
{
    chat_say_joined(&here->join, state, out);
    if (here->join.presence == CHAT_PRESENCE_NONE) return;
    here->presence_token = ++connection->token;
    request_watch(connection, here->presence_token,
                  &(struct chat_watch){.kind = CHAT_WATCH_PRESENCE,
                                       .room = here->join.room,
                                       .after = state->version});
}

static void hear_presence(const struct room_here *here, const struct chat_news *news,
                          struct buffer *out)
{
    bool names = here->join.presence == CHAT_PRESENCE_LIST && news->kind == CHAT_NEWS_PRESENCE;
    chat_say_presence(here->join.room, &news->state, news->was, names ? news->changes : NULL,
                      news->changes_count, out);
}

void room_hear(struct chat_connection *connection, uint64_t token, const struct chat_news *news,
               struct buffer *out)
{
    struct room_here *here = here_of(connection, token);
    if (here == NULL) return; /* it is cancelled, and the node has not asked for that yet */
    bool of_events = token == here->events_token;
    if (!of_events && news->kind == CHAT_NEWS_BEGIN) return;
    size_t begin = websocket_text_begin(out);
    switch (news->kind) {
    case CHAT_NEWS_BEGIN: hear_begin(connection, here, &news->state, out); break;
    case CHAT_NEWS_EVENT: chat_say_event(here->join.room, &news->event, out); break;
    case CHAT_NEWS_GAP: chat_say_gap(here->join.room, news->from, news->to, out); break;
    case CHAT_NEWS_PRESENCE:
    case CHAT_NEWS_PRESENT: hear_presence(here, news, out); break;
    case CHAT_NEWS_REPLACED: ASSERT(false);
    }
    websocket_text_end(begin, out);
}

bool room_refused(struct chat_connection *connection, uint64_t token, struct buffer *out)
{
    struct room_here *here = here_of(connection, token);
    if (here == NULL) return false;
    size_t begin = websocket_text_begin(out);
    chat_say_refusal(&here->join, "full", "this node follows too many rooms", out);
    websocket_text_end(begin, out);
    room_leave(connection, here->join.room);
    return true;
}
