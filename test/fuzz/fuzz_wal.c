/* A log with edits: pairs of (place, change) from the input are made in a valid log of two
 * segments; or the input itself stands for a segment. Reading back never crashes, and never
 * calls a log clean or merely torn that is shorter than what it knows to be durable. And whatever a
 * start found, the next one reads all that was written since. */
#include <stdint.h>

#include "../unit/node/wal_image.h"

static void ignore(void *context, uint32_t group, const struct raft_entry *entry)
{
    (void)context, (void)group;
    ASSERT(entry->data.size <= IMAGE_SEGMENT_BYTES);
}

static void read_back(const struct segment_image *images, uint32_t count)
{
    struct wal_recovered recovered;
    struct wal_snapshot snapshot = {3, 1};
    wal_recover(images, count, &(struct wal_owner){1, 1, &snapshot}, &recovered);
    if (recovered.verdict == WAL_CLEAN || recovered.verdict == WAL_TORN) {
        ASSERT(recovered.sequence >= recovered.watermark);
    }
    wal_each_entry(images, count, &recovered, ignore, NULL);
    wal_recovered_free(&recovered);
}

/* A start goes on behind what it found, and nothing of that is cut or set aside yet. */
static void go_on(struct images *images)
{
    struct wal_recovered recovered;
    images_recover(images, 1, 3, 1, &recovered);
    if (recovered.verdict == WAL_DAMAGED) {
        images_recover_before(images, recovered.bad_segment, 3, 1, &recovered);
    }
    bool refused = recovered.verdict == WAL_REFUSED;
    if (!refused) images_continue(images, &recovered, recovered.verdict != WAL_DAMAGED);
    wal_recovered_free(&recovered);
    if (refused) return;
    images_flush(images, true);
    images_put(images, 30, 4, 10);
    images_flush(images, true);
    images_recover(images, 1, 3, 1, &recovered);
    ASSERT(recovered.verdict == WAL_CLEAN && recovered.sequence == images->wal.sequence);
    ASSERT(recovered.groups[0].hard_state.trusted == images->wal.groups[0].hard_state.trusted);
    wal_recovered_free(&recovered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct images images;
    images_begin(&images);
    for (uint64_t i = 1; i <= 20; i++) {
        images_put(&images, i, 1 + i / 10, 40 * i);
        images_flush(&images, i % 3 != 0);
    }
    wal_begin_segment(&images.wal);
    images_put(&images, 21, 3, 10);
    images_flush(&images, false);
    for (; size >= 4; data += 4, size -= 4) {
        uint32_t image = data[0] % images.count;
        uint32_t at = (uint32_t)(data[0] >> 2 << 16 | data[1] << 8 | data[2]);
        images.bytes[image][at % IMAGE_SEGMENT_BYTES] ^= data[3];
    }
    read_back(images.image, images.count);
    go_on(&images);
    images_free(&images);
    struct segment_image raw = {.number = 1, .bytes = slice_of(data, size)};
    read_back(&raw, 1);
    return 0;
}
