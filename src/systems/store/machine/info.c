/* What is told of the node and its keys: INFO, TIME. */
#include "systems/store/machine/internal.h"

struct info {
    struct buffer *out;
    struct slice wanted; /* empty: all */
};

static bool section(struct info *info, const char *name, const char *title)
{
    bool all = info->wanted.size == 0 || word_is(info->wanted, "all") ||
               word_is(info->wanted, "default") || word_is(info->wanted, "everything");
    if (!all && !word_is(info->wanted, name)) return false;
    if (info->out->size > 0) buffer_append_text(info->out, "\r\n");
    buffer_append_text(info->out, "# ");
    buffer_append_text(info->out, title);
    buffer_append_text(info->out, "\r\n");
    return true;
}

static void number(struct info *info, const char *name, uint64_t value)
{
    buffer_append_text(info->out, name);
    buffer_append_text(info->out, ":");
    buffer_append_decimal(info->out, value);
    buffer_append_text(info->out, "\r\n");
}

static void text(struct info *info, const char *name, struct slice value)
{
    buffer_append_text(info->out, name);
    buffer_append_text(info->out, ":");
    buffer_append_slice(info->out, value);
    buffer_append_text(info->out, "\r\n");
}

static void tell_server(struct info *info, const struct machine_facts *facts)
{
    if (!section(info, "server", "Server")) return;
    text(info, "redis_version", slice_text("7.0.0"));
    text(info, "redis_mode", slice_text("cluster"));
    text(info, "os", facts->os);
    number(info, "process_id", facts->pid);
    number(info, "uptime_in_seconds", facts->uptime_s);
    number(info, "node", facts->node);
}

static void tell_rest(struct info *info, const struct store *store,
                      const struct machine_facts *facts)
{
    const struct keyspace *keys = store->keys;
    uint64_t ending = (uint64_t)keys->due.count + keys->wall.count;
    if (section(info, "clients", "Clients")) number(info, "connected_clients", facts->clients);
    if (section(info, "memory", "Memory")) {
        number(info, "used_memory", store_ops.bytes(store));
        text(info, "maxmemory_policy", slice_text("noeviction"));
    }
    if (section(info, "persistence", "Persistence")) number(info, "loading", 0);
    if (section(info, "stats", "Stats")) {
        number(info, "total_connections_received", facts->clients_total);
        number(info, "total_commands_processed", store->commands + store->scratch->numbers);
        number(info, "expired_keys", store->expired);
    }
    if (section(info, "replication", "Replication")) text(info, "role", slice_text("master"));
    if (section(info, "cluster", "Cluster")) number(info, "cluster_enabled", 1);
    if (section(info, "keyspace", "Keyspace") && keys->count > 0) {
        buffer_append_text(info->out, "db0:keys=");
        buffer_append_decimal(info->out, keys->count);
        buffer_append_text(info->out, ",expires=");
        buffer_append_decimal(info->out, ending);
        buffer_append_text(info->out, ",avg_ttl=0\r\n");
    }
}

void run_INFO(struct call *call)
{
    static const struct machine_facts nothing;
    struct buffer out = {0};
    struct info info = {&out, {NULL, 0}};
    if (call->count > 0) info.wanted = call->words[0];
    const struct machine_facts *facts = call->facts == NULL ? &nothing : call->facts;
    tell_server(&info, facts);
    tell_rest(&info, call->store, facts);
    reply_copy(call, buffer_slice(&out));
    buffer_free(&out);
}

void run_TIME(struct call *call)
{
    reply_array(call, 2);
    reply_decimal(call, (int64_t)(call->now.wall_us / 1000000));
    reply_decimal(call, (int64_t)(call->now.wall_us % 1000000));
}
