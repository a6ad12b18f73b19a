/* Who is asked for what: MOVED, and what CLUSTER tells of a cluster of several nodes. */
#include "store_talk.h"

enum { SELF = 2 };

static const struct store_protocol_options moving = {
    .node = SELF, .announced = "", .redirects = true};
static const struct store_protocol_options showing = {
    .node = SELF, .announced = "", .redirects = true, .announces_leaders = true};
static const struct store_protocol_options forwarding = {.node = SELF, .announced = "own:1"};

/* Three nodes with two places each; of node 3 nothing was heard yet. */
static struct protocol_facts facts;
static struct protocol_group groups[5];

static void reset(void)
{
    facts = (struct protocol_facts){
        .node = SELF, .term = 7, .groups_count = 1, .groups = groups, .nodes_count = 3};
    for (uint32_t i = 0; i < 3; i++) facts.nodes[i].id = i + 1;
    for (uint32_t i = 0; i < 2; i++) {
        facts.nodes[i].places_count = 2;
        facts.nodes[i].places[0] = slice_text(i == 0 ? "front-1:6379" : "front-2:6379");
        facts.nodes[i].places[1] = slice_text(i == 0 ? "[::1]:7001" : "[::1]:7002");
    }
    memset(groups, 0, sizeof groups);
}

static void led_by(uint32_t group, uint32_t leader)
{
    groups[group].leader = leader;
    if (leader != 0) groups[group].led = leader;
}

static void hears(const char *text, const char *expected)
{
    const struct protocol_config config = {.options = &moving, .facts = &facts};
    expect_with(&config, text, expected);
}

static void who_does_not_lead_says_who_does(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    hears(
        "get foo\nset foo v\nmget {foo}1 {foo}2\n",
        "-MOVED 12182 front-1:6379\r\n-MOVED 12182 front-1:6379\r\n-MOVED 12182 front-1:6379\r\n");
    hears("object encoding foo\nconsistency lease get foo\nping\n",
          "-MOVED 12182 front-1:6379\r\n-MOVED 12182 front-1:6379\r\n+PONG\r\n");
    const struct protocol_config second = {.options = &moving, .facts = &facts, .place = 1};
    expect_with(&second, "get foo\n", "-MOVED 12182 ::1:7001\r\n");
}

static void whoever_leads_answers(void **state)
{
    (void)state;
    reset();
    led_by(0, SELF);
    hears("get foo\nset foo v\ndbsize\n",
          "Q linearizable 12182: get foo\nG 12182: set foo v\nQ linearizable -: dbsize\n");
}

/* It waits for one there, or is forwarded. */
static void nobody_is_named_who_is_not_known(void **state)
{
    (void)state;
    reset();
    hears("get foo\nset foo v\n", "Q linearizable 12182: get foo\nG 12182: set foo v\n");
    led_by(0, 3);
    hears("get foo\n", "Q linearizable 12182: get foo\n");
    const struct protocol_config third = {.options = &moving, .facts = &facts, .place = 2};
    led_by(0, 1);
    expect_with(&third, "get foo\n", "Q linearizable 12182: get foo\n");
}

static void old_answers_are_given_anywhere(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    hears("consistency local get foo\ninfo\ntime\ncluster countkeysinslot 7\n",
          "Q local 12182: get foo\nQ local -: info\nQ local -: time\n"
          "Q local 7-: cluster|countkeysinslot 7\n");
    hears("readonly\nget foo\nset foo v\ndbsize\nreadwrite\nget foo\n",
          "+OK\r\nQ local 12182: get foo\n-MOVED 12182 front-1:6379\r\nQ local -: dbsize\n"
          "+OK\r\n-MOVED 12182 front-1:6379\r\n");
}

static void who_leads_nothing_has_no_keys(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    hears("dbsize\nkeys *\nscan 0\nrandomkey\nflushall\n",
          ":0\r\n*0\r\n*2\r\n$1\r\n0\r\n*0\r\n$-1\r\n"
          "-READONLY this node leads no slot: ask one that does\r\n");
}

static void without_redirects_it_owns_all(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    const struct protocol_config config = {.options = &forwarding, .facts = &facts};
    expect_with(&config, "get foo\nflushall\n", "Q linearizable 12182: get foo\nP -: flushall\n");
    expect_with(&config, "cluster slots\n",
                "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$7\r\nfront-2\r\n:6379\r\n"
                "$40\r\n0000000000000000000000000000000000000002\r\n");
}

#define ID1 "$40\r\n0000000000000000000000000000000000000001\r\n"
#define ID2 "$40\r\n0000000000000000000000000000000000000002\r\n"
#define AT1 "*3\r\n$7\r\nfront-1\r\n:6379\r\n" ID1
#define AT2 "*3\r\n$7\r\nfront-2\r\n:6379\r\n" ID2

static void slots_are_listed_by_who_leads(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    hears("cluster slots\n", "*1\r\n*4\r\n:0\r\n:16383\r\n" AT1 AT2);
    facts.groups_count = 5;
    led_by(1, 1);
    led_by(2, SELF);
    led_by(3, 1);
    hears("cluster slots\n", "*3\r\n"
                             "*3\r\n:0\r\n:4095\r\n" AT1 "*3\r\n:4096\r\n:8191\r\n" AT2
                             "*3\r\n:8192\r\n:12287\r\n" AT1);
    const struct protocol_config config = {.options = &showing, .facts = &facts};
    expect_with(&config, "cluster slots\n",
                "*3\r\n"
                "*4\r\n:0\r\n:4095\r\n" AT1 AT2 "*4\r\n:4096\r\n:8191\r\n" AT2 AT1
                "*4\r\n:8192\r\n:12287\r\n" AT1 AT2);
}

/* For a moment without a leader the last one stays listed; a node that is cut off lists nothing. */
static void who_is_cut_off_says_so(void **state)
{
    (void)state;
    reset();
    hears("cluster slots\ncluster shards\n",
          "-CLUSTERDOWN no leader\r\n-CLUSTERDOWN no leader\r\n");
    led_by(0, 1);
    led_by(0, 0);
    hears("cluster slots\n", "*1\r\n*4\r\n:0\r\n:16383\r\n" AT1 AT2);
    facts.lost = true;
    hears("cluster slots\n", "-CLUSTERDOWN no leader\r\n");
}

static void nodes_are_told_of(void **state)
{
    (void)state;
    reset();
    led_by(0, 1);
    hears("cluster nodes\ncluster myid\n",
          "$331\r\n"
          "0000000000000000000000000000000000000001 front-1:6379@0 master - 0 0 1 connected "
          "0-16383\n"
          "0000000000000000000000000000000000000002 front-2:6379@0 myself,slave "
          "0000000000000000000000000000000000000001 0 0 1 connected\n"
          "0000000000000000000000000000000000000003 :0@0 slave,noaddr "
          "0000000000000000000000000000000000000001 0 0 1 connected\n"
          "\r\n" ID2);
    hears("cluster replicas 0000000000000000000000000000000000000001\n",
          "*1\r\n$125\r\n"
          "0000000000000000000000000000000000000002 front-2:6379@0 myself,slave "
          "0000000000000000000000000000000000000001 0 0 1 connected\r\n");
    hears("cluster replicas 0000000000000000000000000000000000000002\n", "*0\r\n");
    hears("cluster info\n",
          "$201\r\ncluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"
          "cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:3\r\n"
          "cluster_size:1\r\ncluster_current_epoch:7\r\ncluster_my_epoch:7\r\n\r\n");
}

static void four_groups(void)
{
    reset();
    facts.groups_count = 5;
    led_by(0, 1);
    led_by(1, SELF);
    led_by(2, 1);
    led_by(3, SELF);
    led_by(4, SELF);
}

static void what_has_no_key_is_put_to_all_that_it_leads(void **state)
{
    (void)state;
    four_groups();
    hears("dbsize\nping\n", "Q linearizable -: dbsize\nQ linearizable 8192-: dbsize\n"
                            "Q linearizable 12288-: dbsize\n+PONG\r\n");
    hears("flushall\n", "P -: flushall\nP 8192-: flushall\nP 12288-: flushall\n");
    hears("consistency local keys *\n", "Q local -: keys *\nQ local 4096-: keys *\n"
                                        "Q local 8192-: keys *\nQ local 12288-: keys *\n");
    hears("cluster countkeysinslot 9000\ntime\n",
          "Q local 9000-: cluster|countkeysinslot 9000\nQ local -: time\n");
    hears("get foo\nget bar\n", "Q linearizable 12182: get foo\n-MOVED 5061 front-1:6379\r\n");
}

static void a_cursor_goes_on_where_slots_are_led(void **state)
{
    (void)state;
    four_groups();
    hears("scan 0\nscan 5000 count 7\nscan 12289\n",
          "Q linearizable -: scan 0\nQ linearizable 8192-: scan 8192 count 7\n"
          "Q linearizable 12288-: scan 12289\n");
    hears("scan x\n", "-ERR invalid cursor\r\n");
    led_by(3, 1);
    led_by(4, 1);
    hears("scan 5000\n", "*2\r\n$1\r\n0\r\n*0\r\n");
}

/* Asks one command, and has its requests answered in this order, each by its reply; those below 0
 * are refused. */
static void answered(const char *text, const int order[3], const struct store_reply *replies,
                     const char *expected)
{
    const struct protocol_config config = {.options = &moving, .facts = &facts};
    struct protocol_request requests[3];
    struct buffer out = {0};
    void *connection = store_protocol_ops.open(&config);
    struct slice bytes = slice_text(text);
    int count = 0;
    do {
        store_protocol_ops.next(connection, &bytes, &requests[count]);
    } while (requests[count++].more);
    for (int i = 0; i < count; i++) {
        assert_int_equal(out.size, 0); /* before the last */
        if (order[i] < 0) {
            store_protocol_ops.refuse(connection, requests[i].token, PROTOCOL_REFUSED_NO_LEADER,
                                      &out);
        } else {
            store_protocol_ops.answer(connection, requests[order[i]].token, &replies[order[i]],
                                      &out);
        }
    }
    if (!slice_equal(buffer_slice(&out), slice_text(expected))) {
        print_error("%s says %.*s\n", text, (int)out.size, out.data);
        fail();
    }
    store_protocol_ops.close(connection);
    buffer_free(&out);
}

static void many_answers_are_one(void **state)
{
    (void)state;
    const struct store_value numbers[] = {{STORE_INTEGER, 1, {NULL, 0}},
                                          {STORE_INTEGER, 20, {NULL, 0}},
                                          {STORE_INTEGER, 300, {NULL, 0}}};
    const struct store_reply counts[] = {{1, &numbers[0]}, {1, &numbers[1]}, {1, &numbers[2]}};
    const struct store_value keys[] = {
        {STORE_ARRAY, 1, {NULL, 0}},      {STORE_BULK, 0, slice_text("a")},
        {STORE_ARRAY, 0, {NULL, 0}},      {STORE_ARRAY, 2, {NULL, 0}},
        {STORE_BULK, 0, slice_text("b")}, {STORE_BULK, 0, slice_text("c")}};
    const struct store_reply lists[] = {{2, &keys[0]}, {1, &keys[2]}, {3, &keys[3]}};
    const struct store_value ok = {STORE_OK, 0, {NULL, 0}};
    const struct store_reply oks[] = {{1, &ok}, {1, &ok}, {1, &ok}};
    four_groups();
    answered("dbsize\n", (int[]){0, 1, 2}, counts, ":321\r\n");
    answered("dbsize\n", (int[]){2, 0, 1}, counts, ":321\r\n");
    answered("keys *\n", (int[]){2, 1, 0}, lists, "*3\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\na\r\n");
    answered("flushall\n", (int[]){1, 0, 2}, oks, "+OK\r\n");
    answered("flushall\n", (int[]){0, -1, 2}, oks,
             "-CLUSTERDOWN no leader is known: the command was not carried out\r\n");
}

static void a_scan_ends_behind_the_last_group(void **state)
{
    (void)state;
    const struct store_value values[] = {{STORE_ARRAY, 2, {NULL, 0}},
                                         {STORE_BULK, 0, slice_text("0")},
                                         {STORE_ARRAY, 1, {NULL, 0}},
                                         {STORE_BULK, 0, slice_text("k")}};
    const struct store_reply reply = {4, values};
    four_groups();
    answered("scan 0\n", (int[]){0, 0, 0}, &reply, "*2\r\n$4\r\n8192\r\n*1\r\n$1\r\nk\r\n");
    answered("scan 12288\n", (int[]){0, 0, 0}, &reply, "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
}

static void infos_are_summed_up(void **state)
{
    (void)state;
    static const char first[] = "# Memory\r\nused_memory:10\r\n\r\n# Replication\r\n"
                                "role:master\r\n\r\n# Keyspace\r\n";
    static const char second[] = "# Memory\r\nused_memory:7\r\n\r\n# Replication\r\n"
                                 "role:master\r\n\r\n# Keyspace\r\n"
                                 "db0:keys=5,expires=2,avg_ttl=0\r\n";
    static const char sum[] = "$102\r\n# Memory\r\nused_memory:24\r\n\r\n# Replication\r\n"
                              "role:slave\r\n\r\n# Keyspace\r\n"
                              "db0:keys=10,expires=4,avg_ttl=0\r\n\r\n";
    const struct store_value texts[] = {{STORE_BULK, 0, slice_text(first)},
                                        {STORE_BULK, 0, slice_text(second)}};
    const struct store_reply replies[] = {{1, &texts[0]}, {1, &texts[1]}, {1, &texts[1]}};
    four_groups();
    for (uint32_t i = 0; i < 5; i++) led_by(i, 1);
    facts.groups_count = 4;
    answered("info\n", (int[]){0, 1, 2}, replies, sum);
}

/* Each slot has one group, whose range it is in, and group 0 none. */
static void ranges_are_whole(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 4, 5, 12, 13, 14, 100, 128, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t count = counts[i];
        assert_int_equal(store_group_first(0, count), 0);
        assert_int_equal(store_group_first(count, count), STORE_SLOTS);
        if (count > 1) assert_int_equal(store_group_first(1, count), 0);
        for (uint32_t slot = 0; slot < STORE_SLOTS; slot++) {
            uint32_t group = store_group_of(slot, count);
            assert_true(group < count && (group > 0 || count == 1));
            assert_true(store_group_first(group, count) <= slot);
            assert_true(slot < store_group_first(group + 1, count));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_lead_says_who_does),
        cmocka_unit_test(whoever_leads_answers),
        cmocka_unit_test(nobody_is_named_who_is_not_known),
        cmocka_unit_test(old_answers_are_given_anywhere),
        cmocka_unit_test(who_leads_nothing_has_no_keys),
        cmocka_unit_test(without_redirects_it_owns_all),
        cmocka_unit_test(slots_are_listed_by_who_leads),
        cmocka_unit_test(who_is_cut_off_says_so),
        cmocka_unit_test(nodes_are_told_of),
        cmocka_unit_test(what_has_no_key_is_put_to_all_that_it_leads),
        cmocka_unit_test(a_cursor_goes_on_where_slots_are_led),
        cmocka_unit_test(many_answers_are_one),
        cmocka_unit_test(a_scan_ends_behind_the_last_group),
        cmocka_unit_test(infos_are_summed_up),
        cmocka_unit_test(ranges_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
