/* Runs scripted clusters and compares what they narrate with what the script says they do.
 *
 *     run FILE...             exits with 1 at the first script that tells another story
 *     run --rewrite FILE...   puts the story that happens into the scripts
 *
 * A script is blocks of commands, each followed by a line `----`, the narration, and an empty line.
 * Lines that begin with # are comments. test/trace/README.md says what the commands are. */
#include "commands.h"

static const struct {
    const char *name;
    void (*run)(struct trace *trace, const struct command *command);
    bool before_start; /* it says what the servers are, so they have not started */
} commands[] = {
    {"cluster", do_cluster, true},      {"log", do_log, true},
    {"timeout", do_timeout, false},     {"heartbeat", do_heartbeat, false},
    {"wait", do_wait, false},           {"propose", do_propose, false},
    {"deliver", do_deliver, false},     {"drop", do_drop, false},
    {"elect", do_elect, false},         {"rounds", do_rounds, false},
    {"partition", do_partition, false}, {"heal", do_heal, false},
    {"disk", do_disk, false},           {"durable", do_durable, false},
    {"crash", do_crash, false},         {"restart", do_restart, false},
    {"read", do_read, false},           {"lease", do_lease, false},
    {"change", do_change, false},       {"transfer", do_transfer, false},
    {"wipe", do_wipe, false},           {"compact", do_compact, false},
    {"snapshot", do_snapshot, false},   {"state", do_state, false},
};

static void run_line(struct trace *trace, const char *line)
{
    char text[512];
    if (strlen(line) >= sizeof text) script_error("too long: %s", line);
    strcpy(text, line);
    bool quietly = strncmp(text, "quietly ", 8) == 0;
    struct command command = {.count = 0};
    for (char *at = strtok(quietly ? text + 8 : text, " \t"); at != NULL;
         at = strtok(NULL, " \t")) {
        if (command.count == WORDS_MAX) script_error("too many words: %s", line);
        command.word[command.count++] = at;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, command.word[0]) != 0) continue;
        if (!commands[i].before_start) start_all(trace);
        size_t said_size = trace->said_size;
        commands[i].run(trace, &command);
        if (quietly) untell(trace, said_size);
        return;
    }
    script_error("no command is called %s", command.word[0]);
}

static void trace_free(struct trace *trace)
{
    for (uint32_t id = 1; id <= WORLD_NODES_MAX; id++) stored_free(&trace->shown[id].log);
    if (trace->world != NULL) world_free(trace->world);
    free(trace->said);
}

/* --- scripts --- */

/* Owned by the caller. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) script_error("%s: cannot be read", path);
    char *text = NULL;
    size_t size = 0, got;
    do {
        text = realloc(text, size + 4096);
        got = fread(text + size, 1, 4095, file);
        size += got;
    } while (got > 0);
    fclose(file);
    text[size] = '\0';
    return text;
}

/* Cuts off the next line; NULL at the end. */
static char *next_line(char **rest)
{
    if (**rest == '\0') return NULL;
    char *line = *rest;
    size_t size = strcspn(line, "\n");
    *rest = line + size + (line[size] == '\n');
    line[size] = '\0';
    return line;
}

static void append_text(char **text, size_t *size, const char *more, size_t more_size)
{
    *text = realloc(*text, *size + more_size + 2);
    memcpy(*text + *size, more, more_size);
    *size += more_size;
    (*text)[*size] = '\0';
}

static void append_line(char **text, size_t *size, const char *line)
{
    append_text(text, size, line, strlen(line));
    append_text(text, size, "\n", 1);
}

/* The script as it would be if it told what happens. Owned by the caller. */
static char *retell(const char *path)
{
    struct trace trace = {0};
    char *script = read_file(path);
    char *rest = script;
    char *told = NULL;
    size_t told_size = 0;
    char *line;
    bool old_narration = false;
    script_path = path;
    for (script_line = 1; (line = next_line(&rest)) != NULL; script_line++) {
        if (old_narration) {
            old_narration = line[0] != '\0';
            if (old_narration) continue;
        }
        if (strcmp(line, "----") == 0) {
            append_line(&told, &told_size, line);
            if (trace.said_size > 0) append_text(&told, &told_size, trace.said, trace.said_size);
            trace.said_size = 0;
            old_narration = true;
            continue;
        }
        append_line(&told, &told_size, line);
        if (line[0] != '#' && line[0] != '\0') run_line(&trace, line);
    }
    if (trace.said_size > 0) script_error("%s: the last commands have no narration", path);
    trace_free(&trace);
    free(script);
    return told;
}

/* Prints where the two stories part, with the lines before. */
static void print_difference(const char *path, const char *script, const char *told)
{
    size_t at = 0, line = 1, context = 0, lines_back = 0;
    while (script[at] == told[at]) {
        if (script[at] == '\n') line++;
        at++;
    }
    while (at > 0 && told[at - 1] != '\n') at--;
    for (context = at; context > 0; context--) {
        if (told[context - 1] == '\n' && ++lines_back > 8) break;
    }
    printf("%s:%zu: another story (make traces rewrites it, if this one is right)\n", path, line);
    printf("%.*s", (int)(at - context), told + context);
    for (int i = 0; i < 4; i++) {
        size_t size = strcspn(script + at, "\n");
        printf("- %.*s\n", (int)size, script + at);
        if (script[at + size] == '\0') break;
        script += size + 1;
    }
    for (int i = 0; i < 8; i++) {
        size_t size = strcspn(told + at, "\n");
        printf("+ %.*s\n", (int)size, told + at);
        if (told[at + size] == '\0') break;
        told += size + 1;
    }
}

int main(int argc, char **argv)
{
    int first = 1;
    bool rewrite = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
    if (rewrite) first++;
    if (first == argc) script_error("run [--rewrite] FILE...");
    for (int i = first; i < argc; i++) {
        char *script = read_file(argv[i]);
        char *told = retell(argv[i]);
        bool same = strcmp(script, told) == 0;
        if (!same && rewrite) {
            FILE *file = fopen(argv[i], "wb");
            if (file == NULL || fputs(told, file) < 0 || fclose(file) != 0) {
                script_error("%s: cannot be written", argv[i]);
            }
            printf("%s: rewritten\n", argv[i]);
        } else if (!same) {
            print_difference(argv[i], script, told);
            return 1;
        }
        free(script);
        free(told);
    }
    return 0;
}
