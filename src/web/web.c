/* The simulator for WebAssembly. No part of the browser's or of WASI's world is asked for but the
 * two functions below.
 *
 * One world is open at a time, and all that it is lies in this module's memory: whoever copies the
 * memory between two calls has a checkpoint, and puts it back to step back, or to go another way.
 *
 * Words go in through world_words(): room for that many bytes, which the caller fills before the
 * call that takes them. What a call has to say (the state as JSON, or why an order was refused)
 * lies at world_answer(), world_answer_size() bytes, until the next call. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "sim/sim.h"
#include "sim/system.h"
#include "web/page.h"

#define EXPORT(name) __attribute__((export_name(#name)))

__attribute__((import_module("quartet"), import_name("print"))) void web_print(const void *bytes,
                                                                               size_t size);
__attribute__((import_module("quartet"), import_name("panic"), noreturn)) void
web_panic(const char *file, size_t file_size, int line, const char *what, size_t what_size);

void base_panic(const char *file, int line, const char *what)
{
    web_panic(file, strlen(file), line, what, strlen(what));
}

/* --- a world driven by hand --- */

static struct steered steered;
static struct buffer words_in;
static struct buffer answer;

static struct slice take_words(size_t size)
{
    ASSERT(size <= words_in.size);
    struct slice taken = slice_of(buffer_slice(&words_in).data, size);
    buffer_consume(&words_in, size);
    return taken;
}

EXPORT(world_words) void *web_world_words(size_t size)
{
    buffer_clear(&words_in);
    void *room = buffer_reserve(&words_in, size);
    buffer_grew(&words_in, size);
    return room;
}

EXPORT(world_answer) const void *web_world_answer(void)
{
    return buffer_slice(&answer).data;
}

EXPORT(world_answer_size) size_t web_world_answer_size(void)
{
    return answer.size;
}

/* The words are the system's name, then the options (page.h). One that is open is closed. */
EXPORT(world_open)
int web_world_open(size_t system_size, uint64_t seed, uint32_t nodes, size_t options_size)
{
    if (steered.world != NULL) steer_close(&steered);
    memset(&steered, 0, sizeof steered);
    buffer_clear(&answer);
    struct slice system = take_words(system_size);
    return (int)page_open(&steered, system, seed, nodes, take_words(options_size), &answer);
}

EXPORT(world_until) int web_world_until(size_t size)
{
    ASSERT(steered.world != NULL);
    buffer_clear(&answer);
    return page_until(&steered, take_words(size), &answer);
}

EXPORT(world_do) int web_world_do(size_t size)
{
    ASSERT(steered.world != NULL);
    buffer_clear(&answer);
    return (int)page_do(&steered, take_words(size), &answer);
}

EXPORT(world_state) void web_world_state(void)
{
    ASSERT(steered.world != NULL);
    buffer_clear(&answer);
    page_state(&steered, &answer);
}

/* --- a world from its seed to its verdict, for the test of identity --- */

static void print(void *context, struct slice lines)
{
    (void)context;
    web_print(lines.data, lines.size);
}

/* The words are the system's name; the rest is as in sim.h. Returns 0, or 1 when the world failed:
 * the trace says why; 2: there is no such system. */
EXPORT(world_run)
int web_world_run(size_t system_size, uint64_t seed, uint32_t nodes, uint32_t seconds,
                  uint32_t faults)
{
    const struct sim_system *system = sim_system_by_name(take_words(system_size));
    if (system == NULL) return 2;
    struct sim_options options = {
        .system = system,
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
EXPORT(faults_default) uint32_t web_faults_default(void)
{
    return SIM_FAULTS_DEFAULT;
}
