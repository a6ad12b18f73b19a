/* `quartet check`: judges a history file (specs/history.md). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check/check.h"
#include "check/explain.h"
#include "check/history_read.h"
#include "check/html.h"
#include "contract/system.h"
#include "command/commands.h"
#include "command/options.h"

enum {
    EXIT_PASSED = 0,
    EXIT_VIOLATION = 1,
    EXIT_UNKNOWN = 3,
    MEMORY_MIB_MAX = 1 << 20,
    PATIENCE_S_MAX = 1 << 20,
    READ_SIZE = 1 << 16,
    FILE_SIZE_MAX = 1 << 30,
};

static const char command[] = "quartet check";

struct check_request {
    const char *file;
    const char *initial;
    const char *html; /* NULL: none is written */
    uint64_t memory_mib;
    uint64_t seconds; /* 0: no limit */
};

/* --- the world: files and the clock --- */

static bool read_all(const char *name, struct buffer *text)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (file == NULL) {
        options_mistake(command, NULL, "%s: %s", name, strerror(errno));
        return false;
    }
    size_t size;
    do {
        size = fread(buffer_reserve(text, READ_SIZE), 1, READ_SIZE, file);
        buffer_grew(text, size);
    } while (size > 0 && text->size <= FILE_SIZE_MAX);
    bool failed = ferror(file) != 0;
    if (failed) options_mistake(command, NULL, "%s: %s", name, strerror(errno));
    if (file != stdin) fclose(file);
    if (!failed && text->size > FILE_SIZE_MAX) {
        options_mistake(command, NULL, "%s: more than 1 GiB: cut the history", name);
        return false;
    }
    return !failed;
}

static bool write_all(const char *name, const struct buffer *text)
{
    struct slice bytes = buffer_slice(text);
    FILE *file = fopen(name, "wb");
    bool written = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    if (file != NULL && fclose(file) != 0) written = false;
    if (!written) options_mistake(command, "html", "%s: %s", name, strerror(errno));
    return written;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool too_late(void *deadline_ms)
{
    return now_ms() >= *(const uint64_t *)deadline_ms;
}

/* --- saying what came out --- */

static void say(const struct buffer *text)
{
    struct slice bytes = buffer_slice(text);
    if (bytes.size > 0) fwrite(bytes.data, 1, bytes.size, stdout); /* not NULL, says C */
}

static void say_violation(const struct check_request *request, const struct history *history,
                          const struct model *model, const struct check_result *result)
{
    struct buffer text = {0};
    const struct check_violation *first = &result->violations[0];
    check_name_key(history, model, first->key, &text);
    buffer_append_text(&text, " breaks at ");
    check_name_operation(history, first->stuck, &text);
    printf("%s: not linearizable: %.*s", request->file, (int)text.size,
           (const char *)buffer_slice(&text).data);
    if (result->keys_violated > 1) printf(", and %u more", (unsigned)result->keys_violated - 1);
    putchar('\n');
    buffer_free(&text);
}

/* The last line says it in one sentence. */
static int say_verdict(const struct check_request *request, const struct history *history,
                       const struct model *model, const struct check_result *result)
{
    switch (result->verdict) {
    case CHECK_VIOLATION: say_violation(request, history, model, result); return EXIT_VIOLATION;
    case CHECK_UNKNOWN:
        printf("%s: unknown: %s is used up on %u of %u keys; give more with %s\n", request->file,
               result->out_of_memory ? "the memory" : "the time", (unsigned)result->keys_unknown,
               (unsigned)result->keys, result->out_of_memory ? "--memory" : "--time");
        return EXIT_UNKNOWN;
    case CHECK_PASSED: break;
    }
    printf("%s: linearizable: %u operations on %u %s%s\n", request->file, (unsigned)history->count,
           (unsigned)result->keys, model->object, result->keys == 1 ? "" : "s");
    return EXIT_PASSED;
}

static int judge(const struct check_request *request, const struct model *model,
                 struct history *history)
{
    struct check_options options = check_options_default();
    struct check_result result;
    uint64_t deadline_ms = now_ms() + request->seconds * 1000;
    options.memory_bytes_max = (size_t)request->memory_mib << 20;
    if (request->seconds > 0) {
        options.stop = too_late;
        options.context = &deadline_ms;
    }
    if (request->initial != NULL &&
        !history_read_atom(history, slice_text(request->initial), &options.initial)) {
        return options_mistake(command, "initial", "%s: a whole number, a \"string\", or null",
                               request->initial);
    }
    check_history(history, model, &options, &result);
    struct buffer text = {0};
    check_explain(history, model, &options, &result, &text);
    say(&text);
    buffer_clear(&text);
    bool written = true;
    if (request->html != NULL) {
        check_html(history, model, &options, &result, request->file, &text);
        written = write_all(request->html, &text);
    }
    buffer_free(&text);
    int code = written ? say_verdict(request, history, model, &result) : OPTIONS_EXIT_USAGE;
    check_result_free(&result);
    return code;
}

static void say_mistake(const struct check_request *request, uint32_t line, const char *what)
{
    options_mistake(command, NULL, "%s: line %u: %s", request->file, (unsigned)line, what);
}

/* By a system's own rules. */
static int check_system(const struct check_request *request, const struct system *system)
{
    struct buffer text = {0};
    struct system_verdict verdict = {0};
    int code = OPTIONS_EXIT_USAGE;
    if (read_all(request->file, &text)) {
        system->judge(buffer_slice(&text), &verdict);
        if (verdict.mistake != NULL) {
            say_mistake(request, verdict.mistake_line, verdict.mistake);
        } else {
            struct slice words = buffer_slice(&verdict.words);
            printf("%s: %.*s\n", request->file, (int)words.size, (const char *)words.data);
            code = verdict.violated ? EXIT_VIOLATION : EXIT_PASSED;
        }
    }
    buffer_free(&verdict.words);
    buffer_free(&text);
    return code;
}

static int check_file(const struct check_request *request, const struct model *model)
{
    struct buffer text = {0};
    struct history history = {0};
    struct history_mistake mistake;
    int code = OPTIONS_EXIT_USAGE;
    if (read_all(request->file, &text)) {
        if (history_read(buffer_slice(&text), model, &history, &mistake)) {
            code = judge(request, model, &history);
        } else {
            say_mistake(request, mistake.line, mistake.what);
        }
    }
    history_free(&history);
    buffer_free(&text);
    return code;
}

int command_check(int argc, char **argv)
{
    struct check_request request = {.memory_mib = CHECK_MEMORY_MIB_DEFAULT};
    struct option_spec items[] = {
        {"html", "FILE", "write a violation as a timeline to look at, too", option_parse_text,
         &request.html, 0, 0, 0},
        {"memory", "MIB", "of the search; more: the answer is unknown (1024)", option_parse_number,
         &request.memory_mib, 1, MEMORY_MIB_MAX, 0},
        {"time", "SECONDS", "the same for time (no limit)", option_parse_number, &request.seconds,
         1, PATIENCE_S_MAX, 0},
        {"initial", "VALUE", "what every key holds at first (null)", option_parse_text,
         &request.initial, 0, 0, 0},
    };
    struct options options = {
        .command = command,
        .summary =
            "Judges a history, JSON lines as specs/history.md says (- for standard input), by a "
            "model:\nregister (read, write, cas) and kv (get, put, cas, delete) for "
            "linearizability, queue by its rules\n(no loss, no resurrection, exactly once, one "
            "holder), chat by its own (one order, no hole, at\nmost once), store by what its "
            "levels promise.\nExit code: 0 it holds, "
            "1 it is violated, 3 unknown, 2 the file or the call is wrong.",
        .operands = "MODEL FILE",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    const char *operands[2];
    size_t operands_count;
    enum options_result parsed = options_parse(&options, argc, argv, operands, 2, &operands_count);
    if (parsed != OPTIONS_OK) return parsed == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    if (operands_count != 2) {
        return options_mistake(command, NULL, "which model, and which file? See %s --help",
                               command);
    }
    request.file = operands[1];
    const struct system *system = system_by_name(operands[0]);
    if (system != NULL && system->judge != NULL) {
        for (size_t i = 0; i < options.count; i++) {
            if (!items[i].given) continue;
            return options_mistake(command, items[i].name, "not with %s, which needs none",
                                   system->name);
        }
        return check_system(&request, system);
    }
    const struct model *model = model_by_name(slice_text(operands[0]));
    if (model == NULL) {
        return options_mistake(command, NULL,
                               "there is no model \"%s\": register, kv, queue, chat or store",
                               operands[0]);
    }
    return check_file(&request, model);
}
