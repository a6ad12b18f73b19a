/* The chat machine, story by story: specs/systems/chat.md. */
#include "chat_world.h"

static struct world world;

static void run(const char *line, const char *replies)
{
    world_run(&world, line, replies);
}

static void open_with(const struct chat_options *options)
{
    world_open(&world, options);
}

/* Clients 1, 2 and 3, attached by sessions 1, 2 and 3. */
static void open_with_clients(const struct chat_options *options)
{
    open_with(options);
    run("1 attach 1.1 7", "1 ATTACHED");
    run("2 attach 1.2 7", "2 ATTACHED");
    run("3 attach 1.3 7", "3 ATTACHED");
}

static void rooms_number_their_posts_each_for_itself(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 post 1 lobby ann hello", "1 ACK 1");
    run("2 post 1 lobby bob hi there", "2 ACK 2");
    run("1 post 2 attic ann alone", "1 ACK 1");
    run("1 room lobby", "1 ROOM 2 1 0 0");
    run("1 room cellar", "1 ROOM 0 1 0 0");
    world_events(&world, "lobby", 0, " 1post=hello 2post=hi there");
    world_events(&world, "lobby", 1, " 2post=hi there");
    world_events(&world, "lobby", 2, "");
    world_events(&world, "attic", 0, " 1post=alone");
    world_close(&world);
}

static void a_post_stands_once_however_often_it_is_sent(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 post 1 lobby ann hello", "1 ACK 1");
    run("1 post 1 lobby ann hello", "1 ACK 1 again");
    run("2 post 1 lobby bob hello", "2 ACK 2"); /* ids are each client's own */
    run("1 post 1 attic ann hello", "1 ERROR id_reused");
    run("1 delete 1 lobby ann client 1", "1 ERROR id_reused");
    run("1 end", "");
    run("2.9 attach 1.1 7", "2.9 ATTACHED"); /* on another node */
    run("2.9 post 1 lobby ann hello", "2.9 ACK 1 again");
    run("2.9 post 2 lobby ann more", "2.9 ACK 3");
    world_events(&world, "lobby", 0, " 1post=hello 2post=hello 3post=more");
    world_close(&world);
}

static void the_last_32_ids_are_known(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 post 1 lobby ann x", "1 ACK 1");
    run("1 post 33 lobby ann x", "1 ACK 2");
    run("1 post 1 lobby ann x", "1 ERROR id_too_old");
    run("1 post 2 lobby ann x", "1 ACK 3"); /* passed by, and never used */
    run("1 post 2 lobby ann x", "1 ACK 3 again");
    run("1 post 34 lobby ann x", "1 ACK 4");
    run("1 post 2 lobby ann x", "1 ERROR id_too_old");
    run("1 post 3 lobby ann x", "1 ACK 5");
    run("1 post 33 lobby ann x", "1 ACK 2 again");
    world_close(&world);
}

static void a_refused_id_is_not_used_up(void **state)
{
    (void)state;
    open_with_clients(&(struct chat_options){.rooms_max = 1});
    run("1 post 1 lobby ann x", "1 ACK 1");
    run("1 post 2 attic ann x", "1 ERROR too_many_rooms");
    run("1 post 2 lobby ann ", "1 ERROR empty");
    run("1 edit 2 lobby ann client 9 y", "1 ERROR no_such_post");
    run("1 post 2 lobby ann y", "1 ACK 2");
    world_close(&world);
}

static void the_last_to_attach_owns_a_client(void **state)
{
    (void)state;
    open_with(NULL);
    run("1 post 1 lobby ann x", "1 ERROR bad_client");
    run("1 attach 1.5 7", "1 ATTACHED");
    run("1 post 1 lobby ann x", "1 ACK 1");
    run("2 attach 1.5 8", "2 ERROR bad_client"); /* a wrong secret */
    run("1 post 2 lobby ann x", "1 ACK 2");
    run("2 attach 1.5 7", "2 ATTACHED"); /* a duplicated tab */
    run("1 post 3 lobby ann x", "1 ERROR replaced");
    run("2 post 3 lobby ann x", "2 ACK 3");
    run("1 attach 1.6 7", "1 ATTACHED");
    run("1 post 1 lobby ann x", "1 ACK 4");
    run("1 attach 1.5 7", "1 ATTACHED");
    run("2 post 4 lobby ann x", "2 ERROR replaced");
    run("1 post 3 lobby ann x", "1 ACK 3 again");
    world_close(&world);
}

static void who_was_forgotten_is_not_believed(void **state)
{
    (void)state;
    open_with(&(struct chat_options){.client_idle_us = 10 * SECOND_US});
    run("1 attach 99.1 7", "1 ERROR bad_client"); /* never issued */
    run("1 attach 1.1 7", "1 ATTACHED");
    run("1 post 1 lobby ann x", "1 ACK 1");
    run("2 attach 1.2 7", "2 ATTACHED");
    run("1 end", "");
    world_pass(&world, 10 * SECOND_US - 1);
    run("3 attach 1.1 7", "3 ATTACHED"); /* just in time */
    run("3 post 1 lobby ann x", "3 ACK 1 again");
    run("3 end", "");
    world_pass(&world, 10 * SECOND_US);
    run("3 attach 1.1 7", "3 ERROR client_forgotten");
    run("3 attach 1.3 7", "3 ERROR client_forgotten"); /* perhaps it was forgotten, too */
    run("2 post 1 lobby bob x", "2 ACK 2");            /* owned all the time */
    struct buffer line = {0};
    buffer_append_text(&line, "3 attach ");
    buffer_append_decimal(&line, world.machine->sequence);
    buffer_append(&line, ".4 7", 5);
    run((const char *)buffer_slice(&line).data, "3 ATTACHED");
    buffer_free(&line);
    world_close(&world);
}

static void clients_have_a_limit(void **state)
{
    (void)state;
    open_with(&(struct chat_options){.clients_max = 2});
    run("1 attach 1.1 7", "1 ATTACHED");
    run("2 attach 2.2 7", "2 ATTACHED");
    run("3 attach 3.3 7", "3 ERROR full"); /* both are owned */
    run("1 end", "");
    run("3 attach 3.3 7", "3 ATTACHED"); /* the idle one is forgotten */
    run("1 attach 1.1 7", "1 ERROR client_forgotten");
    run("1 attach 4.4 7", "1 ERROR full");
    world_close(&world);
}

static void edits_show_everywhere_and_deleted_text_nowhere(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 post 1 lobby ann teh", "1 ACK 1");
    run("1 edit 2 lobby ann client 1 the", "1 ACK 2");
    run("1 edit 3 lobby ann client 1 The", "1 ACK 3");
    world_events(&world, "lobby", 0, " 1post=The* 2edit1=The* 3edit1=The*");
    run("1 edit 4 lobby ann client 2 x", "1 ERROR no_such_post"); /* an edit is no post */
    run("1 delete 4 lobby ann client 1", "1 ACK 4");
    world_events(&world, "lobby", 0, " 1post*- 2edit1*- 3edit1*- 4delete1*-");
    run("1 edit 5 lobby ann client 1 x", "1 ERROR no_such_post");
    run("1 delete 5 lobby ann client 1", "1 ERROR no_such_post");
    run("1 delete 4 lobby ann client 1", "1 ACK 4 again");
    run("1 history lobby 9 10", "1 HISTORY 0 1post*-");
    world_close(&world);
}

static void only_who_may_edits(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 post 1 lobby ann a", "1 ACK 1");
    run("2 edit 1 lobby ann client 1 b", "2 ERROR not_yours");
    run("2 edit 1 lobby bob user 1 b", "2 ERROR not_yours");
    run("2 edit 1 lobby ann user 1 b", "2 ACK 2"); /* ann, by her token, on another device */
    run("3 delete 1 lobby eve client 1", "3 ERROR not_yours");
    run("3 delete 1 lobby root anyone 1", "3 ACK 3");
    world_close(&world);
}

static void the_oldest_go_when_there_is_too_much(void **state)
{
    (void)state;
    open_with_clients(&(struct chat_options){.room_events_max = 3, .room_bytes_max = 2000});
    run("1 post 1 lobby ann a", "1 ACK 1");
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 edit 3 lobby ann client 1 A", "1 ACK 3");
    run("1 post 4 lobby ann c", "1 ACK 4");
    run("1 room lobby", "1 ROOM 4 2 0 0");
    world_events(&world, "lobby", 0, " 2post=b 3edit1=A* 4post=c"); /* the edit has its text */
    run("1 edit 5 lobby ann client 1 x", "1 ERROR no_such_post");
    run("1 post 1 lobby ann a", "1 ACK 1 again"); /* known, though it is gone */
    char big[1700] = "1 post 5 lobby ann ";
    size_t at = strlen(big);
    memset(big + at, 'x', 1520);
    run(big, "1 ACK 5");
    run("1 room lobby", "1 ROOM 5 4 0 0"); /* two went for it: 161 and 1,680 bytes are left */
    run("1 history lobby 6 10", "1 HISTORY 0 4post=c 5post=1520");
    world_close(&world);
}

static void the_largest_room_pays_for_all(void **state)
{
    (void)state;
    open_with_clients(&(struct chat_options){.history_bytes_max = 4 * 161});
    run("1 post 1 lobby ann a", "1 ACK 1");
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 post 3 lobby ann c", "1 ACK 3");
    run("1 post 4 attic ann d", "1 ACK 1");
    run("1 post 5 attic ann e", "1 ACK 2");
    world_events(&world, "lobby", 0, " 2post=b 3post=c");
    world_events(&world, "attic", 0, " 1post=d 2post=e");
    world_close(&world);
}

static void what_is_too_old_goes_and_a_room_comes_again_above(void **state)
{
    (void)state;
    open_with_clients(&(struct chat_options){.history_age_us = 60 * SECOND_US});
    run("1 post 1 lobby ann a", "1 ACK 1");
    world_pass(&world, 30 * SECOND_US);
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 post 3 attic ann c", "1 ACK 1");
    world_pass(&world, 30 * SECOND_US);
    world_events(&world, "lobby", 0, " 2post=b");
    world_pass(&world, 30 * SECOND_US);
    run("1 room lobby", "1 ROOM 2 3 0 0"); /* nobody knows it any more, but for its numbers */
    run("1 room cellar", "1 ROOM 2 3 0 0");
    run("1 post 4 attic ann d", "1 ACK 3");
    run("1 post 5 lobby ann e", "1 ACK 3");
    assert_int_equal(world.machine->rooms.count, 2);
    world_close(&world);
}

static void presence_has_a_moment_of_grace(void **state)
{
    (void)state;
    open_with(NULL);
    run("1 enter lobby ann", "1 ROOM 0 1 1 1");
    run("2 enter lobby ann", "2 ROOM 0 1 1 1"); /* her other device: nobody hears of it */
    run("3 enter lobby bob", "3 ROOM 0 1 2 2");
    run("3 presence lobby -", "3 PRESENCE 2 2 ann bob");
    run("1 end", "");
    world_pass(&world, 60 * SECOND_US);
    run("3 room lobby", "3 ROOM 0 1 2 2");
    run("2 end", "");
    world_pass(&world, 5 * SECOND_US - 1);
    run("4 enter lobby ann", "4 ROOM 0 1 2 2"); /* back in time */
    world_pass(&world, 60 * SECOND_US);
    run("3 room lobby", "3 ROOM 0 1 2 2");
    run("4 end", "");
    world_pass(&world, 5 * SECOND_US);
    run("3 presence lobby -", "3 PRESENCE 3 1 bob");
    world_changes(&world, "lobby", 0, "+bob"); /* ann came and went */
    world_changes(&world, "lobby", 1, "-ann +bob");
    world_changes(&world, "lobby", 2, "-ann");
    world_changes(&world, "lobby", 3, "");
    world_changes(&world, "lobby", 4, "unknown");
    run("3 leave lobby", "3 ROOM 0 1 4 0"); /* at once, and the room with him */
    assert_int_equal(world.machine->rooms.count, 0);
    run("3 enter lobby bob", "3 ROOM 0 1 5 1"); /* versions never come twice */
    world_changes(&world, "lobby", 3, "unknown");
    world_changes(&world, "lobby", 4, "+bob");
    world_close(&world);
}

static void a_session_is_one_user_in_a_room(void **state)
{
    (void)state;
    open_with(NULL);
    run("1 enter lobby ann", "1 ROOM 0 1 1 1");
    run("1 enter lobby ann", "1 ROOM 0 1 1 1");
    run("1 enter lobby bob", "1 ROOM 0 1 3 1");
    run("1 presence lobby -", "1 PRESENCE 3 1 bob");
    run("1 leave attic", "1 ROOM 0 1 2 0"); /* what is gone had 2 */
    run("1 leave lobby", "1 ROOM 0 1 4 0");
    run("1 leave lobby", "1 ROOM 0 1 4 0");
    char line[] = "1 enter r00 ann";
    for (int i = 0; i < CHAT_SESSION_ROOMS; i++) {
        line[9] = (char)('0' + i / 10);
        line[10] = (char)('0' + i % 10);
        run(line, "1 ROOM 0 1 5 1");
    }
    run("1 enter lobby ann", "1 ERROR too_many_rooms");
    run("1 enter r07 ann", "1 ROOM 0 1 5 1");
    world_close(&world);
}

static void a_node_that_comes_again_ends_its_sessions(void **state)
{
    (void)state;
    open_with(NULL);
    run("2.1.4 enter lobby ann", "2.1 ROOM 0 1 1 1");
    run("2.2.5 enter lobby bob", "2.2 ROOM 0 1 2 2");
    run("2.3.6 enter lobby eve", "2.3 ROOM 0 1 3 3");
    run("1 enter lobby zoe", "1 ROOM 0 1 4 4");
    world.machine->work_max = 1; /* so that it takes its time, which grace must not */
    chat_ops.origin_end(world.machine, 2, 5);
    world.time.elapsed_us += 5 * SECOND_US;
    world_settle(&world);
    run("1 presence lobby -", "1 PRESENCE 6 2 eve zoe");
    world_close(&world);
}

static void presence_is_listed_by_name(void **state)
{
    (void)state;
    open_with(NULL);
    char line[] = "100 enter lobby u000";
    for (int i = 150; i > 0; i--) {
        char digits[] = {(char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)};
        memcpy(line, digits, 3);
        memcpy(line + 17, digits, 3);
        const char *at = line;
        struct session_key session = take_session(&at);
        struct chat_command command = command_of(at);
        world_say(&world, &session, &command);
    }
    buffer_clear(&world.heard);
    run("1 presence lobby u149", "1 PRESENCE 150 150 u149 u150");
    struct chat_command command = command_of("presence lobby -");
    world_say(&world, &(struct session_key){1, 1, 1}, &command);
    const char *heard = (const char *)buffer_slice(&world.heard).data;
    assert_memory_equal(heard + world.heard.size - 9, " u100 ...", 9);
    world_close(&world);
}

static void markers_only_rise(void **state)
{
    (void)state;
    open_with_clients(&(struct chat_options){.markers_max = 2});
    run("1 read lobby ann 1", "1 ERROR no_such_event");
    run("1 post 1 lobby ann a", "1 ACK 1");
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 read lobby ann 3", "1 ERROR no_such_event");
    run("1 read lobby ann 0", "1 READ 0");
    run("1 read lobby ann 2", "1 READ 2");
    run("1 read lobby ann 1", "1 READ 2");
    run("2 read lobby bob 1", "2 READ 1");
    assert_int_equal(chat_marker(world.machine, slice_text("lobby"), slice_text("ann")), 2);
    run("2 read lobby bob 2", "2 READ 2");
    run("3 read lobby eve 1", "3 READ 1"); /* the one moved longest ago makes room */
    assert_int_equal(chat_marker(world.machine, slice_text("lobby"), slice_text("ann")), 0);
    assert_int_equal(chat_marker(world.machine, slice_text("lobby"), slice_text("bob")), 2);
    world_close(&world);
}

static void history_is_read_backwards(void **state)
{
    (void)state;
    open_with_clients(NULL);
    run("1 history lobby 9 10", "1 HISTORY 0");
    run("1 post 1 lobby ann a", "1 ACK 1");
    run("1 post 2 lobby ann b", "1 ACK 2");
    run("1 edit 3 lobby ann client 1 A", "1 ACK 3");
    run("1 post 4 lobby ann c", "1 ACK 4");
    run("1 history lobby 18446744073709551615 2", "1 HISTORY 2 2post=b 4post=c");
    run("1 history lobby 4 2", "1 HISTORY 0 1post=A* 2post=b");
    run("1 history lobby 2 2", "1 HISTORY 0 1post=A*");
    run("1 history lobby 1 2", "1 HISTORY 0");
    run("1 history lobby 0 2", "1 HISTORY 0");
    run("1 history lobby 9 0", "1 HISTORY 5");
    world_close(&world);
}

static void names_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool user, room;
    } cases[] = {
        {"ann", true, true},        {"A.b_9@x|y-z", true, true}, {"", false, false},
        {"a b", false, false},      {"a/b", false, false},       {"..", true, true},
        {"\xc3\xa9", false, false}, {"a,b", false, true},        {"b,a", false, false},
        {"a,a", false, false},      {"a,b,c", false, false},     {",b", false, false},
        {"a,", false, false},       {"a\n", false, false},       {"<b>", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chat_user_valid(slice_text(cases[i].name)), cases[i].user);
        assert_int_equal(chat_room_valid(slice_text(cases[i].name)), cases[i].room);
    }
    char longest[2 * CHAT_USER_SIZE_MAX + 3];
    memset(longest, 'a', sizeof longest);
    assert_true(chat_user_valid(slice_of(longest, CHAT_USER_SIZE_MAX)));
    assert_false(chat_user_valid(slice_of(longest, CHAT_USER_SIZE_MAX + 1)));
    assert_false(chat_room_valid(slice_of(longest, CHAT_USER_SIZE_MAX + 1)));
    longest[CHAT_USER_SIZE_MAX] = ',';
    longest[CHAT_USER_SIZE_MAX + 1] = 'b';
    assert_true(chat_room_valid(slice_of(longest, CHAT_ROOM_SIZE_MAX)));
    assert_false(chat_room_valid(slice_of(longest, CHAT_ROOM_SIZE_MAX + 1)));
}

/* Any bytes but those of a command are passed over in silence: each cut off, or longer by one. */
static void what_is_no_command_changes_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "attach 1.1 7",     "post 1 lobby ann x", "edit 2 lobby ann client 1 x",
        "enter lobby ann",  "leave lobby",        "delete 3 lobby ann user 1",
        "read lobby ann 1",
    };
    open_with(NULL);
    uint64_t digest = chat_ops.digest(world.machine);
    struct session_key session = {1, 1, 1};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct buffer bytes = {0};
        struct chat_command command = command_of(lines[i]);
        chat_command_encode(&command, &bytes);
        size_t whole = bytes.size;
        bool body = command.op == CHAT_POST || command.op == CHAT_EDIT;
        for (size_t size = 0; size < whole - (body ? 1 : 0); size++) {
            chat_ops.apply(world.machine, &session, slice_of(buffer_slice(&bytes).data, size));
        }
        buffer_put_u8(&bytes, 0);
        if (!body) chat_ops.apply(world.machine, &session, buffer_slice(&bytes));
        bytes.data[bytes.head] = 64;
        chat_ops.apply(world.machine, &session, buffer_slice(&bytes));
        buffer_free(&bytes);
    }
    assert_int_equal(world.heard.size, 0);
    /* A post or edit with nothing behind its form is one: of an empty text, by no client. */
    assert_true(chat_ops.digest(world.machine) == digest);
    world_close(&world);
}

static void texts_have_a_limit(void **state)
{
    (void)state;
    open_with_clients(NULL);
    char *line = malloc(CHAT_BODY_SIZE_MAX + 64);
    assert_non_null(line);
    strcpy(line, "1 post 1 lobby ann ");
    size_t at = strlen(line);
    memset(line + at, 'x', CHAT_BODY_SIZE_MAX + 1);
    line[at + CHAT_BODY_SIZE_MAX + 1] = 0;
    run(line, "1 ERROR too_big");
    line[at + CHAT_BODY_SIZE_MAX] = 0;
    run(line, "1 ACK 1");
    free(line);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rooms_number_their_posts_each_for_itself),
        cmocka_unit_test(a_post_stands_once_however_often_it_is_sent),
        cmocka_unit_test(the_last_32_ids_are_known),
        cmocka_unit_test(a_refused_id_is_not_used_up),
        cmocka_unit_test(the_last_to_attach_owns_a_client),
        cmocka_unit_test(who_was_forgotten_is_not_believed),
        cmocka_unit_test(clients_have_a_limit),
        cmocka_unit_test(edits_show_everywhere_and_deleted_text_nowhere),
        cmocka_unit_test(only_who_may_edits),
        cmocka_unit_test(the_oldest_go_when_there_is_too_much),
        cmocka_unit_test(the_largest_room_pays_for_all),
        cmocka_unit_test(what_is_too_old_goes_and_a_room_comes_again_above),
        cmocka_unit_test(presence_has_a_moment_of_grace),
        cmocka_unit_test(a_session_is_one_user_in_a_room),
        cmocka_unit_test(a_node_that_comes_again_ends_its_sessions),
        cmocka_unit_test(presence_is_listed_by_name),
        cmocka_unit_test(markers_only_rise),
        cmocka_unit_test(history_is_read_backwards),
        cmocka_unit_test(names_are_judged),
        cmocka_unit_test(what_is_no_command_changes_nothing),
        cmocka_unit_test(texts_have_a_limit),
    };
    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
