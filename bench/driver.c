/* The closed loop: see driver.h.
 *
 * One thread, one epoll. Per wake-up of a connection: one recv, every whole reply in it checked
 * and answered with its lane's next command, one send. Replies come in the order of the commands
 * (the protocol says so), so a ring of what was asked, per connection, is all the matching there
 * is. Latency runs from the moment a command is laid into the send buffer to the moment its reply
 * has been received, so it includes what the generator itself takes: never too kind to a server. */
#include "driver_internal.h"

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
    WAKES = 256,
    PHASE_POLL_MS = 50, /* how late the end of a phase may be noticed when nothing moves */
    TTR_S = 3600,       /* far beyond any run: no reservation expires in one */
};

int driver_fail(struct driver *d, const char *format, ...)
{
    if (d->result->errors++ == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(d->result->error, sizeof d->result->error, format, args);
        va_end(args);
    }
    return -1;
}

static int flush(struct driver *d, struct connection *c)
{
    ssize_t n = 0;
    if (c->out_len > 0) {
        n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return driver_fail(d, "send: %s", strerror(errno));
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
            return driver_fail(d, "epoll_ctl: %s", strerror(errno));
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
            return driver_fail(d, "the server closed a connection");
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return driver_fail(d, "recv: %s", strerror(errno));
        }
        if (n > 0) {
            c->in_len += (size_t)n;
            d->now_ns = measure_now_ns();
            if (lanes_hear(d, c) != 0) {
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
        return driver_fail(d, "setting a connection up: %s", strerror(-error));
    }
    return strncmp(line, expected, strlen(expected)) == 0
               ? 0
               : driver_fail(d, "setting a connection up: %s", line);
}

/* A connection that has already had a conversation: it is known to be accepted. */
static int open_one(struct driver *d, uint32_t tube, bool watch)
{
    char command[COMMAND_OVERHEAD];
    int fd = wire_connect(&d->options->address, SETUP_TIMEOUT_US);
    if (fd < 0) {
        return driver_fail(d, "connect: %s", strerror(-fd));
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
            return driver_fail(d, "setting a connection up: %s", strerror(errno));
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
        return driver_fail(d, "out of memory or descriptors");
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
        for (uint32_t lane = 0; lane < d->options->pipeline && lanes_may_start(d); lane++) {
            lanes_put(d, &d->connections[i]);
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
            return driver_fail(d, "epoll_wait: %s", strerror(errno));
        }
        d->now_ns = measure_now_ns();
        advance_phase(d);
        if (n > 0) {
            last_reply_ns = d->now_ns;
        } else if (d->now_ns - last_reply_ns > DRIVER_STALL_MS * UINT64_C(1000000)) {
            return driver_fail(d, "no reply for %d ms, %llu commands in flight", DRIVER_STALL_MS,
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
