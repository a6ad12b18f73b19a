/* The operator. See operator.h. */
#include "sim/operator.h"

#include "sim/text.h"
#include "sim/world.h"

void sim_operator_post(struct host *host, struct slice path)
{
    if (host->node == NULL) return;
    uint32_t number = host->next_number++;
    struct buffer request = {0};
    text_append(&request, "POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", path);
    world_narrate(host->world, "operator", host->id, "POST %b", path);
    struct event events[] = {
        {.type = EVENT_OPENED, .connection = number, .listener = NODE_ADMIN},
        {.type = EVENT_RECEIVED, .connection = number, .bytes = buffer_slice(&request)},
        {.type = EVENT_CLOSED, .connection = number},
    };
    for (uint32_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        sim_host_step(host, &events[i]); /* nothing, once it has crashed on one */
    }
    buffer_free(&request);
}
