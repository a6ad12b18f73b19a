/* From JSON to commands. See request.h. Names come in snake_case or camelCase, members in any
 * order; unknown ones are passed over. Decoded keys and values lie in an arena as large as the
 * text, so that it never moves. */
#include "systems/consensus/protocol/request.h"

#include <string.h>

#include "base/base64.h"
#include "base/json_read.h"
#include "systems/consensus/protocol/gateway.h"

struct reading {
    struct json_read json;
    struct buffer arena, text;
    const char *error;
    bool serializable;
};

static bool fail(struct reading *reading, const char *error)
{
    if (reading->error == NULL) reading->error = error;
    return false;
}

/* The next token, which may not be BAD. */
static bool next(struct reading *reading)
{
    if (json_read_next(&reading->json) != JSON_BAD) return true;
    return fail(reading, reading->json.error);
}

/* In an object: its next member's name is there, or `*done`. */
static bool next_name(struct reading *reading, bool *done)
{
    if (!next(reading)) return false;
    *done = reading->json.token == JSON_OBJECT_END;
    return true;
}

static bool is(const struct reading *reading, const char *snake, const char *camel)
{
    return json_read_is(&reading->json, snake) || json_read_is(&reading->json, camel);
}

static bool skip(struct reading *reading)
{
    if (!next(reading)) return false;
    return json_read_skip(&reading->json) || fail(reading, reading->json.error);
}

static bool get_bytes(struct reading *reading, struct slice *bytes)
{
    if (!next(reading)) return false;
    if (reading->json.token == JSON_NULL) return true;
    if (reading->json.token != JSON_STRING) return fail(reading, "a string of base64 is expected");
    buffer_clear(&reading->text);
    json_read_text(&reading->json, &reading->text);
    size_t before = reading->arena.size;
    if (!base64_read(buffer_slice(&reading->text), &reading->arena)) {
        return fail(reading, "illegal base64 data");
    }
    struct slice all = buffer_slice(&reading->arena);
    *bytes = slice_of(all.data == NULL ? NULL : all.data + before, all.size - before);
    return true;
}

/* Digits, with a minus sign perhaps. */
static bool text_number(struct slice text, int64_t *number)
{
    bool negative = text.size != 0 && text.data[0] == '-';
    if (negative) text = slice_of(text.data + 1, text.size - 1);
    uint64_t magnitude;
    if (!decimal_read(text, &magnitude) || magnitude > INT64_MAX) return false;
    *number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool get_number(struct reading *reading, int64_t *number)
{
    if (!next(reading)) return false;
    const struct json_read *json = &reading->json;
    bool good = json->token == JSON_NULL;
    if (json->token == JSON_STRING) good = text_number(json->raw, number);
    if (json->token == JSON_NUMBER && json->whole) good = text_number(json->raw, number);
    return good || fail(reading, "a whole number of 64 bits is expected");
}

static bool get_bool(struct reading *reading, bool *value)
{
    if (!next(reading)) return false;
    enum json_token token = reading->json.token;
    if (token == JSON_NULL) return true;
    *value = token == JSON_TRUE;
    return token == JSON_TRUE || token == JSON_FALSE || fail(reading, "true or false is expected");
}

static bool get_enum(struct reading *reading, const char *const *names, uint8_t count,
                     uint8_t *value)
{
    if (!next(reading)) return false;
    const struct json_read *json = &reading->json;
    if (json->token == JSON_NULL) return true;
    if (json_read_is_unsigned(json) && json->magnitude <= UINT8_MAX) {
        *value = (uint8_t)json->magnitude;
        return true;
    }
    for (uint8_t i = 0; json->token == JSON_STRING && i < count; i++) {
        if (!json_read_is(json, names[i])) continue;
        *value = i;
        return true;
    }
    return fail(reading, "unknown value for enum");
}

static bool begin_object(struct reading *reading)
{
    if (!next(reading)) return false;
    return reading->json.token == JSON_OBJECT_BEGIN || fail(reading, "an object is expected");
}

static const char *const orders[] = {"NONE", "ASCEND", "DESCEND"};
static const char *const sorts[] = {"KEY", "VERSION", "CREATE", "MOD", "VALUE"};
static const char *const results[] = {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"};
static const char *const targets[] = {"VERSION", "CREATE", "MOD", "VALUE", "LEASE"};

/* Each reads the members of one object, whose beginning was read. */

static bool range_member(struct reading *g, struct consensus_range *range)
{
    if (is(g, "key", "key")) return get_bytes(g, &range->key);
    if (is(g, "range_end", "rangeEnd")) return get_bytes(g, &range->end);
    if (is(g, "limit", "limit")) return get_number(g, &range->limit);
    if (is(g, "revision", "revision")) return get_number(g, &range->revision);
    if (is(g, "sort_order", "sortOrder")) return get_enum(g, orders, 3, &range->order);
    if (is(g, "sort_target", "sortTarget")) return get_enum(g, sorts, 5, &range->sort);
    if (is(g, "serializable", "serializable")) return get_bool(g, &g->serializable);
    if (is(g, "keys_only", "keysOnly")) return get_bool(g, &range->keys_only);
    if (is(g, "count_only", "countOnly")) return get_bool(g, &range->count_only);
    if (is(g, "min_mod_revision", "minModRevision")) return get_number(g, &range->mod_min);
    if (is(g, "max_mod_revision", "maxModRevision")) return get_number(g, &range->mod_max);
    if (is(g, "min_create_revision", "minCreateRevision")) return get_number(g, &range->create_min);
    if (is(g, "max_create_revision", "maxCreateRevision")) return get_number(g, &range->create_max);
    return skip(g);
}

static bool read_range(struct reading *reading, struct buffer *out)
{
    struct consensus_range range = {0};
    bool done = false;
    while (next_name(reading, &done) && !done && range_member(reading, &range)) {}
    consensus_put_range(&range, out);
    return done;
}

static bool read_put(struct reading *g, struct buffer *out)
{
    struct consensus_put put = {0};
    bool done = false, good = true;
    while (good && next_name(g, &done) && !done) {
        if (is(g, "key", "key")) {
            good = get_bytes(g, &put.key);
        } else if (is(g, "value", "value")) {
            good = get_bytes(g, &put.value);
        } else if (is(g, "lease", "lease")) {
            good = get_number(g, &put.lease);
        } else if (is(g, "prev_kv", "prevKv")) {
            good = get_bool(g, &put.previous);
        } else if (is(g, "ignore_value", "ignoreValue")) {
            good = get_bool(g, &put.ignore_value);
        } else if (is(g, "ignore_lease", "ignoreLease")) {
            good = get_bool(g, &put.ignore_lease);
        } else {
            good = skip(g);
        }
    }
    consensus_put_put(&put, out);
    return done;
}

static bool read_delete(struct reading *g, struct buffer *out)
{
    struct consensus_delete delete = {0};
    bool done = false, good = true;
    while (good && next_name(g, &done) && !done) {
        if (is(g, "key", "key")) {
            good = get_bytes(g, &delete.key);
        } else if (is(g, "range_end", "rangeEnd")) {
            good = get_bytes(g, &delete.end);
        } else if (is(g, "prev_kv", "prevKv")) {
            good = get_bool(g, &delete.previous);
        } else {
            good = skip(g);
        }
    }
    consensus_put_delete(&delete, out);
    return done;
}

static bool compare_member(struct reading *g, struct consensus_compare *compare)
{
    if (is(g, "result", "result")) return get_enum(g, results, 4, &compare->result);
    if (is(g, "target", "target")) return get_enum(g, targets, 5, &compare->target);
    if (is(g, "key", "key")) return get_bytes(g, &compare->key);
    if (is(g, "range_end", "rangeEnd")) return get_bytes(g, &compare->end);
    if (is(g, "value", "value")) return get_bytes(g, &compare->value);
    if (is(g, "version", "version") || is(g, "create_revision", "createRevision") ||
        is(g, "mod_revision", "modRevision") || is(g, "lease", "lease")) {
        return get_number(g, &compare->number);
    }
    return skip(g);
}

static bool read_compare(struct reading *reading, struct buffer *out)
{
    struct consensus_compare compare = {0};
    bool done = false;
    while (next_name(reading, &done) && !done && compare_member(reading, &compare)) {}
    if (compare.result > CONSENSUS_NOT_EQUAL || compare.target > CONSENSUS_LEASE) {
        return fail(reading, "unknown value for enum");
    }
    consensus_put_compare(&compare, out);
    return done;
}

static bool read_txn(struct reading *reading, struct buffer *out);

/* {"request_put":{...}} and the like. */
static bool read_operation(struct reading *g, struct buffer *out)
{
    bool done = false, good = true;
    unsigned found = 0;
    while (good && next_name(g, &done) && !done) {
        bool (*read)(struct reading * reading, struct buffer * out) = NULL;
        if (is(g, "request_range", "requestRange")) read = read_range;
        if (is(g, "request_put", "requestPut")) read = read_put;
        if (is(g, "request_delete_range", "requestDeleteRange")) read = read_delete;
        if (is(g, "request_txn", "requestTxn")) read = read_txn;
        if (read != NULL && ++found > 1) return fail(g, "one request an operation is expected");
        good = read == NULL ? skip(g) : begin_object(g) && read(g, out);
    }
    if (done && found == 0) return fail(g, "an operation without a request");
    return done;
}

static bool read_array(struct reading *reading,
                       bool (*read)(struct reading *reading, struct buffer *out),
                       struct buffer *out, uint32_t *count)
{
    if (!next(reading)) return false;
    if (reading->json.token == JSON_NULL) return true;
    if (reading->json.token != JSON_ARRAY_BEGIN) return fail(reading, "an array is expected");
    for (;;) {
        if (!next(reading)) return false;
        if (reading->json.token == JSON_ARRAY_END) return true;
        if (reading->json.token != JSON_OBJECT_BEGIN) return fail(reading, "an object is expected");
        if (!read(reading, out)) return false;
        ++*count;
    }
}

static bool read_txn(struct reading *g, struct buffer *out)
{
    struct buffer parts[3] = {{0}};
    uint32_t counts[3] = {0};
    bool done = false, good = true;
    while (good && next_name(g, &done) && !done) {
        if (is(g, "compare", "compare")) {
            good = read_array(g, read_compare, &parts[0], &counts[0]);
        } else if (is(g, "success", "success")) {
            good = read_array(g, read_operation, &parts[1], &counts[1]);
        } else if (is(g, "failure", "failure")) {
            good = read_array(g, read_operation, &parts[2], &counts[2]);
        } else {
            good = skip(g);
        }
    }
    consensus_put_txn((struct consensus_part){counts[0], buffer_slice(&parts[0])},
                      (struct consensus_part){counts[1], buffer_slice(&parts[1])},
                      (struct consensus_part){counts[2], buffer_slice(&parts[2])}, out);
    for (unsigned i = 0; i < 3; i++) buffer_free(&parts[i]);
    return done;
}

/* Requests of two numbers at most. */

static bool simple_member(struct reading *g, enum consensus_op op, int64_t *first, int64_t *second)
{
    if (op == CONSENSUS_COMPACT) {
        return is(g, "revision", "revision") ? get_number(g, first) : skip(g);
    }
    if (is(g, "ID", "id")) return get_number(g, first);
    if (op == CONSENSUS_GRANT && is(g, "TTL", "ttl")) return get_number(g, second);
    if (op == CONSENSUS_TIME_TO_LIVE && is(g, "keys", "keys")) {
        bool keys = false, good = get_bool(g, &keys);
        *second = keys;
        return good;
    }
    return skip(g);
}

static bool read_simple(struct reading *reading, enum consensus_op op, struct buffer *out)
{
    int64_t first = 0, second = 0;
    bool done = false;
    while (next_name(reading, &done) && !done && simple_member(reading, op, &first, &second)) {}
    consensus_put_simple(op, first, second, out);
    return done;
}

static const char *const actions[] = {"GET", "ACTIVATE", "DEACTIVATE"};
static const char *const alarms[] = {"NONE", "NOSPACE", "CORRUPT"};

enum action { GET, ACTIVATE, DEACTIVATE };
enum alarm { NONE, NOSPACE, CORRUPT };

/* An alarm of another kind is never raised: to take it back changes nothing. */
static bool read_alarm(struct reading *g, struct buffer *out)
{
    uint8_t action = GET, alarm = NONE;
    int64_t member = 0;
    bool done = false, good = true;
    while (good && next_name(g, &done) && !done) {
        if (is(g, "action", "action")) {
            good = get_enum(g, actions, 3, &action);
        } else if (is(g, "memberID", "member_id")) {
            good = get_number(g, &member);
        } else if (is(g, "alarm", "alarm")) {
            good = get_enum(g, alarms, 3, &alarm);
        } else {
            good = skip(g);
        }
    }
    if (!done) return false;
    if (action == GET && alarm != CORRUPT) {
        consensus_put_simple(CONSENSUS_STATUS, 0, 0, out);
        return true;
    }
    if (action == ACTIVATE && (alarm != NOSPACE || member <= 0)) {
        return fail(g, "only NOSPACE can be raised, by a member");
    }
    consensus_put_simple(CONSENSUS_ALARM, alarm == NOSPACE ? member : 0, action == ACTIVATE, out);
    return true;
}

/* Watches. */

static const char *const filters[] = {"NOPUT", "NODELETE"};

static bool read_filters(struct reading *g, struct consensus_watch *watch)
{
    if (!next(g)) return false;
    if (g->json.token == JSON_NULL) return true;
    if (g->json.token != JSON_ARRAY_BEGIN) return fail(g, "an array is expected");
    for (;;) {
        /* The end of the array is none of the enum's. */
        struct json_read before = g->json;
        if (!next(g)) return false;
        if (g->json.token == JSON_ARRAY_END) return true;
        g->json = before;
        uint8_t filter = 0;
        if (!get_enum(g, filters, 2, &filter)) return false;
        if (filter > 1) return fail(g, "unknown value for enum");
        *(filter == 0 ? &watch->no_put : &watch->no_delete) = true;
    }
}

static bool watch_member(struct reading *g, struct consensus_watch *watch,
                         struct gateway_watch_request *request)
{
    if (is(g, "key", "key")) return get_bytes(g, &watch->key);
    if (is(g, "range_end", "rangeEnd")) return get_bytes(g, &watch->end);
    if (is(g, "start_revision", "startRevision")) return get_number(g, &watch->start);
    if (is(g, "prev_kv", "prevKv")) return get_bool(g, &watch->previous);
    if (is(g, "progress_notify", "progressNotify")) return get_bool(g, &request->notify);
    if (is(g, "watch_id", "watchId")) return get_number(g, &request->id);
    if (is(g, "filters", "filters")) return read_filters(g, watch);
    return skip(g);
}

static bool read_create(struct reading *g, struct gateway_watch_request *request,
                        struct buffer *command)
{
    struct consensus_watch watch = {0};
    bool done = false;
    if (command->size != 0) return fail(g, "one watch a stream: use another connection");
    if (!begin_object(g)) return false;
    while (next_name(g, &done) && !done && watch_member(g, &watch, request)) {}
    consensus_put_watch(&watch, command);
    return done;
}

/* One of the objects of a watch's body. */
static bool read_watch(struct reading *g, struct gateway_watch_request *request,
                       struct buffer *command)
{
    bool done = false, good = begin_object(g);
    while (good && next_name(g, &done) && !done) {
        if (is(g, "create_request", "createRequest")) {
            good = read_create(g, request, command);
        } else if (is(g, "progress_request", "progressRequest")) {
            request->progress = true;
            good = skip(g);
        } else if (is(g, "cancel_request", "cancelRequest")) {
            return fail(g, "a watch ends with its stream: close the connection");
        } else {
            good = skip(g);
        }
    }
    return done;
}

static bool read_one(struct reading *reading, enum consensus_op op, struct buffer *command)
{
    switch (op) {
    case CONSENSUS_RANGE: return read_range(reading, command);
    case CONSENSUS_PUT: return read_put(reading, command);
    case CONSENSUS_DELETE: return read_delete(reading, command);
    case CONSENSUS_TXN: return read_txn(reading, command);
    case CONSENSUS_ALARM: return read_alarm(reading, command);
    default: return read_simple(reading, op, command);
    }
}

static bool read_all(struct reading *reading, enum consensus_op op, struct buffer *command)
{
    return begin_object(reading) && read_one(reading, op, command) &&
           next(reading); /* END: there is nothing behind it */
}

static struct slice without_space(struct slice text)
{
    static const char space[] = " \n\r\t";
    while (text.size != 0 && memchr(space, text.data[0], sizeof space - 1) != NULL) {
        text = slice_of(text.data + 1, text.size - 1);
    }
    return text;
}

/* A stream of objects, one behind the other, each read as if it stood alone. False: it is over. */
static bool begin_next(struct reading *reading, struct slice *body)
{
    *body = without_space(*body);
    if (body->size == 0) return false;
    reading->json = json_read_of(*body, GATEWAY_DEPTH_MAX);
    return true;
}

static void end_next(const struct reading *reading, struct slice *body)
{
    const uint8_t *end = body->data + body->size;
    *body = slice_of(reading->json.at, (size_t)(end - reading->json.at));
}

static bool read_renewals(struct reading *reading, struct slice body, struct buffer *command)
{
    unsigned count = 0;
    for (; begin_next(reading, &body); end_next(reading, &body)) {
        if (count++ == GATEWAY_RENEWALS_MAX) return fail(reading, "too many renewals at once");
        if (!begin_object(reading)) return false;
        if (!read_simple(reading, CONSENSUS_KEEP_ALIVE, command)) return false;
    }
    return count != 0 || fail(reading, "an object is expected");
}

const char *gateway_read_watch(struct slice body, struct gateway_watch_request *request,
                               struct buffer *command)
{
    struct reading reading = {0};
    buffer_make_room(&reading.arena, body.size);
    bool good = true;
    while (good && begin_next(&reading, &body)) {
        good = read_watch(&reading, request, command);
        end_next(&reading, &body);
    }
    if (good && command->size == 0) good = fail(&reading, "a create_request is expected");
    if (!good) fail(&reading, "malformed request");
    buffer_free(&reading.arena);
    buffer_free(&reading.text);
    return reading.error;
}

const char *gateway_read(enum consensus_op op, struct slice body, struct buffer *command,
                         bool *serializable)
{
    if (body.size == 0) body = slice_text("{}");
    struct reading reading = {.json = json_read_of(body, GATEWAY_DEPTH_MAX)};
    buffer_make_room(&reading.arena, body.size);
    bool good = op == CONSENSUS_KEEP_ALIVE ? read_renewals(&reading, body, command)
                                           : read_all(&reading, op, command);
    if (!good) fail(&reading, "malformed request");
    *serializable = reading.serializable;
    buffer_free(&reading.arena);
    buffer_free(&reading.text);
    return reading.error;
}
