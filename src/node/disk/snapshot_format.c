/* A snapshot file as bytes. See snapshot_format.h. */
#include "node/disk/snapshot_format.h"

#include "base/crc32c.h"
#include "node/text.h"

#define SNAPSHOT_MAGIC 0x504E5351u /* "QSNP" */

enum { SNAPSHOT_FORMAT_VERSION = 2, CHUNK_HEADER_SIZE = 8, HEADER_NUMBERS_SIZE = 56 };

void snapshot_header_encode(const struct machine_ops *ops, const struct snapshot_header *header,
                            struct buffer *out)
{
    buffer_put_u32(out, SNAPSHOT_MAGIC);
    buffer_put_u16(out, SNAPSHOT_FORMAT_VERSION);
    buffer_put_u16(out, (uint16_t)ops->snapshot_version);
    buffer_put_u64(out, header->cluster);
    buffer_put_u64(out, header->index);
    buffer_put_u64(out, header->term);
    buffer_put_u64(out, header->elapsed_us);
    buffer_put_u64(out, header->wall_us);
    buffer_put_u64(out, header->digest);
    buffer_put_bytes(out, slice_text(ops->name));
    size_t at = out->size;
    buffer_put_u32(out, 0);
    raft_members_encode(&header->members, out);
    store_u32(out->data + out->head + at, (uint32_t)(out->size - at - 4));
}

/* Formats change with what replicas keep and machines stream: each version reads its own only. */
static bool snapshot_versions_good(const struct machine_ops *ops, uint16_t format, uint16_t machine,
                                   struct snapshot_fault *fault)
{
    struct text text = text_in(fault->space, sizeof fault->space);
    bool of_format = format != SNAPSHOT_FORMAT_VERSION;
    uint64_t known = of_format ? SNAPSHOT_FORMAT_VERSION : ops->snapshot_version;
    uint64_t found = of_format ? format : machine;
    if (found == known) return true;
    text_add(&text, of_format ? "snapshot format " : "the machine's format ");
    text_add_decimal(&text, found);
    text_add(&text, ", this quartet reads ");
    text_add_decimal(&text, known);
    text_add(&text, found > known
                        ? "; use a newer quartet"
                        : "; empty it with the older quartet, and begin in a new directory");
    fault->why = fault->space;
    return false;
}

bool snapshot_header_decode(const struct machine_ops *ops, struct slice bytes,
                            struct snapshot_header *header, struct snapshot_fault *fault)
{
    struct reader reader = reader_of(bytes);
    uint32_t magic = read_u32(&reader);
    uint16_t format = read_u16(&reader);
    uint16_t machine = read_u16(&reader);
    header->cluster = read_u64(&reader);
    header->index = read_u64(&reader);
    header->term = read_u64(&reader);
    header->elapsed_us = read_u64(&reader);
    header->wall_us = read_u64(&reader);
    header->digest = read_u64(&reader);
    struct slice name = read_bytes(&reader);
    struct slice members = read_bytes(&reader);
    fault->foreign = false;
    fault->why = "malformed snapshot header";
    if (magic != SNAPSHOT_MAGIC) return false;
    fault->foreign = true;
    if (!snapshot_versions_good(ops, format, machine, fault)) return false;
    fault->foreign = false;
    if (!reader_done(&reader) || header->index == 0) return false;
    fault->foreign = true;
    fault->why = "the snapshot is of another system";
    if (!slice_equal(name, slice_text(ops->name))) return false;
    fault->foreign = false;
    fault->why = "malformed members in the snapshot header";
    return raft_members_decode(members, &header->members);
}

void snapshot_chunk_append(struct buffer *out, struct slice payload)
{
    buffer_put_u32(out, (uint32_t)payload.size);
    buffer_put_u32(out, crc32c(0, payload.data, payload.size));
    buffer_append_slice(out, payload);
}

void snapshot_end_append(struct buffer *out, uint32_t chunks)
{
    buffer_put_u32(out, 0);
    buffer_put_u32(out, chunks);
}

bool snapshot_chunk_read(struct reader *file, struct slice *payload, uint32_t *chunks)
{
    uint32_t size = read_u32(file);
    uint32_t crc = read_u32(file);
    *payload = read_exactly(file, size);
    *chunks = crc;
    if (file->bad) return false;
    return size == 0 || crc == crc32c(0, payload->data, size);
}

bool snapshot_file_whole(struct slice file, uint64_t *offset)
{
    struct reader reader = reader_of(file);
    for (uint32_t chunks = 0;; chunks++) {
        struct slice payload;
        uint32_t claimed = 0;
        *offset = file.size - reader.bytes.size;
        if (!snapshot_chunk_read(&reader, &payload, &claimed)) return false;
        if (payload.size == 0) return claimed == chunks && reader.bytes.size == 0;
    }
}

bool snapshot_file_members(struct slice file, struct raft_members *members)
{
    struct reader reader = reader_of(file);
    struct slice header;
    uint32_t claimed = 0;
    if (!snapshot_chunk_read(&reader, &header, &claimed) || header.size == 0) return false;
    reader = reader_of(header);
    (void)read_exactly(&reader, HEADER_NUMBERS_SIZE);
    (void)read_bytes(&reader); /* the machine's name */
    struct slice bytes = read_bytes(&reader);
    return reader_done(&reader) && raft_members_decode(bytes, members);
}
