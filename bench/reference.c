/* The floor under one replicated write: see reference.h.
 *
 * The files are zero-filled and synced first and records overwrite the zeros, as a log with
 * pre-filled segments does, so that fdatasync has no metadata to write. */
#include "reference.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_SIZE = 16 << 20, /* then around again */
    WRITERS = 2,
    REQUEST_SIZE = 128, /* a put of 64 bytes and its line, about */
    REPLY_SIZE = 16,    /* INSERTED n */
};

struct log {
    int fd;
    off_t at;
    uint32_t record;
};

static int log_open(struct log *log, const struct reference_options *o, int number)
{
    static char zeros[1 << 20];
    char path[4096];
    snprintf(path, sizeof path, "%s/reference-%ld-%d", o->directory, (long)getpid(), number);
    *log = (struct log){.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                        .record = o->record};
    if (log->fd < 0) {
        return -1;
    }
    unlink(path);
    for (off_t at = 0; at < FILE_SIZE; at += (off_t)sizeof zeros) {
        if (pwrite(log->fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros) {
            return -1;
        }
    }
    return fsync(log->fd);
}

static int log_write(struct log *log)
{
    static const char record[REFERENCE_RECORD_MAX] = "record";
    if (log->at + (off_t)log->record > FILE_SIZE) {
        log->at = 0;
    }
    if (pwrite(log->fd, record, log->record, log->at) != (ssize_t)log->record) {
        return -1;
    }
    log->at += (off_t)log->record;
    return fdatasync(log->fd);
}

static int transfer(int fd, size_t size, bool out)
{
    char bytes[REQUEST_SIZE] = {0};
    size_t done = 0;
    while (done < size) {
        ssize_t n = out ? send(fd, bytes + done, size - done, MSG_NOSIGNAL)
                        : recv(fd, bytes + done, size - done, 0);
        if (n <= 0) {
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

/* A follower's part: one write per byte read from the pipe, or as fast as they go. */
static void writer(const struct reference_options *o, int number, int pipe_in)
{
    struct log log;
    char go;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a free-running one must not outlive the measurement */
    if (log_open(&log, o, number) != 0) {
        _exit(1);
    }
    for (;;) {
        if (o->others == REFERENCE_STEP && read(pipe_in, &go, 1) != 1) {
            _exit(0);
        }
        if (log_write(&log) != 0) {
            _exit(1);
        }
    }
}

/* The leader's part: tell the writers, write, sync, answer. */
static void server(const struct reference_options *o, int listener, const int pipes[WRITERS])
{
    struct log log;
    int on = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || log_open(&log, o, WRITERS) != 0) {
        _exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (transfer(fd, REQUEST_SIZE, false) == 0) {
        for (int i = 0; i < WRITERS && o->others == REFERENCE_STEP; i++) {
            if (write(pipes[i], "", 1) != 1) {
                _exit(1);
            }
        }
        if (log_write(&log) != 0 || transfer(fd, REPLY_SIZE, true) != 0) {
            _exit(1);
        }
    }
    _exit(0);
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address) != 0 ||
        listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)address, &len) != 0) {
        return -1;
    }
    return fd;
}

static int client(const struct reference_options *o, const struct sockaddr_in *address,
                  struct histogram *latency)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* The first answer comes when every file is ready; only then does the clock start. */
    int status = transfer(fd, REQUEST_SIZE, true) | transfer(fd, REPLY_SIZE, false);
    uint64_t start_ns = measure_now_ns();
    uint64_t warm_ns = start_ns + o->warmup_us * 1000;
    uint64_t end_ns = warm_ns + o->duration_us * 1000;
    while (status == 0) {
        struct timespec pause = {.tv_sec = (time_t)(o->pace_us / 1000000),
                                 .tv_nsec = (long)(o->pace_us % 1000000) * 1000};
        if (o->pace_us > 0) {
            nanosleep(&pause, NULL);
        }
        uint64_t sent_ns = measure_now_ns();
        if (sent_ns >= end_ns) {
            break;
        }
        status = transfer(fd, REQUEST_SIZE, true) | transfer(fd, REPLY_SIZE, false);
        if (status == 0 && sent_ns >= warm_ns) {
            histogram_record(latency, measure_now_ns() - sent_ns);
        }
    }
    close(fd);
    return status;
}

int reference_run(const struct reference_options *options, struct histogram *latency, char *error,
                  uint32_t error_size)
{
    struct sockaddr_in address;
    int pipes_in[WRITERS] = {-1, -1};
    int pipes_out[WRITERS] = {-1, -1};
    pid_t children[WRITERS + 1] = {-1, -1, -1};
    int count = 0;
    int status = -1;
    int listener = listen_on_loopback(&address);
    fflush(NULL);
    for (int i = 0; listener >= 0 && i < WRITERS && options->others != REFERENCE_NONE; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            break;
        }
        pipes_in[i] = ends[0];
        pipes_out[i] = ends[1];
        children[count] = fork();
        if (children[count] == 0) {
            writer(options, i, pipes_in[i]);
        }
        count += children[count] > 0;
    }
    if (listener >= 0) {
        children[count] = fork();
        if (children[count] == 0) {
            server(options, listener, pipes_out);
        }
        count += children[count] > 0;
        status = client(options, &address, latency);
        close(listener);
    }
    if (status != 0) {
        snprintf(error, error_size, "the reference writer stopped: %s", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        close(pipes_in[i]);
        close(pipes_out[i]);
    }
    return status;
}
