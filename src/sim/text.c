/* Text for traces. See text.h. */
#include "sim/text.h"

#include "base/assert.h"

static void text_append_seconds(struct buffer *out, uint64_t us)
{
    buffer_append_decimal(out, us / 1000000);
    buffer_put_u8(out, '.');
    uint64_t rest = us % 1000000;
    for (uint64_t unit = 100000; unit > 0; unit /= 10) {
        buffer_put_u8(out, (uint8_t)('0' + rest / unit % 10));
    }
}

void text_append_list(struct buffer *out, const char *format, va_list arguments)
{
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            buffer_put_u8(out, (uint8_t)*at);
            continue;
        }
        switch (*++at) {
        case 'u': buffer_append_decimal(out, va_arg(arguments, uint32_t)); break;
        case 'U': buffer_append_decimal(out, va_arg(arguments, uint64_t)); break;
        case 'x': buffer_append_hex(out, va_arg(arguments, uint64_t), 16); break;
        case 's': buffer_append_text(out, va_arg(arguments, const char *)); break;
        case 'b': buffer_append_slice(out, va_arg(arguments, struct slice)); break;
        case 't': text_append_seconds(out, va_arg(arguments, uint64_t)); break;
        default: ASSERT(!"a format that text_append() knows");
        }
    }
}

void text_append(struct buffer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_append_list(out, format, arguments);
    va_end(arguments);
}
