/* What clients say, and what they are told: specs/systems/chat.md, "What is said". Each text ends
 * at an unreadable page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_read.h"
#include "guarded.h"
#include "systems/chat/protocol/say.h"

static struct guarded guarded;
static struct chat_message message;

static bool read_text(struct slice text, struct chat_mistake *mistake)
{
    return chat_message_read(guarded_copy(&guarded, text), &message, mistake);
}

static void taken(const char *text)
{
    struct chat_mistake mistake;
    if (!read_text(slice_text(text), &mistake)) {
        fail_msg("%s: %s: %s", text, mistake.code, mistake.what);
    }
    /* What is cut off is not taken. */
    for (size_t size = 0; size < strlen(text); size++) {
        assert_false(read_text(slice_of(text, size), &mistake));
        assert_string_equal(mistake.code, "bad_message");
    }
    assert_true(read_text(slice_text(text), &mistake));
}

static void refused(const char *text, const char *code, const char *words)
{
    struct chat_mistake mistake;
    if (read_text(slice_text(text), &mistake)) fail_msg("%s: taken", text);
    if (strcmp(mistake.code, code) != 0 || strstr(mistake.what, words) == NULL) {
        fail_msg("%s: %s: %s", text, mistake.code, mistake.what);
    }
}

static void is(struct slice text, const char *expected)
{
    if (slice_equal(text, slice_text(expected))) return;
    fail_msg("%.*s, not %s", (int)text.size, (const char *)text.data, expected);
}

/* --- what clients say --- */

static void posts_are_read(void **state)
{
    (void)state;
    taken("{\"type\":\"post\",\"id\":7,\"room\":\"lobby\","
          "\"text\":\"caf\\u00e9 \\\"\\n\xe2\x82\xac\"}");
    assert_int_equal(message.type, CHAT_MESSAGE_POST);
    assert_int_equal(message.id, 7);
    is(message.room, "lobby");
    is(message.body, "caf\xc3\xa9 \"\n\xe2\x82\xac");
    assert_int_equal(message.form, CHAT_TEXT);
    taken("{\"data\": {\"x\":[1, 2.5]} ,\"room\":\"a,b\",\"id\":1,\"type\":\"post\"}");
    is(message.body, "{\"x\":[1, 2.5]}");
    is(message.room, "a,b");
    assert_int_equal(message.form, CHAT_DATA);
    taken("{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"data\":null}");
    is(message.body, "null");
    taken("{\"type\":\"edit\",\"id\":2,\"room\":\"r\",\"seq\":1,\"text\":\"x\"}");
    assert_int_equal(message.seq, 1);
    taken("{\"type\":\"delete\",\"id\":9007199254740991,\"room\":\"r\",\"seq\":0}");
    assert_int_equal(message.id, CHAT_NUMBER_MAX);
}

static void the_others_are_read(void **state)
{
    (void)state;
    taken("{\"type\":\"hello\"}");
    assert_false(message.has_client);
    assert_int_equal(message.rooms_count, 0);
    assert_int_equal(message.id, UINT64_MAX);
    taken("{\"type\":\"hello\",\"user\":\"ann\",\"token\":\"t\",\"epoch\":\"00000000000000ff\","
          "\"client\":\"000000000000000100000000000000ab\","
          "\"secret\":\"ffffffffffffffff0000000000000002\",\"rooms\":{\"lobby\":41,\"r\":0}}");
    assert_true(message.has_client);
    assert_int_equal(message.client.stamp, 1);
    assert_int_equal(message.client.number, 0xab);
    assert_int_equal(message.secret[0], UINT64_MAX);
    assert_int_equal(message.secret[1], 2);
    assert_int_equal(message.rooms_count, 2);
    is(message.rooms[0].room, "lobby");
    assert_int_equal(message.rooms[0].after, 41);
    is(message.rooms[1].room, "r");
    taken("{\"type\":\"join\",\"id\":1,\"room\":\"r\"}");
    assert_int_equal(message.after, UINT64_MAX);
    assert_int_equal(message.presence, CHAT_PRESENCE_LIST);
    taken(
        "{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"after\":5,\"last\":9,\"presence\":\"none\"}");
    assert_int_equal(message.after, 5);
    assert_int_equal(message.last, 9);
    assert_int_equal(message.presence, CHAT_PRESENCE_NONE);
    taken("{\"type\":\"leave\",\"id\":1,\"room\":\"r\"}");
    taken("{\"type\":\"history\",\"id\":1,\"room\":\"r\",\"before\":5,\"limit\":10}");
    taken("{\"type\":\"presence\",\"id\":1,\"room\":\"r\",\"from_user\":\"bob\"}");
    is(message.from_user, "bob");
    taken("{\"type\":\"read\",\"room\":\"r\",\"seq\":3}");
    taken("{\"type\":\"typing\",\"room\":\"r\"}");
    taken("{\"type\":\"ping\"}");
    taken("{\"type\":\"ping\",\"id\":3}");
    assert_int_equal(message.id, 3);
}

static void what_does_not_matter_is_ignored(void **state)
{
    (void)state;
    taken("{\"x\":{\"type\":\"post\"},\"type\":\"ping\",\"y\":[[1]],\"\\u0069d\":4}");
    assert_int_equal(message.id, 4);
    taken("{\"type\":\"ping\",\"room\":7,\"rooms\":[{}],\"text\":{\"a\":[]},\"seq\":\"x\"}");
    taken(
        "{\"type\":\"leave\",\"id\":1,\"room\":\"r\",\"rooms\":{\"a b\":{\"c\":[1]}},\"text\":5}");
    taken("{\"type\":\"ping\",\"client\":{\"secret\":1}}");
}

static void members_are_judged(void **state)
{
    (void)state;
    refused("", "bad_message", "missing");
    refused("[]", "bad_message", "object");
    refused("7", "bad_message", "object");
    refused("{\"type\":\"ping\"} {}", "bad_message", "more behind");
    refused("{\"type\":\"ping\",}", "bad_message", "names");
    refused("{\"type\":\"ping\",\"x\":\"\xff\"}", "bad_message", "UTF-8");
    refused("{}", "bad_message", "type");
    refused("{\"type\":3}", "bad_message", "type");
    refused("{\"type\":\"shout\"}", "unknown_type", "");
    refused("{\"type\":\"ping\",\"type\":\"ping\"}", "bad_message", "twice");
    refused("{\"type\":\"ping\",\"room\":1,\"room\":2}", "bad_message", "twice");
    refused("{\"type\":\"post\",\"room\":\"r\",\"text\":\"x\"}", "bad_id", "id");
    refused("{\"type\":\"ping\",\"id\":0}", "bad_id", "id");
    refused("{\"type\":\"ping\",\"id\":-1}", "bad_id", "id");
    refused("{\"type\":\"ping\",\"id\":1.0}", "bad_id", "id");
    refused("{\"type\":\"ping\",\"id\":\"1\"}", "bad_id", "id");
    refused("{\"type\":\"ping\",\"id\":9007199254740992}", "bad_id", "id");
    refused("{\"type\":\"post\",\"id\":1,\"text\":\"x\"}", "bad_room", "room");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"../x\",\"text\":\"x\"}", "bad_room", "room");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"\",\"text\":\"x\"}", "bad_room", "room");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"b,a\",\"text\":\"x\"}", "bad_room", "room");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"r\"}", "bad_message", "text");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":5}", "bad_message", "text");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"\"}", "empty", "say");
    refused("{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\",\"data\":1}", "bad_message",
            "not both");
    refused("{\"type\":\"hello\",\"user\":\"<b>\"}", "bad_user", "user");
    refused("{\"type\":\"hello\",\"epoch\":\"00000000000000FF\"}", "bad_message", "epoch");
    refused("{\"type\":\"hello\",\"client\":\"000000000000000100000000000000ab\"}", "bad_client",
            "secret");
    refused("{\"type\":\"hello\",\"secret\":\"0\"}", "bad_client", "secret");
    refused("{\"type\":\"hello\",\"rooms\":{\"a b\":1}}", "bad_message", "rooms");
    refused("{\"type\":\"hello\",\"rooms\":{\"a\":-1}}", "bad_message", "rooms");
    refused("{\"type\":\"hello\",\"rooms\":{\"a\":{\"b\":1}},\"id\":5}", "bad_message", "rooms");
    refused("{\"type\":\"hello\",\"rooms\":{\"a\":1,\"a\":1}}", "bad_message", "rooms");
    refused("{\"type\":\"hello\",\"rooms\":[\"a\"]}", "bad_message", "rooms");
    refused("{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"after\":null}", "bad_message", "after");
    refused("{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"presence\":\"all\"}", "bad_message",
            "presence");
    refused("{\"type\":\"read\",\"room\":\"r\"}", "bad_message", "seq");
}

static void a_mistake_has_the_id_if_there_is_one(void **state)
{
    (void)state;
    struct chat_mistake mistake;
    assert_false(read_text(slice_text("{\"id\":9,\"type\":\"shout\"}"), &mistake));
    assert_int_equal(mistake.id, 9);
    assert_false(read_text(slice_text("{\"id\":\"9\",\"type\":\"shout\"}"), &mistake));
    assert_int_equal(mistake.id, UINT64_MAX);
    assert_false(read_text(slice_text("{\"id\":9,\"type\":\"ping\""), &mistake));
    assert_int_equal(mistake.id, UINT64_MAX); /* it is no message at all */
}

/* One more than is allowed, in front of what makes it a message. */
static void limits_are_kept(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct chat_mistake mistake;
    for (size_t extra = 0; extra < 2; extra++) {
        buffer_clear(&text);
        buffer_append_text(&text, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"");
        memset(buffer_reserve(&text, CHAT_BODY_SIZE_MAX + extra), 'x', CHAT_BODY_SIZE_MAX + extra);
        buffer_grew(&text, CHAT_BODY_SIZE_MAX + extra);
        buffer_append_text(&text, "\"}");
        assert_int_equal(read_text(buffer_slice(&text), &mistake), extra == 0);
        if (extra == 1) assert_string_equal(mistake.code, "too_big");

        buffer_clear(&text);
        buffer_append_text(&text, "{\"type\":\"hello\",\"rooms\":{");
        for (size_t i = 0; i < CHAT_MESSAGE_ROOMS_MAX + extra; i++) {
            buffer_append_text(&text, i == 0 ? "\"r" : ",\"r");
            buffer_append_decimal(&text, i);
            buffer_append_text(&text, "\":1");
        }
        buffer_append_text(&text, "}}");
        assert_int_equal(read_text(buffer_slice(&text), &mistake), extra == 0);

        buffer_clear(&text);
        buffer_append_text(&text, "{\"type\":\"ping\",\"x\":");
        for (size_t i = 1; i < CHAT_MESSAGE_DEPTH_MAX + extra; i++) buffer_append_text(&text, "[");
        for (size_t i = 1; i < CHAT_MESSAGE_DEPTH_MAX + extra; i++) buffer_append_text(&text, "]");
        buffer_append_text(&text, "}");
        assert_int_equal(read_text(buffer_slice(&text), &mistake), extra == 0);
    }
    buffer_free(&text);
}

/* --- what they are told --- */

static struct buffer out;

static void says(const char *expected)
{
    struct json_read read = json_read_of(buffer_slice(&out), 16);
    assert_int_equal(json_read_next(&read), JSON_OBJECT_BEGIN);
    assert_true(json_read_skip(&read));
    assert_int_equal(json_read_next(&read), JSON_END);
    is(buffer_slice(&out), expected);
    buffer_clear(&out);
}

static void answer(const char *asked, struct chat_reply reply, const char *expected)
{
    struct chat_mistake mistake;
    assert_true(read_text(slice_text(asked), &mistake));
    struct chat_asked by = chat_asked_of(&message);
    chat_say_answer(&by, &reply, &out);
    says(expected);
}

#define POST "{\"type\":\"post\",\"id\":3,\"room\":\"r\",\"text\":\"x\"}"

static void answers_are_said(void **state)
{
    (void)state;
    answer(POST, (struct chat_reply){.kind = CHAT_REPLY_ACK, .seq = 9, .wall_us = 1234567},
           "{\"type\":\"ack\",\"id\":3,\"room\":\"r\",\"seq\":9,\"time\":1234}");
    answer(
        POST,
        (struct chat_reply){.kind = CHAT_REPLY_ACK, .seq = 9, .wall_us = 1000, .duplicate = true},
        "{\"type\":\"ack\",\"id\":3,\"room\":\"r\",\"seq\":9,\"time\":1,\"duplicate\":true}");
    answer(POST, (struct chat_reply){.kind = CHAT_REPLY_ERROR, .error = CHAT_ERROR_NOT_YOURS},
           "{\"type\":\"error\",\"id\":3,\"code\":\"not_yours\",\"message\":\"somebody else posted "
           "it\",\"retry\":false}");
    answer(POST, (struct chat_reply){.kind = CHAT_REPLY_ERROR, .error = CHAT_ERROR_FULL},
           "{\"type\":\"error\",\"id\":3,\"code\":\"full\",\"message\":\"there is no room for more "
           "now\",\"retry\":true}");
    struct chat_reply room = {.kind = CHAT_REPLY_ROOM, .room = {9, 4, 7, 2}};
    answer("{\"type\":\"join\",\"id\":1,\"room\":\"r\"}", room,
           "{\"type\":\"joined\",\"id\":1,\"room\":\"r\",\"seq\":9,\"first\":4,"
           "\"presence\":{\"version\":7,\"count\":2}}");
    answer("{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"presence\":\"none\"}", room,
           "{\"type\":\"joined\",\"id\":1,\"room\":\"r\",\"seq\":9,\"first\":4}");
    answer("{\"type\":\"leave\",\"id\":1,\"room\":\"r\"}", room,
           "{\"type\":\"left\",\"id\":1,\"room\":\"r\"}");
    answer("{\"type\":\"read\",\"room\":\"r\",\"seq\":1}",
           (struct chat_reply){.kind = CHAT_REPLY_READ, .seq = 5},
           "{\"type\":\"read\",\"room\":\"r\",\"seq\":5}");
    struct slice users[] = {slice_text("ann"), slice_text("bob")};
    answer("{\"type\":\"presence\",\"id\":1,\"room\":\"r\"}",
           (struct chat_reply){.kind = CHAT_REPLY_PRESENCE,
                               .room = {9, 4, 7, 3},
                               .users = users,
                               .users_count = 2,
                               .more = true},
           "{\"type\":\"presence\",\"id\":1,\"room\":\"r\",\"version\":7,\"count\":3,"
           "\"users\":[\"ann\",\"bob\"],\"more\":true}");
}

static const struct chat_event post = {
    .kind = CHAT_EVENT_POST,
    .seq = 4,
    .of = 4,
    .wall_us = 5000,
    .client = {1, 0xab},
    .id = 2,
};

static void events_are_said(void **state)
{
    (void)state;
#define SAID(seq, kind)                                                              \
    "{\"type\":\"event\",\"room\":\"r\",\"seq\":" seq ",\"time\":5,\"kind\":\"" kind \
    "\",\"user\":\"ann\",\"client\":\"000000000000000100000000000000ab\",\"id\":2"
    struct chat_event event = post;
    event.user = slice_text("ann");
    event.body = slice_text("<b>\"\n");
    chat_say_event(slice_text("r"), &event, &out);
    says(SAID("4", "post") ",\"text\":\"<b>\\\"\\n\"}");
    event.form = CHAT_DATA;
    event.body = slice_text("{\"x\":[1]}");
    event.edited = true;
    chat_say_event(slice_text("r"), &event, &out);
    says(SAID("4", "post") ",\"data\":{\"x\":[1]},\"edited\":true}");
    event.kind = CHAT_EVENT_EDIT;
    event.seq = 6;
    chat_say_event(slice_text("r"), &event, &out);
    says(SAID("6", "edit") ",\"of\":4,\"data\":{\"x\":[1]},\"edited\":true}");
    event.deleted = true;
    event.body = slice_of(NULL, 0);
    chat_say_event(slice_text("r"), &event, &out);
    says(SAID("6", "edit") ",\"of\":4,\"edited\":true,\"deleted\":true}");
    event.kind = CHAT_EVENT_DELETE;
    event.edited = false;
    chat_say_event(slice_text("r"), &event, &out);
    says(SAID("6", "delete") ",\"of\":4}");

    event = post;
    event.user = slice_text("ann");
    event.body = slice_text("x");
    answer("{\"type\":\"history\",\"id\":1,\"room\":\"r\",\"before\":5,\"limit\":1}",
           (struct chat_reply){
               .kind = CHAT_REPLY_HISTORY, .events = &event, .events_count = 1, .seq = 4},
           "{\"type\":\"history\",\"id\":1,\"room\":\"r\",\"events\":[{\"seq\":4,\"time\":5,"
           "\"kind\":\"post\",\"user\":\"ann\",\"client\":\"000000000000000100000000000000ab\","
           "\"id\":2,\"text\":\"x\"}],\"before\":4}");
}

static void the_rest_is_said(void **state)
{
    (void)state;
    chat_say_gap(slice_text("r"), 2, 5, &out);
    says("{\"type\":\"gap\",\"room\":\"r\",\"from\":2,\"to\":5}");
    struct chat_change changes[] = {{slice_text("ann"), true}, {slice_text("bob"), false}};
    struct chat_room_state room = {9, 4, 7, 3};
    chat_say_presence(slice_text("r"), &room, 5, changes, 2, &out);
    says("{\"type\":\"presence\",\"room\":\"r\",\"version\":7,\"was\":5,\"count\":3,"
         "\"joined\":[\"ann\"],\"left\":[\"bob\"]}");
    chat_say_presence(slice_text("r"), &room, 5, NULL, 0, &out);
    says("{\"type\":\"presence\",\"room\":\"r\",\"version\":7,\"was\":5,\"count\":3}");
    chat_say_pong(UINT64_MAX, &out);
    says("{\"type\":\"pong\"}");
    chat_say_pong(4, &out);
    says("{\"type\":\"pong\",\"id\":4}");
    chat_say_typing(slice_text("r"), slice_text("ann"), &out);
    says("{\"type\":\"typing\",\"room\":\"r\",\"user\":\"ann\"}");
    chat_say_status(false, &out);
    says("{\"type\":\"status\",\"leader\":false}");
    chat_say_bye(1500, &out);
    says("{\"type\":\"bye\",\"wait_ms\":1500}");
    chat_say_error(UINT64_MAX, "slow_down", "too fast", 200, &out);
    says("{\"type\":\"error\",\"code\":\"slow_down\",\"message\":\"too fast\",\"retry\":true,"
         "\"after_ms\":200}");
}

static int make_guarded(void **state)
{
    (void)state;
    guarded = guarded_make(65536);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    guarded_free(&guarded);
    chat_message_free(&message);
    buffer_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_are_read),
        cmocka_unit_test(the_others_are_read),
        cmocka_unit_test(what_does_not_matter_is_ignored),
        cmocka_unit_test(members_are_judged),
        cmocka_unit_test(a_mistake_has_the_id_if_there_is_one),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(answers_are_said),
        cmocka_unit_test(events_are_said),
        cmocka_unit_test(the_rest_is_said),
    };
    return cmocka_run_group_tests_name("chat_message", tests, make_guarded, free_all);
}
