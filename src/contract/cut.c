/* Streaming a snapshot while the machine goes on changing. See cut.h. Pre-images lie in chunks, so
 * that no call moves or copies more than one of them however many wait. */
#include "contract/cut.h"

#include <stdlib.h>

#include "contract/machine.h"

struct cut_chunk {
    struct cut_chunk *next;
    struct buffer bytes;
};

void cut_begin(struct cut *cut)
{
    ASSERT(!cut->active);
    cut->active = true;
    cut->number++;
}

static void drop_first(struct cut *cut)
{
    struct cut_chunk *chunk = cut->first;
    cut->first = chunk->next;
    if (chunk == cut->last) {
        cut->last = NULL;
    } else {
        cut->full_bytes -= chunk->bytes.size;
    }
    buffer_free(&chunk->bytes);
    free(chunk);
}

void cut_abort(struct cut *cut)
{
    cut->active = false;
    while (cut->first != NULL) drop_first(cut);
}

uint64_t cut_pending(const struct cut *cut)
{
    return cut->last == NULL ? 0 : cut->full_bytes + cut->last->bytes.size;
}

struct buffer *cut_pre_image(struct cut *cut)
{
    ASSERT(cut->active);
    if (cut->last != NULL && cut->last->bytes.size < CUT_CHUNK_BYTES) return &cut->last->bytes;
    struct cut_chunk *chunk = calloc(1, sizeof *chunk);
    ASSERT(chunk != NULL);
    if (cut->last == NULL) {
        cut->first = chunk;
    } else {
        cut->full_bytes += cut->last->bytes.size;
        cut->last->next = chunk;
    }
    cut->last = chunk;
    return &chunk->bytes;
}

/* About `size` bytes of what waits, a chunk at most. */
static void read_pending(struct cut *cut, size_t size, struct buffer *out)
{
    struct cut_chunk *chunk = cut->first;
    size_t part = chunk->bytes.size;
    if (size != 0 && size < part) part = size;
    buffer_append(out, buffer_slice(&chunk->bytes).data, part);
    buffer_consume(&chunk->bytes, part);
    if (chunk != cut->last) cut->full_bytes -= part;
    if (chunk->bytes.size == 0) drop_first(cut);
}

bool cut_read(struct cut *cut, size_t size, struct buffer *out, cut_step *step, cut_end *end,
              void *machine)
{
    if (!cut->active) return false;
    /* An object that was read in part goes on here, before any cursor may write. */
    if (cut_pending(cut) != 0) {
        read_pending(cut, size, out);
        return true;
    }
    size_t limit = out->size + (size == 0 ? 1 : size);
    for (int steps = 0; steps < MACHINE_WORK_MAX && out->size < limit; steps++) {
        if (step(machine, limit, out)) continue;
        end(machine, out);
        cut_abort(cut);
        return false;
    }
    return true;
}

static bool take_object(struct cut_feed *feed, uint8_t kind, struct slice fields, cut_take *take,
                        void *machine)
{
    if (feed->ended || feed->begun != (kind != CUT_HEADER)) return false;
    feed->begun = true;
    return take(machine, kind, fields);
}

bool cut_feed(struct cut_feed *feed, struct slice bytes, size_t size_max, cut_take *take,
              void *machine)
{
    buffer_append_slice(&feed->bytes, bytes);
    while (!feed->bad && feed->bytes.size >= CUT_OBJECT_PREFIX) {
        struct slice object = buffer_slice(&feed->bytes);
        ASSERT(object.data != NULL); /* it has a size */
        uint32_t size = load_u32(object.data + 1);
        if (size > size_max) feed->bad = true;
        if (feed->bad || object.size - CUT_OBJECT_PREFIX < size) break;
        struct slice fields = slice_of(object.data + CUT_OBJECT_PREFIX, size);
        feed->bad = !take_object(feed, object.data[0], fields, take, machine);
        buffer_consume(&feed->bytes, CUT_OBJECT_PREFIX + (size_t)size);
    }
    return !feed->bad;
}

bool cut_feed_whole(const struct cut_feed *feed)
{
    return !feed->bad && feed->ended && feed->bytes.size == 0;
}

void cut_feed_free(struct cut_feed *feed)
{
    buffer_free(&feed->bytes);
}
