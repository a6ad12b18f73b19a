/* Where a node listens, and where else when that is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/host.h"
#include "server/ports.h"

enum { PORTS_FIRST = 24000, PORTS_END = 25000, ROW = 4 };

static struct host_config config;
static struct host_ports ports;

static struct address at(unsigned port)
{
    struct address address = {.host = "127.0.0.1"};
    snprintf(address.port, sizeof address.port, "%u", port & 0xFFFF);
    return address;
}

/* Takes it as another program would; -1: it is taken. */
static int take(unsigned port)
{
    char error[256];
    struct address address = at(port);
    int fd = address_bind(&address, error, sizeof error);
    if (fd >= 0 && listen(fd, 1) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* The first of ROW free ones. */
static unsigned free_row(void)
{
    for (unsigned first = PORTS_FIRST; first + ROW <= PORTS_END; first += ROW) {
        unsigned count = 0;
        for (; count < ROW; count++) {
            int fd = take(first + count);
            if (fd < 0) break;
            close(fd);
        }
        if (count == ROW) return first;
    }
    fail_msg("no free ports");
    return 0;
}

static void configure(unsigned clients, unsigned admin, bool admin_given)
{
    config = (struct host_config){.clients_count = 1, .admin_given = admin_given};
    config.clients[0] = at(clients);
    config.admin = at(admin);
}

static void let_go(void)
{
    for (unsigned i = 0; i < ports.count; i++) close(ports.all[i].fd);
}

static void expect_admin(unsigned port)
{
    struct address expected = at(port);
    assert_string_equal(ports.admin.port, expected.port);
    assert_int_equal(ports.count, 2);
    let_go();
}

static void test_the_admin_port_is_where_it_is_meant_to_be(void **state)
{
    (void)state;
    unsigned first = free_row();
    for (int given = 0; given < 2; given++) {
        configure(first, first + 1, given != 0);
        assert_true(host_ports_bind(&ports, &config));
        expect_admin(first + 1);
    }
}

static void test_it_moves_past_others_and_its_own(void **state)
{
    (void)state;
    unsigned first = free_row();
    int taken = take(first);
    assert_true(taken >= 0);
    configure(first + 1, first, false); /* clients are at the next one */
    assert_true(host_ports_bind(&ports, &config));
    expect_admin(first + 2);
    configure(first + 2, first, false); /* they are not */
    assert_true(host_ports_bind(&ports, &config));
    expect_admin(first + 1);
    close(taken);
}

static void test_it_does_not_move_from_where_it_was_asked_to_be(void **state)
{
    (void)state;
    unsigned first = free_row();
    int taken = take(first);
    assert_true(taken >= 0);
    configure(first + 1, first, true);
    assert_false(host_ports_bind(&ports, &config));
    let_go();
    close(taken);
}

/* Two that start at the same moment: the second one knows at once that it has to move. */
static void test_two_at_once_get_two(void **state)
{
    (void)state;
    unsigned first = free_row();
    struct host_ports other;
    configure(first + 2, first, false);
    assert_true(host_ports_bind(&ports, &config));
    struct host_config second = config;
    second.clients[0] = at(first + 3);
    assert_true(host_ports_bind(&other, &second));
    assert_string_equal(other.admin.port, at(first + 1).port);
    for (unsigned i = 0; i < other.count; i++) close(other.all[i].fd);
    expect_admin(first);
}

static void test_there_is_no_port_behind_the_last(void **state)
{
    (void)state;
    int taken = take(65535);
    if (taken < 0) skip(); /* another program has it: as good, but not ours to rely on */
    configure(free_row(), 65535, false);
    assert_false(host_ports_bind(&ports, &config));
    let_go();
    close(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_admin_port_is_where_it_is_meant_to_be),
        cmocka_unit_test(test_it_moves_past_others_and_its_own),
        cmocka_unit_test(test_it_does_not_move_from_where_it_was_asked_to_be),
        cmocka_unit_test(test_two_at_once_get_two),
        cmocka_unit_test(test_there_is_no_port_behind_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
