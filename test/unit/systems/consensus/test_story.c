/* What the simulator's clients of the store are judged by: the story of revisions, and the lines of
 * a watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "systems/consensus/sim/lines.h"
#include "systems/consensus/sim/story.h"

enum { KEYS = 2 };

static void saw(struct story *story, uint64_t revision, uint32_t key, uint64_t value)
{
    story_saw(story, (struct story_seen){.revision = revision, .key = key, .value = value});
}

static void test_what_was_seen_has_to_be_what_was_there(void **state)
{
    (void)state;
    struct story story = {0};
    assert_true(story_note(&story, 2, 0, 5));
    assert_true(story_note(&story, 3, 0, 6));
    assert_true(story_note(&story, 4, 0, 0));
    saw(&story, 1, 0, 0);
    saw(&story, 2, 0, 5);
    saw(&story, 2, 1, 0);
    saw(&story, 3, 0, 6);
    saw(&story, 4, 0, 0);
    assert_null(story_judge(&story, KEYS));
    saw(&story, 3, 0, 5); /* old */
    const struct story_seen *wrong = story_judge(&story, KEYS);
    assert_non_null(wrong);
    assert_int_equal(wrong->revision, 3);
    assert_int_equal(wrong->value, 5);
    story_free(&story);
}

static void test_two_tell_the_same_of_a_revision(void **state)
{
    (void)state;
    struct story story = {0};
    assert_true(story_note(&story, 2, 0, 5));
    assert_true(story_note(&story, 2, 0, 5));
    assert_false(story_note(&story, 2, 0, 6));
    assert_false(story_note(&story, 2, 1, 5));
    story_free(&story);
}

/* Until a key is heard of again. */
static void test_behind_what_nobody_told_nothing_is_judged(void **state)
{
    (void)state;
    struct story story = {0};
    assert_true(story_note(&story, 2, 0, 5));
    assert_true(story_note(&story, 4, 1, 7));
    saw(&story, 4, 0, 9);
    assert_null(story_judge(&story, KEYS));
    saw(&story, 4, 1, 8);
    assert_non_null(story_judge(&story, KEYS));
    story_free(&story);
}

#define CHUNK(size, text) size "\r\n" text "\r\n"

static void test_lines_come_in_pieces(void **state)
{
    (void)state;
    /* k1 is put to v12 at 3, and deleted at 4; the line is cut in the middle. */
    const char *text = "HTTP/1.1 200 OK\r\n\r\n" CHUNK(
        "00000036", "{\"result\":{\"header\":{\"revision\":\"2\"},\"created\":true}}\n")
        CHUNK("00000073",
              "{\"result\":{\"header\":{\"revision\":\"4\"},\"events\":[{\"kv\":{\"key\":\"azE=\","
              "\"mod_revision\":\"3\",\"value\":\"djEy\"}},{\"type\":\"DEL")
            CHUNK("00000035", "ETE\",\"kv\":{\"key\":\"azE=\",\"mod_revision\":\"4\"}}]}}     \n");
    struct lines lines = {0};
    struct buffer heard = {0};
    enum lines_kind kinds[8];
    unsigned count = 0;
    struct lines_event events[4];
    unsigned events_count = 0;
    for (size_t at = 0; at < strlen(text); at++) {
        uint64_t revision = 0;
        buffer_put_u8(&heard, (uint8_t)text[at]);
        enum lines_kind kind = lines_next(&lines, &heard, &revision);
        if (kind == LINES_PARTIAL) continue;
        assert_true(count < 8);
        kinds[count++] = kind;
        struct slice line = buffer_slice(&lines.line);
        while (kind == LINES_EVENTS && lines_event(&line, &events[events_count])) events_count++;
    }
    assert_int_equal(count, 2);
    assert_int_equal(kinds[0], LINES_CREATED);
    assert_int_equal(kinds[1], LINES_EVENTS);
    assert_int_equal(events_count, 2);
    assert_true(events[0].revision == 3 && events[0].key == 1 && events[0].value == 12);
    assert_true(events[1].revision == 4 && events[1].key == 1 && events[1].value == 0);
    buffer_free(&heard);
    lines_reset(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_seen_has_to_be_what_was_there),
        cmocka_unit_test(test_two_tell_the_same_of_a_revision),
        cmocka_unit_test(test_behind_what_nobody_told_nothing_is_judged),
        cmocka_unit_test(test_lines_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
