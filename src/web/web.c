/* The simulator for WebAssembly: a world runs and its trace goes to whoever imported us. No part of
 * the browser's or of WASI's world is asked for but the two functions below. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "sim/sim.h"

__attribute__((import_module("quartet"), import_name("print"))) void web_print(const void *bytes,
                                                                               size_t size);
__attribute__((import_module("quartet"), import_name("panic"), noreturn)) void
web_panic(const char *file, size_t file_size, int line, const char *what, size_t what_size);

void base_panic(const char *file, int line, const char *what)
{
    web_panic(file, strlen(file), line, what, strlen(what));
}

static void print(void *context, struct slice lines)
{
    (void)context;
    web_print(lines.data, lines.size);
}

/* `system`: its row in src/systems/systems.h, from 0; the rest is as in sim.h. Returns 0, or 1 when
 * the world failed: the trace says why. */
__attribute__((export_name("world_run"))) int
web_world_run(uint32_t system, uint64_t seed, uint32_t nodes, uint32_t seconds, uint32_t faults)
{
    struct sim_options options = {
        .system = sim_systems[system],
        .seed = seed,
        .nodes = nodes,
        .seconds = seconds,
        .faults = faults,
        .trace = true,
        .print = print,
    };
    static struct sim_report report;
    sim_run(&options, &report);
    return report.failed;
}

/* The faults that worlds draw from unless told otherwise. */
__attribute__((export_name("faults_default"))) uint32_t web_faults_default(void)
{
    return SIM_FAULTS_DEFAULT;
}
