/* CONSISTENCY: how true this connection's reads are, or one command's. */
#include "systems/store/protocol/internal.h"

static const struct {
    const char *name;
    enum level level;
} levels[] = {
    {"linearizable", LEVEL_LINEARIZABLE},
    {"lease", LEVEL_LEASE},
    {"session", LEVEL_SESSION},
    {"local", LEVEL_LOCAL},
};

static enum level level_of(const struct asked *asked, uint32_t word)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (asked_is(asked, word, levels[i].name)) return levels[i].level;
    }
    return LEVEL_DEFAULT;
}

static const char *name_of(const struct store_connection *connection)
{
    static const char *const by_config[] = {[PROTOCOL_READ_LINEARIZABLE] = "linearizable",
                                            [PROTOCOL_READ_LEASE] = "lease",
                                            [PROTOCOL_READ_LOCAL] = "local"};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (levels[i].level == connection->level) return levels[i].name;
    }
    return connection->readonly ? "local" : by_config[connection->reads_default];
}

static void consistency_read(struct asked *asked)
{
    if (asked->words.count == 2) {
        resp_put_bulk(say(asked), slice_text(name_of(asked->connection)));
        return;
    }
    enum level level = level_of(asked, 2);
    if (level == LEVEL_DEFAULT || asked->words.count > 3) {
        say_error(asked, "ERR a read is local, session, lease or linearizable");
        return;
    }
    asked->connection->level = level;
    say_ok(asked);
}

static const struct {
    const char *name;
    enum protocol_write level;
} write_levels[] = {
    {"leader", PROTOCOL_WRITE_LEADER},
    {"majority", PROTOCOL_WRITE_MAJORITY},
    {"all", PROTOCOL_WRITE_ALL},
};

enum { WRITE_LEVELS = sizeof write_levels / sizeof write_levels[0] };

/* False: it is none. */
static bool write_level_of(const struct asked *asked, uint32_t word, enum protocol_write *level)
{
    for (size_t i = 0; i < WRITE_LEVELS; i++) {
        if (!asked_is(asked, word, write_levels[i].name)) continue;
        *level = write_levels[i].level;
        return true;
    }
    return false;
}

static void consistency_write(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    if (asked->words.count == 2) {
        for (size_t i = 0; i < WRITE_LEVELS; i++) {
            if (write_levels[i].level != connection->write_level) continue;
            resp_put_bulk(say(asked), slice_text(write_levels[i].name));
        }
        return;
    }
    enum protocol_write level;
    if (asked->words.count > 3 || !write_level_of(asked, 2, &level)) {
        say_error(asked, "ERR a write is acknowledged by leader, majority or all");
        return;
    }
    connection->write_level = level;
    say_ok(asked);
}

/* CONSISTENCY level command...: a level of writes before a read changes nothing, and the other way
 * round. */
static void consistency_once(struct asked *asked)
{
    enum level level = level_of(asked, 1);
    enum protocol_write write_level = PROTOCOL_WRITE_MAJORITY;
    if (level == LEVEL_DEFAULT && !write_level_of(asked, 1, &write_level)) {
        say_error(asked,
                  "ERR a level is local, session, lease or linearizable; or leader, majority "
                  "or all");
        return;
    }
    if (asked->words.count < 3 || asked->once) {
        say_syntax_error(asked);
        return;
    }
    bool reads = level != LEVEL_DEFAULT;
    asked->once = true;
    asked->level = reads ? level : LEVEL_LINEARIZABLE;
    asked->write_level = reads ? asked->connection->write_level : write_level;
    asked->words.words += 2;
    asked->words.count -= 2;
    ask(asked);
}

/* --- tokens --- */

/* What it names is known once all before it is answered. */
static void consistency_token(struct asked *asked)
{
    if (asked->words.count != 2) {
        say_syntax_error(asked);
        return;
    }
    asked->request->kind = PROTOCOL_WAIT;
    asked->request->token = token_of(TOKEN_TOKEN, asked->connection->version);
}

static void consistency_after(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    struct buffer positions = {0};
    if (asked->words.count != 3 || !token_read(asked_word(asked, 2), &positions)) {
        say_error(asked, "ERR a token is group:term:index, as CONSISTENCY TOKEN says it");
        buffer_free(&positions);
        return;
    }
    struct slice all = buffer_slice(&positions);
    bool room = true;
    for (size_t at = 0; at < all.size && room; at += sizeof(struct protocol_position)) {
        const void *position = all.data + at;
        room = position_after(connection, position, false);
    }
    buffer_free(&positions);
    if (room) {
        say_ok(asked);
    } else {
        say_error(asked, "ERR tokens of more than 4 terms wait to be read behind: read first");
    }
}

void local_consistency(struct asked *asked)
{
    if (asked_is(asked, 1, "read")) {
        consistency_read(asked);
    } else if (asked_is(asked, 1, "write")) {
        consistency_write(asked);
    } else if (asked_is(asked, 1, "token")) {
        consistency_token(asked);
    } else if (asked_is(asked, 1, "after")) {
        consistency_after(asked);
    } else {
        consistency_once(asked);
    }
}

/* --- WAIT numreplicas timeout; WAITAOF numlocal numreplicas timeout --- */

static bool word_number(const struct asked *asked, uint32_t word, uint64_t *number)
{
    struct slice text = asked_word(asked, word);
    *number = 0;
    if (text.size == 0 || text.size > 15) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

void local_wait(struct asked *asked)
{
    struct protocol_request *request = asked->request;
    bool aof = asked->row->op == STORE_WAITAOF;
    uint64_t local = 0, others, timeout_ms;
    bool good = word_number(asked, aof ? 2 : 1, &others) &&
                word_number(asked, aof ? 3 : 2, &timeout_ms) &&
                (!aof || word_number(asked, 1, &local));
    if (!good || local > 1) {
        say_error(asked, "ERR value is not an integer or out of range");
        return;
    }
    request->kind = PROTOCOL_WAIT;
    request->token = token_of(aof ? TOKEN_WAITAOF : TOKEN_WAIT, asked->connection->version);
    request->voters = others > UINT32_MAX ? UINT32_MAX : (uint32_t)others;
    request->wait_us = timeout_ms == 0 ? UINT64_MAX : timeout_ms * 1000;
}

/* --- level leader --- */

enum { EARLY_TIME_MAX = 1000000000 }; /* of EX and PX; a longer one waits for a majority */

static bool early_time(const struct asked *asked, uint32_t word)
{
    uint64_t time;
    return word_number(asked, word, &time) && time > 0 && time <= EARLY_TIME_MAX;
}

bool always_ok(const struct asked *asked, const struct store_command *row, uint32_t first)
{
    uint32_t count = asked->words.count - first;
    switch (row->op) {
    case STORE_MSET: return count % 2 == 1;
    case STORE_SETEX:
    case STORE_PSETEX: return early_time(asked, first + 2);
    case STORE_SET: {
        if (count == 3) return true;
        bool ends =
            count == 5 && (asked_is(asked, first + 3, "ex") || asked_is(asked, first + 3, "px"));
        return ends && early_time(asked, first + 4);
    }
    default: return false;
    }
}
