/* Numbers texts. See history_texts.h. */
#include "check/history_texts.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"

struct text {
    struct map_node node;
    uint64_t atom;
    size_t at; /* in the bytes */
    size_t size;
};

struct history_texts {
    struct map by_hash;
    struct text **items; /* [atom] */
    size_t count, capacity;
    struct buffer bytes;
};

struct history_texts *history_texts_new(void)
{
    struct history_texts *texts = calloc(1, sizeof *texts);
    ASSERT(texts != NULL);
    return texts;
}

void history_texts_free(struct history_texts *texts)
{
    if (texts == NULL) return;
    for (size_t i = 0; i < texts->count; i++) free(texts->items[i]);
    free(texts->items);
    map_free(&texts->by_hash);
    buffer_free(&texts->bytes);
    free(texts);
}

struct slice history_text(const struct history_texts *texts, uint64_t atom)
{
    ASSERT(atom < texts->count);
    const struct text *text = texts->items[atom];
    return slice_of(buffer_slice(&texts->bytes).data + text->at, text->size);
}

uint64_t history_atom(struct history_texts *texts, struct slice bytes)
{
    uint64_t hash = map_hash_bytes(bytes);
    for (struct map_node *node = map_find(&texts->by_hash, hash); node != NULL;
         node = map_find_next(node)) {
        uint64_t atom = ((struct text *)(void *)node)->atom;
        if (slice_equal(history_text(texts, atom), bytes)) return atom;
    }
    if (texts->count == texts->capacity) {
        texts->capacity = texts->capacity == 0 ? 64 : texts->capacity * 2;
        texts->items = realloc(texts->items, texts->capacity * sizeof *texts->items);
        ASSERT(texts->items != NULL);
    }
    struct text *text = calloc(1, sizeof *text);
    ASSERT(text != NULL);
    text->atom = texts->count;
    text->at = texts->bytes.size;
    text->size = bytes.size;
    buffer_append_slice(&texts->bytes, bytes);
    map_insert(&texts->by_hash, &text->node, hash);
    texts->items[texts->count++] = text;
    return text->atom;
}
