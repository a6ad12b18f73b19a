/* The systems that there are: one row each. To add one, write its folder, a row here, and its name
 * in src/meson.build; no other file knows it. */
#ifndef QUARTET_SYSTEMS_SYSTEMS_H
#define QUARTET_SYSTEMS_SYSTEMS_H

/* A row stands for src/systems/NAME, which defines
 * - system_NAME, a struct system (contract/system.h), in its room `command`;
 * - where it is simulated, sim_system_NAME, a struct sim_system (sim/system.h), in room `sim`. */
#define SYSTEMS_SIMULATED(X) \
    X(queue)                 \
    X(register)              \
    X(store)                 \
    X(consensus)             \
    X(chat)

/* Worlds that a system has beside the one of its name, in its room `sim`: sim_system_NAME. */
#define WORLDS_BESIDE(X) X(watch)

#define SYSTEMS(X) SYSTEMS_SIMULATED(X)

#endif
