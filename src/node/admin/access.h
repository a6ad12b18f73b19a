/* Whom the admin port answers. It knows no passwords: who reaches it may ask. But a browser reaches
 * it on behalf of any page that it shows, and two rules keep such a page out:
 *
 * - A page of another origin can send a POST, though it cannot read the answer. The browser names
 *   the page's origin (RFC 6454); one that is not the node itself changes nothing here.
 * - DNS rebinding: the owner of a name may let it point to this node, and then the page *is* of
 *   that origin. So a node answers only to the names that its operator gave it, and to addresses,
 *   which nobody can let point elsewhere. */
#ifndef QUARTET_NODE_ADMIN_ACCESS_H
#define QUARTET_NODE_ADMIN_ACCESS_H

#include "node/hub.h"

/* NULL: it may go ahead. Else why not, as one line, and the status to say it with. */
const char *access_refused(const struct node *node, const struct http_request *request,
                           unsigned *status);

#endif
