/* What the host measures, as Prometheus text for the node's /metrics. */
#ifndef QUARTET_SERVER_METRICS_H
#define QUARTET_SERVER_METRICS_H

#include "base/bytes.h"

struct host;

void metrics_write(const struct host *host, struct buffer *out);

#endif
