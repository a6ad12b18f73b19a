/* `quartet chat`: what is the chat's own among the options of a node. */
#include <stdio.h>
#include <string.h>

#include "command/node_options.h"
#include "server/address.h"
#include "systems/chat/command/commands.h"
#include "systems/chat/machine/chat.h"
#include "systems/chat/protocol/connection.h"

extern const struct system system_chat; /* system.c */

enum { ENDPOINTS_SIZE_MAX = 2048, NAMES_SIZE_MAX = NODE_ANNOUNCED_MAX * 256 };

extern const char page_html[], page_css[], page_js[];

static const struct chat_page pages[] = {
    {"/", "text/html; charset=utf-8", page_html},
    {"/page.css", "text/css; charset=utf-8", page_css},
    {"/page.js", "text/javascript; charset=utf-8", page_js},
    {NULL, NULL, NULL},
};

static struct chat_protocol_options protocol_options = {.pages = pages};
static struct chat_options machine_options;
static char endpoints[ENDPOINTS_SIZE_MAX];
static char names[NAMES_SIZE_MAX];

/* "http://HOST:PORT", without a path. */
static bool endpoint_valid(const char *url)
{
    size_t size = strlen(url);
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0 || size == scheme) return false;
    return strcspn(url + scheme, "/?#@\\\"<>' \t") == size - scheme;
}

static const char *parse_endpoints(const char *text, const struct option_spec *option)
{
    static const char expected[] =
        "URLs with commas between, as browsers know this and the other nodes: "
        "http://chat.example:8080,...";
    struct chat_protocol_options *to = option->target;
    if (strlen(text) >= sizeof endpoints) return expected;
    strcpy(endpoints, text);
    to->endpoints_count = 0;
    for (char *rest = endpoints, *comma = rest; comma != NULL; rest = comma + 1) {
        comma = strchr(rest, ',');
        if (comma != NULL) *comma = '\0';
        if (!endpoint_valid(rest) || to->endpoints_count == CHAT_ENDPOINTS_MAX) return expected;
        to->endpoints[to->endpoints_count++] = rest;
    }
    return NULL;
}

/* It goes by the names that clients are told to dial, too. */
static void note_names(const struct node_config *node)
{
    struct address address;
    for (uint32_t i = 0; i < node->announced_count; i++) {
        const char *announced = node->announced[i];
        if (!address_parse(announced, strlen(announced), &address)) continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ",", address.host);
    }
    protocol_options.names = names[0] == '\0' ? NULL : names;
}

static uint64_t ping_s = 25, silence_s = 40, grace_s = 5, history_age_s;

static int fill(struct node_config *node)
{
    if (ping_s >= silence_s) {
        return options_mistake("quartet chat", "ping-s", "%llu is not less than --silence-s %llu",
                               (unsigned long long)ping_s, (unsigned long long)silence_s);
    }
    protocol_options.ping_us = ping_s * 1000000;
    protocol_options.silence_us = silence_s * 1000000;
    machine_options.grace_us = grace_s * 1000000;
    machine_options.history_age_us = history_age_s * 1000000;
    note_names(node);
    node->machine_options = &machine_options;
    node->protocol_config.options = &protocol_options;
    return 0;
}

int command_chat(int argc, char **argv)
{
    const struct option_spec own[] = {
        {"endpoints", "URL,...",
         "all nodes as browsers know them: pages of these may connect (own)", parse_endpoints,
         &protocol_options, 0, 0, 0},
        {"ping-s", "SECONDS", "of silence, until a client is pinged (25)", option_parse_number,
         &ping_s, 1, 3600, 0},
        {"silence-s", "SECONDS", "of silence, until its connection is closed (40)",
         option_parse_number, &silence_s, 2, 7200, 0},
        {"grace-s", "SECONDS", "who is back within them never left; alike on all nodes (5)",
         option_parse_number, &grace_s, 1, 3600, 0},
        {"history-bytes", "BYTES", "of all rooms that are kept; alike on all nodes (1 GiB)",
         option_parse_number, &machine_options.history_bytes_max, 1 << 16, UINT64_C(1) << 40, 0},
        {"history-age-s", "SECONDS", "older events go; alike on all nodes (0: none go)",
         option_parse_number, &history_age_s, 0, UINT64_C(100) * 366 * 86400, 0},
    };
    const struct node_command command = {
        .system = &system_chat,
        .summary = "Runs one node of a chat: rooms with one order, over WebSockets at /chat. Alone "
                   "by default;\nwith --peers it is one of a replicated cluster, and clients may "
                   "connect to any node.",
        .reads_help = "of histories and lists of who is there: linearizable, lease or local "
                      "(linearizable)",
        .memory_help = "beyond it, posts are refused as full (0: no limit)",
        .machine = &chat_ops,
        .protocol = &chat_protocol_ops,
        .own = own,
        .own_count = sizeof own / sizeof own[0],
        .fill = fill,
    };
    return node_command_run(&command, argc, argv);
}
