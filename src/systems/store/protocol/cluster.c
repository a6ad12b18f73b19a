/* CLUSTER: what a node tells of slots and nodes, as far as it knows (contract/protocol.h,
 * protocol_facts). Where it forwards (`--redirect off`) it names itself as the owner of all slots:
 * clients that know clusters then ask nobody else. */
#include <string.h>

#include "systems/store/protocol/internal.h"

enum { ID_SIZE = 40 };

static const char no_leader[] = "CLUSTERDOWN no leader";

/* What there is to tell: one node and one group, unless it redirects and knows more. */
struct view {
    struct asked *asked;
    const struct store_connection *connection;
    const struct protocol_facts *facts;
    uint32_t self;
    uint32_t nodes_count, groups_count;
    bool alone;
};

static struct view view_of(struct asked *asked)
{
    const struct store_connection *connection = asked->connection;
    const struct protocol_facts *facts = connection->facts;
    struct view view = {.asked = asked, .connection = connection, .facts = facts};
    view.alone = !connection->options->redirects || facts == NULL;
    view.self = facts == NULL ? connection->options->node : facts->node;
    view.nodes_count = view.alone ? 1 : facts->nodes_count;
    view.groups_count = view.alone ? 1 : facts->groups_count;
    return view;
}

static uint32_t node_at(const struct view *view, uint32_t i)
{
    return view->alone ? view->self : view->facts->nodes[i].id;
}

/* Who owns the slots of a group, or did last: a client that finds nobody there asks again. */
static uint32_t owner_of(const struct view *view, uint32_t group)
{
    return view->alone ? view->self : view->facts->groups[group].led;
}

static uint32_t owned_by(const struct view *view, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->groups_count; i++) count += owner_of(view, i) == node;
    return count;
}

/* The slots of a group; false: it has none. */
static bool range_of_group(const struct view *view, uint32_t group, uint32_t *first, uint32_t *last)
{
    *first = store_group_first(group, view->groups_count);
    uint32_t end = store_group_first(group + 1, view->groups_count);
    if (end <= *first) return false;
    *last = end - 1;
    return true;
}

/* A client that is sent to a node which it takes for a replica forgets who led before, and what
 * that one leads still: so who leads anything is no replica to clients. */
static bool is_replica(const struct view *view, uint32_t node, uint32_t owner)
{
    if (node == owner || view->alone) return false;
    if (route_address(view->connection, node).size == 0) return false;
    return view->connection->options->announces_leaders || owned_by(view, node) == 0;
}

static uint32_t replicas_of(const struct view *view, uint32_t owner)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        count += is_replica(view, node_at(view, i), owner);
    }
    return count;
}

/* Some group is led, and this node is not cut off. Else the client has heard so. */
static bool is_up(const struct view *view)
{
    if (view->alone) return true;
    for (uint32_t i = 0; i < view->groups_count && !view->facts->lost; i++) {
        uint32_t first, last;
        if (range_of_group(view, i, &first, &last) && owner_of(view, i) != 0) return true;
    }
    say_error(view->asked, no_leader);
    return false;
}

static void id_of(uint32_t node, char id[ID_SIZE])
{
    uint8_t digits[20];
    size_t size = decimal_write(digits, node);
    memset(id, '0', ID_SIZE);
    memcpy(id + ID_SIZE - size, digits, size);
}

static void put_id(struct buffer *out, uint32_t node)
{
    char id[ID_SIZE];
    id_of(node, id);
    resp_put_bulk(out, slice_of(id, sizeof id));
}

/* --- SLOTS --- */

static void put_place(const struct view *view, uint32_t node, struct buffer *out)
{
    uint64_t port;
    struct slice host = route_host(route_address(view->connection, node), &port);
    resp_put_array(out, 3);
    resp_put_bulk(out, host);
    resp_put_integer(out, (int64_t)port);
    put_id(out, node);
}

static void tell_slots(const struct view *view)
{
    uint32_t ranges = 0, first, last;
    if (!is_up(view)) return;
    for (uint32_t i = 0; i < view->groups_count; i++) {
        ranges += range_of_group(view, i, &first, &last) && owner_of(view, i) != 0;
    }
    struct buffer *out = say(view->asked);
    resp_put_array(out, ranges);
    for (uint32_t i = 0; i < view->groups_count; i++) {
        uint32_t owner = owner_of(view, i);
        if (!range_of_group(view, i, &first, &last) || owner == 0) continue;
        resp_put_array(out, 3 + replicas_of(view, owner));
        resp_put_integer(out, first);
        resp_put_integer(out, last);
        put_place(view, owner, out);
        for (uint32_t n = 0; n < view->nodes_count; n++) {
            if (is_replica(view, node_at(view, n), owner)) put_place(view, node_at(view, n), out);
        }
    }
}

/* --- SHARDS --- */

static void put_pair(struct buffer *out, const char *name, struct slice value)
{
    resp_put_bulk(out, slice_text(name));
    resp_put_bulk(out, value);
}

static void put_member(const struct view *view, uint32_t node, const char *role, struct buffer *out)
{
    uint64_t port;
    struct slice host = route_host(route_address(view->connection, node), &port);
    resp_put_map(out, 7, view->connection->version);
    resp_put_bulk(out, slice_text("id"));
    put_id(out, node);
    resp_put_bulk(out, slice_text("port"));
    resp_put_integer(out, (int64_t)port);
    put_pair(out, "ip", host);
    put_pair(out, "endpoint", host);
    put_pair(out, "role", slice_text(role));
    resp_put_bulk(out, slice_text("replication-offset"));
    resp_put_integer(out, 0);
    put_pair(out, "health", slice_text("online"));
}

static void tell_shards(const struct view *view)
{
    uint32_t shards = 0, first, last;
    if (!is_up(view)) return;
    for (uint32_t i = 0; i < view->groups_count; i++) {
        shards += range_of_group(view, i, &first, &last) && owner_of(view, i) != 0;
    }
    struct buffer *out = say(view->asked);
    resp_put_array(out, shards);
    for (uint32_t i = 0; i < view->groups_count; i++) {
        uint32_t owner = owner_of(view, i);
        if (!range_of_group(view, i, &first, &last) || owner == 0) continue;
        resp_put_map(out, 2, view->connection->version);
        resp_put_bulk(out, slice_text("slots"));
        resp_put_array(out, 2);
        resp_put_integer(out, first);
        resp_put_integer(out, last);
        resp_put_bulk(out, slice_text("nodes"));
        resp_put_array(out, 1 + replicas_of(view, owner));
        put_member(view, owner, "master", out);
        for (uint32_t n = 0; n < view->nodes_count; n++) {
            uint32_t node = node_at(view, n);
            if (is_replica(view, node, owner)) put_member(view, node, "replica", out);
        }
    }
}

/* --- NODES, REPLICAS, INFO --- */

static void put_number(struct buffer *text, const char *before, uint64_t number)
{
    buffer_append_text(text, before);
    buffer_append_decimal(text, number);
}

static void put_ranges(const struct view *view, uint32_t node, struct buffer *text)
{
    uint32_t first, last;
    for (uint32_t i = 0; i < view->groups_count; i++) {
        if (owner_of(view, i) != node || !range_of_group(view, i, &first, &last)) continue;
        put_number(text, " ", first);
        put_number(text, "-", last);
    }
}

/* As CLUSTER NODES has it, without an end. */
static void put_line(const struct view *view, uint32_t node, struct buffer *text)
{
    char id[ID_SIZE];
    uint64_t port;
    struct slice host = route_host(route_address(view->connection, node), &port);
    uint32_t owner = owner_of(view, view->groups_count - 1);
    bool leads = owned_by(view, node) > 0;
    id_of(node, id);
    buffer_append(text, id, ID_SIZE);
    buffer_append_text(text, " ");
    buffer_append_slice(text, host);
    put_number(text, ":", port);
    buffer_append_text(text, node == view->self ? "@0 myself," : "@0 ");
    bool master = leads || owner == 0;
    buffer_append_text(text, master ? "master" : "slave");
    buffer_append_text(text, host.size == 0 ? ",noaddr " : " ");
    id_of(owner, id);
    buffer_append(text, master ? "-" : id, master ? 1 : ID_SIZE);
    buffer_append_text(text, " 0 0 1 connected");
    put_ranges(view, node, text);
}

static void tell_nodes(const struct view *view)
{
    struct buffer text = {0};
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        put_line(view, node_at(view, i), &text);
        buffer_append_text(&text, "\n");
    }
    resp_put_verbatim(say(view->asked), buffer_slice(&text), view->connection->version);
    buffer_free(&text);
}

static void tell_replicas(const struct view *view)
{
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        uint32_t owner = node_at(view, i);
        char id[ID_SIZE];
        id_of(owner, id);
        if (!slice_equal(asked_word(view->asked, 2), slice_of(id, ID_SIZE))) continue;
        bool any = owned_by(view, owner) > 0;
        struct buffer *out = say(view->asked);
        resp_put_array(out, any ? replicas_of(view, owner) : 0);
        for (uint32_t n = 0; any && n < view->nodes_count; n++) {
            struct buffer text = {0};
            if (!is_replica(view, node_at(view, n), owner)) continue;
            put_line(view, node_at(view, n), &text);
            resp_put_bulk(out, buffer_slice(&text));
            buffer_free(&text);
        }
        return;
    }
    say_error_about(view->asked, "ERR Unknown node ", asked_word(view->asked, 2), "");
}

static void tell_info(const struct view *view)
{
    struct buffer text = {0};
    uint32_t led = 0, first, last;
    for (uint32_t i = 0; i < view->groups_count; i++) {
        bool up = view->alone || (!view->facts->lost && view->facts->groups[i].leader != 0);
        if (up && range_of_group(view, i, &first, &last)) led += last - first + 1;
    }
    uint64_t term = view->facts == NULL ? 1 : view->facts->term;
    uint32_t size = view->groups_count > 1 ? view->groups_count - 1 : 1;
    buffer_append_text(&text, led == STORE_SLOTS ? "cluster_state:ok" : "cluster_state:fail");
    buffer_append_text(&text, "\r\ncluster_slots_assigned:16384");
    put_number(&text, "\r\ncluster_slots_ok:", led);
    buffer_append_text(&text, "\r\ncluster_slots_pfail:0");
    put_number(&text, "\r\ncluster_slots_fail:", STORE_SLOTS - led);
    put_number(&text, "\r\ncluster_known_nodes:", view->nodes_count);
    put_number(&text, "\r\ncluster_size:", size);
    put_number(&text, "\r\ncluster_current_epoch:", term);
    put_number(&text, "\r\ncluster_my_epoch:", term);
    buffer_append_text(&text, "\r\n");
    resp_put_verbatim(say(view->asked), buffer_slice(&text), view->connection->version);
    buffer_free(&text);
}

/* --- CLUSTER --- */

/* What a slot holds, at the replica of its group here. */
static void ask_of_slot(struct asked *asked, enum store_op op)
{
    uint64_t slot;
    ask_machine(asked, store_command_by_op(op), 1);
    bool is_slot = decimal_read(asked_word(asked, 2), &slot) && slot < STORE_SLOTS;
    if (is_slot) asked->request->slot = (uint32_t)slot;
}

static void tell_of_slots(struct asked *asked)
{
    uint32_t count = asked->words.count;
    asked->level = LEVEL_LOCAL; /* it is about what this node holds */
    if (asked_is(asked, 1, "keyslot") && count == 3) {
        resp_put_integer(say(asked), store_slot(asked_word(asked, 2)));
    } else if (asked_is(asked, 1, "countkeysinslot") && count == 3) {
        ask_of_slot(asked, STORE_COUNT_SLOT);
    } else if (asked_is(asked, 1, "getkeysinslot") && count == 4) {
        ask_of_slot(asked, STORE_KEYS_SLOT);
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
    static const struct {
        const char *name;
        uint32_t words;
        void (*tell)(const struct view *view);
    } rows[] = {
        {"slots", 2, tell_slots}, {"shards", 2, tell_shards},     {"nodes", 2, tell_nodes},
        {"info", 2, tell_info},   {"replicas", 3, tell_replicas}, {"slaves", 3, tell_replicas},
    };
    struct view view = view_of(asked);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (asked->words.count != rows[i].words || !asked_is(asked, 1, rows[i].name)) continue;
        rows[i].tell(&view);
        return;
    }
    if (asked->words.count == 2 && asked_is(asked, 1, "myid")) {
        put_id(say(asked), view.self);
    } else {
        tell_of_slots(asked);
    }
}
