/* What a node says of itself on the admin port. */
#ifndef QUARTET_NODE_ADMIN_STATUS_H
#define QUARTET_NODE_ADMIN_STATUS_H

#include "node/hub.h"

/* NULL when healthy: a member, trusted, with a leader, not draining; else why not, as one line. */
const char *status_ailing(const struct node *node);
/* NULL when a client's command would get to the leader and its reply back; else why not. */
const char *status_unready(struct node *node);
void status_json(const struct node *node, struct buffer *out);
void status_metrics(const struct node *node, struct buffer *out);

#endif
