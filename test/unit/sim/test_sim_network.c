/* The simulated network: streams stay streams; faults do what they say and end when healed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/network.h"

enum { SERVER = 0, OTHER = 1, CLIENT = 2, PLACES = 3 };

/* A world that only listens. */
struct ears {
    struct schedule schedule;
    struct network network;
    struct buffer heard[PLACES];
    uint32_t pieces[PLACES];
    uint32_t opened[PLACES], failed[PLACES], closed[PLACES];
    size_t sent[PLACES];
    uint32_t numbers;
};

static uint64_t ears_busy(void *world, uint32_t place)
{
    (void)world, (void)place;
    return 0;
}

static uint32_t ears_accept(void *world, uint32_t place, bool peer)
{
    (void)place, (void)peer;
    return ++((struct ears *)world)->numbers;
}

static void ears_opened(void *world, uint32_t place, uint32_t number, bool peer)
{
    (void)number, (void)peer;
    ((struct ears *)world)->opened[place]++;
}

static void ears_failed(void *world, uint32_t place, uint32_t number)
{
    (void)number;
    ((struct ears *)world)->failed[place]++;
}

static void ears_received(void *world, uint32_t place, uint32_t number, struct slice bytes)
{
    (void)number;
    struct ears *ears = world;
    buffer_append_slice(&ears->heard[place], bytes);
    ears->pieces[place]++;
}

static void ears_sent(void *world, uint32_t place, uint32_t number, size_t count)
{
    (void)number;
    ((struct ears *)world)->sent[place] += count;
}

static void ears_closed(void *world, uint32_t place, uint32_t number)
{
    (void)number;
    ((struct ears *)world)->closed[place]++;
}

static void ears_narrate(void *world, const char *what, uint32_t from, uint32_t to, size_t size)
{
    (void)world, (void)what, (void)from, (void)to, (void)size;
}

static const struct network_sink sink = {ears_busy,     ears_accept, ears_opened, ears_failed,
                                         ears_received, ears_sent,   ears_closed, ears_narrate};

static struct ears *ears_new(uint64_t seed)
{
    struct ears *ears = calloc(1, sizeof *ears);
    assert_non_null(ears);
    network_init(&ears->network, &ears->schedule, &sink, ears, seed);
    return ears;
}

static void ears_free(struct ears *ears)
{
    network_free(&ears->network);
    for (int i = 0; i < PLACES; i++) buffer_free(&ears->heard[i]);
    heap_free(&ears->schedule.heap);
    free(ears);
}

static void run_until(struct ears *ears, uint64_t us)
{
    while (heap_min(&ears->schedule.heap) != NULL && heap_min(&ears->schedule.heap)->major <= us) {
        schedule_run_next(&ears->schedule);
    }
    ears->schedule.now_us = us;
}

/* Connects `from` to SERVER; its number there is returned, at `from` it is 77. */
static uint32_t connected(struct ears *ears, uint32_t from, bool peer)
{
    network_dial(&ears->network, from, 77, SERVER, peer);
    run_until(ears, ears->schedule.now_us + 10000);
    assert_int_equal(ears->opened[from], 1);
    assert_int_equal(ears->opened[SERVER], 1);
    return ears->numbers;
}

/* Four-byte length, then the number. */
static void send_frame(struct ears *ears, uint32_t from, uint32_t value)
{
    uint8_t frame[8];
    store_u32(frame, sizeof frame);
    store_u32(frame + 4, value);
    network_send(&ears->network, from, 77, slice_of(frame, sizeof frame));
}

static void a_stream_is_cut_and_joined_but_keeps_its_bytes_in_order(void **state)
{
    (void)state;
    struct ears *ears = ears_new(3);
    ears->network.split_permille = 400;
    connected(ears, CLIENT, false);
    uint8_t byte = 0;
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t bytes[20];
        for (size_t j = 0; j < sizeof bytes; j++) bytes[j] = byte++;
        network_send(&ears->network, CLIENT, 77, slice_of(bytes, sizeof bytes));
        if (i % 3 == 0) run_until(ears, ears->schedule.now_us + 100);
        if (i == 200) network_cut(&ears->network, CLIENT, SERVER, true);
        if (i == 300) network_cut(&ears->network, CLIENT, SERVER, false);
    }
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->heard[SERVER].size, 10000);
    for (size_t i = 0; i < 10000; i++) assert_int_equal(ears->heard[SERVER].data[i], (uint8_t)i);
    assert_int_not_equal(ears->pieces[SERVER], 500);
    ears_free(ears);
}

static void a_cut_link_holds_and_a_refusing_place_refuses(void **state)
{
    (void)state;
    struct ears *ears = ears_new(4);
    connected(ears, OTHER, true);
    network_cut(&ears->network, OTHER, SERVER, true);
    send_frame(ears, OTHER, 1);
    run_until(ears, ears->schedule.now_us + 5000000);
    assert_int_equal(ears->heard[SERVER].size, 0);
    network_dial(&ears->network, OTHER, 78, SERVER, true);
    run_until(ears, ears->schedule.now_us + 5000000);
    assert_int_equal(ears->failed[OTHER], 1);
    network_refuse(&ears->network, SERVER, true);
    network_cut(&ears->network, OTHER, SERVER, false);
    network_dial(&ears->network, OTHER, 79, SERVER, true);
    run_until(ears, ears->schedule.now_us + 5000000);
    assert_int_equal(ears->failed[OTHER], 2);
    assert_int_equal(ears->heard[SERVER].size, 8);
    network_heal(&ears->network);
    network_dial(&ears->network, OTHER, 80, SERVER, true);
    run_until(ears, ears->schedule.now_us + 5000000);
    assert_int_equal(ears->opened[OTHER], 2);
    ears_free(ears);
}

static void a_clogged_link_reports_nothing_as_sent(void **state)
{
    (void)state;
    struct ears *ears = ears_new(5);
    connected(ears, OTHER, true);
    network_clog(&ears->network, OTHER, SERVER, true);
    send_frame(ears, OTHER, 1);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->sent[OTHER], 0);
    assert_int_equal(ears->heard[SERVER].size, 0);
    network_clog(&ears->network, OTHER, SERVER, false);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->sent[OTHER], 8);
    assert_int_equal(ears->heard[SERVER].size, 8);
    ears_free(ears);
}

static void a_dead_connection_carries_nothing_and_nobody_is_told(void **state)
{
    (void)state;
    struct ears *ears = ears_new(5);
    connected(ears, OTHER, true);
    send_frame(ears, OTHER, 1);
    network_deaden(&ears->network, SERVER, OTHER);
    send_frame(ears, OTHER, 2);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->sent[OTHER], 16); /* the kernel took them */
    assert_int_equal(ears->heard[SERVER].size, 0);
    network_place_gone(&ears->network, SERVER);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->closed[OTHER], 0);
    ears_free(ears);
}

static void a_storm_loses_duplicates_and_reorders_whole_frames(void **state)
{
    (void)state;
    enum { FRAMES = 2000 };
    struct ears *ears = ears_new(6);
    connected(ears, OTHER, true);
    network_set_storm(&ears->network, &(struct network_storm){100, 100, 100, 100, 20000});
    for (uint32_t i = 0; i < FRAMES; i++) {
        send_frame(ears, OTHER, i);
        run_until(ears, ears->schedule.now_us + 50);
    }
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->heard[SERVER].size % 8, 0);
    uint32_t seen[FRAMES] = {0}, late = 0, last = 0;
    for (size_t at = 0; at < ears->heard[SERVER].size; at += 8) {
        const uint8_t *frame = ears->heard[SERVER].data + at;
        assert_int_equal(load_u32(frame), 8);
        uint32_t value = load_u32(frame + 4);
        seen[value]++;
        late += value < last;
        last = value;
    }
    uint32_t lost = 0, twice = 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        lost += seen[i] == 0;
        twice += seen[i] == 2;
        assert_true(seen[i] <= 2);
    }
    assert_true(lost > 100 && lost < 320);
    assert_true(twice > 100 && twice < 320);
    assert_true(late > 20);
    ears_free(ears);
}

static void both_ends_hear_of_a_break_once(void **state)
{
    (void)state;
    struct ears *ears = ears_new(7);
    connected(ears, OTHER, true);
    network_break(&ears->network, OTHER, SERVER, 1000);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->closed[OTHER], 1);
    assert_int_equal(ears->closed[SERVER], 1);
    send_frame(ears, OTHER, 1); /* to a connection that is gone */
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->heard[SERVER].size, 0);
    ears_free(ears);
}

static void what_was_sent_before_a_close_arrives_before_it(void **state)
{
    (void)state;
    struct ears *ears = ears_new(8);
    connected(ears, CLIENT, false);
    network_read(&ears->network, SERVER, ears->numbers, false);
    network_send(&ears->network, CLIENT, 77, slice_of("hello", 5));
    network_close(&ears->network, CLIENT, 77);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->closed[CLIENT], 1);
    assert_int_equal(ears->closed[SERVER], 0); /* it does not read yet */
    network_read(&ears->network, SERVER, ears->numbers, true);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->heard[SERVER].size, 5);
    assert_int_equal(ears->closed[SERVER], 1);
    ears_free(ears);
}

static void a_place_that_is_gone_hears_nothing_more(void **state)
{
    (void)state;
    struct ears *ears = ears_new(9);
    connected(ears, OTHER, true);
    send_frame(ears, OTHER, 1);
    network_place_gone(&ears->network, SERVER);
    run_until(ears, ears->schedule.now_us + 1000000);
    assert_int_equal(ears->heard[SERVER].size, 0);
    assert_int_equal(ears->closed[SERVER], 0);
    assert_int_equal(ears->closed[OTHER], 1);
    ears_free(ears);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_cut_and_joined_but_keeps_its_bytes_in_order),
        cmocka_unit_test(a_cut_link_holds_and_a_refusing_place_refuses),
        cmocka_unit_test(a_clogged_link_reports_nothing_as_sent),
        cmocka_unit_test(a_dead_connection_carries_nothing_and_nobody_is_told),
        cmocka_unit_test(a_storm_loses_duplicates_and_reorders_whole_frames),
        cmocka_unit_test(both_ends_hear_of_a_break_once),
        cmocka_unit_test(what_was_sent_before_a_close_arrives_before_it),
        cmocka_unit_test(a_place_that_is_gone_hears_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
