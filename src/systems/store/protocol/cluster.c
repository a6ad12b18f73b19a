/* CLUSTER: what a node tells of slots and nodes. So far there is one group, and every node serves
 * all of it, forwarding what is the leader's: so a node names itself as owner of all slots. */
#include <string.h>

#include "systems/store/protocol/internal.h"

enum { ID_SIZE = 40 };

struct self {
    struct slice host;
    uint64_t port;
    char id[ID_SIZE]; /* the number of the node in so many digits */
};

static struct self self_of(const struct asked *asked)
{
    const struct store_protocol_options *options = asked->connection->options;
    struct self self;
    struct slice address = slice_text(options->announced);
    size_t host = address.size; /* up to the last colon */
    while (host > 0 && address.data[host] != ':') host--;
    self.host = slice_of(address.data, host);
    self.port = 0;
    decimal_read(slice_text(options->announced + host + 1), &self.port);
    if (host > 1 && self.host.data[0] == '[') self.host = slice_of(address.data + 1, host - 2);
    uint8_t digits[20];
    size_t size = decimal_write(digits, options->node);
    memset(self.id, '0', sizeof self.id);
    memcpy(self.id + ID_SIZE - size, digits, size);
    return self;
}

static void tell_slots(struct asked *asked)
{
    struct self self = self_of(asked);
    struct buffer *out = say(asked);
    resp_put_array(out, 1);
    resp_put_array(out, 3);
    resp_put_integer(out, 0);
    resp_put_integer(out, STORE_SLOTS - 1);
    resp_put_array(out, 3);
    resp_put_bulk(out, self.host);
    resp_put_integer(out, (int64_t)self.port);
    resp_put_bulk(out, slice_of(self.id, ID_SIZE));
}

static void put_pair(struct buffer *out, const char *name, struct slice value)
{
    resp_put_bulk(out, slice_text(name));
    resp_put_bulk(out, value);
}

static void tell_shards(struct asked *asked)
{
    struct self self = self_of(asked);
    unsigned version = asked->connection->version;
    struct buffer *out = say(asked);
    resp_put_array(out, 1);
    resp_put_map(out, 2, version);
    resp_put_bulk(out, slice_text("slots"));
    resp_put_array(out, 2);
    resp_put_integer(out, 0);
    resp_put_integer(out, STORE_SLOTS - 1);
    resp_put_bulk(out, slice_text("nodes"));
    resp_put_array(out, 1);
    resp_put_map(out, 7, version);
    put_pair(out, "id", slice_of(self.id, ID_SIZE));
    resp_put_bulk(out, slice_text("port"));
    resp_put_integer(out, (int64_t)self.port);
    put_pair(out, "ip", self.host);
    put_pair(out, "endpoint", self.host);
    put_pair(out, "role", slice_text("master"));
    resp_put_bulk(out, slice_text("replication-offset"));
    resp_put_integer(out, 0);
    put_pair(out, "health", slice_text("online"));
}

static void tell_nodes(struct asked *asked)
{
    struct self self = self_of(asked);
    struct buffer text = {0};
    buffer_append(&text, self.id, ID_SIZE);
    buffer_append_text(&text, " ");
    buffer_append_slice(&text, self.host);
    buffer_append_text(&text, ":");
    buffer_append_decimal(&text, self.port);
    buffer_append_text(&text, "@0 myself,master - 0 0 1 connected 0-16383\n");
    resp_put_verbatim(say(asked), buffer_slice(&text), asked->connection->version);
    buffer_free(&text);
}

static void tell_info(struct asked *asked)
{
    static const char text[] = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"
                               "cluster_slots_ok:16384\r\ncluster_slots_pfail:0\r\n"
                               "cluster_slots_fail:0\r\ncluster_known_nodes:1\r\n"
                               "cluster_size:1\r\ncluster_current_epoch:1\r\n"
                               "cluster_my_epoch:1\r\n";
    resp_put_verbatim(say(asked), slice_text(text), asked->connection->version);
}

static void tell_of_slots(struct asked *asked)
{
    uint32_t count = asked->words.count;
    if (asked_is(asked, 1, "keyslot") && count == 3) {
        resp_put_integer(say(asked), store_slot(asked_word(asked, 2)));
    } else if (asked_is(asked, 1, "countkeysinslot") && count == 3) {
        ask_machine(asked, store_command_by_op(STORE_COUNT_SLOT), 1);
    } else if (asked_is(asked, 1, "getkeysinslot") && count == 4) {
        ask_machine(asked, store_command_by_op(STORE_KEYS_SLOT), 1);
    } else if ((asked_is(asked, 1, "replicas") || asked_is(asked, 1, "slaves")) && count == 3) {
        resp_put_array(say(asked), 0);
    } else {
        const char *why = refused_cluster(asked_word(asked, 1));
        if (why != NULL) {
            say_error(asked, why);
        } else {
            say_error_about(asked, "ERR unknown subcommand or wrong number of arguments for ",
                            asked_word(asked, 1), "");
        }
    }
}

void local_cluster(struct asked *asked)
{
    bool alone = asked->words.count == 2;
    if (alone && asked_is(asked, 1, "slots")) {
        tell_slots(asked);
    } else if (alone && asked_is(asked, 1, "shards")) {
        tell_shards(asked);
    } else if (alone && asked_is(asked, 1, "nodes")) {
        tell_nodes(asked);
    } else if (alone && asked_is(asked, 1, "info")) {
        tell_info(asked);
    } else if (alone && asked_is(asked, 1, "myid")) {
        struct self self = self_of(asked);
        resp_put_bulk(say(asked), slice_of(self.id, ID_SIZE));
    } else {
        tell_of_slots(asked);
    }
}
