/* `quartet SUBCOMMAND ...`: the table of what there is. */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "command/options.h"
#include "command/version.h"
#include "contract/system.h"

/* What all systems share; before these stand the systems' own. */
static const struct system_command shared[] = {
    {"up", command_up, "run a whole cluster on this machine, to try it"},
    {"status", command_status, "show what a running node believes"},
    {"members", command_members, "show or change who is in a running cluster"},
    {"log", command_log, "look at the log of a stopped node, or cut it"},
    {"sim", command_sim, "run a whole cluster in one process, in virtual time, with faults"},
    {"check", command_check, "judge a history of operations: is it linearizable?"},
    {NULL, NULL, NULL},
};

/* Calls `take` on each command until it says so; returns what made it stop, NULL: nothing. */
static const struct system_command *commands_find(bool (*take)(const struct system_command *command,
                                                               const char *name),
                                                  const char *name)
{
    for (const struct system *const *system = systems; *system != NULL; system++) {
        const struct system_command *at = (*system)->commands;
        for (; at != NULL && at->name != NULL; at++) {
            if (take(at, name)) return at;
        }
    }
    for (const struct system_command *at = shared; at->name != NULL; at++) {
        if (take(at, name)) return at;
    }
    return NULL;
}

static bool has_name(const struct system_command *command, const char *name)
{
    return strcmp(command->name, name) == 0;
}

static bool show_line(const struct system_command *command, const char *name)
{
    (void)name;
    printf("  %-14s %s\n", command->name, command->help);
    return false;
}

static void show_help(void)
{
    printf("quartet %s: one replicated log, four machines, three worlds\n\n"
           "usage: quartet COMMAND [OPTION]...\n\n",
           QUARTET_VERSION);
    commands_find(show_line, NULL);
    printf("\n`quartet COMMAND --help` says more. To see it at work: quartet up queue --demo\n");
}

static int run(const char *name, int argc, char **argv)
{
    const struct system_command *command = commands_find(has_name, name);
    if (command != NULL) return command->run(argc, argv);
    fprintf(stderr, "quartet: there is no command \"%s\": see quartet --help\n", name);
    return OPTIONS_EXIT_USAGE;
}

/* Of every command: nobody has to know which take it. */
static bool asks_version(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "quartet: which command? See quartet --help\n");
        return OPTIONS_EXIT_USAGE;
    }
    const char *name = argv[1];
    bool help = strcmp(name, "help") == 0;
    if (help && argc > 2) { /* `quartet help queue` is `quartet queue --help` */
        static char flag[] = "--help";
        char *words[] = {argv[2], flag, NULL};
        return run(argv[2], 2, words);
    }
    if (help || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        show_help();
        return 0;
    }
    if (asks_version(argc, argv)) {
        printf("quartet %s\n", QUARTET_VERSION);
        return 0;
    }
    return run(name, argc - 1, argv + 1);
}
