/* Watches of a room: cursors that miss nothing, hear nothing twice, and are told what is gone;
 * across trims, slow readers, rooms that go and come, and snapshots. */
#include "base/random.h"
#include "chat_world.h"

static struct world world;
static struct machine_watch watch;

/* "begin 3 4", "gap 1 2", events as in chat_world.h, "+ann -bob (2)", "list (2)" */
static void hear(void *context, const void *payload)
{
    struct buffer *out = &((struct world *)context)->heard;
    const struct chat_news *news = payload;
    if (out->size != 0 && news->kind != CHAT_NEWS_EVENT) buffer_append_text(out, " ");
    switch (news->kind) {
    case CHAT_NEWS_BEGIN:
        buffer_append_text(out, "begin");
        put_number(out, news->state.seq);
        put_number(out, news->from);
        break;
    case CHAT_NEWS_EVENT: put_event(out, &news->event); break;
    case CHAT_NEWS_GAP:
        buffer_append_text(out, "gap");
        put_number(out, news->from);
        put_number(out, news->to);
        break;
    case CHAT_NEWS_PRESENCE:
        buffer_append_decimal(out, news->was);
        for (uint32_t i = 0; i < news->changes_count; i++) {
            buffer_append_text(out, news->changes[i].joined ? " +" : " -");
            buffer_append_slice(out, news->changes[i].user);
        }
        put_number(out, news->state.count);
        break;
    case CHAT_NEWS_PRESENT:
        buffer_append_text(out, "list");
        put_number(out, news->state.count);
        break;
    case CHAT_NEWS_REPLACED: buffer_append_text(out, "replaced"); break;
    }
}

static void watch_at(struct chat_watch spec, const char *heard)
{
    struct buffer bytes = {0};
    chat_watch_encode(&spec, &bytes);
    chat_ops.watch_open(world.machine, buffer_slice(&bytes), &watch, hear, &world);
    buffer_free(&bytes);
    world_expect(&world, heard, "watch");
}

static void watch_events(const char *room, uint64_t after, uint64_t last, const char *heard)
{
    watch_at((struct chat_watch){CHAT_WATCH_EVENTS, slice_text(room), after, last, {0}}, heard);
}

static void watch_presence(const char *room, const char *heard)
{
    watch_at((struct chat_watch){.kind = CHAT_WATCH_PRESENCE, slice_text(room), UINT64_MAX}, heard);
}

static void reads(size_t size, bool more, const char *heard)
{
    bool there_is = chat_ops.watch_read(world.machine, &watch, size, hear, &world);
    world_expect(&world, heard, "read");
    assert_int_equal(there_is, more);
}

static void run(const char *line, const char *replies)
{
    world_run(&world, line, replies);
}

static void live_and_catching_up_are_one(void **state)
{
    (void)state;
    world_open(&world, NULL);
    watch_events("lobby", UINT64_MAX, UINT64_MAX, "begin 0 1");
    reads(9999, false, "");
    run("1 attach 1.1 7", "1 ATTACHED");
    assert_int_equal(world.marks, 0);
    run("1 post 1 lobby ann a", "1 ACK 1");
    assert_int_equal(world.marks, 1);
    assert_true(world.marked == watch.topic);
    reads(9999, false, " 1post=a");
    reads(9999, false, "");
    run("1 post 1 lobby ann a", "1 ACK 1 again");
    assert_int_equal(world.marks, 1);
    run("1 post 2 attic ann x", "1 ACK 1");
    assert_true(world.marked != watch.topic);
    run("1 post 3 lobby ann b", "1 ACK 2");
    run("1 edit 4 lobby ann client 1 A", "1 ACK 3");
    reads(1, true, " 2post=b"); /* at least something */
    reads(9999, false, " 3edit1=A*");
    watch_events("lobby", 0, UINT64_MAX, "begin 3 1");
    reads(2 * CHAT_EVENT_BYTES, true, " 1post=A* 2post=b");
    reads(2 * CHAT_EVENT_BYTES, false, " 3edit1=A*");
    watch_events("lobby", 0, 1, "begin 3 1 gap 1 2");
    reads(9999, false, " 3edit1=A*");
    watch_events("lobby", 2, 1, "begin 3 3");
    watch_events("lobby", 7, 1, "begin 3 8"); /* beyond: it waits */
    reads(9999, false, "");
    world_close(&world);
}

static void what_is_gone_is_a_gap(void **state)
{
    (void)state;
    world_open(&world, &(struct chat_options){.room_events_max = 2, .history_age_us = SECOND_US});
    run("1 attach 1.1 7", "1 ATTACHED");
    run("1 post 1 lobby ann a", "1 ACK 1");
    watch_events("lobby", 0, UINT64_MAX, "begin 1 1");
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 post 3 lobby ann c", "1 ACK 3");
    run("1 post 4 lobby ann d", "1 ACK 4");
    reads(9999, false, "gap 1 2 3post=c 4post=d");
    run("1 post 5 attic ann x", "1 ACK 1");
    world_pass(&world, SECOND_US); /* all are too old, and the rooms gone */
    reads(9999, false, "");
    run("1 post 6 lobby ann e", "1 ACK 5");
    reads(9999, false, " 5post=e");
    world_pass(&world, SECOND_US);
    run("1 post 7 attic ann y", "1 ACK 6"); /* above the highest of all that are gone */
    watch_events("attic", 1, UINT64_MAX, "begin 6 2");
    reads(9999, false, "gap 2 5 6post=y");
    world_close(&world);
}

static void presence_is_told_as_it_changes(void **state)
{
    (void)state;
    world_open(&world, NULL);
    watch_presence("lobby", "begin 0 0");
    reads(9999, false, "");
    run("1 enter lobby ann", "1 ROOM 0 1 1 1");
    assert_int_equal(world.marks, 1);
    reads(9999, false, "0 +ann 1");
    run("2 enter lobby ann", "2 ROOM 0 1 1 1");
    assert_int_equal(world.marks, 1); /* nobody hears of it */
    run("3 enter lobby bob", "3 ROOM 0 1 2 2");
    run("3 leave lobby", "3 ROOM 0 1 3 1");
    reads(9999, false, ""); /* he came and went */
    run("3 enter lobby bob", "3 ROOM 0 1 4 2");
    run("1 leave lobby", "1 ROOM 0 1 4 2");
    run("2 leave lobby", "2 ROOM 0 1 5 1");
    reads(9999, false, "3 -ann +bob 1");
    run("3 leave lobby", "3 ROOM 0 1 6 0");
    reads(9999, false, "list 0"); /* the room is gone, and its changes with it */
    world_close(&world);
}

static void too_many_changes_are_a_list(void **state)
{
    (void)state;
    world_open(&world, NULL);
    watch_presence("lobby", "begin 0 0");
    for (uint32_t i = 1; i <= CHAT_DELTA_MAX + 1; i++) {
        struct session_key session = {1, 1, i};
        char user[] = {(char)('a' + i / 26), (char)('a' + i % 26), 0};
        struct chat_command command = {
            .op = CHAT_ENTER, .room = slice_text("lobby"), .user = slice_text(user)};
        world_say(&world, &session, &command);
    }
    buffer_clear(&world.heard);
    reads(9999, false, "list 129");
    world_close(&world);
}

/* --- at random: what a slow reader hears, is all that there was --- */

static struct {
    uint64_t next; /* that it expects */
    uint64_t heard, skipped;
} reader;

static void follow(void *context, const void *payload)
{
    (void)context;
    const struct chat_news *news = payload;
    if (news->kind == CHAT_NEWS_BEGIN) return;
    if (news->kind == CHAT_NEWS_GAP) {
        assert_int_equal(news->from, reader.next);
        assert_true(news->to >= news->from);
        uint64_t first = chat_room_state(world.machine, slice_text("lobby")).first;
        assert_int_equal(news->to + 1, first); /* only over what is gone */
        reader.next = news->to + 1;
        reader.skipped++;
        return;
    }
    assert_int_equal(news->kind, CHAT_NEWS_EVENT);
    assert_int_equal(news->event.seq, reader.next);
    reader.next++;
    reader.heard++;
}

/* Another machine, restored from a snapshot, takes the place of this one. */
static void replace_machine(const struct chat_options *options)
{
    struct buffer stream = {0};
    chat_ops.cut_begin(world.machine);
    while (chat_ops.cut_read(world.machine, 0, &stream)) {}
    while (!chat_ops.destroy(world.machine)) {}
    world.machine = chat_ops.create(options, world_hear, &world);
    assert_true(chat_ops.restore(world.machine, buffer_slice(&stream)));
    assert_true(chat_ops.restore_end(world.machine));
    buffer_free(&stream);
}

static void presence_is_told_from_a_version_on(void **state)
{
    (void)state;
    world_open(&world, NULL);
    run("1 enter lobby ann", "1 ROOM 0 1 1 1");
    run("2 enter lobby bob", "2 ROOM 0 1 2 2");
    watch_at((struct chat_watch){.kind = CHAT_WATCH_PRESENCE, slice_text("lobby"), 1}, "begin 0 0");
    reads(0, false, "1 +bob 2");
    reads(0, false, "");
    world_close(&world);
}

static void watch_owner(uint32_t connection)
{
    struct chat_client_key client = {1, 5};
    const struct session *session =
        chat_session_find(world.machine, &(struct session_key){1, 1, connection});
    watch_at((struct chat_watch){CHAT_WATCH_OWNER, .after = session->number, .client = client}, "");
}

static void who_is_replaced_hears_it_once(void **state)
{
    (void)state;
    world_open(&world, NULL);
    run("1 attach 1.5 7", "1 ATTACHED");
    watch_owner(1);
    reads(0, false, "");
    run("1 attach 1.5 7", "1 ATTACHED"); /* it owns it already */
    run("2 attach 1.5 8", "2 ERROR bad_client");
    reads(0, false, "");
    assert_int_equal(world.marks, 0);
    run("2 attach 1.5 7", "2 ATTACHED");
    assert_int_equal(world.marks, 1);
    assert_int_equal(world.marked, watch.topic);
    reads(0, false, "replaced");
    reads(0, false, "");
    watch_owner(1); /* too late to see it happen */
    reads(0, false, "replaced");
    watch_owner(2);
    replace_machine(NULL);
    reads(0, false, "");
    world_close(&world);
}

static void a_slow_reader_misses_nothing(void **state)
{
    (void)state;
    struct chat_options options = {.room_events_max = 20, .history_age_us = 40 * SECOND_US};
    struct random random = random_seeded(3);
    uint64_t id = 0;
    world_open(&world, &options);
    watch_events("lobby", 0, UINT64_MAX, "begin 0 1");
    reader.next = 1;
    run("1 attach 1.1 7", "1 ATTACHED");
    for (int step = 0; step < 20000; step++) {
        uint64_t die = random_below(&random, 100);
        struct chat_command command = {.op = CHAT_POST,
                                       .id = ++id,
                                       .room = slice_text(die < 5 ? "attic" : "lobby"),
                                       .user = slice_text("ann"),
                                       .body = slice_text("x")};
        unsigned marks = world.marks;
        if (die < 60) world_say(&world, &(struct session_key){1, 1, 1}, &command);
        if (die < 60) assert_int_equal(world.marks, marks + 1);
        if (die >= 60 && die < 65) world_pass(&world, random_below(&random, 60 * SECOND_US));
        if (die == 65) replace_machine(&options);
        size_t size = (size_t)random_below(&random, 1000);
        if (die >= 80) chat_ops.watch_read(world.machine, &watch, size, follow, NULL);
        buffer_clear(&world.heard);
    }
    while (chat_ops.watch_read(world.machine, &watch, 1000, follow, NULL)) {}
    assert_int_equal(reader.next, watch.next);
    assert_true(reader.heard > 2000 && reader.skipped > 100);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_and_catching_up_are_one),
        cmocka_unit_test(what_is_gone_is_a_gap),
        cmocka_unit_test(presence_is_told_as_it_changes),
        cmocka_unit_test(too_many_changes_are_a_list),
        cmocka_unit_test(presence_is_told_from_a_version_on),
        cmocka_unit_test(who_is_replaced_hears_it_once),
        cmocka_unit_test(a_slow_reader_misses_nothing),
    };
    return cmocka_run_group_tests_name("chat_watch", tests, NULL, NULL);
}
