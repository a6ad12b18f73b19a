/* The systems that there are. See system.h. */
#include "sim/system.h"

#include <stddef.h>

const struct sim_system *sim_system_by_name(struct slice name)
{
    static const struct sim_system *const systems[] = {&sim_system_queue, &sim_system_raft};
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        if (slice_equal(name, slice_text(systems[i]->name))) return systems[i];
    }
    return NULL;
}
