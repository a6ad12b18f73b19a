/* Any bytes as entries of the log, one behind the other: a store must take them or ignore them, and
 * stay consistent. The input is a sequence of pieces, each a size in one byte and so many bytes of
 * a command; 255 in place of a size lets time pass, 254 takes a snapshot and goes on with what it
 * restores, which has to have the same digest. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "systems/store/machine/store.h"

static const struct session_key anyone = {1, 1, 1};

static void hear(void *world, const struct session_key *session, const void *payload)
{
    const struct store_reply *reply = payload;
    (void)session;
    ASSERT(reply->count > 0);
    for (uint32_t i = 0; i < reply->count; i++) ASSERT(reply->values[i].bytes.size <= UINT32_MAX);
    *(uint64_t *)world += reply->count;
}

static void let_time_pass(void *machine, struct machine_time *now)
{
    now->elapsed_us += 700000;
    now->due_us += 700000;
    now->wall_us += 700000;
    store_ops.advance(machine, now);
}

static void *restored(void *machine, uint64_t *heard)
{
    struct buffer stream = {0};
    void *copy = store_ops.create(NULL, hear, heard);
    store_ops.cut_begin(machine);
    while (store_ops.cut_read(machine, 100, &stream)) {}
    bool good = store_ops.restore(copy, buffer_slice(&stream)) && store_ops.restore_end(copy);
    ASSERT(good && store_ops.digest(copy) == store_ops.digest(machine));
    buffer_free(&stream);
    while (!store_ops.destroy(machine)) {}
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t heard = 0;
    struct machine_time now = {1, 1, 1700000000000000};
    void *machine = store_ops.create(NULL, hear, &heard);
    store_ops.advance(machine, &now);
    struct reader reader = reader_of(slice_of(data, size));
    while (reader.bytes.size > 0) {
        uint8_t piece = read_u8(&reader);
        if (piece == 255) {
            let_time_pass(machine, &now);
        } else if (piece == 254) {
            machine = restored(machine, &heard);
        } else {
            size_t most = piece < reader.bytes.size ? piece : reader.bytes.size;
            store_ops.apply(machine, &anyone, read_exactly(&reader, most));
        }
    }
    store_ops.check(machine);
    while (!store_ops.destroy(machine)) {}
    return 0;
}
