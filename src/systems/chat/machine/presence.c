/* Presence: who is in a room. A user is there once, with as many sessions as he has; when the last
 * one ends he stays for a moment of grace, so that nobody hears of a reconnection. */
#include <stdlib.h>
#include <string.h>

#include "systems/chat/machine/internal.h"

enum { ATTENDEES_MIN = 4 };

static uint64_t attendee_bytes(const struct attendee *attendee)
{
    return sizeof *attendee + attendee->user_size + 64;
}

/* --- changes, which whoever follows a room is told --- */

static void note_change(struct chat *chat, struct room *room, struct slice user, bool joined)
{
    room->version++;
    if (chat->changes == NULL) {
        chat->changes = calloc(CHAT_CHANGES, sizeof *chat->changes);
        ASSERT(chat->changes != NULL);
    }
    struct change *change = &chat->changes[++chat->changes_count % CHAT_CHANGES];
    *change = (struct change){
        .room_number = room->number,
        .version = room->version,
        .previous = room->newest_change,
        .joined = joined,
        .user_size = (uint8_t)user.size,
    };
    memcpy(change->user, user.data, user.size);
    room->newest_change = chat->changes_count;
    chat_room_mark(chat, room);
}

/* --- attendees --- */

uint32_t chat_attendee_index(const struct room *room, struct slice user)
{
    uint32_t low = 0, high = room->attendees_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slice_compare(chat_attendee_user(room->attendees[middle]), user) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct attendee *chat_attendee_find(const struct room *room, struct slice user)
{
    uint32_t at = chat_attendee_index(room, user);
    if (at == room->attendees_count) return NULL;
    struct attendee *attendee = room->attendees[at];
    return slice_equal(chat_attendee_user(attendee), user) ? attendee : NULL;
}

static void insert_attendee(struct room *room, struct attendee *attendee)
{
    if (room->attendees_count == room->attendees_capacity) {
        uint32_t capacity =
            room->attendees_capacity == 0 ? ATTENDEES_MIN : 2 * room->attendees_capacity;
        struct attendee **attendees =
            realloc(room->attendees, capacity * sizeof(struct attendee *));
        ASSERT(attendees != NULL);
        room->attendees = attendees;
        room->attendees_capacity = capacity;
    }
    uint32_t at = chat_attendee_index(room, chat_attendee_user(attendee));
    struct attendee **place = room->attendees + at;
    memmove(place + 1, place, (room->attendees_count - at) * sizeof(struct attendee *));
    *place = attendee;
    room->attendees_count++;
}

struct attendee *chat_attendee_make(struct chat *chat, struct room *room, struct slice user,
                                    uint64_t number)
{
    struct attendee *attendee = calloc(1, sizeof *attendee + user.size);
    ASSERT(attendee != NULL && user.size <= CHAT_USER_SIZE_MAX);
    attendee->room = room;
    attendee->number = number;
    attendee->grace_place.at = HEAP_NOWHERE;
    attendee->cut_number = chat->cut.number;
    attendee->user_size = (uint8_t)user.size;
    memcpy(attendee->user, user.data, user.size);
    insert_attendee(room, attendee);
    list_append(&chat->attendee_list, &attendee->all);
    chat->attendees++;
    chat->bytes += attendee_bytes(attendee);
    return attendee;
}

static void attendee_remove(struct chat *chat, struct attendee *attendee)
{
    struct room *room = attendee->room;
    uint32_t at = chat_attendee_index(room, chat_attendee_user(attendee));
    ASSERT(room->attendees[at] == attendee && attendee->sessions == 0);
    chat_attendee_will_change(chat, attendee);
    chat_room_will_change(chat, room);
    note_change(chat, room, chat_attendee_user(attendee), false);
    struct attendee **place = room->attendees + at;
    room->attendees_count--;
    memmove(place, place + 1, (room->attendees_count - at) * sizeof(struct attendee *));
    chat_attendee_set_grace(chat, attendee, 0);
    chat_cut_skip(chat, &attendee->all);
    list_remove(&attendee->all);
    chat->attendees--;
    chat->bytes -= attendee_bytes(attendee);
    chat->digest -= attendee->contribution;
    chat->budget--;
    free(attendee);
    chat_room_changed(chat, room);
    chat_room_drop_empty(chat, room);
}

void chat_attendee_will_change(struct chat *chat, struct attendee *attendee)
{
    if (chat->cut.active) chat_cut_attendee(chat, attendee);
}

uint64_t chat_attendee_hash(const struct attendee *attendee)
{
    uint64_t words[] = {attendee->number, attendee->room->number, attendee->grace_until_us,
                        attendee->sessions, map_hash_bytes(chat_attendee_user(attendee))};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_attendee_changed(struct chat *chat, struct attendee *attendee)
{
    uint64_t contribution = chat_attendee_hash(attendee);
    chat->digest += contribution - attendee->contribution;
    attendee->contribution = contribution;
}

void chat_attendee_set_grace(struct chat *chat, struct attendee *attendee, uint64_t until_us)
{
    if (attendee->grace_place.at != HEAP_NOWHERE) {
        heap_remove(&chat->graces, &attendee->grace_place);
    }
    attendee->grace_until_us = until_us;
    if (until_us != 0) {
        heap_push(&chat->graces, until_us, attendee->number, &attendee->grace_place);
    }
}

bool chat_grace_step(struct chat *chat)
{
    const struct heap_slot *first = heap_min(&chat->graces);
    if (first == NULL || first->major > chat->time.elapsed_us) return false;
    attendee_remove(chat, ITEM_OF(first->place, attendee, grace_place));
    return true;
}

void chat_attendee_lose(struct chat *chat, struct session *session, uint8_t index,
                        uint64_t grace_until_us)
{
    struct attendee *attendee = session->present[index];
    chat_session_will_change(chat, session);
    chat_attendee_will_change(chat, attendee);
    session->rooms--;
    for (uint8_t i = index; i < session->rooms; i++) session->present[i] = session->present[i + 1];
    chat_session_changed(chat, session);
    if (--attendee->sessions == 0 && grace_until_us <= chat->time.elapsed_us) {
        attendee_remove(chat, attendee);
        return;
    }
    if (attendee->sessions == 0) chat_attendee_set_grace(chat, attendee, grace_until_us);
    chat_attendee_changed(chat, attendee);
}

/* --- commands --- */

/* Where the session is present in that room; session->rooms: it is not. */
static uint8_t presence_in(const struct session *session, struct slice room)
{
    uint8_t at = 0;
    while (at < session->rooms && !slice_equal(chat_room_name(session->present[at]->room), room)) {
        at++;
    }
    return at;
}

static void reply_room(struct chat *chat, const struct session *session, struct slice room)
{
    struct chat_reply reply = {.kind = CHAT_REPLY_ROOM};
    reply.room = chat_room_state(chat, room);
    chat_emit(chat, &session->key, reply);
}

/* The user is there from now on, if he was not. */
static struct attendee *attend(struct chat *chat, struct room *room, struct slice user)
{
    struct attendee *attendee = chat_attendee_find(room, user);
    if (attendee != NULL) {
        chat_attendee_will_change(chat, attendee);
        chat_attendee_set_grace(chat, attendee, 0);
        return attendee;
    }
    chat_room_will_change(chat, room);
    attendee = chat_attendee_make(chat, room, user, chat_next_number(chat));
    note_change(chat, room, user, true);
    chat_room_changed(chat, room);
    return attendee;
}

void chat_enter(struct chat *chat, struct session *session, const struct chat_command *command)
{
    uint8_t at = presence_in(session, command->room);
    if (at != session->rooms) {
        if (slice_equal(chat_attendee_user(session->present[at]), command->user)) {
            reply_room(chat, session, command->room);
            return;
        }
        chat_attendee_lose(chat, session, at, 0); /* it comes as another user now */
    }
    struct room *room = NULL;
    if (session->rooms < CHAT_SESSION_ROOMS) room = chat_room_find_or_make(chat, command->room);
    if (room == NULL) {
        chat_reply_error(chat, session, CHAT_ERROR_TOO_MANY_ROOMS);
        return;
    }
    if (room->attendees_count >= CHAT_PRESENT_MAX &&
        chat_attendee_find(room, command->user) == NULL) {
        chat_reply_error(chat, session, CHAT_ERROR_FULL);
        return;
    }
    chat_session_will_change(chat, session);
    struct attendee *attendee = attend(chat, room, command->user);
    attendee->sessions++;
    session->present[session->rooms++] = attendee;
    chat_attendee_changed(chat, attendee);
    chat_session_changed(chat, session);
    reply_room(chat, session, command->room);
}

void chat_leave(struct chat *chat, struct session *session, struct slice room)
{
    uint8_t at = presence_in(session, room);
    if (at != session->rooms) chat_attendee_lose(chat, session, at, 0);
    reply_room(chat, session, room);
}

/* --- reading --- */

/* Adds what happened before all that is there. A user's changes take turns: one that is there
 * already, and this one, together change nothing. */
static uint32_t add_earlier(struct chat_change *changes, uint32_t count, struct chat_change earlier)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!slice_equal(changes[i].user, earlier.user)) continue;
        changes[i] = changes[count - 1];
        return count - 1;
    }
    changes[count] = earlier;
    return count + 1;
}

uint32_t chat_presence_since(const void *machine, struct slice room_name, uint64_t version,
                             struct chat_change changes[CHAT_DELTA_MAX])
{
    const struct chat *chat = machine;
    const struct room *room = chat_room_find(chat, room_name);
    if (room == NULL || version > room->version) return UINT32_MAX;
    uint32_t count = 0;
    uint64_t at = room->newest_change;
    for (uint64_t left = room->version - version; left != 0; left--) {
        if (at == 0 || chat->changes_count - at >= CHAT_CHANGES) return UINT32_MAX;
        if (room->version - version > CHAT_DELTA_MAX) return UINT32_MAX;
        const struct change *change = &chat->changes[at % CHAT_CHANGES];
        struct slice user = slice_of(change->user, change->user_size);
        count = add_earlier(changes, count, (struct chat_change){user, change->joined});
        at = change->previous;
    }
    return count;
}
