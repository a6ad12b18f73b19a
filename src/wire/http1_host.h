/* Names that a server goes by: what stands in Host, in Origin, in an address. Whoever serves
 * browsers has to look at these, or a page from elsewhere talks to it through its visitor: by a
 * name of its own that it lets resolve to the server (DNS rebinding), or by requests of its own
 * origin's. */
#ifndef QUARTET_WIRE_HTTP1_HOST_H
#define QUARTET_WIRE_HTTP1_HOST_H

#include <stdbool.h>

#include "base/bytes.h"
#include "wire/http1.h"

/* The host of "host", "host:port" or "[address]:port", brackets included. False: it is none
 * of these. */
bool http_host_split(struct slice authority, struct slice *host);
/* "127.0.0.1", "[::1]": what no resolver is asked for. */
bool http_host_is_address(struct slice host);
/* Case aside, and a dot at the end. */
bool http_host_same(struct slice host, struct slice other);
/* Among "name,name"; NULL: there are none. */
bool http_host_listed(struct slice host, const char *names);
/* What stands behind "http://" or "https://"; empty: it is no such URL. */
struct slice http_url_behind_scheme(struct slice url);
/* A browser says whose page asks (RFC 6454, Origin), and it is not one of this server's own, which
 * a page can be only by an address or as localhost: by any other name it may be one from elsewhere
 * that lets its name resolve to this server. Programs that are no browsers send no Origin. */
bool http_origin_elsewhere(const struct http_request *request);

#endif
