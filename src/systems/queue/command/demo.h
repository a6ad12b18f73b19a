/* The demo load of `quartet up --demo`: one producer and a few workers that speak beanstalkd's
 * protocol over sockets, as any client would, and a line of progress a second.
 *
 * Some tasks "fail" and are released with a delay, so that retries can be seen. A client whose node
 * dies goes on with the next one. A put without an answer is put again: it may then be there
 * twice, which is what at-least-once means. */
#ifndef QUARTET_SYSTEMS_QUEUE_COMMAND_DEMO_H
#define QUARTET_SYSTEMS_QUEUE_COMMAND_DEMO_H

#include "contract/system.h"

enum {
    DEMO_WORKERS = 3,
    DEMO_PUT_EVERY_MS = 40,
    DEMO_WORK_MS_MIN = 20,
    DEMO_WORK_MS_MAX = 120,
    DEMO_FAIL_ONE_IN = 12,
    DEMO_RETRY_DELAY_S = 1,
    DEMO_RECONNECT_MS = 150,
};

extern const struct system_demo queue_demo;

#endif
