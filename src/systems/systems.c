/* The table of all systems, for the program: see contract/system.h. */
#include "systems/systems.h"

#include <stddef.h>
#include <string.h>

#include "contract/system.h"

#define X(name) extern const struct system system_##name;
SYSTEMS(X)
#undef X

#define X(name) &system_##name,
const struct system *const systems[] = {SYSTEMS(X) NULL};
#undef X

const struct system *system_by_name(const char *name)
{
    for (const struct system *const *at = systems; *at != NULL; at++) {
        if (strcmp((*at)->name, name) == 0) return *at;
    }
    return NULL;
}
