/* A simulated host's clocks: they run from when its machine began, faster or slower than true time,
 * and the wall clock off it besides. */
#include "sim/world.h"

enum { WALL_EPOCH_S = 1700000000 };

struct raft_time sim_host_time(const struct host *host)
{
    uint64_t past_us = world_now_us(host->world) - host->mono_since_us;
    int64_t drift_us = host->drift_ppm == 0 ? 0 : (int64_t)past_us * host->drift_ppm / 1000000;
    uint64_t mono_us = host->mono_base_us + past_us + (uint64_t)drift_us;
    uint64_t wall_us = WALL_EPOCH_S * 1000000ull + world_now_us(host->world);
    return (struct raft_time){mono_us, wall_us + (uint64_t)(drift_us + host->wall_offset_us)};
}

uint64_t sim_host_virtual_us(const struct host *host, uint64_t mono_us)
{
    if (mono_us <= host->mono_base_us) return world_now_us(host->world);
    uint64_t past_us = mono_us - host->mono_base_us;
    if (past_us > UINT64_MAX / 4000000) return UINT64_MAX; /* beyond the end of any run */
    if (host->drift_ppm != 0)
        past_us = past_us * 1000000 / (uint64_t)(1000000 + host->drift_ppm) + 1;
    return host->mono_since_us + past_us;
}

void sim_host_set_drift(struct host *host, int64_t drift_ppm)
{
    struct raft_time now = sim_host_time(host);
    int64_t wall_change =
        (int64_t)(now.wall_us - WALL_EPOCH_S * 1000000ull - world_now_us(host->world));
    host->mono_base_us = now.mono_us;
    host->mono_since_us = world_now_us(host->world);
    host->wall_offset_us = wall_change;
    host->drift_ppm = drift_ppm;
    host->world->clocks_changed_us = world_now_us(host->world);
}

void sim_host_new_boot(struct host *host)
{
    struct random *random = &host->world->random;
    for (size_t i = 0; i < sizeof host->boot_id; i++) {
        host->boot_id[i] = (uint8_t)random_next(random);
    }
    host->mono_base_us = random_below(random, 10000000);
    host->mono_since_us = world_now_us(host->world);
    host->world->clocks_changed_us = world_now_us(host->world); /* the drift so far is gone */
}
