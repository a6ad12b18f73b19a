/* Someone at the admin port of a simulated node, who asks and does not wait for the answer: what
 * came of it shows in the node. No network lies between. */
#ifndef QUARTET_SIM_OPERATOR_H
#define QUARTET_SIM_OPERATOR_H

#include "base/bytes.h"

struct host;

/* POST to this path, query included. Nothing happens while the node is down. */
void sim_operator_post(struct host *host, struct slice path);

#endif
