/* COMMAND and CONFIG: what the store tells of itself. */
#include "systems/store/protocol/internal.h"

/* --- COMMAND --- */

static void tell_flags(const struct store_command *row, unsigned version, struct buffer *out)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {{STORE_READ, "readonly"},
                 {STORE_WRITE, "write"},
                 {STORE_GROWS, "denyoom"},
                 {STORE_FAST, "fast"}};
    uint32_t count = 0;
    for (size_t i = 0; i < 4; i++) count += (row->flags & names[i].flag) != 0;
    resp_put_set(out, count, version);
    for (size_t i = 0; i < 4; i++) {
        if ((row->flags & names[i].flag) != 0) resp_put_simple(out, slice_text(names[i].name));
    }
}

static void tell_command(const struct store_command *row, unsigned version, struct buffer *out)
{
    if (row == NULL) {
        resp_put_null_array(out, version);
        return;
    }
    resp_put_array(out, 6);
    resp_put_bulk(out, slice_text(row->name));
    resp_put_integer(out, row->arity);
    tell_flags(row, version, out);
    resp_put_integer(out, row->key_first);
    resp_put_integer(out, row->key_last);
    resp_put_integer(out, row->key_step);
}

static void tell_all(struct asked *asked, bool names_alone)
{
    struct buffer *out = say(asked);
    resp_put_array(out, store_commands_count);
    for (uint32_t i = 0; i < store_commands_count; i++) {
        if (names_alone) {
            resp_put_bulk(out, slice_text(store_commands[i].name));
        } else {
            tell_command(&store_commands[i], asked->connection->version, out);
        }
    }
}

static void tell_some(struct asked *asked)
{
    struct buffer *out = say(asked);
    uint32_t count = asked->words.count - 2;
    resp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct store_command *row = store_command_by_name(asked_word(asked, i + 2));
        tell_command(row, asked->connection->version, out);
    }
}

static void tell_keys(struct asked *asked)
{
    const struct store_command *row = store_command_by_name(asked_word(asked, 2));
    uint32_t count = asked->words.count - 2, first, end, step;
    if (row == NULL || !store_command_arity(row, count)) {
        say_error(asked, "ERR Invalid command specified, or wrong number of arguments");
        return;
    }
    store_command_keys(row, count, &first, &end, &step);
    if (first == 0 || first >= end) {
        say_error(asked, "ERR The command has no key arguments");
        return;
    }
    struct buffer *out = say(asked);
    resp_put_array(out, (end - first + step - 1) / step);
    for (; first < end; first += step) resp_put_bulk(out, asked_word(asked, first + 2));
}

void local_command_info(struct asked *asked)
{
    uint32_t count = asked->words.count;
    if (count == 1 || (count == 2 && asked_is(asked, 1, "info"))) {
        tell_all(asked, false);
    } else if (asked_is(asked, 1, "count") && count == 2) {
        resp_put_integer(say(asked), store_commands_count);
    } else if (asked_is(asked, 1, "list") && count == 2) {
        tell_all(asked, true);
    } else if (asked_is(asked, 1, "info")) {
        tell_some(asked);
    } else if (asked_is(asked, 1, "getkeys") && count > 2) {
        tell_keys(asked);
    } else if (asked_is(asked, 1, "docs")) {
        resp_put_map(say(asked), 0, asked->connection->version);
    } else {
        say_error_about(asked, "ERR unknown subcommand ", asked_word(asked, 1), " of COMMAND");
    }
}

/* --- CONFIG --- */

static const struct {
    const char *name, *value;
} settings[] = {
    {"appendfsync", NULL}, /* by option */
    {"appendonly", "yes"},
    {"cluster-enabled", "yes"},
    {"databases", "1"},
    {"maxmemory-policy", "noeviction"},
    {"proto-max-bulk-len", "8388608"},
    {"save", ""},
    {"timeout", "0"},
};

enum { SETTINGS = sizeof settings / sizeof settings[0] };

/* A name, or a '*' behind what it begins with: that is what clients ask by. */
static bool setting_asked(const struct asked *asked, size_t setting)
{
    for (uint32_t i = 2; i < asked->words.count; i++) {
        struct slice word = asked_word(asked, i);
        if (asked_is(asked, i, settings[setting].name)) return true;
        if (word.size == 0 || word.data[word.size - 1] != '*') continue;
        struct slice name = slice_text(settings[setting].name);
        word.size--;
        if (name.size > word.size) name.size = word.size;
        if (slice_equal(word, name)) return true;
    }
    return false;
}

void local_config(struct asked *asked)
{
    if (!asked_is(asked, 1, "get") || asked->words.count < 3) {
        say_error(asked, "ERR of CONFIG there is GET alone: a node is configured by its options");
        return;
    }
    uint32_t count = 0;
    for (size_t i = 0; i < SETTINGS; i++) count += setting_asked(asked, i);
    struct buffer *out = say(asked);
    resp_put_map(out, count, asked->connection->version);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (!setting_asked(asked, i)) continue;
        const char *value = settings[i].value;
        if (value == NULL) value = asked->connection->options->fsync_never ? "no" : "always";
        resp_put_bulk(out, slice_text(settings[i].name));
        resp_put_bulk(out, slice_text(value));
    }
}
