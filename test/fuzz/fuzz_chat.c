/* Any bytes as a life of the chat machine, or as its snapshot.
 *
 * A life is a row of deeds: a byte that chooses one, and what it needs. What decodes as a command
 * encodes to the same bytes again, no life breaks an invariant, and a snapshot of it is restored
 * into the same state. A snapshot that is any bytes is refused, or restored whole. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "systems/chat/machine/chat.h"

static const struct chat_options small = {
    .rooms_max = 3,
    .room_events_max = 4,
    .room_bytes_max = 1000,
    .history_bytes_max = 2000,
    .history_age_us = 50000,
    .clients_max = 2,
    .client_idle_us = 20000,
    .markers_max = 2,
    .grace_us = 1000,
};

static void be_deaf(void *world, const struct session_key *session, const void *payload)
{
    (void)world, (void)session, (void)payload;
}

static void destroy(void *machine)
{
    while (!chat_ops.destroy(machine)) {}
}

static void restore_any(struct slice bytes)
{
    void *machine = chat_ops.create(&small, be_deaf, NULL);
    if (chat_ops.restore(machine, bytes) && chat_ops.restore_end(machine)) {
        chat_ops.check(machine);
    }
    destroy(machine);
}

static void restore_own(void *machine)
{
    struct buffer stream = {0};
    chat_ops.cut_begin(machine);
    while (chat_ops.cut_read(machine, 0, &stream)) {}
    void *twin = chat_ops.create(&small, be_deaf, NULL);
    bool restored = chat_ops.restore(twin, buffer_slice(&stream)) && chat_ops.restore_end(twin);
    ASSERT(restored && chat_ops.digest(twin) == chat_ops.digest(machine));
    destroy(twin);
    buffer_free(&stream);
}

static void say(void *machine, const struct session_key *session, struct slice bytes,
                const struct machine_time *time)
{
    struct chat_command command;
    struct buffer again = {0};
    if (!chat_command_decode(bytes, &command)) {
        chat_ops.apply(machine, session, bytes);
        return;
    }
    chat_command_encode(&command, &again);
    ASSERT(slice_equal(buffer_slice(&again), bytes));
    buffer_free(&again);
    if (command.op > CHAT_COMMANDS) {
        chat_ops.query(machine, session, bytes, time, NULL);
    } else {
        chat_ops.apply(machine, session, bytes);
    }
}

static void live(struct reader *reader)
{
    void *machine = chat_ops.create(&small, be_deaf, NULL);
    struct machine_time time = {0};
    while (reader->bytes.size != 0 && !reader->bad) {
        uint8_t deed = read_u8(reader);
        struct session_key session = {1, 1 + (deed >> 6), deed >> 4 & 3};
        switch (deed & 7) {
        case 0: time.elapsed_us += read_u8(reader) * UINT64_C(100); break;
        case 1: chat_ops.session_end(machine, &session); break;
        case 2: chat_ops.origin_end(machine, session.node, 1); break;
        default: say(machine, &session, read_exactly(reader, read_u8(reader)), &time);
        }
        time.due_us = time.wall_us = time.elapsed_us;
        chat_ops.advance(machine, &time);
    }
    chat_ops.check(machine);
    restore_own(machine);
    destroy(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct reader reader = reader_of(slice_of(data + 1, size - 1));
    if (data[0] == 'S') {
        restore_any(reader.bytes);
    } else {
        live(&reader);
    }
    return 0;
}
