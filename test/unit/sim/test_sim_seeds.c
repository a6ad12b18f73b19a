/* Seeds that once failed. What a seed does changes when anything that draws from it changes, so a
 * row here is a reminder and a spot check, no proof; the rule that was broken is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/sim.h"

extern const struct sim_system sim_system_queue;

static const struct {
    uint64_t seed;
    uint32_t nodes;
    const char *what;
} seeds[] = {
    {26, 3, "a wiped node took up an old incarnation: clients heard replies of its former life"},
    {272, 3, "the same: a put was told the id of another"},
    {114, 3, "the same: a deleted job was delivered again"},
    {24, 5, "segments were trimmed before the one that repeats META was durable"},
    {15, 3, "proposals were sent between a wiped node's trust and its new incarnation"},
    {150, 5, "entries that the snapshot covers hid those that they had replaced"},
    {1239, 5, "a WELCOME that overtook a STATE left the founder waiting for ever"},
    {1684, 3, "a snapshot's arrival that was aborted at its commit kept all later ones out"},
    {1111, 5, "the same"},
    {9710, 3, "entries behind a snapshot that was durable before the log were dropped at a start"},
    {485, 5, "a leader of an older term than the newest was held to what the newest committed"},
    {55, 3, "a node between its trust and its new incarnation restarted into one it had before"},
    {82, 3, "the same"},
    {122, 3, "the same: a deleted job came out again"},
    {105, 3, "the gap that a damaged segment left was damage once more at the next start"},
    {201, 3, "the same"},
    {382, 3, "the same"},
    {225, 3, "a node of a cluster with a snapshot and no readable log gave up"},
    {235, 5, "rot in the first segment left META of before the founding: of another cluster"},
    {387, 3, "the judge did not count a node that was trusted and had applied nothing"},
    {518, 3, "the judge took what a leader's snapshot had replaced for lost"},
    {572, 3, "who alone could be elected did not campaign, for its clock was off"},
    {3, 1, "a sole voter leads before its term is durable: harmless, if nothing was committed"},
};

static void seeds_that_once_failed_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        struct sim_options options = {.system = &sim_system_queue,
                                      .seed = seeds[i].seed,
                                      .nodes = seeds[i].nodes,
                                      .seconds = 30,
                                      .faults = SIM_FAULTS_DEFAULT};
        struct sim_report report;
        sim_run(&options, &report);
        if (report.failed) {
            fail_msg("quartet sim queue --seed %llu --nodes %u  # %s (once: %s)",
                     (unsigned long long)seeds[i].seed, seeds[i].nodes, report.reason,
                     seeds[i].what);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_that_once_failed_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
