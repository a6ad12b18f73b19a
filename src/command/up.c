/* `quartet up SYSTEM...`: whole clusters on this machine. Ctrl-C drains them all. See up.h. */
#include "command/up.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "command/commands.h"
#include "command/options.h"
#include "server/system.h"

enum {
    UP_STOP_MS = 15000,
};

const char *up_label(const struct up_cluster *cluster)
{
    static char label[64];
    if (cluster->up->clusters_count == 1) return "";
    snprintf(label, sizeof label, "%s ", cluster->system->name);
    return label;
}

/* --- stopping -------------------------------------------------------------------------------- */

static void out_of_patience(uv_timer_t *timer)
{
    struct up *up = timer->data;
    for (unsigned i = 0; i < up->clusters_count; i++) {
        for (unsigned j = 0; j < up->nodes_count; j++) {
            struct up_node *node = &up->clusters[i].nodes[j];
            if (node->running) uv_process_kill(&node->process, SIGKILL);
        }
    }
    up->exit_code = SYSTEM_EXIT_FAILED;
}

static void demo_stopped(void *world)
{
    up_nodes_stop(world);
}

void up_stop(struct up *up)
{
    bool again = up->stopping;
    up->stopping = true;
    uv_timer_stop(&up->look);
    uv_timer_start(&up->patience, out_of_patience, UP_STOP_MS, 0);
    for (unsigned i = 0; i < up->clusters_count; i++) {
        struct up_cluster *cluster = &up->clusters[i];
        if (cluster->demo == NULL || again) {
            up_nodes_stop(cluster);
        } else {
            cluster->system->demo->stop(cluster->demo, demo_stopped, cluster);
        }
    }
}

static void signalled(uv_signal_t *handle, int number)
{
    struct up *up = handle->data;
    (void)number;
    if (!up->stopping) {
        printf("up: draining\n");
        fflush(stdout);
    }
    up_stop(up);
}

/* --- start ----------------------------------------------------------------------------------- */

static void start_demo(struct up_cluster *cluster)
{
    struct up *up = cluster->up;
    const struct system_demo *demo = cluster->system->demo;
    if (!up->with_demo || demo == NULL) return;
    struct system_demo_place place = {.nodes = (unsigned)up->nodes_count,
                                      .client_port = up_port_of(cluster, UP_CLIENTS, 1),
                                      .admin_port = up_port_of(cluster, UP_ADMIN, 1)};
    snprintf(place.label, sizeof place.label, "%s", up_label(cluster));
    cluster->demo = demo->start(&up->loop, &place);
}

static void start_demos(struct up *up)
{
    for (unsigned i = 0; i < up->clusters_count; i++) start_demo(&up->clusters[i]);
}

/* What the nodes are told beside their options: command/node_options.c. */
static void set_environment(const struct up *up)
{
    char parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    setenv("QUARTET_UP_PARENT", parent, 1);
    if (up->clusters_count > 1) {
        setenv("QUARTET_UP_SEVERAL", "1", 1);
    } else {
        unsetenv("QUARTET_UP_SEVERAL");
    }
}

static int run(struct up *up)
{
    uv_loop_init(&up->loop);
    size_t size = sizeof up->program;
    if (uv_exepath(up->program, &size) != 0) {
        system_die(SYSTEM_EXIT_FAILED, "up: cannot tell where this program is");
    }
    set_environment(up);
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        uv_signal_init(&up->loop, &up->signals[i]);
        up->signals[i].data = up;
        uv_signal_start(&up->signals[i], signalled, numbers[i]);
    }
    uv_timer_init(&up->loop, &up->patience);
    uv_timer_init(&up->loop, &up->look);
    up->patience.data = up->look.data = up->ask.data = up;
    for (unsigned i = 0; i < up->clusters_count; i++) up_nodes_start(&up->clusters[i]);
    up_show_when_healthy(up, start_demos);
    uv_run(&up->loop, UV_RUN_DEFAULT);
    printf("up: all nodes have stopped\n");
    return up->exit_code;
}

/* --- options --------------------------------------------------------------------------------- */

static bool can_run(const struct system *system)
{
    return system->port != 0;
}

static bool is_named(const struct up *up, const struct system *system)
{
    for (unsigned i = 0; i < up->clusters_count; i++) {
        if (up->clusters[i].system == system) return true;
    }
    return false;
}

static void add(struct up *up, const struct system *system)
{
    up->clusters[up->clusters_count++] = (struct up_cluster){.up = up, .system = system};
}

/* The names of all that can be run, as a zero-ended text; with their ports, if they are wanted. */
static void list_systems(struct buffer *out, bool with_ports)
{
    const char *between = "";
    for (const struct system *const *at = systems; *at != NULL; at++) {
        if (!can_run(*at)) continue;
        buffer_append_text(out, between);
        buffer_append_text(out, (*at)->name);
        if (with_ports) {
            buffer_append_text(out, " (");
            buffer_append_decimal(out, (*at)->port);
            buffer_append_text(out, ")");
        }
        between = ", ";
    }
    buffer_put_u8(out, 0);
}

/* 0, or what options_mistake() returned. */
static int choose_systems(struct up *up, const char *command, const char **names, size_t count)
{
    struct buffer known = {0};
    list_systems(&known, false);
    const char *expected = (const char *)buffer_slice(&known).data;
    int mistake = 0;
    if (count == 0) {
        mistake = options_mistake(command, NULL, "which system? Expected %s, or all", expected);
    }
    for (size_t i = 0; i < count && mistake == 0; i++) {
        if (count == 1 && strcmp(names[i], "all") == 0) {
            for (const struct system *const *at = systems; *at != NULL; at++) {
                if (can_run(*at)) add(up, *at);
            }
            break;
        }
        const struct system *system = system_by_name(names[i]);
        if (system == NULL || !can_run(system)) {
            mistake =
                options_mistake(command, NULL, "there is no system \"%s\": expected %s, or all",
                                names[i], expected);
        } else if (is_named(up, system)) {
            mistake = options_mistake(command, NULL, "%s stands there twice", names[i]);
        } else {
            add(up, system);
        }
    }
    buffer_free(&known);
    return mistake;
}

static const char *parse_fsync(const char *text, const struct option_spec *option)
{
    if (strcmp(text, "always") != 0 && strcmp(text, "never") != 0) return "always or never";
    *(const char **)option->target = text;
    return NULL;
}

static enum options_result parse(struct options *options, int argc, char **argv, const char **names,
                                 size_t *count)
{
    struct buffer summary = {0};
    buffer_append_text(&summary,
                       "Runs whole clusters on this machine, to try them: each node a process of "
                       "its own,\nstarted again when it dies. Systems, and where their clients "
                       "connect:\n");
    list_systems(&summary, true);
    options->summary = (const char *)buffer_slice(&summary).data;
    enum options_result result = options_parse(options, argc, argv, names, UP_SYSTEMS_MAX, count);
    options->summary = NULL;
    buffer_free(&summary);
    return result;
}

int command_up(int argc, char **argv)
{
    static struct up up = {.nodes_count = 3, .fsync = "always"};
    struct option_spec items[] = {
        {"nodes", "N", "of each cluster, 1 to 9 (3)", option_parse_number, &up.nodes_count, 1,
         UP_NODES_MAX, 0},
        {"port", "P",
         "clients at P, P+1, ...; peers at P+10, admin at P+20; the next system at P+30",
         option_parse_number, &up.port, 1024, 65000, 0},
        {"data", "DIR", "where the nodes keep their logs (quartet-data/up-P)", option_parse_text,
         &up.data, 0, 0, 0},
        {"fsync", "always|never", "as for a single node (always)", parse_fsync, &up.fsync, 0, 0, 0},
        {"demo", NULL, "also run clients, and show their progress", NULL, &up.with_demo, 0, 0, 0},
    };
    struct options options = {.command = "quartet up",
                              .operands = "SYSTEM...|all",
                              .items = items,
                              .count = sizeof items / sizeof items[0]};
    const char *names[UP_SYSTEMS_MAX];
    size_t count = 0;
    enum options_result result = parse(&options, argc, argv, names, &count);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    int failed = choose_systems(&up, options.command, names, count);
    if (failed == 0) failed = up_place(&up);
    if (failed != 0) return failed;
    signal(SIGPIPE, SIG_IGN);
    return run(&up);
}
