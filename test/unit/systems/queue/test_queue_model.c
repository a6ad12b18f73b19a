/* The queue against a model of it (queue_model.h): random lives, every reply must be the model's.
 * The model does all its work at once, so after each step the machine's cursors are let finish. */
#include "queue_model.h"

enum { SEEDS = 60, STEPS = 3000 };

static struct life life;
static struct step step;

static void text_of(struct slice bytes, char *at, size_t size)
{
    assert_true(bytes.size < size);
    memcpy(at, bytes.data, bytes.size);
    at[bytes.size] = 0;
}

static void model_put(struct model_session *session, const struct queue_command *command)
{
    assert_true(m.jobs_count < JOBS);
    struct model_job *job = &m.jobs[m.jobs_count++];
    *job = (struct model_job){.id = m.next_id++, .priority = command->priority};
    job->ttr_s = command->ttr_s == 0 ? 1 : command->ttr_s;
    strcpy(job->tube, session->use);
    text_of(command->body, job->body, sizeof job->body);
    say(session, QUEUE_REPLY_INSERTED, job->id, 0, "");
    if (command->delay_s == 0) {
        make_ready(job);
    } else {
        job->state = QUEUE_JOB_DELAYED;
        job->when = m.due_us + command->delay_s * UINT64_C(1000000);
    }
}

static void model_reserve(struct model_session *session, uint32_t timeout_s)
{
    struct model_job *job = job_best(QUEUE_JOB_READY, NULL, session);
    if (job != NULL) {
        reserve(session, job);
    } else if (deadline_soon(session)) {
        say(session, QUEUE_REPLY_DEADLINE_SOON, 0, 0, "");
    } else if (timeout_s == 0) {
        say(session, QUEUE_REPLY_TIMED_OUT, 0, 0, "");
    } else {
        session->waits = ++m.turn;
        session->until_us = UINT64_MAX;
        if (timeout_s != QUEUE_NO_TIMEOUT) {
            session->until_us = m.elapsed_us + timeout_s * UINT64_C(1000000);
        }
    }
}

static void model_kick(struct model_session *session, uint32_t bound)
{
    enum queue_job_state from = QUEUE_JOB_BURIED;
    if (job_best(from, session->use, NULL) == NULL) from = QUEUE_JOB_DELAYED;
    uint32_t count = 0;
    for (; count < bound; count++) {
        struct model_job *job = job_best(from, session->use, NULL);
        if (job == NULL) break;
        make_ready(job);
    }
    say(session, QUEUE_REPLY_KICKED, 0, count, "");
}

static void model_job_command(struct model_session *session, const struct queue_command *command)
{
    struct model_job *job = job_find(command->id);
    bool held =
        job != NULL && job->state == QUEUE_JOB_RESERVED && &m.sessions[job->holder] == session;
    bool reserved = job != NULL && job->state == QUEUE_JOB_RESERVED;
    bool ok = held;
    if (command->op == QUEUE_DELETE) ok = job != NULL && (held || !reserved);
    if (command->op == QUEUE_RESERVE_JOB) ok = job != NULL && !reserved;
    if (command->op == QUEUE_KICK_JOB) {
        ok = job != NULL && (job->state == QUEUE_JOB_BURIED || job->state == QUEUE_JOB_DELAYED);
    }
    if (!ok) {
        say(session, QUEUE_REPLY_NOT_FOUND, 0, 0, "");
        return;
    }
    switch (command->op) {
    case QUEUE_DELETE:
        *job = m.jobs[--m.jobs_count];
        say(session, QUEUE_REPLY_DELETED, 0, 0, "");
        break;
    case QUEUE_RESERVE_JOB: reserve(session, job); break;
    case QUEUE_KICK_JOB:
        say(session, QUEUE_REPLY_KICKED_JOB, 0, 0, "");
        make_ready(job);
        break;
    case QUEUE_RELEASE:
        job->priority = command->priority;
        say(session, QUEUE_REPLY_RELEASED, 0, 0, "");
        job_fail(job, command->delay_s);
        break;
    case QUEUE_BURY:
        job->priority = command->priority;
        bury(job);
        say(session, QUEUE_REPLY_BURIED, 0, 0, "");
        break;
    default:
        job->when = m.elapsed_us + job->ttr_s * UINT64_C(1000000);
        say(session, QUEUE_REPLY_TOUCHED, 0, 0, "");
    }
}

static void model_ignore(struct model_session *session, const char *name)
{
    if (watches(session, name)) {
        if (session->watches == 1) {
            say(session, QUEUE_REPLY_NOT_IGNORED, 0, 0, "");
            return;
        }
        unsigned at = 0;
        while (strcmp(session->watch[at], name) != 0) at++;
        for (session->watches--; at < session->watches; at++) {
            memcpy(session->watch[at], session->watch[at + 1], sizeof session->watch[at]);
        }
    }
    say(session, QUEUE_REPLY_WATCHING, 0, session->watches, "");
}

static void model_policy(struct model_session *session, const struct queue_command *command,
                         const char *name)
{
    tube_make(name);
    struct model_tube *tube = tube_find(name);
    tube->policy = command->policy;
    text_of(command->policy.dead_tube, tube->dead, sizeof tube->dead);
    say(session, QUEUE_REPLY_POLICY_SET, 0, 0, "");
}

static void model_tube_command(struct model_session *session, const struct queue_command *command)
{
    char name[16];
    text_of(command->tube, name, sizeof name);
    switch (command->op) {
    case QUEUE_USE:
        tube_make(name);
        strcpy(session->use, name);
        say(session, QUEUE_REPLY_USING, 0, 0, name);
        break;
    case QUEUE_WATCH:
        tube_make(name);
        if (!watches(session, name)) strcpy(session->watch[session->watches++], name);
        say(session, QUEUE_REPLY_WATCHING, 0, session->watches, "");
        break;
    case QUEUE_IGNORE: model_ignore(session, name); break;
    case QUEUE_POLICY_SET: model_policy(session, command, name); break;
    default:
        if (tube_find(name) == NULL) {
            say(session, QUEUE_REPLY_NOT_FOUND, 0, 0, "");
            break;
        }
        tube_find(name)->paused_until_us =
            m.elapsed_us + (command->delay_s == 0 ? 1 : command->delay_s * UINT64_C(1000000));
        say(session, QUEUE_REPLY_PAUSED, 0, 0, "");
    }
}

static void model_query(const struct session_key *key, const struct queue_command *command)
{
    const struct model_session *known = session_find(key, false);
    struct model_session stranger = {.key = *key, .use = "default"};
    const struct model_session *session = known == NULL ? &stranger : known;
    const struct model_job *job = NULL;
    switch (command->op) {
    case QUEUE_PEEK: job = job_find(command->id); break;
    case QUEUE_PEEK_READY: job = job_best(QUEUE_JOB_READY, session->use, NULL); break;
    case QUEUE_PEEK_DELAYED: job = job_best(QUEUE_JOB_DELAYED, session->use, NULL); break;
    default: job = job_best(QUEUE_JOB_BURIED, session->use, NULL);
    }
    if (job == NULL) {
        say(session, QUEUE_REPLY_NOT_FOUND, 0, 0, "");
    } else {
        say(session, QUEUE_REPLY_FOUND, job->id, 0, job->body);
    }
}

static void model_command(const struct session_key *key, const struct queue_command *command)
{
    struct model_session *session = session_find(key, true);
    if (session->waits != 0) return;
    switch (command->op) {
    case QUEUE_PUT: model_put(session, command); break;
    case QUEUE_RESERVE: model_reserve(session, command->timeout_s); break;
    case QUEUE_KICK: model_kick(session, command->bound); break;
    case QUEUE_USE:
    case QUEUE_WATCH:
    case QUEUE_IGNORE:
    case QUEUE_POLICY_SET:
    case QUEUE_PAUSE_TUBE: model_tube_command(session, command); break;
    default: model_job_command(session, command);
    }
}

static void model_tell(const struct step *told)
{
    m.elapsed_us += told->elapsed_us;
    m.due_us += told->due_us;
    model_advance();
    struct queue_command command;
    assert_true(queue_command_decode(buffer_slice(&told->command), &command));
    struct model_session *session = session_find(&told->key, false);
    switch (told->kind) {
    case STEP_COMMAND: model_command(&told->key, &command); break;
    case STEP_QUERY: model_query(&told->key, &command); break;
    case STEP_SESSION_END:
        if (session != NULL) session_end(session);
        break;
    case STEP_ORIGIN_END:
    case STEP_TIME: break;
    }
    tubes_sweep();
    model_advance();
}

static void model_reset(void)
{
    buffer_clear(&m.heard);
    m = (struct model){.heard = m.heard, .next_id = 1, .due_us = WORLD_DUE_US};
    tube_make("default");
}

static void live(uint64_t seed)
{
    struct world world;
    world_open(&world, NULL);
    life_begin(&life, seed, 2 + (uint32_t)seed % 12);
    model_reset();
    for (unsigned i = 0; i < STEPS; i++) {
        life_step(&life, &step);
        if (step.kind == STEP_ORIGIN_END) continue; /* the order of its work: test_queue_work.c */
        if (step.kind == STEP_QUERY && step.command.data[step.command.head] > QUEUE_PEEK_BURIED) {
            continue;
        }
        step.key.incarnation = 1;
        life_tell(&world, &step);
        world_drain(&world);
        model_tell(&step);
        struct slice heard = buffer_slice(&world.heard);
        struct slice expected = buffer_slice(&m.heard);
        if (!slice_equal(heard, expected)) {
            fail_msg("seed %" PRIu64 ", step %u, op %u\n   model: %.*s\n machine: %.*s", seed, i,
                     step.command.data[step.command.head], (int)expected.size, expected.data,
                     (int)heard.size, heard.data);
        }
        buffer_clear(&world.heard);
        buffer_clear(&m.heard);
    }
    assert_int_equal(queue_jobs_count(world.machine), m.jobs_count);
    world_close(&world);
}

static void test_machine_says_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) live(seed);
}

static int free_all(void **state)
{
    (void)state;
    buffer_free(&step.command);
    buffer_free(&m.heard);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_says_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
