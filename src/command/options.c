/* Options: see options.h. The table is walked linearly: there are a dozen of them, once. */
#include "command/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    OPTION_ENVIRONMENT_SIZE_MAX = 80,
    OPTION_HELP_COLUMN = 28,
};

int options_mistake(const char *command, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", command);
    if (name != NULL) fprintf(stderr, "--%s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return OPTIONS_EXIT_USAGE;
}

const char *option_parse_text(const char *text, const struct option_spec *option)
{
    if (text[0] == '\0') return "something that is not empty";
    *(const char **)option->target = text;
    return NULL;
}

const char *option_parse_number(const char *text, const struct option_spec *option)
{
    static char expected[80];
    uint64_t value;
    if (!decimal_read(slice_text(text), &value) || value < option->min || value > option->max) {
        snprintf(expected, sizeof expected, "a whole number from %llu to %llu",
                 (unsigned long long)option->min, (unsigned long long)option->max);
        return expected;
    }
    *(uint64_t *)option->target = value;
    return NULL;
}

static void environment_name(const char *name, char out[OPTION_ENVIRONMENT_SIZE_MAX])
{
    size_t at = (size_t)snprintf(out, OPTION_ENVIRONMENT_SIZE_MAX, "QUARTET_");
    for (; *name != '\0' && at + 1 < OPTION_ENVIRONMENT_SIZE_MAX; name++) {
        char c = *name;
        if (c == '-') c = '_';
        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        out[at++] = c;
    }
    out[at] = '\0';
}

static void show_help(const struct options *options)
{
    printf("usage: %s [OPTION]...%s%s\n\n%s\n\n", options->command, options->operands ? " " : "",
           options->operands ? options->operands : "", options->summary);
    for (size_t i = 0; i < options->count; i++) {
        const struct option_spec *option = &options->items[i];
        int width = printf("  --%s%s%s", option->name, option->argument ? " " : "",
                           option->argument ? option->argument : "");
        if (width >= OPTION_HELP_COLUMN) {
            putchar('\n');
            width = 0;
        }
        printf("%*s%s\n", OPTION_HELP_COLUMN - width, "", option->help);
    }
    printf("  --help%*sshow this; --version: which quartet it is\n", OPTION_HELP_COLUMN - 8, "");
    if (options->count > 0) {
        char name[OPTION_ENVIRONMENT_SIZE_MAX];
        environment_name(options->items[0].name, name);
        printf("\nEach option may be given in the environment instead (--%s as %s); the flag "
               "wins.\n",
               options->items[0].name, name);
    }
}

static bool take(const struct options *options, struct option_spec *option, const char *text,
                 const char *source)
{
    const char *expected = option->parse(text, option);
    if (expected == NULL) {
        option->given = true;
        return true;
    }
    fprintf(stderr, "%s: %s: \"%s\" is not right: expected %s\n", options->command, source, text,
            expected);
    return false;
}

static bool take_flag(const struct options *options, struct option_spec *option, const char *text,
                      const char *source)
{
    if (text == NULL || strcmp(text, "1") == 0 || strcmp(text, "true") == 0) {
        *(bool *)option->target = true;
    } else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || text[0] == '\0') {
        *(bool *)option->target = false;
    } else {
        fprintf(stderr, "%s: %s: \"%s\" is not right: expected 1 or 0\n", options->command, source,
                text);
        return false;
    }
    option->given = true;
    return true;
}

static bool take_environment(struct options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        struct option_spec *option = &options->items[i];
        char name[OPTION_ENVIRONMENT_SIZE_MAX];
        environment_name(option->name, name);
        const char *text = getenv(name);
        /* An empty variable is how Compose files and shells say "not set". */
        if (option->given || text == NULL || text[0] == '\0') continue;
        bool (*how)(const struct options *, struct option_spec *, const char *, const char *) =
            option->argument == NULL ? take_flag : take;
        if (!how(options, option, text, name)) return false;
    }
    return true;
}

static struct option_spec *find(struct options *options, const char *name, size_t size)
{
    for (size_t i = 0; i < options->count; i++) {
        struct option_spec *option = &options->items[i];
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) return option;
    }
    return NULL;
}

/* One `--...` at argv[*at]; moves *at past its value. */
static bool take_word(struct options *options, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
    struct option_spec *option = find(options, name, size);
    if (option == NULL) {
        fprintf(stderr, "%s: there is no option %.*s: see %s --help\n", options->command,
                (int)size + 2, word, options->command);
        return false;
    }
    char source[OPTION_ENVIRONMENT_SIZE_MAX];
    snprintf(source, sizeof source, "--%s", option->name);
    if (option->argument == NULL) {
        return take_flag(options, option, equals != NULL ? equals + 1 : NULL, source);
    }
    if (equals != NULL) return take(options, option, equals + 1, source);
    if (*at + 1 >= argc) {
        fprintf(stderr, "%s: --%s needs a value: %s\n", options->command, option->name,
                option->argument);
        return false;
    }
    return take(options, option, argv[++*at], source);
}

enum options_result options_parse(struct options *options, int argc, char **argv,
                                  const char **operands, size_t operands_max,
                                  size_t *operands_count)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            show_help(options);
            return OPTIONS_HELP;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!take_word(options, argc, argv, &i)) return OPTIONS_BAD;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            fprintf(stderr,
                    "%s: there is no option %s (options begin with two dashes): see %s --help\n",
                    options->command, argv[i], options->command);
            return OPTIONS_BAD;
        } else if (count < operands_max) {
            operands[count++] = argv[i];
        } else {
            fprintf(stderr, "%s: \"%s\" is one word too many: see %s --help\n", options->command,
                    argv[i], options->command);
            return OPTIONS_BAD;
        }
    }
    if (operands_count != NULL) *operands_count = count;
    return take_environment(options) ? OPTIONS_OK : OPTIONS_BAD;
}
