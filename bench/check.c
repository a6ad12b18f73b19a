/* How long the judge of histories takes: quartet-bench-check [ROUNDS]
 *
 * Histories come from a seeded generator that plays a correct concurrent object: every operation
 * has a call, a moment at which it takes effect, and a return, each drawn at random among those of
 * the other processes. Some calls are never answered, before or after their effect, and their
 * process goes on under another number, as in Jepsen. A spoiled history has one read changed
 * to another of the few values, which it may get away with. A good one must never be a violation:
 * the bench ends when it is.
 *
 * Only check_history() is timed, without reading files. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/random.h"
#include "check/check.h"

enum {
    PROCESSES_MAX = 64,
    KEYS_MAX = 16,
    VALUES = 5, /* as Jepsen's register tests draw them */
    ROUNDS_DEFAULT = 200,
    ROUNDS_MAX = 100000,
};

struct shape {
    const char *name;
    uint32_t operations_min, operations_max;
    uint32_t processes;
    uint32_t keys;
    uint32_t unheard_permille;
    bool spoiled;
    uint32_t memory_mib;
    uint64_t target_us; /* of the median; 0: none */
};

static const struct shape shapes[] = {
    {"one register, 100 to 400 operations", 100, 400, 5, 1, 20, false, 1024, 1000},
    {"the same, one read wrong", 100, 400, 5, 1, 20, true, 1024, 1000},
    {"10 keys, 2,000 operations", 2000, 2000, 5, 10, 20, false, 1024, 50000},
    {"the same, one read wrong", 2000, 2000, 5, 10, 20, true, 1024, 50000},
    {"10 keys, 2,000 operations, 20 processes", 2000, 2000, 20, 10, 20, false, 1024, 0},
    {"one register, 20 processes", 100, 400, 20, 1, 20, false, 1024, 0},
    {"one register, a fifth unheard", 400, 400, 5, 1, 200, false, 1024, 0},
    {"one read wrong, half unheard, at most 8 MiB", 400, 400, 5, 1, 500, true, 8, 0},
};

__attribute__((noreturn)) void base_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* --- histories --- */

enum phase { PHASE_IDLE, PHASE_CALLED, PHASE_DONE };

struct player {
    enum phase phase;
    uint32_t number;    /* of the process */
    uint32_t operation; /* under way */
    bool unheard;       /* it will not hear the outcome, */
    bool effect;        /* which is that it was carried out */
    enum operation_outcome outcome;
    uint64_t out;
};

struct play {
    struct random random;
    const struct shape *shape;
    struct history *history;
    uint64_t values[KEYS_MAX];
    struct player players[PROCESSES_MAX];
    uint32_t numbers; /* of processes, given so far */
};

static void call(struct play *play, struct player *player)
{
    static const uint32_t functions[] = {MODEL_READ, MODEL_READ, MODEL_WRITE, MODEL_CAS};
    struct random *random = &play->random;
    struct operation operation = {
        .process = player->number,
        .f = functions[random_below(random, 4)],
        .key = random_below(random, play->shape->keys),
        .in = {random_below(random, VALUES), random_below(random, VALUES)},
    };
    player->operation = history_invoke(play->history, operation);
    player->phase = PHASE_CALLED;
    player->unheard = random_below(random, 1000) < play->shape->unheard_permille;
    player->effect = !player->unheard || random_below(random, 2) == 0;
}

static void take_effect(struct play *play, struct player *player)
{
    const struct operation *operation = &play->history->items[player->operation];
    uint64_t *value = &play->values[operation->key];
    player->phase = PHASE_DONE;
    player->outcome = OPERATION_OK;
    player->out = *value;
    if (!player->effect) return;
    if (operation->f == MODEL_WRITE) *value = operation->in[0];
    if (operation->f != MODEL_CAS) return;
    if (*value == operation->in[0]) {
        *value = operation->in[1];
    } else {
        player->outcome = OPERATION_KEPT;
    }
}

static void come_back(struct play *play, struct player *player)
{
    player->phase = PHASE_IDLE;
    if (player->unheard) {
        player->number = play->numbers++;
        return;
    }
    history_complete(play->history, player->operation, player->outcome, player->out, 0);
}

static void spoil(struct play *play)
{
    struct history *history = play->history;
    uint32_t at = history->count / 2 + (uint32_t)random_below(&play->random, history->count / 4);
    while (at < history->count &&
           (history->items[at].f != MODEL_READ || history->items[at].outcome != OPERATION_OK)) {
        at++;
    }
    if (at < history->count) {
        uint64_t *out = &history->items[at].out;
        *out = (*out + 1 + random_below(&play->random, VALUES - 1)) % VALUES;
    }
}

static void generate(const struct shape *shape, uint64_t seed, struct history *history)
{
    struct play play = {.random = random_seeded(seed), .shape = shape, .history = history};
    uint32_t count =
        shape->operations_min +
        (uint32_t)random_below(&play.random, shape->operations_max - shape->operations_min + 1);
    play.numbers = shape->processes;
    for (uint32_t i = 0; i < shape->processes; i++) play.players[i].number = i;
    for (uint32_t busy = 0; history->count < count || busy > 0;) {
        struct player *player = &play.players[random_below(&play.random, shape->processes)];
        busy += player->phase == PHASE_IDLE && history->count < count;
        switch (player->phase) {
        case PHASE_IDLE:
            if (history->count < count) call(&play, player);
            break;
        case PHASE_CALLED: take_effect(&play, player); break;
        case PHASE_DONE:
            come_back(&play, player);
            busy--;
            break;
        }
    }
    if (shape->spoiled) spoil(&play);
}

/* --- timing --- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct figures {
    uint64_t median_ns, p99_ns, max_ns;
    uint32_t violated, unknown;
    size_t memory_bytes_max;
};

static struct figures measure(const struct shape *shape, uint64_t rounds)
{
    static uint64_t times_ns[ROUNDS_MAX];
    struct figures figures = {0};
    for (uint64_t i = 0; i < rounds; i++) {
        struct history history = {0};
        struct check_options options = check_options_default();
        struct check_result result;
        options.initial = 0;
        options.memory_bytes_max = (size_t)shape->memory_mib << 20;
        generate(shape, i + 1, &history);
        uint64_t begin_ns = now_ns();
        check_history(&history, &model_register, &options, &result);
        times_ns[i] = now_ns() - begin_ns;
        ASSERT(shape->spoiled || result.verdict != CHECK_VIOLATION);
        figures.violated += result.verdict == CHECK_VIOLATION;
        figures.unknown += result.verdict == CHECK_UNKNOWN;
        if (result.memory_bytes > figures.memory_bytes_max) {
            figures.memory_bytes_max = result.memory_bytes;
        }
        check_result_free(&result);
        history_free(&history);
    }
    qsort(times_ns, rounds, sizeof times_ns[0], by_size);
    figures.median_ns = times_ns[rounds / 2];
    figures.p99_ns = times_ns[rounds * 99 / 100];
    figures.max_ns = times_ns[rounds - 1];
    return figures;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    bool met = true;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: %s [ROUNDS], at most %d\n", argv[0], ROUNDS_MAX);
        return 2;
    }
    printf("| history, %ld of each | median ms | p99 | max | violated | unknown | MiB | target |\n"
           "|---|---:|---:|---:|---:|---:|---:|---|\n",
           rounds);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *shape = &shapes[i];
        struct figures figures = measure(shape, (uint64_t)rounds);
        bool good = figures.median_ns <= shape->target_us * 1000;
        printf("| %s | %.3f | %.3f | %.3f | %u | %u | %.1f |", shape->name,
               (double)figures.median_ns / 1e6, (double)figures.p99_ns / 1e6,
               (double)figures.max_ns / 1e6, figures.violated, figures.unknown,
               (double)figures.memory_bytes_max / (1 << 20));
        if (shape->target_us > 0) {
            printf(" %.0f ms: %s |\n", (double)shape->target_us / 1e3, good ? "met" : "MISSED");
            met = met && good;
        } else {
            printf(" |\n");
        }
        fflush(stdout);
    }
    return met ? 0 : 1;
}
