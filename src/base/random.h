/* A seeded pseudo-random generator: splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
 * Every choice in the core and in the simulator comes from one of these. */
#ifndef QUARTET_BASE_RANDOM_H
#define QUARTET_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static inline struct random random_seeded(uint64_t seed)
{
    return (struct random){random_mix(seed + 0x9E3779B97F4A7C15u)};
}

static inline uint64_t random_next(struct random *random)
{
    random->state += 0x9E3779B97F4A7C15u;
    return random_mix(random->state);
}

/* Uniform in [0, bound); bound is not 0. The bias of one part in 2^32 is accepted. */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    if (bound <= UINT32_MAX) return ((random_next(random) >> 32) * bound) >> 32;
    return random_next(random) % bound;
}

#endif
