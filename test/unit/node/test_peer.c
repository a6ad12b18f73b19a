/* Frames between nodes: every split point, every flipped bit, every truncation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "node/group/replica.h"
#include "node/peers/message.h"
#include "wire/peer.h"

static void make_frame(struct buffer *out, const char *content)
{
    size_t begun = peer_frame_begin(out, PEER_STATE, 3);
    buffer_append_text(out, content);
    peer_frame_end(out, begun);
}

static void test_frames_come_out_at_every_split_point(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    make_frame(&bytes, "one");
    size_t first = bytes.size;
    make_frame(&bytes, "");
    for (size_t size = 0; size <= bytes.size; size++) {
        struct peer_frame frame;
        size_t consumed = 99;
        enum peer_result result = peer_frame_decode(slice_of(bytes.data, size), &consumed, &frame);
        assert_int_equal(result, size < first ? PEER_PARTIAL : PEER_DONE);
        assert_int_equal(consumed, size < first ? 0 : first);
        if (result != PEER_DONE) continue;
        assert_int_equal(frame.type, PEER_STATE);
        assert_int_equal(frame.group, 3);
        assert_true(slice_equal(frame.content, slice_text("one")));
    }
    buffer_free(&bytes);
}

static void test_flipped_bits_never_pass(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    make_frame(&bytes, "content");
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        struct peer_frame frame;
        size_t consumed = 0;
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(peer_frame_decode(buffer_slice(&bytes), &consumed, &frame), PEER_DONE);
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buffer_free(&bytes);
}

static void test_sizes_out_of_range_are_bad(void **state)
{
    (void)state;
    const uint32_t sizes[] = {0, 11, PEER_FRAME_SIZE_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t bytes[16] = {0};
        struct peer_frame frame;
        size_t consumed = 0;
        store_u32(bytes, sizes[i]);
        assert_int_equal(peer_frame_decode(slice_of(bytes, 16), &consumed, &frame), PEER_BAD);
    }
}

static void test_introduction_survives_and_its_truncations_do_not(void **state)
{
    (void)state;
    struct peer_introduction mine = {
        .version_min = 1,
        .version_max = PEER_VERSION,
        .cluster = 77,
        .from = 1,
        .to = 2,
        .incarnation = 9,
        .membership = 2,
        .channel = PEER_CHANNEL_SNAPSHOT,
        .nonce = "0123456789abcde",
        .system = slice_text("queue"),
        .groups = 13,
        .announced_count = 2,
        .announced = {slice_text("a:1"), slice_text("")},
    };
    struct buffer bytes = {0};
    peer_introduction_encode(&mine, &bytes);
    for (size_t size = 0; size <= bytes.size; size++) {
        struct peer_introduction theirs;
        struct reader reader = reader_of(slice_of(bytes.data, size));
        assert_int_equal(peer_introduction_decode(&reader, &theirs), size == bytes.size);
        if (size < bytes.size) continue;
        assert_int_equal(theirs.cluster, 77);
        assert_int_equal(theirs.incarnation, 9);
        assert_memory_equal(theirs.nonce, mine.nonce, PEER_NONCE_SIZE);
        assert_true(slice_equal(theirs.system, mine.system));
        assert_int_equal(theirs.groups, 13);
        assert_int_equal(theirs.announced_count, 2);
        assert_true(slice_equal(theirs.announced[0], mine.announced[0]));
        assert_int_equal(theirs.announced[1].size, 0);
    }
    buffer_free(&bytes);
}

/* Whatever it is that other versions say behind the first fields. */
static void test_introduction_of_another_version_is_read_as_far_as_that(void **state)
{
    (void)state;
    for (uint16_t version = 1; version <= PEER_VERSION + 1; version++) {
        struct buffer bytes = {0};
        buffer_append_text(&bytes, "QPER");
        buffer_put_u16(&bytes, version);
        buffer_put_u16(&bytes, version);
        buffer_put_u64(&bytes, 77);
        buffer_put_u32(&bytes, 3);
        buffer_put_u32(&bytes, 5);
        buffer_append_text(&bytes, "...");
        struct peer_introduction theirs;
        struct reader reader = reader_of(buffer_slice(&bytes));
        bool good = peer_introduction_decode(&reader, &theirs);
        assert_int_equal(good, version != PEER_VERSION); /* ours it is not */
        assert_int_equal(peer_version_common(&theirs), version == PEER_VERSION);
        if (good) assert_true(reader_done(&reader) && theirs.from == 3 && theirs.to == 5);
        buffer_free(&bytes);
    }
}

static struct raft *raft_with_entries(void)
{
    struct raft_config config = {
        .self = 1,
        .election_timeout_us = 1000,
        .heartbeat_us = 100,
        .append_bytes_max = 1 << 20,
        .inflight_messages_max = 4,
        .uncommitted_bytes_max = 1 << 20,
    };
    struct raft_restored restored = {.term = 4, .trusted = true};
    struct raft *raft = raft_create(&config, &restored);
    for (uint64_t i = 1; i <= 3; i++) {
        struct raft_entry entry = {
            .index = i, .term = i, .elapsed_us = i, .wall_us = 10 * i, .kind = 16, .version = 1};
        entry.data = slice_of("payload", (size_t)i * 2);
        raft_restore_entry(raft, &entry);
    }
    return raft;
}

static void test_message_with_entries_survives_and_its_truncations_do_not(void **state)
{
    (void)state;
    static struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
    struct raft *raft = raft_with_entries();
    struct raft_message sent = {
        .type = RAFT_APPEND,
        .from = 1,
        .to = 2,
        .term = 4,
        .index = 1,
        .index_term = 1,
        .commit = 1,
        .round = 12,
        .trust_index = 3,
        .waiting = true,
        .entries_count = 2,
    };
    struct buffer bytes = {0};
    peer_message_encode(raft, &sent, &bytes);
    for (size_t size = 0; size <= bytes.size; size++) {
        struct raft_message got;
        bool good = peer_message_decode(slice_of(bytes.data, size), &got, entries);
        assert_int_equal(good, size == bytes.size);
        if (!good) continue;
        assert_int_equal(got.type, RAFT_APPEND);
        assert_int_equal(got.round, 12);
        assert_int_equal(got.trust_index, 3);
        assert_true(got.waiting && !got.granted && !got.untrusted);
        assert_int_equal(got.entries_count, 2);
        assert_int_equal(got.entries[1].index, 3);
        assert_int_equal(got.entries[1].wall_us, 30);
        assert_true(slice_equal(got.entries[1].data, slice_of("payload", 6)));
    }
    raft_destroy(raft);
    buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_out_at_every_split_point),
        cmocka_unit_test(test_flipped_bits_never_pass),
        cmocka_unit_test(test_sizes_out_of_range_are_bad),
        cmocka_unit_test(test_introduction_survives_and_its_truncations_do_not),
        cmocka_unit_test(test_introduction_of_another_version_is_read_as_far_as_that),
        cmocka_unit_test(test_message_with_entries_survives_and_its_truncations_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
