/* A four-ary min-heap. See heap.h. */
#include "base/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/assert.h"

static bool slot_before(const struct heap_slot *a, const struct heap_slot *b)
{
    return a->major != b->major ? a->major < b->major : a->minor < b->minor;
}

static void heap_set(struct heap *heap, uint32_t at, struct heap_slot slot)
{
    heap->slots[at] = slot;
    slot.place->at = at;
}

static void heap_sift_up(struct heap *heap, uint32_t at, struct heap_slot slot)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 4;
        if (!slot_before(&slot, &heap->slots[parent])) break;
        heap_set(heap, at, heap->slots[parent]);
        at = parent;
    }
    heap_set(heap, at, slot);
}

static void heap_sift_down(struct heap *heap, uint32_t at, struct heap_slot slot)
{
    for (;;) {
        uint64_t first = (uint64_t)at * 4 + 1;
        if (first >= heap->count) break;
        uint64_t end = first + 4 < heap->count ? first + 4 : heap->count;
        uint64_t least = first;
        for (uint64_t child = first + 1; child < end; child++) {
            if (slot_before(&heap->slots[child], &heap->slots[least])) least = child;
        }
        if (!slot_before(&heap->slots[least], &slot)) break;
        heap_set(heap, at, heap->slots[least]);
        at = (uint32_t)least;
    }
    heap_set(heap, at, slot);
}

void heap_free(struct heap *heap)
{
    free(heap->slots);
    *heap = (struct heap){0};
}

void heap_push(struct heap *heap, uint64_t major, uint64_t minor, struct heap_place *place)
{
    if (heap->count == heap->capacity) {
        ASSERT(heap->capacity < HEAP_NOWHERE / 2);
        uint32_t capacity = heap->capacity == 0 ? 4 : heap->capacity * 2;
        struct heap_slot *slots = realloc(heap->slots, capacity * sizeof *slots);
        ASSERT(slots != NULL);
        heap->slots = slots;
        heap->capacity = capacity;
    }
    heap_sift_up(heap, heap->count++, (struct heap_slot){major, minor, place});
}

static void heap_shrink(struct heap *heap)
{
    if (heap->capacity < 64 || heap->count > heap->capacity / 4) return;
    struct heap_slot *slots = realloc(heap->slots, heap->capacity / 2 * sizeof *slots);
    if (slots == NULL) return; /* the larger array still serves */
    heap->slots = slots;
    heap->capacity /= 2;
}

void heap_remove(struct heap *heap, struct heap_place *place)
{
    uint32_t at = place->at;
    ASSERT(at < heap->count && heap->slots[at].place == place);
    place->at = HEAP_NOWHERE;
    struct heap_slot last = heap->slots[--heap->count];
    if (at != heap->count) {
        if (at > 0 && slot_before(&last, &heap->slots[(at - 1) / 4])) {
            heap_sift_up(heap, at, last);
        } else {
            heap_sift_down(heap, at, last);
        }
    }
    heap_shrink(heap);
}
