/* Spreads seeds over worker processes. A worker that dies takes one seed with it, whose number it
 * had announced. See sim_front.h. */
#define _POSIX_C_SOURCE 200809L /* fork, pipe, poll */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/sim.h"

enum { PROGRESS_MS = 1000 };

struct worker {
    pid_t pid;
    int pipe;
    uint64_t seed; /* under way */
    uint64_t next; /* first seed not begun, as far as the parent knows */
    bool busy;
    size_t have;
    struct sim_record record;
};

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t wrote = write(fd, at, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        at += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

static void print_trace(void *context, struct slice lines)
{
    fwrite(lines.data, 1, lines.size, context);
}

/* What tools/coverage links in, and nothing else does: counts are written at exit() only. */
__attribute__((weak)) void __gcov_dump(void);

__attribute__((noreturn)) static void worker_run(const struct sim_request *request, uint64_t seed,
                                                 int fd)
{
    struct sim_options options = request->options;
    options.print = print_trace;
    options.print_context = stdout;
    for (; seed <= request->last; seed += request->jobs) {
        struct sim_record record = {.seed = seed};
        if (!write_all(fd, &record, sizeof record)) break;
        options.seed = seed;
        sim_run(&options, &record.report);
        record.done = 1;
        fflush(stdout);
        if (!write_all(fd, &record, sizeof record)) break;
        if (request->last - seed < request->jobs) break; /* no overflow at the largest seeds */
    }
    if (__gcov_dump != NULL) __gcov_dump();
    _exit(0);
}

static bool worker_start(const struct sim_request *request, struct worker *worker, uint64_t seed)
{
    int ends[2];
    if (seed > request->last || pipe(ends) != 0) return false;
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid < 0) return false;
    if (pid == 0) {
        close(ends[0]);
        worker_run(request, seed, ends[1]);
    }
    close(ends[1]);
    *worker = (struct worker){.pid = pid, .pipe = ends[0], .next = seed};
    return true;
}

static void worker_died(struct worker *worker, const struct sim_request *request,
                        struct sim_totals *totals)
{
    int status = 0;
    close(worker->pipe);
    waitpid(worker->pid, &status, 0);
    worker->pid = 0;
    if (!worker->busy) return;
    char reason[80];
    snprintf(reason, sizeof reason, "the process died of signal %d: see the line above",
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    totals->worlds++;
    sim_totals_fail(totals, request, worker->seed, reason);
    if (request->last - worker->seed < request->jobs) return;
    worker_start(request, worker, worker->seed + request->jobs);
}

static void worker_read(struct worker *worker, const struct sim_request *request,
                        struct sim_totals *totals)
{
    char *at = (char *)&worker->record + worker->have;
    ssize_t got = read(worker->pipe, at, sizeof worker->record - worker->have);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
        worker_died(worker, request, totals);
        return;
    }
    worker->have += (size_t)got;
    if (worker->have < sizeof worker->record) return;
    worker->have = 0;
    worker->seed = worker->record.seed;
    worker->busy = worker->record.done == 0;
    if (!worker->busy) sim_totals_add(totals, request, &worker->record);
}

static void workers_end(struct worker *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (workers[i].pid == 0) continue;
        kill(workers[i].pid, SIGKILL);
        waitpid(workers[i].pid, NULL, 0);
    }
}

void sim_workers_run(const struct sim_request *request, struct sim_totals *totals)
{
    static struct worker workers[SIM_JOBS_MAX];
    for (uint32_t i = 0; i < request->jobs; i++) {
        if (i > request->last - request->first) break;
        worker_start(request, &workers[i], request->first + i);
    }
    for (;;) {
        struct pollfd fds[SIM_JOBS_MAX];
        struct worker *owners[SIM_JOBS_MAX];
        nfds_t count = 0;
        for (uint32_t i = 0; i < request->jobs; i++) {
            if (workers[i].pid == 0) continue;
            owners[count] = &workers[i];
            fds[count++] = (struct pollfd){.fd = workers[i].pipe, .events = POLLIN};
        }
        if (count == 0) return;
        if (poll(fds, count, PROGRESS_MS) < 0 && errno != EINTR) return;
        for (nfds_t i = 0; i < count; i++) {
            if (fds[i].revents != 0) worker_read(owners[i], request, totals);
        }
        if (request->stop_at_first && totals->failures > 0) {
            workers_end(workers, request->jobs);
            return;
        }
        if (!request->single) sim_totals_progress(totals, request);
    }
}
