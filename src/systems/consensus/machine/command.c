/* Commands as bytes: specs/systems/consensus.md, "Commands". */
#include "systems/consensus/machine/internal.h"

static void put_number(struct buffer *out, int64_t value)
{
    buffer_put_u64(out, (uint64_t)value);
}

static int64_t read_number(struct reader *reader)
{
    return (int64_t)read_u64(reader);
}

void consensus_put_range(const struct consensus_range *range, struct buffer *out)
{
    buffer_put_u8(out, CONSENSUS_RANGE);
    buffer_put_bytes(out, range->key);
    buffer_put_bytes(out, range->end);
    put_number(out, range->limit);
    put_number(out, range->revision);
    buffer_put_u8(out, range->order);
    buffer_put_u8(out, range->sort);
    buffer_put_u8(out, (uint8_t)(range->keys_only | range->count_only << 1));
    put_number(out, range->mod_min);
    put_number(out, range->mod_max);
    put_number(out, range->create_min);
    put_number(out, range->create_max);
}

void consensus_put_put(const struct consensus_put *put, struct buffer *out)
{
    buffer_put_u8(out, CONSENSUS_PUT);
    buffer_put_bytes(out, put->key);
    buffer_put_bytes(out, put->value);
    put_number(out, put->lease);
    buffer_put_u8(out, (uint8_t)(put->previous | put->ignore_value << 1 | put->ignore_lease << 2));
}

void consensus_put_delete(const struct consensus_delete *delete, struct buffer *out)
{
    buffer_put_u8(out, CONSENSUS_DELETE);
    buffer_put_bytes(out, delete->key);
    buffer_put_bytes(out, delete->end);
    buffer_put_u8(out, delete->previous);
}

void consensus_put_compare(const struct consensus_compare *compare, struct buffer *out)
{
    buffer_put_u8(out, compare->result);
    buffer_put_u8(out, compare->target);
    buffer_put_bytes(out, compare->key);
    buffer_put_bytes(out, compare->end);
    put_number(out, compare->number);
    buffer_put_bytes(out, compare->value);
}

static void put_part(struct buffer *out, struct consensus_part part)
{
    buffer_put_u32(out, part.count);
    buffer_append_slice(out, part.bytes);
}

void consensus_put_txn(struct consensus_part compares, struct consensus_part then,
                       struct consensus_part otherwise, struct buffer *out)
{
    buffer_put_u8(out, CONSENSUS_TXN);
    put_part(out, compares);
    put_part(out, then);
    put_part(out, otherwise);
}

void consensus_put_simple(enum consensus_op op, int64_t first, int64_t second, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)op);
    put_number(out, first);
    put_number(out, second);
}

static void read_range(struct reader *reader, struct consensus_range *range)
{
    range->key = read_bytes(reader);
    range->end = read_bytes(reader);
    range->limit = read_number(reader);
    range->revision = read_number(reader);
    range->order = read_u8(reader);
    range->sort = read_u8(reader);
    uint8_t flags = read_u8(reader);
    range->keys_only = flags & 1;
    range->count_only = flags >> 1 & 1;
    range->mod_min = read_number(reader);
    range->mod_max = read_number(reader);
    range->create_min = read_number(reader);
    range->create_max = read_number(reader);
}

static void read_put(struct reader *reader, struct consensus_put *put)
{
    put->key = read_bytes(reader);
    put->value = read_bytes(reader);
    put->lease = read_number(reader);
    uint8_t flags = read_u8(reader);
    put->previous = flags & 1;
    put->ignore_value = flags >> 1 & 1;
    put->ignore_lease = flags >> 2 & 1;
}

bool consensus_request_read(struct reader *reader, struct request *request)
{
    request->op = (enum consensus_op)read_u8(reader);
    switch (request->op) {
    case CONSENSUS_RANGE: read_range(reader, &request->range); break;
    case CONSENSUS_PUT: read_put(reader, &request->put); break;
    case CONSENSUS_DELETE:
        request->delete.key = read_bytes(reader);
        request->delete.end = read_bytes(reader);
        request->delete.previous = read_u8(reader) != 0;
        break;
    case CONSENSUS_TXN: break;
    default:
        if (request->op < CONSENSUS_RANGE || request->op >= CONSENSUS_OP_END) return false;
        request->simple.first = read_number(reader);
        request->simple.second = read_number(reader);
    }
    return !reader->bad;
}

bool consensus_compare_read(struct reader *reader, struct consensus_compare *compare)
{
    compare->result = read_u8(reader);
    compare->target = read_u8(reader);
    compare->key = read_bytes(reader);
    compare->end = read_bytes(reader);
    compare->number = read_number(reader);
    compare->value = read_bytes(reader);
    return !reader->bad && compare->result <= CONSENSUS_NOT_EQUAL &&
           compare->target <= CONSENSUS_LEASE;
}
