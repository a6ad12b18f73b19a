/* What a room remembers: events in a ring by number, and what its posts say. */
#include <stdlib.h>
#include <string.h>

#include "systems/chat/machine/internal.h"

enum { RING_MIN = 8 };

/* --- what a post says --- */

struct saying *chat_saying_make(struct chat *chat, uint64_t of)
{
    struct saying *saying = calloc(1, sizeof *saying);
    ASSERT(saying != NULL);
    saying->of = of;
    saying->cut_number = chat->cut.number;
    return saying;
}

void chat_saying_will_change(struct chat *chat, struct room *room, struct saying *saying)
{
    if (chat->cut.active) chat_cut_saying(chat, room, saying);
}

uint64_t chat_saying_hash(const struct room *room, const struct saying *saying)
{
    uint64_t flags =
        (uint64_t)saying->form | (uint64_t)saying->edited << 8 | (uint64_t)saying->deleted << 9;
    uint64_t words[] = {room->number, saying->of, flags, saying->events,
                        map_hash_bytes(slice_of(saying->body, saying->body_size))};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_saying_changed(struct chat *chat, const struct room *room, struct saying *saying)
{
    uint64_t contribution = chat_saying_hash(room, saying);
    chat->digest += contribution - saying->contribution;
    saying->contribution = contribution;
}

static void count_bytes(struct chat *chat, struct room *room, uint64_t more, uint64_t less)
{
    room->bytes += more - less;
    chat->history_bytes += more - less;
}

void chat_saying_set(struct chat *chat, struct room *room, struct saying *saying,
                     enum chat_form form, struct slice body)
{
    ASSERT(body.size <= CHAT_BODY_SIZE_MAX);
    count_bytes(chat, room, body.size, saying->body_size);
    free(saying->body);
    saying->body = NULL;
    saying->body_size = (uint32_t)body.size;
    saying->form = (uint8_t)form;
    if (body.size == 0) return;
    saying->body = malloc(body.size);
    ASSERT(saying->body != NULL);
    memcpy(saying->body, body.data, body.size);
}

/* --- events --- */

uint64_t chat_event_hash(const struct room *room, const struct event *event)
{
    uint64_t words[] = {
        room->number,      event->seq,
        event->wall_us,    event->due_us,
        event->saying->of, event->client.stamp,
        event->id,         event->client.number,
        event->kind,       map_hash_bytes(slice_of(event->user, event->user_size)),
    };
    return chat_hash_words(words, sizeof words / sizeof *words);
}

static void ring_grow(struct room *room)
{
    uint32_t capacity = room->capacity == 0 ? RING_MIN : room->capacity * 2;
    struct event **ring = malloc(capacity * sizeof(struct event *));
    ASSERT(ring != NULL);
    for (uint64_t seq = room->first; seq <= room->seq; seq++) {
        ring[seq & (capacity - 1)] = chat_event_at(room, seq);
    }
    free(room->ring);
    room->ring = ring;
    room->capacity = capacity;
}

struct event *chat_event_append(struct chat *chat, struct room *room, const struct event *like,
                                struct slice user, struct saying *saying)
{
    struct event *event = malloc(sizeof *event + user.size);
    ASSERT(event != NULL && user.size <= CHAT_USER_SIZE_MAX);
    if (room->seq + 1 - room->first == room->capacity) ring_grow(room);
    *event = *like;
    event->seq = ++room->seq;
    event->saying = saying;
    event->user_size = (uint8_t)user.size;
    memcpy(event->user, user.data, user.size);
    room->ring[event->seq & (room->capacity - 1)] = event;
    saying->events++;
    count_bytes(chat, room, CHAT_EVENT_BYTES, 0);
    chat->events++;
    chat->digest += chat_event_hash(room, event);
    return event;
}

/* The saying goes with the last event that is about it. */
static void saying_lose(struct chat *chat, struct room *room, struct saying *saying)
{
    if (--saying->events != 0) {
        chat_saying_changed(chat, room, saying);
        return;
    }
    count_bytes(chat, room, 0, saying->body_size);
    chat->digest -= saying->contribution;
    free(saying->body);
    free(saying);
}

void chat_event_drop_first(struct chat *chat, struct room *room)
{
    struct event *event = chat_event_at(room, room->first);
    ASSERT(room->first <= room->seq && event->seq == room->first);
    chat_room_will_change(chat, room);
    if (chat->cut.active) chat_cut_event(chat, room, event);
    chat_saying_will_change(chat, room, event->saying);
    room->first++;
    chat->events--;
    chat->budget--;
    chat->digest -= chat_event_hash(room, event);
    count_bytes(chat, room, 0, CHAT_EVENT_BYTES);
    saying_lose(chat, room, event->saying);
    free(event);
    chat_room_changed(chat, room);
}

/* --- limits --- */

void chat_history_moved(struct chat *chat, struct room *room)
{
    if (room->size_place.at != HEAP_NOWHERE) heap_remove(&chat->by_size, &room->size_place);
    if (room->age_place.at != HEAP_NOWHERE) heap_remove(&chat->by_age, &room->age_place);
    if (room->first > room->seq) return;
    heap_push(&chat->by_size, UINT64_MAX - room->bytes, room->number, &room->size_place);
    if (chat->options.history_age_us == 0) return;
    heap_push(&chat->by_age, chat_event_at(room, room->first)->due_us, room->number,
              &room->age_place);
}

/* The newest event stays, whatever it says. One command adds one event and one text, so that what
 * goes for it is bounded too: CHAT_BODY_SIZE_MAX / CHAT_EVENT_BYTES + 1. */
void chat_history_trim(struct chat *chat, struct room *room)
{
    while (room->first < room->seq &&
           (room->seq + 1 - room->first > chat->options.room_events_max ||
            room->bytes > chat->options.room_bytes_max)) {
        chat_event_drop_first(chat, room);
    }
    chat_history_moved(chat, room);
    while (chat->budget > 0 && chat_history_trim_step(chat)) {}
}

bool chat_history_trim_step(struct chat *chat)
{
    struct room *room = NULL;
    if (chat->history_bytes > chat->options.history_bytes_max && chat->by_size.count != 0) {
        room = ITEM_OF(heap_min(&chat->by_size)->place, room, size_place);
    } else if (chat->by_age.count != 0 &&
               chat->time.due_us - heap_min(&chat->by_age)->major >= chat->options.history_age_us) {
        room = ITEM_OF(heap_min(&chat->by_age)->place, room, age_place);
    }
    if (room == NULL) return false;
    chat_event_drop_first(chat, room);
    chat_history_moved(chat, room);
    chat_room_drop_empty(chat, room);
    return true;
}
