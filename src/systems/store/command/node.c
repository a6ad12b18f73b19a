/* `quartet store`: what is the store's own among the options of a node. */
#include <stdio.h>
#include <string.h>

#include "command/node_options.h"
#include "systems/store/command/commands.h"
#include "systems/store/machine/store.h"
#include "systems/store/protocol/protocol.h"

extern const struct system system_store; /* system.c */

enum {
    PASSWORD_SIZE_MAX = 512,
    GROUPS_MAX = 128,
    LEADERS_HOME_US = 5000000,
};

static uint64_t groups = 1;
static struct store_protocol_options options = {.redirects = true};
static char announced[NODE_ANNOUNCED_SIZE_MAX + 1];
static char password[PASSWORD_SIZE_MAX + 2];
static const char *auth_file;

static const char *parse_redirect(const char *text, const struct option_spec *option)
{
    bool on = strcmp(text, "on") == 0;
    if (!on && strcmp(text, "off") != 0) return "on or off";
    *(bool *)option->target = on;
    return NULL;
}

/* One line. NULL: it is in `password`; else what is wrong. */
static const char *read_password(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return "cannot be read";
    size_t size = fread(password, 1, sizeof password - 1, file);
    fclose(file);
    password[size] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    if (strlen(password) == 0) return "its first line, the password, is empty";
    return strlen(password) > PASSWORD_SIZE_MAX ? "a password is at most 512 bytes" : NULL;
}

static int fill(struct node_config *node)
{
    if (auth_file != NULL) {
        const char *wrong = read_password(auth_file);
        if (wrong != NULL) {
            return options_mistake("quartet store", "auth-file", "%s: %s", auth_file, wrong);
        }
        options.password = password;
    }
    snprintf(announced, sizeof announced, "%s",
             node->announced_count > 0 ? node->announced[0] : "127.0.0.1:6379");
    options.announced = announced;
    options.node = node->self;
    options.fsync_never = node->fsync_never;
    node->protocol_config.options = &options;
    /* One alone keeps the slots itself; of more, group 0 says who the members are, and no more. */
    node->groups_count = groups == 1 ? 1 : 1 + (uint32_t)groups;
    node->group_of = store_group_of;
    node->leaders_home_us = LEADERS_HOME_US;
    return 0;
}

int command_store(int argc, char **argv)
{
    const struct option_spec own[] = {
        {"auth-file", "FILE", "its first line is the password that clients AUTH with (none)",
         option_parse_text, &auth_file, 0, 0, 0},
        {"redirect", "on|off", "off: forward to who leads, for clients that know no clusters (on)",
         parse_redirect, &options.redirects, 0, 0, 0},
        {"groups", "N", "Raft groups that share the slots; on all nodes, and for good, as many (1)",
         option_parse_number, &groups, 1, GROUPS_MAX, 0},
        {"announce-replicas", NULL, "CLUSTER SLOTS lists as replicas also nodes that lead some",
         NULL, &options.announces_leaders, 0, 0, 0},
    };
    const struct node_command command = {
        .system = &system_store,
        .summary = "Runs one node of a replicated store that speaks Redis' protocol. Alone by "
                   "default;\nwith --peers it is one of a replicated cluster, which redirects "
                   "clients to who\nleads.",
        .reads_help = "where a client says nothing: linearizable, lease or local (linearizable)",
        .memory_help = "beyond it, commands that need more hear OOM (0: no limit)",
        .machine = &store_ops,
        .protocol = &store_protocol_ops,
        .own = own,
        .own_count = sizeof own / sizeof own[0],
        .fill = fill,
    };
    return node_command_run(&command, argc, argv);
}
