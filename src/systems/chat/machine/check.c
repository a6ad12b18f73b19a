/* The check that everything kept incrementally is what it would be if it were counted anew. */
#include <stdlib.h>

#include "systems/chat/machine/internal.h"

struct tally {
    uint64_t digest;
    uint64_t history_bytes;
    uint64_t events, attendees, present, sized, aged, idle, in_grace;
};

static void check_heap(const struct heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++) {
        const struct heap_slot *slot = &heap->slots[i];
        ASSERT(slot->place->at == i);
        if (i == 0) continue;
        const struct heap_slot *parent = &heap->slots[(i - 1) / 4];
        ASSERT(parent->major < slot->major ||
               (parent->major == slot->major && parent->minor <= slot->minor));
    }
}

static void check_event(const struct room *room, const struct event *event, struct tally *tally,
                        uint64_t *bytes)
{
    const struct saying *saying = event->saying;
    bool post = event->kind == CHAT_EVENT_POST;
    ASSERT(post == (saying->of == event->seq) && saying->of <= event->seq);
    ASSERT(saying->deleted == (saying->body_size == 0) && saying->events != 0);
    tally->digest += chat_event_hash(room, event);
    *bytes += CHAT_EVENT_BYTES;
    /* Counted at the first event about it that is kept. */
    uint64_t earlier = 0;
    for (uint64_t seq = room->first; seq < event->seq; seq++) {
        earlier += chat_event_at(room, seq)->saying == saying;
    }
    if (earlier != 0) return;
    uint64_t events = 0;
    for (uint64_t seq = event->seq; seq <= room->seq; seq++) {
        events += chat_event_at(room, seq)->saying == saying;
    }
    ASSERT(events == saying->events && saying->contribution == chat_saying_hash(room, saying));
    tally->digest += saying->contribution;
    *bytes += saying->body_size;
}

static void check_room(const struct chat *chat, const struct room *room, struct tally *tally)
{
    uint64_t bytes = 0, count = room->seq + 1 - room->first;
    ASSERT(count <= room->capacity && (count != 0 || room->attendees_count != 0));
    ASSERT(chat_room_find(chat, chat_room_name(room)) == room);
    ASSERT(chat_room_by_number(chat, room->number) == room);
    for (uint64_t seq = room->first; seq <= room->seq; seq++) {
        ASSERT(chat_event_at(room, seq)->seq == seq);
        check_event(room, chat_event_at(room, seq), tally, &bytes);
    }
    ASSERT(bytes == room->bytes);
    ASSERT((room->size_place.at != HEAP_NOWHERE) == (count != 0));
    tally->sized += count != 0;
    tally->aged += room->age_place.at != HEAP_NOWHERE;
    tally->events += count;
    tally->history_bytes += bytes;
    for (uint32_t i = 0; i < room->attendees_count; i++) {
        struct attendee *attendee = room->attendees[i];
        ASSERT(attendee->room == room);
        ASSERT(chat_attendee_find(room, chat_attendee_user(attendee)) == attendee);
    }
    ASSERT(room->contribution == chat_room_hash(room));
    tally->digest += room->contribution;
    tally->attendees += room->attendees_count;
}

static void check_attendees(const struct chat *chat, struct tally *tally)
{
    const struct list *end = &chat->attendee_list;
    uint64_t count = 0;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct attendee *attendee = LIST_ITEM(at, const struct attendee, all);
        ASSERT((attendee->sessions == 0) == (attendee->grace_until_us != 0));
        ASSERT((attendee->grace_place.at != HEAP_NOWHERE) == (attendee->grace_until_us != 0));
        ASSERT(attendee->contribution == chat_attendee_hash(attendee));
        tally->digest += attendee->contribution;
        tally->present += attendee->sessions;
        tally->in_grace += attendee->sessions == 0;
    }
    ASSERT(count == chat->attendees && count == tally->attendees);
}

static void check_sessions(const struct chat *chat, struct tally *tally)
{
    const struct list *end = &chat->session_list;
    uint64_t present = 0, count = 0;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct session *session = LIST_ITEM(at, const struct session, all);
        ASSERT(session->client == NULL || session->client->owner == session);
        ASSERT(session->contribution == chat_session_hash(session));
        tally->digest += session->contribution;
        present += session->rooms;
    }
    ASSERT(count == chat->sessions.count && present == tally->present);
    end = &chat->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, const struct origin, all);
        ASSERT(origin->sessions.count != 0);
        check_heap(&origin->sessions);
    }
}

static void check_clients(const struct chat *chat, struct tally *tally)
{
    const struct list *end = &chat->client_list;
    uint64_t count = 0;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct client *client = LIST_ITEM(at, const struct client, all);
        ASSERT((client->owner == NULL) == (client->idle_number != 0));
        ASSERT(client->owner == NULL || client->owner->client == client);
        ASSERT(client->contribution == chat_client_hash(client));
        tally->idle += client->owner == NULL;
        tally->digest += client->contribution;
        for (unsigned i = 0; i < CHAT_WINDOW; i++) {
            const struct window_slot *slot = &client->window[i];
            ASSERT(slot->id == 0 || (slot->id % CHAT_WINDOW == i && slot->id <= client->top));
            tally->digest += chat_slot_hash(client, slot);
        }
    }
    ASSERT(count == chat->clients.count && tally->idle == chat->idle.count);
}

static void check_markers(const struct chat *chat, struct tally *tally)
{
    const struct list *end = &chat->marker_list;
    uint64_t count = 0;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct marker *marker = LIST_ITEM(at, const struct marker, all);
        ASSERT(marker->contribution == chat_marker_hash(marker) && marker->seq != 0);
        tally->digest += marker->contribution;
    }
    ASSERT(count == chat->markers.count && count == chat->moved.count);
}

void chat_check(const void *machine)
{
    const struct chat *chat = machine;
    struct tally tally = {0};
    const struct heap *heaps[] = {&chat->by_size, &chat->by_age, &chat->graces,
                                  &chat->idle,    &chat->moved,  &chat->ending_origins};
    for (size_t i = 0; i < sizeof heaps / sizeof *heaps; i++) check_heap(heaps[i]);
    const struct list *end = &chat->room_list;
    uint64_t rooms = 0;
    for (const struct list *at = end->next; at != end; at = at->next, rooms++) {
        check_room(chat, LIST_ITEM(at, const struct room, all), &tally);
    }
    ASSERT(rooms == chat->rooms.count && rooms == chat->rooms_by_number.count);
    check_attendees(chat, &tally);
    check_sessions(chat, &tally);
    check_clients(chat, &tally);
    check_markers(chat, &tally);
    ASSERT(tally.sized == chat->by_size.count && tally.aged == chat->by_age.count);
    ASSERT(tally.in_grace == chat->graces.count);
    ASSERT(tally.events == chat->events && tally.history_bytes == chat->history_bytes);
    ASSERT(tally.digest == chat->digest);
}
