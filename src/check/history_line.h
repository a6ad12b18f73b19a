/* One line of a history file: a JSON object with the members of specs/history.md, checked one by
 * one but not yet against the lines before it. */
#ifndef QUARTET_CHECK_HISTORY_LINE_H
#define QUARTET_CHECK_HISTORY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "check/history_texts.h"

enum {
    HISTORY_LINE_SIZE_MAX = 65536,
    HISTORY_STRING_SIZE_MAX = 4096,
    HISTORY_DEPTH_MAX = 32, /* of the members that are not read */
};

enum line_type { LINE_INVOKE, LINE_OK, LINE_FAIL, LINE_INFO };

enum line_value_kind {
    LINE_VALUE_ABSENT,
    LINE_VALUE_NULL,
    LINE_VALUE_ATOM, /* a number or a string */
    LINE_VALUE_TRUE,
    LINE_VALUE_FALSE,
    LINE_VALUE_PAIR,
};

struct line_value {
    enum line_value_kind kind;
    uint64_t atoms[2]; /* null within a pair: HISTORY_NIL */
    bool is_number;    /* not negative, and here it is: */
    uint64_t number;
};

struct history_line {
    enum line_type type;
    bool nemesis;
    uint32_t process;
    struct slice f; /* borrowed from the text */
    struct line_value key;
    struct line_value value;
    struct line_value found;
    bool has_time;
    uint64_t time_ns;
};

/* Numbers and strings become atoms of `texts`. NULL when the line is in order, else what is wrong
 * with it and what to do, as words that live for ever. */
const char *history_line_read(struct slice text, struct history_texts *texts,
                              struct history_line *line);
/* A value alone, as --initial has it. */
bool history_value_read(struct slice text, struct history_texts *texts, struct line_value *value);

/* Takes a line, without its end, off the text; false when there is none. Empty if only spaces. */
bool history_next_line(struct slice *text, struct slice *line);

#endif
