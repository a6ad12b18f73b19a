/* The judge of watches. See stream.h. */
#include "systems/register/sim/stream.h"

#include "systems/register/machine/register.h"

static uint64_t *number_at(struct buffer *numbers, uint64_t at)
{
    while (numbers->size <= at * 8) buffer_put_u64(numbers, 0);
    return (uint64_t *)(void *)(numbers->data + numbers->head) + at;
}

void stream_asked(struct stream_judge *judge, uint32_t key, uint64_t value)
{
    *number_at(&judge->keys, value) = key + 1;
    judge->asked[key]++;
}

void stream_written(struct stream_judge *judge, uint32_t key)
{
    judge->written[key]++;
}

void stream_refused(struct stream_judge *judge, uint32_t key)
{
    judge->asked[key]--;
}

void stream_event(struct world *world, struct stream_judge *judge, uint32_t key, uint64_t version,
                  uint64_t value)
{
    uint64_t *heard = number_at(&judge->heard[key], version);
    uint64_t *as = number_at(&judge->versions, value);
    if (*number_at(&judge->keys, value) != key + 1) {
        world_fail(world, "watch", "register %u: version %U is %U, which nobody wrote to it", key,
                   version, value);
    } else if (*heard != 0 && *heard != value) {
        world_fail(world, "watch", "register %u: version %U is %U, and was %U", key, version, value,
                   *heard);
    } else if (*as != 0 && *as != version) {
        world_fail(world, "watch", "register %u: %U is version %U, and was %U", key, value, version,
                   *as);
    }
    *heard = value;
    *as = version;
}

void stream_gap(struct stream_judge *judge, uint32_t key, uint64_t version)
{
    if (version > judge->gap[key]) judge->gap[key] = version;
}

void stream_judge_end(struct world *world, const struct stream_judge *judge, uint32_t key,
                      uint64_t last)
{
    if (judge->gap[key] != 0 && judge->gap[key] + REGISTER_HISTORY > last) {
        world_fail(world, "watch", "register %u: up to %U of %U was said to be gone", key,
                   judge->gap[key], last);
    }
    if (last < judge->written[key] || last > judge->asked[key]) {
        world_fail(world, "watch", "register %u: %U versions of %U writes, %U of them acknowledged",
                   key, last, judge->asked[key], judge->written[key]);
    }
}

void stream_judge_free(struct stream_judge *judge)
{
    for (uint32_t i = 0; i < STREAM_KEYS; i++) buffer_free(&judge->heard[i]);
    buffer_free(&judge->keys);
    buffer_free(&judge->versions);
}
