/* What a world of the queue has beside its hosts: clients, and the judge of what they saw. */
#ifndef QUARTET_SYSTEMS_QUEUE_SIM_USERS_H
#define QUARTET_SYSTEMS_QUEUE_SIM_USERS_H

#include "systems/queue/sim/checker.h"
#include "systems/queue/sim/clients.h"
#include "sim/world.h"

struct queue_users {
    struct clients clients;
    struct queue_checker checker;
};

static inline struct queue_users *queue_users(const struct world *world)
{
    return world->users;
}

#endif
