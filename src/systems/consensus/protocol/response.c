/* From replies to JSON. See response.h. What is zero, empty or false is left out. */
#include "systems/consensus/protocol/response.h"

#include "base/base64.h"
#include "wire/http1.h"
#include "wire/json.h"

/* A 64-bit number, as a string. */
static void member_number(struct json *json, const char *key, int64_t value)
{
    if (value == 0) return;
    uint8_t text[24];
    size_t sign = value < 0;
    text[0] = '-';
    size_t size = decimal_write(text + sign, sign ? (uint64_t)-value : (uint64_t)value);
    json_key(json, key);
    json_string(json, slice_of(text, sign + size));
}

static void member_bytes(struct json *json, const char *key, struct slice bytes)
{
    if (bytes.size == 0) return;
    struct buffer text = {0};
    base64_append(&text, bytes);
    json_key(json, key);
    json_string(json, buffer_slice(&text));
    buffer_free(&text);
}

static void write_kv(struct json *json, const struct consensus_kv *kv)
{
    json_object_begin(json);
    member_bytes(json, "key", kv->key);
    member_number(json, "create_revision", kv->create);
    member_number(json, "mod_revision", kv->mod);
    member_number(json, "version", kv->version);
    member_bytes(json, "value", kv->value);
    member_number(json, "lease", kv->lease);
    json_object_end(json);
}

static void write_kvs(struct json *json, const char *key, const struct consensus_outcome *outcome)
{
    if (outcome->kvs_count == 0) return;
    json_key(json, key);
    json_array_begin(json);
    for (uint32_t i = 0; i < outcome->kvs_count; i++) write_kv(json, &outcome->kvs[i]);
    json_array_end(json);
}

static void write_header(struct json *json, int64_t revision, const struct protocol_facts *facts)
{
    json_key(json, "header");
    json_object_begin(json);
    if (facts != NULL) {
        /* As etcd's, it is unsigned. */
        json_key(json, "cluster_id");
        struct buffer text = {0};
        buffer_append_decimal(&text, facts->cluster);
        json_string(json, buffer_slice(&text));
        buffer_free(&text);
        member_number(json, "member_id", facts->node);
    }
    member_number(json, "revision", revision);
    if (facts != NULL) member_number(json, "raft_term", (int64_t)facts->term);
    json_object_end(json);
}

/* The members of one outcome but its header; returns what stands behind it. */
static const struct consensus_outcome *write_outcome(struct json *json,
                                                     const struct consensus_outcome *outcome)
{
    static const char *const names[] = {
        [CONSENSUS_RANGE] = "response_range",
        [CONSENSUS_PUT] = "response_put",
        [CONSENSUS_DELETE] = "response_delete_range",
        [CONSENSUS_TXN] = "response_txn",
    };
    const struct consensus_outcome *next = outcome + 1;
    if (outcome->op == CONSENSUS_RANGE) {
        write_kvs(json, "kvs", outcome);
        if (outcome->more) json_member_bool(json, "more", true);
        member_number(json, "count", outcome->count);
    } else if (outcome->op == CONSENSUS_PUT && outcome->kvs_count != 0) {
        json_key(json, "prev_kv");
        write_kv(json, outcome->kvs);
    } else if (outcome->op == CONSENSUS_DELETE) {
        member_number(json, "deleted", outcome->count);
        write_kvs(json, "prev_kvs", outcome);
    } else if (outcome->op == CONSENSUS_TXN) {
        if (outcome->succeeded) json_member_bool(json, "succeeded", true);
        if (outcome->inside == 0) return next;
        json_key(json, "responses");
        json_array_begin(json);
        for (uint32_t i = 0; i < outcome->inside; i++) {
            json_object_begin(json);
            json_key(json, names[next->op]);
            json_object_begin(json);
            /* etcd says no revision of a transaction within another */
            write_header(json, next->op == CONSENSUS_TXN ? 0 : next->revision, NULL);
            next = write_outcome(json, next);
            json_object_end(json);
            json_object_end(json);
        }
        json_array_end(json);
    }
    return next;
}

static void write_status(struct json *json, const struct consensus_reply *reply,
                         const struct protocol_facts *facts)
{
    json_member_text(json, "version", GATEWAY_VERSION);
    member_number(json, "dbSize", (int64_t)reply->bytes);
    if (facts != NULL) {
        member_number(json, "leader", facts->leader);
        member_number(json, "raftIndex", (int64_t)facts->applied);
        member_number(json, "raftTerm", (int64_t)facts->term);
        member_number(json, "raftAppliedIndex", (int64_t)facts->applied);
    }
    if (reply->alarm != 0) {
        struct buffer text = {0};
        buffer_append_text(&text, "memberID:");
        buffer_append_decimal(&text, reply->alarm);
        buffer_append_text(&text, " alarm:NOSPACE "); /* the blank is etcd's */
        json_key(json, "errors");
        json_array_begin(json);
        json_string(json, buffer_slice(&text));
        json_array_end(json);
        buffer_free(&text);
    }
    member_number(json, "dbSizeInUse", (int64_t)reply->bytes);
    member_number(json, "dbSizeQuota", (int64_t)reply->quota);
}

static void write_lease(struct json *json, const struct consensus_reply *reply)
{
    member_number(json, "ID", reply->lease);
    member_number(json, "TTL", reply->ttl_s);
    member_number(json, "grantedTTL", reply->granted_ttl_s);
    if (reply->keys_count == 0) return;
    json_key(json, "keys");
    json_array_begin(json);
    for (uint32_t i = 0; i < reply->keys_count; i++) {
        struct buffer text = {0};
        base64_append(&text, reply->keys[i]);
        json_string(json, buffer_slice(&text));
        buffer_free(&text);
    }
    json_array_end(json);
}

static void write_leases(struct json *json, const struct consensus_reply *reply)
{
    if (reply->leases_count == 0) return;
    json_key(json, "leases");
    json_array_begin(json);
    for (uint32_t i = 0; i < reply->leases_count; i++) {
        json_object_begin(json);
        member_number(json, "ID", reply->leases[i]);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_alarms(struct json *json, const struct consensus_reply *reply)
{
    if (reply->alarm == 0) return;
    json_key(json, "alarms");
    json_array_begin(json);
    json_object_begin(json);
    member_number(json, "memberID", reply->alarm);
    json_member_text(json, "alarm", "NOSPACE");
    json_object_end(json);
    json_array_end(json);
}

static void write_view(struct json *json, enum gateway_view view,
                       const struct consensus_reply *reply, const struct protocol_facts *facts)
{
    switch (view) {
    case GATEWAY_STATUS: write_status(json, reply, facts); break;
    case GATEWAY_ALARMS: write_alarms(json, reply); break;
    case GATEWAY_HASH: json_member_unsigned(json, "hash", reply->digest); break;
    default: break;
    }
}

static void write_reply(struct json *json, enum gateway_view view,
                        const struct consensus_reply *reply, const struct protocol_facts *facts)
{
    json_object_begin(json);
    write_header(json, reply->revision, facts);
    if (reply->outcomes_count != 0) write_outcome(json, reply->outcomes);
    switch (reply->op) {
    case CONSENSUS_STATUS: write_view(json, view, reply, facts); break;
    case CONSENSUS_GRANT:
    case CONSENSUS_KEEP_ALIVE:
    case CONSENSUS_TIME_TO_LIVE: write_lease(json, reply); break;
    case CONSENSUS_LEASES: write_leases(json, reply); break;
    case CONSENSUS_ALARM: write_alarms(json, reply); break;
    default: break;
    }
    json_object_end(json);
}

void gateway_write(const struct consensus_reply *reply, enum gateway_view view,
                   const struct protocol_facts *facts, struct buffer *out)
{
    struct json json = json_of(out);
    bool streamed = reply->op == CONSENSUS_KEEP_ALIVE;
    if (streamed) {
        json_object_begin(&json);
        json_key(&json, "result");
    }
    write_reply(&json, view, reply, facts);
    if (!streamed) return;
    json_object_end(&json);
    buffer_append_text(out, "\n");
}

/* Members. etcd takes one without a name for one that has not started. */

static void write_member(struct json *json, const struct protocol_node *node, bool secure)
{
    struct buffer text = {0};
    json_object_begin(json);
    member_number(json, "ID", node->id);
    buffer_append_text(&text, "node-");
    buffer_append_decimal(&text, node->id);
    if (node->places_count != 0) {
        json_key(json, "name");
        json_string(json, buffer_slice(&text));
        json_key(json, "clientURLs");
        json_array_begin(json);
        for (uint32_t i = 0; i < node->places_count; i++) {
            if (node->places[i].size == 0) continue;
            buffer_clear(&text);
            buffer_append_text(&text, secure ? "https://" : "http://");
            buffer_append_slice(&text, node->places[i]);
            json_string(json, buffer_slice(&text));
        }
        json_array_end(json);
    }
    json_object_end(json);
    buffer_free(&text);
}

void gateway_write_members(const struct protocol_facts *facts, bool secure, struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    write_header(&json, 0, facts);
    json_key(&json, "members");
    json_array_begin(&json);
    uint32_t count = facts == NULL ? 0 : facts->nodes_count;
    for (uint32_t i = 0; i < count; i++) write_member(&json, &facts->nodes[i], secure);
    json_array_end(&json);
    json_object_end(&json);
}

/* Streams */

/* {"result":{"header":...,"watch_id":... */
static struct json begin_line(int64_t revision, int64_t id, const struct protocol_facts *facts,
                              struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    json_key(&json, "result");
    json_object_begin(&json);
    write_header(&json, revision, facts);
    member_number(&json, "watch_id", id);
    return json;
}

static void end_line(struct json *json, struct buffer *out)
{
    json_object_end(json);
    json_object_end(json);
    buffer_append_text(out, "\n");
}

void gateway_write_event(const struct consensus_news *news, int64_t id, bool first,
                         const struct protocol_facts *facts, struct buffer *out)
{
    if (first) {
        struct json line = begin_line(news->revision, id, facts, out);
        json_key(&line, "events");
        json_array_begin(&line);
    } else {
        buffer_append_text(out, ",");
    }
    struct json json = json_of(out);
    json_object_begin(&json);
    if (news->kv.version == 0) json_member_text(&json, "type", "DELETE");
    json_key(&json, "kv");
    write_kv(&json, &news->kv);
    if (news->has_previous) {
        json_key(&json, "prev_kv");
        write_kv(&json, &news->previous);
    }
    json_object_end(&json);
}

void gateway_end_events(struct buffer *out)
{
    buffer_append_text(out, "]}}\n");
}

void gateway_write_news(const struct consensus_news *news, int64_t id,
                        const struct protocol_facts *facts, struct buffer *out)
{
    bool compacted = news->kind == CONSENSUS_NEWS_COMPACTED;
    bool nothing = news->kind == CONSENSUS_NEWS_NOTHING;
    struct json json = begin_line(compacted ? 0 : news->revision, nothing ? -1 : id, facts, out);
    if (!compacted) json_member_bool(&json, "created", true);
    if (compacted || nothing) json_member_bool(&json, "canceled", true);
    if (compacted) member_number(&json, "compact_revision", news->compacted);
    if (nothing) json_member_text(&json, "cancel_reason", "mvcc: watcher range is empty");
    end_line(&json, out);
}

void gateway_write_progress(int64_t revision, int64_t id, const struct protocol_facts *facts,
                            struct buffer *out)
{
    struct json json = begin_line(revision, id, facts, out);
    end_line(&json, out);
}

/* The HTTP status of a gRPC code. */
static unsigned status_of(unsigned code)
{
    static const unsigned statuses[] = {
        [3] = 400, [5] = 404, [7] = 403, [8] = 429, [9] = 400, [11] = 400, [12] = 501, [14] = 503};
    bool known = code < sizeof statuses / sizeof statuses[0] && statuses[code] != 0;
    return known ? statuses[code] : 500;
}

void gateway_write_late_error(unsigned code, const char *text, struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_member_unsigned(&json, "grpc_code", code);
    json_member_unsigned(&json, "http_code", status_of(code));
    json_member_text(&json, "message", text);
    json_member_text(&json, "http_status", http_status_text(status_of(code)));
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_text(out, "\n");
}

unsigned gateway_write_error(unsigned code, const char *text, struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    json_member_text(&json, "error", text);
    json_member_unsigned(&json, "code", code);
    json_member_text(&json, "message", text);
    json_object_end(&json);
    return status_of(code);
}
