/* One group, and a hand that plays its node: turns are taken, disks become durable and peers speak
 * when the test says so. What comes out is one line each, in the order in which a hub hears it:
 *
 *     answer 5 text               the machine, to connection 5
 *     told 5/77 text              the same, of a question and its place
 *     refused 5 text              certainly not carried out
 *     uncertain 5 text            nobody knows
 *     read-refused 5/77           and "late" or "lost" behind it, where that is why
 *     early 5/77 2:9              acknowledged: term and index
 *     early-refused 5/77   early-uncertain 5/77
 *     lost   reborn               what all clients here are closed for
 *     forward to=2 first=1 count=3
 *     begin|data|end|taken to=2 number=1
 *     wants 2 3                   who is to have a link for snapshots
 *     write-snapshot   commit-snapshot 7   abort-snapshot   trim 2 */
#ifndef QUARTET_TEST_GROUP_SOLO_H
#define QUARTET_TEST_GROUP_SOLO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/group/group.h"
#include "tiny.h"

enum {
    GROUP_SOLO_SECOND_US = 1000000,
    GROUP_SOLO_MESSAGES_MAX = 64,
    GROUP_SOLO_CLUSTER = 7,
};

/* It is replica 1, of a node of the same number. */
struct group_solo {
    struct node_config config;
    struct turn turn;
    struct wal wal;
    struct random random;
    struct group_shared shared;
    struct group *group;
    struct group_reach reach; /* of all turns from here on */
    bool clients_wait;
    struct raft_members members;
    struct buffer said;      /* since group_solo_said() */
    struct buffer trace;     /* all of it, ends with a zero */
    struct buffer stream;    /* all that DATA frames to the first of a turn's peers carried */
    struct buffer head;      /* of the last BEGIN frame */
    uint64_t offset;         /* of the last frame */
    struct buffer file;      /* all that SNAPSHOT_WRITE carried, since the last ABORT */
    uint32_t messages_count; /* of the last turn, */
    struct raft_message messages[GROUP_SOLO_MESSAGES_MAX];
    uint64_t read_asked; /* the ticket of the last READ to a leader */
};

static inline void group_solo_emit(void *world, const struct session_key *session,
                                   const void *payload)
{
    struct group_solo *solo = world;
    const struct slice *text = payload;
    char line[96];
    uint64_t place = 0;
    /* Another one's, or those of an earlier life, it keeps to itself. */
    assert_int_equal(session->node, 1);
    assert_int_equal(session->incarnation, group_incarnation(solo->group));
    char place_text[24] = "";
    bool asked = group_asking(solo->group, &place);
    if (asked) snprintf(place_text, sizeof place_text, "/%u", (unsigned)place);
    snprintf(line, sizeof line, "%s %u%s %.*s\n", asked ? "told" : "answer",
             (unsigned)session->connection, place_text, (int)text->size, (const char *)text->data);
    buffer_append_text(&solo->said, line);
}

/* --- what comes out --- */

static inline void group_solo_commands(struct group_solo *solo, const char *word,
                                       const struct group_commands *list)
{
    struct group_commands commands = *list;
    struct command command;
    char line[96];
    while (group_commands_next(&commands, &command)) {
        snprintf(line, sizeof line, "%s %u %.*s\n", word, (unsigned)command.connection,
                 (int)command.bytes.size, (const char *)command.bytes.data);
        buffer_append_text(&solo->said, line);
    }
}

static inline void group_solo_forward(struct group_solo *solo, uint32_t leader, struct slice batch)
{
    struct commands_header header;
    char line[96];
    assert_true(commands_check(batch, &header));
    assert_int_equal(header.origin, 1);
    snprintf(line, sizeof line, "forward to=%u first=%u count=%u\n", (unsigned)leader,
             (unsigned)header.first, (unsigned)header.count);
    buffer_append_text(&solo->said, line);
}

static inline void group_solo_frame(struct group_solo *solo,
                                    const struct group_snapshot_frame *frame, bool first)
{
    const char *word = "taken";
    char line[96];
    switch ((int)frame->type) {
    case PEER_SNAPSHOT_BEGIN:
        word = "begin";
        buffer_clear(&solo->head);
        buffer_append_slice(&solo->head, frame->bytes);
        buffer_clear(&solo->stream);
        break;
    case PEER_SNAPSHOT_DATA:
        word = "data";
        if (first) buffer_append_slice(&solo->stream, frame->bytes);
        break;
    case PEER_SNAPSHOT_END: word = "end"; break;
    default: break;
    }
    solo->offset = frame->offset;
    snprintf(line, sizeof line, "%s to=%u number=%u\n", word, (unsigned)frame->to,
             (unsigned)frame->number);
    buffer_append_text(&solo->said, line);
}

static inline void group_solo_messages(struct group_solo *solo, const struct group_output *output)
{
    if (output->messages_count == 0) return;
    assert_true(output->messages_count <= GROUP_SOLO_MESSAGES_MAX);
    memcpy(solo->messages, output->messages, output->messages_count * sizeof *solo->messages);
    solo->messages_count = output->messages_count;
    for (uint32_t i = 0; i < output->messages_count; i++) {
        if (output->messages[i].type == RAFT_READ) solo->read_asked = output->messages[i].round;
    }
}

static inline void group_solo_wants(struct group_solo *solo, const struct group_output *output)
{
    if (!output->wants_changed) return;
    buffer_append_text(&solo->said, "wants");
    for (uint32_t i = 0; i < output->wants_count; i++) {
        buffer_append_text(&solo->said, " ");
        buffer_append_decimal(&solo->said, output->wants[i]);
    }
    buffer_append_text(&solo->said, "\n");
}

static inline void group_solo_receipts(struct group_solo *solo, const struct group_output *output)
{
    static const char *const words[] = {"early", "early-refused", "early-uncertain"};
    char line[96], position[48] = "";
    for (uint32_t i = 0; i < output->receipts_count; i++) {
        const struct group_receipt *receipt = &output->receipts[i];
        position[0] = '\0';
        if (receipt->fate == GROUP_ACKNOWLEDGED) {
            snprintf(position, sizeof position, " %u:%u", (unsigned)receipt->position.term,
                     (unsigned)receipt->position.index);
        }
        snprintf(line, sizeof line, "%s %u/%u%s\n", words[receipt->fate],
                 (unsigned)receipt->connection, (unsigned)receipt->place, position);
        buffer_append_text(&solo->said, line);
    }
}

static inline void group_solo_take(struct group_solo *solo)
{
    struct group_output output;
    group_take_output(solo->group, &output);
    if (output.clients_lost) buffer_append_text(&solo->said, "lost\n");
    if (output.reborn) buffer_append_text(&solo->said, "reborn\n");
    group_solo_commands(solo, "refused", &output.refused);
    for (uint32_t i = 0; i < output.forwards_count; i++) {
        group_solo_forward(solo, output.leader, output.forwards[i]);
    }
    group_solo_commands(solo, "uncertain", &output.uncertain);
    for (uint32_t i = 0; i < output.reads_refused_count; i++) {
        buffer_append_text(&solo->said, "read-refused ");
        buffer_append_decimal(&solo->said, output.reads_refused[i].connection);
        buffer_append_text(&solo->said, "/");
        buffer_append_decimal(&solo->said, output.reads_refused[i].place);
        enum protocol_refusal why = output.reads_refused[i].why;
        if (why == PROTOCOL_REFUSED_LATE) buffer_append_text(&solo->said, " late");
        if (why == PROTOCOL_REFUSED_LOST) buffer_append_text(&solo->said, " lost");
        buffer_append_text(&solo->said, "\n");
    }
    group_solo_receipts(solo, &output);
    uint32_t first = 0;
    for (uint32_t i = 0; i < output.frames_count; i++) {
        const struct group_snapshot_frame *frame = &output.frames[i];
        if (frame->type == PEER_SNAPSHOT_DATA && first == 0) first = frame->to;
        group_solo_frame(solo, frame, frame->to == first);
    }
    group_solo_wants(solo, &output);
    group_solo_messages(solo, &output);
}

static inline void group_solo_action(struct group_solo *solo, const struct action *action)
{
    char line[96] = "";
    switch (action->type) {
    case ACTION_SNAPSHOT_WRITE:
        buffer_append_slice(&solo->file, action->bytes);
        snprintf(line, sizeof line, "write-snapshot\n");
        break;
    case ACTION_SNAPSHOT_COMMIT:
        snprintf(line, sizeof line, "commit-snapshot %u\n", (unsigned)action->sequence);
        break;
    case ACTION_SNAPSHOT_ABORT:
        buffer_clear(&solo->file);
        snprintf(line, sizeof line, "abort-snapshot\n");
        break;
    case ACTION_TRIM: snprintf(line, sizeof line, "trim %u\n", (unsigned)action->segment); break;
    default: break; /* nothing else is a group's */
    }
    buffer_append_text(&solo->said, line);
}

/* What calls since the last turn have led to. */
static inline void group_solo_actions(struct group_solo *solo)
{
    for (uint32_t i = 0; i < solo->turn.actions_count; i++) {
        group_solo_action(solo, &solo->turn.actions[i]);
    }
    if (solo->trace.size > 0) solo->trace.size--;
    buffer_append_slice(&solo->trace, buffer_slice(&solo->turn.trace));
    buffer_put_u8(&solo->trace, 0);
    solo->turn.live = true;
    turn_begin(&solo->turn);
}

/* --- the hand --- */

static inline void group_solo_turn(struct group_solo *solo)
{
    solo->turn.deadline_us = UINT64_MAX;
    solo->messages_count = 0;
    assert_true(group_tick(solo->group));
    group_solo_take(solo);
    group_work(solo->group, &solo->reach);
    group_solo_take(solo);
    group_write(solo->group, solo->clients_wait);
    group_solo_take(solo);
    group_answer(solo->group);
    group_solo_take(solo);
    if (wal_has_records(&solo->wal)) {
        struct action write;
        wal_flush(&solo->wal, &write);
        wal_flushed(&solo->wal);
    }
    group_trace(solo->group);
    group_solo_actions(solo);
}

/* All that was written is durable, and a turn later said. */
static inline void group_solo_durable(struct group_solo *solo)
{
    solo->wal.durable = solo->wal.sequence;
    raft_durable(group_raft(solo->group), solo->turn.now, solo->wal.sequence);
    group_solo_turn(solo);
}

static inline void group_solo_pass(struct group_solo *solo, uint64_t us)
{
    solo->turn.now.mono_us += us;
    solo->turn.now.wall_us += us;
}

/* So much time passes, with a turn whenever one is due. */
static inline void group_solo_wait(struct group_solo *solo, uint64_t us)
{
    uint64_t until_us = solo->turn.now.mono_us + us;
    for (unsigned turns = 0; solo->turn.now.mono_us < until_us; turns++) {
        uint64_t next_us = solo->turn.deadline_us;
        if (next_us <= solo->turn.now.mono_us) next_us = solo->turn.now.mono_us + 1;
        if (next_us > until_us) next_us = until_us;
        group_solo_pass(solo, next_us - solo->turn.now.mono_us);
        group_solo_turn(solo);
        assert_true(turns < 10000);
    }
}

static inline void group_solo_receive(struct group_solo *solo, struct raft_message message)
{
    message.to = 1;
    raft_receive(group_raft(solo->group), solo->turn.now, &message);
    group_solo_turn(solo);
}

/* What was said since this was last called, and nothing else, is `text`. */
static inline void group_solo_said(struct group_solo *solo, const char *text)
{
    buffer_put_u8(&solo->said, 0);
    assert_string_equal((const char *)buffer_slice(&solo->said).data, text);
    buffer_clear(&solo->said);
}

static inline void group_solo_forget(struct group_solo *solo)
{
    buffer_clear(&solo->said);
}

/* Whether the trace has a line that begins so. */
static inline bool group_solo_told(const struct group_solo *solo, const char *word)
{
    const char *text = solo->trace.size == 0 ? "" : (const char *)buffer_slice(&solo->trace).data;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if (at == text || at[-1] == '\n') return true;
    }
    return false;
}

/* --- beginnings --- */

/* Of so many voters; not open yet, so that the test may change solo->config and solo->wal. */
static inline void group_solo_make(struct group_solo *solo, uint32_t voters)
{
    *solo = (struct group_solo){
        .config = {.self = 1, .machine = &tiny_machine, .protocol = &tiny_protocol},
        .turn = {.now = {.mono_us = 5000000, .wall_us = 9000000}, .deadline_us = UINT64_MAX},
        .random = random_seeded(1),
        .members = {.count = voters},
        .reach = {.others = voters > 1},
    };
    node_config_defaults(&solo->config);
    for (uint32_t i = 0; i < voters; i++) {
        solo->members.member[i] =
            (struct raft_member){.id = i + 1, .address_size = 1, .address = "x"};
    }
    wal_init(&solo->wal, NODE_SEGMENT_BYTES_MIN, 1);
    solo->wal.meta = (struct wal_meta){
        .cluster = GROUP_SOLO_CLUSTER, .node = 1, .incarnation = 1, .membership = WAL_MEMBER};
}

/* What stands in solo->wal.meta is durable, and Raft has begun. */
static inline void group_solo_open(struct group_solo *solo, bool trusted)
{
    struct wal_meta meta = solo->wal.meta;
    struct raft_restored restored = {.term = 1, .trusted = trusted, .members = solo->members};
    group_shared_init(&solo->shared);
    solo->group = group_create(&(struct group_parts){
        .shared = &solo->shared,
        .config = &solo->config,
        .turn = &solo->turn,
        .wal = &solo->wal,
        .random = &solo->random,
        .emit = group_solo_emit,
        .world = solo,
    });
    wal_put_meta(&solo->wal, &meta);
    group_begin(solo->group, meta.incarnation);
    struct wal_hard_state state = {.term = 1, .trusted = trusted, .held = meta.incarnation == 0};
    wal_put_hard_state(&solo->wal, 0, &state);
    group_open(solo->group, GROUP_SOLO_CLUSTER, &restored);
    raft_start(group_raft(solo->group), solo->turn.now);
    solo->wal.ready_sequence = solo->wal.sequence + 1;
    group_solo_turn(solo);
    group_solo_durable(solo);
}

static inline void group_solo_begin(struct group_solo *solo, uint32_t voters)
{
    group_solo_make(solo, voters);
    group_solo_open(solo, true);
}

static inline void group_solo_end(struct group_solo *solo)
{
    group_destroy(solo->group);
    wal_free(&solo->wal);
    turn_free(&solo->turn);
    buffer_free(&solo->said);
    buffer_free(&solo->trace);
    buffer_free(&solo->stream);
    buffer_free(&solo->head);
    buffer_free(&solo->file);
}

/* --- as a leader: a majority of the others is `from` --- */

static inline void group_solo_vote(struct group_solo *solo, uint32_t from,
                                   enum raft_message_type type, uint64_t term)
{
    group_solo_receive(
        solo, (struct raft_message){.type = type, .from = from, .term = term, .granted = true});
}

/* A peer's word: it durably holds all up to `index`, of this round. */
static inline void group_solo_ack(struct group_solo *solo, uint32_t from, uint64_t index,
                                  uint64_t round)
{
    group_solo_receive(solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                   .from = from,
                                                   .term = raft_term(group_raft(solo->group)),
                                                   .granted = true,
                                                   .index = index,
                                                   .last_index = index,
                                                   .round = round});
}

/* All that it holds is durable, here and at 2: committed, and applied. */
static inline void group_solo_commit(struct group_solo *solo)
{
    struct raft *raft = group_raft(solo->group);
    group_solo_turn(solo);
    group_solo_durable(solo);
    if (solo->members.count > 1) group_solo_ack(solo, 2, raft_last_index(raft), 0);
    assert_int_equal(raft_commit_index(raft), raft_last_index(raft));
    while (group_replica(solo->group)->index < raft_commit_index(raft)) group_solo_turn(solo);
}

static inline void group_solo_lead(struct group_solo *solo)
{
    struct raft *raft = group_raft(solo->group);
    for (int i = 0; i < 4 && raft_role(raft) == RAFT_FOLLOWER && solo->members.count > 1; i++) {
        uint64_t term = raft_term(raft) + 1;
        group_solo_pass(solo, raft_deadline_us(raft) - solo->turn.now.mono_us);
        group_solo_turn(solo);
        group_solo_vote(solo, 2, RAFT_PRE_VOTE_REPLY, term);
        group_solo_durable(solo);
        group_solo_vote(solo, 2, RAFT_VOTE_REPLY, term);
    }
    assert_int_equal(raft_role(raft), RAFT_LEADER);
    group_solo_commit(solo);
}

/* --- as a follower of 2 --- */

/* The leader's entries behind `index`, all of `term`; `text` of one command of node 2 each, NULL:
 * entries without any. Committed up to `commit`. */
static inline void group_solo_follow(struct group_solo *solo, uint64_t term, uint64_t index,
                                     uint64_t index_term, uint32_t count, uint64_t commit)
{
    struct raft_entry entries[16];
    assert_true(count <= 16);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct raft_entry){.index = index + 1 + i, .term = term, .kind = KIND_TICK};
    }
    group_solo_receive(solo, (struct raft_message){.type = RAFT_APPEND,
                                                   .from = 2,
                                                   .term = term,
                                                   .index = index,
                                                   .index_term = index_term,
                                                   .commit = commit,
                                                   .round = 1,
                                                   .entries_count = count,
                                                   .entries = entries});
    group_solo_durable(solo);
}

/* One entry behind `index`: this batch of commands, committed. */
static inline void group_solo_follow_batch(struct group_solo *solo, uint64_t term, uint64_t index,
                                           uint64_t index_term, struct slice batch)
{
    struct raft_entry entry = {
        .index = index + 1, .term = term, .kind = KIND_COMMANDS, .version = 1, .data = batch};
    group_solo_receive(solo, (struct raft_message){.type = RAFT_APPEND,
                                                   .from = 2,
                                                   .term = term,
                                                   .index = index,
                                                   .index_term = index_term,
                                                   .commit = index + 1,
                                                   .round = 1,
                                                   .entries_count = 1,
                                                   .entries = &entry});
    group_solo_durable(solo);
}

#endif
