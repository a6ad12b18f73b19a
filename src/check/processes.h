/* Pairs the lines of a history file: a process has one operation at a time, and is over after one
 * whose outcome is not known. Time does not go back. */
#ifndef QUARTET_CHECK_PROCESSES_H
#define QUARTET_CHECK_PROCESSES_H

#include "base/map.h"
#include "check/history_line.h"

struct process {
    struct map_node node;
    uint32_t process;
    bool open; /* it has an operation under way: */
    bool over;
    bool known; /* `operation` says something; for the caller */
    uint32_t operation;
};

/* Zero-initialized is empty. */
struct processes {
    struct map by_number;
    uint64_t time_ns;
};

void processes_free(struct processes *processes);
/* The line's process, which may do what the line says (not for the nemesis' lines); or NULL, and
 * *why says why not. The caller sets `open`, `over` and `operation`. */
struct process *processes_take(struct processes *processes, const struct history_line *line,
                               const char **why);
/* NULL: no line had this process yet. */
const struct process *processes_find(const struct processes *processes, uint32_t number);
/* NULL, or what is wrong with the line's time. For every line. */
const char *processes_time(struct processes *processes, const struct history_line *line);

#endif
