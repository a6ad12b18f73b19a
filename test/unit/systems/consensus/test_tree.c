/* The counted tree beside a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "systems/consensus/machine/internal.h"

enum { KEYS = 3000 };

static struct version alive = {.version = 1}, dead = {.version = 0};

static struct key *key_of(unsigned number)
{
    struct key *key = malloc(sizeof *key + 4);
    assert_non_null(key);
    key->newest = NULL;
    key->size = 4;
    for (unsigned i = 0; i < 4; i++) key->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
    return key;
}

struct beside {
    struct tree tree;
    struct key *keys[KEYS]; /* NULL: not in the tree */
};

static void turn(struct beside *beside, struct key *key, bool live)
{
    bool was = key_live(key);
    key->newest = live ? &alive : &dead;
    if (was != live) tree_turned(&beside->tree, key, live ? 1 : -1);
}

static void change(struct beside *beside, unsigned number, uint64_t what)
{
    struct key *key = beside->keys[number];
    if (key == NULL) {
        beside->keys[number] = key = key_of(number);
        tree_insert(&beside->tree, key);
    } else if (what % 3 == 0) {
        turn(beside, key, false);
        tree_remove(&beside->tree, key);
        beside->keys[number] = NULL;
        free(key);
    } else {
        turn(beside, key, what % 3 == 1);
    }
}

static void compare(const struct beside *beside, unsigned from)
{
    struct key *probe = key_of(from);
    struct slice bytes = key_bytes(probe);
    uint64_t below = 0;
    for (unsigned i = 0; i < from; i++) below += beside->keys[i] && key_live(beside->keys[i]);
    assert_int_equal(tree_live_below(&beside->tree, &bytes), below);
    assert_ptr_equal(tree_find(&beside->tree, bytes), beside->keys[from]);
    for (int live = 0; live < 2; live++) {
        struct tree_place place = tree_seek(&beside->tree, bytes, from % 2, live);
        for (unsigned i = from + from % 2; i < KEYS; i++) {
            struct key *key = beside->keys[i];
            if (key == NULL || (live && !key_live(key))) continue;
            assert_ptr_equal(place.key, key);
            tree_next(&beside->tree, &place, live);
        }
        assert_null(place.key);
    }
    free(probe);
}

static void test_tree_beside_an_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct beside *beside = calloc(1, sizeof *beside);
        assert_non_null(beside);
        struct random random = random_seeded(seed);
        unsigned span = seed % 3 == 0 ? 200 : KEYS;
        for (unsigned i = 0; i < 20000; i++) {
            /* By turns it grows from the end, grows anywhere, and is emptied. */
            unsigned phase = i / 4000 % 4;
            unsigned number = phase == 0 ? i % span : (unsigned)random_below(&random, span);
            change(beside, number, phase == 3 ? 0 : random_next(&random));
            if (i % 500 == 0) tree_check(&beside->tree);
            if (i % 1000 == 0) compare(beside, (unsigned)random_below(&random, span));
        }
        for (unsigned i = 0; i < KEYS; i++) {
            if (beside->keys[i] != NULL) change(beside, i, 0);
        }
        tree_check(&beside->tree);
        assert_int_equal(beside->tree.count, 0);
        assert_int_equal(beside->tree.bytes, 0);
        free(beside);
    }
}

static unsigned dropped;

static void drop(void *world, struct key *key)
{
    (void)world;
    free(key);
    dropped++;
}

static void test_it_is_freed_in_slices(void **state)
{
    (void)state;
    struct tree tree = {.every = true};
    for (unsigned i = 0; i < KEYS; i++) tree_insert(&tree, key_of(i));
    assert_int_equal(tree_check(&tree), KEYS);
    unsigned calls = 0;
    for (bool done = false; !done; calls++) {
        uint32_t budget = 256;
        done = tree_free_some(&tree, &budget, drop, NULL);
    }
    assert_int_equal(dropped, KEYS);
    assert_in_range(calls, KEYS / 256 - 1, KEYS / 256 + 2);
    assert_int_equal(tree.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_beside_an_array),
        cmocka_unit_test(test_it_is_freed_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
