/* What a call to the node gathers. See turn.h. */
#include "node/turn/turn.h"

#include <stdlib.h>

#include "base/assert.h"

struct action *turn_act(struct turn *turn, enum action_type type)
{
    if (turn->actions_count == turn->actions_capacity) {
        turn->actions_capacity = turn->actions_capacity == 0 ? 64 : turn->actions_capacity * 2;
        turn->actions = realloc(turn->actions, turn->actions_capacity * sizeof *turn->actions);
        ASSERT(turn->actions != NULL);
    }
    struct action *action = &turn->actions[turn->actions_count++];
    *action = (struct action){.type = type};
    return action;
}

void turn_wake(struct turn *turn, uint64_t at_us)
{
    if (at_us < turn->deadline_us) turn->deadline_us = at_us;
}

bool turn_begin(struct turn *turn)
{
    if (!turn->live) return false;
    turn->live = false;
    turn->actions_count = 0;
    buffer_clear(&turn->trace);
    return true;
}

void turn_free(struct turn *turn)
{
    buffer_free(&turn->trace);
    free(turn->actions);
}
