/* What `quartet up` shows of its clusters, and when: once all nodes are healthy, so that it stands
 * below what they say while they start, and not above. See up.h. */
#include <stdio.h>

#include "base/bytes.h"
#include "command/http_client.h"
#include "command/up.h"

enum {
    UP_LOOK_MS = 100,
    UP_LOOK_MS_MAX = 30000, /* then it is shown all the same */
};

static void show_cluster(const struct up_cluster *cluster)
{
    unsigned count = (unsigned)cluster->up->nodes_count;
    printf("%s of %u node%s on this machine; data in %s\n\n", cluster->system->what, count,
           count > 1 ? "s" : "", cluster->data);
    for (unsigned i = 1; i <= count; i++) {
        printf("  node %u  clients 127.0.0.1:%u   admin http://127.0.0.1:%u/status   pid %d\n", i,
               up_port_of(cluster, UP_CLIENTS, i), up_port_of(cluster, UP_ADMIN, i),
               (int)cluster->nodes[i - 1].process.pid);
    }
    printf("\n");
    cluster->system->show_how(up_port_of(cluster, UP_CLIENTS, 1),
                              up_port_of(cluster, UP_CLIENTS, count));
}

static void show_how(const struct up *up)
{
    for (unsigned i = 0; i < up->clusters_count; i++) show_cluster(&up->clusters[i]);
    const struct up_cluster *first = &up->clusters[0];
    printf("See what a node believes, or kill one and watch the others go on:\n\n"
           "  %s status --admin 127.0.0.1:%u\n"
           "  kill -9 %d\n\n"
           "Ctrl-C drains and ends it all.\n\n",
           up->program, up_port_of(first, UP_ADMIN, 1), (int)first->nodes[0].process.pid);
    fflush(stdout);
}

/* --- when ------------------------------------------------------------------------------------ */

static bool healthy(const struct up_cluster *cluster, unsigned number)
{
    struct http_client_node node = {.admin = {.host = "127.0.0.1"}};
    snprintf(node.admin.port, sizeof node.admin.port, "%u",
             up_port_of(cluster, UP_ADMIN, number) & 0xFFFF);
    struct buffer body = {0};
    char error[512];
    int status = http_client_request(&node, "GET", "/health", &body, error, sizeof error);
    buffer_free(&body);
    return status == 200;
}

/* On a thread. */
static void ask_all(uv_work_t *work)
{
    struct up *up = work->data;
    up->healthy = true;
    for (unsigned i = 0; i < up->clusters_count && up->healthy; i++) {
        for (unsigned number = 1; number <= up->nodes_count && up->healthy; number++) {
            up->healthy = healthy(&up->clusters[i], number);
        }
    }
}

static void look(uv_timer_t *timer);

static void asked(uv_work_t *work, int status)
{
    struct up *up = work->data;
    (void)status;
    if (up->stopping) return;
    up->looked_ms += UP_LOOK_MS;
    if (!up->healthy && up->looked_ms < UP_LOOK_MS_MAX) {
        uv_timer_start(&up->look, look, UP_LOOK_MS, 0);
        return;
    }
    show_how(up);
    up->shown(up);
}

static void look(uv_timer_t *timer)
{
    struct up *up = timer->data;
    uv_queue_work(&up->loop, &up->ask, ask_all, asked);
}

void up_show_when_healthy(struct up *up, void (*shown)(struct up *up))
{
    up->shown = shown;
    uv_timer_start(&up->look, look, UP_LOOK_MS, 0);
}
