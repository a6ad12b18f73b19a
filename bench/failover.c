/* From the death of a leader to the next acknowledged put: see failover.h. */
#include "failover.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_TIMEOUT_US = 5 * 1000 * 1000,
    BETWEEN_REFUSALS_US = 1000, /* a dead port refuses at once: do not spin on the servers' core */
};

/* One put on `fd`, its reply in `line`. 0 if acknowledged, 1 if answered otherwise, negative errno
 * if the connection broke or stayed silent. */
static int put_once(int fd, const char *command, size_t len, char *line, size_t size)
{
    int error = wire_send(fd, command, len);
    if (error == 0) {
        error = wire_read_line(fd, line, size);
    }
    if (error < 0) {
        return error;
    }
    return strncmp(line, "INSERTED ", 9) == 0 ? 0 : 1;
}

static int put_before(const struct failover_options *o, const char *command, size_t len,
                      char *error, uint32_t error_size)
{
    char line[256] = "";
    int fd = wire_connect(&o->addresses[0], FIRST_TIMEOUT_US);
    if (fd < 0) {
        snprintf(error, error_size, "connecting to the leader: %s", strerror(-fd));
        return -1;
    }
    for (uint32_t i = 0; i < o->puts_before; i++) {
        int status = put_once(fd, command, len, line, sizeof line);
        if (status != 0) {
            snprintf(error, error_size, "put before the kill: %s",
                     status > 0 ? line : strerror(-status));
            close(fd);
            return -1;
        }
    }
    return fd;
}

static int put_until_acknowledged(const struct failover_options *o, struct failover_result *result,
                                  const char *command, size_t len, uint64_t start_ns)
{
    char line[256];
    /* The dead leader's address stays in the round: a client does not know who died. */
    for (uint32_t turn = 1; measure_now_ns() - start_ns < o->give_up_us * 1000; turn++) {
        uint32_t which = turn % o->address_count;
        int fd = wire_connect(&o->addresses[which], o->attempt_us);
        int status = fd;
        result->attempts++;
        if (fd >= 0) {
            status = put_once(fd, command, len, line, sizeof line);
            close(fd);
        }
        if (status == 0) {
            result->gap_us = (measure_now_ns() - start_ns) / 1000;
            result->answered_by = which;
            return 0;
        }
        if (status > 0) {
            result->refusals++;
            snprintf(result->last_refusal, sizeof result->last_refusal, "%.60s", line);
        }
        usleep(BETWEEN_REFUSALS_US);
    }
    return -1;
}

int failover_run(const struct failover_options *options, struct failover_result *result,
                 char *error, uint32_t error_size)
{
    size_t size = options->payload + 64u;
    char *command = malloc(size);
    memset(result, 0, sizeof *result);
    if (command == NULL) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    size_t len = (size_t)sprintf(command, "put 0 0 3600 %u\r\n", options->payload);
    memset(command + len, 'a', options->payload);
    len += options->payload;
    memcpy(command + len, "\r\n", 2);
    len += 2;

    int status = -1;
    int fd = put_before(options, command, len, error, error_size);
    if (fd >= 0) {
        uint64_t start_ns = measure_now_ns();
        bool killed = kill(options->kill_pid, SIGKILL) == 0;
        int kill_error = errno;
        close(fd);
        if (killed) {
            status = put_until_acknowledged(options, result, command, len, start_ns);
        }
        if (!killed) {
            snprintf(error, error_size, "kill %ld: %s", (long)options->kill_pid,
                     strerror(kill_error));
        } else if (status != 0) {
            snprintf(error, error_size, "no put acknowledged within %llu ms, %u attempts, %s",
                     (unsigned long long)(options->give_up_us / 1000), result->attempts,
                     result->refusals > 0 ? result->last_refusal : "no answer at all");
        }
    }
    free(command);
    return status;
}
