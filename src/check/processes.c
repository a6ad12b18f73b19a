/* Pairs calls with their ends. See processes.h. */
#include "check/processes.h"

#include <stdlib.h>

#include "base/assert.h"

void processes_free(struct processes *processes)
{
    for (struct map_node *node; (node = map_any(&processes->by_number)) != NULL;) {
        map_remove(&processes->by_number, node);
        free(node);
    }
    map_free(&processes->by_number);
}

static struct process *find(const struct processes *processes, uint32_t number)
{
    struct map_node *node = map_find(&processes->by_number, map_hash_u64(number));
    for (; node != NULL; node = map_find_next(node)) {
        struct process *process = (struct process *)(void *)node; /* its first member */
        if (process->process == number) return process;
    }
    return NULL;
}

const struct process *processes_find(const struct processes *processes, uint32_t number)
{
    return find(processes, number);
}

static struct process *process_of(struct processes *processes, uint32_t number)
{
    struct process *process = find(processes, number);
    if (process != NULL) return process;
    process = calloc(1, sizeof *process);
    ASSERT(process != NULL);
    process->process = number;
    map_insert(&processes->by_number, &process->node, map_hash_u64(number));
    return process;
}

struct process *processes_take(struct processes *processes, const struct history_line *line,
                               const char **why)
{
    struct process *process = process_of(processes, line->process);
    *why = NULL;
    if (process->over) {
        *why = "this process was over with its info: let its client go on under a new number";
    } else if (line->type == LINE_INVOKE && process->open) {
        *why = "this process has an operation under way: complete it first";
    } else if (line->type != LINE_INVOKE && !process->open) {
        *why = "this process has no operation under way: its invoke is missing";
    }
    return *why == NULL ? process : NULL;
}

const char *processes_time(struct processes *processes, const struct history_line *line)
{
    if (!line->has_time) return NULL;
    if (line->time_ns < processes->time_ns) {
        return "time goes back: lines stand in the order in which things happened";
    }
    processes->time_ns = line->time_ns;
    return NULL;
}
