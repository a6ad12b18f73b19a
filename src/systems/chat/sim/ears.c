/* What people hear. See people.h. */
#include <string.h>

#include "sim/text.h"
#include "systems/chat/protocol/connection.h"
#include "systems/chat/sim/people.h"

static bool is(struct slice text, const char *word)
{
    return slice_equal(text, slice_text(word));
}

static bool said_take(struct person *person, uint64_t id, struct saying *taken)
{
    for (uint32_t i = 0; i < person->said_count; i++) {
        if (person->said[i].id != id) continue;
        *taken = person->said[i];
        memmove(person->said + i, person->said + i + 1,
                (--person->said_count - i) * sizeof *person->said);
        return true;
    }
    return false;
}

/* Of a room that `hello` named: nothing about it has an id. */
static bool said_take_room(struct person *person, uint32_t room, struct saying *taken)
{
    for (uint32_t i = 0; i < person->said_count; i++) {
        const struct saying *saying = &person->said[i];
        if (saying->kind != SAYING_HELLO_ROOM || saying->room != room) continue;
        return said_take(person, saying->id, taken);
    }
    return false;
}

static void answered_change(struct person *person, uint64_t number)
{
    for (uint32_t i = 0; i < person->unanswered_count; i++) {
        if (person->unanswered[i] != number) continue;
        memmove(person->unanswered + i, person->unanswered + i + 1,
                (--person->unanswered_count - i) * sizeof *person->unanswered);
        return;
    }
}

/* --- who is there --- */

static uint64_t bits_of(const struct slice *names, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = 0;
        (void)decimal_read(slice_of(names[i].data + 1, names[i].size - 1), &number);
        bits |= UINT64_C(1) << (number & 63);
    }
    return bits;
}

static void hear_list(struct person *person, const struct word *word, uint32_t room)
{
    struct seat *seat = &person->seats[room];
    world_count(person->caller.world, SIM_COVER_CHAT_LISTS);
    seat->listed = seat->joined && word->version >= seat->told;
    seat->version = word->version;
    seat->present = bits_of(word->came, word->came_count);
}

static void hear_delta(struct person *person, const struct word *word)
{
    struct seat *seat = &person->seats[word->room];
    world_count(person->caller.world, SIM_COVER_CHAT_COMINGS);
    if (word->was < seat->told || word->version <= word->was) {
        world_fail(person->caller.world, "presence",
                   "client %u hears of version %U since %U of "
                   "room %u, and was told %U",
                   person->caller.index + 1, word->version, word->was, word->room, seat->told);
    }
    seat->told = word->version;
    if (!seat->listed || word->version <= seat->version) return;
    if (!word->listed || word->was < seat->version) {
        seat->listed = false;
        person_ask_list(person, word->room);
        return;
    }
    uint64_t came = bits_of(word->came, word->came_count);
    uint64_t went = bits_of(word->went, word->went_count);
    if ((came & seat->present) != 0 || (went & ~seat->present) != 0) {
        world_fail(person->caller.world, "presence",
                   "client %u hears that %x came and %x went of "
                   "%x in room %u",
                   person->caller.index + 1, came, went, seat->present, word->room);
    }
    seat->present = (seat->present | came) & ~went;
    seat->version = word->version;
}

/* --- rooms --- */

static bool hear_joined(struct person *person, const struct word *word)
{
    struct saying saying;
    bool found = word->id == UINT64_MAX ? said_take_room(person, word->room, &saying)
                                        : said_take(person, word->id, &saying);
    if (!found || saying.room != word->room) return false;
    struct seat *seat = &person->seats[word->room];
    if (seat->next > 1) world_count(person->caller.world, SIM_COVER_CHAT_RESUMED);
    seat->joined = true;
    seat->next = saying.number + 1;
    seat->joined_us = saying.asked_us;
    seat->told = word->version;
    seat->listed = false;
    if (saying.number > word->seq) return false;
    person_ask_list(person, word->room);
    return true;
}

static bool hear_event(struct person *person, const struct word *word)
{
    struct world *world = person->caller.world;
    struct seat *seat = &person->seats[word->room];
    if (!seat->joined) return false;
    if (word->seq != seat->next) {
        world_fail(world, "no hole", "client %u hears number %U of room %u, and wants %U",
                   person->caller.index + 1, word->seq, word->room, seat->next);
    }
    world_count(world, SIM_COVER_CHAT_EVENTS);
    seat->next = word->seq + 1;
    judge_event(world, &people_of(world)->judge, word, seat->joined_us);
    return true;
}

static bool hear_gap(struct person *person, const struct word *word)
{
    struct world *world = person->caller.world;
    struct seat *seat = &person->seats[word->room];
    if (!seat->joined) return false;
    if (word->from != seat->next || word->to < word->from) {
        world_fail(world, "no hole",
                   "client %u hears of a gap from %U to %U in room %u, and wants "
                   "%U",
                   person->caller.index + 1, word->from, word->to, word->room, seat->next);
    }
    world_count(world, SIM_COVER_CHAT_GAPS);
    seat->next = word->to + 1;
    judge_gap(world, word->room, word->to);
    return true;
}

/* --- answers --- */

static bool hear_welcome(struct person *person, const struct word *word)
{
    struct world *world = person->caller.world;
    struct saying saying;
    if (!said_take(person, word->id, &saying) || saying.kind != SAYING_HELLO) return false;
    if (word->client.size != WORDS_KEY_SIZE || word->secret.size != WORDS_KEY_SIZE) return false;
    person->welcomed = true;
    if (person->has_identity) {
        world_count(world, SIM_COVER_CHAT_TAKEN_ALONG);
        bool same = memcmp(word->client.data, person->client, WORDS_KEY_SIZE) == 0;
        person_resend(person);
        return same;
    }
    memcpy(person->client, word->client.data, WORDS_KEY_SIZE);
    memcpy(person->secret, word->secret.data, WORDS_KEY_SIZE);
    person->has_identity = true;
    person->identity = ++people_of(world)->judge.identities;
    person->last_id = 0;
    return true;
}

static bool hear_ack(struct person *person, const struct word *word)
{
    static const enum sim_coverage rows[] = {[CHAT_EVENT_POST] = SIM_COVER_CHAT_POSTS,
                                             [CHAT_EVENT_EDIT] = SIM_COVER_CHAT_EDITS,
                                             [CHAT_EVENT_DELETE] = SIM_COVER_CHAT_DELETES};
    struct world *world = person->caller.world;
    struct judge *judge = &people_of(world)->judge;
    struct saying saying;
    if (!said_take(person, word->id, &saying) || saying.kind != SAYING_CHANGE) return false;
    if (saying.room != word->room || word->seq == 0) return false;
    world_count(world, rows[judge_change(judge, saying.change)->kind]);
    if (word->duplicate) world_count(world, SIM_COVER_CHAT_AGAIN);
    judge_acknowledged(world, judge, saying.change, word->seq);
    answered_change(person, saying.change);
    return true;
}

static bool hear_answer(struct person *person, const struct word *word)
{
    struct world *world = person->caller.world;
    struct saying saying;
    if (!said_take(person, word->id, &saying) || saying.room != word->room) return false;
    if (word->type == WORD_LEFT) {
        person->seats[word->room].joined = false;
        return saying.kind == SAYING_LEAVE;
    }
    if (word->type == WORD_PRESENCE) {
        hear_list(person, word, saying.room);
        return saying.kind == SAYING_LIST;
    }
    world_count(world, SIM_COVER_CHAT_READS);
    judge_marker(world, &people_of(world)->judge, person->name, saying.room, saying.number,
                 word->seq);
    return saying.kind == SAYING_READ;
}

/* --- errors --- */

static bool hear_hello_refused(struct person *person, const struct word *word)
{
    if (is(word->code, "client_forgotten") && person->has_identity) {
        world_count(person->caller.world, SIM_COVER_CHAT_FORGOTTEN);
        person_drop_identity(person);
    } else if (!word->retry) {
        return false;
    }
    caller_leave(&person->caller);
    return true;
}

static bool hear_change_refused(struct person *person, const struct word *word, uint64_t number)
{
    struct world *world = person->caller.world;
    struct judge *judge = &people_of(world)->judge;
    judge_change(judge, number)->doubted = true;
    if (is(word->code, "replaced") || (is(word->code, "id_too_old") && person->shared)) {
        person_drop_identity(person);
        caller_leave(&person->caller);
        return true;
    }
    if (word->retry) return true;
    if (!is(word->code, "no_such_post")) return false;
    judge_refused(world, judge, number);
    answered_change(person, number);
    person->caller.answered_us = world_now_us(world);
    return true;
}

static bool hear_error(struct person *person, const struct word *word)
{
    struct saying saying;
    bool found = word->id == UINT64_MAX ? said_take_room(person, word->room, &saying)
                                        : said_take(person, word->id, &saying);
    if (!found) return false;
    world_count(person->caller.world, SIM_COVER_REFUSED);
    if (saying.kind == SAYING_HELLO) return hear_hello_refused(person, word);
    if (saying.kind == SAYING_CHANGE) return hear_change_refused(person, word, saying.change);
    /* A room that is left when it is not known whether that was done is joined again. */
    if (saying.kind == SAYING_LEAVE && word->retry) caller_leave(&person->caller);
    return word->retry;
}

/* --- all --- */

static bool hear_word(struct person *person, const struct word *word)
{
    switch (word->type) {
    case WORD_WELCOME: return hear_welcome(person, word);
    case WORD_ACK: return hear_ack(person, word);
    case WORD_ERROR: return hear_error(person, word);
    case WORD_STATUS:
    case WORD_BYE: return true;
    default: break;
    }
    if (word->room >= JUDGE_ROOMS) return false;
    switch (word->type) {
    case WORD_JOINED: return hear_joined(person, word);
    case WORD_EVENT: return hear_event(person, word);
    case WORD_GAP: return hear_gap(person, word);
    case WORD_PRESENCE:
        if (word->id != UINT64_MAX) return hear_answer(person, word);
        if (!person->seats[word->room].joined) return false;
        hear_delta(person, word);
        return true;
    default: return hear_answer(person, word);
    }
}

static void note_heard(struct person *person, const struct word *word)
{
    struct world *world = person->caller.world;
    person->heard_us = world_now_us(world);
    if (word->type != WORD_ERROR && word->type != WORD_STATUS) {
        person->caller.answered_us = person->heard_us;
    }
    if (person->caller.state != CALLER_ONLINE || !person->welcomed) return;
    if (person->said_count == 0) caller_next(&person->caller);
}

static bool hear_text(struct person *person, struct slice text)
{
    struct world *world = person->caller.world;
    struct word word;
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, map_hash_bytes(text));
    world_narrate(world, "client", person->caller.index + 1, "< %b", text);
    if (!word_read(text, &word) || !hear_word(person, &word)) return false;
    note_heard(person, &word);
    return true;
}

static bool hear_frame(struct person *person, struct slice bytes, size_t *used)
{
    struct slice payload;
    unsigned code = 0;
    struct people *people = people_of(person->caller.world);
    switch (websocket_read(&person->websocket, bytes, used, &payload, &code)) {
    case WEBSOCKET_PARTIAL:
    case WEBSOCKET_PONG: return true;
    case WEBSOCKET_TEXT: return hear_text(person, payload);
    case WEBSOCKET_PING:
        person->heard_us = world_now_us(person->caller.world);
        words_pong(&people->bytes, payload);
        return true;
    case WEBSOCKET_CLOSE:
        world_narrate(person->caller.world, "client", person->caller.index + 1, "< close %u",
                      (uint32_t)code);
        if (code == CHAT_CLOSE_REPLACED) {
            world_count(person->caller.world, SIM_COVER_CHAT_REPLACED);
            person_drop_identity(person);
        }
        caller_leave(&person->caller);
        return code == 1001 || code == 1013 || code == CHAT_CLOSE_SILENT ||
               code == CHAT_CLOSE_REPLACED;
    default: return false;
    }
}

/* The response to the upgrade. False: it is none. */
static bool hear_upgrade(struct person *person)
{
    static const char end[] = "\r\n\r\n", good[] = "HTTP/1.1 101 ", full[] = "HTTP/1.1 503 ";
    struct slice in = buffer_slice(&person->caller.in);
    if (in.size < strlen(good)) return true;
    if (memcmp(in.data, full, strlen(full)) == 0) return true;
    if (memcmp(in.data, good, strlen(good)) != 0) return false;
    for (size_t i = 0; i + 4 <= in.size; i++) {
        if (memcmp(in.data + i, end, 4) != 0) continue;
        buffer_consume(&person->caller.in, i + 4);
        person->upgraded = true;
        return true;
    }
    return true;
}

bool person_hear(struct person *person, struct slice bytes)
{
    struct buffer *in = &person->caller.in;
    buffer_append_slice(in, bytes);
    if (!person->upgraded && !hear_upgrade(person)) return false;
    while (person->upgraded && in->size != 0 && person->caller.state == CALLER_ONLINE) {
        size_t used = 0;
        bool good = hear_frame(person, buffer_slice(in), &used);
        buffer_consume(in, used);
        if (!good) return false;
    }
    struct people *people = people_of(person->caller.world);
    if (person->caller.state != CALLER_ONLINE) buffer_clear(&people->bytes);
    if (people->bytes.size != 0) person_send(person);
    return true;
}
