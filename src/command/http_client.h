/* One blocking HTTP/1.1 request to a node's admin port, for the subcommands that ask it. */
#ifndef QUARTET_COMMAND_HTTP_CLIENT_H
#define QUARTET_COMMAND_HTTP_CLIENT_H

#include "base/bytes.h"
#include "command/options.h"
#include "server/address.h"
#include "server/tls.h"

enum {
    HTTP_CLIENT_TIMEOUT_MS = 3000, /* to connect, and for a page */
    HTTP_CLIENT_CHANGE_MS = 15000, /* for a change: longer than a node waits for the others */
    HTTP_CLIENT_RESPONSE_MAX = 16 << 20,
    HTTP_CLIENT_OPTIONS = 4,
};

/* The node that is asked, and how. */
struct http_client_node {
    struct address admin;
    struct tls_asker_files tls; /* `ca` NULL: in the clear */
};

/* The first rows of the options of a command that asks `whose` ("any node's") admin port: --admin
 * and those of TLS. They fill in *node, which gets its defaults here. */
void http_client_options(struct http_client_node *node, const char *whose,
                         struct option_spec items[HTTP_CLIENT_OPTIONS]);
/* After the options were read: 0, or OPTIONS_EXIT_USAGE after saying which do not go together. */
int http_client_check(const struct http_client_node *node, const char *command);
/* Returns the status code and appends the body, or -1 after saying why in `error`. */
int http_client_request(const struct http_client_node *node, const char *method, const char *target,
                        struct buffer *body, char *error, size_t error_size);
/* Appends `text` with everything but letters, digits and "-_.~" as %XX (RFC 3986). */
void http_client_append_escaped(struct buffer *out, const char *text);

#endif
