/* What this process says to its operator: lines on stderr.
 *
 * Nobody may be reading them: a pipe that is full, a terminal that was stopped. So a node speaks
 * through a ring of SAY_RING_SIZE bytes that a thread of its own empties: what there is no room for
 * is dropped, counted, and told of once there is room again. Before say_apart(), and in programs
 * that never call it, a line is written where it is said. */
#ifndef QUARTET_SERVER_SAY_H
#define QUARTET_SERVER_SAY_H

#include <stdarg.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    SAY_LINE_SIZE_MAX = 4096, /* the rest of a longer line is left out. At most PIPE_BUF, so that
                                 lines of several processes do not mix */
    SAY_RING_SIZE = 1 << 18,
    SAY_FLUSH_MS = 500, /* how long the end of a process waits for who does not read */
};

/* "2026-11-23T09:21:06.123Z node 1: ..." and a newline. All of these may be called from any
 * thread. */
__attribute__((format(printf, 1, 2))) void say_line(const char *format, ...);
/* The same for text of many lines, each prefixed. */
void say_lines(struct slice lines);
/* A line, and then waits until all was written, SAY_FLUSH_MS at most: the process ends. */
__attribute__((format(printf, 1, 0))) void say_last(const char *format, va_list arguments);
/* Until all was written, SAY_FLUSH_MS at most. */
void say_flush(void);
/* So many lines were dropped so far. */
uint64_t say_dropped(void);

/* The number that the lines name; 0: none. */
void say_as_node(uint32_t number);
/* What stands before it where nodes of several systems speak; borrowed for good. */
void say_as_label(const char *label);
/* From here on no line waits for who reads them. Once a process. */
void say_apart(void);

#endif
