/* Command-line options: long names, a mirror in the environment, one clear line for each mistake.
 *
 * `--name VALUE`, `--name=VALUE`, `--flag`; QUARTET_NAME in the environment says the same and
 * loses to the flag. Every subcommand is a table of struct option. */
#ifndef QUARTET_COMMAND_OPTIONS_H
#define QUARTET_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_EXIT_USAGE = 2, /* the exit code of every mistake made on the command line */
};

struct option_spec {
    const char *name;     /* without the dashes */
    const char *argument; /* what --help calls the value; NULL: a flag, *(bool *)target = true */
    const char *help;
    /* Stores `text` in *target. On a mistake returns what was expected instead ("a number from 1
     * to 9"), else NULL. */
    const char *(*parse)(const char *text, const struct option_spec *option);
    void *target; /* for option_parse_text: const char **; for _number: uint64_t * */
    uint64_t min; /* option_parse_number */
    uint64_t max;
    bool given; /* set when the command line or the environment named it */
};

struct options {
    const char *command;  /* "quartet queue" */
    const char *summary;  /* one paragraph for --help */
    const char *operands; /* how --help shows what follows the options; NULL: nothing may */
    struct option_spec *items;
    size_t count;
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_HELP, /* it was shown: exit 0 */
    OPTIONS_BAD,  /* it was explained on stderr: exit OPTIONS_EXIT_USAGE */
};

/* argv[0] is the subcommand. Operands are left in operands[0 .. *operands_count), in order; more
 * than operands_max are a mistake. They point into argv. */
enum options_result options_parse(struct options *options, int argc, char **argv,
                                  const char **operands, size_t operands_max,
                                  size_t *operands_count);

/* One line, "quartet queue: --node: ...", on stderr; returns OPTIONS_EXIT_USAGE. */
__attribute__((format(printf, 3, 4))) int options_mistake(const char *command, const char *name,
                                                          const char *format, ...);

const char *option_parse_text(const char *text, const struct option_spec *option);
const char *option_parse_number(const char *text, const struct option_spec *option);

#endif
