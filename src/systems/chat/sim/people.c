/* What people say, and when. See people.h. */
#include "systems/chat/sim/people.h"

#include <string.h>

#include "base/assert.h"
#include "sim/text.h"

enum {
    GHOST_ONE_IN = 12,
    FORGETS_ONE_IN = 24, /* connections to which it takes a new identity */
    COPIES_ONE_IN = 24,  /* to which it takes another's along */
    TAB_IDS = 1000,
    LOOK_US = 50000,      /* in the end, between two looks */
    SILENCE_US = 4000000, /* after which it connects anew: nodes ping before */
};

static uint64_t below(const struct person *person, uint64_t bound)
{
    return caller_below(person->caller.world, bound);
}

static struct buffer *bytes_of(const struct person *person)
{
    return &people_of(person->caller.world)->bytes;
}

void person_send(struct person *person)
{
    struct world *world = person->caller.world;
    network_send(&world->network, person->caller.place, person->caller.number,
                 buffer_slice(bytes_of(person)));
    buffer_clear(bytes_of(person));
}

static struct saying *say(struct person *person, enum saying_kind kind, uint32_t room)
{
    ASSERT(person->said_count < PEOPLE_SAID_MAX);
    struct saying *saying = &person->said[person->said_count++];
    *saying = (struct saying){.kind = kind, .room = room};
    saying->id = PEOPLE_ASKS_FROM + ++person->asks;
    saying->asked_us = world_now_us(person->caller.world);
    return saying;
}

/* --- hello --- */

void person_drop_identity(struct person *person)
{
    person->has_identity = false;
    person->shared = false;
    person->identity = 0;
    person->unanswered_count = 0;
}

static void choose_name(struct person *person)
{
    struct people *people = people_of(person->caller.world);
    person->name = person_user(person);
    if (person->caller.draining || below(person, GHOST_ONE_IN) != 0) return;
    person->name = JUDGE_USERS + people->ghosts++ % PEOPLE_GHOSTS;
}

static void say_hello(struct person *person)
{
    struct buffer rooms = {0};
    struct saying *hello = say(person, SAYING_HELLO, UINT32_MAX);
    uint64_t id = hello->id;
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
        struct seat *seat = &person->seats[room];
        seat->joined = false;
        seat->listed = false;
        if (!seat->wanted || seat->next == 0) continue;
        struct saying *join = say(person, SAYING_HELLO_ROOM, room);
        join->number = seat->next - 1;
        text_append(&rooms, "%s\"r%u\":%U", rooms.size == 0 ? "" : ",", room, join->number);
    }
    struct buffer identity = {0};
    if (person->has_identity) {
        text_append(&identity, ",\"client\":\"%b\",\"secret\":\"%b\"",
                    slice_of(person->client, WORDS_KEY_SIZE),
                    slice_of(person->secret, WORDS_KEY_SIZE));
    }
    world_narrate(person->caller.world, "client", person->caller.index + 1, "> hello as %u%s",
                  person->name, person->has_identity ? " again" : "");
    words_say(bytes_of(person), "hello", ",\"id\":%U,\"user\":\"u%u\",\"rooms\":{%b}%b", id,
              person->name, buffer_slice(&rooms), buffer_slice(&identity));
    buffer_free(&rooms);
    buffer_free(&identity);
}

/* As a tab that is duplicated does. It counts on far from what the other one may still say. */
static void copy_identity(struct person *person)
{
    struct people *people = people_of(person->caller.world);
    struct person *other = &people->all[person->caller.index ^ 1];
    if (!other->has_identity) return;
    person_drop_identity(person);
    memcpy(person->client, other->client, WORDS_KEY_SIZE);
    memcpy(person->secret, other->secret, WORDS_KEY_SIZE);
    person->has_identity = true;
    person->identity = ++people->judge.identities;
    person->last_id = other->last_id + TAB_IDS * ++people->copies;
    person->shared = other->shared = true;
}

void person_begin(struct person *person)
{
    person->upgraded = false;
    person->welcomed = false;
    person->asks = 0;
    person->heard_us = world_now_us(person->caller.world);
    websocket_free(&person->websocket);
    person->websocket = (struct websocket){.is_client = true};
    if (below(person, FORGETS_ONE_IN) == 0 && !person->caller.draining) {
        person_drop_identity(person);
    }
    if (below(person, COPIES_ONE_IN) == 0 && !person->caller.draining) copy_identity(person);
    choose_name(person);
}

/* --- changes --- */

static void send_change(struct person *person, uint64_t number)
{
    static const char *const types[] = {"", "post", "edit", "delete"};
    const struct judge_change *change =
        judge_change(&people_of(person->caller.world)->judge, number);
    struct saying *saying = say(person, SAYING_CHANGE, change->room);
    saying->id = change->id;
    saying->change = number;
    world_narrate(person->caller.world, "client", person->caller.index + 1, "> %s %U of r%u: %U",
                  types[change->kind], change->id, change->room, number);
    struct buffer rest = {0};
    if (change->kind != CHAT_EVENT_POST) text_append(&rest, ",\"seq\":%U", change->of);
    if (change->kind != CHAT_EVENT_DELETE) text_append(&rest, ",\"text\":\"%U\"", number);
    words_say(bytes_of(person), types[change->kind], ",\"id\":%U,\"room\":\"r%u\"%b", change->id,
              change->room, buffer_slice(&rest));
    buffer_free(&rest);
}

void person_resend(struct person *person)
{
    for (uint32_t i = 0; i < person->unanswered_count; i++) {
        send_change(person, person->unanswered[i]);
    }
}

static void make_change(struct person *person, enum chat_event_kind kind)
{
    struct people *people = people_of(person->caller.world);
    uint64_t post = 0;
    if (person->unanswered_count == PEOPLE_UNANSWERED_MAX) return;
    if (kind != CHAT_EVENT_POST) {
        post = judge_some_post(&people->judge, &people->callers.random, person->identity);
    }
    struct judge_change change = {.kind = CHAT_EVENT_POST,
                                  .room = (uint32_t)below(person, JUDGE_ROOMS),
                                  .identity = person->identity,
                                  .id = ++person->last_id};
    change.client = word_key(slice_of(person->client, WORDS_KEY_SIZE));
    if (post != 0) {
        const struct judge_change *of = judge_change(&people->judge, post);
        change.kind = kind;
        change.room = of->room;
        change.of = of->seq;
    }
    uint64_t number = judge_asked(&people->judge, &change);
    person->unanswered[person->unanswered_count++] = number;
    send_change(person, number);
}

/* --- rooms --- */

static void say_join(struct person *person, uint32_t room)
{
    struct seat *seat = &person->seats[room];
    struct saying *join = say(person, SAYING_JOIN, room);
    join->number = seat->next == 0 ? 0 : seat->next - 1;
    world_narrate(person->caller.world, "client", person->caller.index + 1, "> join r%u behind %U",
                  room, join->number);
    words_say(bytes_of(person), "join", ",\"id\":%U,\"room\":\"r%u\",\"after\":%U", join->id, room,
              join->number);
}

static void say_leave(struct person *person, uint32_t room)
{
    struct saying *leave = say(person, SAYING_LEAVE, room);
    world_narrate(person->caller.world, "client", person->caller.index + 1, "> leave r%u", room);
    words_say(bytes_of(person), "leave", ",\"id\":%U,\"room\":\"r%u\"", leave->id, room);
}

void person_ask_list(struct person *person, uint32_t room)
{
    struct saying *list = say(person, SAYING_LIST, room);
    words_say(bytes_of(person), "presence", ",\"id\":%U,\"room\":\"r%u\"", list->id, room);
}

static void say_read(struct person *person, uint32_t room)
{
    const struct people *people = people_of(person->caller.world);
    const struct seat *seat = &person->seats[room];
    if (seat->next < 2 || person->name >= JUDGE_USERS) return;
    struct saying *read = say(person, SAYING_READ, room);
    uint64_t seq = seat->next - 1;
    uint64_t floor = people->judge.markers[person->name][room];
    read->number = seq > floor ? seq : floor;
    words_say(bytes_of(person), "read", ",\"id\":%U,\"room\":\"r%u\",\"seq\":%U", read->id, room,
              seq);
}

static bool under_way(const struct person *person, enum saying_kind kind, uint32_t room)
{
    for (uint32_t i = 0; i < person->said_count; i++) {
        if (person->said[i].kind == kind && person->said[i].room == room) return true;
    }
    return false;
}

/* Goes where it wants to be, and away from where it does not. */
static void move(struct person *person)
{
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
        struct seat *seat = &person->seats[room];
        bool moving = under_way(person, SAYING_JOIN, room) || under_way(person, SAYING_LEAVE, room);
        if (moving || seat->wanted == seat->joined) continue;
        if (seat->wanted) {
            say_join(person, room);
        } else {
            say_leave(person, room);
        }
    }
}

/* --- acting --- */

static void burst(struct person *person)
{
    static const enum chat_event_kind kinds[] = {CHAT_EVENT_POST, CHAT_EVENT_POST,
                                                 CHAT_EVENT_POST, CHAT_EVENT_POST,
                                                 CHAT_EVENT_EDIT, CHAT_EVENT_DELETE};
    uint64_t count = 1 + below(person, PEOPLE_BURST_MAX);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t dice = below(person, 100);
        uint32_t room = (uint32_t)below(person, JUDGE_ROOMS);
        if (dice < 70) make_change(person, kinds[below(person, sizeof kinds / sizeof *kinds)]);
        if (dice >= 70 && dice < 80) say_read(person, room);
        if (dice >= 80 && dice < 90) person_ask_list(person, room);
        if (dice >= 90) person->seats[room].wanted = !person->seats[room].wanted;
    }
    move(person);
}

/* In the end: all that was not answered, and where it belongs. */
static void settle(struct person *person)
{
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
        struct seat *seat = &person->seats[room];
        seat->wanted = person_stays(person, room);
        if (seat->joined && !seat->listed) person_ask_list(person, room);
    }
    move(person);
}

bool person_act(struct caller *caller)
{
    struct person *person = (struct person *)caller;
    struct world *world = caller->world;
    uint64_t now_us = world_now_us(world);
    if (!person->welcomed && person->said_count == 0) {
        words_knock(bytes_of(person));
        say_hello(person);
    } else if (person->said_count != 0) {
        return false;
    } else if (caller->draining && person->name >= JUDGE_USERS) {
        caller_leave(caller); /* and comes back under its own name */
        return true;
    } else if (now_us - person->heard_us > SILENCE_US) {
        return false;
    } else {
        person_resend(person);
        if (caller->draining) {
            settle(person);
        } else {
            burst(person);
        }
    }
    if (bytes_of(person)->size != 0) person_send(person);
    caller_wake_in(caller,
                   person->said_count != 0 ? people_of(world)->callers.patience_us : LOOK_US);
    return true;
}

void person_forget(struct caller *caller)
{
    struct person *person = (struct person *)caller;
    if (person->unanswered_count != 0) world_count(caller->world, SIM_COVER_UNKNOWN);
    person->said_count = 0;
    person->welcomed = false;
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) person->seats[room].joined = false;
}

/* Those who are to be there. */
static uint64_t expected(const struct world *world, uint32_t room)
{
    uint64_t names = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        const struct person *person = &people_of(world)->all[i];
        if (person_stays(person, room)) names |= UINT64_C(1) << person_user(person);
    }
    return names;
}

bool person_done(const struct caller *caller)
{
    const struct person *person = (const struct person *)caller;
    if (people_of(caller->world)->over) return true;
    if (!caller->draining || caller->state != CALLER_ONLINE || !person->welcomed) return false;
    if (person->unanswered_count != 0 || person->name >= JUDGE_USERS) return false;
    for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
        const struct seat *seat = &person->seats[room];
        if (seat->joined != person_stays(person, room)) return false;
        if (!seat->joined) continue;
        if (seat->next != judge_last(caller->world, room) + 1) return false;
        if (!seat->listed || seat->present != expected(caller->world, room)) return false;
    }
    return true;
}
