/* `quartet sim`: reads the flags. See sim.h for the rest of the front end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/sim.h"
#include "sim/faults.h"

enum {
    SECONDS_DEFAULT = 30,
    SECONDS_MAX = 86400,
};

static const char flags[] =
    "  --seed N          replay one world (default 1)\n"
    "  --seeds A..B      run many, on all cores\n"
    "  --nodes 1|3|5     (default 3)\n"
    "  --groups G        of Raft on each node, to 16 (default 1); raft shares its registers out\n"
    "  --seconds S       of virtual time with faults (default 30); then all is mended, and\n"
    "                    within 30 s there must be a leader and an answer for every client\n"
    "  --faults LIST     comma-separated, or none, default, all (default: all)\n"
    "  --trace           print what happens (with --seed)\n"
    "  --stop-at-first   end at the first seed that fails (with --jobs 1: the lowest)\n"
    "  --jobs N          worker processes (default: one per core)\n"
    "faults:\n"
#define X(name, word, help) "  " word "\t" help "\n"
    SIM_FAULTS(X)
#undef X
    ;

static void show_usage(void)
{
    printf(
        "usage: quartet sim SYSTEM [options]   a whole cluster in one process, in virtual time\n");
    for (const struct sim_system *const *at = sim_systems; *at != NULL; at++) {
        printf("  %-17s %s%s\n", (*at)->name, (*at)->help,
               at == sim_systems ? " (the default)" : "");
    }
    fputs(flags, stdout);
}

static void complain_of_system(const char *name)
{
    fprintf(stderr, "quartet sim: no system called %s (there are:", name);
    for (const struct sim_system *const *at = sim_systems; *at != NULL; at++) {
        fprintf(stderr, "%s %s", at == sim_systems ? "" : ",", (*at)->name);
    }
    fprintf(stderr, ")\n");
}

/* --- flags --- */

/* What a flag wants, for whoever gave it something else; NULL: there is no such flag. */
static const char *flag_expects(const char *flag)
{
    static const char *const table[][2] = {
        {"--seed", "a whole number"},
        {"--seeds", "A..B, like 1..1000"},
        {"--nodes", "1, 3 or 5"},
        {"--groups", "a whole number from 1 to 16"},
        {"--seconds", "a whole number from 1 to 86400"},
        {"--jobs", "a whole number of processes"},
        {"--faults", "names between commas, or none, default, all"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i][0], flag) == 0) return table[i][1];
    }
    return NULL;
}

static int complain(const char *flag, const char *value)
{
    const char *expected = flag_expects(flag);
    if (expected == NULL) {
        fprintf(stderr, "quartet sim: there is no option %s: see quartet sim --help\n", flag);
    } else if (value == NULL) {
        fprintf(stderr, "quartet sim: %s needs a value: %s\n", flag, expected);
    } else {
        fprintf(stderr,
                "quartet sim: %s: \"%s\" is not right: expected %s; see quartet sim --help\n", flag,
                value, expected);
    }
    return 3;
}

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    return text != NULL && decimal_read(slice_text(text), number) && *number <= max;
}

static bool read_range(const char *text, struct sim_request *request)
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
static int read_flag(struct sim_request *request, const char *flag, const char *value)
{
    struct sim_options *options = &request->options;
    uint64_t number = 0;
    if (strcmp(flag, "--trace") == 0) return options->trace = true, 1;
    if (strcmp(flag, "--stop-at-first") == 0) return request->stop_at_first = true, 1;
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
    if (strcmp(flag, "--groups") == 0) {
        if (!read_number(value, SIM_GROUPS_MAX, &number) || number == 0) return 0;
        options->groups = (uint32_t)number;
        return 2;
    }
    if (strcmp(flag, "--seconds") == 0) {
        if (!read_number(value, SECONDS_MAX, &number) || number == 0) return 0;
        options->seconds = (uint32_t)number;
        return 2;
    }
    if (strcmp(flag, "--jobs") == 0) {
        if (!read_number(value, SIM_JOBS_MAX, &number) || number == 0) return 0;
        request->jobs = (uint32_t)number;
        return 2;
    }
    if (strcmp(flag, "--faults") == 0) return read_faults(value, &options->faults) ? 2 : 0;
    return 0;
}

/* The command that replays a seed, without it. */
static void command_build(struct sim_request *request)
{
    const struct sim_options *options = &request->options;
    char *at = request->command;
    char *end = at + sizeof request->command;
    at += snprintf(at, (size_t)(end - at), "--nodes %u ", options->nodes);
    if (options->groups > 1) {
        at += snprintf(at, (size_t)(end - at), "--groups %u ", options->groups);
    }
    at += snprintf(at, (size_t)(end - at), "--seconds %u --faults ", options->seconds);
    if (options->faults == 0) {
        snprintf(at, (size_t)(end - at), "none");
    } else if (options->faults == SIM_FAULTS_ALL) {
        snprintf(at, (size_t)(end - at), "all");
    } else if (options->faults == SIM_FAULTS_DEFAULT) {
        snprintf(at, (size_t)(end - at), "default");
    } else {
        const char *comma = "";
        for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
            if (!(options->faults & 1u << i)) continue;
            at += snprintf(at, (size_t)(end - at), "%s%s", comma, fault_word((enum sim_fault)i));
            comma = ",";
        }
    }
}

/* 0 to go on, else the exit status + 1. */
static int request_read(struct sim_request *request, int argc, char **argv)
{
    *request = (struct sim_request){
        .options = {.system = sim_systems[0],
                    .nodes = 3,
                    .seconds = SECONDS_DEFAULT,
                    .faults = SIM_FAULTS_DEFAULT},
        .first = 1,
        .last = 1,
        .single = true,
    };
    int at = 1;
    if (at < argc && argv[at][0] != '-') {
        request->options.system = sim_system_by_name(slice_text(argv[at++]));
        if (request->options.system == NULL) {
            complain_of_system(argv[at - 1]);
            return 3;
        }
    }
    while (at < argc) {
        if (strcmp(argv[at], "--help") == 0) {
            show_usage();
            return 1;
        }
        int took = read_flag(request, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
        if (took == 0) return complain(argv[at], at + 1 < argc ? argv[at + 1] : NULL);
        at += took;
    }
    if (request->options.trace && !request->single) {
        fprintf(stderr, "quartet sim: --trace goes with --seed, not with --seeds\n");
        return 3;
    }
    if (request->jobs == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        request->jobs = cores < 1 ? 1 : cores > SIM_JOBS_MAX ? SIM_JOBS_MAX : (uint32_t)cores;
    }
    command_build(request);
    return 0;
}

int command_sim(int argc, char **argv)
{
    struct sim_request request;
    static struct sim_totals totals;
    int status = request_read(&request, argc, argv);
    if (status != 0) return status - 1;
    if (request.single) request.jobs = 1;
    clock_gettime(CLOCK_MONOTONIC, &totals.began);
    sim_workers_run(&request, &totals);
    sim_totals_print(&totals, &request);
    return totals.failures != 0;
}
