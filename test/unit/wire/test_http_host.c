/* Names that a server goes by (wire/http1_host.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/http1_host.h"

static bool splits_into(const char *authority, const char *host)
{
    struct slice found;
    if (!http_host_split(slice_text(authority), &found)) return false;
    return slice_equal(found, slice_text(host));
}

static void an_authority_has_a_host_and_perhaps_a_port(void **state)
{
    (void)state;
    assert_true(splits_into("example", "example"));
    assert_true(splits_into("example:80", "example"));
    assert_true(splits_into("example:", "example"));
    assert_true(splits_into("[::1]:80", "[::1]"));
    assert_true(splits_into("[::1]", "[::1]"));
    static const char *const bad[] = {"", ":80", "a:b", "a:80:80", "[::1", "[::1]x", "a:8 0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice host;
        assert_false(http_host_split(slice_text(bad[i]), &host));
    }
}

static void an_address_is_no_name(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "255.255.255.255", "[::1]", "[fe80::a.b]"};
    static const char *const names[] = {"localhost", "1.2.3",   "1.2.3.256", "1.2.3.4.5",
                                        "1.2.3.4a",  "0x7f.1",  "[g::1]",    "[::1",
                                        "1..2.3",    "1.2.3.4."};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        assert_true(http_host_is_address(slice_text(addresses[i])));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(http_host_is_address(slice_text(names[i])));
    }
}

static void names_are_the_same_but_for_case_and_a_dot(void **state)
{
    (void)state;
    assert_true(http_host_same(slice_text("Chat.Example."), slice_text("chat.example")));
    assert_false(http_host_same(slice_text("chat.example"), slice_text("chat-example")));
    assert_true(http_host_listed(slice_text("b"), "a,B,c"));
    assert_true(http_host_listed(slice_text("c"), "a,b,c"));
    assert_false(http_host_listed(slice_text("a,b"), "a,b,c"));
    assert_false(http_host_listed(slice_text("d"), "a,b,c"));
    assert_false(http_host_listed(slice_text("a"), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_authority_has_a_host_and_perhaps_a_port),
        cmocka_unit_test(an_address_is_no_name),
        cmocka_unit_test(names_are_the_same_but_for_case_and_a_dot),
    };
    return cmocka_run_group_tests_name("http_host", tests, NULL, NULL);
}
