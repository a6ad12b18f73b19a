/* Random lives of a queue: steps drawn from a seed, the same for every machine they are told to. */
#ifndef QUARTET_TEST_QUEUE_RANDOM_H
#define QUARTET_TEST_QUEUE_RANDOM_H

#include "base/random.h"
#include "systems/queue/machine/internal.h"
#include "queue_world.h"

enum step_kind { STEP_COMMAND, STEP_QUERY, STEP_TIME, STEP_SESSION_END, STEP_ORIGIN_END };

struct step {
    enum step_kind kind;
    struct session_key key;
    struct buffer command;
    uint64_t elapsed_us; /* that go by */
    uint64_t due_us;
};

struct life {
    struct random random;
    uint64_t incarnations[4]; /* by node, 1 to 3 */
    uint32_t sessions;        /* by node */
    uint64_t ids_max;         /* ids are drawn up to here; follows the puts */
    bool scarce;              /* fewer jobs than reserves: sessions wait */
    unsigned work_max;        /* objects that a call may touch; 0: as many as ever */
    char text[256];
    char name[32];
    char dead[32];
};

static inline uint64_t life_below(struct life *life, uint64_t bound)
{
    return random_below(&life->random, bound);
}

static struct slice life_tube(struct life *life, char *at, size_t size)
{
    static const char *const names[] = {"default", "a", "b", "c/1", "d.e", "f"};
    snprintf(at, size, "%s", names[life_below(life, sizeof names / sizeof *names)]);
    return slice_text(at);
}

static void life_fill(struct life *life, struct queue_command *command)
{
    static const enum queue_op ops[] = {
        QUEUE_PUT,     QUEUE_PUT,        QUEUE_PUT,     QUEUE_PUT,    QUEUE_RESERVE,
        QUEUE_RESERVE, QUEUE_RESERVE,    QUEUE_RESERVE, QUEUE_USE,    QUEUE_RESERVE_JOB,
        QUEUE_DELETE,  QUEUE_DELETE,     QUEUE_RELEASE, QUEUE_BURY,   QUEUE_TOUCH,
        QUEUE_WATCH,   QUEUE_WATCH,      QUEUE_IGNORE,  QUEUE_KICK,   QUEUE_KICK_JOB,
        QUEUE_RELEASE, QUEUE_PAUSE_TUBE, QUEUE_BURY,    QUEUE_DELETE, QUEUE_POLICY_SET,
    };
    command->op = ops[life_below(life, sizeof ops / sizeof *ops)];
    if (life->scarce && command->op == QUEUE_PUT && life_below(life, 3) != 0) {
        command->op = QUEUE_RESERVE;
    }
    command->priority = (uint32_t)life_below(life, 3) * 1000;
    command->delay_s = life_below(life, 3) == 0 ? (uint32_t)life_below(life, 5) : 0;
    command->ttr_s = (uint32_t)life_below(life, 6);
    command->timeout_s = (uint32_t)life_below(life, 4);
    if (command->timeout_s == 3) command->timeout_s = QUEUE_NO_TIMEOUT;
    command->bound = (uint32_t)life_below(life, 8);
    command->id = life->ids_max == 0 ? 1 : 1 + life_below(life, life->ids_max);
    if (life_below(life, 2) == 0 && life->ids_max > 20) {
        command->id = life->ids_max - life_below(life, 20);
    }
    command->tube = life_tube(life, life->name, sizeof life->name);
    snprintf(life->text, sizeof life->text, "body %" PRIu64, life_below(life, 1000000));
    command->body = slice_text(life->text);
    if (command->op == QUEUE_PUT) life->ids_max++;
    if (command->op != QUEUE_POLICY_SET) return;
    command->policy.attempts_max = (uint32_t)life_below(life, 4);
    command->policy.base_ms = (uint32_t)life_below(life, 1500);
    command->policy.factor_permille = 1000 + (uint32_t)life_below(life, 2000);
    command->policy.cap_ms = 3000;
    command->policy.jitter_permille = (uint32_t)life_below(life, 1001);
    if (life_below(life, 3) != 0) {
        command->policy.dead_tube = life_tube(life, life->dead, sizeof life->dead);
    }
}

static void life_query(struct life *life, struct queue_command *command)
{
    life_fill(life, command);
    command->op = (enum queue_op)(QUEUE_PEEK + (int)life_below(life, QUEUE_OPS - QUEUE_PEEK));
    if (command->op == QUEUE_STATS) command->op = QUEUE_LIST_TUBES; /* it shows local counts */
}

static void life_begin(struct life *life, uint64_t seed, uint32_t sessions)
{
    *life = (struct life){.random = random_seeded(seed), .sessions = sessions};
    life->scarce = seed % 2;
    life->work_max = seed % 3 == 0 ? 1 + (unsigned)seed % 8 : 0;
    for (unsigned node = 1; node < 4; node++) life->incarnations[node] = 1;
}

__attribute__((unused)) static void life_limit(const struct life *life, struct world *world)
{
    if (life->work_max != 0) ((struct queue *)world->machine)->work_max = life->work_max;
}

/* The step's command is overwritten, its buffer the caller's to free. */
static void life_step(struct life *life, struct step *step)
{
    uint64_t draw = life_below(life, 1000);
    step->elapsed_us = 0;
    step->due_us = 0;
    step->key.node = 1 + (uint32_t)life_below(life, 3);
    step->key.incarnation = life->incarnations[step->key.node];
    step->key.connection = 1 + (uint32_t)life_below(life, life->sessions);
    buffer_clear(&step->command);
    struct queue_command command = {.op = QUEUE_STATS};
    if (draw < 200) {
        step->kind = STEP_TIME;
        step->elapsed_us = life_below(life, 400000);
        step->due_us = life_below(life, 400000);
    } else if (draw < 220) {
        step->kind = STEP_SESSION_END;
    } else if (draw < 223) {
        step->kind = STEP_ORIGIN_END;
        life->incarnations[step->key.node]++;
    } else if (draw < 300) {
        step->kind = STEP_QUERY;
        life_query(life, &command);
    } else {
        step->kind = STEP_COMMAND;
        life_fill(life, &command);
    }
    queue_command_encode(&command, &step->command);
}

static void life_tell(struct world *world, const struct step *step)
{
    void *machine = world->machine;
    world->elapsed_us += step->elapsed_us;
    world->due_us += step->due_us;
    world_advance(world, machine);
    struct slice command = buffer_slice(&step->command);
    switch (step->kind) {
    case STEP_COMMAND: queue_ops.apply(machine, &step->key, command); break;
    case STEP_QUERY:
        struct machine_time now = world_time(world);
        queue_ops.query(machine, &step->key, command, &now, &world->facts);
        break;
    case STEP_SESSION_END: queue_ops.session_end(machine, &step->key); break;
    case STEP_ORIGIN_END:
        queue_ops.origin_end(machine, step->key.node, step->key.incarnation);
        break;
    case STEP_TIME: break;
    }
}

#endif
