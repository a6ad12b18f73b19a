/* A world as JSON: see page.h. */
#include "node/group/replica.h"
#include "sim/text.h"
#include "web/page.h"
#include "wire/json.h"

static void string(struct json *json, const char *key, const void *text, size_t size)
{
    json_key(json, key);
    json_string(json, slice_of(text, size));
}

/* --- logs --- */

static void say_commands(const struct hand_ops *ops, struct slice batch, struct buffer *out)
{
    struct commands_header header;
    struct command command;
    if (!commands_check(batch, &header)) return;
    struct reader reader = reader_of(batch);
    read_exactly(&reader, COMMANDS_HEADER_SIZE);
    while (command_read(&reader, &command)) {
        if (out->size > 0) text_append(out, "; ");
        switch (command.type) {
        case COMMAND_MACHINE: ops->command(command.bytes, out); break;
        case COMMAND_SESSION_END: text_append(out, "a client left node %u", header.origin); break;
        case COMMAND_OPEN: text_append(out, "node %u is up", header.origin); break;
        case COMMAND_RENEW: text_append(out, "node %u has clients", header.origin); break;
        case COMMAND_HURRY: text_append(out, "a client says nothing more"); break;
        default: text_append(out, "something else"); break;
        }
    }
}

static const char *entry_kind(const struct raft_entry *entry)
{
    switch (entry->kind) {
    case RAFT_KIND_NOOP: return "leader";
    case RAFT_KIND_MEMBERS: return "members";
    case KIND_COMMANDS: return "commands";
    case KIND_TICK: return "tick";
    case KIND_EXPIRE: return "expire";
    case KIND_CLOCK: return "clock";
    default: return "other";
    }
}

static void put_entry(const struct hand_ops *ops, const struct raft_entry *entry, struct json *json)
{
    struct buffer said = {0};
    switch (entry->kind) {
    case RAFT_KIND_NOOP: text_append(&said, "term %U begins", entry->term); break;
    case RAFT_KIND_MEMBERS: text_append(&said, "who is a member"); break;
    case KIND_COMMANDS: say_commands(ops, entry->data, &said); break;
    case KIND_TICK: text_append(&said, "time passes"); break;
    case KIND_EXPIRE: text_append(&said, "a node's clients are gone"); break;
    case KIND_CLOCK: text_append(&said, "what time it is"); break;
    default: text_append(&said, "something else"); break;
    }
    json_object_begin(json);
    json_member_unsigned(json, "index", entry->index);
    json_member_unsigned(json, "term", entry->term);
    json_member_text(json, "kind", entry_kind(entry));
    string(json, "words", buffer_slice(&said).data, said.size);
    json_object_end(json);
    buffer_free(&said);
}

static void put_log(const struct hand_ops *ops, const struct raft *raft, struct json *json)
{
    uint64_t last = raft_last_index(raft);
    uint64_t first = raft_first_index(raft);
    if (last >= PAGE_ENTRIES_MAX && first <= last - PAGE_ENTRIES_MAX) {
        first = last - PAGE_ENTRIES_MAX + 1;
    }
    json_key(json, "log");
    json_array_begin(json);
    for (uint64_t index = first; index <= last; index++) {
        put_entry(ops, raft_entry_at(raft, index), json);
    }
    json_array_end(json);
}

/* --- nodes --- */

static void put_raft(const struct steered *steered, const struct host *host, struct json *json)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    const struct raft *raft = sim_host_raft(host);
    const struct hand_ops *ops = steered->system.hand;
    struct buffer holds = {0};
    uint64_t due_us = raft_deadline_us(raft);
    json_member_text(json, "role", roles[raft_role(raft)]);
    json_member_unsigned(json, "term", raft_term(raft));
    json_member_unsigned(json, "vote", raft_vote(raft));
    json_member_unsigned(json, "leader", raft_leader(raft));
    json_member_bool(json, "trusted", raft_trusted(raft));
    json_member_unsigned(json, "first", raft_first_index(raft));
    json_member_unsigned(json, "last", raft_last_index(raft));
    json_member_unsigned(json, "durable", raft_durable_index(raft));
    json_member_unsigned(json, "commit", raft_commit_index(raft));
    json_member_unsigned(json, "applied", node_applied_index(host->node));
    if (due_us != UINT64_MAX)
        json_member_unsigned(json, "due_us", sim_host_virtual_us(host, due_us));
    ops->holds(node_machine(host->node), &holds);
    string(json, "holds", buffer_slice(&holds).data, holds.size);
    put_log(ops, raft, json);
    buffer_free(&holds);
}

static void put_nodes(const struct steered *steered, struct json *json)
{
    json_key(json, "nodes");
    json_array_begin(json);
    for (uint32_t i = 0; i < steered->world->hosts_count; i++) {
        const struct host *host = &steered->world->hosts[i];
        json_object_begin(json);
        json_member_unsigned(json, "id", host->id);
        json_member_bool(json, "up", host->node != NULL);
        json_member_bool(json, "paused", steer_paused(steered, host->id));
        if (sim_host_raft(host) != NULL) put_raft(steered, host, json);
        json_object_end(json);
    }
    json_array_end(json);
}

/* --- links, messages and questions --- */

static void put_cuts(const struct steered *steered, struct json *json)
{
    const struct world *world = steered->world;
    json_key(json, "cuts");
    json_array_begin(json);
    for (uint32_t a = 0; a < world->hosts_count; a++) {
        for (uint32_t b = a + 1; b < world->hosts_count; b++) {
            if (!world->network.cut[a][b]) continue;
            json_array_begin(json);
            json_unsigned(json, a + 1);
            json_unsigned(json, b + 1);
            json_array_end(json);
        }
    }
    json_array_end(json);
}

struct putting {
    const struct steered *steered;
    struct json *json;
};

/* The first line of what a client says or hears; the rest is what it is about. */
static const char *say_client(struct slice bytes, bool ask, struct buffer *out)
{
    size_t size = 0;
    while (size < bytes.size && bytes.data[size] != '\r') size++;
    text_append(out, "%b", slice_of(bytes.data, size));
    return ask ? "ask" : "answer";
}

static void put_message(void *context, const struct network_glance *glance)
{
    struct putting *putting = context;
    struct json *json = putting->json;
    uint32_t hosts = putting->steered->world->hosts_count;
    struct buffer said = {0};
    const char *kind = glance->peer ? frames_kind_word(frames_say(glance->bytes, &said))
                                    : say_client(glance->bytes, glance->from >= hosts, &said);
    json_object_begin(json);
    json_member_unsigned(json, "id", glance->number);
    json_member_unsigned(json, "from", glance->from >= hosts ? 0 : glance->from + 1);
    json_member_unsigned(json, "to", glance->to >= hosts ? 0 : glance->to + 1);
    json_member_unsigned(json, "sent_us", glance->sent_us);
    json_member_unsigned(json, "due_us", glance->due_us);
    json_member_bool(json, "held", glance->held);
    json_member_bool(json, "news", steer_is_news(glance));
    json_member_text(json, "kind", kind);
    string(json, "words", buffer_slice(&said).data, said.size);
    json_object_end(json);
    buffer_free(&said);
}

static void put_asked(const struct hand_users *users, struct json *json)
{
    static const char *const outcomes[] = {"waiting", "answered", "unknown", "unreachable"};
    json_key(json, "asked");
    json_array_begin(json);
    for (uint32_t i = 1; i <= users->asked_count; i++) {
        const struct hand_asked *asked = hand_asked(users, i);
        if (asked == NULL) continue;
        json_object_begin(json);
        json_member_unsigned(json, "number", asked->number);
        json_member_unsigned(json, "client", asked->client + 1);
        json_member_unsigned(json, "node", asked->node);
        string(json, "words", asked->words, asked->words_size);
        json_member_text(json, "outcome", outcomes[asked->outcome]);
        json_member_unsigned(json, "asked_us", asked->asked_us);
        if (asked->outcome != HAND_WAITING) json_member_unsigned(json, "over_us", asked->over_us);
        if (asked->outcome == HAND_ANSWERED) string(json, "reply", asked->reply, asked->reply_size);
        json_object_end(json);
    }
    json_array_end(json);
}

void page_state(const struct steered *steered, struct buffer *out)
{
    struct json json = json_of(out);
    struct putting putting = {steered, &json};
    json_object_begin(&json);
    json_member_unsigned(&json, "now_us", world_now_us(steered->world));
    json_member_text(&json, "system", steered->system.name);
    json_key(&json, "failed");
    if (steered->report.failed) {
        json_text(&json, steered->report.reason);
    } else {
        json_null(&json);
    }
    json_member_unsigned(&json, "heartbeat_us", steered->setting.heartbeat_us);
    json_member_unsigned(&json, "election_us", steered->setting.election_timeout_us);
    put_nodes(steered, &json);
    put_cuts(steered, &json);
    json_key(&json, "messages");
    json_array_begin(&json);
    network_each_under_way(&steered->world->network, put_message, &putting);
    json_array_end(&json);
    put_asked(hand_users(steered->world), &json);
    json_object_end(&json);
}
