/* The simulator: worlds replay byte for byte, pass, and a lying disk is caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

extern const struct sim_system sim_system_queue;

static struct sim_options world(uint64_t seed, uint32_t nodes, uint32_t seconds)
{
    return (struct sim_options){.system = &sim_system_queue,
                                .seed = seed,
                                .nodes = nodes,
                                .seconds = seconds,
                                .faults = SIM_FAULTS_DEFAULT};
}

static void collect(void *context, struct slice lines)
{
    buffer_append_slice(context, lines);
}

static void same_seed_gives_the_same_trace_byte_for_byte(void **state)
{
    (void)state;
    struct buffer traces[2] = {{0}, {0}};
    struct sim_report reports[2];
    for (int i = 0; i < 2; i++) {
        struct sim_options options = world(7, 3, 5);
        options.trace = true;
        options.print = collect;
        options.print_context = &traces[i];
        sim_run(&options, &reports[i]);
    }
    assert_true(traces[0].size > 10000);
    assert_int_equal(traces[0].size, traces[1].size);
    assert_memory_equal(traces[0].data, traces[1].data, traces[0].size);
    assert_int_equal(reports[0].fingerprint, reports[1].fingerprint);
    buffer_free(&traces[0]);
    buffer_free(&traces[1]);
}

static void other_seeds_give_other_worlds(void **state)
{
    (void)state;
    struct sim_report reports[2];
    for (uint64_t i = 0; i < 2; i++) {
        struct sim_options options = world(i + 1, 3, 2);
        sim_run(&options, &reports[i]);
    }
    assert_true(reports[0].fingerprint != reports[1].fingerprint);
}

/* Runs the seeds, adds up what happened, and fails with the command that replays a failure. */
static void worlds_pass(uint32_t nodes, uint64_t seeds, uint64_t *counts)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sim_options options = world(seed, nodes, 20);
        struct sim_report report;
        sim_run(&options, &report);
        if (report.failed) {
            fail_msg("quartet sim queue --seed %llu --nodes %u --seconds 20  # %s",
                     (unsigned long long)seed, nodes, report.reason);
        }
        for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) counts[i] += report.counts[i];
    }
}

static void worlds_of_one_node_pass(void **state)
{
    (void)state;
    uint64_t counts[SIM_COVERAGE_COUNT] = {0};
    worlds_pass(1, 40, counts);
    assert_true(counts[SIM_COVER_POWER_LOSSES] > 0);
    assert_true(counts[SIM_COVER_SECTORS_LOST] > 0);
}

/* A simulator in which nothing happens proves nothing. */
static void worlds_of_three_nodes_pass_and_are_not_quiet(void **state)
{
    (void)state;
    static const enum sim_coverage wanted[] = {
        SIM_COVER_LEADERS,     SIM_COVER_STEP_DOWNS,   SIM_COVER_SNAPSHOTS_WRITTEN,
        SIM_COVER_DIGESTS,     SIM_COVER_SECTORS_LOST, SIM_COVER_SECTORS_KEPT,
        SIM_COVER_LOST,        SIM_COVER_DUPLICATED,   SIM_COVER_REORDERED,
        SIM_COVER_HELD,        SIM_COVER_PARTITIONS,   SIM_COVER_CRASHES_MIDWAY,
        SIM_COVER_SYNC_ERRORS, SIM_COVER_DISKS_FULL,   SIM_COVER_WIPES,
        SIM_COVER_UNTRUSTED,   SIM_COVER_UNKNOWN,      SIM_COVER_REFUSED,
        SIM_COVER_PROBES,      SIM_COVER_DELETED,      SIM_COVER_EXPIRED,
    };
    uint64_t counts[SIM_COVERAGE_COUNT] = {0};
    worlds_pass(3, 60, counts);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (counts[wanted[i]] == 0) fail_msg("coverage %d never occurred", (int)wanted[i]);
    }
}

static void worlds_of_five_nodes_pass(void **state)
{
    (void)state;
    uint64_t counts[SIM_COVERAGE_COUNT] = {0};
    worlds_pass(5, 20, counts);
    assert_true(counts[SIM_COVER_LEADERS] > 0);
}

static void without_faults_every_client_is_served_all_along(void **state)
{
    (void)state;
    struct sim_options options = world(1, 3, 20);
    options.faults = 0;
    struct sim_report report;
    sim_run(&options, &report);
    if (report.failed) fail_msg("%s", report.reason);
    assert_true(report.counts[SIM_COVER_OPERATIONS] > 20 * 100);
    assert_int_equal(report.counts[SIM_COVER_CRASHES], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_trace_byte_for_byte),
        cmocka_unit_test(other_seeds_give_other_worlds),
        cmocka_unit_test(worlds_of_one_node_pass),
        cmocka_unit_test(worlds_of_three_nodes_pass_and_are_not_quiet),
        cmocka_unit_test(worlds_of_five_nodes_pass),
        cmocka_unit_test(without_faults_every_client_is_served_all_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
