/* What the store's commands mean. The answers are those of Redis 7.0.15, which test/system compares
 * them with, but where specs/systems/store.md says otherwise. */
#include <stdio.h>

#include "store_world.h"

struct line {
    const char *say, *hear;
};

static void play(const struct line *lines, size_t count)
{
    struct world world;
    world_open(&world);
    for (size_t i = 0; i < count; i++) {
        expect(&world, lines[i].say, lines[i].hear);
        store_ops.check(world.machine);
    }
    world_close(&world);
}

#define PLAY(lines) play(lines, sizeof(lines) / sizeof(lines)[0])

static void keys_have_slots(void **state)
{
    (void)state;
    assert_int_equal(store_slot(slice_text("foo")), 12182);
    assert_int_equal(store_slot(slice_text("123456789")), 0x31C3 % 16384);
    assert_int_equal(store_slot(slice_text("{user}.name")), 5474);
    assert_int_equal(store_slot(slice_text("{user}.cart")), 5474);
    assert_int_equal(store_slot(slice_text("user")), 5474);
    assert_int_equal(store_slot(slice_text("a{}b")), store_slot(slice_text("a{}b")));
    assert_int_not_equal(store_slot(slice_text("{}{user}")), 5474);
    assert_int_equal(store_slot(slice_text("{{user}}")), store_slot(slice_text("{user")));
    assert_int_equal(store_slot(slice_text("")), 0);
}

static void the_table_of_commands_is_in_order(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < store_commands_count; i++) {
        const struct store_command *command = &store_commands[i];
        if (i > 0) assert_true(strcmp(store_commands[i - 1].name, command->name) < 0);
        assert_true(strlen(command->name) <= STORE_NAME_SIZE_MAX);
        assert_ptr_equal(store_command_by_name(slice_text(command->name)), command);
        assert_ptr_equal(store_command_by_op(command->op), command);
        assert_true((command->flags & STORE_HIDDEN) == 0 && strchr(command->name, '|') == NULL);
        bool reads = (command->flags & STORE_READ) != 0,
             writes = (command->flags & STORE_WRITE) != 0;
        assert_true(reads == (command->op >= STORE_BITCOUNT && command->op < STORE_ASKING));
        assert_true(writes == (command->op < STORE_BITCOUNT));
    }
    assert_ptr_equal(store_command_by_name(slice_text("GeT")),
                     store_command_by_name(slice_text("get")));
    assert_null(store_command_by_name(slice_text("gett")));
    assert_null(store_command_by_name(slice_text("cluster|countkeysinslot")));
    assert_null(store_command_by_name(slice_of("get\0", 4)));
    assert_null(store_command_by_name(slice_text("averyverylongnamethatnobodyhas")));
    assert_int_equal(store_command_by_op(STORE_ENCODING)->flags & STORE_HIDDEN, STORE_HIDDEN);
}

static void strings_are_set_and_read(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"GET k", "nil"},
        {"SET k v", "OK"},
        {"GET k", "\"v\""},
        {"SET k \"\"", "OK"},
        {"GET k", "\"\""},
        {"STRLEN k", ":0"},
        {"SET \"\" empty", "OK"},
        {"GET \"\"", "\"empty\""},
        {"SET k one NX", "nil"},
        {"SET n one nx", "OK"},
        {"SET x one XX", "nil"},
        {"SET n two XX", "OK"},
        {"SET n three GET", "\"two\""},
        {"SET x one GET", "nil"},
        {"SET n four NX GET", "\"three\""},
        {"GET n", "\"three\""},
        {"SET n five XX NX", "!ERR syntax error"},
        {"SET n five IFEQ four", "nil"},
        {"SET n five IFEQ three", "OK"},
        {"SET n six IFEQ x GET", "\"five\""},
        {"SET nobody six IFEQ \"\"", "nil"},
        {"SET n six IFEQ", "!ERR syntax error"},
        {"SET n six IFEQ five NX", "!ERR syntax error"},
        {"SET n six EX", "!ERR syntax error"},
        {"SET n six EX ten", "!ERR value is not an integer or out of range"},
        {"SET n six EX 0", "!ERR invalid expire time in 'set' command"},
        {"SET n six PX -1", "!ERR invalid expire time in 'set' command"},
        {"SET n six EX 9223372036854775807", "!ERR invalid expire time in 'set' command"},
        {"SET n six EX 10 PX 10", "!ERR syntax error"},
        {"SET n six EX 10 KEEPTTL", "!ERR syntax error"},
        {"SET n six KEEPTTL EX 10", "!ERR syntax error"},
        {"SET n six nonsense", "!ERR syntax error"},
        {"GET n", "\"five\""},
        {"SETNX n seven", ":0"},
        {"SETNX o seven", ":1"},
        {"GETSET o eight", "\"seven\""},
        {"GETSET p nine", "nil"},
        {"GETDEL o", "\"eight\""},
        {"GETDEL o", "nil"},
        {"DELIFEQ p eight", ":0"},
        {"DELIFEQ p nine", ":1"},
        {"DELIFEQ p nine", ":0"},
        {"MSET {a}1 one {a}2 two {a}1 three", "OK"},
        {"MGET {a}1 {a}2 {a}3", "[\"three\" \"two\" nil]"},
        {"MSETNX {a}4 x {a}1 y", ":0"},
        {"MSETNX {a}4 x {a}5 y", ":1"},
        {"MGET {a}1 {a}4 {a}5", "[\"three\" \"x\" \"y\"]"},
        {"MSET {a}1 one {a}2", "!ERR wrong number of arguments for 'mset' command"},
    };
    PLAY(lines);
}

static void strings_are_changed_in_place(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"APPEND k Hello", ":5"},
        {"APPEND k \" World\"", ":11"},
        {"APPEND k \"\"", ":11"},
        {"APPEND e \"\"", ":0"},
        {"EXISTS e", ":1"},
        {"GETRANGE k 0 4", "\"Hello\""},
        {"GETRANGE k -5 -1", "\"World\""},
        {"GETRANGE k 0 -1", "\"Hello World\""},
        {"GETRANGE k -100 100", "\"Hello World\""},
        {"GETRANGE k 5 3", "\"\""},
        {"GETRANGE k -1 -5", "\"\""},
        {"GETRANGE k 20 30", "\"\""},
        {"GETRANGE k 0 -100", "\"H\""},
        {"GETRANGE nobody 0 -1", "\"\""},
        {"GETRANGE k a 1", "!ERR value is not an integer or out of range"},
        {"GETRANGE k -9223372036854775808 9223372036854775807", "\"Hello World\""},
        {"SUBSTR k 1 2", "\"el\""},
        {"SETRANGE k 6 Redis", ":11"},
        {"GET k", "\"Hello Redis\""},
        {"SETRANGE k 12 !", ":13"},
        {"STRLEN k", ":13"},
        {"SETRANGE z 2 a", ":3"},
        {"GETRANGE z 2 2", "\"a\""},
        {"SETRANGE y 5 \"\"", ":0"},
        {"EXISTS y", ":0"},
        {"SETRANGE k -1 a", "!ERR offset is out of range"},
        {"SETRANGE k 8388608 a",
         "!ERR string exceeds the limit of 8 MiB: store it in parts, under several keys"},
        {"SETRANGE big 8388607 a", ":8388608"},
        {"APPEND big b",
         "!ERR string exceeds the limit of 8 MiB: store it in parts, under several keys"},
        {"SETRANGE big 4095 xyz", ":8388608"},
        {"GETRANGE big 4095 4097", "\"xyz\""},
        {"SET big small", "OK"},
        {"GET big", "\"small\""},
    };
    PLAY(lines);
}

static void numbers_count(void **state)
{
    (void)state;
    static const char no[] = "!ERR value is not an integer or out of range";
    static const struct line lines[] = {
        {"INCR n", ":1"},
        {"INCRBY n 41", ":42"},
        {"DECR n", ":41"},
        {"DECRBY n 50", ":-9"},
        {"GET n", "\"-9\""},
        {"INCRBY n x", no},
        {"INCRBY n 1.5", no},
        {"INCRBY n +1", no},
        {"SET n 9223372036854775807", "OK"},
        {"INCR n", "!ERR increment or decrement would overflow"},
        {"DECRBY n -9223372036854775808", "!ERR decrement would overflow"},
        {"SET n -9223372036854775808", "OK"},
        {"DECR n", "!ERR increment or decrement would overflow"},
        {"INCR n", ":-9223372036854775807"},
        {"SET n 9223372036854775808", "OK"},
        {"INCR n", no},
        {"SET n 01", "OK"},
        {"INCR n", no},
        {"SET n \" 1\"", "OK"},
        {"INCR n", no},
        {"SET n \"\"", "OK"},
        {"INCR n", no},
        {"SET n -0", "OK"},
        {"INCR n", no},
        {"SET n 10 EX 100", "OK"},
        {"INCR n", ":11"},
        {"TTL n", ":100"},
    };
    PLAY(lines);
}

static void bits_are_set_and_found(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"SETBIT b 7 1", ":0"},
        {"GET b", "\"\x01\""},
        {"SETBIT b 7 0", ":1"},
        {"SETBIT b 100 0", ":0"},
        {"STRLEN b", ":13"},
        {"GETBIT b 100", ":0"},
        {"GETBIT b 100000", ":0"},
        {"GETBIT nobody 0", ":0"},
        {"SETBIT b -1 1", "!ERR bit offset is not an integer or out of range"},
        {"SETBIT b 67108864 1", "!ERR bit offset is not an integer or out of range"},
        {"SETBIT b 1 2", "!ERR bit is not an integer or out of range"},
        {"SET k foobar", "OK"},
        {"BITCOUNT k", ":26"},
        {"BITCOUNT k 0 0", ":4"},
        {"BITCOUNT k 1 1", ":6"},
        {"BITCOUNT k 0 -5", ":10"},
        {"BITCOUNT k 5 30 BIT", ":17"},
        {"BITCOUNT k 1 1 BYTE", ":6"},
        {"BITCOUNT k 1", "!ERR syntax error"},
        {"BITCOUNT k 1 1 NIBBLE", "!ERR syntax error"},
        {"BITCOUNT nobody", ":0"},
        {"SET l \"\\xff\\xf0\\x00\"", "OK"},
        {"BITPOS l 0", ":12"},
        {"BITPOS l 1", ":0"},
        {"BITPOS l 1 2", ":-1"},
        {"BITPOS l 0 2", ":16"},
        {"SET m \"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\"", "OK"},
        {"BITPOS m 0", ":72"},
        {"BITPOS m 0 0 -1", ":-1"},
        {"BITPOS m 0 1", ":72"},
        {"BITPOS m 1 3 70 BIT", ":3"},
        {"BITPOS m 2", "!ERR The bit argument must be 1 or 0."},
        {"BITPOS nobody 0", ":0"},
        {"BITPOS nobody 1", ":-1"},
        {"SETBIT l 17 1", ":0"},
        {"BITPOS l 1 2", ":17"},
    };
    PLAY(lines);
}

static void keys_are_named_and_renamed(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"MSET {a}1 one {a}2 two", "OK"},
        {"EXISTS {a}1 {a}2 {a}3 {a}1", ":3"},
        {"TOUCH {a}1 {a}3", ":1"},
        {"TYPE {a}1", "+string"},
        {"TYPE nobody", "+none"},
        {"DEL {a}1 {a}3 {a}1", ":1"},
        {"UNLINK {a}2", ":1"},
        {"DBSIZE", ":0"},
        {"SET {a}1 one EX 100", "OK"},
        {"RENAME {a}1 {a}2", "OK"},
        {"TTL {a}2", ":100"},
        {"GET {a}1", "nil"},
        {"RENAME {a}1 {a}2", "!ERR no such key"},
        {"RENAME {a}2 {a}2", "OK"},
        {"SET {a}1 other", "OK"},
        {"RENAMENX {a}1 {a}2", ":0"},
        {"RENAMENX {a}1 {a}3", ":1"},
        {"RENAME {a}3 {a}2", "OK"},
        {"GET {a}2", "\"other\""},
        {"TTL {a}2", ":-1"},
        {"COPY {a}2 {a}4", ":1"},
        {"COPY {a}2 {a}4", ":0"},
        {"SET {a}2 newer PX 5000", "OK"},
        {"COPY {a}2 {a}4 REPLACE", ":1"},
        {"PTTL {a}4", ":5000"},
        {"COPY {a}2 {a}2", "!ERR source and destination objects are the same"},
        {"COPY {a}9 {a}2", ":0"},
        {"COPY {a}2 {a}5 DB 0", ":1"},
        {"COPY {a}2 {a}5 DB 1", "!ERR syntax error"},
        {"encoding {a}2", "\"embstr\""},
        {"SET {a}2 12", "OK"},
        {"encoding {a}2", "\"int\""},
        {"encoding nobody", "nil"},
        {"FLUSHALL SYNC", "OK"},
        {"DBSIZE", ":0"},
        {"GET {a}2", "nil"},
        {"FLUSHDB nonsense", "!ERR syntax error"},
        {"RANDOMKEY", "nil"},
        {"SET only one", "OK"},
        {"RANDOMKEY", "\"only\""},
        {"KEYS *", "[\"only\"]"},
        {"KEYS o[m-o]?y", "[\"only\"]"},
        {"KEYS x*", "[]"},
        {"count_slot 8219", ":0"},
    };
    PLAY(lines);
}

static void patterns_are_globs(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"SET a[b]*c 1", "OK"},
        {"KEYS a\\\\[b\\\\]\\\\*c", "[]"},
        {"KEYS \"a\\\\[b\\\\]\\\\*c\"", "[\"a[b]*c\"]"},
        {"KEYS a*c", "[\"a[b]*c\"]"},
        {"KEYS *b*", "[\"a[b]*c\"]"},
        {"KEYS a[[]b*", "[\"a[b]*c\"]"},
        {"KEYS a[^a-z]b*", "[\"a[b]*c\"]"},
        {"KEYS [z-a]*", "[\"a[b]*c\"]"},
        {"KEYS ??b???", "[\"a[b]*c\"]"},
        {"KEYS ??b????", "[]"},
        {"KEYS ??b?*?", "[\"a[b]*c\"]"},
        {"KEYS *a*a*a*a*a*a*a*a*a*a*a*b", "[]"},
    };
    PLAY(lines);
}

static void keys_end(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"TTL k", ":-2"},
        {"SET k v", "OK"},
        {"TTL k", ":-1"},
        {"PTTL k", ":-1"},
        {"EXPIRETIME k", ":-1"},
        {"EXPIRE k 10", ":1"},
        {"TTL k", ":10"},
        {"EXPIRETIME k", ":1700000010"},
        {"PEXPIRETIME k", ":1700000010000"},
        {"EXPIRE k 20 NX", ":0"},
        {"EXPIRE k 5 GT", ":0"},
        {"EXPIRE k 20 GT", ":1"},
        {"EXPIRE k 20 LT", ":0"},
        {"EXPIRE k 15 LT XX", ":1"},
        {"TTL k", ":15"},
        {"EXPIRE k 15 GT LT", "!ERR GT and LT options at the same time are not compatible"},
        {"EXPIRE k 15 NX XX",
         "!ERR NX and XX, GT or LT options at the same time are not compatible"},
        {"EXPIRE k 15 OR", "!ERR Unsupported option OR"},
        {"EXPIRE k x", "!ERR value is not an integer or out of range"},
        {"EXPIRE k 9223372036854775807", "!ERR invalid expire time in 'expire' command"},
        {"PERSIST k", ":1"},
        {"PERSIST k", ":0"},
        {"EXPIRE k 5 XX", ":0"},
        {"EXPIRE k 5 GT", ":0"},
        {"EXPIRE k 5 LT", ":1"},
        {"PEXPIREAT k 1700000060000", ":1"},
        {"TTL k", ":60"},
        {"EXPIRETIME k", ":1700000060"},
        {"SET k w KEEPTTL", "OK"},
        {"TTL k", ":60"},
        {"GETEX k", "\"w\""},
        {"TTL k", ":60"},
        {"GETEX k PERSIST", "\"w\""},
        {"TTL k", ":-1"},
        {"GETEX k PX 1500", "\"w\""},
        {"PTTL k", ":1500"},
        {"GETEX k PX 1500 PERSIST", "!ERR syntax error"},
        {"GETEX k EX 0", "!ERR invalid expire time in 'getex' command"},
        {"SET k v", "OK"},
        {"TTL k", ":-1"},
        {"SETEX k 7 x", "OK"},
        {"TTL k", ":7"},
        {"PSETEX k 0 x", "!ERR invalid expire time in 'psetex' command"},
        {"SETEX k -1 x", "!ERR invalid expire time in 'setex' command"},
        {"EXPIRE k -1", ":1"},
        {"GET k", "nil"},
        {"SET k v EXAT 1", "OK"},
        {"GET k", "nil"},
        {"SET k v", "OK"},
        {"EXPIREAT k 1600000000", ":1"},
        {"EXISTS k", ":0"},
        {"EXPIRE k 10", ":0"},
    };
    PLAY(lines);
}

static void a_key_is_over_when_the_log_says_so(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    expect(&world, "SET d duration PX 100", "OK");
    expect(&world, "SET c date PXAT 1700000000100", "OK");
    expect(&world, "SET e else", "OK");
    assert_true(store_ops.deadline(world.machine).due_us == world.now.due_us + 100000 - 1);
    advance(&world, 99999);
    expect(&world, "GET d", "\"duration\"");
    expect(&world, "GET c", "nil"); /* world_open() is 1 us past the second */
    assert_int_equal(store_ops.deadline(world.machine).due_us, world.now.due_us + 1);
    /* Questions go by the log: what one replica says is over, no other must say is there. */
    world.now.due_us += 10;
    expect(&world, "GET d", "\"duration\"");
    world.now.due_us -= 10;
    advance(&world, 1);
    expect(&world, "GET d", "nil");
    expect(&world, "DBSIZE", ":1");
    assert_true(store_ops.deadline(world.machine).due_us == UINT64_MAX);
    /* The calendar ran ahead, and was set right: it ended no duration. */
    expect(&world, "SET d duration EX 10", "OK");
    world.now.wall_us += 3600000000;
    advance(&world, 1);
    expect(&world, "GET d", "\"duration\"");
    world.now.wall_us -= 3600000000;
    advance(&world, 1);
    expect(&world, "GET d", "\"duration\"");
    store_ops.check(world.machine);
    world_close(&world);
}

static void an_ended_key_is_gone_for_changes_before_it_is_freed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    char line[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "SET k%d v PX 100", i);
        expect(&world, line, "OK");
    }
    advance(&world, 200000); /* frees some of them */
    expect(&world, "DBSIZE", ":744");
    assert_int_equal(store_ops.deadline(world.machine).elapsed_us, 0);
    for (int i = 0; i < 1000; i += 50) {
        snprintf(line, sizeof line, "GET k%d", i);
        expect(&world, line, "nil");
        snprintf(line, sizeof line, "SET k%d w XX", i);
        expect(&world, line, "nil");
        snprintf(line, sizeof line, "INCR k%d", i);
        expect(&world, line, ":1");
    }
    for (int i = 0; i < 4; i++) advance(&world, 1);
    expect(&world, "DBSIZE", ":20");
    store_ops.check(world.machine);
    world_close(&world);
}

static void malformed_entries_are_ignored(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    static const char *const bad[] = {
        "",
        "\x01",
        "\xff\x01\x01",
        "\x18\x01\x01",
        "\x18\x01\xff\x01k\x01v",
        "\x18\x01\x01\x01k",
        "\x18\x01\x01\x7fk\x01v",
        "\x87\x01\x01\x01k",
        "\x18\x01\x01\x80\x80",
        "\x18\x01\x01\x01k\x01v", /* k is in another slot */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        store_ops.apply(world.machine, &anyone, slice_text(bad[i]));
        assert_int_equal(world.heard.size, 0);
    }
    assert_int_equal(store_ops.digest(world.machine), 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_slots),
        cmocka_unit_test(the_table_of_commands_is_in_order),
        cmocka_unit_test(strings_are_set_and_read),
        cmocka_unit_test(strings_are_changed_in_place),
        cmocka_unit_test(numbers_count),
        cmocka_unit_test(bits_are_set_and_found),
        cmocka_unit_test(keys_are_named_and_renamed),
        cmocka_unit_test(patterns_are_globs),
        cmocka_unit_test(keys_end),
        cmocka_unit_test(a_key_is_over_when_the_log_says_so),
        cmocka_unit_test(an_ended_key_is_gone_for_changes_before_it_is_freed),
        cmocka_unit_test(malformed_entries_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
