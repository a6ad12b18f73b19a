/* `quartet SUBCOMMAND ...`: the table of what there is. */
#include <stdio.h>
#include <string.h>

#include "server/commands.h"
#include "server/options.h"
#include "server/version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"queue", command_queue, "run a node of a work queue (beanstalkd's protocol)"},
    {"up", command_up, "run a whole cluster on this machine, to try it"},
    {"status", command_status, "show what a running node believes"},
    {"members", command_members, "show or change who is in a running cluster"},
    {"queue-policy", command_queue_policy, "show or set the retry policy of a tube"},
    {"log", command_log, "look at the log of a stopped node, or cut it"},
    {"sim", command_sim, "run a whole cluster in one process, in virtual time, with faults"},
    {"check", command_check, "judge a history of operations: is it linearizable?"},
};

enum {
    COMMANDS_COUNT = sizeof commands / sizeof commands[0],
};

static void show_help(void)
{
    printf("quartet %s: one replicated log, four machines, three worlds\n\n"
           "usage: quartet COMMAND [OPTION]...\n\n",
           QUARTET_VERSION);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        printf("  %-14s %s\n", commands[i].name, commands[i].help);
    }
    printf("\n`quartet COMMAND --help` says more. To see it at work: quartet up queue --demo\n");
}

static int run(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) return commands[i].run(argc, argv);
    }
    fprintf(stderr, "quartet: there is no command \"%s\": see quartet --help\n", name);
    return OPTIONS_EXIT_USAGE;
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
    if (strcmp(name, "--version") == 0) {
        printf("quartet %s\n", QUARTET_VERSION);
        return 0;
    }
    return run(name, argc - 1, argv + 1);
}
