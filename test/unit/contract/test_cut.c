/* Shared snapshot streaming (contract/cut.h), with the smallest machine that needs it: a list of
 * numbered things, which change, go and come while they are streamed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "contract/cut.h"
#include "contract/machine.h"

enum { THING = CUT_HEADER + 1, END };
enum { THINGS_MAX = 2000, FIELDS_MAX = 1 << 16 };

struct thing {
    struct list all;
    uint32_t id;
    uint32_t mark;
    uint64_t value;
};

struct shelf {
    struct cut cut;
    struct list things;
    struct list *cursor;
    struct thing store[THINGS_MAX];
    uint32_t made;
    uint32_t payload; /* bytes that each thing is longer than it must be */
    unsigned steps;   /* taken by cursors, ever */
};

static void shelf_init(struct shelf *shelf)
{
    memset(shelf, 0, sizeof *shelf);
    list_init(&shelf->things);
}

static void put_thing(struct shelf *shelf, struct thing *thing, struct buffer *out)
{
    if (!cut_mark(&shelf->cut, &thing->mark)) return;
    size_t begin = cut_object_begin(out, THING);
    buffer_put_u32(out, thing->id);
    buffer_put_u64(out, thing->value);
    for (uint32_t i = 0; i < shelf->payload; i++) buffer_put_u8(out, (uint8_t)thing->value);
    cut_object_end(out, begin);
}

static struct thing *shelf_make(struct shelf *shelf, uint64_t value)
{
    struct thing *thing = &shelf->store[shelf->made++];
    thing->id = shelf->made;
    thing->mark = shelf->cut.number;
    thing->value = value;
    list_append(&shelf->things, &thing->all);
    return thing;
}

static void shelf_will_change(struct shelf *shelf, struct thing *thing)
{
    if (shelf->cut.active) put_thing(shelf, thing, cut_pre_image(&shelf->cut));
}

static void shelf_change(struct shelf *shelf, struct thing *thing, uint64_t value)
{
    shelf_will_change(shelf, thing);
    thing->value = value;
}

static void shelf_remove(struct shelf *shelf, struct thing *thing)
{
    shelf_will_change(shelf, thing);
    cut_skip(&shelf->cursor, &thing->all);
    list_remove(&thing->all);
}

static void shelf_cut(struct shelf *shelf)
{
    cut_begin(&shelf->cut);
    shelf->cursor = shelf->things.next;
    struct buffer *out = cut_pre_image(&shelf->cut);
    cut_object_end(out, cut_object_begin(out, CUT_HEADER));
}

static bool shelf_step(void *machine, size_t limit, struct buffer *out)
{
    struct shelf *shelf = machine;
    assert_true(out->size < limit);
    if (shelf->cursor == &shelf->things) return false;
    shelf->steps++;
    struct thing *thing = LIST_ITEM(shelf->cursor, struct thing, all);
    shelf->cursor = shelf->cursor->next;
    put_thing(shelf, thing, out);
    return true;
}

static void shelf_end(void *machine, struct buffer *out)
{
    (void)machine;
    cut_object_end(out, cut_object_begin(out, END));
}

static bool shelf_read(struct shelf *shelf, size_t size, struct buffer *out)
{
    return cut_read(&shelf->cut, size, out, shelf_step, shelf_end, shelf);
}

/* What a stream was found to hold, by id; 0: nothing. */
struct copy {
    struct cut_feed feed;
    uint64_t values[THINGS_MAX + 1];
    unsigned things;
    uint32_t last; /* the id that came last */
};

static bool copy_take(void *machine, uint8_t kind, struct slice fields)
{
    struct copy *copy = machine;
    struct reader reader = reader_of(fields);
    if (kind == CUT_HEADER) return reader_done(&reader);
    copy->feed.ended = kind == END;
    if (kind == END) return reader_done(&reader);
    if (kind != THING) return false;
    uint32_t id = read_u32(&reader);
    uint64_t value = read_u64(&reader);
    if (reader.bad || id == 0 || id > THINGS_MAX || copy->values[id] != 0) return false;
    copy->values[id] = value;
    copy->things++;
    copy->last = id;
    return true;
}

static bool copy_feed(struct copy *copy, struct slice bytes)
{
    return cut_feed(&copy->feed, bytes, FIELDS_MAX, copy_take, copy);
}

static struct shelf shelf;
static struct copy copy;

static int set_up(void **state)
{
    (void)state;
    shelf_init(&shelf);
    memset(&copy, 0, sizeof copy);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cut_abort(&shelf.cut);
    cut_feed_free(&copy.feed);
    return 0;
}

static void fill(unsigned things)
{
    for (unsigned i = 1; i <= things; i++) shelf_make(&shelf, i);
}

static void read_all(size_t size, struct buffer *out)
{
    while (shelf_read(&shelf, size, out)) {}
    assert_false(shelf.cut.active);
    assert_int_equal(cut_pending(&shelf.cut), 0);
}

/* All things there are change, go and are made at random; what they were at the cut is kept. */
static void live_a_little(struct random *random)
{
    struct thing *thing = &shelf.store[random_below(random, shelf.made)];
    bool there = !list_empty(&thing->all);
    uint64_t deed = random_below(random, 4);
    if (there && deed <= 1) shelf_change(&shelf, thing, 1 + random_below(random, 1000000));
    if (there && deed == 2) shelf_remove(&shelf, thing);
    if (deed == 3 && shelf.made < THINGS_MAX) shelf_make(&shelf, 7);
}

static void test_a_stream_is_the_state_as_of_the_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        set_up(NULL);
        struct random random = random_seeded(seed);
        fill(1 + (unsigned)random_below(&random, 900));
        for (int i = 0; i < 200; i++) live_a_little(&random);
        uint64_t expected[THINGS_MAX + 1] = {0};
        for (uint32_t i = 0; i < shelf.made; i++) {
            if (!list_empty(&shelf.store[i].all)) expected[i + 1] = shelf.store[i].value;
        }
        struct buffer stream = {0};
        shelf_cut(&shelf);
        for (bool more = true; more;) {
            for (uint64_t i = random_below(&random, 6); i > 0; i--) live_a_little(&random);
            more = shelf_read(&shelf, random_below(&random, 200), &stream);
        }
        assert_true(copy_feed(&copy, buffer_slice(&stream)));
        assert_true(cut_feed_whole(&copy.feed));
        assert_memory_equal(copy.values, expected, sizeof expected);
        buffer_free(&stream);
        tear_down(NULL);
    }
}

static void test_without_a_cut_nothing_is_read(void **state)
{
    (void)state;
    struct buffer out = {0};
    fill(3);
    assert_false(shelf_read(&shelf, 100, &out));
    assert_int_equal(out.size, 0);
    shelf_change(&shelf, &shelf.store[0], 9);
    assert_int_equal(cut_pending(&shelf.cut), 0);
}

/* The head of an object was read, so its tail comes next, whatever the cursors would write. */
static void test_a_pending_object_read_in_part_goes_on_first(void **state)
{
    (void)state;
    struct buffer out = {0};
    fill(3);
    shelf_cut(&shelf);
    shelf_change(&shelf, &shelf.store[2], 99);
    uint64_t pending = cut_pending(&shelf.cut);
    for (uint64_t i = 1; i <= pending; i++) {
        assert_true(shelf_read(&shelf, 1, &out));
        assert_int_equal(out.size, i);
        assert_int_equal(shelf.steps, 0);
        assert_int_equal(cut_pending(&shelf.cut), pending - i);
    }
    read_all(1, &out);
    assert_true(copy_feed(&copy, buffer_slice(&out)));
    assert_true(cut_feed_whole(&copy.feed));
    assert_int_equal(copy.values[3], 3);
    assert_int_equal(copy.last, 2);
    buffer_free(&out);
}

static void test_of_no_size_is_all_that_waits_or_one_object(void **state)
{
    (void)state;
    struct buffer out = {0};
    fill(3);
    shelf_cut(&shelf);
    shelf_change(&shelf, &shelf.store[2], 99);
    uint64_t pending = cut_pending(&shelf.cut);
    assert_true(shelf_read(&shelf, 0, &out));
    assert_int_equal(out.size, pending);
    assert_true(shelf_read(&shelf, 0, &out));
    assert_int_equal(shelf.steps, 1);
    assert_int_equal(out.size, pending + CUT_OBJECT_PREFIX + 12);
    buffer_free(&out);
}

static void test_pre_images_lie_in_chunks(void **state)
{
    (void)state;
    enum { LONG = 40000, CHANGED = 20 };
    struct buffer out = {0};
    fill(CHANGED + 1);
    shelf.payload = LONG;
    shelf_cut(&shelf);
    for (unsigned i = 0; i < CHANGED; i++) shelf_change(&shelf, &shelf.store[i], 200 + i);
    uint64_t pending = cut_pending(&shelf.cut);
    assert_int_equal(pending, CUT_OBJECT_PREFIX + CHANGED * (CUT_OBJECT_PREFIX + 12 + LONG));
    while (cut_pending(&shelf.cut) != 0) {
        size_t before = out.size;
        assert_true(shelf_read(&shelf, 0, &out));
        assert_in_range(out.size - before, 1, CUT_CHUNK_BYTES + LONG + 100);
        assert_int_equal(cut_pending(&shelf.cut), pending - out.size);
    }
    read_all(0, &out);
    assert_true(copy_feed(&copy, buffer_slice(&out)));
    assert_true(cut_feed_whole(&copy.feed));
    for (unsigned i = 1; i <= CHANGED + 1; i++) assert_int_equal(copy.values[i], i);
    buffer_free(&out);
}

/* Things made since the cut are passed by: much may be looked at that has nothing to write. */
static void test_no_call_looks_at_more_than_its_share(void **state)
{
    (void)state;
    struct buffer out = {0};
    shelf_cut(&shelf);
    fill(2 * MACHINE_WORK_MAX);
    shelf.cursor = shelf.things.next;
    assert_true(shelf_read(&shelf, 0, &out));
    size_t header = out.size;
    for (unsigned i = 1; i <= 2; i++) {
        assert_true(shelf_read(&shelf, 1000, &out));
        assert_int_equal(shelf.steps, i * MACHINE_WORK_MAX);
        assert_int_equal(out.size, header);
    }
    assert_false(shelf_read(&shelf, 1000, &out));
    assert_int_equal(out.size, header + CUT_OBJECT_PREFIX);
    buffer_free(&out);
}

static void test_after_an_abort_the_next_cut_has_all(void **state)
{
    (void)state;
    struct buffer out = {0};
    fill(5);
    shelf_cut(&shelf);
    shelf_change(&shelf, &shelf.store[4], 50);
    assert_true(shelf_read(&shelf, 0, &out));
    assert_true(shelf_read(&shelf, 0, &out));
    uint32_t number = shelf.cut.number;
    cut_abort(&shelf.cut);
    assert_int_equal(shelf.cut.number, number);
    assert_int_equal(cut_pending(&shelf.cut), 0);
    assert_false(shelf_read(&shelf, 0, &out));
    buffer_clear(&out);
    shelf_cut(&shelf);
    read_all(1000, &out);
    assert_true(copy_feed(&copy, buffer_slice(&out)));
    assert_int_equal(copy.things, 5);
    assert_int_equal(copy.values[5], 50);
    buffer_free(&out);
}

/* Feeding */

static struct buffer stream_of(unsigned things)
{
    struct buffer out = {0};
    fill(things);
    shelf_cut(&shelf);
    read_all(0, &out);
    return out;
}

static void test_a_stream_comes_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct buffer stream = stream_of(4);
    for (size_t i = 0; i < stream.size; i++) {
        assert_false(cut_feed_whole(&copy.feed));
        assert_true(copy_feed(&copy, slice_of(buffer_slice(&stream).data + i, 1)));
    }
    assert_true(cut_feed_whole(&copy.feed));
    assert_int_equal(copy.things, 4);
    buffer_free(&stream);
}

static void feed_object(uint8_t kind, uint32_t size, bool good)
{
    struct buffer object = {0};
    buffer_put_u8(&object, kind);
    buffer_put_u32(&object, size);
    assert_int_equal(copy_feed(&copy, buffer_slice(&object)), good);
    buffer_free(&object);
}

static void test_a_header_comes_first_and_once(void **state)
{
    (void)state;
    feed_object(END, 0, false);
    tear_down(NULL);
    memset(&copy, 0, sizeof copy);
    feed_object(CUT_HEADER, 0, true);
    feed_object(CUT_HEADER, 0, false);
}

static void test_nothing_follows_the_end(void **state)
{
    (void)state;
    feed_object(CUT_HEADER, 0, true);
    feed_object(END, 0, true);
    assert_true(cut_feed_whole(&copy.feed));
    assert_true(copy_feed(&copy, slice_text("\2")));
    assert_false(cut_feed_whole(&copy.feed));
    assert_false(copy_feed(&copy, slice_of("\0\0\0\0", 4)));
    assert_false(cut_feed_whole(&copy.feed));
}

static void test_an_object_too_long_is_refused_before_it_comes(void **state)
{
    (void)state;
    feed_object(CUT_HEADER, 0, true);
    feed_object(THING, FIELDS_MAX + 1, false);
}

static void test_what_was_bad_once_stays_bad(void **state)
{
    (void)state;
    struct buffer stream = stream_of(1);
    feed_object(CUT_HEADER, 0, true);
    feed_object(77, 0, false);
    assert_false(copy_feed(&copy, buffer_slice(&stream)));
    assert_int_equal(copy.things, 0);
    assert_false(cut_feed_whole(&copy.feed));
    buffer_free(&stream);
}

int main(void)
{
#define CUT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CUT_TEST(test_a_stream_is_the_state_as_of_the_cut),
        CUT_TEST(test_without_a_cut_nothing_is_read),
        CUT_TEST(test_a_pending_object_read_in_part_goes_on_first),
        CUT_TEST(test_of_no_size_is_all_that_waits_or_one_object),
        CUT_TEST(test_pre_images_lie_in_chunks),
        CUT_TEST(test_no_call_looks_at_more_than_its_share),
        CUT_TEST(test_after_an_abort_the_next_cut_has_all),
        CUT_TEST(test_a_stream_comes_in_pieces_of_any_size),
        CUT_TEST(test_a_header_comes_first_and_once),
        CUT_TEST(test_nothing_follows_the_end),
        CUT_TEST(test_an_object_too_long_is_refused_before_it_comes),
        CUT_TEST(test_what_was_bad_once_stays_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
