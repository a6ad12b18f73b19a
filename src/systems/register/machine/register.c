/* A machine of registers. See register.h. All of its state is an array of small structs, so a cut
 * is a copy; nothing in it waits, and it has no use for time or sessions. */
#include "systems/register/machine/register.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"

enum { STREAM_SIZE_MAX = REGISTER_COUNT * (REGISTER_HISTORY + 1) * 8 };

/* Its values have been counted from 1; the last REGISTER_HISTORY are kept, each at its number
 * modulo that. No value: it holds 0. */
struct one {
    uint64_t version; /* of the last */
    uint64_t values[REGISTER_HISTORY];
};

struct registers {
    struct one all[REGISTER_COUNT];
    uint64_t digest;
    machine_emit *emit;
    void *world;
    bool cutting;
    struct one cut[REGISTER_COUNT];
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

static uint64_t value_at(const struct one *one, uint64_t version)
{
    return version == 0 ? 0 : one->values[version % REGISTER_HISTORY];
}

static uint64_t value_of(const struct registers *registers, uint32_t key)
{
    const struct one *one = &registers->all[key];
    return value_at(one, one->version);
}

static uint64_t oldest_of(const struct one *one)
{
    return one->version > REGISTER_HISTORY ? one->version - REGISTER_HISTORY + 1 : 1;
}

uint64_t register_version(const void *machine, uint32_t key)
{
    return ((const struct registers *)machine)->all[key].version;
}

/* Of one value; what is not kept any more counts for nothing. */
static uint64_t value_digest(uint32_t key, uint64_t version, uint64_t value)
{
    return random_mix(random_mix(value ^ (uint64_t)(key + 1) << 56) + version);
}

static void value_add(struct registers *registers, uint32_t key, uint64_t value)
{
    struct one *one = &registers->all[key];
    one->version++;
    one->values[one->version % REGISTER_HISTORY] = value;
    registers->digest += value_digest(key, one->version, value);
}

static void register_set(struct registers *registers, uint32_t key, uint64_t value)
{
    const struct one *one = &registers->all[key];
    if (one->version >= REGISTER_HISTORY) {
        uint64_t gone = oldest_of(one);
        registers->digest -= value_digest(key, gone, value_at(one, gone));
    }
    value_add(registers, key, value);
    registers->emit(registers->world, NULL, &(struct machine_mark){key});
}

static void registers_apply(void *machine, const struct session_key *session, struct slice bytes)
{
    struct registers *registers = machine;
    struct register_command command;
    if (!register_command_decode(bytes, &command)) return;
    bool done = command.op != REGISTER_SWAP || value_of(registers, command.key) == command.expected;
    if (done && command.op != REGISTER_READ) register_set(registers, command.key, command.value);
    struct register_reply reply = {command.op, done, value_of(registers, command.key)};
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
    struct register_reply reply = {REGISTER_READ, true, value_of(registers, command.key)};
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

/* --- watches --- */

void register_watch_encode(uint32_t key, uint64_t version, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)key);
    buffer_put_u64(out, version);
}

static void registers_watch_open(const void *machine, struct slice spec,
                                 struct machine_watch *watch, machine_say *say, void *world)
{
    const struct registers *registers = machine;
    struct reader reader = reader_of(spec);
    uint32_t key = read_u8(&reader);
    uint64_t version = read_u64(&reader);
    ASSERT(reader_done(&reader) && key < REGISTER_COUNT); /* it comes from our own protocol */
    if (version == 0) version = registers->all[key].version + 1;
    *watch = (struct machine_watch){.topic = key, .next = version};
    say(world, &(struct register_event){REGISTER_WATCHING, key, version, 0});
}

static bool registers_watch_read(const void *machine, struct machine_watch *watch, size_t room,
                                 machine_say *say, void *world)
{
    const struct registers *registers = machine;
    uint32_t key = (uint32_t)watch->topic;
    const struct one *one = &registers->all[key];
    uint64_t oldest = oldest_of(one);
    if (watch->next < oldest) {
        say(world, &(struct register_event){REGISTER_GAP, key, oldest - 1, 0});
        watch->next = oldest;
    }
    size_t said = 0;
    for (; watch->next <= one->version && said < room; said += sizeof(struct register_event)) {
        uint64_t version = watch->next++;
        say(world, &(struct register_event){REGISTER_EVENT, key, version, value_at(one, version)});
    }
    return watch->next <= one->version;
}

/* --- snapshots: of each register the version of its last value, and those kept, oldest first; u64
 * each, little-endian --- */

static void registers_cut_begin(void *machine)
{
    struct registers *registers = machine;
    ASSERT(!registers->cutting);
    registers->cutting = true;
    memcpy(registers->cut, registers->all, sizeof registers->cut);
}

static bool registers_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct registers *registers = machine;
    (void)size; /* all of it is one object */
    ASSERT(registers->cutting);
    registers->cutting = false;
    for (uint32_t key = 0; key < REGISTER_COUNT; key++) {
        const struct one *one = &registers->cut[key];
        buffer_put_u64(out, one->version);
        for (uint64_t at = oldest_of(one); at <= one->version; at++) {
            buffer_put_u64(out, value_at(one, at));
        }
    }
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
    return registers->restored.size <= STREAM_SIZE_MAX;
}

static bool registers_restore_end(void *machine)
{
    struct registers *registers = machine;
    struct reader reader = reader_of(buffer_slice(&registers->restored));
    for (uint32_t key = 0; key < REGISTER_COUNT; key++) {
        struct one *one = &registers->all[key];
        uint64_t version = read_u64(&reader);
        one->version = version > REGISTER_HISTORY ? version - REGISTER_HISTORY : 0;
        while (one->version < version && !reader.bad) value_add(registers, key, read_u64(&reader));
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
        const struct one *one = &registers->all[key];
        for (uint64_t at = oldest_of(one); at <= one->version; at++) {
            digest += value_digest(key, at, value_at(one, at));
        }
    }
    ASSERT(digest == registers->digest);
}

const struct machine_ops register_ops = {
    .name = "register",
    .sessionless = true,
    .snapshot_version = 2,
    .create = registers_create,
    .destroy = registers_destroy,
    .advance = registers_advance,
    .apply = registers_apply,
    .session_end = registers_session_end,
    .origin_end = registers_origin_end,
    .deadline = registers_deadline,
    .query = registers_query,
    .watch_open = registers_watch_open,
    .watch_read = registers_watch_read,
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
