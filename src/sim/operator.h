/* Someone at the admin port of a simulated node, who asks and does not wait for the answer: what
 * came of it shows in the node. No network lies between. */
#ifndef QUARTET_SIM_OPERATOR_H
#define QUARTET_SIM_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct host;
struct world;

/* POST to this path, query included. Nothing happens while the node is down. */
void sim_operator_post(struct host *host, struct slice path);
/* Asks `at` to take the next step with node `id`: add, promote, or remove it. */
void sim_operator_change(struct host *at, uint32_t id);
/* Asks whoever leads to make every host a voter again; whether all are. */
bool sim_operator_restore(struct world *world);

#endif
