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

static const char only_majority[] =
    "ERR a write is acknowledged by a majority: the levels leader and all are not built yet";

static void consistency_write(struct asked *asked)
{
    if (asked->words.count == 2) {
        resp_put_bulk(say(asked), slice_text("majority"));
    } else if (asked->words.count == 3 && asked_is(asked, 2, "majority")) {
        say_ok(asked);
    } else if (asked->words.count == 3 &&
               (asked_is(asked, 2, "leader") || asked_is(asked, 2, "all"))) {
        say_error(asked, only_majority);
    } else {
        say_error(asked, "ERR a write is acknowledged by leader, majority or all");
    }
}

/* CONSISTENCY level command...: a level of writes before a read changes nothing, and the other way
 * round. */
static void consistency_once(struct asked *asked)
{
    enum level level = level_of(asked, 1);
    if (level == LEVEL_DEFAULT && !asked_is(asked, 1, "majority")) {
        bool write = asked_is(asked, 1, "leader") || asked_is(asked, 1, "all");
        say_error(asked, write ? only_majority
                               : "ERR a level is local, session, lease, linearizable or majority");
        return;
    }
    if (asked->words.count < 3 || asked->level != LEVEL_DEFAULT) {
        say_syntax_error(asked);
        return;
    }
    asked->level = level == LEVEL_DEFAULT ? LEVEL_LINEARIZABLE : level;
    asked->words.words += 2;
    asked->words.count -= 2;
    ask(asked);
}

void local_consistency(struct asked *asked)
{
    if (asked_is(asked, 1, "read")) {
        consistency_read(asked);
    } else if (asked_is(asked, 1, "write")) {
        consistency_write(asked);
    } else if (asked_is(asked, 1, "token") || asked_is(asked, 1, "after")) {
        say_error(asked,
                  "ERR tokens are not built yet: stay on one connection, or read linearizable");
    } else {
        consistency_once(asked);
    }
}
