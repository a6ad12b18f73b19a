/* The heap against a model that looks at every item: pushes, removals from the top and from the
 * middle, in an order that a seed draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/random.h"

enum { ITEMS = 600, STEPS = 60000 };

struct item {
    uint64_t major;
    uint64_t minor;
    struct heap_place place;
};

static struct item items[ITEMS];

static const struct item *model_min(void)
{
    const struct item *min = NULL;
    for (size_t i = 0; i < ITEMS; i++) {
        const struct item *item = &items[i];
        if (item->place.at == HEAP_NOWHERE) continue;
        if (min == NULL || item->major < min->major ||
            (item->major == min->major && item->minor < min->minor)) {
            min = item;
        }
    }
    return min;
}

static void agrees_with_a_model(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heap heap = {0};
    for (size_t i = 0; i < ITEMS; i++) items[i].place.at = HEAP_NOWHERE;
    uint32_t count = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        struct item *item = &items[random_below(&random, ITEMS)];
        bool grows = step / 5000 % 2 == 0; /* by turns nearly full and nearly empty */
        if (item->place.at == HEAP_NOWHERE) {
            if (!grows && random_below(&random, 4) != 0) continue;
            item->major = random_below(&random, 50); /* equal majors: the minor decides */
            item->minor = step;
            heap_push(&heap, item->major, item->minor, &item->place);
            count++;
        } else {
            if (grows && random_below(&random, 4) != 0) continue;
            heap_remove(&heap, &item->place);
            assert_int_equal(item->place.at, HEAP_NOWHERE);
            count--;
        }
        assert_int_equal(heap.count, count);
        const struct item *min = model_min();
        if (min == NULL) {
            assert_null(heap_min(&heap));
        } else {
            assert_ptr_equal(heap_min(&heap)->place, &min->place);
        }
    }
    heap_free(&heap);
}

static void yields_keys_in_order(void **state)
{
    (void)state;
    struct random random = random_seeded(8);
    struct heap heap = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        heap_push(&heap, random_below(&random, 10), i, &items[i].place);
    }
    uint64_t major = 0, minor = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        struct heap_slot slot = *heap_min(&heap);
        assert_true(i == 0 || slot.major > major || (slot.major == major && slot.minor > minor));
        major = slot.major;
        minor = slot.minor;
        heap_remove(&heap, slot.place);
    }
    assert_null(heap_min(&heap));
    heap_free(&heap);
}

static void gives_memory_back(void **state)
{
    (void)state;
    struct heap heap = {0};
    for (size_t i = 0; i < ITEMS; i++) heap_push(&heap, i, 0, &items[i].place);
    uint32_t full = heap.capacity;
    for (size_t i = 0; i < ITEMS; i++) heap_remove(&heap, &items[i].place);
    assert_true(heap.capacity < full / 4);
    heap_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(yields_keys_in_order),
        cmocka_unit_test(gives_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
