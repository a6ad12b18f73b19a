/* Base64: the vectors of RFC 4648, section 10; what is not in order; there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/random.h"
#include "guarded.h"

static void vectors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0}, bytes = {0};
        base64_append(&text, slice_text(cases[i][0]));
        assert_true(slice_equal(buffer_slice(&text), slice_text(cases[i][1])));
        assert_true(base64_read(slice_text(cases[i][1]), &bytes));
        assert_true(slice_equal(buffer_slice(&bytes), slice_text(cases[i][0])));
        buffer_free(&text);
        buffer_free(&bytes);
    }
}

static void what_is_not_in_order(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",  "====", "Z===",     "Zg==Zg==", "Zh==", "Zm9=",
        "Zm 9", "Zm-v", "Zm_v", "=m9v", "Zg==\r\n", "Zm9v\n",   "Zg=a", "\xc3\xa9zz",
    };
    struct guarded guarded = guarded_make(64);
    struct buffer bytes = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (base64_read(guarded_copy(&guarded, slice_text(bad[i])), &bytes)) fail_msg("%s", bad[i]);
        assert_int_equal(bytes.size, 0);
    }
    buffer_free(&bytes);
    guarded_free(&guarded);
}

static void there_and_back(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    struct buffer text = {0}, back = {0};
    for (size_t size = 0; size < 300; size++) {
        uint8_t bytes[300];
        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_next(&random);
        buffer_clear(&text);
        buffer_clear(&back);
        base64_append(&text, slice_of(bytes, size));
        assert_int_equal(text.size, base64_size(size));
        assert_true(base64_read(buffer_slice(&text), &back));
        assert_true(slice_equal(buffer_slice(&back), slice_of(bytes, size)));
    }
    buffer_free(&text);
    buffer_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(what_is_not_in_order),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
