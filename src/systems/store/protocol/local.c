/* Commands about the connection itself. See internal.h. */
#include <string.h>

#include "systems/store/protocol/internal.h"

/* --- who it is --- */

/* In a time that does not tell how much of it was right. */
static bool password_is(const char *password, struct slice said)
{
    size_t size = strlen(password);
    uint8_t differs = size != said.size;
    for (size_t i = 0; i < said.size; i++) {
        differs |= (uint8_t)(said.data[i] ^ (uint8_t)password[size == 0 ? 0 : i % size]);
    }
    return differs == 0;
}

/* False: an error was said. */
static bool authenticate(struct asked *asked, struct slice user, struct slice password)
{
    struct store_connection *connection = asked->connection;
    const char *expected = connection->options->password;
    if (expected == NULL) {
        say_error(asked, "ERR AUTH called without any password configured: see --auth-file");
        return false;
    }
    if (!slice_equal(user, slice_text("default")) || !password_is(expected, password)) {
        say_error(asked, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    connection->known = true;
    return true;
}

static void local_auth(struct asked *asked)
{
    if (asked->words.count > 3) {
        say_syntax_error(asked);
        return;
    }
    bool named = asked->words.count == 3;
    struct slice user = named ? asked_word(asked, 1) : slice_text("default");
    if (authenticate(asked, user, asked_word(asked, named ? 2 : 1))) say_ok(asked);
}

/* A name shows in lists: no spaces, nothing that moves a cursor. False: an error was said. */
static bool set_name(struct asked *asked, struct slice name)
{
    struct store_connection *connection = asked->connection;
    bool good = name.size <= NAME_SIZE_MAX;
    for (size_t i = 0; i < name.size && good; i++) good = name.data[i] > ' ' && name.data[i] <= '~';
    if (!good) {
        say_error(asked, "ERR Client names cannot contain spaces, newlines or special characters, "
                         "and have at most 128 bytes.");
        return false;
    }
    if (name.size > 0) memcpy(connection->name, name.data, name.size);
    connection->name_size = (uint32_t)name.size;
    return true;
}

/* --- HELLO --- */

static void say_hello(struct asked *asked)
{
    unsigned version = asked->connection->version;
    struct buffer *out = say(asked);
    resp_put_map(out, 7, version);
    resp_put_bulk(out, slice_text("server"));
    resp_put_bulk(out, slice_text("redis"));
    resp_put_bulk(out, slice_text("version"));
    resp_put_bulk(out, slice_text("7.0.0"));
    resp_put_bulk(out, slice_text("proto"));
    resp_put_integer(out, version);
    resp_put_bulk(out, slice_text("id"));
    resp_put_integer(out, 0);
    resp_put_bulk(out, slice_text("mode"));
    resp_put_bulk(out, slice_text("cluster"));
    resp_put_bulk(out, slice_text("role"));
    resp_put_bulk(out, slice_text("master"));
    resp_put_bulk(out, slice_text("modules"));
    resp_put_array(out, 0);
}

/* HELLO [version [AUTH user password] [SETNAME name]] */
static void local_hello(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    unsigned version = connection->version;
    uint32_t count = asked->words.count;
    if (count > 1) {
        version = asked_is(asked, 1, "3") ? 3 : asked_is(asked, 1, "2") ? 2 : 0;
        if (version == 0) {
            say_error(asked, "NOPROTO unsupported protocol version: 2 or 3");
            return;
        }
    }
    for (uint32_t at = 2; at < count;) {
        if (asked_is(asked, at, "auth") && at + 2 < count) {
            if (!authenticate(asked, asked_word(asked, at + 1), asked_word(asked, at + 2))) return;
            at += 3;
        } else if (asked_is(asked, at, "setname") && at + 1 < count) {
            if (!set_name(asked, asked_word(asked, at + 1))) return;
            at += 2;
        } else {
            say_syntax_error(asked);
            return;
        }
    }
    if (!connection->known) {
        say_error(asked, "NOAUTH HELLO must be called with the client already authenticated, "
                         "otherwise with AUTH default PASSWORD");
        return;
    }
    connection->version = version;
    say_hello(asked);
}

/* --- CLIENT --- */

static void local_client(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    uint32_t count = asked->words.count;
    if (asked_is(asked, 1, "setname") && count == 3) {
        if (set_name(asked, asked_word(asked, 2))) say_ok(asked);
    } else if (asked_is(asked, 1, "getname") && count == 2) {
        if (connection->name_size == 0) {
            resp_put_null(say(asked), connection->version);
        } else {
            resp_put_bulk(say(asked), slice_of(connection->name, connection->name_size));
        }
    } else if (asked_is(asked, 1, "setinfo") && count == 4) {
        say_ok(asked);
    } else if (asked_is(asked, 1, "id") && count == 2) {
        resp_put_integer(say(asked), 0);
    } else if ((asked_is(asked, 1, "no-evict") || asked_is(asked, 1, "no-touch")) && count == 3) {
        say_ok(asked); /* nothing is evicted, and no reading is counted */
    } else if (asked_is(asked, 1, "reply") && count == 3 && asked_is(asked, 2, "on")) {
        say_ok(asked);
    } else if (asked_is(asked, 1, "tracking") || asked_is(asked, 1, "caching")) {
        say_error(asked, "ERR CLIENT TRACKING is not supported: read at CONSISTENCY local instead");
    } else {
        say_error_about(asked, "ERR unknown subcommand or wrong number of arguments for ",
                        asked_word(asked, 1), "");
    }
}

/* --- and the rest --- */

static void local_ping(struct asked *asked)
{
    if (asked->words.count > 2) {
        say_wrong_arity(asked, slice_text("ping"));
    } else if (asked->words.count == 2) {
        resp_put_bulk(say(asked), asked_word(asked, 1));
    } else {
        resp_put_simple(say(asked), slice_text("PONG"));
    }
}

static void local_reset(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    connection->version = 2;
    connection->level = LEVEL_DEFAULT;
    connection->write_level = PROTOCOL_WRITE_MAJORITY;
    buffer_clear(&connection->seen);
    buffer_clear(&connection->after);
    connection->readonly = false;
    connection->name_size = 0;
    connection->known = connection->options->password == NULL;
    resp_put_simple(say(asked), slice_text("RESET"));
}

static void local_object(struct asked *asked)
{
    if (asked_is(asked, 1, "encoding") && asked->words.count == 3) {
        ask_machine(asked, store_command_by_op(STORE_ENCODING), 1);
    } else {
        say_error(asked, "ERR of OBJECT there is ENCODING key alone");
    }
}

void local_command(struct asked *asked)
{
    struct store_connection *connection = asked->connection;
    switch (asked->row->op) {
    case STORE_AUTH: local_auth(asked); break;
    case STORE_CLIENT: local_client(asked); break;
    case STORE_CLUSTER: local_cluster(asked); break;
    case STORE_COMMAND: local_command_info(asked); break;
    case STORE_CONFIG: local_config(asked); break;
    case STORE_CONSISTENCY: local_consistency(asked); break;
    case STORE_ECHO: resp_put_bulk(say(asked), asked_word(asked, 1)); break;
    case STORE_HELLO: local_hello(asked); break;
    case STORE_OBJECT: local_object(asked); break;
    case STORE_PING: local_ping(asked); break;
    case STORE_QUIT:
        say_ok(asked);
        asked->request->kind = PROTOCOL_CLOSE;
        break;
    case STORE_READONLY:
    case STORE_READWRITE:
        connection->readonly = asked->row->op == STORE_READONLY;
        say_ok(asked);
        break;
    case STORE_RESET: local_reset(asked); break;
    case STORE_SELECT:
        if (asked_is(asked, 1, "0")) {
            say_ok(asked);
        } else {
            say_error(asked, "ERR there is one database, 0, as in Redis Cluster: "
                             "give the keys a prefix");
        }
        break;
    case STORE_WAIT:
    case STORE_WAITAOF: local_wait(asked); break;
    default: say_ok(asked); break; /* ASKING: no slot moves by halves */
    }
}
