/* What the store's protocol answers by itself, what it asks the machine and how, and how answers
 * and refusals look in both versions of RESP. How bytes become words is test_resp's. */
#include "store_talk.h"

static const struct store_protocol_options guarded = {
    .node = 12, .announced = "[::1]:7001", .password = "secret", .fsync_never = true};

static void says(const char *text, const char *expected)
{
    expect_with(NULL, text, expected);
}

static void commands_go_to_the_machine(void **state)
{
    (void)state;
    says("*3\r\n$3\r\nSet\r\n$3\r\nfoo\r\n$1\r\nv\r\n", "G 12182: set foo v\n");
    says("get foo\ndel foo\nincr foo\n",
         "Q linearizable 12182: get foo\nP 12182: del foo\nG 12182: incr foo\n");
    says("mget {foo}1 {foo}2\nmset {foo}1 a {foo}2 b\n",
         "Q linearizable 12182: mget {foo}1 {foo}2\nG 12182: mset {foo}1 a {foo}2 b\n");
    says("dbsize\nflushall\nscan 0\ntime\ninfo\n",
         "Q linearizable -: dbsize\nP -: flushall\nQ linearizable -: scan 0\nQ local -: time\n"
         "Q local -: info\n");
    says("object encoding foo\ncluster countkeysinslot 1\ncluster getkeysinslot 1 2\n",
         "Q linearizable 12182: object|encoding foo\n"
         "Q local 1-: cluster|countkeysinslot 1\n"
         "Q local 1-: cluster|getkeysinslot 1 2\n");
}

static void levels_are_chosen(void **state)
{
    (void)state;
    const struct protocol_config lease = {.reads = PROTOCOL_READ_LEASE};
    expect_with(&lease, "get foo\nconsistency read\n", "Q lease 12182: get foo\n$5\r\nlease\r\n");
    says("readonly\nget foo\nconsistency read\nconsistency read lease\nget foo\nreadwrite\n",
         "+OK\r\nQ local 12182: get foo\n$5\r\nlocal\r\n+OK\r\nQ lease 12182: get foo\n+OK\r\n");
    says("CONSISTENCY Read SESSION\nget foo\nconsistency read\n",
         "+OK\r\nQ session 12182: get foo\n$7\r\nsession\r\n");
    says("consistency local get foo\nget foo\nconsistency local set foo v\n",
         "Q local 12182: get foo\nQ linearizable 12182: get foo\nG 12182: set foo v\n");
    says("consistency majority get foo\nconsistency write\nconsistency write majority\n",
         "Q linearizable 12182: get foo\n$8\r\nmajority\r\n+OK\r\n");
    says("consistency read sometimes\nconsistency read\n",
         "-ERR a read is local, session, lease or linearizable\r\n$12\r\nlinearizable\r\n");
    says("consistency local\nconsistency local lease get foo\nconsistency local ping\n",
         "-ERR syntax error\r\n"
         "-ERR unknown command 'lease'\r\n+PONG\r\n");
    says("consistency local consistency lease get foo\n", "-ERR syntax error\r\n");
    says("consistency nothing get foo\n",
         "-ERR a level is local, session, lease or linearizable; or leader, majority or all\r\n");
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    says("nonsense a b\nget\nget a b\nset a\n",
         "-ERR unknown command 'nonsense'\r\n"
         "-ERR wrong number of arguments for 'get' command\r\n"
         "-ERR wrong number of arguments for 'get' command\r\n"
         "-ERR wrong number of arguments for 'set' command\r\n");
    says("mget a b\nrename a b\nget a\n",
         "-CROSSSLOT Keys in request don't hash to the same slot\r\n"
         "-CROSSSLOT Keys in request don't hash to the same slot\r\n"
         "Q linearizable 15495: get a\n");
    says(
        "Eval x 0\nxadd s * a b\nmulti\nselect 1\nselect 0\nsave\n",
        "-ERR scripts are not supported: SET key value IFEQ old and DELIFEQ key value do what most "
        "are written for\r\n"
        "-ERR streams are not supported\r\n"
        "-ERR transactions are not built yet: SET key value IFEQ old changes one key on a "
        "condition\r\n"
        "-ERR there is one database, 0, as in Redis Cluster: give the keys a prefix\r\n+OK\r\n"
        "-ERR every acknowledged write is on disk already: there is nothing to save\r\n");
    says("cluster meet 127.0.0.1 1\ncluster nonsense\n",
         "-ERR nodes are added and removed by quartet members add, remove, transfer\r\n"
         "-ERR unknown subcommand or wrong number of arguments for 'nonsense'\r\n");
    says("*1\r\n:1\r\nping\n",
         "-ERR Protocol error: expected '$' and the size of a word\r\nclose\n");
    says("POST / HTTP/1.1\r\nHost: a\r\nset a b\r\n", "close\n");
    says("ping\nquit\nping\n", "+PONG\r\n+OK\r\nclose\n");
}

static void limits_have_a_way_out(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "*2\r\n$3\r\nget\r\n$65537\r\n");
    for (int i = 0; i < 65537; i++) buffer_put_u8(&text, 'k');
    buffer_append_text(&text, "\r\n*10002\r\n$3\r\ndel\r\n");
    for (int i = 0; i < 10001; i++) buffer_append_text(&text, "$1\r\nk\r\n");
    buffer_append_text(&text, "ping\n");
    buffer_put_u8(&text, 0);
    says((const char *)text.data, "-ERR a key is at most 65536 bytes: use a digest of it\r\n"
                                  "-ERR a command has at most 10000 keys: send several\r\n"
                                  "+PONG\r\n");
    buffer_clear(&text);
    buffer_append_text(&text, "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$8388609\r\n");
    for (int i = 0; i < 8388609; i++) buffer_put_u8(&text, 'v');
    buffer_append_text(&text, "\r\nping\n");
    buffer_put_u8(&text, 0);
    says((const char *)text.data,
         "-ERR a value is above the limit of 8 MiB: store it in parts\r\n+PONG\r\n");
    buffer_free(&text);
}

static void connections_say_who_they_are(void **state)
{
    (void)state;
    static const char hello[] = "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n"
                                "$5\r\n7.0.0\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:0\r\n"
                                "$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
                                "$7\r\nmodules\r\n*0\r\n";
    says("hello\n", hello);
    says("hello 4\nhello 2 setname\n",
         "-NOPROTO unsupported protocol version: 2 or 3\r\n-ERR syntax error\r\n");
    says("client setname me\nclient getname\nclient setname \"not me\"\nclient getname\n",
         "+OK\r\n$2\r\nme\r\n"
         "-ERR Client names cannot contain spaces, newlines or special characters, and have at "
         "most 128 bytes.\r\n$2\r\nme\r\n");
    says("client setinfo lib-name x\nclient no-evict on\nclient kill id 1\nreset\nclient getname\n",
         "+OK\r\n+OK\r\n"
         "-ERR unknown subcommand or wrong number of arguments for 'kill'\r\n+RESET\r\n$-1\r\n");
    says("echo \"a b\"\nping hi\nasking\n", "$3\r\na b\r\n$2\r\nhi\r\n+OK\r\n");
    says("auth x\n", "-ERR AUTH called without any password configured: see --auth-file\r\n");
}

static void a_password_keeps_strangers_out(void **state)
{
    (void)state;
    const struct protocol_config config = {.options = &guarded};
    static const char no[] = "-NOAUTH Authentication required.\r\n";
    static const char wrong[] =
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    struct buffer expected = {0};
    buffer_append_text(&expected, no);
    buffer_append_text(&expected, wrong);
    buffer_append_text(&expected, no);
    buffer_append_text(&expected, wrong);
    buffer_append_text(&expected, wrong);
    buffer_append_text(&expected, wrong);
    buffer_append_text(&expected, "+OK\r\n+PONG\r\n+RESET\r\n");
    buffer_append_text(&expected, no);
    buffer_put_u8(&expected, 0);
    expect_with(&config,
                "ping\nauth wrong\nget a\nauth secrets\nauth \"\"\nauth you secret\n"
                "auth default secret\nping\nreset\nping\n",
                (const char *)expected.data);
    buffer_free(&expected);
    expect_with(&config, "hello 3\nquit\n",
                "-NOAUTH HELLO must be called with the client already authenticated, otherwise "
                "with AUTH default PASSWORD\r\n+OK\r\nclose\n");
    expect_with(&config, "hello 2 auth default secret setname x\nclient getname\n",
                "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
                "$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:0\r\n$4\r\nmode\r\n$7\r\ncluster\r\n"
                "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n$1\r\nx\r\n");
}

static void the_cluster_is_this_node(void **state)
{
    (void)state;
    const struct protocol_config config = {.options = &guarded};
    static const char id[] = "$40\r\n0000000000000000000000000000000000000012\r\n";
    struct buffer expected = {0};
    buffer_append_text(&expected,
                       "+OK\r\n*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$3\r\n::1\r\n:7001\r\n");
    buffer_append_text(&expected, id);
    buffer_append_text(&expected, id);
    buffer_append_text(&expected, ":12182\r\n-ERR Unknown node 'x'\r\n");
    buffer_put_u8(&expected, 0);
    expect_with(
        &config,
        "auth secret\ncluster slots\ncluster myid\ncluster keyslot foo\ncluster replicas x\n",
        (const char *)expected.data);
    buffer_free(&expected);
    expect_with(&config,
                "auth secret\nconfig get appendfsync save\nconfig get max*\nconfig set a b\n",
                "+OK\r\n*4\r\n$11\r\nappendfsync\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n"
                "*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n"
                "-ERR of CONFIG there is GET alone: a node is configured by its options\r\n");
    says("command getkeys mset a 1 b 2\ncommand getkeys ping\ncommand docs get\n",
         "*2\r\n$1\r\na\r\n$1\r\nb\r\n-ERR The command has no key arguments\r\n*0\r\n");
    says("command info get nosuch\n",
         "*2\r\n*6\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*-1\r\n");
}

static void answers_are_of_the_version_of_their_request(void **state)
{
    (void)state;
    const struct store_value values[] = {
        {STORE_ARRAY, 3, {NULL, 0}},
        {STORE_NIL, 0, {NULL, 0}},
        {STORE_INTEGER, -7, {NULL, 0}},
        {STORE_TEXT, 0, slice_text("hi")},
    };
    const struct store_reply reply = {4, values};
    struct buffer out = {0};
    void *connection = store_protocol_ops.open(NULL);
    struct slice bytes = slice_text("get a\nhello 3\nget a\n");
    struct protocol_request first, hello, second;
    store_protocol_ops.next(connection, &bytes, &first);
    store_protocol_ops.next(connection, &bytes, &hello);
    store_protocol_ops.next(connection, &bytes, &second);
    store_protocol_ops.answer(connection, first.token, &reply, &out);
    store_protocol_ops.answer(connection, second.token, &reply, &out);
    store_protocol_ops.refuse(connection, second.token, PROTOCOL_REFUSED_NO_LEADER, &out);
    store_protocol_ops.refuse(connection, second.token, PROTOCOL_REFUSED_FULL, &out);
    store_protocol_ops.refuse(connection, second.token, PROTOCOL_REFUSED_BUSY, &out);
    store_protocol_ops.refuse(connection, second.token, PROTOCOL_REFUSED_DRAINING, &out);
    store_protocol_ops.refuse(NULL, 0, PROTOCOL_REFUSED_FULL, &out);
    assert_true(slice_equal(
        buffer_slice(&out),
        slice_text("*3\r\n$-1\r\n:-7\r\n$2\r\nhi\r\n*3\r\n_\r\n:-7\r\n=6\r\ntxt:hi\r\n"
                   "-CLUSTERDOWN no leader is known: the command was not carried out\r\n"
                   "-OOM command not allowed: memory or disk is full. Delete keys, or ask again "
                   "later\r\n"
                   "-TRYAGAIN too much is under way: ask again\r\n"
                   "-CLUSTERDOWN this node is stopping: ask another\r\n"
                   "-ERR max number of clients reached\r\n")));
    store_protocol_ops.close(connection);
    buffer_free(&out);
}

static void what_is_shed_hears_of_memory(void **state)
{
    (void)state;
    struct buffer out = {0};
    void *connection = store_protocol_ops.open(NULL);
    feed(connection, slice_text("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$5\r\nab"), &out);
    assert_true(store_protocol_ops.held(connection) > 0);
    store_protocol_ops.shed(connection);
    assert_int_equal(store_protocol_ops.held(connection), 0);
    feed(connection, slice_text("cde\r\nping\n"), &out);
    assert_true(slice_equal(buffer_slice(&out),
                            slice_text("-OOM memory is full: delete keys, or ask again later\r\n"
                                       "+PONG\r\n")));
    store_protocol_ops.close(connection);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_go_to_the_machine),
        cmocka_unit_test(levels_are_chosen),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(limits_have_a_way_out),
        cmocka_unit_test(connections_say_who_they_are),
        cmocka_unit_test(a_password_keeps_strangers_out),
        cmocka_unit_test(the_cluster_is_this_node),
        cmocka_unit_test(answers_are_of_the_version_of_their_request),
        cmocka_unit_test(what_is_shed_hears_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
