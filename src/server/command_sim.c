/* `quartet sim`: the simulator's own command line. */
#include "server/commands.h"
#include "sim/sim.h"

int command_sim(int argc, char **argv)
{
    return sim_main(argc, argv);
}
