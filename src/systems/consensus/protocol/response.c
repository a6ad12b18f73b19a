/* From replies to JSON. See response.h. What is zero, empty or false is left out. */
#include "systems/consensus/protocol/response.h"

#include "base/base64.h"
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
    if (reply->alarm) {
        json_key(json, "errors");
        json_array_begin(json);
        json_text(json, "NOSPACE");
        json_array_end(json);
    }
    member_number(json, "dbSizeInUse", (int64_t)reply->bytes);
    member_number(json, "dbSizeQuota", (int64_t)reply->quota);
}

void gateway_write(const struct consensus_reply *reply, const struct protocol_facts *facts,
                   struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    write_header(&json, reply->revision, facts);
    if (reply->outcomes_count != 0) write_outcome(&json, reply->outcomes);
    if (reply->op == CONSENSUS_STATUS) write_status(&json, reply, facts);
    json_object_end(&json);
}

unsigned gateway_write_error(unsigned code, const char *text, struct buffer *out)
{
    static const unsigned statuses[] = {
        [3] = 400, [5] = 404, [8] = 429, [9] = 400, [11] = 400, [12] = 501, [14] = 503};
    struct json json = json_of(out);
    json_object_begin(&json);
    json_member_text(&json, "error", text);
    json_member_unsigned(&json, "code", code);
    json_member_text(&json, "message", text);
    json_object_end(&json);
    bool known = code < sizeof statuses / sizeof statuses[0] && statuses[code] != 0;
    return known ? statuses[code] : 500;
}
