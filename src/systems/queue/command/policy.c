/* `quartet queue-policy show|set|clear TUBE`: the retry policy of a tube, over the admin port. */
#include <stdio.h>
#include <string.h>

#include "systems/queue/machine/queue.h"
#include "systems/queue/command/commands.h"
#include "command/http_client.h"
#include "command/options.h"

enum {
    POLICY_OK = 200,
    POLICY_MS_MAX = 0x7FFFFFFF,
};

struct policy_arguments {
    struct http_client_node node;
    uint64_t attempts;
    uint64_t base_ms;
    uint64_t factor_permille;
    uint64_t cap_ms;
    uint64_t jitter_permille;
    const char *dead_tube;
};

/* "2", "1.5", "0.25" as thousandths. */
static const char *parse_permille(const char *text, const struct option_spec *option)
{
    static char expected[80];
    const char *point = strchr(text, '.');
    size_t whole_size = point != NULL ? (size_t)(point - text) : strlen(text);
    size_t part_size = point != NULL ? strlen(point + 1) : 0;
    uint64_t whole, part = 0;
    bool good = decimal_read(slice_of(text, whole_size), &whole) && whole <= option->max / 1000;
    if (point != NULL) {
        good = good && part_size <= 3 && decimal_read(slice_of(point + 1, part_size), &part);
        for (size_t i = part_size; i < 3; i++) part *= 10;
    }
    uint64_t value = good ? whole * 1000 + part : 0;
    if (!good || value < option->min || value > option->max) {
        snprintf(expected, sizeof expected, "a number from %llu to %llu, like 1.5",
                 (unsigned long long)option->min / 1000, (unsigned long long)option->max / 1000);
        return expected;
    }
    *(uint64_t *)option->target = value;
    return NULL;
}

static void append_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_append_text(out, name);
    buffer_append_decimal(out, value);
}

static void make_target(const struct policy_arguments *to, const char *verb, const char *tube,
                        struct buffer *target)
{
    buffer_append_text(target, "/queue/policy?tube=");
    http_client_append_escaped(target, tube);
    if (strcmp(verb, "show") == 0) return;
    append_number(target, "&attempts=", strcmp(verb, "clear") == 0 ? 0 : to->attempts);
    append_number(target, "&base_ms=", to->base_ms);
    append_number(target, "&factor_permille=", to->factor_permille);
    append_number(target, "&cap_ms=", to->cap_ms);
    append_number(target, "&jitter_permille=", to->jitter_permille);
    if (to->dead_tube != NULL) {
        buffer_append_text(target, "&dead_tube=");
        http_client_append_escaped(target, to->dead_tube);
    }
}

static int ask(const struct policy_arguments *to, const char *verb, const char *tube)
{
    struct buffer target = {0};
    struct buffer body = {0};
    char error[512];
    make_target(to, verb, tube, &target);
    buffer_put_u8(&target, 0); /* C text from here */
    const char *method = strcmp(verb, "show") == 0 ? "GET" : "POST";
    int status = http_client_request(&to->node, method, (const char *)buffer_slice(&target).data,
                                     &body, error, sizeof error);
    struct slice text = buffer_slice(&body);
    while (text.size > 0 && text.data[text.size - 1] == '\n') text.size--;
    if (status < 0) {
        fprintf(stderr, "quartet queue-policy: %s\n", error);
    } else if (status != POLICY_OK) {
        fprintf(stderr, "quartet queue-policy: %.*s\n", (int)text.size, (const char *)text.data);
    } else {
        printf("%.*s\n", (int)text.size, (const char *)text.data);
    }
    buffer_free(&target);
    buffer_free(&body);
    return status == POLICY_OK ? 0 : 1;
}

int command_queue_policy(int argc, char **argv)
{
    struct policy_arguments to = {.attempts = 5,
                                  .base_ms = QUEUE_POLICY_BASE_MS,
                                  .factor_permille = QUEUE_POLICY_FACTOR_PERMILLE,
                                  .cap_ms = QUEUE_POLICY_CAP_MS,
                                  .jitter_permille = QUEUE_POLICY_JITTER_PERMILLE};
    struct option_spec items[] = {
        [HTTP_CLIENT_OPTIONS] = {"attempts", "N", "tries before a job is given up (5)",
                                 option_parse_number, &to.attempts, 1, QUEUE_ATTEMPTS_MAX, 0},
        {"base-ms", "N", "wait before the second try (1000)", option_parse_number, &to.base_ms, 1,
         POLICY_MS_MAX, 0},
        {"factor", "X", "each further wait is this much longer (2)", parse_permille,
         &to.factor_permille, 1000, 1000000, 0},
        {"cap-ms", "N", "no wait is longer (60000)", option_parse_number, &to.cap_ms, 1,
         POLICY_MS_MAX, 0},
        {"jitter", "X", "waits are shortened at random by up to this part (0.1)", parse_permille,
         &to.jitter_permille, 0, 1000, 0},
        {"dead-tube", "TUBE", "where a job goes that was given up (none: it is buried)",
         option_parse_text, &to.dead_tube, 0, 0, 0},
    };
    http_client_options(&to.node, "any node's", items);
    struct options options = {
        .command = "quartet queue-policy",
        .summary = "The retry policy of a tube. Attempts count at each release and at each "
                   "expiry of a job's\ntime to run; a job that failed waits longer each time, and "
                   "after the last attempt moves to\nthe dead tube with its history. Without a "
                   "policy, a tube behaves as beanstalkd's.",
        .operands = "show|set|clear TUBE",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    const char *operands[2];
    size_t count = 0;
    enum options_result result = options_parse(&options, argc, argv, operands, 2, &count);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    if (http_client_check(&to.node, options.command) != 0) return OPTIONS_EXIT_USAGE;
    if (count != 2 || (strcmp(operands[0], "show") != 0 && strcmp(operands[0], "set") != 0 &&
                       strcmp(operands[0], "clear") != 0)) {
        return options_mistake(options.command, NULL, "expected show, set or clear and a tube");
    }
    if (strlen(operands[1]) > QUEUE_TUBE_NAME_SIZE_MAX) {
        return options_mistake(options.command, NULL, "a tube's name has at most %d bytes",
                               QUEUE_TUBE_NAME_SIZE_MAX);
    }
    return ask(&to, operands[0], operands[1]);
}
