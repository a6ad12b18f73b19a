/* The processes of `quartet up`: see up.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/up.h"
#include "server/system.h"

enum {
    UP_BACKOFF_MS_MIN = 200,
    UP_BACKOFF_MS_MAX = 5000,
    UP_STEADY_US = 10000000, /* a node that ran this long starts again at the shortest backoff */
    UP_TEXT_SIZE_MAX = 512,
};

static void start_node(struct up_node *node);

static void start_again(uv_timer_t *timer)
{
    struct up_node *node = timer->data;
    if (!node->cluster->up->stopping) start_node(node);
}

static void finish_when_all_ended(struct up *up)
{
    for (unsigned i = 0; i < up->clusters_count; i++) {
        for (unsigned j = 0; j < up->nodes_count; j++) {
            if (up->clusters[i].nodes[j].running) return;
        }
    }
    uv_stop(&up->loop);
}

/* One that gives up by itself right at its first start has said why: a directory that it may not
 * write, or that another one uses. Starting it again and again would bury that line. */
static void give_up(struct up_node *node)
{
    struct up *up = node->cluster->up;
    printf("up: %snode %u could not start, see above; stopping\n", up_label(node->cluster),
           node->number);
    fflush(stdout);
    up->exit_code = SYSTEM_EXIT_FAILED;
    up_stop(up);
}

static void exited(uv_process_t *process, int64_t status, int number)
{
    struct up_node *node = process->data;
    struct up *up = node->cluster->up;
    node->running = false;
    uv_close((uv_handle_t *)process, NULL);
    if (up->stopping) {
        if (status != 0 || number != 0) up->exit_code = SYSTEM_EXIT_FAILED;
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
    printf("up: %snode %u %s; starting it again in %" PRIu64 " ms\n", up_label(node->cluster),
           node->number, how, node->backoff_ms);
    fflush(stdout);
    uv_timer_start(&node->again, start_again, node->backoff_ms, 0);
}

struct node_words {
    char number[8], peers[UP_TEXT_SIZE_MAX], listen[32], admin[32], data[UP_PATH_SIZE_MAX + 64];
};

static void make_words(const struct up_node *node, struct node_words *words)
{
    const struct up_cluster *cluster = node->cluster;
    unsigned number = node->number;
    snprintf(words->number, sizeof words->number, "%u", number);
    snprintf(words->listen, sizeof words->listen, "127.0.0.1:%u",
             up_port_of(cluster, UP_CLIENTS, number));
    snprintf(words->admin, sizeof words->admin, "127.0.0.1:%u",
             up_port_of(cluster, UP_ADMIN, number));
    snprintf(words->data, sizeof words->data, "%s/%s-%u", cluster->data, cluster->system->name,
             number);
    size_t at = 0;
    words->peers[0] = '\0';
    for (unsigned i = 1; i <= cluster->up->nodes_count; i++) {
        at += (size_t)snprintf(words->peers + at, sizeof words->peers - at, "%s%u=127.0.0.1:%u",
                               i > 1 ? "," : "", i, up_port_of(cluster, UP_PEERS, i));
    }
}

/* In a process group of its own, so that Ctrl-C reaches it through us alone: a second signal would
 * tell it to exit at once. */
static void start_node(struct up_node *node)
{
    struct up *up = node->cluster->up;
    struct node_words words;
    make_words(node, &words);
    const char *arguments[] = {
        up->program,
        node->cluster->system->commands[0].name,
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

void up_nodes_start(struct up_cluster *cluster)
{
    struct up *up = cluster->up;
    for (unsigned i = 0; i < up->nodes_count; i++) {
        struct up_node *node = &cluster->nodes[i];
        node->cluster = cluster;
        node->number = i + 1;
        uv_timer_init(&up->loop, &node->again);
        node->again.data = node;
        start_node(node);
    }
}

void up_nodes_stop(struct up_cluster *cluster)
{
    struct up *up = cluster->up;
    for (unsigned i = 0; i < up->nodes_count; i++) {
        struct up_node *node = &cluster->nodes[i];
        uv_timer_stop(&node->again);
        if (node->running) uv_process_kill(&node->process, SIGTERM);
    }
    finish_when_all_ended(up);
}
