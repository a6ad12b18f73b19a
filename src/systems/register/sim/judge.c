/* Whether what the clients did and heard is linearizable, and in the order of what they said. */
#include "systems/register/sim/users.h"

enum {
    JUDGE_BYTES_MAX = 256 << 20, /* a history that needs more stays unjudged: they are counted */
    JUDGE_STEPS_MAX = 50 * 1000 * 1000,
};

/* Values are atoms as they are; a register that nobody wrote to holds 0. */
uint32_t register_judge_asked(struct client *client, const struct ask *ask)
{
    static const uint32_t functions[] = {
        [REGISTER_READ] = MODEL_READ, [REGISTER_WRITE] = MODEL_WRITE, [REGISTER_SWAP] = MODEL_CAS};
    const struct register_command *command = &ask->command;
    struct operation call = {
        .process = client->processes[ask - client->asks],
        .f = functions[command->op],
        .key = command->key,
        .called_us = world_now_us(client->caller.world),
    };
    if (command->op == REGISTER_WRITE) call.in[0] = command->value;
    if (command->op == REGISTER_SWAP) {
        call.in[0] = command->expected;
        call.in[1] = command->value;
    }
    return history_invoke(&users_of(client->caller.world)->history, call);
}

/* Of what a burst wrote, a read in it sees the last before it. (It may also see what the client
 * wrote earlier, in a command whose outcome it does not know.) */
void register_judge_order(struct client *client, uint64_t value)
{
    uint64_t before = 0;
    bool own = false;
    for (uint32_t i = 0; i < client->asked; i++) {
        const struct ask *ask = &client->asks[i];
        if (ask->command.op != REGISTER_WRITE || ask->refused) continue;
        if (i < client->answered) before = ask->command.value;
        own = own || ask->command.value == value;
    }
    if (!own || value == before) return;
    world_fail(client->caller.world, "order",
               "client %u reads %U where its last write before is %U", client->caller.index + 1,
               value, before);
}

/* The operation, the key, and what the key may have held, for the report of the run. */
static void violation_report(struct world *world, const struct check_violation *violation)
{
    const struct history *history = &users_of(world)->history;
    const struct operation *stuck = &history->items[violation->stuck];
    struct buffer text = {0};
    model_register.describe(history, stuck, &text);
    text_append(&text, " at %t, when it may have held", stuck->returned_us);
    for (uint32_t i = 0; i < violation->states_count; i++) {
        text_append(&text, "%s %U", i == 0 ? "" : ",", violation->states[i]);
    }
    world_fail(world, "linearizability", "register %U: %b", violation->key, buffer_slice(&text));
    buffer_free(&text);
}

void register_judge(struct world *world)
{
    struct check_options options = check_options_default();
    struct check_result result;
    options.initial = 0;
    options.memory_bytes_max = JUDGE_BYTES_MAX;
    options.steps_max = JUDGE_STEPS_MAX;
    check_history(&users_of(world)->history, &model_register, &options, &result);
    if (result.verdict != CHECK_UNKNOWN) world_count(world, SIM_COVER_JUDGED);
    if (result.verdict == CHECK_VIOLATION) violation_report(world, &result.violations[0]);
    check_result_free(&result);
}
