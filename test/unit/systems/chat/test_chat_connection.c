/* The chat's connections: the greeting, rooms that are followed, what is refused. */
#include "chat_lines.h"

static void mistakes_are_told_and_do_no_harm(void **state)
{
    (void)state;
    begin();
    enters(0);
    say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
    hears_part(0, "\"id\":1,\"code\":\"hello_first\"");
    say(0, "{\"type\":\"hello\",\"user\":\"ann\",\"epoch\":7}");
    hears_part(0, "\"code\":\"bad_message\"");
    say(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    hears_part(0, "\"type\":\"welcome\"");
    say(0, "{\"type\":\"hello\",\"id\":2,\"user\":\"bob\"}");
    hears_part(0, "\"id\":2,\"code\":\"bad_message\"");
    say(0, "{\"type\":\"dance\",\"id\":3}");
    hears_part(0, "\"id\":3,\"code\":\"unknown_type\"");
    say(0, "[]");
    hears_part(0, "\"code\":\"bad_message\"");
    say(0, "{\"type\":\"ping\",\"id\":4}");
    hears(0, "{\"type\":\"pong\",\"id\":4}\n");
    say(0, "{\"type\":\"typing\",\"room\":\"r\"}");
    hears(0, "");
    say(0, "{\"type\":\"edit\",\"id\":1,\"room\":\"r\",\"seq\":1,\"text\":\"x\"}");
    hears_part(0, "\"id\":1,\"code\":\"no_such_post\"");
    say(0, "{\"type\":\"read\",\"room\":\"r\",\"seq\":1}");
    hears_part(0, "\"room\":\"r\",\"code\":\"no_such_event\"");
    end();
}

static void a_room_is_followed_from_where_it_was_left(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    greets(1, "{\"type\":\"hello\",\"user\":\"bob\"}");
    for (int i = 1; i <= 3; i++) {
        char text[96];
        snprintf(text, sizeof text, "{\"type\":\"post\",\"id\":%d,\"room\":\"r\",\"text\":\"t%d\"}",
                 i, i);
        say(0, text);
    }
    struct buffer acks = heard(0);
    buffer_free(&acks);
    say(1, "{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"after\":1,\"presence\":\"none\"}");
#define EVENT(seq, id)                                                                          \
    "{\"type\":\"event\",\"room\":\"r\",\"seq\":" seq ",\"time\":0,\"kind\":\"post\",\"user\":" \
    "\"ann\",\"client\":\"$C1\",\"id\":" id ",\"text\":\"t" id "\"}\n"
    hears(1, "{\"type\":\"joined\",\"id\":1,\"room\":\"r\",\"seq\":3,\"first\":1}\n" EVENT("2", "2")
                 EVENT("3", "3"));
    say(1, "{\"type\":\"join\",\"id\":2,\"room\":\"r\",\"after\":0,\"last\":1,\"presence\":"
           "\"none\"}"); /* it begins anew */
    hears(1, "{\"type\":\"joined\",\"id\":2,\"room\":\"r\",\"seq\":3,\"first\":1}\n"
             "{\"type\":\"gap\",\"room\":\"r\",\"from\":1,\"to\":2}\n" EVENT("3", "3"));
    say(0, "{\"type\":\"post\",\"id\":4,\"room\":\"r\",\"text\":\"t4\"}");
    hears(1, EVENT("4", "4")); /* once */
    say(1, "{\"type\":\"leave\",\"id\":3,\"room\":\"r\"}");
    hears(1, "{\"type\":\"left\",\"id\":3,\"room\":\"r\"}\n");
    say(0, "{\"type\":\"post\",\"id\":5,\"room\":\"r\",\"text\":\"t5\"}");
    hears(1, "");
    say(1, "{\"type\":\"join\",\"id\":4,\"room\":\"r\",\"after\":6}");
    hears_part(1, "\"id\":4,\"code\":\"ahead\"");
    say(1, "{\"type\":\"presence\",\"id\":5,\"room\":\"r\"}");
    hears_part(1, "\"count\":0,\"users\":[]");
    end();
}

static void who_comes_and_goes_is_told_as_was_wished(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    greets(1, "{\"type\":\"hello\",\"user\":\"bob\"}");
    greets(2, "{\"type\":\"hello\",\"user\":\"cat\"}");
    say(0, "{\"type\":\"join\",\"id\":1,\"room\":\"r\"}");
    hears(0, "{\"type\":\"joined\",\"id\":1,\"room\":\"r\",\"seq\":0,\"first\":1,"
             "\"presence\":{\"version\":1,\"count\":1}}\n");
    say(1, "{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"presence\":\"count\"}");
    hears(0, "{\"type\":\"presence\",\"room\":\"r\",\"version\":2,\"was\":1,\"count\":2,"
             "\"joined\":[\"bob\"],\"left\":[]}\n");
    hears_part(1, "\"presence\":{\"version\":2,\"count\":2}");
    say(2, "{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"presence\":\"none\"}");
    hears(1, "{\"type\":\"presence\",\"room\":\"r\",\"version\":3,\"was\":2,\"count\":3}\n");
    hears(2, "{\"type\":\"joined\",\"id\":1,\"room\":\"r\",\"seq\":0,\"first\":1}\n");
    say(1, "{\"type\":\"leave\",\"id\":2,\"room\":\"r\"}");
    hears_part(0, "\"joined\":[\"cat\"],\"left\":[]}\n");
    hears(2, "");
    end();
}

static void what_is_said_behind_hello_waits_for_it(void **state)
{
    (void)state;
    begin();
    enters(0);
    talk.wait = true;
    say(0, "{\"type\":\"hello\",\"user\":\"ann\",\"rooms\":{\"a\":0,\"b\":0}}");
    say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"a\",\"text\":\"x\"}");
    hears(0, "");
    talk.wait = false;
    talk_settle(&talk);
    struct buffer out = heard(0);
    const char *text = (const char *)buffer_slice(&out).data;
    static const char *const order[] = {"\"welcome\"", "\"joined\",\"room\":\"a\"",
                                        "\"joined\",\"room\":\"b\""};
    assert_true(strstr(text, order[0]) < strstr(text, "\"ack\",\"id\":1"));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        text = strstr(text, order[i]);
        if (text == NULL) fail_msg("no %s", order[i]);
    }
    buffer_free(&out);
    end();
}

static void an_identity_is_taken_along_and_its_last_owner_has_it(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
    hears(0, "{\"type\":\"ack\",\"id\":1,\"room\":\"r\",\"seq\":1,\"time\":0}\n");
    enters(1);
    say(1, "{\"type\":\"hello\",\"user\":\"ann\",\"client\":\"$C1\",\"secret\":\"$C1\"}");
    hears_part(1, "\"code\":\"bad_client\"");
    hears(0, "");
    say(1, "{\"type\":\"hello\",\"user\":\"ann\",\"epoch\":\"000000000000c0de\",\"client\":\"$C1\","
           "\"secret\":\"$S1\"}");
    hears_part(1, "\"client\":\"$C1\"");
    hears(0, "CLOSE 4409\n");
    assert_int_equal(talk_turn(&talk, &talk.talkers[0], 1), PROTOCOL_TURN_CLOSE);
    say(1, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
    hears(1,
          "{\"type\":\"ack\",\"id\":1,\"room\":\"r\",\"seq\":1,\"time\":0,\"duplicate\":true}\n");
    end();
}

static void of_another_epoch_nothing_is_known(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"t1\"}");
    enters(1);
    say(1, "{\"type\":\"hello\",\"user\":\"ann\",\"epoch\":\"000000000000beef\",\"client\":\"$C1\","
           "\"secret\":\"$S1\",\"rooms\":{\"r\":41}}");
    struct buffer out = heard(1);
    const char *text = (const char *)buffer_slice(&out).data;
    assert_non_null(strstr(text, "\"epoch\":\"000000000000c0de\",\"client\":\"$C2\""));
    assert_non_null(strstr(text, "\"event\",\"room\":\"r\",\"seq\":1"));
    buffer_free(&out);
    end();
}

/* --- when it goes wrong --- */

static void refuse_all(uint32_t i, enum protocol_refusal why)
{
    struct talker *talker = &talk.talkers[i];
    while (talker->pending_count != 0) {
        uint64_t token = talker->pending[--talker->pending_count];
        chat_protocol_ops.refuse(talker->connection, token, why, &talker->heard);
    }
    buffer_free(&talker->waiting);
}

static void what_was_refused_is_told_and_can_be_said_again(void **state)
{
    (void)state;
    static const struct {
        enum protocol_refusal why;
        const char *code;
    } cases[] = {
        {PROTOCOL_REFUSED_NO_LEADER, "no_leader"}, {PROTOCOL_REFUSED_FULL, "full"},
        {PROTOCOL_REFUSED_BUSY, "busy"},           {PROTOCOL_REFUSED_DRAINING, "draining"},
        {PROTOCOL_REFUSED_UNKNOWN, "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "\"id\":1,\"code\":\"%s\"", cases[i].code);
        begin();
        enters(0);
        talk.wait = true;
        say(0, "{\"type\":\"hello\",\"id\":1,\"user\":\"ann\"}");
        refuse_all(0, cases[i].why);
        hears_part(0, expected);
        talk.wait = false;
        say(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
        hears_part(0, "\"welcome\"");
        talk.wait = true;
        say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
        refuse_all(0, cases[i].why);
        hears_part(0, expected);
        talk.wait = false;
        say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
        hears_part(0, "\"ack\",\"id\":1");
        end();
    }
}

/* Between the stamp and its use the cluster forgot somebody newer. */
static void a_stamp_that_is_too_old_is_asked_for_again(void **state)
{
    (void)state;
    struct chat_options options = {.clients_max = 1};
    begin_with(&options, NULL);
    enters(0);
    talk.wait = true;
    say(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    struct buffer waiting = talk.talkers[0].waiting; /* its stamp is in there */
    talk.talkers[0].waiting = (struct buffer){0};
    talk.wait = false;
    greets(1, "{\"type\":\"hello\",\"user\":\"bob\"}");
    chat_ops.session_end(talk.machine, &talk.talkers[1].key);
    greets(2, "{\"type\":\"hello\",\"user\":\"cat\"}"); /* bob's client is forgotten */
    chat_ops.session_end(talk.machine, &talk.talkers[2].key);
    talk.talkers[0].waiting = waiting;
    talk_settle(&talk);
    hears_part(0, "\"type\":\"welcome\"");
    end();
}

static void a_leader_lost_and_found_is_told(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    talk_turn(&talk, &talk.talkers[0], SECOND_US);
    hears(0, "");
    talk.facts.leader = 0;
    talk_turn(&talk, &talk.talkers[0], SECOND_US);
    talk_turn(&talk, &talk.talkers[0], SECOND_US);
    hears(0, "{\"type\":\"status\",\"leader\":false}\n");
    talk.facts.leader = 2;
    talk_turn(&talk, &talk.talkers[0], SECOND_US);
    hears(0, "{\"type\":\"status\",\"leader\":true}\n");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_told_and_do_no_harm),
        cmocka_unit_test(a_room_is_followed_from_where_it_was_left),
        cmocka_unit_test(who_comes_and_goes_is_told_as_was_wished),
        cmocka_unit_test(what_is_said_behind_hello_waits_for_it),
        cmocka_unit_test(an_identity_is_taken_along_and_its_last_owner_has_it),
        cmocka_unit_test(of_another_epoch_nothing_is_known),
        cmocka_unit_test(what_was_refused_is_told_and_can_be_said_again),
        cmocka_unit_test(a_stamp_that_is_too_old_is_asked_for_again),
        cmocka_unit_test(a_leader_lost_and_found_is_told),
    };
    return cmocka_run_group_tests_name("chat_connection", tests, NULL, NULL);
}
