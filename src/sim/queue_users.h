/* What a world of the queue has beside its hosts: clients, and the judge of what they saw. */
#ifndef QUARTET_SIM_QUEUE_USERS_H
#define QUARTET_SIM_QUEUE_USERS_H

#include "sim/queue_checker.h"
#include "sim/queue_clients.h"
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
