/* SHA-1: the examples of FIPS 180-4, and every length around the ends of blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha1.h"

static void expect(struct slice bytes, const char *hex)
{
    uint8_t digest[SHA1_SIZE];
    struct buffer text = {0};
    sha1(bytes, digest);
    for (size_t i = 0; i < SHA1_SIZE; i++) buffer_append_hex(&text, digest[i], 2);
    assert_true(slice_equal(buffer_slice(&text), slice_text(hex)));
    buffer_free(&text);
}

static void examples(void **state)
{
    (void)state;
    expect(slice_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect(slice_text("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(slice_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
           "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    uint8_t *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    expect(slice_of(million, 1000000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}

/* The digest of the digests of no 'a', of one, of two, ...; the sum is Python's hashlib's. */
static void every_length(void **state)
{
    (void)state;
    uint8_t bytes[300], digests[300 * SHA1_SIZE];
    memset(bytes, 'a', sizeof bytes);
    for (size_t n = 0; n < 300; n++) sha1(slice_of(bytes, n), digests + n * SHA1_SIZE);
    expect(slice_of(digests, sizeof digests), "59fd9a7a8ec7eb10d31fe6c625152f122c4e1606");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(every_length),
    };
    return cmocka_run_group_tests_name("sha1", tests, NULL, NULL);
}
