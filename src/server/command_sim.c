/* `quartet sim`: the simulator's own command line. */
#include <stdio.h>

#include "server/commands.h"
#include "sim/sim.h"

/* Weak, so that the program links while the simulator is being built. */
extern __typeof__(sim_main) sim_main __attribute__((weak));

int command_sim(int argc, char **argv)
{
    if (sim_main == NULL) {
        fprintf(stderr, "quartet sim: this build has no simulator\n");
        return 1;
    }
    return sim_main(argc, argv);
}
