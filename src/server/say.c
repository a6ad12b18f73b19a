/* Lines for the operator: see say.h. */
#include "server/say.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

static uint32_t said_node;
static const char *said_label = "";

/* Whole lines, from `first` on, around the end. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    bool apart;   /* the thread runs */
    bool writing; /* it holds lines that are no longer here */
    size_t first, size;
    uint64_t dropped, dropped_told;
    char bytes[SAY_RING_SIZE];
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .filled = PTHREAD_COND_INITIALIZER,
          .emptied = PTHREAD_COND_INITIALIZER};

/* --- the text of a line ---------------------------------------------------------------------- */

static size_t write_prefix(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t at = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    at += (size_t)snprintf(out + at, size - at, ".%03ldZ ", now.tv_nsec / 1000000);
    if (said_node != 0)
        at += (size_t)snprintf(out + at, size - at, "%snode %u: ", said_label, said_node);
    return at;
}

/* The size; 0: it cannot be said. */
__attribute__((format(printf, 2, 0))) static size_t
write_text(char line[SAY_LINE_SIZE_MAX], const char *format, va_list arguments)
{
    const size_t room = SAY_LINE_SIZE_MAX - 1;
    size_t at = write_prefix(line, room);
    int size = vsnprintf(line + at, room - at, format, arguments);
    if (size < 0) return 0;
    at += (size_t)size < room - at ? (size_t)size : room - at - 1;
    line[at++] = '\n';
    return at;
}

/* --- to stderr ------------------------------------------------------------------------------- */

/* Who shares this file may have made it one that does not block; only the thread waits then. */
static bool wait_writable(void)
{
    struct pollfd wanted = {.fd = STDERR_FILENO, .events = POLLOUT};
    return ring.apart && (poll(&wanted, 1, -1) > 0 || errno == EINTR);
}

/* Nobody reading is no reason to stop. */
static void write_whole(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(STDERR_FILENO, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == EAGAIN && wait_writable()) continue;
        if (done <= 0) return;
        bytes += done;
        size -= (size_t)done;
    }
}

/* --- the ring, all of it under its lock ------------------------------------------------------ */

static bool ring_put(const char *line, size_t size)
{
    if (size > SAY_RING_SIZE - ring.size) return false;
    size_t at = (ring.first + ring.size) % SAY_RING_SIZE;
    size_t straight = size < SAY_RING_SIZE - at ? size : SAY_RING_SIZE - at;
    memcpy(ring.bytes + at, line, straight);
    memcpy(ring.bytes, line + straight, size - straight);
    ring.size += size;
    return true;
}

__attribute__((format(printf, 1, 2))) static bool ring_say(const char *format, ...)
{
    char line[SAY_LINE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t size = write_text(line, format, arguments);
    va_end(arguments);
    return ring_put(line, size);
}

static void ring_put_or_drop(const char *line, size_t size)
{
    uint64_t missing = ring.dropped - ring.dropped_told;
    if (missing > 0 && ring_say("%llu lines are missing here: nobody read them in time",
                                (unsigned long long)missing)) {
        ring.dropped_told = ring.dropped;
    }
    if (!ring_put(line, size)) ring.dropped++;
}

/* As many whole lines as one write takes; there is one. */
static size_t ring_take(char out[SAY_LINE_SIZE_MAX])
{
    size_t whole = 0;
    for (size_t i = 0; i < ring.size && i < SAY_LINE_SIZE_MAX; i++) {
        out[i] = ring.bytes[(ring.first + i) % SAY_RING_SIZE];
        if (out[i] == '\n') whole = i + 1;
    }
    ASSERT(whole > 0);
    ring.first = (ring.first + whole) % SAY_RING_SIZE;
    ring.size -= whole;
    return whole;
}

static void *empty_ring(void *unused)
{
    (void)unused;
    char lines[SAY_LINE_SIZE_MAX];
    pthread_mutex_lock(&ring.lock);
    for (;;) {
        while (ring.size == 0) pthread_cond_wait(&ring.filled, &ring.lock);
        size_t size = ring_take(lines);
        ring.writing = true;
        pthread_mutex_unlock(&ring.lock);
        write_whole(lines, size);
        pthread_mutex_lock(&ring.lock);
        ring.writing = false;
        if (ring.size == 0) pthread_cond_broadcast(&ring.emptied);
    }
    return NULL;
}

/* --- what others call ------------------------------------------------------------------------ */

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments)
{
    char line[SAY_LINE_SIZE_MAX];
    size_t size = write_text(line, format, arguments);
    pthread_mutex_lock(&ring.lock);
    bool apart = ring.apart;
    if (apart) {
        ring_put_or_drop(line, size);
        pthread_cond_signal(&ring.filled);
    }
    pthread_mutex_unlock(&ring.lock);
    if (!apart) write_whole(line, size);
}

void say_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void say_lines(struct slice lines)
{
    const char *at = (const char *)lines.data;
    size_t left = lines.size;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t size = end != NULL ? (size_t)(end - at) : left;
        say_line("%.*s", (int)size, at);
        size_t used = end != NULL ? size + 1 : size;
        at += used;
        left -= used;
    }
}

void say_flush(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SAY_FLUSH_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&ring.lock);
    while (ring.apart && (ring.size > 0 || ring.writing)) {
        if (pthread_cond_timedwait(&ring.emptied, &ring.lock, &until) != 0) break;
    }
    pthread_mutex_unlock(&ring.lock);
}

void say_last(const char *format, va_list arguments)
{
    say(format, arguments);
    say_flush();
}

uint64_t say_dropped(void)
{
    pthread_mutex_lock(&ring.lock);
    uint64_t dropped = ring.dropped;
    pthread_mutex_unlock(&ring.lock);
    return dropped;
}

void say_as_node(uint32_t number)
{
    said_node = number;
}

void say_as_label(const char *label)
{
    said_label = label;
}

void say_apart(void)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    pthread_mutex_lock(&ring.lock);
    ASSERT(!ring.apart);
    ring.apart = pthread_create(&thread, NULL, empty_ring, NULL) == 0;
    if (ring.apart) pthread_detach(thread);
    pthread_mutex_unlock(&ring.lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The core's one way out. abort() leaves a core dump to look at. */
__attribute__((noreturn)) void base_panic(const char *file, int line, const char *what)
{
    say_line("panic at %s:%d: %s: this is a defect of quartet; the log on disk is as it was", file,
             line, what);
    say_flush();
    abort();
}
