/* The operating system: see system.h. */
#include "server/system.h"

#ifdef __linux__
#include <malloc.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "base/assert.h"
#include "server/say.h"

static uint64_t clock_us(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

struct raft_time system_now(void)
{
#ifdef CLOCK_BOOTTIME
    const clockid_t monotonic = CLOCK_BOOTTIME;
#else
    const clockid_t monotonic = CLOCK_MONOTONIC;
#endif
    return (struct raft_time){clock_us(monotonic), clock_us(CLOCK_REALTIME)};
}

uint64_t system_random_u64(void)
{
    uint64_t value;
    if (getentropy(&value, sizeof value) != 0) {
        system_die(SYSTEM_EXIT_FAILED, "no random bytes from the system: %s", strerror(errno));
    }
    return value;
}

/* A UUID in text. */
static ssize_t read_boot_id(char *text, size_t size)
{
#ifdef __APPLE__
    return sysctlbyname("kern.bootsessionuuid", text, &size, NULL, 0) == 0 ? (ssize_t)size : -1;
#else
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t done = read(fd, text, size);
    close(fd);
    return done;
#endif
}

/* 32 hexadecimal digits among dashes. Where the system does not tell, every start counts as one
 * after a reboot: that errs on the safe side. */
void system_boot_id(uint8_t id[NODE_BOOT_ID_SIZE])
{
    char text[64];
    ssize_t size = read_boot_id(text, sizeof text);
    size_t digits = 0;
    if (getentropy(id, NODE_BOOT_ID_SIZE) != 0) memset(id, 0, NODE_BOOT_ID_SIZE);
    for (ssize_t i = 0; i < size && digits < 2 * NODE_BOOT_ID_SIZE; i++) {
        char c = text[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            continue;
        }
        id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | digit);
        digits++;
    }
}

void system_tune_memory(void)
{
#ifdef __GLIBC__
    /* Left to itself it raises the size from which an allocation has pages of its own to 32 MiB,
     * and copying that much takes longer than a step may (5 ms). */
    mallopt(M_MMAP_THRESHOLD, SYSTEM_OWN_PAGES_BYTES_MIN);
    mallopt(M_TRIM_THRESHOLD, SYSTEM_TRIM_BYTES);
#endif
}

uint64_t system_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT64_MAX;
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

void system_cpu_time(uint64_t *user_us, uint64_t *system_us)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return;
    *user_us = (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec;
    *system_us = (uint64_t)usage.ru_stime.tv_sec * 1000000 + (uint64_t)usage.ru_stime.tv_usec;
}

void system_facts(struct machine_facts *facts)
{
    static struct utsname name;
    facts->pid = (uint64_t)getpid();
    if (uname(&name) != 0) return;
    facts->hostname = slice_text(name.nodename);
    facts->os = slice_text(name.version);
    facts->platform = slice_text(name.machine);
}

uint64_t system_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    unsigned long total = 0, resident = 0;
    int got = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return got == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void system_mac(const uint8_t key[NODE_SECRET_SIZE], struct slice message, uint8_t out[32])
{
    unsigned size = 32;
    ASSERT(HMAC(EVP_sha256(), key, NODE_SECRET_SIZE, message.data, message.size, out, &size));
}

const char *system_read_secret(const char *path, uint8_t key[NODE_SECRET_SIZE])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return strerror(errno);
    char text[SYSTEM_SECRET_FILE_SIZE_MAX + 1];
    size_t size = fread(text, 1, sizeof text, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return "cannot be read";
    if (size > SYSTEM_SECRET_FILE_SIZE_MAX) return "is longer than 4096 bytes";
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL) size--;
    if (size == 0) return "is empty";
    ASSERT(EVP_Digest(text, size, key, NULL, EVP_sha256(), NULL) == 1);
    return NULL;
}

void system_die(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_last(format, arguments);
    va_end(arguments);
    _exit(code);
}
