/* A min-heap of small keyed slots, four children to a node: half the levels of a binary heap, and
 * the four keys that one level compares lie in two cache lines.
 *
 * Slots hold their keys, so that sifting touches no item but to tell it its new place. Equal keys
 * would make the order depend on history: callers end their key with a sequence number. */
#ifndef QUARTET_BASE_HEAP_H
#define QUARTET_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Lives in the item, so that it can be removed from the middle; HEAP_NOWHERE when in no heap. */
struct heap_place {
    uint32_t at;
};

#define HEAP_NOWHERE UINT32_MAX

struct heap_slot {
    uint64_t major;
    uint64_t minor;
    struct heap_place *place;
};

/* Zero-initialized is empty. */
struct heap {
    struct heap_slot *slots;
    uint32_t count;
    uint32_t capacity;
};

void heap_free(struct heap *heap);
void heap_push(struct heap *heap, uint64_t major, uint64_t minor, struct heap_place *place);
/* The place must be in this heap. */
void heap_remove(struct heap *heap, struct heap_place *place);

static inline const struct heap_slot *heap_min(const struct heap *heap)
{
    return heap->count == 0 ? NULL : &heap->slots[0];
}

#endif
