/* Any bytes as JSON: the reader stays within them, what it calls whole is balanced, a value that is
 * passed over ends where it ends when it is read, and a text without escapes is UTF-8 of the size
 * that was promised. The first byte chooses the depth. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/json_read.h"
#include "base/utf8.h"

static void look_at(const struct json_read *read, struct slice text)
{
    ASSERT(read->at >= text.data && read->at <= text.data + text.size);
    if (read->token == JSON_NAME || read->token == JSON_STRING) {
        struct buffer plain = {0};
        json_read_text(read, &plain);
        ASSERT(plain.size == read->size && utf8_valid(buffer_slice(&plain)));
        ASSERT(read->escaped || slice_equal(buffer_slice(&plain), read->raw));
        buffer_free(&plain);
        (void)json_read_is(read, "type");
    }
    if (read->token == JSON_NUMBER) ASSERT(read->raw.size != 0);
    if (read->token == JSON_NUMBER && read->whole && !read->negative) {
        uint64_t value;
        ASSERT(decimal_read(read->raw, &value) && value == read->magnitude);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice text = slice_of(data + 1, size - 1);
    struct json_read read = json_read_of(text, 1 + data[0] % JSON_READ_DEPTH_MAX);
    struct json_read whole = read;
    const char *error = NULL;
    if (json_read_next(&whole) == JSON_BAD || !json_read_skip(&whole)) error = whole.error;
    const uint8_t *end = whole.at;
    if (error == NULL && json_read_next(&whole) == JSON_BAD) error = whole.error;

    size_t tokens = 0, begun = 0, ended = 0;
    for (;;) {
        enum json_token token = json_read_next(&read);
        if (token == JSON_BAD || token == JSON_END) break;
        look_at(&read, text);
        if (token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN) begun++;
        if (token == JSON_OBJECT_END || token == JSON_ARRAY_END) ended++;
        ASSERT(++tokens <= text.size && read.depth == begun - ended);
        if (begun == ended && error == NULL) ASSERT(read.at == end);
    }
    ASSERT((read.token == JSON_BAD) == (read.error != NULL) && read.error == error);
    ASSERT(read.error != NULL || begun == ended);
    return 0;
}
