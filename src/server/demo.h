/* The demo load of `quartet up --demo`: one producer and a few workers that speak beanstalkd's
 * protocol over sockets, as any client would, and a line of progress a second.
 *
 * Some tasks "fail" and are released with a delay, so that retries can be seen. A client whose node
 * dies goes on with the next one. A put without an answer is put again: it may then be there
 * twice, which is what at-least-once means. */
#ifndef QUARTET_SERVER_DEMO_H
#define QUARTET_SERVER_DEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    DEMO_NODES_MAX = 9,
    DEMO_WORKERS = 3,
    DEMO_PUT_EVERY_MS = 40,
    DEMO_WORK_MS_MIN = 20,
    DEMO_WORK_MS_MAX = 120,
    DEMO_FAIL_ONE_IN = 12,
    DEMO_RETRY_DELAY_S = 1,
    DEMO_RECONNECT_MS = 150,
};

struct demo;

/* Nodes listen for clients at 127.0.0.1:client_port + i, for admin at admin_port + i. */
struct demo *demo_start(uv_loop_t *loop, unsigned nodes, unsigned client_port, unsigned admin_port);
/* No more puts; workers finish what they hold, then `stopped` is called, within two seconds. */
void demo_stop(struct demo *demo, void (*stopped)(void *world), void *world);

#endif
