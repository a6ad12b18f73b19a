/* From the death of a leader to the next acknowledged put.
 *
 * One client that does what a plain client does: it puts, and when its connection breaks or stays
 * silent it tries the next address with a fresh connection, round and round. The generator kills
 * the leader itself, so that the clock starts at the very signal. */
#ifndef QUARTET_BENCH_FAILOVER_H
#define QUARTET_BENCH_FAILOVER_H

#include "measure.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAILOVER_ADDRESSES_MAX = 16 };

struct failover_options {
    struct address addresses[FAILOVER_ADDRESSES_MAX]; /* the leader's first */
    uint32_t address_count;
    pid_t kill_pid;       /* the leader, gets SIGKILL */
    uint32_t puts_before; /* acknowledged ones before the kill */
    uint32_t payload;     /* bytes */
    uint64_t attempt_us;  /* patience with one connection before the next address */
    uint64_t give_up_us;
};

struct failover_result {
    uint64_t gap_us;      /* from kill() to the acknowledgement */
    uint32_t attempts;    /* connections tried after the kill */
    uint32_t answered_by; /* index of the address that acknowledged */
    uint32_t refusals;    /* replies other than INSERTED after the kill */
    char last_refusal[64];
};

/* 0, or -1 with `error` (size error_size) saying why. */
int failover_run(const struct failover_options *options, struct failover_result *result,
                 char *error, uint32_t error_size);

#endif
