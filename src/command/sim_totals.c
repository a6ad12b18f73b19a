/* The sum of all runs, and how it is printed. See sim_front.h. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <stdio.h>
#include <string.h>

#include "command/sim.h"

enum { FAILURES_SHOWN = 10 };

static void totals_add_word(struct sim_totals *totals, const struct sim_word *word)
{
    uint32_t i = 0;
    while (i < totals->words_count && strcmp(totals->words[i].word, word->word) != 0) i++;
    if (i == SIM_WORDS_MAX) return;
    if (i == totals->words_count)
        totals->words[totals->words_count++] = *word;
    else
        totals->words[i].count += word->count;
}

static void print_failure(const struct sim_request *request, uint64_t seed, const char *reason)
{
    printf("quartet sim %s --seed %llu %s  # %s\n", request->options.system->name,
           (unsigned long long)seed, request->command, reason);
    fflush(stdout);
}

void sim_totals_fail(struct sim_totals *totals, const struct sim_request *request, uint64_t seed,
                     const char *reason)
{
    if (totals->failures++ < FAILURES_SHOWN) print_failure(request, seed, reason);
    if (totals->failures > 1 && seed > totals->first_failed) return;
    totals->first_failed = seed;
    snprintf(totals->first_reason, sizeof totals->first_reason, "%s", reason);
}

void sim_totals_add(struct sim_totals *totals, const struct sim_request *request,
                    const struct sim_record *record)
{
    const struct sim_report *report = &record->report;
    totals->worlds++;
    totals->simulated_us += report->simulated_us;
    totals->turns += report->turns;
    totals->fingerprint = report->fingerprint;
    for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) totals->counts[i] += report->counts[i];
    for (uint32_t i = 0; i < report->words_count; i++) totals_add_word(totals, &report->words[i]);
    if (!report->failed) return;
    char reason[SIM_REASON_SIZE + 40];
    snprintf(reason, sizeof reason, "%s (at %.6f s)", report->reason,
             (double)report->simulated_us / 1e6);
    sim_totals_fail(totals, request, record->seed, reason);
}

/* --- printing --- */

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

void sim_totals_progress(struct sim_totals *totals, const struct sim_request *request)
{
    double took_s = seconds_since(&totals->began);
    if (took_s < totals->printed_s + 1) return;
    totals->printed_s = took_s;
    double simulated_s = (double)totals->simulated_us / 1e6;
    fprintf(stderr, "%llu of %llu worlds, %.0f s simulated in %.1f s (%.0fx), %llu failed\n",
            (unsigned long long)totals->worlds,
            (unsigned long long)(request->last - request->first + 1), simulated_s, took_s,
            simulated_s / took_s, (unsigned long long)totals->failures);
}

static void print_row(uint64_t count, const char *text, uint32_t at)
{
    printf("%12llu %c %-32s%s", (unsigned long long)count, count == 0 ? '!' : ' ', text,
           at % 2 == 1 ? "\n" : "");
}

/* What never happened is marked: a simulator in which nothing happens proves nothing. */
static void print_coverage(const struct sim_totals *totals, const struct sim_system *system)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SIM_COVERAGE(X)
#undef X
    };
    uint32_t printed = 0;
    for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) {
        bool mine = i >= system->coverage_first && i < system->coverage_end;
        if (i < SIM_COVER_WORLD_END || mine) print_row(totals->counts[i], texts[i], printed++);
    }
    if (printed % 2 == 1) printf("\n");
    printf("what nodes said:");
    for (uint32_t i = 0; i < totals->words_count; i++) {
        printf(" %s %llu", totals->words[i].word, (unsigned long long)totals->words[i].count);
    }
    printf("\n");
}

static void print_summary(const struct sim_totals *totals, const struct sim_request *request)
{
    double took_s = seconds_since(&totals->began);
    double simulated_s = (double)totals->simulated_us / 1e6;
    if (request->options.trace) return;
    print_coverage(totals, request->options.system);
    printf("%llu worlds of %u nodes: %.0f s simulated in %.1f s of %u processes (%.0fx), "
           "%.0f client operations and %.0f turns a simulated second",
           (unsigned long long)totals->worlds, request->options.nodes, simulated_s, took_s,
           request->jobs, simulated_s / took_s,
           (double)totals->counts[SIM_COVER_OPERATIONS] / simulated_s,
           (double)totals->turns / simulated_s);
    if (request->first == request->last) {
        printf(", fingerprint %016llx", (unsigned long long)totals->fingerprint);
    }
    printf("\n");
}

void sim_totals_print(const struct sim_totals *totals, const struct sim_request *request)
{
    print_summary(totals, request);
    if (totals->failures == 0) return;
    printf("first of %llu failures:\n", (unsigned long long)totals->failures);
    print_failure(request, totals->first_failed, totals->first_reason);
}
