/* The chat against a model of it (chat_model.h): random lives, every reply and every history must
 * be the model's. While a life goes on, snapshots are taken of it, slowly; each is restored into
 * another machine, which then lives through the same again and must end in the same state. */
#include <stdio.h>

#include "base/random.h"
#include "chat_model.h"

enum { SEEDS = 40, STEPS = 3000 };

static struct random random_;
static struct world world;
static uint64_t seed;

static uint64_t below(uint64_t bound)
{
    return random_below(&random_, bound);
}

/* --- what the model shows --- */

static struct chat_event model_show(struct model_room *room, const struct model_event *event)
{
    static uint8_t texts[256][CHAT_BODY_SIZE_MAX];
    const struct model_event *post = model_post(room, event);
    if (texts[post->fill][0] != post->fill)
        memset(texts[post->fill], post->fill, CHAT_BODY_SIZE_MAX);
    return (struct chat_event){
        .kind = event->kind,
        .seq = event->seq,
        .of = event->of,
        .edited = post->edited,
        .deleted = post->deleted,
        .body = slice_of(texts[post->fill], post->body_size),
    };
}

static void model_events_after(uint32_t index, uint64_t after, struct buffer *out)
{
    struct model_room *room = &m.rooms[index];
    if (!room->exists) return;
    for (uint64_t seq = model_first(room); seq <= model_seq(room); seq++) {
        if (seq <= after) continue;
        struct chat_event event = model_show(room, model_event(room, seq));
        put_event(out, &event);
    }
}

/* --- a snapshot of the life, and the life since --- */

struct deed {
    enum { DEED_APPLY, DEED_ADVANCE, DEED_END, DEED_ORIGIN_END } kind;
    struct session_key session;
    struct machine_time time;
    struct buffer command;
};

static struct twin {
    bool cutting;
    uint64_t digest;
    struct buffer stream;
    struct deed *deeds;
    size_t count, capacity;
} twin;

static unsigned restored;

static struct deed *note(int kind)
{
    static struct deed none;
    if (!twin.cutting) return &none;
    if (twin.count == twin.capacity) {
        twin.capacity = twin.capacity == 0 ? 64 : twin.capacity * 2;
        twin.deeds = realloc(twin.deeds, twin.capacity * sizeof *twin.deeds);
        assert_non_null(twin.deeds);
    }
    struct deed *deed = &twin.deeds[twin.count++];
    *deed = (struct deed){0};
    deed->kind = kind;
    return deed;
}

static void be_deaf(void *context, const struct session_key *session, const void *payload)
{
    (void)context, (void)session, (void)payload;
}

static void do_deed(struct chat *machine, const struct deed *deed)
{
    switch (deed->kind) {
    case DEED_APPLY: chat_ops.apply(machine, &deed->session, buffer_slice(&deed->command)); break;
    case DEED_ADVANCE: chat_ops.advance(machine, &deed->time); break;
    case DEED_END: chat_ops.session_end(machine, &deed->session); break;
    case DEED_ORIGIN_END:
        chat_ops.origin_end(machine, deed->session.node, deed->session.incarnation);
        break;
    }
}

/* In pieces of any size; then all that was done since the cut began. */
static void restore_and_compare(void)
{
    struct chat *machine = chat_ops.create(&m.options, be_deaf, NULL);
    struct slice stream = buffer_slice(&twin.stream);
    machine->work_max = world.machine->work_max;
    while (stream.size != 0) {
        size_t size = 1 + (size_t)below(stream.size < 3000 ? stream.size : 3000);
        assert_true(chat_ops.restore(machine, slice_of(stream.data, size)));
        stream = slice_of(stream.data + size, stream.size - size);
    }
    if (!chat_ops.restore_end(machine)) fail_msg("seed %u: not restored", (unsigned)seed);
    chat_ops.check(machine);
    assert_true(chat_ops.digest(machine) == twin.digest);
    for (size_t i = 0; i < twin.count; i++) do_deed(machine, &twin.deeds[i]);
    chat_ops.check(machine);
    if (chat_ops.digest(machine) != chat_ops.digest(world.machine)) {
        fail_msg("seed %u: the restored machine went another way", (unsigned)seed);
    }
    while (!chat_ops.destroy(machine)) {}
    restored++;
}

static void twin_free(void)
{
    for (size_t i = 0; i < twin.count; i++) buffer_free(&twin.deeds[i].command);
    free(twin.deeds);
    buffer_free(&twin.stream);
    twin = (struct twin){0};
}

/* Begins a cut, goes on with one, gives one up. */
static void cut_some(void)
{
    if (!twin.cutting) {
        if (below(20) != 0) return;
        twin.cutting = true;
        twin.digest = chat_ops.digest(world.machine);
        chat_ops.cut_begin(world.machine);
    } else if (below(400) == 0) {
        chat_ops.cut_abort(world.machine);
        twin_free();
    } else if (below(2) == 0) {
        if (chat_ops.cut_read(world.machine, (size_t)below(600), &twin.stream)) return;
        restore_and_compare();
        twin_free();
    }
}

/* --- one step of a life --- */

static void settle(void)
{
    for (;;) {
        note(DEED_ADVANCE)->time = world.time;
        chat_ops.advance(world.machine, &world.time);
        struct machine_deadline deadline = chat_ops.deadline(world.machine);
        if (deadline.elapsed_us > world.time.elapsed_us && deadline.due_us > world.time.due_us) {
            return;
        }
    }
}

static struct model_session *any_session(int *at)
{
    *at = (int)below(MODEL_SESSIONS);
    struct model_session *session = &m.sessions[*at];
    if (session->alive) return session;
    *session = (struct model_session){.alive = true, .client = -1};
    session->key = (struct session_key){.incarnation = 1 + m.turn / 64};
    session->key.node = 1 + (uint32_t)*at % 3;
    session->key.connection = (uint32_t)(++m.turn);
    for (int room = 0; room < MODEL_ROOMS; room++) session->user_in[room] = -1;
    return session;
}

static void issue(void)
{
    if (m.clients_count == MODEL_CLIENTS) return;
    struct model_client *client = &m.clients[m.clients_count++];
    *client = (struct model_client){.owner = -1, .stamp = world.machine->sequence};
}

/* Mostly the next one; often one of the last; now and then one far off. */
static uint64_t any_id(const struct model_session *session)
{
    uint64_t top = session->client < 0 ? 5 : m.clients[session->client].top;
    uint64_t die = below(20);
    if (die < 12) return top + 1;
    if (die < 13) return top + 1 + below(40);
    return 1 + (top == 0 ? 0 : top - 1 - below(top < 50 ? top : 50));
}

static uint64_t any_seq(uint32_t room)
{
    if (!m.rooms[room].exists || below(10) == 0) return below(5);
    uint64_t seq = model_seq(&m.rooms[room]), back = below(10);
    return seq > back ? seq - back : seq + back;
}

static uint8_t text[CHAT_BODY_SIZE_MAX + 1];

static struct slice any_text(void)
{
    static const size_t sizes[] = {0, CHAT_BODY_SIZE_MAX + 1, 1200, 3000};
    uint64_t die = below(40);
    size_t size = die < 4 ? sizes[die] : 1 + (size_t)below(300);
    memset(text, (int)('a' + below(26)), size);
    return slice_of(text, size);
}

static void say(const struct model_session *session, const struct chat_command *command)
{
    struct deed *deed = note(DEED_APPLY);
    deed->session = session->key;
    buffer_clear(&deed->command);
    chat_command_encode(command, &deed->command);
    world_say(&world, &session->key, command);
}

static void change(void)
{
    int at;
    struct model_session *session = any_session(&at);
    uint32_t room = (uint32_t)below(MODEL_ROOMS), user = (uint32_t)below(MODEL_USERS);
    struct chat_command command = {
        .op = (enum chat_op)(CHAT_ATTACH + below(CHAT_COMMANDS - CHAT_ATTACH)),
        .room = slice_text(model_rooms[room]),
        .user = slice_text(model_users[user]),
    };
    if (below(3) == 0) command.op = CHAT_POST;
    if (session->client < 0 && below(3) != 0) command.op = CHAT_ATTACH;
    if (command.op == CHAT_ATTACH) {
        uint64_t back = below(m.clients_count < 6 ? m.clients_count : 6);
        command.client.number =
            m.clients_count - 1 - (below(15) == 0 ? below(m.clients_count) : back);
        command.client.stamp = m.clients[command.client.number].stamp;
        command.secret[0] = below(20) == 0 ? 1 : 7;
    }
    if (command.op >= CHAT_POST && command.op <= CHAT_DELETE) command.id = any_id(session);
    if (command.op == CHAT_POST || command.op == CHAT_EDIT) command.body = any_text();
    if (command.op == CHAT_EDIT || command.op == CHAT_DELETE) {
        command.authority = (enum chat_authority)below(CHAT_AUTHORITIES);
    }
    if (command.op == CHAT_EDIT || command.op == CHAT_DELETE || command.op == CHAT_READ) {
        command.seq = any_seq(room);
    }
    say(session, &command);
    switch (command.op) {
    case CHAT_ATTACH: model_attach(at, &command); break;
    case CHAT_ENTER: model_enter(session, room, user); break;
    case CHAT_LEAVE: model_leave(session, room); break;
    case CHAT_READ: model_read(session, room, user, command.seq); break;
    default: model_post_command(session, &command, room, user);
    }
}

static void pass_time(void)
{
    static const uint64_t most_us[] = {100000, 1000000, 6000000, 30000000, 200000000};
    uint64_t us = below(most_us[below(5)]), without_leader_us = below(10) == 0 ? below(5000000) : 0;
    world.time.elapsed_us += us;
    world.time.due_us += us + without_leader_us;
    world.time.wall_us += us;
    m.time = world.time;
    model_advance();
}

static void end_something(void)
{
    int at;
    const struct model_session *session = any_session(&at);
    struct session_key key = session->key;
    if (below(4) != 0) {
        note(DEED_END)->session = key;
        chat_ops.session_end(world.machine, &key);
        model_session_end(&m.sessions[at]);
        return;
    }
    note(DEED_ORIGIN_END)->session = key;
    chat_ops.origin_end(world.machine, key.node, key.incarnation);
    /* In the order of their making, which is that of their numbers, origin by origin. */
    for (uint64_t connection = 0; connection <= m.turn; connection++) {
        for (int i = 0; i < MODEL_SESSIONS; i++) {
            struct model_session *other = &m.sessions[i];
            if (other->alive && other->key.node == key.node &&
                other->key.incarnation <= key.incarnation && other->key.connection == connection) {
                model_session_end(other);
            }
        }
    }
}

static void compare_room(uint32_t room)
{
    struct buffer said = {0};
    uint64_t after = below(3) == 0 ? 0 : any_seq(room);
    model_events_after(room, after, &said);
    buffer_append(&said, "", 1);
    world_events(&world, model_rooms[room], after, (const char *)buffer_slice(&said).data);
    buffer_free(&said);
    struct chat_room_state is = chat_room_state(world.machine, slice_text(model_rooms[room]));
    struct chat_room_state should = model_room_state(room);
    assert_int_equal(is.seq, should.seq);
    assert_int_equal(is.first, should.first);
    assert_int_equal(is.version, should.version);
    assert_int_equal(is.count, should.count);
}

static void live_step(unsigned step)
{
    char where[32];
    uint64_t die = below(60);
    if (m.clients_count == 0 || die == 0) issue();
    if (die < 52) {
        change();
    } else if (die < 59) {
        pass_time();
    } else {
        end_something();
    }
    settle();
    snprintf(where, sizeof where, "seed %u step %u", (unsigned)seed, step);
    buffer_append(&m.heard, "", 1);
    world_expect(&world, (const char *)buffer_slice(&m.heard).data, where);
    buffer_clear(&m.heard);
    compare_room((uint32_t)below(MODEL_ROOMS));
    if (step % 16 == 0) chat_ops.check(world.machine);
    cut_some();
}

static void the_machine_is_the_model(void **state)
{
    (void)state;
    for (seed = 1; seed <= SEEDS; seed++) {
        random_ = random_seeded(seed);
        buffer_free(&m.heard);
        memset(&m, 0, sizeof m);
        m.options = (struct chat_options){
            .rooms_max = 4,
            .room_events_max = 4 + below(10),
            .room_bytes_max = 2000 + below(3000),
            .history_bytes_max = 3000 + below(6000),
            .history_age_us = 20000000 + below(200000000),
            .clients_max = 3 + below(5),
            .client_idle_us = 10000000 + below(100000000),
            .markers_max = 3 + below(6),
            .grace_us = 5000000,
        };
        world_open(&world, &m.options);
        if (seed % 2 == 0) world.machine->work_max = 1;
        m.time = world.time;
        for (unsigned step = 0; step < STEPS; step++) live_step(step);
        world_close(&world);
        twin_free();
    }
    buffer_free(&m.heard);
    assert_true(restored > SEEDS * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_machine_is_the_model)};
    return cmocka_run_group_tests_name("chat_model", tests, NULL, NULL);
}
