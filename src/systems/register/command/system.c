/* The register as a row of the table of systems: it is simulated only, as `quartet sim raft`. Its
 * histories are judged by the model of its name (check/model.h). */
#include "contract/system.h"

extern const struct sim_system sim_system_register; /* sim/clients.c */

const struct system system_register = {
    .name = "register",
    .what = "A set of registers",
    .sim = &sim_system_register,
};
