/* What the commands of a script share: their words, their errors, and a step that is told; and how
 * a script begins, with servers and what their disks hold. */
#ifndef QUARTET_TEST_TRACE_SCRIPT_H
#define QUARTET_TEST_TRACE_SCRIPT_H

#include "narrate.h"

enum {
    WORDS_MAX = 32,
    DELIVERIES_MAX = 2000, /* of one `deliver`: more is an endless conversation */
    LONG_AGO_US = 2 * WORLD_TIMEOUT_US,
};

/* One line of a script. */
struct command {
    char *word[WORDS_MAX];
    int count;
};

/* Where we are, for what goes wrong. */
static const char *script_path = "trace";
static int script_line;

__attribute__((noreturn, format(printf, 1, 2))) static inline void script_error(const char *format,
                                                                                ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", script_path, script_line);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static inline const char *word(const struct command *command, int at)
{
    if (at >= command->count) script_error("%s: too few words", command->word[0]);
    return command->word[at];
}

static inline uint32_t parse_server(const struct trace *trace, const char *text)
{
    uint32_t id = (uint32_t)strtoul(text, NULL, 10);
    if (trace->world == NULL || id == 0 || id > trace->world->nodes_count) {
        script_error("there is no server %s", text);
    }
    return id;
}

/* The server named by this word, which must be up. */
static inline uint32_t server_up(const struct trace *trace, const struct command *command, int at)
{
    uint32_t id = parse_server(trace, word(command, at));
    if (trace->world->nodes[id].raft == NULL) script_error("server %u is down", id);
    return id;
}

/* Forgets what was told since the text had this size. */
static inline void untell(struct trace *trace, size_t said_size)
{
    trace->said_size = said_size;
    if (trace->said != NULL) trace->said[said_size] = '\0';
}

/* A disk that is not slow is done at once. */
static inline void settle(struct trace *trace, uint32_t id)
{
    struct node *node = &trace->world->nodes[id];
    while (node->raft != NULL && !node->stalled && node->writes_count > 0) {
        world_land(trace->world, id);
    }
    say_changes(trace, id);
}

/* --- cluster, log --- */

/* The founding entry, index 1 of term 1, as every log of a real cluster begins. */
static inline void found(struct world *world)
{
    struct buffer data = {0};
    raft_members_encode(&world->founding, &data);
    struct raft_entry entry = {
        .index = 1, .term = 1, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    for (uint32_t id = 1; id <= world->founding.count; id++) {
        stored_push(&world->nodes[id].disk.wal, &entry);
        disk_keep(&world->nodes[id].disk, &entry);
    }
    buffer_free(&data);
}

/* cluster N [term=T] [batch=BYTES] [members=M] [founded]: N servers that know each other. They are
 * in term T, or in 1, in which a cluster is founded and nobody leads. With M, only the first M are
 * members; the others are new, and empty. They know the members by heart; if founded, by their
 * logs. */
static inline void do_cluster(struct trace *trace, const struct command *command)
{
    uint32_t count = (uint32_t)strtoul(word(command, 1), NULL, 10);
    if (trace->world != NULL || count < 1 || count > WORLD_NODES_MAX) script_error("cluster?");
    uint64_t term = 1, batch = 0, members = count;
    bool founded = false;
    for (int i = 2; i < command->count; i++) {
        const char *text = command->word[i];
        size_t name = strcspn(text, "=");
        uint64_t value = text[name] == '\0' ? 0 : strtoul(text + name + 1, NULL, 10);
        if (strncmp(text, "term=", 5) == 0)
            term = value;
        else if (strncmp(text, "batch=", 6) == 0)
            batch = value;
        else if (strncmp(text, "members=", 8) == 0)
            members = value;
        else if (strcmp(text, "founded") == 0)
            founded = true;
        else
            script_error("cluster: %s?", text);
    }
    struct world *world = trace->world = world_new(count, 1);
    world->scripted = true;
    world->delay_us_max = world->write_us_max = 0;
    world->config.clock_drift_permille = 0;
    if (batch != 0) world->config.append_bytes_max = (uint32_t)batch;
    world->founding.count = (uint32_t)members;
    for (uint32_t id = 1; id <= members; id++) {
        struct disk *disk = &world->nodes[id].disk;
        disk->trusted = true;
        disk->term = term;
        if (!founded) disk->snapshot.members = world->founding;
    }
    if (founded) found(world);
}

/* log ID TERM[:TEXT]...: what the server's disk holds before it first starts. */
static inline void do_log(struct trace *trace, const struct command *command)
{
    uint32_t id = parse_server(trace, word(command, 1));
    struct disk *disk = &trace->world->nodes[id].disk;
    if (trace->world->nodes[id].raft != NULL) script_error("log: server %u has started", id);
    for (int i = 2; i < command->count; i++) {
        char *text;
        struct raft_entry entry = {
            .index = (uint64_t)i - 1,
            .term = strtoul(command->word[i], &text, 10),
            .kind = RAFT_KIND_CALLER,
        };
        if (*text == ':') entry.data = slice_text(text + 1);
        stored_push(&disk->wal, &entry);
        disk_keep(disk, &entry);
        if (entry.term > disk->term) disk->term = entry.term;
    }
}

/* Before anything else happens, all start that have not; what they promised before is long ago. */
static inline void start_all(struct trace *trace)
{
    struct world *world = trace->world;
    if (world == NULL) script_error("a script begins with a cluster");
    if (trace->shown[1].up) return;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        world_start(world, id);
        size_t said_size = trace->said_size;
        trace->shown[id].trusted = world->nodes[id].disk.trusted;
        trace->shown[id].term = raft_term(world->nodes[id].raft);
        settle(trace, id);
        untell(trace, said_size); /* that they start is not news */
    }
    world->now_us += LONG_AGO_US;
}

#endif
