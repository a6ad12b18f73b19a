/* A machine of registers. See register.h. All of its state is an array of numbers, so a cut is a
 * copy; nothing in it waits, and it has no use for time or sessions. */
#include "systems/register/machine/register.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"

enum { STREAM_SIZE = REGISTER_COUNT * 8 };

struct registers {
    uint64_t values[REGISTER_COUNT];
    uint64_t digest;
    machine_emit *emit;
    void *world;
    bool cutting;
    uint64_t cut[REGISTER_COUNT];
    struct buffer restored;
};

void register_command_encode(const struct register_command *command, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)command->op);
    buffer_put_u8(out, (uint8_t)command->key);
    buffer_put_u64(out, command->expected);
    buffer_put_u64(out, command->value);
}

bool register_command_decode(struct slice bytes, struct register_command *command)
{
    struct reader reader = reader_of(bytes);
    command->op = (enum register_op)read_u8(&reader);
    command->key = read_u8(&reader);
    command->expected = read_u64(&reader);
    command->value = read_u64(&reader);
    return reader_done(&reader) && command->op >= REGISTER_READ && command->op <= REGISTER_SWAP &&
           command->key < REGISTER_COUNT;
}

static void *registers_create(const void *options, machine_emit *emit, void *world)
{
    (void)options;
    struct registers *registers = calloc(1, sizeof *registers);
    ASSERT(registers != NULL);
    registers->emit = emit;
    registers->world = world;
    return registers;
}

static bool registers_destroy(void *machine)
{
    struct registers *registers = machine;
    buffer_free(&registers->restored);
    free(registers);
    return true;
}

static void registers_advance(void *machine, const struct machine_time *time)
{
    (void)machine, (void)time;
}

/* Of one register; a new one, which holds 0, counts for nothing. */
static uint64_t register_digest(uint32_t key, uint64_t value)
{
    return value == 0 ? 0 : random_mix(value ^ (uint64_t)(key + 1) << 56);
}

static void register_set(struct registers *registers, uint32_t key, uint64_t value)
{
    registers->digest -= register_digest(key, registers->values[key]);
    registers->digest += register_digest(key, value);
    registers->values[key] = value;
}

static void registers_apply(void *machine, const struct session_key *session, struct slice bytes)
{
    struct registers *registers = machine;
    struct register_command command;
    if (!register_command_decode(bytes, &command)) return;
    bool done = command.op != REGISTER_SWAP || registers->values[command.key] == command.expected;
    if (done && command.op != REGISTER_READ) register_set(registers, command.key, command.value);
    struct register_reply reply = {command.op, done, registers->values[command.key]};
    registers->emit(registers->world, session, &reply);
}

static void registers_query(const void *machine, const struct session_key *session,
                            struct slice bytes, const struct machine_time *now,
                            const struct machine_facts *facts)
{
    (void)now, (void)facts;
    const struct registers *registers = machine;
    struct register_command command;
    bool good = register_command_decode(bytes, &command) && command.op == REGISTER_READ;
    ASSERT(good); /* it comes from this node's own protocol */
    struct register_reply reply = {REGISTER_READ, true, registers->values[command.key]};
    registers->emit(registers->world, session, &reply);
}

static void registers_session_end(void *machine, const struct session_key *session)
{
    (void)machine, (void)session;
}

static void registers_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    (void)machine, (void)node, (void)incarnation;
}

static struct machine_deadline registers_deadline(const void *machine)
{
    (void)machine;
    return (struct machine_deadline){UINT64_MAX, UINT64_MAX};
}

static void registers_metrics(const void *machine, struct buffer *out)
{
    (void)machine, (void)out;
}

static uint64_t registers_bytes(const void *machine)
{
    (void)machine;
    return sizeof(struct registers);
}

static uint64_t registers_digest(const void *machine)
{
    return ((const struct registers *)machine)->digest;
}

/* --- snapshots: the values, u64 each, little-endian --- */

static void registers_cut_begin(void *machine)
{
    struct registers *registers = machine;
    ASSERT(!registers->cutting);
    registers->cutting = true;
    memcpy(registers->cut, registers->values, sizeof registers->cut);
}

static bool registers_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct registers *registers = machine;
    (void)size; /* all of it is one object */
    ASSERT(registers->cutting);
    registers->cutting = false;
    for (uint32_t key = 0; key < REGISTER_COUNT; key++) buffer_put_u64(out, registers->cut[key]);
    return false;
}

static uint64_t registers_cut_pending(const void *machine)
{
    (void)machine;
    return 0;
}

static void registers_cut_abort(void *machine)
{
    ((struct registers *)machine)->cutting = false;
}

static bool registers_restore(void *machine, struct slice bytes)
{
    struct registers *registers = machine;
    buffer_append_slice(&registers->restored, bytes);
    return registers->restored.size <= STREAM_SIZE;
}

static bool registers_restore_end(void *machine)
{
    struct registers *registers = machine;
    struct reader reader = reader_of(buffer_slice(&registers->restored));
    for (uint32_t key = 0; key < REGISTER_COUNT; key++) {
        register_set(registers, key, read_u64(&reader));
    }
    bool good = reader_done(&reader);
    buffer_free(&registers->restored);
    return good;
}

static void registers_check(const void *machine)
{
    const struct registers *registers = machine;
    uint64_t digest = 0;
    for (uint32_t key = 0; key < REGISTER_COUNT; key++) {
        digest += register_digest(key, registers->values[key]);
    }
    ASSERT(digest == registers->digest);
}

const struct machine_ops register_ops = {
    .name = "register",
    .sessionless = true,
    .snapshot_version = 1,
    .create = registers_create,
    .destroy = registers_destroy,
    .advance = registers_advance,
    .apply = registers_apply,
    .session_end = registers_session_end,
    .origin_end = registers_origin_end,
    .deadline = registers_deadline,
    .query = registers_query,
    .metrics = registers_metrics,
    .bytes = registers_bytes,
    .digest = registers_digest,
    .cut_begin = registers_cut_begin,
    .cut_read = registers_cut_read,
    .cut_pending = registers_cut_pending,
    .cut_abort = registers_cut_abort,
    .restore = registers_restore,
    .restore_end = registers_restore_end,
    .check = registers_check,
};
