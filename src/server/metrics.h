/* What the host measures, as Prometheus text for the node's /metrics. */
#ifndef QUARTET_SERVER_METRICS_H
#define QUARTET_SERVER_METRICS_H

#include "base/bytes.h"

struct host;

/* One line, without its newline. */
__attribute__((format(printf, 2, 3))) void metrics_line(struct buffer *out, const char *format,
                                                        ...);
void metrics_write(const struct host *host, struct buffer *out);

#endif
