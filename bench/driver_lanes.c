/* What lanes say and hear: commands laid into the send buffer, replies checked against what was
 * asked, and the step that follows each. See driver.h. */
#include "driver_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

const char *driver_command_name(enum driver_command command)
{
    static const char *const names[DRIVER_COMMANDS] = {"use", "put", "reserve", "delete"};
    return names[command];
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

void lanes_put(struct driver *d, struct connection *c)
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

bool lanes_may_start(const struct driver *d)
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
    } else if (lanes_may_start(d)) {
        lanes_put(d, c);
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

int lanes_hear(struct driver *d, struct connection *c)
{
    const char *at = c->in;
    const char *end = c->in + c->in_len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL && (size_t)(end - at) < COMMAND_OVERHEAD) {
            break;
        }
        if (newline == NULL || newline == at || newline[-1] != '\r') {
            return driver_fail(d, "a reply line without CRLF");
        }
        if (c->asked_head == c->asked_tail) {
            return driver_fail(d, "unasked reply: %.*s", (int)(newline - 1 - at), at);
        }
        const struct asked *asked = &c->asked[c->asked_head & d->asked_mask];
        uint64_t job = 0;
        ssize_t n = check_reply(d, asked->command, at, newline - 1, end, &job);
        if (n < 0) {
            return driver_fail(d, "wrong reply to %s: %.*s", driver_command_name(asked->command),
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
