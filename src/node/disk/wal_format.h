/* Constants of the log's format, shared by the writer and the reader. specs/disk.md */
#ifndef QUARTET_NODE_DISK_WAL_FORMAT_H
#define QUARTET_NODE_DISK_WAL_FORMAT_H

#include <stdint.h>

#define WAL_SEGMENT_MAGIC 0x474F4C51u /* "QLOG" */
#define WAL_BATCH_MAGIC 0x54414251u   /* "QBAT" */

enum {
    WAL_BATCH_PAD_MIN =
        1, /* bytes of WAL_PAD_BYTE behind the body, then more up to a multiple of 8 */
    WAL_PAD_BYTE = 0xFF,
    WAL_RECORD_HEADER_SIZE = 8,
    WAL_ENTRY_FIELDS_SIZE = 34, /* before the data */
    WAL_SECTOR_SIZE = 512,
};

/* Flags of a HARD_STATE. */
enum {
    WAL_STATE_TRUSTED = 1,
    WAL_STATE_HELD = 2,
};

enum wal_record {
    WAL_META = 1,
    WAL_HARD_STATE,
    WAL_ENTRY,
    WAL_RESET,
    WAL_STOPPED,
};

/* What a batch takes in its segment, from its header to the end of its padding. */
uint64_t wal_batch_extent(uint64_t body_size);

/* How many sectors that begin in [from, to) of a segment hold nothing but zeros up to `to`; `at` is
 * the byte at `from`. */
uint32_t wal_blank_sectors(const uint8_t *at, uint64_t from, uint64_t to);

#endif
