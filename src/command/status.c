/* `quartet status`: what a node believes, from its admin port, laid out for people. */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "command/http_client.h"
#include "command/options.h"

enum {
    STATUS_INDENT = 2,
    STATUS_OK = 200,
};

/* A string without its quotes; what is escaped stays escaped. Returns the byte behind it. */
static const char *print_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        putchar(*at);
        if (*at == '\\' && at + 1 < end) putchar(*++at);
    }
    return at < end ? at + 1 : at;
}

static void new_line(int depth, bool item)
{
    putchar('\n');
    for (int i = 0; i < (depth - (item ? 1 : 0)) * STATUS_INDENT; i++) putchar(' ');
    if (item) printf("- ");
}

/* JSON in, lines "key: value" out, indented by depth; an item of a list begins with a dash. It
 * lays out what is there and checks nothing. */
static void print_readable(struct slice json)
{
    const char *at = (const char *)json.data;
    const char *end = at + json.size;
    int depth = 0;
    bool started = false;
    bool first = true; /* nothing is printed in this object or list yet */
    bool in_list[64] = {false};
    while (at < end) {
        char c = *at;
        if (c == '{' || c == '[') {
            if (depth > 0 && in_list[depth] && c == '[') new_line(depth, true);
            if (depth < 63) depth++;
            bool item = depth > 1 && in_list[depth - 1];
            in_list[depth] = c == '[';
            at++;
            first = item;
            if (item) new_line(depth - 1, true);
        } else if (c == '}' || c == ']') {
            if (depth > 0) depth--;
            at++;
        } else if (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            at++;
        } else if (c == ':') {
            printf(": ");
            at++;
            while (at < end && *at == ' ') at++;
            if (at < end && *at == '"') {
                at = print_string(at, end);
            } else {
                while (at < end && strchr(",{}[] \n", *at) == NULL) putchar(*at++);
            }
        } else {
            if ((!first || in_list[depth]) && started) new_line(depth - 1, in_list[depth]);
            first = false;
            started = true;
            if (c == '"') {
                at = print_string(at, end);
            } else {
                while (at < end && strchr(",}] \n", *at) == NULL) putchar(*at++);
            }
        }
    }
    putchar('\n');
}

int command_status(int argc, char **argv)
{
    struct http_client_node node;
    bool check = false;
    struct option_spec items[] = {
        [HTTP_CLIENT_OPTIONS] = {"check", NULL,
                                 "print nothing when healthy and exit 0, else exit 1", NULL, &check,
                                 0, 0, 0},
    };
    http_client_options(&node, "the node's", items);
    struct options options = {
        .command = "quartet status",
        .summary = "Shows what a running node believes: its role, the leader, the members, how "
                   "far its log is.",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    enum options_result result = options_parse(&options, argc, argv, NULL, 0, NULL);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    if (http_client_check(&node, options.command) != 0) return OPTIONS_EXIT_USAGE;

    struct buffer body = {0};
    char error[512];
    int status = http_client_request(&node, "GET", check ? "/health" : "/status", &body, error,
                                     sizeof error);
    if (status < 0) {
        fprintf(stderr, "quartet status: %s\n", error);
    } else if (check) {
        struct slice text = buffer_slice(&body);
        while (text.size > 0 && text.data[text.size - 1] == '\n') text.size--;
        if (status != STATUS_OK) {
            fprintf(stderr, "quartet status: not healthy: %.*s\n", (int)text.size,
                    (const char *)text.data);
        }
    } else {
        print_readable(buffer_slice(&body));
    }
    buffer_free(&body);
    return status == STATUS_OK ? 0 : 1;
}
