/* A violation as a picture: one HTML page that needs nothing else. Processes are rows, operations
 * bars from call to return; choosing one shows the longest order that contains it. */
#ifndef QUARTET_CHECK_HTML_H
#define QUARTET_CHECK_HTML_H

#include "check/check.h"

enum {
    HTML_OPERATIONS_MAX = 500, /* drawn of one key, around the break */
};

/* `title` is plain text: where the history comes from. */
void check_html(const struct history *history, const struct model *model,
                const struct check_options *options, const struct check_result *result,
                const char *title, struct buffer *out);

#endif
