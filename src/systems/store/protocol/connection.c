/* One command: its row, its words, its slot; then to the machine, or answered here. See
 * internal.h. */
#include <string.h>

#include "systems/store/protocol/internal.h"

enum { SHOWN_SIZE_MAX = 64 }; /* of a word in an error */

/* --- saying --- */

struct buffer *say(struct asked *asked)
{
    asked->request->kind = PROTOCOL_LITERAL;
    return &asked->connection->said;
}

void say_ok(struct asked *asked)
{
    resp_put_simple(say(asked), slice_text("OK"));
}

void say_error(struct asked *asked, const char *text)
{
    resp_put_error(say(asked), slice_text(text));
}

void say_error_about(struct asked *asked, const char *before, struct slice word, const char *after)
{
    struct buffer text = {0};
    if (word.size > SHOWN_SIZE_MAX) word.size = SHOWN_SIZE_MAX;
    buffer_append_text(&text, before);
    buffer_append_text(&text, "'");
    buffer_append_slice(&text, word);
    buffer_append_text(&text, "'");
    buffer_append_text(&text, after);
    resp_put_error(say(asked), buffer_slice(&text));
    buffer_free(&text);
}

void say_wrong_arity(struct asked *asked, struct slice name)
{
    say_error_about(asked, "ERR wrong number of arguments for ", name, " command");
}

void say_syntax_error(struct asked *asked)
{
    say_error(asked, "ERR syntax error");
}

bool asked_is(const struct asked *asked, uint32_t i, const char *text)
{
    struct slice word = asked_word(asked, i);
    if (word.size != strlen(text)) return false;
    for (size_t at = 0; at < word.size; at++) {
        uint8_t c = word.data[at];
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if (c != (uint8_t)text[at]) return false;
    }
    return true;
}

/* --- to the machine --- */

static enum protocol_read read_level(const struct asked *asked)
{
    const struct store_connection *connection = asked->connection;
    enum level level = asked->level != LEVEL_DEFAULT ? asked->level : connection->level;
    if (level == LEVEL_DEFAULT && connection->readonly) level = LEVEL_LOCAL;
    switch (level) {
    case LEVEL_DEFAULT: return connection->reads_default;
    case LEVEL_LINEARIZABLE: return PROTOCOL_READ_LINEARIZABLE;
    case LEVEL_LEASE: return PROTOCOL_READ_LEASE;
    case LEVEL_SESSION: return PROTOCOL_READ_SESSION;
    case LEVEL_LOCAL: break;
    }
    return PROTOCOL_READ_LOCAL;
}

static void set_write_level(struct asked *asked, const struct store_command *row, uint32_t first)
{
    struct protocol_request *request = asked->request;
    enum protocol_write level = asked->once ? asked->write_level : asked->connection->write_level;
    if (level == PROTOCOL_WRITE_MAJORITY) return;
    if (level == PROTOCOL_WRITE_LEADER && !always_ok(asked, row, first)) return;
    bool all = level == PROTOCOL_WRITE_ALL;
    request->write = level;
    request->token = token_of(all ? TOKEN_ALL : TOKEN_EARLY, asked->connection->version);
}

/* The slot of all keys, or STORE_NO_SLOT. False: an error was said. */
static bool find_slot(struct asked *asked, const struct store_command *row, uint32_t first_word,
                      uint16_t *slot)
{
    uint32_t at, end, step;
    store_command_keys(row, asked->words.count - first_word, &at, &end, &step);
    if (end > at && (end - at - 1) / step >= STORE_KEYS_MAX) {
        say_error(asked, "ERR a command has at most 10000 keys: send several");
        return false;
    }
    *slot = STORE_NO_SLOT;
    for (; at < end; at += step) {
        struct slice key = asked_word(asked, first_word + at);
        if (key.size > STORE_KEY_SIZE_MAX) {
            say_error(asked, "ERR a key is at most 65536 bytes: use a digest of it");
            return false;
        }
        uint16_t one = store_slot(key);
        if (*slot != STORE_NO_SLOT && one != *slot) {
            say_error(asked, "CROSSSLOT Keys in request don't hash to the same slot");
            return false;
        }
        *slot = one;
    }
    return true;
}

void ask_machine(struct asked *asked, const struct store_command *row, uint32_t first)
{
    struct protocol_request *request = asked->request;
    struct buffer *command = &asked->connection->command;
    uint16_t slot;
    if (!find_slot(asked, row, first, &slot)) return;
    store_command_begin(command, row->op, slot);
    for (uint32_t i = first + 1; i < asked->words.count; i++) {
        store_command_word(command, asked_word(asked, i));
    }
    request->kind = (row->flags & STORE_READ) != 0 ? PROTOCOL_QUERY : PROTOCOL_PROPOSE;
    request->slot = slot == STORE_NO_SLOT ? 0 : slot;
    request->grows = (row->flags & STORE_GROWS) != 0;
    request->read = (row->flags & STORE_HERE) != 0 ? PROTOCOL_READ_LOCAL : read_level(asked);
    if (request->kind == PROTOCOL_PROPOSE) set_write_level(asked, row, first);
    request->command = buffer_slice(command);
    if (!spread_begin(asked, row)) (void)route_elsewhere(asked, row, slot);
}

/* --- asking --- */

static void ask_unknown(struct asked *asked)
{
    struct slice name = asked_word(asked, 0);
    const char *why = refused_command(name);
    if (why != NULL) {
        say_error(asked, why);
        return;
    }
    /* A browser that was made to post to this port by some page: not a word to it. */
    if (asked_is(asked, 0, "post") || asked_is(asked, 0, "host:")) {
        asked->request->kind = PROTOCOL_CLOSE;
        return;
    }
    say_error_about(asked, "ERR unknown command ", name, "");
}

static bool for_strangers(const struct store_command *row)
{
    return row->op == STORE_AUTH || row->op == STORE_HELLO || row->op == STORE_QUIT ||
           row->op == STORE_RESET;
}

static void ask_known(struct asked *asked)
{
    const struct store_command *row = asked->row;
    if (!store_command_arity(row, asked->words.count)) {
        say_wrong_arity(asked, slice_text(row->name));
    } else if (!asked->connection->known && !for_strangers(row)) {
        say_error(asked, "NOAUTH Authentication required.");
    } else if ((row->flags & (STORE_READ | STORE_WRITE)) != 0) {
        ask_machine(asked, row, 0);
    } else {
        local_command(asked);
    }
}

void ask(struct asked *asked)
{
    asked->row = store_command_by_name(asked_word(asked, 0));
    if (asked->row == NULL) {
        ask_unknown(asked);
    } else {
        ask_known(asked);
    }
}
