/* The demo load: see demo.h. Each is a small state machine over one connection, as people in
 * simulated worlds are, and hears with their ears (sim/words.h). */
#include "systems/chat/command/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/random.h"
#include "server/system.h"
#include "systems/chat/protocol/connection.h"
#include "systems/chat/sim/words.h"

enum { READ_BYTES = 16384 };

struct demo_person {
    struct demo *demo;
    unsigned number;
    unsigned node; /* it talks to this one */
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_timer_t timer; /* to speak, or to reconnect */
    bool open, closing, upgraded, welcomed;
    struct buffer in;
    struct websocket websocket;
    bool has_identity;
    char client[WORDS_KEY_SIZE + 1], secret[WORDS_KEY_SIZE + 1];
    uint64_t id;   /* of the last post */
    bool waiting;  /* for its ack */
    uint64_t seen; /* of the lobby */
    char bytes[READ_BYTES];
};

struct demo {
    uv_loop_t *loop;
    struct system_demo_place place;
    struct demo_person people[DEMO_PEOPLE];
    uv_timer_t progress;
    struct random random;
    uint64_t posts, seen, reconnects, began_us;
    bool stopping;
};

static const char *const names[DEMO_PEOPLE] = {"ada", "barbara", "radia"};

/* What they know of these things. */
static const char *const lines[] = {
    "a lost acknowledgement looks like a lost message, from here",
    "who leads?",
    "I saw that before you did, and at the same number",
    "kill a node: this goes on",
    "two of three are enough",
    "said twice, and it stands there once",
    "the log is the truth; the rest is a cache",
    "has anybody heard of node 2?",
};

/* --- talking --- */

static void reconnect_soon(struct demo_person *person);

struct demo_write {
    uv_write_t request;
    struct buffer bytes;
};

static void written(uv_write_t *request, int status)
{
    (void)status; /* a broken connection shows when reading */
    struct demo_write *write = request->data;
    buffer_free(&write->bytes);
    free(write);
}

/* Takes the bytes. */
static void say(struct demo_person *person, struct buffer bytes)
{
    struct demo_write *write = calloc(1, sizeof *write);
    if (write == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    write->bytes = bytes;
    write->request.data = write;
    struct slice all = buffer_slice(&write->bytes);
    uv_buf_t part = uv_buf_init((char *)(uintptr_t)all.data, (unsigned)all.size);
    if (uv_write(&write->request, (uv_stream_t *)&person->tcp, &part, 1, written) == 0) return;
    written(&write->request, 0);
    reconnect_soon(person);
}

static void say_hello(struct demo_person *person)
{
    struct buffer bytes = {0};
    char identity[128] = "";
    if (person->has_identity) {
        snprintf(identity, sizeof identity, ",\"client\":\"%s\",\"secret\":\"%s\"", person->client,
                 person->secret);
    }
    words_knock(&bytes);
    words_say(&bytes, "hello", ",\"user\":\"%s\",\"rooms\":{\"lobby\":%U}%s", names[person->number],
              person->seen, identity);
    say(person, bytes);
}

static void say_post(struct demo_person *person)
{
    struct buffer bytes = {0};
    const char *line =
        lines[(person->id * DEMO_PEOPLE + person->number) % (sizeof lines / sizeof *lines)];
    person->waiting = true;
    words_say(&bytes, "post", ",\"id\":%U,\"room\":\"lobby\",\"text\":\"%s\"", person->id, line);
    say(person, bytes);
}

static void time_to_speak(uv_timer_t *timer)
{
    struct demo_person *person = timer->data;
    if (!person->welcomed || person->waiting || person->demo->stopping) return;
    person->id++;
    say_post(person);
}

static void speak_later(struct demo_person *person)
{
    uint64_t after_ms = 500 + random_below(&person->demo->random, 2 * (DEMO_SAY_MS - 500));
    uv_timer_start(&person->timer, time_to_speak, after_ms, 0);
}

/* --- hearing --- */

static void hear_welcome(struct demo_person *person, const struct word *word)
{
    if (word->client.size != WORDS_KEY_SIZE || word->secret.size != WORDS_KEY_SIZE) return;
    memcpy(person->client, word->client.data, WORDS_KEY_SIZE);
    memcpy(person->secret, word->secret.data, WORDS_KEY_SIZE);
    person->has_identity = true;
    person->welcomed = true;
    if (person->waiting) {
        say_post(person);
    } else {
        speak_later(person);
    }
}

static void hear_word(struct demo_person *person, const struct word *word)
{
    switch (word->type) {
    case WORD_WELCOME: hear_welcome(person, word); return;
    case WORD_ACK:
        if (!person->waiting || word->id != person->id) return;
        person->waiting = false;
        person->demo->posts++;
        speak_later(person);
        return;
    case WORD_EVENT:
        person->seen = word->seq;
        person->demo->seen++;
        return;
    case WORD_GAP: person->seen = word->to; return;
    case WORD_ERROR: reconnect_soon(person); return; /* this node cannot now: the next may */
    default: return;
    }
}

/* False: the connection is of no more use. */
static bool hear_frame(struct demo_person *person, size_t *used)
{
    struct slice payload;
    struct word word;
    unsigned code = 0;
    struct buffer bytes = {0};
    switch (websocket_read(&person->websocket, buffer_slice(&person->in), used, &payload, &code)) {
    case WEBSOCKET_TEXT:
        if (word_read(payload, &word)) hear_word(person, &word);
        return true;
    case WEBSOCKET_PING:
        words_pong(&bytes, payload);
        say(person, bytes);
        return true;
    case WEBSOCKET_PARTIAL:
    case WEBSOCKET_PONG: return true;
    default:
        if (code == CHAT_CLOSE_REPLACED) person->has_identity = person->waiting = false;
        return false;
    }
}

static void hear_upgrade(struct demo_person *person)
{
    struct slice in = buffer_slice(&person->in);
    for (size_t i = 0; i + 4 <= in.size; i++) {
        if (memcmp(in.data + i, "\r\n\r\n", 4) != 0) continue;
        person->upgraded = in.size > 12 && memcmp(in.data + 9, "101", 3) == 0;
        buffer_consume(&person->in, i + 4);
        if (!person->upgraded) reconnect_soon(person);
        return;
    }
}

static void heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct demo_person *person = stream->data;
    (void)bytes;
    if (size < 0) {
        reconnect_soon(person);
        return;
    }
    buffer_append(&person->in, person->bytes, (size_t)size);
    if (!person->upgraded) hear_upgrade(person);
    while (person->upgraded && person->open && person->in.size != 0) {
        size_t used = 0;
        bool good = hear_frame(person, &used);
        if (!person->open) return;
        buffer_consume(&person->in, used);
        if (!good) reconnect_soon(person);
    }
}

/* --- connections --- */

static void give_bytes(uv_handle_t *handle, size_t size, uv_buf_t *bytes)
{
    struct demo_person *person = handle->data;
    (void)size;
    *bytes = uv_buf_init(person->bytes, sizeof person->bytes);
}

static void connected(uv_connect_t *connect, int status)
{
    struct demo_person *person = connect->handle->data;
    if (status == UV_ECANCELED) return;
    if (status != 0) {
        reconnect_soon(person);
        return;
    }
    person->open = true;
    uv_tcp_nodelay(&person->tcp, 1);
    uv_read_start((uv_stream_t *)&person->tcp, give_bytes, heard);
    say_hello(person);
}

static void connect_now(uv_timer_t *timer)
{
    struct demo_person *person = timer->data;
    struct sockaddr_in where;
    uv_ip4_addr("127.0.0.1", (int)(person->demo->place.client_port + person->node), &where);
    uv_tcp_init(person->demo->loop, &person->tcp);
    person->tcp.data = person;
    if (uv_tcp_connect(&person->connect, &person->tcp, (struct sockaddr *)&where, connected) != 0) {
        reconnect_soon(person);
    }
}

static void closed(uv_handle_t *handle)
{
    struct demo_person *person = handle->data;
    person->closing = false;
    websocket_free(&person->websocket);
    person->websocket = (struct websocket){.is_client = true};
    buffer_clear(&person->in);
    if (person->demo->stopping) return;
    person->demo->reconnects++;
    person->node = (person->node + 1) % person->demo->place.nodes;
    uv_timer_start(&person->timer, connect_now, DEMO_RECONNECT_MS, 0);
}

static void reconnect_soon(struct demo_person *person)
{
    if (person->closing) return;
    person->closing = true;
    person->open = person->upgraded = person->welcomed = false;
    uv_timer_stop(&person->timer);
    uv_close((uv_handle_t *)&person->tcp, closed);
}

/* --- progress, start, stop --- */

static void show_progress(uv_timer_t *timer)
{
    struct demo *demo = timer->data;
    unsigned here = 0;
    for (unsigned i = 0; i < DEMO_PEOPLE; i++) here += demo->people[i].welcomed;
    printf("%s%4" PRIu64 " s  posts %" PRIu64 "  seen %" PRIu64 "  reconnects %" PRIu64
           "  people %u/%d\n",
           demo->place.label, (system_now().mono_us - demo->began_us) / 1000000, demo->posts,
           demo->seen, demo->reconnects, here, DEMO_PEOPLE);
    fflush(stdout);
}

static void *demo_start(struct uv_loop_s *loop, const struct system_demo_place *place)
{
    struct demo *demo = calloc(1, sizeof *demo);
    if (demo == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    demo->loop = loop;
    demo->place = *place;
    demo->random = random_seeded(system_random_u64());
    demo->began_us = system_now().mono_us;
    for (unsigned i = 0; i < DEMO_PEOPLE; i++) {
        struct demo_person *person = &demo->people[i];
        person->demo = demo;
        person->number = i;
        person->node = i % place->nodes;
        person->websocket.is_client = true;
        uv_timer_init(loop, &person->timer);
        person->timer.data = person;
        uv_timer_start(&person->timer, connect_now, DEMO_RECONNECT_MS, 0);
    }
    uv_timer_init(loop, &demo->progress);
    demo->progress.data = demo;
    uv_timer_start(&demo->progress, show_progress, DEMO_PROGRESS_MS, DEMO_PROGRESS_MS);
    return demo;
}

/* Nothing is lost by it: what is not answered was never told to be there. */
static void demo_stop(void *started, void (*stopped)(void *world), void *world)
{
    struct demo *demo = started;
    demo->stopping = true;
    uv_timer_stop(&demo->progress);
    show_progress(&demo->progress);
    for (unsigned i = 0; i < DEMO_PEOPLE; i++) {
        struct demo_person *person = &demo->people[i];
        uv_timer_stop(&person->timer);
        if (person->open) reconnect_soon(person);
    }
    stopped(world);
}

const struct system_demo chat_demo = {.start = demo_start, .stop = demo_stop};
