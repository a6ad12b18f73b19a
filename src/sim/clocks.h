/* The judge of wall clocks: whether a node that says that its own is off is right, and
 * stays out of elections. What the clocks truly show is known here, and looked at set by set. */
#ifndef QUARTET_SIM_CLOCKS_H
#define QUARTET_SIM_CLOCKS_H

#include "base/bytes.h"

struct host;

/* The first word of a line that a node has said. */
void clocks_heard(struct host *host, struct slice word);
void clocks_turned(struct host *host); /* behind a turn of its node */

#endif
