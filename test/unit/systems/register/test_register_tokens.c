/* The registers behind tokens, and their watches: what a client says and hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "systems/register/machine/register.h"
#include "systems/register/protocol/frames.h"
#include "systems/register/protocol/tokens.h"

enum { SECOND_US = 1000000 };

static struct cluster *open_cluster(uint32_t nodes)
{
    struct node_config config = {.machine = &register_ops, .protocol = &register_tokens_ops};
    node_config_defaults(&config);
    struct cluster *cluster = cluster_new(nodes, &config);
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(cluster_leader(cluster), 0);
    return cluster;
}

static void hears(struct cluster *cluster, struct cluster_wire *wire, const char *said,
                  const char *heard)
{
    cluster_forget(wire);
    if (said != NULL) cluster_say(cluster, wire, said);
    cluster_run(cluster, SECOND_US);
    assert_string_equal(cluster_heard(wire), heard);
}

static void replies_repeat_their_token(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *wire = cluster_open(cluster, 1, NODE_CLIENT);
    hears(cluster, wire, "7 write 3 17\n", "7 WRITTEN\n");
    hears(cluster, wire, "8 read 3 local\n9 swap 3 17 18\n", "8 VALUE 17\n9 SWAPPED\n");
    hears(cluster, wire, "x read 1\n1\n2 fly\n3 watch 32\n4 watch 1 2 3\n",
          "0 BAD\n0 BAD\n0 BAD\n0 BAD\n0 BAD\n");
    hears(cluster, wire, "18446744073709551615 read 3 local\n", "18446744073709551615 VALUE 18\n");
    cluster_free(cluster);
}

static void a_watch_hears_each_version_once_wherever_it_is(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(3);
    struct cluster_wire *wires[4];
    for (uint32_t i = 1; i <= 3; i++) wires[i] = cluster_open(cluster, i, NODE_CLIENT);
    hears(cluster, wires[1], "1 write 5 10\n", "1 WRITTEN\n");
    hears(cluster, wires[2], "4 watch 5\n", "4 WATCHING 2\n");
    hears(cluster, wires[3], "5 watch 5 1\n", "5 WATCHING 1\n5 EVENT 1 10\n");
    cluster_forget(wires[2]);
    hears(cluster, wires[1], "2 write 5 11\n", "2 WRITTEN\n");
    assert_string_equal(cluster_heard(wires[2]), "4 EVENT 2 11\n");
    hears(cluster, wires[2], "4 cancel\n", "");
    hears(cluster, wires[1], "3 swap 5 11 12\n", "3 SWAPPED\n");
    assert_string_equal(cluster_heard(wires[2]), "");
    hears(cluster, wires[3], "6 watch 5 4\n", "6 WATCHING 4\n"); /* not there yet */
    hears(cluster, wires[3], "7 write 5 13\n", "7 WRITTEN\n5 EVENT 4 13\n6 EVENT 4 13\n");
    cluster_free(cluster);
}

static void what_is_not_kept_any_more_is_a_gap(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *wire = cluster_open(cluster, 1, NODE_CLIENT);
    for (int i = 0; i < REGISTER_HISTORY + 2; i++)
        hears(cluster, wire, "1 write 0 9\n", "1 WRITTEN\n");
    hears(cluster, wire, "2 watch 0 17\n", "2 WATCHING 17\n2 EVENT 17 9\n2 EVENT 18 9\n");
    cluster_forget(wire);
    cluster_say(cluster, wire, "3 watch 0 1\n");
    cluster_run(cluster, SECOND_US);
    assert_memory_equal(cluster_heard(wire), "3 WATCHING 1\n3 GAP 2\n3 EVENT 3 9\n", 33);
    cluster_free(cluster);
}

/* Fed in pieces of any size, and asked for when it pleases. */
static void requests_do_not_depend_on_where_reads_cut_them(void **state)
{
    (void)state;
    static const char text[] = "1 write 2 3\n2 watch 4\n2 cancel\n3 read 2\n";
    static const enum protocol_request_kind kinds[] = {PROTOCOL_PROPOSE, PROTOCOL_WATCH,
                                                       PROTOCOL_CANCEL, PROTOCOL_QUERY};
    for (size_t cut = 0; cut < sizeof text; cut++) {
        void *connection = register_tokens_ops.open(NULL);
        struct slice first = slice_of(text, cut);
        struct slice rest = slice_of(text + cut, sizeof text - 1 - cut);
        if (cut == sizeof text - 1) rest = slice_of(NULL, 0);
        struct protocol_request request;
        assert_int_equal(register_tokens_ops.next(connection, &first, NULL), PROTOCOL_NONE);
        assert_int_equal(first.size, 0);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(register_tokens_ops.next(connection, &rest, &request), kinds[i]);
            assert_int_equal(rest.size, 0);
            assert_int_equal(request.token, i < 2 ? i + 1 : i);
        }
        assert_int_equal(register_tokens_ops.next(connection, &rest, &request), PROTOCOL_NONE);
        register_tokens_ops.close(connection);
    }
}

static void too_long_a_line_and_too_many_of_them_end_the_connection(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    while (bytes.size <= REGISTER_TOKENS_HELD_MAX) buffer_append_text(&bytes, "1 read 1\n");
    struct slice texts[] = {buffer_slice(&bytes),
                            {(const uint8_t *)"1 write 111111111111111111"
                                              "11111111111111111111111111111"
                                              "11111111111111111111111111111",
                             84}};
    for (int i = 0; i < 2; i++) {
        void *connection = register_tokens_ops.open(NULL);
        struct protocol_request request;
        assert_int_equal(register_tokens_ops.next(connection, &texts[i], &request), PROTOCOL_CLOSE);
        register_tokens_ops.close(connection);
    }
    buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_repeat_their_token),
        cmocka_unit_test(a_watch_hears_each_version_once_wherever_it_is),
        cmocka_unit_test(what_is_not_kept_any_more_is_a_gap),
        cmocka_unit_test(requests_do_not_depend_on_where_reads_cut_them),
        cmocka_unit_test(too_long_a_line_and_too_many_of_them_end_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
