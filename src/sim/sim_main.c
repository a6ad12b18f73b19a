/* `quartet sim`: the simulator's front end. Reads the flags, prints, and spreads seeds over worker
 * processes; the only file here that touches the world. A worker that dies takes one seed with it,
 * whose number it had announced. */
#define _POSIX_C_SOURCE 200809L /* fork, pipe, poll, clock_gettime */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/faults.h"
#include "sim/sim.h"

enum {
    SECONDS_DEFAULT = 30,
    SECONDS_MAX = 86400,
    JOBS_MAX = 256,
    FAILURES_SHOWN = 10,
    PROGRESS_MS = 1000,
};

struct request {
    struct sim_options options; /* but for the seed */
    uint64_t first, last;       /* seeds */
    bool single;
    uint32_t jobs;
    char command[512]; /* the flags that replay it, but for the seed */
};

static const char usage[] =
    "usage: quartet sim queue [options]     a whole cluster in one process, in virtual time\n"
    "  --seed N          replay one world (default 1)\n"
    "  --seeds A..B      run many, on all cores\n"
    "  --nodes 1|3|5     (default 3)\n"
    "  --seconds S       of virtual time with faults (default 30); healing comes on top\n"
    "  --faults LIST     comma-separated, or none, default, all (default: all but rot)\n"
    "  --trace           print what happens (with --seed)\n"
    "  --jobs N          worker processes (default: one per core)\n"
    "  --canary ack-before-durable   let the disk lie: the run must fail\n"
    "faults:\n"
#define X(name, word, help) "  " word "\t" help "\n"
    SIM_FAULTS(X)
#undef X
    ;

/* --- flags --- */

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    return text != NULL && decimal_read(slice_text(text), number) && *number <= max;
}

static bool read_range(const char *text, struct request *request)
{
    const char *dots = text == NULL ? NULL : strstr(text, "..");
    if (dots == NULL) return false;
    return decimal_read(slice_of(text, (size_t)(dots - text)), &request->first) &&
           decimal_read(slice_text(dots + 2), &request->last) && request->first <= request->last;
}

static bool read_faults(const char *text, uint32_t *faults)
{
    if (text == NULL) return false;
    *faults = 0;
    if (strcmp(text, "none") == 0) return true;
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        struct slice word = slice_of(text, size);
        enum sim_fault fault;
        if (slice_equal(word, slice_text("all")))
            *faults |= SIM_FAULTS_ALL;
        else if (slice_equal(word, slice_text("default")))
            *faults |= SIM_FAULTS_DEFAULT;
        else if (fault_by_word(word, &fault))
            *faults |= 1u << fault;
        else
            return false;
        text += size + (text[size] == ',');
    }
    return *faults != 0;
}

/* Returns how many arguments it took; 0: the flag is unknown or its value wrong. */
static int read_flag(struct request *request, const char *flag, const char *value)
{
    struct sim_options *options = &request->options;
    uint64_t number = 0;
    if (strcmp(flag, "--trace") == 0) return options->trace = true, 1;
    if (strcmp(flag, "--seed") == 0) {
        if (!read_number(value, UINT64_MAX, &number)) return 0;
        request->first = request->last = number;
        request->single = true;
        return 2;
    }
    if (strcmp(flag, "--seeds") == 0) {
        request->single = false;
        return read_range(value, request) ? 2 : 0;
    }
    if (strcmp(flag, "--nodes") == 0) {
        bool good = read_number(value, 5, &number) && (number == 1 || number == 3 || number == 5);
        options->nodes = (uint32_t)number;
        return good ? 2 : 0;
    }
    if (strcmp(flag, "--seconds") == 0) {
        if (!read_number(value, SECONDS_MAX, &number) || number == 0) return 0;
        options->seconds = (uint32_t)number;
        return 2;
    }
    if (strcmp(flag, "--jobs") == 0) {
        if (!read_number(value, JOBS_MAX, &number) || number == 0) return 0;
        request->jobs = (uint32_t)number;
        return 2;
    }
    if (strcmp(flag, "--faults") == 0) return read_faults(value, &options->faults) ? 2 : 0;
    if (strcmp(flag, "--canary") == 0 && value != NULL &&
        strcmp(value, "ack-before-durable") == 0) {
        options->canary = SIM_CANARY_ACK_BEFORE_DURABLE;
        return 2;
    }
    return 0;
}

/* The command that replays a seed, without it. */
static void command_build(struct request *request)
{
    const struct sim_options *options = &request->options;
    char *at = request->command;
    char *end = at + sizeof request->command;
    at += snprintf(at, (size_t)(end - at), "--nodes %u --seconds %u --faults ", options->nodes,
                   options->seconds);
    if (options->faults == 0)
        at += snprintf(at, (size_t)(end - at), "none");
    else if (options->faults == SIM_FAULTS_ALL)
        at += snprintf(at, (size_t)(end - at), "all");
    else if (options->faults == SIM_FAULTS_DEFAULT) {
        at += snprintf(at, (size_t)(end - at), "default");
    } else {
        const char *comma = "";
        for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
            if (!(options->faults & 1u << i)) continue;
            at += snprintf(at, (size_t)(end - at), "%s%s", comma, fault_word((enum sim_fault)i));
            comma = ",";
        }
    }
    if (options->canary != SIM_CANARY_NONE) {
        snprintf(at, (size_t)(end - at), " --canary ack-before-durable");
    }
}

/* 0 to go on, else the exit status + 1. */
static int request_read(struct request *request, int argc, char **argv)
{
    *request = (struct request){
        .options = {.nodes = 3, .seconds = SECONDS_DEFAULT, .faults = SIM_FAULTS_DEFAULT},
        .first = 1,
        .last = 1,
        .single = true,
    };
    int at = 1;
    if (at < argc && strcmp(argv[at], "queue") == 0)
        at++;
    else if (at < argc && argv[at][0] != '-') {
        fprintf(stderr, "quartet sim: no system called %s (there is: queue)\n", argv[at]);
        return 3;
    }
    while (at < argc) {
        if (strcmp(argv[at], "--help") == 0) {
            fputs(usage, stdout);
            return 1;
        }
        int took = read_flag(request, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
        if (took == 0) {
            fprintf(stderr, "quartet sim: %s %s: not understood (see quartet sim --help)\n",
                    argv[at], at + 1 < argc ? argv[at + 1] : "");
            return 3;
        }
        at += took;
    }
    if (request->options.trace && !request->single) {
        fprintf(stderr, "quartet sim: --trace goes with --seed, not with --seeds\n");
        return 3;
    }
    if (request->jobs == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        request->jobs = cores < 1 ? 1 : cores > JOBS_MAX ? JOBS_MAX : (uint32_t)cores;
    }
    command_build(request);
    return 0;
}

/* --- workers --- */

/* What a worker writes to its pipe: first the seed that it begins, then the report. */
struct record {
    uint64_t seed;
    uint64_t done; /* 0: begins */
    struct sim_report report;
};

struct worker {
    pid_t pid;
    int pipe;
    uint64_t seed; /* under way */
    uint64_t next; /* first seed not begun, as far as the parent knows */
    bool busy;
    size_t have;
    struct record record;
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

__attribute__((noreturn)) static void worker_run(const struct request *request, uint64_t seed,
                                                 int fd)
{
    struct sim_options options = request->options;
    options.print = print_trace;
    options.print_context = stdout;
    for (; seed <= request->last; seed += request->jobs) {
        struct record record = {.seed = seed};
        if (!write_all(fd, &record, sizeof record)) break;
        options.seed = seed;
        sim_run(&options, &record.report);
        record.done = 1;
        fflush(stdout);
        if (!write_all(fd, &record, sizeof record)) break;
        if (request->last - seed < request->jobs) break; /* no overflow at the largest seeds */
    }
    _exit(0);
}

static bool worker_start(const struct request *request, struct worker *worker, uint64_t seed)
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

/* --- the sum of all runs --- */

struct totals {
    uint64_t worlds, failures;
    uint64_t simulated_us;
    uint64_t turns;
    uint64_t first_failed; /* seed */
    char first_reason[SIM_REASON_SIZE];
    uint64_t counts[SIM_COVERAGE_COUNT];
    uint32_t words_count;
    struct sim_word words[SIM_WORDS_MAX];
    uint64_t fingerprint; /* of the last report */
};

static void totals_add_word(struct totals *totals, const struct sim_word *word)
{
    uint32_t i = 0;
    while (i < totals->words_count && strcmp(totals->words[i].word, word->word) != 0) i++;
    if (i == SIM_WORDS_MAX) return;
    if (i == totals->words_count)
        totals->words[totals->words_count++] = *word;
    else
        totals->words[i].count += word->count;
}

static void print_failure(const struct request *request, uint64_t seed, const char *reason)
{
    printf("quartet sim queue --seed %llu %s  # %s\n", (unsigned long long)seed, request->command,
           reason);
    fflush(stdout);
}

static void totals_fail(struct totals *totals, const struct request *request, uint64_t seed,
                        const char *reason)
{
    if (totals->failures++ < FAILURES_SHOWN) print_failure(request, seed, reason);
    if (totals->failures > 1 && seed > totals->first_failed) return;
    totals->first_failed = seed;
    snprintf(totals->first_reason, sizeof totals->first_reason, "%s", reason);
}

static void totals_add(struct totals *totals, const struct request *request,
                       const struct record *record)
{
    const struct sim_report *report = &record->report;
    totals->worlds++;
    totals->simulated_us += report->simulated_us;
    totals->turns += report->turns;
    totals->fingerprint = report->fingerprint;
    for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) totals->counts[i] += report->counts[i];
    for (uint32_t i = 0; i < report->words_count; i++) totals_add_word(totals, &report->words[i]);
    if (!report->failed) return;
    char reason[SIM_REASON_SIZE + 40];
    snprintf(reason, sizeof reason, "%s (at %.6f s)", report->reason,
             (double)report->simulated_us / 1e6);
    totals_fail(totals, request, record->seed, reason);
}

static void worker_died(struct worker *worker, const struct request *request, struct totals *totals)
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
    totals_fail(totals, request, worker->seed, reason);
    if (request->last - worker->seed < request->jobs) return;
    worker_start(request, worker, worker->seed + request->jobs);
}

static void worker_read(struct worker *worker, const struct request *request, struct totals *totals)
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
    if (!worker->busy) totals_add(totals, request, &worker->record);
}

/* --- printing --- */

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void print_progress(const struct totals *totals, const struct request *request,
                           const struct timespec *start)
{
    double took_s = seconds_since(start);
    double simulated_s = (double)totals->simulated_us / 1e6;
    fprintf(stderr, "%llu of %llu worlds, %.0f s simulated in %.1f s (%.0fx), %llu failed\n",
            (unsigned long long)totals->worlds,
            (unsigned long long)(request->last - request->first + 1), simulated_s, took_s,
            simulated_s / took_s, (unsigned long long)totals->failures);
}

static void print_coverage(const struct totals *totals)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SIM_COVERAGE(X)
#undef X
    };
    for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) {
        printf("%12llu %-34s%s", (unsigned long long)totals->counts[i], texts[i],
               i % 2 == 1 ? "\n" : "");
    }
    if (SIM_COVERAGE_COUNT % 2 == 1) printf("\n");
    printf("what nodes said:");
    for (uint32_t i = 0; i < totals->words_count; i++) {
        printf(" %s %llu", totals->words[i].word, (unsigned long long)totals->words[i].count);
    }
    printf("\n");
}

static void print_summary(const struct totals *totals, const struct request *request,
                          const struct timespec *start)
{
    double took_s = seconds_since(start);
    double simulated_s = (double)totals->simulated_us / 1e6;
    if (request->options.trace) return;
    print_coverage(totals);
    printf("%llu worlds of %u nodes: %.0f s simulated in %.1f s of %u processes (%.0fx), "
           "%.0f client operations and %.0f turns a simulated second",
           (unsigned long long)totals->worlds, request->options.nodes, simulated_s, took_s,
           request->jobs, simulated_s / took_s,
           (double)totals->counts[SIM_COVER_OPERATIONS] / simulated_s,
           (double)totals->turns / simulated_s);
    if (request->first == request->last) {
        printf(", fingerprint %016llx", (unsigned long long)totals->fingerprint);
    }
    printf("\n");
}

static void run_all(const struct request *request, struct totals *totals,
                    const struct timespec *start)
{
    static struct worker workers[JOBS_MAX];
    double printed_s = 0;
    for (uint32_t i = 0; i < request->jobs; i++) {
        if (i > request->last - request->first) break;
        worker_start(request, &workers[i], request->first + i);
    }
    for (;;) {
        struct pollfd fds[JOBS_MAX];
        struct worker *owners[JOBS_MAX];
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
        if (!request->single && seconds_since(start) > printed_s + 1) {
            printed_s = seconds_since(start);
            print_progress(totals, request, start);
        }
    }
}

int sim_main(int argc, char **argv)
{
    struct request request;
    static struct totals totals;
    struct timespec start;
    int status = request_read(&request, argc, argv);
    if (status != 0) return status - 1;
    if (request.single) request.jobs = 1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    run_all(&request, &totals, &start);
    print_summary(&totals, &request, &start);
    if (totals.failures == 0) return 0;
    printf("first of %llu failures:\n", (unsigned long long)totals.failures);
    print_failure(&request, totals.first_failed, totals.first_reason);
    return 1;
}
