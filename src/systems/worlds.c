/* The table of what can be simulated: see sim/system.h. It stands apart from systems.c, so that a
 * program without a command line (a browser page) can have it. */
#include <stddef.h>

#include "sim/system.h"
#include "systems/systems.h"

#define X(name) extern const struct sim_system sim_system_##name;
SYSTEMS_SIMULATED(X)
WORLDS_BESIDE(X)
#undef X

#define X(name) &sim_system_##name,
const struct sim_system *const sim_systems[] = {SYSTEMS_SIMULATED(X) WORLDS_BESIDE(X) NULL};
#undef X

const struct sim_system *sim_system_by_name(struct slice name)
{
    for (const struct sim_system *const *at = sim_systems; *at != NULL; at++) {
        if (slice_equal(name, slice_text((*at)->name))) return *at;
    }
    return NULL;
}
