/* A command without a key, where the node has many groups: it is put to each of them that it speaks
 * for, and the answers become one.
 *
 * The requests follow one another at once, so that their places in the order of answers do, too:
 * whichever is answered last says it all, and no other says anything. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "systems/store/protocol/internal.h"

enum { SPREAD_ID_SHIFT = 16 };

struct spread {
    struct list in_open;
    uint64_t id;
    enum store_op op;
    bool here; /* it speaks for this replica, not for what the node leads */
    unsigned version;
    uint32_t unasked, unanswered;
    uint32_t groups; /* of them those that were asked; its numbers: */
    struct buffer numbers;
    struct buffer command;
    enum protocol_request_kind kind;
    enum protocol_read read;
    struct buffer text;  /* of the answer so far */
    struct buffer error; /* the first that came, as it is said */
    int64_t sum;
    uint32_t found;
    struct info_sums info;
};

static struct spread *spread_of(const struct store_connection *connection, uint64_t id)
{
    for (struct list *at = connection->spreads.next; at != &connection->spreads; at = at->next) {
        struct spread *spread = LIST_ITEM(at, struct spread, in_open);
        if (spread->id == id) return spread;
    }
    return NULL;
}

static void spread_free(struct store_connection *connection, struct spread *spread)
{
    if (connection->spreading == spread) connection->spreading = NULL;
    list_remove(&spread->in_open);
    buffer_free(&spread->numbers);
    buffer_free(&spread->command);
    buffer_free(&spread->text);
    buffer_free(&spread->error);
    info_free(&spread->info);
    free(spread);
}

void spreads_free(struct store_connection *connection)
{
    while (!list_empty(&connection->spreads)) {
        spread_free(connection, LIST_ITEM(connection->spreads.next, struct spread, in_open));
    }
}

size_t spreads_held(const struct store_connection *connection)
{
    size_t held = 0;
    for (struct list *at = connection->spreads.next; at != &connection->spreads; at = at->next) {
        const struct spread *spread = LIST_ITEM(at, struct spread, in_open);
        held += sizeof *spread + spread->text.capacity + spread->command.capacity;
    }
    return held;
}

/* --- asking --- */

static bool speaks_for(const struct store_connection *connection, bool here, uint32_t group)
{
    const struct protocol_facts *facts = connection->facts;
    if (facts->groups_count > 1 && group == 0) return false;
    if (here || !connection->options->redirects) return true;
    return facts->groups[group].leader == facts->node;
}

/* The next group from this one on; 0: there is none behind it. */
static uint32_t group_from(const struct store_connection *connection, bool here, uint32_t group)
{
    for (; group < connection->facts->groups_count; group++) {
        if (speaks_for(connection, here, group)) return group;
    }
    return 0;
}

void spread_next(struct store_connection *connection, struct protocol_request *request)
{
    struct spread *spread = connection->spreading;
    uint32_t group;
    size_t at = (spread->groups - spread->unasked) * sizeof group;
    memcpy(&group, buffer_slice(&spread->numbers).data + at, sizeof group);
    spread->unasked--;
    *request = (struct protocol_request){
        .kind = spread->kind,
        .token = spread->id << SPREAD_ID_SHIFT | token_of(TOKEN_SPREAD, spread->version),
        .slot = store_group_first(group, connection->facts->groups_count),
        .more = spread->unasked > 0,
        .read = spread->read,
        .command = buffer_slice(&spread->command),
    };
    if (spread->unasked == 0) connection->spreading = NULL;
}

static void add(struct spread *spread, uint32_t group)
{
    buffer_append(&spread->numbers, &group, sizeof group);
    spread->groups++;
}

/* A cursor says in which slot it goes on; one whose slot is another node's now, at the next slots
 * that are this one's. False: there are none, and the client has heard that it is over. */
static bool scan_begin(struct asked *asked, struct spread *spread)
{
    struct store_connection *connection = asked->connection;
    uint32_t groups_count = connection->facts->groups_count;
    uint64_t cursor;
    if (!decimal_read(asked_word(asked, 1), &cursor)) {
        say_error(asked, "ERR invalid cursor");
        return false;
    }
    uint32_t wanted = store_group_of((uint32_t)(cursor % STORE_SLOTS), groups_count);
    uint32_t group = group_from(connection, spread->here, wanted);
    if (group == 0) {
        route_say_nothing(asked, STORE_SCAN);
        return false;
    }
    if (group != wanted) cursor = store_group_first(group, groups_count);
    uint8_t digits[20];
    store_command_begin(&spread->command, STORE_SCAN, STORE_NO_SLOT);
    store_command_word(&spread->command, slice_of(digits, decimal_write(digits, cursor)));
    for (uint32_t i = 2; i < asked->words.count; i++) {
        store_command_word(&spread->command, asked_word(asked, i));
    }
    add(spread, group);
    return true;
}

static bool all_begin(struct asked *asked, struct spread *spread)
{
    struct store_connection *connection = asked->connection;
    uint32_t group = group_from(connection, spread->here, 1);
    for (; group != 0; group = group_from(connection, spread->here, group + 1)) add(spread, group);
    buffer_append_slice(&spread->command, asked->request->command);
    if (spread->groups > 0) return true;
    route_say_nothing(asked, spread->op);
    return false;
}

bool spread_begin(struct asked *asked, const struct store_command *row)
{
    struct store_connection *connection = asked->connection;
    struct protocol_request *request = asked->request;
    const struct protocol_facts *facts = connection->facts;
    if (facts == NULL || facts->groups_count == 1) return false;
    if (row->key_first != 0 || row->op == STORE_TIME || (row->flags & STORE_HIDDEN) != 0) {
        return false;
    }
    struct spread *spread = calloc(1, sizeof *spread);
    ASSERT(spread != NULL);
    *spread = (struct spread){.id = ++connection->spread_last,
                              .op = row->op,
                              .version = connection->version,
                              .kind = request->kind,
                              .read = request->read};
    spread->here = request->kind == PROTOCOL_QUERY && route_any(request->read);
    list_init(&spread->in_open);
    list_append(&connection->spreads, &spread->in_open);
    bool begun = row->op == STORE_SCAN ? scan_begin(asked, spread) : all_begin(asked, spread);
    if (!begun) {
        spread_free(connection, spread);
        return true;
    }
    spread->unasked = spread->unanswered = spread->groups;
    connection->spreading = spread;
    spread_next(connection, request);
    return true;
}

/* --- answering --- */

static void keys_come(struct spread *spread, const struct store_reply *reply, uint32_t first)
{
    for (uint32_t i = first; i < reply->count; i++) {
        resp_put_bulk(&spread->text, reply->values[i].bytes);
        spread->found++;
    }
}

/* The last of a group's slots are looked at: it goes on with those of the next. */
static void scan_comes(const struct store_connection *connection, struct spread *spread,
                       const struct store_reply *reply)
{
    struct slice cursor = reply->values[1].bytes;
    uint32_t group;
    uint8_t digits[20];
    memcpy(&group, buffer_slice(&spread->numbers).data, sizeof group);
    if (slice_equal(cursor, slice_text("0"))) {
        uint32_t next = group_from(connection, spread->here, group + 1);
        uint32_t slot = next == 0 ? 0 : store_group_first(next, connection->facts->groups_count);
        cursor = slice_of(digits, decimal_write(digits, slot));
    }
    resp_put_array(&spread->text, 2);
    resp_put_bulk(&spread->text, cursor);
    resp_put_array(&spread->text, reply->count - 3);
    keys_come(spread, reply, 3);
}

/* Each as likely as any other, of those of groups that have one. */
static void key_comes(struct spread *spread, const struct store_value *value)
{
    if (value->kind != STORE_BULK) return;
    uint64_t drawn = map_hash_u64(spread->id + spread->unanswered);
    if (drawn % ++spread->found != 0) return;
    buffer_clear(&spread->text);
    resp_put_bulk(&spread->text, value->bytes);
}

static void comes(const struct store_connection *connection, struct spread *spread,
                  const struct store_reply *reply)
{
    const struct store_value *value = &reply->values[0];
    if (value->kind == STORE_ERROR) {
        if (spread->error.size == 0) resp_put_error(&spread->error, value->bytes);
        return;
    }
    switch (spread->op) {
    case STORE_DBSIZE: spread->sum += value->number; break;
    case STORE_INFO: info_add(&spread->info, value->bytes); break;
    case STORE_KEYS: keys_come(spread, reply, 1); break;
    case STORE_RANDOMKEY: key_comes(spread, value); break;
    case STORE_SCAN: scan_comes(connection, spread, reply); break;
    default: break; /* OK */
    }
}

static void say_all(const struct store_connection *connection, struct spread *spread,
                    struct buffer *out)
{
    if (spread->error.size > 0) {
        buffer_append_slice(out, buffer_slice(&spread->error));
        return;
    }
    switch (spread->op) {
    case STORE_DBSIZE: resp_put_integer(out, spread->sum); return;
    case STORE_INFO: info_say(&spread->info, connection, out); return;
    case STORE_KEYS: resp_put_array(out, spread->found); break;
    case STORE_RANDOMKEY:
        if (spread->found == 0) resp_put_null(out, spread->version);
        break;
    case STORE_SCAN: break;
    default: resp_put_simple(out, slice_text("OK")); return;
    }
    buffer_append_slice(out, buffer_slice(&spread->text));
}

static struct spread *spread_by_token(const struct store_connection *connection, uint64_t token)
{
    struct spread *spread = spread_of(connection, token >> SPREAD_ID_SHIFT);
    ASSERT(spread != NULL);
    return spread;
}

static void over(struct store_connection *connection, struct spread *spread, struct buffer *out)
{
    if (--spread->unanswered > 0) return;
    say_all(connection, spread, out);
    spread_free(connection, spread);
}

void spread_answer(struct store_connection *connection, uint64_t token,
                   const struct store_reply *reply, struct buffer *out)
{
    struct spread *spread = spread_by_token(connection, token);
    comes(connection, spread, reply);
    over(connection, spread, out);
}

void spread_refuse(struct store_connection *connection, uint64_t token, struct slice error,
                   struct buffer *out)
{
    struct spread *spread = spread_by_token(connection, token);
    if (spread->error.size == 0) resp_put_error(&spread->error, error);
    over(connection, spread, out);
}
