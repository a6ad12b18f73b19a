/* Any commands to the consensus machine, as a damaged peer could send them: each has one answer,
 * the state stays sound, and a machine restored from a snapshot of it is equal. The input is
 * commands, each behind a byte of its length. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "systems/consensus/machine/consensus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *world, const struct session_key *session, const void *payload)
{
    (void)payload;
    if (session == NULL) return; /* a mark for watches, and no answer */
    ++*(unsigned *)world;
}

static void settle(void *machine)
{
    struct machine_time time = {1, 1, 1};
    while (consensus_ops.deadline(machine).elapsed_us == 0) consensus_ops.advance(machine, &time);
}

static void copy(void *machine, unsigned *replies)
{
    struct buffer out = {0};
    consensus_ops.cut_begin(machine);
    while (consensus_ops.cut_read(machine, 4096, &out)) {}
    void *other = consensus_ops.create(NULL, count, replies);
    bool good = consensus_ops.restore(other, buffer_slice(&out));
    ASSERT(good);
    good = consensus_ops.restore_end(other);
    ASSERT(good && consensus_ops.digest(other) == consensus_ops.digest(machine));
    consensus_ops.check(other);
    while (!consensus_ops.destroy(other)) {}
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct session_key session = {.node = 1, .connection = 1, .incarnation = 1};
    static const struct machine_facts facts;
    struct machine_time now = {0, 0, 0};
    unsigned replies = 0, commands = 0;
    void *machine = consensus_ops.create(NULL, count, &replies);
    while (size != 0) {
        size_t length = data[0] < size ? data[0] : size - 1;
        struct slice command = slice_of(data + 1, length);
        consensus_ops.apply(machine, &session, command);
        settle(machine);
        consensus_ops.query(machine, &session, command, &now, &facts);
        commands += 2;
        ASSERT(replies == commands);
        data += 1 + length;
        size -= 1 + length;
    }
    consensus_ops.check(machine);
    copy(machine, &replies);
    while (!consensus_ops.destroy(machine)) {}
    return 0;
}
