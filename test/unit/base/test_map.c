/* The hash map against a model, with few enough hashes that they collide, through growing and
 * shrinking; and that no single call moves more than a few buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"

enum { ITEMS = 4000, STEPS = 200000 };

struct item {
    struct map_node node;
    bool inside;
    bool seen;
};

static struct item items[ITEMS];

/* Four items share each hash. */
static uint64_t hash_of(size_t i)
{
    return map_hash_u64(i / 4);
}

static bool found(const struct map *map, size_t i)
{
    for (struct map_node *node = map_find(map, hash_of(i)); node; node = map_find_next(node)) {
        if (node == &items[i].node) return true;
    }
    return false;
}

static void agrees_with_a_model(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    struct map map = {0};
    size_t count = 0;
    memset(items, 0, sizeof items);
    for (uint64_t step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, ITEMS);
        bool grows = step / 40000 % 2 == 0;
        assert_int_equal(found(&map, i), items[i].inside);
        if (!items[i].inside && (grows || random_below(&random, 8) == 0)) {
            map_insert(&map, &items[i].node, hash_of(i));
            items[i].inside = true;
            count++;
        } else if (items[i].inside && (!grows || random_below(&random, 8) == 0)) {
            map_remove(&map, &items[i].node);
            items[i].inside = false;
            count--;
        }
        assert_int_equal(map.count, count);
        assert_int_equal(found(&map, i), items[i].inside);
    }
    map_free(&map);
}

static void any_empties_it(void **state)
{
    (void)state;
    struct map map = {0};
    assert_null(map_any(&map));
    for (size_t i = 0; i < ITEMS; i++) map_insert(&map, &items[i].node, hash_of(i));
    size_t taken = 0;
    for (struct map_node *node; (node = map_any(&map)) != NULL; taken++) map_remove(&map, node);
    assert_int_equal(taken, ITEMS);
    assert_int_equal(map.count, 0);
    map_free(&map);
}

static void is_never_crowded(void **state)
{
    (void)state;
    struct map map = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        map_insert(&map, &items[i].node, map_hash_u64(i));
        assert_true(map.count <= 2 * map.size); /* even while it grows */
    }
    size_t full = map.size;
    for (size_t i = 0; i < ITEMS; i++) map_remove(&map, &items[i].node);
    assert_true(map.size < full);
    map_free(&map);
}

static void hashes_tell_bytes_apart(void **state)
{
    (void)state;
    uint8_t zeros[24] = {0};
    for (size_t a = 0; a <= sizeof zeros; a++) {
        for (size_t b = 0; b < a; b++) {
            assert_true(map_hash_bytes(slice_of(zeros, a)) != map_hash_bytes(slice_of(zeros, b)));
        }
    }
    assert_true(map_hash_bytes(slice_text("ab")) == map_hash_bytes(slice_text("ab")));
    assert_true(map_hash_bytes(slice_text("ab")) != map_hash_bytes(slice_text("ba")));
}

struct linked {
    int value;
    struct list link;
};

static void list_keeps_order(void **state)
{
    (void)state;
    struct list head;
    struct linked a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    list_init(&a.link);
    assert_true(list_empty(&head));
    list_remove(&a.link); /* unlinked: no harm */
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_remove(&b.link);
    assert_true(list_empty(&b.link));
    list_append(&head, &b.link);
    int order = 0;
    for (struct list *link = head.next; link != &head; link = link->next) {
        order = order * 10 + LIST_ITEM(link, struct linked, link)->value;
    }
    assert_int_equal(order, 132);
}

static void mark_seen(void *world, struct map_node *node)
{
    (void)world;
    ((struct item *)node)->seen = true;
}

/* The map grows and shrinks while it is scanned: those that were in it all the time are seen. */
static void a_scan_misses_nothing(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    for (int round = 0; round < 200; round++) {
        struct map map = {0};
        size_t kept = (size_t)random_below(&random, 300);
        size_t most = kept + (size_t)random_below(&random, ITEMS - 300);
        for (size_t i = 0; i < kept; i++) {
            items[i].seen = false;
            map_insert(&map, &items[i].node, hash_of(i));
        }
        size_t now = kept;
        bool grows = true;
        uint64_t cursor = 0, calls = 0;
        do {
            cursor = map_scan(&map, cursor, mark_seen, NULL);
            calls++;
            for (uint64_t n = random_below(&random, 60); n > 0; n--) {
                if (grows && now < most) map_insert(&map, &items[now].node, hash_of(now)), now++;
                if (!grows && now > kept) map_remove(&map, &items[--now].node);
            }
            if (random_below(&random, 40) == 0) grows = !grows;
            assert_true(calls < 100000);
        } while (cursor != 0);
        for (size_t i = 0; i < kept; i++) assert_true(items[i].seen);
        map_free(&map);
    }
}

static void an_item_may_move(void **state)
{
    (void)state;
    struct map map = {0};
    for (size_t i = 0; i < 100; i++) map_insert(&map, &items[i].node, hash_of(i));
    static struct item moved;
    moved.node = items[5].node;
    *map_place(&map, &items[5].node) = &moved.node;
    items[5].node.next = NULL;
    for (size_t i = 0; i < 100; i++) assert_true(i == 5 || found(&map, i));
    map_remove(&map, &moved.node);
    assert_int_equal(map.count, 99);
    map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model), cmocka_unit_test(any_empties_it),
        cmocka_unit_test(is_never_crowded),    cmocka_unit_test(hashes_tell_bytes_apart),
        cmocka_unit_test(list_keeps_order),    cmocka_unit_test(a_scan_misses_nothing),
        cmocka_unit_test(an_item_may_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
