/* What the store's clients ask, and what they make of the answers. See clients.h. */
#include "systems/store/sim/clients.h"

#include "base/assert.h"
#include "base/map.h"
#include "check/model.h"
#include "sim/text.h"
#include "sim/world.h"
#include "systems/store/sim/levels.h"
#include "wire/resp.h"

enum {
    READERS_EVERY = 3,
    LEVELS = 30, /* percent, of what is asked */
    LOCAL_ONE_IN = 10,
    READS_BEHIND = 95, /* percent, behind another command: each write of unknown outcome is one more
                          that the judge has to try at every place */
    WORDS_MAX = 8,
};

static uint64_t below(const struct store_client *client, uint64_t bound)
{
    return caller_below(client->caller.world, bound);
}

/* --- asking --- */

static enum store_ask choose_read(const struct store_client *client)
{
    if (below(client, LOCAL_ONE_IN) == 0) return ASK_GET_LOCAL;
    return store_users_of(client->caller.world)->lease ? ASK_GET_LEASE : ASK_GET;
}

/* Of all keys, then of its share of those that grow. */
static void choose_last(struct store_client *client, struct store_asked *asked)
{
    struct store_users *users = store_users_of(client->caller.world);
    uint32_t place = client->caller.drained + client->asked_count;
    asked->last = true;
    asked->ask = ASK_GET;
    asked->key = place;
    if (place < users->keys) return;
    asked->ask = ASK_GROWN;
    asked->key = client->caller.index;
    asked->key += (place - users->keys) * client->caller.world->clients_count;
    store_levels_begin(client, asked);
}

/* Some read most of the time: whoever writes is soon stuck at a leader that no one hears, and
 * would not see what it goes on answering. */
static void choose(struct store_client *client, struct store_asked *asked)
{
    static const enum store_ask writes[] = {
        ASK_SET,       ASK_SET,       ASK_SET,    ASK_SET_NEW,      ASK_SET_NEW,
        ASK_SET_EQUAL, ASK_SET_EQUAL, ASK_DELETE, ASK_DELETE_EQUAL, ASK_SET_ENDING};
    struct store_users *users = store_users_of(client->caller.world);
    *asked = (struct store_asked){.key = (uint32_t)below(client, users->keys)};
    if (client->caller.draining) {
        choose_last(client, asked);
        return;
    }
    if (below(client, 100) < LEVELS) {
        store_levels_choose(client, asked);
        return;
    }
    uint64_t reads = client->caller.index % READERS_EVERY == 0 ? 99 : 25;
    if (client->asked_count > 0) reads = READS_BEHIND;
    if (below(client, 100) < reads) {
        asked->ask = choose_read(client);
        return;
    }
    asked->ask = writes[below(client, sizeof writes / sizeof writes[0])];
    asked->expected = users->seen[asked->key];
    asked->value = users->next_value++;
}

static void put_words(struct slice line, struct buffer *out)
{
    struct slice words[WORDS_MAX];
    uint32_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i <= line.size; i++) {
        if (i < line.size && line.data[i] != ' ') continue;
        ASSERT(count < WORDS_MAX);
        words[count++] = slice_of(line.data + from, i - from);
        from = i + 1;
    }
    resp_put_command(out, words, count);
}

static void line_of(const struct store_asked *asked, struct buffer *out)
{
    switch ((int)asked->ask) { /* the others are in levels.c */
    case ASK_GET: text_append(out, "GET k%u", asked->key); break;
    case ASK_GET_LEASE: text_append(out, "CONSISTENCY lease GET k%u", asked->key); break;
    case ASK_GET_LOCAL: text_append(out, "CONSISTENCY local GET k%u", asked->key); break;
    case ASK_SET: text_append(out, "SET k%u %U", asked->key, asked->value); break;
    case ASK_SET_ENDING:
        text_append(out, "SET k%u %U EX %u", asked->key, asked->value, (uint32_t)STORE_END_S);
        break;
    case ASK_SET_NEW: text_append(out, "SET k%u %U NX GET", asked->key, asked->value); break;
    case ASK_SET_EQUAL:
        text_append(out, "SET k%u %U IFEQ %U GET", asked->key, asked->value, asked->expected);
        break;
    case ASK_DELETE: text_append(out, "DEL k%u", asked->key); break;
    case ASK_DELETE_EQUAL: text_append(out, "DELIFEQ k%u %U", asked->key, asked->expected); break;
    }
}

/* Keys whose time has come may end from now on: to the judge that is a swap to nothing of which no
 * one hears. What has ended for one must not come back for another. */
static void ends_come(struct world *world)
{
    struct store_users *users = store_users_of(world);
    for (; users->ends_taken < users->ends_count; users->ends_taken++) {
        const struct store_end *end = &users->ends[users->ends_taken % STORE_ENDS_MAX];
        if (end->from_us > world_now_us(world)) return;
        history_invoke(&users->history, (struct operation){.process = users->next_process++,
                                                           .f = MODEL_CAS,
                                                           .key = end->key,
                                                           .in = {end->value, HISTORY_NIL},
                                                           .called_us = world_now_us(world)});
    }
}

/* No sooner than its time after the question, less 5 % and 150 ms for clocks. Where they drift or
 * jump, it may be at once: what passed without a leader is as long as a quorum's clocks say. */
static void note_end(struct world *world, const struct store_asked *asked)
{
    struct store_users *users = store_users_of(world);
    bool off = (world->options->faults & (1u << SIM_FAULT_SKEW | 1u << SIM_FAULT_DRIFT)) != 0;
    uint64_t lives_us = off ? 0 : STORE_END_S * 950000ull - 150000;
    ASSERT(users->ends_count - users->ends_taken < STORE_ENDS_MAX);
    users->ends[users->ends_count++ % STORE_ENDS_MAX] =
        (struct store_end){asked->key, asked->value, world_now_us(world) + lives_us};
    ends_come(world);
}

/* A key holds the number that was written, none at first. */
static uint32_t history_ask(struct store_client *client, const struct store_asked *asked)
{
    static const uint32_t functions[] = {
        [ASK_GET] = MODEL_READ,         [ASK_GET_LEASE] = MODEL_READ,  [ASK_SET] = MODEL_WRITE,
        [ASK_SET_ENDING] = MODEL_WRITE, [ASK_SET_NEW] = MODEL_CAS,     [ASK_SET_EQUAL] = MODEL_CAS,
        [ASK_DELETE] = MODEL_DELETE,    [ASK_DELETE_EQUAL] = MODEL_CAS};
    struct store_users *users = store_users_of(client->caller.world);
    ends_come(client->caller.world);
    struct operation call = {
        .process = users->next_process++,
        .f = functions[asked->ask],
        .key = asked->key,
        .called_us = world_now_us(client->caller.world),
    };
    if (call.f == MODEL_WRITE) call.in[0] = asked->value;
    if (call.f == MODEL_CAS) {
        call.in[0] = asked->ask == ASK_SET_NEW ? HISTORY_NIL : asked->expected;
        call.in[1] = asked->ask == ASK_DELETE_EQUAL ? HISTORY_NIL : asked->value;
    }
    return history_invoke(&users->history, call);
}

static bool judged(const struct store_asked *asked)
{
    return asked->ask != ASK_GET_LOCAL && asked->ask < ASK_GROW_LEADER;
}

static void ask_one(struct store_client *client, struct store_asked asked, struct buffer *out)
{
    struct buffer line = {0};
    if (judged(&asked)) asked.operation = history_ask(client, &asked);
    if (asked.ask == ASK_SET_ENDING) note_end(client->caller.world, &asked);
    client->asked[client->asked_count++] = asked;
    if (asked.ask >= ASK_GROW_LEADER) {
        store_levels_line(client, &asked, &line);
    } else {
        line_of(&asked, &line);
    }
    world_narrate(client->caller.world, "client", client->caller.index + 1, "> %b",
                  buffer_slice(&line));
    put_words(buffer_slice(&line), out);
    buffer_free(&line);
}

/* How many it makes: see choose_last(). */
static uint32_t last_reads(const struct caller *caller)
{
    const struct store_users *users = store_users_of(caller->world);
    uint32_t clients = caller->world->clients_count;
    return users->keys + (users->grown_keys + clients - 1 - caller->index) / clients;
}

void store_client_ask(struct store_client *client)
{
    struct world *world = client->caller.world;
    struct buffer out = {0};
    uint64_t count = 1 + below(client, STORE_PIPELINE_MAX);
    if (client->caller.draining) {
        uint64_t left = last_reads(&client->caller) - client->caller.drained;
        if (count > left) count = left;
    }
    while (count-- > 0) {
        struct store_asked asked;
        choose(client, &asked);
        ask_one(client, asked, &out);
        if (asked.ask != ASK_GROW_ALL || client->asked_count == STORE_PIPELINE_MAX) continue;
        asked.ask = ASK_TOKEN_OF_ALL; /* the last: of what is behind it nothing is to show */
        ask_one(client, asked, &out);
        break;
    }
    network_send(&world->network, client->caller.place, client->caller.number, buffer_slice(&out));
    buffer_free(&out);
}

/* --- hearing --- */

static void ended(struct store_client *client, const struct store_asked *asked,
                  enum operation_outcome outcome, uint64_t out)
{
    struct world *world = client->caller.world;
    if (outcome == OPERATION_FAILED) world_count(world, SIM_COVER_REFUSED);
    if (outcome == OPERATION_UNKNOWN) world_count(world, SIM_COVER_UNKNOWN);
    if (!judged(asked)) return;
    ends_come(world);
    history_complete(&store_users_of(world)->history, asked->operation, outcome, out,
                     world_now_us(world));
}

void store_client_forget(struct caller *caller)
{
    struct store_client *client = (struct store_client *)caller;
    for (uint32_t i = 0; i < client->asked_count; i++) {
        ended(client, &client->asked[i], OPERATION_UNKNOWN, 0);
    }
    client->asked_count = 0;
    store_levels_forget(client);
}

/* What a GET, or the GET of a SET, says was there. False: it says neither a number nor none. */
static bool found_read(const struct resp_value *value, uint64_t *found)
{
    *found = HISTORY_NIL;
    if (value->kind == RESP_NULL) return true;
    return value->kind == RESP_BULK && decimal_read(value->bytes, found);
}

static bool get_heard(struct store_client *client, const struct store_asked *asked,
                      const struct resp_value *value)
{
    static const enum sim_coverage rows[] = {[ASK_GET] = SIM_COVER_STORE_GETS,
                                             [ASK_GET_LEASE] = SIM_COVER_STORE_GETS_ON_LEASE,
                                             [ASK_GET_LOCAL] = SIM_COVER_STORE_GETS_LOCAL};
    struct store_users *users = store_users_of(client->caller.world);
    uint64_t found;
    if (!found_read(value, &found)) return false;
    if (found != HISTORY_NIL && found >= users->next_value) return false; /* nobody wrote it */
    world_count(client->caller.world, rows[asked->ask]);
    if (found != HISTORY_NIL) users->seen[asked->key] = found;
    ended(client, asked, OPERATION_OK, found);
    if (asked->last) client->caller.drained++;
    return true;
}

static bool set_heard(struct store_client *client, const struct store_asked *asked,
                      const struct resp_value *value)
{
    struct store_users *users = store_users_of(client->caller.world);
    uint64_t found, expected = asked->ask == ASK_SET_NEW ? HISTORY_NIL : asked->expected;
    bool done;
    bool plain = asked->ask == ASK_SET || asked->ask == ASK_SET_ENDING;
    if (plain) {
        if (value->kind != RESP_SIMPLE) return false;
        found = asked->value;
        done = true;
    } else {
        if (!found_read(value, &found)) return false;
        done = found == expected;
    }
    enum sim_coverage row = plain ? SIM_COVER_STORE_SETS : SIM_COVER_STORE_SWAPS;
    world_count(client->caller.world, done ? row : SIM_COVER_STORE_KEPT);
    if (done) users->seen[asked->key] = asked->value;
    ended(client, asked, done ? OPERATION_OK : OPERATION_KEPT, done ? asked->value : found);
    return true;
}

static bool delete_heard(struct store_client *client, const struct store_asked *asked,
                         const struct resp_value *value)
{
    if (value->kind != RESP_INTEGER || value->number < 0 || value->number > 1) return false;
    bool done = value->number == 1;
    if (done) world_count(client->caller.world, SIM_COVER_STORE_DELETES);
    if (asked->ask == ASK_DELETE) {
        ended(client, asked, done ? OPERATION_OK : OPERATION_KEPT,
              done ? MODEL_WAS_THERE : HISTORY_NIL);
    } else { /* it does not say what was there instead */
        ended(client, asked, done ? OPERATION_OK : OPERATION_FAILED, HISTORY_NIL);
    }
    return true;
}

static bool begins(struct slice error, const char *text)
{
    struct slice code = slice_text(text);
    return error.size >= code.size && slice_equal(slice_of(error.data, code.size), code);
}

/* "MOVED slot node-N:6379": the client goes there once it has heard all that it asked. */
static bool moved(struct store_client *client, struct slice error)
{
    static const char before[] = " node-";
    struct world *world = client->caller.world;
    size_t at = sizeof "MOVED " - 1;
    while (at < error.size && error.data[at] != ' ') at++;
    struct slice place = slice_of(error.data + at, error.size - at);
    if (!store_users_of(world)->redirects || !begins(place, before)) return false;
    uint8_t digit = place.size > sizeof before - 1 ? place.data[sizeof before - 1] : 0;
    if (digit <= '0' || digit > '0' + world->hosts_count) return false;
    client->caller.wanted = (uint32_t)(digit - '0');
    world_count(world, SIM_COVER_STORE_MOVED);
    return true;
}

static bool refused(struct store_client *client, struct slice error)
{
    if (begins(error, "MOVED ")) return moved(client, error);
    return begins(error, "CLUSTERDOWN ") || begins(error, "OOM ") || begins(error, "TRYAGAIN ");
}

static bool hear_one(struct store_client *client, const struct resp_value *value)
{
    const struct store_asked asked = client->asked[0];
    if (client->asked_count == 0) return false;
    client->asked_count--;
    for (uint32_t i = 0; i < client->asked_count; i++) client->asked[i] = client->asked[i + 1];
    bool levels = asked.ask >= ASK_GROW_LEADER;
    if (value->kind == RESP_ERROR &&
        (refused(client, value->bytes) || store_levels_lost(client, value))) {
        ended(client, &asked, OPERATION_FAILED, 0);
        store_levels_refused(client, &asked);
        return true;
    }
    if (levels) client->caller.answered_us = world_now_us(client->caller.world);
    if (levels) return store_levels_heard(client, &asked, value);
    if (value->kind == RESP_ERROR) return false;
    client->caller.answered_us = world_now_us(client->caller.world);
    if (asked.ask <= ASK_GET_LOCAL) return get_heard(client, &asked, value);
    if (asked.ask <= ASK_SET_EQUAL) return set_heard(client, &asked, value);
    return delete_heard(client, &asked, value);
}

bool store_client_hear(struct store_client *client, struct slice bytes)
{
    struct world *world = client->caller.world;
    buffer_append_slice(&client->caller.in, bytes);
    while (client->caller.in.size > 0) {
        struct slice in = buffer_slice(&client->caller.in);
        struct resp_value value;
        size_t size;
        bool good = resp_value_read(in, &value, &size);
        if (good && size == 0) return true;
        struct slice line = good ? slice_of(in.data, size) : in;
        world_count(world, SIM_COVER_OPERATIONS);
        world_mark(world, map_hash_bytes(line));
        world_narrate(world, "client", client->caller.index + 1, "< %b", line);
        if (!good || !hear_one(client, &value)) {
            world_fail(world, "protocol", "client %u hears \"%b\"", client->caller.index + 1, line);
            return false;
        }
        buffer_consume(&client->caller.in, size);
    }
    return true;
}

bool store_client_done(const struct caller *caller)
{
    return caller->draining && caller->drained >= last_reads(caller);
}
