/* Text for traces and reasons, without stdio: the simulator is as pure as the nodes in it. */
#ifndef QUARTET_SIM_TEXT_H
#define QUARTET_SIM_TEXT_H

#include <stdarg.h>

#include "base/bytes.h"

/* Formats: %u uint32_t, %U uint64_t, %s zero-terminated, %b struct slice, %t microseconds as
 * seconds with six decimals (uint64_t), %x uint64_t in hexadecimal. */
void text_append(struct buffer *out, const char *format, ...);
void text_append_list(struct buffer *out, const char *format, va_list arguments);

#endif
