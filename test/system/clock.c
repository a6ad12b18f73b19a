/* Preloaded into a node by test_clock.py: its wall clock is off by so many seconds as the file says
 * that CLOCK_OFF names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    const char *path = getenv("CLOCK_OFF");
    if (result != 0 || clock != CLOCK_REALTIME || path == NULL) return result;
    FILE *file = fopen(path, "r");
    long off_s = 0;
    if (file == NULL) return result;
    if (fscanf(file, "%ld", &off_s) == 1) time->tv_sec += off_s;
    fclose(file);
    return result;
}
