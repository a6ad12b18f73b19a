/* quartet-load: the load generator of the benchmarks. Options in, one line of JSON out.
 *
 *   quartet-load put|cycle|churn --address HOST:PORT [options]   a closed loop: driver.h
 *   quartet-load failover --addresses A,B,C --kill PID           a leader's death: failover.h
 *   quartet-load reference --dir DIR                             a write's floor: reference.h
 */
#include "driver.h"
#include "failover.h"
#include "reference.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 256, PREFILL_CONNECTIONS = 8, PREFILL_PIPELINE = 64 };

static const char usage[] =
    "usage: quartet-load put|cycle|churn --address HOST:PORT [options]\n"
    "  --connections N   connections at work (1)       --idle N        idle ones beside them (0)\n"
    "  --pipeline N      commands in flight each (1)   --payload N     bytes of a body (64)\n"
    "  --batch           the next commands wait until all in flight are answered\n"
    "  --tubes N         connection i uses tube i % N (1)\n"
    "  --rotate          every put goes to the next tube; jobs are reserved by id\n"
    "  --priorities N    pseudorandom priorities below N (1)\n"
    "  --seconds S       measured time (3)             --warmup S      before it (1)\n"
    "  --count N         stop after N jobs instead     --prefill N     jobs put before (0)\n"
    "  --pace-us N       pause before each command; one connection, no pipeline\n"
    "  --server-pid PID  report this process's processor time\n"
    "usage: quartet-load failover --addresses LEADER,B,C --kill PID\n"
    "  --puts N          acknowledged before the kill (100)    --payload N\n"
    "  --attempt-ms N    patience with one connection (100)    --give-up S   (30)\n"
    "usage: quartet-load reference --dir DIR\n"
    "  --others none|step|free   two other writers (step)      --record N    bytes (256)\n"
    "  --seconds S  --warmup S  --pace-us N\n";

struct arguments {
    const char *mode;
    struct driver_options driver;
    struct failover_options failover;
    struct reference_options reference;
    uint64_t prefill;
    bool has_address;
};

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "quartet-load: %s%s%s\n", what, value != NULL ? ": " : "",
            value != NULL ? value : "");
    return -1;
}

static bool parse_count(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && v <= max;
}

static bool parse_seconds(const char *text, uint64_t *out_us)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0 && v <= 86400)) {
        return false;
    }
    *out_us = (uint64_t)(v * 1e6);
    return true;
}

static int parse_addresses(char *list, struct failover_options *o)
{
    char *rest = NULL;
    for (char *at = strtok_r(list, ",", &rest); at != NULL; at = strtok_r(NULL, ",", &rest)) {
        if (o->address_count == FAILOVER_ADDRESSES_MAX ||
            wire_resolve(at, &o->addresses[o->address_count++]) != 0) {
            return usage_error("cannot resolve, or too many addresses", at);
        }
    }
    return 0;
}

static int parse_others(const char *text, enum reference_others *out)
{
    static const char *const names[] = {"none", "step", "free"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum reference_others)i;
            return 0;
        }
    }
    return usage_error("--others is none, step or free, not", text);
}

enum option_id {
    OPT_ADDRESS = 256,
    OPT_CONNECTIONS,
    OPT_IDLE,
    OPT_PIPELINE,
    OPT_PAYLOAD,
    OPT_TUBES,
    OPT_ROTATE,
    OPT_BATCH,
    OPT_PRIORITIES,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_COUNT,
    OPT_PREFILL,
    OPT_PACE,
    OPT_SERVER_PID,
    OPT_ADDRESSES,
    OPT_KILL,
    OPT_PUTS,
    OPT_ATTEMPT,
    OPT_GIVE_UP,
    OPT_DIR,
    OPT_OTHERS,
    OPT_RECORD,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"pipeline", required_argument, NULL, OPT_PIPELINE},
    {"payload", required_argument, NULL, OPT_PAYLOAD},
    {"tubes", required_argument, NULL, OPT_TUBES},
    {"rotate", no_argument, NULL, OPT_ROTATE},
    {"batch", no_argument, NULL, OPT_BATCH},
    {"priorities", required_argument, NULL, OPT_PRIORITIES},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"count", required_argument, NULL, OPT_COUNT},
    {"prefill", required_argument, NULL, OPT_PREFILL},
    {"pace-us", required_argument, NULL, OPT_PACE},
    {"server-pid", required_argument, NULL, OPT_SERVER_PID},
    {"addresses", required_argument, NULL, OPT_ADDRESSES},
    {"kill", required_argument, NULL, OPT_KILL},
    {"puts", required_argument, NULL, OPT_PUTS},
    {"attempt-ms", required_argument, NULL, OPT_ATTEMPT},
    {"give-up", required_argument, NULL, OPT_GIVE_UP},
    {"dir", required_argument, NULL, OPT_DIR},
    {"others", required_argument, NULL, OPT_OTHERS},
    {"record", required_argument, NULL, OPT_RECORD},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* The largest number an option may be; 0 for options that are not plain numbers. */
static uint64_t option_max(int id)
{
    switch (id) {
    case OPT_CONNECTIONS:
    case OPT_IDLE: return DRIVER_CONNECTIONS_MAX;
    case OPT_PIPELINE: return DRIVER_PIPELINE_MAX;
    case OPT_PAYLOAD: return DRIVER_PAYLOAD_MAX;
    case OPT_TUBES:
    case OPT_PRIORITIES:
    case OPT_PUTS:
    case OPT_ATTEMPT: return 1000000;
    case OPT_PACE: return 60u * 1000 * 1000;
    case OPT_RECORD: return REFERENCE_RECORD_MAX;
    case OPT_SERVER_PID:
    case OPT_KILL: return INT32_MAX;
    case OPT_COUNT:
    case OPT_PREFILL: return INT64_MAX;
    default: return 0;
    }
}

static void apply_number(struct arguments *a, int id, uint64_t n)
{
    switch (id) {
    case OPT_CONNECTIONS: a->driver.connections = (uint32_t)n; break;
    case OPT_IDLE: a->driver.idle_connections = (uint32_t)n; break;
    case OPT_PIPELINE: a->driver.pipeline = (uint32_t)n; break;
    case OPT_PAYLOAD: a->driver.payload = a->failover.payload = (uint32_t)n; break;
    case OPT_TUBES: a->driver.tubes = (uint32_t)n; break;
    case OPT_PRIORITIES: a->driver.priorities = (uint32_t)n; break;
    case OPT_COUNT: a->driver.count = n; break;
    case OPT_PREFILL: a->prefill = n; break;
    case OPT_PACE: a->driver.pace_us = a->reference.pace_us = n; break;
    case OPT_SERVER_PID: a->driver.server_pid = (pid_t)n; break;
    case OPT_KILL: a->failover.kill_pid = (pid_t)n; break;
    case OPT_PUTS: a->failover.puts_before = (uint32_t)n; break;
    case OPT_ATTEMPT: a->failover.attempt_us = n * 1000; break;
    case OPT_RECORD: a->reference.record = (uint32_t)n; break;
    default: break;
    }
}

static int apply_option(struct arguments *a, int id, char *value)
{
    uint64_t n = 0;
    uint64_t max = option_max(id);
    if (max > 0) {
        if (!parse_count(value, max, &n)) {
            return usage_error("not a number, or too large", value);
        }
        apply_number(a, id, n);
        return 0;
    }
    switch (id) {
    case OPT_ADDRESS:
        a->has_address = true;
        return wire_resolve(value, &a->driver.address) == 0 ? 0
                                                            : usage_error("cannot resolve", value);
    case OPT_ADDRESSES: return parse_addresses(value, &a->failover);
    case OPT_ROTATE: a->driver.rotate = true; return 0;
    case OPT_BATCH: a->driver.batch = true; return 0;
    case OPT_DIR: a->reference.directory = value; return 0;
    case OPT_OTHERS: return parse_others(value, &a->reference.others);
    case OPT_SECONDS:
    case OPT_WARMUP:
    case OPT_GIVE_UP:
        if (!parse_seconds(value, &n)) {
            return usage_error("not a number of seconds", value);
        }
        if (id == OPT_SECONDS) {
            a->driver.duration_us = a->reference.duration_us = n;
        } else if (id == OPT_WARMUP) {
            a->driver.warmup_us = a->reference.warmup_us = n;
        } else {
            a->failover.give_up_us = n;
        }
        return 0;
    default: return -1; /* getopt has said what is wrong */
    }
}

static int check_driver(const struct arguments *a)
{
    const struct driver_options *o = &a->driver;
    if (!a->has_address) {
        return usage_error("--address is missing", NULL);
    }
    if (o->connections == 0 || o->pipeline == 0 || o->tubes == 0) {
        return usage_error("--connections, --pipeline and --tubes are at least 1", NULL);
    }
    if (o->pace_us > 0 && (o->connections > 1 || o->pipeline > 1 || o->rotate)) {
        return usage_error("--pace-us goes with one connection and one command in flight", NULL);
    }
    return 0;
}

/* Numbers for people and programs alike: one object on one line. */

static void print_latency(const struct histogram *h)
{
    static const struct {
        const char *name;
        uint32_t per_million;
    } points[] = {{"p50_us", 500000}, {"p99_us", 990000}, {"p999_us", 999000}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        printf("\"%s\": %.1f, ", points[i].name,
               (double)histogram_percentile_ns(h, points[i].per_million) / 1e3);
    }
    printf("\"max_us\": %.1f", (double)h->max_ns / 1e3);
}

static void print_error(uint64_t errors, const char *error)
{
    printf(", \"errors\": %" PRIu64, errors);
    if (errors > 0) {
        printf(", \"error\": \"");
        for (const char *p = error; *p != '\0'; p++) {
            /* What a server answered may hold anything. */
            putchar(*p == '"' || *p == '\\' || *p < ' ' || *p > '~' ? '?' : *p);
        }
        putchar('"');
    }
    printf("}\n");
}

static void print_driver(const struct arguments *a, const struct driver_result *r)
{
    static struct histogram all;
    double seconds = (double)r->elapsed_us / 1e6;
    printf("{\"mode\": \"%s\", \"connections\": %u, \"idle\": %u, \"pipeline\": %u, "
           "\"payload\": %u, \"tubes\": %u, \"prefill\": %" PRIu64 ", ",
           a->mode, a->driver.connections, a->driver.idle_connections, a->driver.pipeline,
           a->driver.payload, a->driver.tubes, a->prefill);
    printf("\"ops\": %" PRIu64 ", \"jobs\": %" PRIu64 ", \"seconds\": %.3f, "
           "\"ops_per_s\": %.1f, ",
           r->operations, r->jobs, seconds, seconds > 0 ? (double)r->operations / seconds : 0);
    for (int i = 0; i < DRIVER_COMMANDS; i++) {
        histogram_merge(&all, &r->latency[i]);
    }
    print_latency(&all);
    printf(", \"server_cpu_s\": %.3f, \"load_cpu_s\": %.3f, \"commands\": {",
           (double)r->server_cpu_us / 1e6, (double)r->own_cpu_us / 1e6);
    const char *comma = "";
    for (int i = 0; i < DRIVER_COMMANDS; i++) {
        if (r->latency[i].count > 0) {
            printf("%s\"%s\": {\"ops\": %" PRIu64 ", ", comma,
                   driver_command_name((enum driver_command)i), r->latency[i].count);
            print_latency(&r->latency[i]);
            printf("}");
            comma = ", ";
        }
    }
    printf("}");
    print_error(r->errors, r->error);
}

static int run_driver(struct arguments *a)
{
    static struct driver_result result;
    if (check_driver(a) != 0) {
        return 2;
    }
    if (a->prefill > 0) {
        struct driver_options fill = a->driver;
        fill.mode = DRIVER_PUT;
        fill.count = a->prefill;
        fill.connections = PREFILL_CONNECTIONS;
        fill.pipeline = PREFILL_PIPELINE;
        fill.idle_connections = 0;
        fill.pace_us = 0;
        fill.rotate = fill.tubes > 1;
        if (driver_run(&fill, &result) != 0) {
            print_driver(a, &result);
            return 1;
        }
    }
    int status = driver_run(&a->driver, &result);
    print_driver(a, &result);
    return status == 0 ? 0 : 1;
}

static int run_failover(const struct arguments *a)
{
    struct failover_result result;
    char error[ERROR_SIZE] = "";
    if (a->failover.address_count < 2 || a->failover.kill_pid <= 1) {
        usage_error("failover needs --addresses (two or more) and --kill", NULL);
        return 2;
    }
    int status = failover_run(&a->failover, &result, error, sizeof error);
    printf("{\"mode\": \"failover\", \"gap_us\": %" PRIu64 ", \"attempts\": %u, "
           "\"refusals\": %u, \"answered_by\": %u",
           result.gap_us, result.attempts, result.refusals, result.answered_by);
    print_error(status == 0 ? 0 : 1, error);
    return status == 0 ? 0 : 1;
}

static int run_reference(const struct arguments *a)
{
    static struct histogram latency;
    char error[ERROR_SIZE] = "";
    if (a->reference.directory == NULL || a->reference.record == 0) {
        usage_error("reference needs --dir, and --record of at least 1", NULL);
        return 2;
    }
    int status = reference_run(&a->reference, &latency, error, sizeof error);
    printf("{\"mode\": \"reference\", \"record\": %u, \"ops\": %" PRIu64 ", ", a->reference.record,
           latency.count);
    print_latency(&latency);
    print_error(status == 0 ? 0 : 1, error);
    return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct arguments a = {
        .driver = {.connections = 1,
                   .pipeline = 1,
                   .payload = 64,
                   .tubes = 1,
                   .priorities = 1,
                   .warmup_us = 1000000,
                   .duration_us = 3000000},
        .failover = {.puts_before = 100,
                     .payload = 64,
                     .attempt_us = 100000,
                     .give_up_us = 30000000},
        .reference = {.others = REFERENCE_STEP,
                      .record = 256,
                      .warmup_us = 1000000,
                      .duration_us = 3000000},
    };
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == OPT_HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (apply_option(&a, id, optarg) != 0) {
            return 2;
        }
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    wire_raise_file_limit();
    a.mode = argv[optind];
    if (strcmp(a.mode, "failover") == 0) {
        return run_failover(&a);
    }
    if (strcmp(a.mode, "reference") == 0) {
        return run_reference(&a);
    }
    static const char *const modes[] = {"put", "cycle", "churn"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(a.mode, modes[i]) == 0) {
            a.driver.mode = (enum driver_mode)i;
            return run_driver(&a);
        }
    }
    usage_error("no such mode", a.mode);
    return 2;
}
