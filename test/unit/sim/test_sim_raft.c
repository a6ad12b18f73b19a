/* Worlds of registers: they replay, pass, are busy, and meet what they are there to meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

extern const struct sim_system sim_system_queue, sim_system_register;

static struct sim_options world(uint64_t seed, uint32_t nodes, uint32_t seconds)
{
    return (struct sim_options){.system = &sim_system_register,
                                .seed = seed,
                                .nodes = nodes,
                                .seconds = seconds,
                                .faults = SIM_FAULTS_DEFAULT};
}

/* Runs the seeds, adds up what happened, and fails with the command that replays a failure. */
static void worlds_pass(uint32_t nodes, uint64_t seeds, uint64_t *counts)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sim_options options = world(seed, nodes, 20);
        struct sim_report report;
        sim_run(&options, &report);
        if (report.failed) {
            fail_msg("quartet sim raft --seed %llu --nodes %u --seconds 20  # %s",
                     (unsigned long long)seed, nodes, report.reason);
        }
        for (uint32_t i = 0; i < SIM_COVERAGE_COUNT; i++) counts[i] += report.counts[i];
    }
}

static void worlds_of_three_nodes_pass_and_are_not_quiet(void **state)
{
    (void)state;
    static const enum sim_coverage wanted[] = {
        SIM_COVER_CAMPAIGNS_LOST,  SIM_COVER_PRE_VOTES_REFUSED,
        SIM_COVER_TRUNCATIONS,     SIM_COVER_BACK_UPS,
        SIM_COVER_REPAIRED,        SIM_COVER_LEADERS,
        SIM_COVER_STEP_DOWNS,      SIM_COVER_SNAPSHOTS_INSTALLED,
        SIM_COVER_ONEWAYS,         SIM_COVER_CLOGS,
        SIM_COVER_PAUSES,          SIM_COVER_WIPES,
        SIM_COVER_CLOCK_JUMPS,     SIM_COVER_CRASHES_MIDWAY,
        SIM_COVER_UNKNOWN,         SIM_COVER_REFUSED,
        SIM_COVER_READS,           SIM_COVER_READS_BY_LOG,
        SIM_COVER_READS_ON_LEASE,  SIM_COVER_LEASES_HELD,
        SIM_COVER_READS_CONFIRMED, SIM_COVER_WRITES,
        SIM_COVER_SWAPS,           SIM_COVER_KEPT,
        SIM_COVER_MEMBERS_ADDED,   SIM_COVER_MEMBERS_PROMOTED,
        SIM_COVER_MEMBERS_REMOVED, SIM_COVER_CLOCKS_OFF,
    };
    uint64_t counts[SIM_COVERAGE_COUNT] = {0};
    worlds_pass(3, 60, counts);
    assert_int_equal(counts[SIM_COVER_JUDGED], 60);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (counts[wanted[i]] == 0) fail_msg("coverage %d never occurred", (int)wanted[i]);
    }
}

static void worlds_of_one_and_five_nodes_pass(void **state)
{
    (void)state;
    uint64_t counts[SIM_COVERAGE_COUNT] = {0};
    worlds_pass(1, 20, counts);
    worlds_pass(5, 20, counts);
}

/* Each fault alone must happen and be survived; all others are off, so nothing else explains a
 * failure. Together they strike in the tests above. */
static void every_fault_alone_happens_and_is_survived(void **state)
{
    (void)state;
    static const enum sim_coverage traces[SIM_FAULT_COUNT] = {
        [SIM_FAULT_LOSS] = SIM_COVER_LOST,
        [SIM_FAULT_DUPLICATE] = SIM_COVER_DUPLICATED,
        [SIM_FAULT_REORDER] = SIM_COVER_REORDERED,
        [SIM_FAULT_DELAY] = SIM_COVER_DELAYED,
        [SIM_FAULT_PARTITION] = SIM_COVER_PARTITIONS,
        [SIM_FAULT_ONEWAY] = SIM_COVER_ONEWAYS,
        [SIM_FAULT_CLOG] = SIM_COVER_CLOGS,
        [SIM_FAULT_BREAK] = SIM_COVER_BREAKS,
        [SIM_FAULT_DEAD] = SIM_COVER_DEADS,
        [SIM_FAULT_REFUSE] = SIM_COVER_RECONNECTS,
        [SIM_FAULT_PAUSE] = SIM_COVER_PAUSES,
        [SIM_FAULT_CRASH] = SIM_COVER_CRASHES,
        [SIM_FAULT_POWER] = SIM_COVER_POWER_LOSSES,
        [SIM_FAULT_BLACKOUT] = SIM_COVER_BLACKOUTS,
        [SIM_FAULT_FSYNC] = SIM_COVER_SYNC_ERRORS,
        [SIM_FAULT_FULL] = SIM_COVER_DISKS_FULL,
        [SIM_FAULT_SLOW] = SIM_COVER_SLOW_DISKS,
        [SIM_FAULT_SKEW] = SIM_COVER_CLOCK_JUMPS,
        [SIM_FAULT_WIPE] = SIM_COVER_WIPES,
        [SIM_FAULT_TRANSFER] = SIM_COVER_TRANSFERS,
        [SIM_FAULT_MEMBERS] = SIM_COVER_MEMBERS_REMOVED,
        [SIM_FAULT_DEPOSE] = SIM_COVER_DEPOSED,
        [SIM_FAULT_ROT] = SIM_COVER_ROTS,
        [SIM_FAULT_LOSE] = SIM_COVER_LOST_WRITES,
        [SIM_FAULT_MISDIRECT] = SIM_COVER_MISDIRECTED,
    };
    for (uint32_t fault = 0; fault < SIM_FAULT_COUNT; fault++) {
        if (!(SIM_FAULTS_DEFAULT & 1u << fault)) continue;
        uint64_t seen = 0;
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct sim_options options = world(seed, 3, 20);
            struct sim_report report;
            options.faults = 1u << fault;
            sim_run(&options, &report);
            if (report.failed)
                fail_msg("fault %u, seed %u: %s", fault, (unsigned)seed, report.reason);
            seen += report.counts[traces[fault]];
        }
        if (seen == 0) fail_msg("fault %u never struck", fault);
    }
}

static void without_faults_nothing_is_refused_or_unknown(void **state)
{
    (void)state;
    struct sim_options options = world(1, 3, 20);
    options.faults = 0;
    struct sim_report report;
    sim_run(&options, &report);
    if (report.failed) fail_msg("%s", report.reason);
    assert_true(report.counts[SIM_COVER_OPERATIONS] > 20 * 100);
    assert_int_equal(report.counts[SIM_COVER_UNKNOWN], 0);
}

/* Clocks that run apart as far as the bound allows, and partitions, in which an old leader would
 * answer from a lease that it should no longer hold. */
static void leases_are_true_while_clocks_keep_the_bound(void **state)
{
    (void)state;
    uint64_t leases = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct sim_options options = world(seed, 3, 20);
        struct sim_report report;
        options.faults = 1u << SIM_FAULT_PARTITION | 1u << SIM_FAULT_ONEWAY | 1u << SIM_FAULT_SKEW;
        sim_run(&options, &report);
        if (report.failed) fail_msg("seed %u: %s", (unsigned)seed, report.reason);
        leases += report.counts[SIM_COVER_LEASES_HELD];
    }
    assert_true(leases > 0);
}

/* Wall clocks jump, and nothing else happens: whoever is off says so, and if it leads, leadership
 * goes to another; nobody asks for that but the clocks. */
static void a_leader_whose_clock_is_off_hands_over(void **state)
{
    (void)state;
    uint64_t off = 0, transfers = 0, lost = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_options options = world(seed, seed % 2 == 0 ? 3 : 5, 20);
        struct sim_report report;
        options.faults = 1u << SIM_FAULT_SKEW;
        sim_run(&options, &report);
        if (report.failed) fail_msg("seed %u: %s", (unsigned)seed, report.reason);
        off += report.counts[SIM_COVER_CLOCKS_OFF];
        transfers += report.counts[SIM_COVER_TRANSFERS];
        lost += report.counts[SIM_COVER_UNKNOWN];
    }
    assert_true(off > 100 && transfers > 10);
    assert_true(lost < off);
}

/* Beyond the bound leases lie, and the judge must object. Whatever the clocks do, all other reads
 * are true: a world that asked for no lease stays clean. */
static void the_judge_objects_when_clocks_break_the_bound(void **state)
{
    (void)state;
    uint32_t objections = 0, clean = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_options options = world(seed, 3, 20);
        struct sim_report report;
        options.faults = 1u << SIM_FAULT_DRIFT;
        sim_run(&options, &report);
        if (report.counts[SIM_COVER_READS_ON_LEASE] > 0) {
            objections += report.failed && strncmp(report.reason, "linearizability", 15) == 0;
        } else {
            if (report.failed) fail_msg("seed %u: %s", (unsigned)seed, report.reason);
            clean++;
        }
    }
    print_message("%u objections, %u worlds without a lease\n", objections, clean);
    assert_true(objections >= 5);
    assert_true(clean >= 10);
}

static void every_system_is_found_by_its_name(void **state)
{
    (void)state;
    assert_ptr_equal(sim_system_by_name(slice_text("raft")), &sim_system_register);
    assert_ptr_equal(sim_system_by_name(slice_text("queue")), &sim_system_queue);
    assert_null(sim_system_by_name(slice_text("rafts")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worlds_of_three_nodes_pass_and_are_not_quiet),
        cmocka_unit_test(worlds_of_one_and_five_nodes_pass),
        cmocka_unit_test(every_fault_alone_happens_and_is_survived),
        cmocka_unit_test(without_faults_nothing_is_refused_or_unknown),
        cmocka_unit_test(leases_are_true_while_clocks_keep_the_bound),
        cmocka_unit_test(a_leader_whose_clock_is_off_hands_over),
        cmocka_unit_test(the_judge_objects_when_clocks_break_the_bound),
        cmocka_unit_test(every_system_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
