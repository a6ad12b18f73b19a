/* `quartet up queue`: a whole cluster on this machine. Each node is a process of its own, this
 * program again, on loopback ports; one that dies is started again. Ctrl-C drains them all. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "server/address.h"
#include "command/commands.h"
#include "command/options.h"
#include "contract/system.h"
#include "server/system.h"

enum {
    UP_NODES_MAX = 9,
    UP_PORTS_APART = 10, /* clients at P, peers at P + 10, admin at P + 20, plus the node - 1 */
    UP_BACKOFF_MS_MIN = 200,
    UP_BACKOFF_MS_MAX = 5000,
    UP_STEADY_US = 10000000, /* a node that ran this long starts again at the shortest backoff */
    UP_STOP_MS = 15000,
    UP_PATH_SIZE_MAX = 4096,
    UP_TEXT_SIZE_MAX = 512,
};

struct up;

struct up_node {
    struct up *up;
    unsigned number; /* from 1 */
    uv_process_t process;
    uv_timer_t again;
    bool running;
    uint64_t backoff_ms;
    uint64_t started_us;
};

struct up {
    uv_loop_t loop;
    uint64_t nodes_count;
    uint64_t port;
    const char *data;
    const char *fsync;
    bool with_demo;
    char program[UP_PATH_SIZE_MAX];
    struct up_node nodes[UP_NODES_MAX];
    const struct system *system;
    void *demo; /* of the system; NULL: none runs */
    uv_signal_t signals[2];
    uv_timer_t patience;
    bool stopping;
    int exit_code;
};

static unsigned port_of(const struct up *up, unsigned kind, unsigned number)
{
    return (unsigned)up->port + kind * UP_PORTS_APART + number - 1;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static void start_node(struct up_node *node);

static void start_again(uv_timer_t *timer)
{
    struct up_node *node = timer->data;
    if (!node->up->stopping) start_node(node);
}

static void finish_when_all_ended(struct up *up)
{
    for (unsigned i = 0; i < up->nodes_count; i++) {
        if (up->nodes[i].running) return;
    }
    uv_stop(&up->loop);
}

static void stop_nodes(void *world);

/* One that gives up by itself right at its first start has said why: a directory that it may not
 * write, or that another one uses. Starting it again and again would bury that line. */
static void give_up(struct up_node *node)
{
    struct up *up = node->up;
    printf("up: node %u could not start, see above; stopping\n", node->number);
    fflush(stdout);
    up->stopping = true;
    up->exit_code = 1;
    if (up->demo != NULL) {
        up->system->demo->stop(up->demo, stop_nodes, up);
    } else {
        stop_nodes(up);
    }
}

static void exited(uv_process_t *process, int64_t status, int number)
{
    struct up_node *node = process->data;
    struct up *up = node->up;
    node->running = false;
    uv_close((uv_handle_t *)process, NULL);
    if (up->stopping) {
        if (status != 0 || number != 0) up->exit_code = 1;
        finish_when_all_ended(up);
        return;
    }
    bool steady = system_now().mono_us - node->started_us > UP_STEADY_US;
    if (number == 0 && status != 0 && node->backoff_ms == 0 && !steady) {
        give_up(node);
        return;
    }
    node->backoff_ms = steady || node->backoff_ms == 0 ? UP_BACKOFF_MS_MIN : 2 * node->backoff_ms;
    if (node->backoff_ms > UP_BACKOFF_MS_MAX) node->backoff_ms = UP_BACKOFF_MS_MAX;
    char how[64];
    if (number != 0) {
        snprintf(how, sizeof how, "was ended by signal %d (%s)", number, strsignal(number));
    } else {
        snprintf(how, sizeof how, "exited with %" PRId64, status);
    }
    printf("up: node %u %s; starting it again in %" PRIu64 " ms\n", node->number, how,
           node->backoff_ms);
    fflush(stdout);
    uv_timer_start(&node->again, start_again, node->backoff_ms, 0);
}

struct node_words {
    char number[8], peers[UP_TEXT_SIZE_MAX], listen[32], admin[32], data[UP_PATH_SIZE_MAX];
};

static void make_words(const struct up *up, unsigned number, struct node_words *words)
{
    snprintf(words->number, sizeof words->number, "%u", number);
    snprintf(words->listen, sizeof words->listen, "127.0.0.1:%u", port_of(up, 0, number));
    snprintf(words->admin, sizeof words->admin, "127.0.0.1:%u", port_of(up, 2, number));
    snprintf(words->data, sizeof words->data, "%s/%s-%u", up->data, up->system->name, number);
    size_t at = 0;
    words->peers[0] = '\0';
    for (unsigned i = 1; i <= up->nodes_count; i++) {
        at += (size_t)snprintf(words->peers + at, sizeof words->peers - at, "%s%u=127.0.0.1:%u",
                               i > 1 ? "," : "", i, port_of(up, 1, i));
    }
}

/* In a process group of its own, so that Ctrl-C reaches it through us alone: a second signal would
 * tell it to exit at once. */
static void start_node(struct up_node *node)
{
    struct up *up = node->up;
    struct node_words words;
    make_words(up, node->number, &words);
    const char *arguments[] = {
        up->program,
        up->system->commands[0].name,
        "--node",
        words.number,
        "--listen",
        words.listen,
        "--admin",
        words.admin,
        "--data",
        words.data,
        "--fsync",
        up->fsync,
        up->nodes_count > 1 ? "--peers" : NULL,
        words.peers,
        NULL,
    };
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.file = up->program,
                                    .args = (char **)(uintptr_t)arguments,
                                    .exit_cb = exited,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    node->process.data = node;
    node->started_us = system_now().mono_us;
    int failed = uv_spawn(&up->loop, &node->process, &options);
    if (failed != 0) {
        system_die(SYSTEM_EXIT_FAILED, "up: cannot start %s: %s", up->program, uv_strerror(failed));
    }
    node->running = true;
}

/* --- stopping -------------------------------------------------------------------------------- */

static void out_of_patience(uv_timer_t *timer)
{
    struct up *up = timer->data;
    for (unsigned i = 0; i < up->nodes_count; i++) {
        if (up->nodes[i].running) uv_process_kill(&up->nodes[i].process, SIGKILL);
    }
    up->exit_code = 1;
}

static void stop_nodes(void *world)
{
    struct up *up = world;
    for (unsigned i = 0; i < up->nodes_count; i++) {
        uv_timer_stop(&up->nodes[i].again);
        if (up->nodes[i].running) uv_process_kill(&up->nodes[i].process, SIGTERM);
    }
    uv_timer_start(&up->patience, out_of_patience, UP_STOP_MS, 0);
    finish_when_all_ended(up);
}

static void signalled(uv_signal_t *handle, int number)
{
    struct up *up = handle->data;
    (void)number;
    if (up->stopping) {
        stop_nodes(up); /* their second signal: they exit at once */
        return;
    }
    printf("up: draining\n");
    fflush(stdout);
    up->stopping = true;
    if (up->demo != NULL) {
        up->system->demo->stop(up->demo, stop_nodes, up);
    } else {
        stop_nodes(up);
    }
}

/* --- start ----------------------------------------------------------------------------------- */

static bool ports_are_free(const struct up *up)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        if (kind == 1 && up->nodes_count == 1) continue;
        for (unsigned i = 1; i <= up->nodes_count; i++) {
            struct address address = {.host = "127.0.0.1"};
            char error[256];
            snprintf(address.port, sizeof address.port, "%u", port_of(up, kind, i) & 0xFFFF);
            int fd = address_bind(&address, error, sizeof error);
            if (fd < 0) {
                fprintf(stderr, "quartet up: %s; --port N chooses others\n", error);
                return false;
            }
            close(fd);
        }
    }
    return true;
}

/* Membership lives in the log from the founding on: another number of nodes is another cluster. */
static bool data_fits(const struct up *up)
{
    unsigned found = 0;
    for (unsigned i = 1; i <= UP_NODES_MAX; i++) {
        char path[UP_PATH_SIZE_MAX];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s-%u", up->data, up->system->name, i);
        if (stat(path, &status) == 0) found = i;
    }
    if (found == 0 || found == up->nodes_count) return true;
    fprintf(stderr,
            "quartet up: %s holds a cluster of %u nodes: use --nodes %u or another --data\n",
            up->data, found, found);
    return false;
}

static void show_how(const struct up *up)
{
    unsigned count = (unsigned)up->nodes_count;
    printf("%s of %u node%s on this machine; data in %s\n\n", up->system->what, count,
           count > 1 ? "s" : "", up->data);
    for (unsigned i = 1; i <= count; i++) {
        printf("  node %u  clients 127.0.0.1:%u   admin http://127.0.0.1:%u/status   pid %d\n", i,
               port_of(up, 0, i), port_of(up, 2, i), (int)up->nodes[i - 1].process.pid);
    }
    printf("\n");
    up->system->show_how(port_of(up, 0, 1), port_of(up, 0, count));
    printf("See what a node believes, or kill one and watch the others go on:\n\n"
           "  %s status --admin 127.0.0.1:%u\n"
           "  kill -9 %d\n\n"
           "Ctrl-C drains and ends it all.\n\n",
           up->program, port_of(up, 2, 1), (int)up->nodes[0].process.pid);
    fflush(stdout);
}

static int run(struct up *up)
{
    uv_loop_init(&up->loop);
    size_t size = sizeof up->program;
    if (uv_exepath(up->program, &size) != 0) {
        system_die(SYSTEM_EXIT_FAILED, "up: cannot tell where this program is");
    }
    char parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    setenv("QUARTET_UP_PARENT", parent, 1);
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        uv_signal_init(&up->loop, &up->signals[i]);
        up->signals[i].data = up;
        uv_signal_start(&up->signals[i], signalled, numbers[i]);
    }
    uv_timer_init(&up->loop, &up->patience);
    up->patience.data = up;
    for (unsigned i = 0; i < up->nodes_count; i++) {
        struct up_node *node = &up->nodes[i];
        node->up = up;
        node->number = i + 1;
        uv_timer_init(&up->loop, &node->again);
        node->again.data = node;
        start_node(node);
    }
    show_how(up);
    if (up->with_demo && up->system->demo != NULL) {
        up->demo = up->system->demo->start(&up->loop, (unsigned)up->nodes_count, port_of(up, 0, 1),
                                           port_of(up, 2, 1));
    }
    uv_run(&up->loop, UV_RUN_DEFAULT);
    printf("up: all nodes have stopped\n");
    return up->exit_code;
}

static const char *parse_fsync(const char *text, const struct option_spec *option)
{
    if (strcmp(text, "always") != 0 && strcmp(text, "never") != 0) return "always or never";
    *(const char **)option->target = text;
    return NULL;
}

int command_up(int argc, char **argv)
{
    static struct up up = {.nodes_count = 3, .port = 11300, .fsync = "always"};
    struct option_spec items[] = {
        {"nodes", "N", "how many, 1 to 9 (3)", option_parse_number, &up.nodes_count, 1,
         UP_NODES_MAX, 0},
        {"port", "P", "clients at P, P+1, ...; peers at P+10, admin at P+20 (11300)",
         option_parse_number, &up.port, 1024, 65000, 0},
        {"data", "DIR", "where the nodes keep their logs (quartet-data/up-P)", option_parse_text,
         &up.data, 0, 0, 0},
        {"fsync", "always|never", "as for quartet queue (always)", parse_fsync, &up.fsync, 0, 0, 0},
        {"demo", NULL, "also run a producer and workers, and show their progress", NULL,
         &up.with_demo, 0, 0, 0},
    };
    struct options options = {
        .command = "quartet up",
        .summary = "Runs a whole cluster on this machine, to try it: each node a process of its "
                   "own,\nstarted again when it dies. `queue` is the one system there is so far.",
        .operands = "queue",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    const char *system = "queue";
    size_t count = 0;
    enum options_result result = options_parse(&options, argc, argv, &system, 1, &count);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    up.system = system_by_name(system);
    if (up.system == NULL || up.system->port == 0) {
        return options_mistake(options.command, NULL, "there is no system \"%s\": expected queue",
                               system);
    }
    static char data[64]; /* `up` outlives this frame in the eyes of a compiler */
    snprintf(data, sizeof data, "quartet-data/up-%" PRIu64, up.port);
    if (up.data == NULL) up.data = data;
    if (!data_fits(&up) || !ports_are_free(&up)) return SYSTEM_EXIT_FAILED;
    signal(SIGPIPE, SIG_IGN);
    return run(&up);
}
