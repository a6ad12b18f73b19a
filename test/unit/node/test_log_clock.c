/* What the log is told of wall clocks, and when (node/group/log_clock.c). */
#include "group_solo.h"

static struct group_solo solo;

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

/* What the entries from `first` on are: "clock", "late" and "commands". */
static void expect_entries(uint64_t first, const char *expected)
{
    char said[64] = "";
    for (uint64_t i = first; i <= raft_last_index(group_raft(solo.group)); i++) {
        const struct raft_entry *entry = raft_entry_at(group_raft(solo.group), i);
        const char *word = entry->kind == KIND_COMMANDS ? "commands " : "other ";
        if (entry->kind == KIND_CLOCK) word = entry->data.size == 0 ? "clock " : "late ";
        strncat(said, word, sizeof said - strlen(said) - 1);
    }
    assert_string_equal(said, expected);
}

static void lead(void)
{
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    assert_int_equal(raft_last_index(group_raft(solo.group)), 1);
}

static void propose(void)
{
    group_propose(solo.group, 5, slice_text("pa"));
    group_solo_turn(&solo);
}

static void test_the_clocks_come_before_the_first_command(void **state)
{
    (void)state;
    lead();
    group_set_clocks_agree(solo.group, true);
    propose();
    expect_entries(2, "clock commands ");
    propose();
    expect_entries(2, "clock commands commands ");
}

static void test_they_need_no_entry_of_the_term_to_be_committed(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_set_clocks_agree(solo.group, true);
    group_solo_lead(&solo);
    propose();
    expect_entries(2, "clock commands ");
}

static void test_clocks_that_agree_later_are_late(void **state)
{
    (void)state;
    lead();
    propose();
    expect_entries(2, "commands ");
    group_set_clocks_agree(solo.group, true);
    group_solo_turn(&solo);
    expect_entries(2, "commands late ");
    propose();
    expect_entries(2, "commands late commands ");
}

static void test_what_nodes_say_of_themselves_makes_no_clock_late(void **state)
{
    (void)state;
    lead();
    group_propose_open(solo.group);
    group_solo_turn(&solo);
    group_set_clocks_agree(solo.group, true);
    group_solo_turn(&solo);
    expect_entries(2, "commands clock ");
}

int main(void)
{
#define CLOCK_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CLOCK_TEST(test_the_clocks_come_before_the_first_command),
        CLOCK_TEST(test_they_need_no_entry_of_the_term_to_be_committed),
        CLOCK_TEST(test_clocks_that_agree_later_are_late),
        CLOCK_TEST(test_what_nodes_say_of_themselves_makes_no_clock_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
