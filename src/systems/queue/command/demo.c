/* The demo load: see demo.h. Each client is a small state machine over one connection: a line of
 * the server's answer decides what it says next. */
#include "systems/queue/command/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/random.h"
#include "command/http_client.h"
#include "server/system.h"

enum {
    DEMO_CLIENTS = DEMO_WORKERS + 1, /* client 0 is the producer */
    DEMO_READ_BYTES = 4096,
    DEMO_STOP_MS = 2000,
    DEMO_TTR_S = 10,
    DEMO_RESERVE_S = 5,
    DEMO_EACH_SECOND_S = 20, /* then a line now and then, lest what stands above scroll away */
    DEMO_NOW_AND_THEN_S = 10,
};

struct demo_client {
    struct demo *demo;
    unsigned number;
    unsigned node; /* it talks to this one */
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_timer_t timer; /* to work, to put, to reconnect */
    bool open;
    bool closing;
    struct buffer input;
    uint64_t job;      /* a worker holds it; 0: none */
    bool asked_to_put; /* the producer waits for INSERTED */
    char again[80];    /* what to say again after a busy server */
    char read_bytes[DEMO_READ_BYTES];
};

struct demo {
    uv_loop_t *loop;
    struct system_demo_place place;
    struct demo_client clients[DEMO_CLIENTS];
    uv_timer_t progress;
    uv_work_t ask_leader;
    bool asking;
    unsigned leader;       /* 0: not known */
    unsigned leader_found; /* by the thread, while it asks */
    struct random random;
    uint64_t tasks, put, put_before, done, done_before, failed, reconnects;
    uint64_t unknown; /* puts without an answer */
    uint64_t began_us;
    uint64_t stopping_us; /* since when; 0: it goes on */
    uint64_t shown_s;     /* the last line of progress, and what it told */
    unsigned leader_shown, clients_shown;
    uv_timer_t stop_timer;
    void (*stopped)(void *world);
    void *world;
};

/* --- talking --------------------------------------------------------------------------------- */

static void reconnect_soon(struct demo_client *client);

struct demo_write {
    uv_write_t request;
    char text[80];
};

static void written(uv_write_t *request, int status)
{
    (void)status; /* a broken connection shows when reading */
    free(request->data);
}

static void say(struct demo_client *client, const char *text)
{
    if (!client->open) return;
    struct demo_write *write = malloc(sizeof *write);
    if (write == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    write->request.data = write;
    snprintf(write->text, sizeof write->text, "%s", text);
    snprintf(client->again, sizeof client->again, "%s", text);
    uv_buf_t bytes = uv_buf_init(write->text, (unsigned)strlen(write->text));
    if (uv_write(&write->request, (uv_stream_t *)&client->tcp, &bytes, 1, written) != 0) {
        free(write);
        reconnect_soon(client);
    }
}

static void say_reserve(struct demo_client *client)
{
    char text[40];
    client->job = 0;
    if (client->demo->stopping_us != 0) return;
    snprintf(text, sizeof text, "reserve-with-timeout %d\r\n", DEMO_RESERVE_S);
    say(client, text);
}

static void say_put(struct demo_client *client)
{
    char body[32], text[80];
    struct demo *demo = client->demo;
    snprintf(body, sizeof body, "task %" PRIu64, demo->tasks);
    snprintf(text, sizeof text, "put 1000 0 %d %zu\r\n%s\r\n", DEMO_TTR_S, strlen(body), body);
    client->asked_to_put = true;
    say(client, text);
}

static void time_to_put(uv_timer_t *timer)
{
    struct demo_client *client = timer->data;
    if (!client->open || client->asked_to_put || client->demo->stopping_us != 0) return;
    client->demo->tasks++;
    say_put(client);
}

static void finish_work(uv_timer_t *timer)
{
    struct demo_client *client = timer->data;
    char text[80];
    if (random_below(&client->demo->random, DEMO_FAIL_ONE_IN) == 0) {
        snprintf(text, sizeof text, "release %" PRIu64 " 1000 %d\r\n", client->job,
                 DEMO_RETRY_DELAY_S);
    } else {
        snprintf(text, sizeof text, "delete %" PRIu64 "\r\n", client->job);
    }
    say(client, text);
}

static void say_again(uv_timer_t *timer)
{
    struct demo_client *client = timer->data;
    char text[80];
    snprintf(text, sizeof text, "%s", client->again);
    say(client, text);
}

/* --- listening ------------------------------------------------------------------------------- */

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* One line, without its end. */
static void producer_hears(struct demo_client *client, const char *line)
{
    struct demo *demo = client->demo;
    if (begins(line, "INSERTED")) {
        client->asked_to_put = false;
        demo->put++;
    } else if (!begins(line, "USING")) { /* DRAINING and the like: the task was not taken */
        uv_timer_start(&client->timer, say_again, DEMO_RECONNECT_MS, 0);
        return;
    } else if (client->asked_to_put) {
        say_put(client);
    }
    if (demo->stopping_us == 0) {
        uv_timer_start(&client->timer, time_to_put, DEMO_PUT_EVERY_MS, DEMO_PUT_EVERY_MS);
    }
}

static void worker_hears(struct demo_client *client, const char *line)
{
    struct demo *demo = client->demo;
    if (begins(line, "RESERVED")) {
        client->job = strtoull(line + 8, NULL, 10);
        uint64_t span = DEMO_WORK_MS_MAX - DEMO_WORK_MS_MIN;
        uint64_t work_ms = DEMO_WORK_MS_MIN + random_below(&demo->random, span);
        uv_timer_start(&client->timer, finish_work, work_ms, 0);
        return;
    }
    if (begins(line, "INTERNAL_ERROR") || begins(line, "OUT_OF_MEMORY")) {
        uv_timer_start(&client->timer, say_again, DEMO_RECONNECT_MS, 0);
        return;
    }
    demo->done += begins(line, "DELETED");
    demo->failed += begins(line, "RELEASED");
    say_reserve(client); /* WATCHING, TIMED_OUT, NOT_FOUND (it took too long) too */
}

/* Takes one whole answer off the input; false when there is none yet. */
static bool hear_one(struct demo_client *client)
{
    struct slice input = buffer_slice(&client->input);
    const uint8_t *end = input.size > 0 ? memchr(input.data, '\n', input.size) : NULL;
    if (end == NULL) return false;
    char line[80] = "";
    size_t size = (size_t)(end - input.data);
    memcpy(line, input.data, size < sizeof line ? size : sizeof line - 1);
    size_t used = size + 1;
    unsigned long long id, body;
    if (sscanf(line, "RESERVED %llu %llu", &id, &body) == 2) used += (size_t)body + 2;
    if (used > input.size) return false;
    buffer_consume(&client->input, used);
    if (client->number == 0) {
        producer_hears(client, line);
    } else {
        worker_hears(client, line);
    }
    return true;
}

static void give_bytes(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct demo_client *client = handle->data;
    (void)suggested;
    *out = uv_buf_init(client->read_bytes, DEMO_READ_BYTES);
}

static void heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct demo_client *client = stream->data;
    if (size < 0) {
        reconnect_soon(client);
        return;
    }
    buffer_append(&client->input, bytes->base, (size_t)size);
    while (client->open && hear_one(client)) continue;
}

/* --- connecting ------------------------------------------------------------------------------ */

static void connect_now(uv_timer_t *timer);

static void closed(uv_handle_t *handle)
{
    struct demo_client *client = handle->data;
    client->closing = false;
    if (client->demo->stopping_us != 0) return;
    client->node = (client->node + 1) % client->demo->place.nodes;
    uv_timer_start(&client->timer, connect_now, DEMO_RECONNECT_MS, 0);
}

static void reconnect_soon(struct demo_client *client)
{
    if (client->closing) return;
    if (client->open) {
        client->demo->reconnects++;
        if (client->number == 0 && client->asked_to_put) client->demo->unknown++;
    }
    client->open = false;
    client->closing = true;
    client->job = 0;
    buffer_clear(&client->input);
    uv_timer_stop(&client->timer);
    uv_close((uv_handle_t *)&client->tcp, closed);
}

static void connected(uv_connect_t *connect, int status)
{
    struct demo_client *client = connect->handle->data;
    if (status == UV_ECANCELED) return;
    if (status != 0) {
        reconnect_soon(client);
        return;
    }
    client->open = true;
    uv_tcp_nodelay(&client->tcp, 1);
    uv_read_start((uv_stream_t *)&client->tcp, give_bytes, heard);
    say(client, client->number == 0 ? "use demo\r\n" : "watch demo\r\n");
}

static void connect_now(uv_timer_t *timer)
{
    struct demo_client *client = timer->data;
    struct sockaddr_in where;
    uv_ip4_addr("127.0.0.1", (int)(client->demo->place.client_port + client->node), &where);
    uv_tcp_init(client->demo->loop, &client->tcp);
    client->tcp.data = client;
    int failed =
        uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&where, connected);
    if (failed != 0) reconnect_soon(client);
}

/* --- progress -------------------------------------------------------------------------------- */

/* On a thread: the first node that answers says whom it follows. */
static void ask_leader(uv_work_t *work)
{
    struct demo *demo = work->data;
    demo->leader_found = 0;
    for (unsigned i = 0; i < demo->place.nodes && demo->leader_found == 0; i++) {
        struct http_client_node node = {.admin = {.host = "127.0.0.1"}};
        snprintf(node.admin.port, sizeof node.admin.port, "%u",
                 (demo->place.admin_port + i) & 0xFFFF);
        struct buffer body = {0};
        char error[512];
        if (http_client_request(&node, "GET", "/status", &body, error, sizeof error) == 200) {
            buffer_put_u8(&body, 0);
            const char *at = strstr((const char *)buffer_slice(&body).data, "\"leader\":");
            if (at != NULL) demo->leader_found = (unsigned)strtoul(at + 9, NULL, 10);
        }
        buffer_free(&body);
    }
}

static void leader_known(uv_work_t *work, int status)
{
    struct demo *demo = work->data;
    (void)status;
    demo->asking = false;
    demo->leader = demo->leader_found;
}

static void print_progress(struct demo *demo, uint64_t second, unsigned clients)
{
    uint64_t put = demo->put + demo->unknown;
    uint64_t apart = second > demo->shown_s ? second - demo->shown_s : 1;
    printf("%s%4" PRIu64 " s  put %" PRIu64 " (+%" PRIu64 "/s)  done %" PRIu64 " (+%" PRIu64
           "/s)  to do %" PRIu64 "  retried %" PRIu64 "  reconnects %" PRIu64
           "  clients %u/%d  leader ",
           demo->place.label, second, demo->put, (demo->put - demo->put_before) / apart, demo->done,
           (demo->done - demo->done_before) / apart, put > demo->done ? put - demo->done : 0,
           demo->failed, demo->reconnects, clients, DEMO_CLIENTS);
    if (demo->leader_shown == 0)
        printf("not known\n");
    else
        printf("node %u\n", demo->leader_shown);
    fflush(stdout);
    demo->put_before = demo->put;
    demo->done_before = demo->done;
    demo->shown_s = second;
}

/* Called each second. Says how far it is where there is news: at first, when somebody comes, goes
 * or leads, at the end; and now and then. */
static void show_progress(uv_timer_t *timer)
{
    struct demo *demo = timer->data;
    uint64_t second = (system_now().mono_us - demo->began_us) / 1000000;
    unsigned clients = 0;
    for (unsigned i = 0; i < DEMO_CLIENTS; i++) clients += demo->clients[i].open;
    bool news = clients != demo->clients_shown || demo->leader != demo->leader_shown;
    demo->clients_shown = clients;
    demo->leader_shown = demo->leader;
    if (news || second <= DEMO_EACH_SECOND_S || demo->stopping_us != 0 ||
        second - demo->shown_s >= DEMO_NOW_AND_THEN_S) {
        print_progress(demo, second, clients);
    }
    if (demo->asking || demo->stopping_us != 0) return;
    demo->asking = true;
    demo->ask_leader.data = demo;
    uv_queue_work(demo->loop, &demo->ask_leader, ask_leader, leader_known);
}

static void *demo_start(struct uv_loop_s *loop, const struct system_demo_place *place)
{
    struct demo *demo = calloc(1, sizeof *demo);
    if (demo == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    demo->loop = loop;
    demo->place = *place;
    demo->random = random_seeded(system_random_u64());
    demo->began_us = system_now().mono_us;
    for (unsigned i = 0; i < DEMO_CLIENTS; i++) {
        struct demo_client *client = &demo->clients[i];
        client->demo = demo;
        client->number = i;
        client->node = i % place->nodes;
        uv_timer_init(loop, &client->timer);
        client->timer.data = client;
        uv_timer_start(&client->timer, connect_now, DEMO_RECONNECT_MS, 0);
    }
    uv_timer_init(loop, &demo->progress);
    demo->progress.data = demo;
    uv_timer_start(&demo->progress, show_progress, 1000, 1000);
    return demo;
}

/* --- stopping -------------------------------------------------------------------------------- */

static bool at_work(const struct demo *demo)
{
    for (unsigned i = 1; i < DEMO_CLIENTS; i++) {
        if (demo->clients[i].open && demo->clients[i].job != 0) return true;
    }
    return demo->clients[0].open && demo->clients[0].asked_to_put;
}

static void look_if_stopped(uv_timer_t *timer)
{
    struct demo *demo = timer->data;
    uint64_t now_us = system_now().mono_us;
    if (at_work(demo) && now_us - demo->stopping_us < DEMO_STOP_MS * 1000) return;
    uv_timer_stop(timer);
    show_progress(&demo->progress);
    for (unsigned i = 0; i < DEMO_CLIENTS; i++) {
        struct demo_client *client = &demo->clients[i];
        uv_timer_stop(&client->timer);
        if (client->open) reconnect_soon(client);
    }
    demo->stopped(demo->world);
}

/* No more puts; workers finish what they hold. */
static void demo_stop(void *started, void (*stopped)(void *world), void *world)
{
    struct demo *demo = started;
    demo->stopping_us = system_now().mono_us;
    demo->stopped = stopped;
    demo->world = world;
    uv_timer_stop(&demo->progress);
    uv_timer_init(demo->loop, &demo->stop_timer);
    demo->stop_timer.data = demo;
    uv_timer_start(&demo->stop_timer, look_if_stopped, 20, 20);
}

const struct system_demo queue_demo = {.start = demo_start, .stop = demo_stop};
