/* Streaming a snapshot while the machine goes on changing: what every machine's cut has in common.
 *
 * A machine's state is objects. cut_begin() fixes the moment; then cursors, which are the
 * machine's, walk all objects and write each once. What changes before a cursor reaches it is first
 * written as it was (a pre-image), to a buffer that is read before the cursors go on. So the stream
 * holds every object as of the cut, and whatever an object refers to can be written ahead of it:
 * what was not written has not changed since.
 *
 * The marks that tell what was written are the machine's too, beside its objects: the number of the
 * cut, compared by cut_mark(), or a bit for each of a page that carries the number. An object that
 * is made while a cut runs takes its number at once: it is not part of it.
 *
 * The stream is a row of objects: u8 kind, u32 size, and so many bytes of fields. The first is of
 * kind CUT_HEADER, and the machine's own end object comes last.
 *
 * Where an object is about to change stands `if (machine->cut.active)`: a plain field, tested in
 * place, for no cut runs most of the time. */
#ifndef QUARTET_CONTRACT_CUT_H
#define QUARTET_CONTRACT_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/list.h"

enum {
    CUT_HEADER = 1,            /* the kind of the first object; the others are the machine's */
    CUT_OBJECT_PREFIX = 5,     /* bytes before an object's fields */
    CUT_CHUNK_BYTES = 1 << 18, /* of pre-images: a chunk this long takes no further object */
};

/* Zero-initialized: no cut runs, and none did. */
struct cut {
    bool active;
    uint32_t number;                /* of the latest cut; marks carry it */
    struct cut_chunk *first, *last; /* pre-images not read yet */
    uint64_t full_bytes;            /* of them in the chunks before the last */
};

/* None may be active. The caller writes its header to cut_pre_image() and sets its cursors. */
void cut_begin(struct cut *cut);
/* Ends the cut and frees what waits; the number stays, and so do marks. Nothing when none runs. */
void cut_abort(struct cut *cut);
/* Bytes of pre-images that were not read yet. */
uint64_t cut_pending(const struct cut *cut);

/* Where to append one object, and what it refers to ahead of it. Valid until the next call of any
 * of these; only while the cut is active. */
struct buffer *cut_pre_image(struct cut *cut);

/* Marks an object as written; false when it was already, or is not part of the cut. */
static inline bool cut_mark(const struct cut *cut, uint32_t *mark)
{
    if (*mark == cut->number) return false;
    *mark = cut->number;
    return true;
}

/* `leaving` is about to be unlinked: the cursor, if it stands there, goes on to the next. */
static inline void cut_skip(struct list **cursor, const struct list *leaving)
{
    if (*cursor == leaving) *cursor = leaving->next;
}

/* Looks at what a cursor finds next and writes it, unless it was; false when all cursors are
 * through. It may look at several small objects, as long as `out` is shorter than `limit`. */
typedef bool cut_step(void *machine, size_t limit, struct buffer *out);
/* Writes the end object. */
typedef void cut_end(void *machine, struct buffer *out);

/* A machine's cut_read(): appends a piece of what waits, about `size` bytes (0: all of a chunk); if
 * nothing does, steps until about `size` bytes were written (0: any), MACHINE_WORK_MAX of them at
 * most. What was written ahead of its turn is passed by and writes nothing, so it may append none.
 * False once the end was written, and when no cut is active, which it then is no more. */
bool cut_read(struct cut *cut, size_t size, struct buffer *out, cut_step *step, cut_end *end,
              void *machine);

/* An object: what is appended between the two are its fields. `begin` is what the first returned;
 * nothing may be consumed from `out` in between. */
static inline size_t cut_object_begin(struct buffer *out, uint8_t kind)
{
    buffer_put_u8(out, kind);
    buffer_put_u32(out, 0);
    return out->size;
}

static inline void cut_object_end(struct buffer *out, size_t begin)
{
    ASSERT(out->size - begin <= UINT32_MAX);
    store_u32(out->data + out->head + begin - 4, (uint32_t)(out->size - begin));
}

/* Reading a stream back. It may have been damaged on its way: what does not fit is refused. */

/* Zero-initialized at first; cut_feed_free() frees the unfinished object. */
struct cut_feed {
    struct buffer bytes; /* of an unfinished object */
    bool begun;          /* the header came */
    bool ended;          /* set by the machine when it took its end object: nothing may follow */
    bool bad;            /* for good */
};

/* Takes one object, whose fields are borrowed; false when it does not fit. */
typedef bool cut_take(void *machine, uint8_t kind, struct slice fields);

/* A machine's restore(): hands on every object that is whole by now. An object of more than
 * `size_max` bytes of fields, a header that is not first, or anything after the end is bad. False
 * when the stream was bad, now or before. */
bool cut_feed(struct cut_feed *feed, struct slice bytes, size_t size_max, cut_take *take,
              void *machine);
/* For restore_end(): the stream was good, and came to its end. */
bool cut_feed_whole(const struct cut_feed *feed);
void cut_feed_free(struct cut_feed *feed);

#endif
