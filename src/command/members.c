/* `quartet members list|add|promote|remove|transfer`: who is in the cluster, over the admin port of
 * any node. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "raft/raft.h"
#include "command/commands.h"
#include "command/http_client.h"
#include "command/options.h"

enum {
    MEMBERS_OK = 200,
    MEMBERS_NO_LEADER = 503, /* nothing was done: asked again */
    MEMBERS_TRIES = 15,
    MEMBERS_WAIT_MS = 200,
};

static const struct {
    const char *verb;
    const char *operand; /* NULL: none */
} verbs[] = {
    {"list", NULL},   {"add", "ID=HOST:PORT"}, {"promote", "ID"},
    {"remove", "ID"}, {"transfer", "ID"},
};

enum { VERBS_COUNT = sizeof verbs / sizeof verbs[0] };

static int verb_find(const char *word)
{
    for (int i = 0; i < VERBS_COUNT; i++) {
        if (strcmp(verbs[i].verb, word) == 0) return i;
    }
    return -1;
}

/* "4", or for add "4=host:port", as the query of the request; false when it is neither. */
static bool make_target(const char *verb, const char *operand, struct buffer *target)
{
    buffer_append_text(target, "/members");
    if (operand == NULL) return true;
    bool add = strcmp(verb, "add") == 0;
    size_t id_size = strcspn(operand, "=");
    uint64_t id;
    if (!decimal_read(slice_of(operand, id_size), &id) || id == 0 || id > UINT32_MAX) return false;
    if (add != (operand[id_size] == '=')) return false;
    buffer_append_text(target, "?do=");
    buffer_append_text(target, verb);
    buffer_append_text(target, "&id=");
    buffer_append_decimal(target, id);
    if (!add) return true;
    const char *text = operand + id_size + 1;
    struct address address;
    if (strlen(text) > RAFT_ADDRESS_SIZE_MAX || !address_parse(text, strlen(text), &address)) {
        return false;
    }
    buffer_append_text(target, "&address=");
    http_client_append_escaped(target, text);
    return true;
}

static int ask(const struct http_client_node *node, const char *method, struct buffer *target)
{
    struct buffer body = {0};
    char error[512];
    buffer_put_u8(target, 0); /* C text from here */
    int status = MEMBERS_NO_LEADER;
    for (int i = 0; i < MEMBERS_TRIES && status == MEMBERS_NO_LEADER; i++) {
        const struct timespec wait = {.tv_nsec = MEMBERS_WAIT_MS * 1000000L};
        if (i > 0) nanosleep(&wait, NULL);
        buffer_clear(&body);
        status = http_client_request(node, method, (const char *)buffer_slice(target).data, &body,
                                     error, sizeof error);
    }
    struct slice text = buffer_slice(&body);
    if (status < 0) {
        fprintf(stderr, "quartet members: %s\n", error);
    } else {
        const char *name = status == MEMBERS_OK ? "" : "quartet members: ";
        fprintf(status == MEMBERS_OK ? stdout : stderr, "%s%.*s", name, (int)text.size,
                (const char *)text.data);
    }
    buffer_free(&body);
    return status == MEMBERS_OK ? 0 : 1;
}

int command_members(int argc, char **argv)
{
    struct http_client_node node;
    const char *operands[2] = {0};
    size_t count = 0;
    struct option_spec items[HTTP_CLIENT_OPTIONS];
    http_client_options(&node, "any member's", items);
    struct options options = {
        .command = "quartet members",
        .summary = "Shows and changes who is in a running cluster.\n"
                   "  list             every member, as the leader sees it\n"
                   "  add ID=HOST:PORT a node that waits there (started with --join): a learner, "
                   "without a vote\n"
                   "  promote ID       a learner that has caught up becomes a voter\n"
                   "  remove ID        a member goes, be it the leader\n"
                   "  transfer ID      hands leadership over to a voter",
        .operands = "list|add|promote|remove|transfer [ID[=HOST:PORT]]",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    enum options_result result = options_parse(&options, argc, argv, operands, 2, &count);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    if (http_client_check(&node, options.command) != 0) return OPTIONS_EXIT_USAGE;
    int verb = count == 0 ? -1 : verb_find(operands[0]);
    struct buffer target = {0};
    if (verb < 0 || (count == 2) != (verbs[verb].operand != NULL) ||
        !make_target(operands[0], operands[1], &target)) {
        buffer_free(&target);
        const char *wants = verb < 0 ? NULL : verbs[verb].operand;
        fprintf(stderr, "quartet members: expected %s%s%s; see quartet members --help\n",
                verb < 0 ? "list, add, promote, remove or transfer" : operands[0],
                wants != NULL ? " " : "", wants != NULL ? wants : "");
        return OPTIONS_EXIT_USAGE;
    }
    int code = ask(&node, verb == 0 ? "GET" : "POST", &target);
    buffer_free(&target);
    return code;
}
