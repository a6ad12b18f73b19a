/* The parts of the timeline page that do not depend on the history. */
#ifndef QUARTET_CHECK_HTML_PAGE_H
#define QUARTET_CHECK_HTML_PAGE_H

struct html_page {
    const char *style;
    const char *script;
};

extern const struct html_page html_page;

#endif
