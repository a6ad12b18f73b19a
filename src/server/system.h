/* What the host takes from the operating system besides sockets and files: clocks, random bytes,
 * the boot id, HMAC; and the way out of the process. */
#ifndef QUARTET_SERVER_SYSTEM_H
#define QUARTET_SERVER_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/node.h"

enum {
    SYSTEM_EXIT_FAILED = 1, /* could not start, or the node stopped with a clear word */
    SYSTEM_EXIT_DISK = 74,  /* EX_IOERR: a write or an fsync failed; nothing more is believed */
    SYSTEM_SECRET_FILE_SIZE_MAX = 4096,
    SYSTEM_OWN_PAGES_BYTES_MIN = 1 << 20, /* an allocation of this size is mapped by itself */
    SYSTEM_TRIM_BYTES = 4 << 20,          /* so much free at the heap's end goes back at once */
};

/* Monotonic (counting time asleep where the system can) and wall time. */
struct raft_time system_now(void);
uint64_t system_random_u64(void);
/* Changes when the operating system restarts. Zeros where it cannot be known: the node then
 * always sees the same boot. */
void system_boot_id(uint8_t id[NODE_BOOT_ID_SIZE]);
/* Large arrays grow by moving pages, not bytes, and memory goes back in small pieces: where the C
 * library can be told so. Before anything is allocated. */
void system_tune_memory(void);
/* As many open files as the system lets us; how many that is. */
uint64_t system_raise_file_limit(void);
/* Fills in the process's number and what the operating system calls itself; the slices live as long
 * as the process. */
void system_facts(struct machine_facts *facts);
/* Processor time of this process so far. */
void system_cpu_time(uint64_t *user_us, uint64_t *system_us);
uint64_t system_resident_bytes(void); /* 0: not known here */

/* HMAC-SHA-256. */
void system_mac(const uint8_t key[NODE_SECRET_SIZE], struct slice message, uint8_t out[32]);
/* The key made from a file's content (white space at its end does not count). NULL, or what is
 * wrong with the file. */
const char *system_read_secret(const char *path, uint8_t key[NODE_SECRET_SIZE]);

/* Says so (say.h) and ends the process at once with this exit code. Any thread may call it. */
__attribute__((noreturn, format(printf, 2, 3))) void system_die(int code, const char *format, ...);

#endif
