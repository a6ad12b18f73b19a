/* The closed loop: see driver.h.
 *
 * One thread, one epoll. Per wake-up of a connection: one recv, every whole reply in it checked
 * and answered with its lane's next command, one send. Replies come in the order of the commands
 * (the protocol says so), so a ring of what was asked, per connection, is all the matching there
 * is. Latency runs from the moment a command is laid into the send buffer to the moment its reply
 * has been received, so it includes what the generator itself takes: never too kind to a server. */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    SETUP_TIMEOUT_US = 10 * 1000 * 1000,
    COMMAND_OVERHEAD = 256, /* more than any command of ours beside the body, or any reply line */
    WAKES = 256,
    PHASE_POLL_MS = 50, /* how late the end of a phase may be noticed when nothing moves */
    TTR_S = 3600,       /* far beyond any run: no reservation expires in one */
};

/* One command in flight. */
struct asked {
    uint64_t sent_ns;
    enum driver_command command;
};

/* One lane's answered step, whose next has not been asked yet. */
struct answered {
    uint64_t job;
    enum driver_command command;
};

struct connection {
    int fd;
    uint32_t answered_len;
    struct answered *answered;
    struct asked *asked; /* ring, capacity a power of two */
    uint32_t asked_head;
    uint32_t asked_tail;
    char *in;
    size_t in_len;
    char *out;
    size_t out_len;
    bool wants_write;
};

enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN };

struct driver {
    const struct driver_options *options;
    struct driver_result *result;
    int epoll;
    struct connection *connections;
    uint32_t open;
    uint32_t asked_mask;
    size_t in_size;
    size_t out_size;
    char *body; /* " 0 TTR LEN\r\nBODY\r\n": what follows a put's priority */
    size_t body_len;
    size_t body_text; /* where BODY starts in it */
    uint64_t in_flight;
    uint64_t jobs_started;
    uint64_t next_tube;
    uint64_t random;
    uint64_t now_ns;
    uint64_t phase_end_ns;
    uint64_t measure_start_ns;
    enum phase phase;
};

const char *driver_command_name(enum driver_command command)
{
    static const char *const names[DRIVER_COMMANDS] = {"use", "put", "reserve", "delete"};
    return names[command];
}

__attribute__((format(printf, 2, 3))) static int fail(struct driver *d, const char *format, ...)
{
    if (d->result->errors++ == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(d->result->error, sizeof d->result->error, format, args);
        va_end(args);
    }
    return -1;
}

/* Laying commands into the send buffer. */

static char *write_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *write_number(char *at, uint64_t value)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return write_text(at, digits + n, sizeof digits - n);
}

static void ask(struct driver *d, struct connection *c, enum driver_command command, char *end)
{
    c->out_len = (size_t)(end - c->out);
    c->asked[c->asked_tail++ & d->asked_mask] = (struct asked){d->now_ns, command};
    d->in_flight++;
}

static uint64_t random_below(struct driver *d, uint64_t limit)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return d->random % limit;
}

static void ask_use(struct driver *d, struct connection *c, uint64_t tube)
{
    char *at = write_text(c->out + c->out_len, "use load-", 9);
    at = write_number(at, tube);
    ask(d, c, DRIVER_COMMAND_USE, write_text(at, "\r\n", 2));
}

static void ask_put(struct driver *d, struct connection *c)
{
    uint32_t priorities = d->options->priorities;
    if (d->options->rotate) {
        ask_use(d, c, d->next_tube++ % d->options->tubes);
    }
    char *at = write_text(c->out + c->out_len, "put ", 4);
    at = write_number(at, priorities > 1 ? random_below(d, priorities) : 0);
    ask(d, c, DRIVER_COMMAND_PUT, write_text(at, d->body, d->body_len));
    d->jobs_started++;
}

static void ask_reserve(struct driver *d, struct connection *c, uint64_t job)
{
    char *at = c->out + c->out_len;
    if (d->options->rotate) {
        at = write_text(at, "reserve-job ", 12);
        at = write_number(at, job);
        at = write_text(at, "\r\n", 2);
    } else {
        at = write_text(at, "reserve\r\n", 9);
    }
    ask(d, c, DRIVER_COMMAND_RESERVE, at);
}

static void ask_delete(struct driver *d, struct connection *c, uint64_t job)
{
    char *at = write_text(c->out + c->out_len, "delete ", 7);
    at = write_number(at, job);
    ask(d, c, DRIVER_COMMAND_DELETE, write_text(at, "\r\n", 2));
}

static bool may_start(const struct driver *d)
{
    if (d->options->count > 0) {
        return d->jobs_started < d->options->count;
    }
    return d->phase != PHASE_DRAIN;
}

/* The lane whose `done` was just answered takes its next step. */
static void lane_step(struct driver *d, struct connection *c, enum driver_command done,
                      uint64_t job)
{
    bool finish = d->phase != PHASE_DRAIN || d->options->count > 0;
    if (done == DRIVER_COMMAND_PUT && d->options->mode == DRIVER_CYCLE && finish) {
        ask_reserve(d, c, job);
    } else if (done == DRIVER_COMMAND_PUT && d->options->mode == DRIVER_CHURN && finish) {
        ask_delete(d, c, job);
    } else if (done == DRIVER_COMMAND_RESERVE && finish) {
        ask_delete(d, c, job);
    } else if (may_start(d)) {
        ask_put(d, c);
    }
}

static void lanes_step(struct driver *d, struct connection *c)
{
    if (d->options->pace_us > 0 && c->answered_len > 0) {
        struct timespec pause = {.tv_sec = (time_t)(d->options->pace_us / 1000000),
                                 .tv_nsec = (long)(d->options->pace_us % 1000000) * 1000};
        nanosleep(&pause, NULL);
        d->now_ns = measure_now_ns();
    }
    for (uint32_t i = 0; i < c->answered_len; i++) {
        lane_step(d, c, c->answered[i].command, c->answered[i].job);
    }
    c->answered_len = 0;
}

/* Reading replies. */

static bool read_number(const char **at, const char *end, uint64_t *value)
{
    const char *p = *at;
    uint64_t v = 0;
    while (p < end && *p >= '0' && *p <= '9' && p - *at < 19) {
        v = v * 10 + (uint64_t)(*p++ - '0');
    }
    if (p == *at) {
        return false;
    }
    *at = p;
    *value = v;
    return true;
}

static bool starts_with(const char **at, const char *end, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

/* Checks the reply at the start of [at, end) against the command it answers; the line ends at
 * `eol`, before its CRLF. Returns bytes consumed, 0 if more are needed, -1 if it is wrong. */
static ssize_t check_reply(const struct driver *d, enum driver_command command, const char *start,
                           const char *eol, const char *end, uint64_t *job)
{
    const char *at = start;
    uint64_t bytes = 0;
    switch (command) {
    case DRIVER_COMMAND_USE: return starts_with(&at, eol, "USING load-") ? eol + 2 - start : -1;
    case DRIVER_COMMAND_PUT:
        if (!starts_with(&at, eol, "INSERTED ") || !read_number(&at, eol, job) || at != eol) {
            return -1;
        }
        return eol + 2 - start;
    case DRIVER_COMMAND_DELETE:
        return starts_with(&at, eol, "DELETED") && at == eol ? eol + 2 - start : -1;
    case DRIVER_COMMAND_RESERVE:
        if (!starts_with(&at, eol, "RESERVED ") || !read_number(&at, eol, job) ||
            !starts_with(&at, eol, " ") || !read_number(&at, eol, &bytes) || at != eol ||
            bytes != d->options->payload) {
            return -1;
        }
        at = eol + 2;
        if ((size_t)(end - at) < bytes + 2) {
            return 0;
        }
        /* The body as it was put, CRLF included. */
        return memcmp(at, d->body + d->body_text, bytes + 2) == 0 ? at + bytes + 2 - start : -1;
    case DRIVER_COMMANDS: break;
    }
    return -1;
}

static void record(struct driver *d, const struct asked *asked)
{
    if (d->phase == PHASE_MEASURE) {
        d->result->operations++;
        d->result->jobs += asked->command == DRIVER_COMMAND_PUT;
        histogram_record(&d->result->latency[asked->command], d->now_ns - asked->sent_ns);
    }
}

/* Takes every whole reply out of the receive buffer. */
static int consume_replies(struct driver *d, struct connection *c)
{
    const char *at = c->in;
    const char *end = c->in + c->in_len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL && (size_t)(end - at) < COMMAND_OVERHEAD) {
            break;
        }
        if (newline == NULL || newline == at || newline[-1] != '\r') {
            return fail(d, "a reply line without CRLF");
        }
        if (c->asked_head == c->asked_tail) {
            return fail(d, "unasked reply: %.*s", (int)(newline - 1 - at), at);
        }
        const struct asked *asked = &c->asked[c->asked_head & d->asked_mask];
        uint64_t job = 0;
        ssize_t n = check_reply(d, asked->command, at, newline - 1, end, &job);
        if (n < 0) {
            return fail(d, "wrong reply to %s: %.*s", driver_command_name(asked->command),
                        (int)(newline - 1 - at), at);
        }
        if (n == 0) {
            break;
        }
        enum driver_command command = asked->command;
        record(d, asked);
        c->asked_head++;
        d->in_flight--;
        at += n;
        if (command != DRIVER_COMMAND_USE) { /* its put is on the way already */
            c->answered[c->answered_len++] = (struct answered){job, command};
        }
    }
    c->in_len = (size_t)(end - at);
    memmove(c->in, at, c->in_len);
    /* Only now the next commands: what came with these replies answers none of them. */
    if (!d->options->batch || c->asked_head == c->asked_tail) {
        lanes_step(d, c);
    }
    return 0;
}

static int flush(struct driver *d, struct connection *c)
{
    ssize_t n = 0;
    if (c->out_len > 0) {
        n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return fail(d, "send: %s", strerror(errno));
    }
    if (n > 0) {
        c->out_len -= (size_t)n;
        memmove(c->out, c->out + n, c->out_len);
    }
    bool wants_write = c->out_len > 0;
    if (wants_write != c->wants_write) {
        struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0u),
                                    .data.ptr = c};
        if (epoll_ctl(d->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0) {
            return fail(d, "epoll_ctl: %s", strerror(errno));
        }
        c->wants_write = wants_write;
    }
    return 0;
}

static int on_ready(struct driver *d, struct connection *c, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = recv(c->fd, c->in + c->in_len, d->in_size - c->in_len, 0);
        if (n == 0) {
            return fail(d, "the server closed a connection");
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(d, "recv: %s", strerror(errno));
        }
        if (n > 0) {
            c->in_len += (size_t)n;
            d->now_ns = measure_now_ns();
            if (consume_replies(d, c) != 0) {
                return -1;
            }
        }
    }
    return flush(d, c);
}

/* Setting up and taking down. */

static int converse(struct driver *d, int fd, const char *command, const char *expected)
{
    char line[COMMAND_OVERHEAD];
    int error = wire_send(fd, command, strlen(command));
    if (error == 0) {
        error = wire_read_line(fd, line, sizeof line);
    }
    if (error < 0) {
        return fail(d, "setting a connection up: %s", strerror(-error));
    }
    return strncmp(line, expected, strlen(expected)) == 0
               ? 0
               : fail(d, "setting a connection up: %s", line);
}

/* A connection that has already had a conversation: it is known to be accepted. */
static int open_one(struct driver *d, uint32_t tube, bool watch)
{
    char command[COMMAND_OVERHEAD];
    int fd = wire_connect(&d->options->address, SETUP_TIMEOUT_US);
    if (fd < 0) {
        return fail(d, "connect: %s", strerror(-fd));
    }
    snprintf(command, sizeof command, "use load-%u\r\n", tube);
    int status = converse(d, fd, command, "USING load-");
    if (status == 0 && watch) {
        snprintf(command, sizeof command, "watch load-%u\r\n", tube);
        status = converse(d, fd, command, "WATCHING 2");
    }
    if (status == 0 && watch) {
        status = converse(d, fd, "ignore default\r\n", "WATCHING 1");
    }
    if (status != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_all(struct driver *d)
{
    const struct driver_options *o = d->options;
    bool watch = o->mode == DRIVER_CYCLE && !o->rotate;
    uint32_t total = o->connections + o->idle_connections;
    uint32_t ring = 2;
    while (ring < 2 * o->pipeline) {
        ring *= 2; /* a `use` may ride before each put */
    }
    d->asked_mask = ring - 1;
    d->in_size = 4096 + 2 * ((size_t)o->payload + COMMAND_OVERHEAD);
    d->out_size = o->pipeline * (d->body_len + COMMAND_OVERHEAD);
    for (; d->open < total; d->open++) {
        struct connection *c = &d->connections[d->open];
        c->fd = open_one(d, d->open % o->tubes, watch);
        if (c->fd < 0) {
            return -1;
        }
        if (d->open >= o->connections) {
            continue; /* idle */
        }
        c->asked = calloc(ring, sizeof *c->asked);
        c->answered = calloc(o->pipeline, sizeof *c->answered);
        c->in = malloc(d->in_size);
        c->out = malloc(d->out_size);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (c->asked == NULL || c->answered == NULL || c->in == NULL || c->out == NULL ||
            fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
            epoll_ctl(d->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
            d->open++;
            return fail(d, "setting a connection up: %s", strerror(errno));
        }
    }
    return 0;
}

static void close_all(struct driver *d)
{
    for (uint32_t i = 0; i < d->open; i++) {
        struct connection *c = &d->connections[i];
        if (c->fd >= 0) {
            close(c->fd);
        }
        free(c->asked);
        free(c->answered);
        free(c->in);
        free(c->out);
    }
    free(d->connections);
    free(d->body);
    if (d->epoll >= 0) {
        close(d->epoll);
    }
}

static int prepare(struct driver *d)
{
    const struct driver_options *o = d->options;
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->connections = calloc(o->connections + o->idle_connections, sizeof *d->connections);
    d->body = malloc(o->payload + COMMAND_OVERHEAD);
    if (d->epoll < 0 || d->connections == NULL || d->body == NULL) {
        return fail(d, "out of memory or descriptors");
    }
    d->body_text = (size_t)sprintf(d->body, " 0 %d %u\r\n", TTR_S, o->payload);
    for (uint32_t i = 0; i < o->payload; i++) {
        d->body[d->body_text + i] = (char)('a' + i % 26);
    }
    d->body_len = d->body_text + o->payload;
    memcpy(d->body + d->body_len, "\r\n", 2);
    d->body_len += 2;
    return open_all(d);
}

/* The run. */

static void enter_measure(struct driver *d)
{
    d->phase = PHASE_MEASURE;
    d->measure_start_ns = d->now_ns;
    d->phase_end_ns = d->now_ns + d->options->duration_us * 1000;
    d->result->own_cpu_us = measure_own_cpu_us();
    d->result->server_cpu_us = measure_process_cpu_us(d->options->server_pid);
}

static void leave_measure(struct driver *d)
{
    d->phase = PHASE_DRAIN;
    d->result->elapsed_us = (d->now_ns - d->measure_start_ns) / 1000;
    d->result->own_cpu_us = measure_own_cpu_us() - d->result->own_cpu_us;
    d->result->server_cpu_us =
        measure_process_cpu_us(d->options->server_pid) - d->result->server_cpu_us;
}

static void advance_phase(struct driver *d)
{
    if (d->options->count == 0 && d->now_ns >= d->phase_end_ns) {
        if (d->phase == PHASE_WARMUP) {
            enter_measure(d);
        } else if (d->phase == PHASE_MEASURE) {
            leave_measure(d);
        }
    }
}

static int start_lanes(struct driver *d)
{
    d->now_ns = measure_now_ns();
    d->phase = PHASE_WARMUP;
    d->phase_end_ns = d->now_ns + d->options->warmup_us * 1000;
    if (d->options->count > 0 || d->options->warmup_us == 0) {
        enter_measure(d);
    }
    for (uint32_t i = 0; i < d->options->connections; i++) {
        d->now_ns = measure_now_ns();
        for (uint32_t lane = 0; lane < d->options->pipeline && may_start(d); lane++) {
            ask_put(d, &d->connections[i]);
        }
        if (flush(d, &d->connections[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static int loop(struct driver *d)
{
    struct epoll_event events[WAKES];
    uint64_t last_reply_ns = measure_now_ns();
    while (d->in_flight > 0) {
        int n = epoll_wait(d->epoll, events, WAKES, PHASE_POLL_MS);
        if (n < 0 && errno != EINTR) {
            return fail(d, "epoll_wait: %s", strerror(errno));
        }
        d->now_ns = measure_now_ns();
        advance_phase(d);
        if (n > 0) {
            last_reply_ns = d->now_ns;
        } else if (d->now_ns - last_reply_ns > DRIVER_STALL_MS * UINT64_C(1000000)) {
            return fail(d, "no reply for %d ms, %llu commands in flight", DRIVER_STALL_MS,
                        (unsigned long long)d->in_flight);
        }
        for (int i = 0; i < n; i++) {
            if (on_ready(d, events[i].data.ptr, events[i].events) != 0) {
                return -1;
            }
        }
    }
    if (d->phase == PHASE_MEASURE) {
        d->now_ns = measure_now_ns();
        leave_measure(d);
    }
    return 0;
}

int driver_run(const struct driver_options *options, struct driver_result *result)
{
    struct driver d = {
        .options = options, .result = result, .epoll = -1, .random = UINT64_C(0x9e3779b97f4a7c15)};
    memset(result, 0, sizeof *result);
    int status = prepare(&d);
    if (status == 0) {
        status = start_lanes(&d);
    }
    if (status == 0) {
        status = loop(&d);
    }
    close_all(&d);
    return status;
}
