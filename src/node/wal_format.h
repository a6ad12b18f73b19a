/* Constants of the log's format, shared by the writer and the reader. specs/disk.md */
#ifndef QUARTET_NODE_WAL_FORMAT_H
#define QUARTET_NODE_WAL_FORMAT_H

#define WAL_SEGMENT_MAGIC 0x474F4C51u /* "QLOG" */
#define WAL_BATCH_MAGIC 0x54414251u   /* "QBAT" */

enum {
    WAL_RECORD_HEADER_SIZE = 8,
    WAL_ENTRY_FIELDS_SIZE = 34, /* before the data */
    WAL_SECTOR_SIZE = 512,
};

enum wal_record {
    WAL_META = 1,
    WAL_HARD_STATE,
    WAL_ENTRY,
    WAL_RESET,
    WAL_STOPPED,
};

#endif
