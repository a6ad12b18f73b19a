/* Memory that ends at an unreadable page: a decoder that looks one byte past its input dies there.
 * The idea is picohttpparser's. */
#ifndef QUARTET_TEST_GUARDED_H
#define QUARTET_TEST_GUARDED_H

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"

struct guarded {
    uint8_t *pages;
    size_t size; /* readable bytes, up to the unreadable page */
};

static inline struct guarded guarded_make(size_t size_min)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (size_min + page - 1) / page * page;
    void *pages =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(pages != MAP_FAILED);
    int protected = mprotect((uint8_t *)pages + size, page, PROT_NONE);
    assert(protected == 0);
    (void)protected;
    return (struct guarded){pages, size};
}

static inline void guarded_free(struct guarded *guarded)
{
    munmap(guarded->pages, guarded->size + (size_t)sysconf(_SC_PAGESIZE));
}

/* A copy of `bytes` whose end is the end of what may be read; until the next copy. */
static inline struct slice guarded_copy(struct guarded *guarded, struct slice bytes)
{
    assert(bytes.size <= guarded->size);
    uint8_t *at = guarded->pages + guarded->size - bytes.size;
    if (bytes.size != 0) memcpy(at, bytes.data, bytes.size);
    return slice_of(at, bytes.size);
}

#endif
