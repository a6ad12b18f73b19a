/* The codec of commands: specs/systems/queue.md, "Commands". Every byte of a command is accounted
 * for, so that what decodes encodes to the same bytes again. */
#include "base/assert.h"
#include "systems/queue/machine/internal.h"

enum field {
    FIELD_NONE,
    FIELD_ID = 1,
    FIELD_PRIORITY = 2,
    FIELD_DELAY = 4,
    FIELD_TTR = 8,
    FIELD_TIMEOUT = 16,
    FIELD_BOUND = 32,
    FIELD_POLICY = 64,
    FIELD_TUBE = 128, /* the rest */
    FIELD_BODY = 256, /* the rest */
};

/* The fields of each op; they stand in the order of enum field. */
static const uint16_t op_fields[QUEUE_OPS] = {
    [QUEUE_PUT] = FIELD_PRIORITY | FIELD_DELAY | FIELD_TTR | FIELD_BODY,
    [QUEUE_USE] = FIELD_TUBE,
    [QUEUE_RESERVE] = FIELD_TIMEOUT,
    [QUEUE_RESERVE_JOB] = FIELD_ID,
    [QUEUE_DELETE] = FIELD_ID,
    [QUEUE_RELEASE] = FIELD_ID | FIELD_PRIORITY | FIELD_DELAY,
    [QUEUE_BURY] = FIELD_ID | FIELD_PRIORITY,
    [QUEUE_TOUCH] = FIELD_ID,
    [QUEUE_WATCH] = FIELD_TUBE,
    [QUEUE_IGNORE] = FIELD_TUBE,
    [QUEUE_KICK] = FIELD_BOUND,
    [QUEUE_KICK_JOB] = FIELD_ID,
    [QUEUE_PAUSE_TUBE] = FIELD_DELAY | FIELD_TUBE,
    [QUEUE_POLICY_SET] = FIELD_POLICY,
    [QUEUE_PEEK] = FIELD_ID,
    [QUEUE_PEEK_READY] = FIELD_NONE,
    [QUEUE_PEEK_DELAYED] = FIELD_NONE,
    [QUEUE_PEEK_BURIED] = FIELD_NONE,
    [QUEUE_STATS_JOB] = FIELD_ID,
    [QUEUE_STATS_TUBE] = FIELD_TUBE,
    [QUEUE_STATS] = FIELD_NONE,
    [QUEUE_LIST_TUBES] = FIELD_NONE,
    [QUEUE_LIST_TUBE_USED] = FIELD_NONE,
    [QUEUE_LIST_TUBES_WATCHED] = FIELD_NONE,
    [QUEUE_POLICY_GET] = FIELD_TUBE,
};

bool queue_name_byte_valid(uint8_t byte)
{
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')) return true;
    if (byte >= '0' && byte <= '9') return true;
    switch (byte) {
    case '-':
    case '+':
    case '/':
    case ';':
    case '.':
    case '$':
    case '_':
    case '(':
    case ')': return true;
    default: return false;
    }
}

bool queue_name_valid(struct slice name)
{
    if (name.size == 0 || name.size > QUEUE_TUBE_NAME_SIZE_MAX || name.data[0] == '-') return false;
    for (size_t i = 0; i < name.size; i++) {
        if (!queue_name_byte_valid(name.data[i])) return false;
    }
    return true;
}

static void encode_policy(const struct queue_command *command, struct buffer *out)
{
    const struct queue_policy *policy = &command->policy;
    ASSERT(command->tube.size <= QUEUE_TUBE_NAME_SIZE_MAX);
    buffer_put_u32(out, policy->attempts_max);
    buffer_put_u32(out, policy->base_ms);
    buffer_put_u32(out, policy->factor_permille);
    buffer_put_u32(out, policy->cap_ms);
    buffer_put_u32(out, policy->jitter_permille);
    buffer_put_u8(out, (uint8_t)command->tube.size);
    buffer_append_slice(out, command->tube);
    buffer_append_slice(out, policy->dead_tube);
}

void queue_command_encode(const struct queue_command *command, struct buffer *out)
{
    ASSERT(command->op >= QUEUE_PUT && command->op < QUEUE_OPS);
    uint16_t fields = op_fields[command->op];
    buffer_put_u8(out, (uint8_t)command->op);
    if (fields & FIELD_ID) buffer_put_u64(out, command->id);
    if (fields & FIELD_PRIORITY) buffer_put_u32(out, command->priority);
    if (fields & FIELD_DELAY) buffer_put_u32(out, command->delay_s);
    if (fields & FIELD_TTR) buffer_put_u32(out, command->ttr_s);
    if (fields & FIELD_TIMEOUT) buffer_put_u32(out, command->timeout_s);
    if (fields & FIELD_BOUND) buffer_put_u32(out, command->bound);
    if (fields & FIELD_POLICY) encode_policy(command, out);
    if (fields & FIELD_TUBE) buffer_append_slice(out, command->tube);
    if (fields & FIELD_BODY) buffer_append_slice(out, command->body);
}

static struct slice read_rest(struct reader *reader)
{
    return read_exactly(reader, reader->bytes.size);
}

static bool decode_policy(struct reader *reader, struct queue_command *command)
{
    struct queue_policy *policy = &command->policy;
    policy->attempts_max = read_u32(reader);
    policy->base_ms = read_u32(reader);
    policy->factor_permille = read_u32(reader);
    policy->cap_ms = read_u32(reader);
    policy->jitter_permille = read_u32(reader);
    uint8_t name_size = read_u8(reader);
    command->tube = read_exactly(reader, name_size);
    policy->dead_tube = read_rest(reader);
    if (reader->bad || policy->attempts_max > QUEUE_ATTEMPTS_MAX) return false;
    if (policy->factor_permille < 1000 || policy->jitter_permille > 1000) return false;
    if (policy->dead_tube.size != 0 && !queue_name_valid(policy->dead_tube)) return false;
    return queue_name_valid(command->tube);
}

bool queue_command_decode(struct slice bytes, struct queue_command *command)
{
    struct reader reader = reader_of(bytes);
    *command = (struct queue_command){0};
    uint8_t op = read_u8(&reader);
    if (reader.bad || op < QUEUE_PUT || op >= QUEUE_OPS) return false;
    command->op = (enum queue_op)op;
    uint16_t fields = op_fields[op];
    if (fields & FIELD_ID) command->id = read_u64(&reader);
    if (fields & FIELD_PRIORITY) command->priority = read_u32(&reader);
    if (fields & FIELD_DELAY) command->delay_s = read_u32(&reader);
    if (fields & FIELD_TTR) command->ttr_s = read_u32(&reader);
    if (fields & FIELD_TIMEOUT) command->timeout_s = read_u32(&reader);
    if (fields & FIELD_BOUND) command->bound = read_u32(&reader);
    if ((fields & FIELD_POLICY) && !decode_policy(&reader, command)) return false;
    if (fields & FIELD_TUBE) {
        command->tube = read_rest(&reader);
        if (reader.bad || !queue_name_valid(command->tube)) return false;
    }
    if (fields & FIELD_BODY) {
        command->body = read_rest(&reader);
        if (command->body.size > QUEUE_JOB_SIZE_MAX) return false;
    }
    return reader_done(&reader);
}
