/* Says in words why a history is not linearizable. */
#ifndef QUARTET_CHECK_EXPLAIN_H
#define QUARTET_CHECK_EXPLAIN_H

#include "check/check.h"

enum {
    EXPLAIN_BEFORE_MAX = 12, /* operations shown of the order that led to the break */
    EXPLAIN_AROUND_MAX = 24, /* operations shown that were under way with the stuck one */
};

/* A few paragraphs for each of the result's violations. */
void check_explain(const struct history *history, const struct model *model,
                   const struct check_options *options, const struct check_result *result,
                   struct buffer *out);

/* "line 12", or "operation 7" (from 1) when it comes from no file. */
void check_name_operation(const struct history *history, uint32_t index, struct buffer *out);
/* "key 3", or "the register" when the history has no keys. */
void check_name_key(const struct history *history, const struct model *model, uint64_t key,
                    struct buffer *out);

#endif
