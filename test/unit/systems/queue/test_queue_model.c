/* The queue against a model of it: plain arrays, searched from end to end, no heaps, no counts.
 * Random lives; every reply must be the model's. The model does all its work at once, so after each
 * step the machine's cursors are let finish, too. */
#include "queue_random.h"

enum { SEEDS = 60, STEPS = 3000, JOBS = 4096, SESSIONS = 64, WATCHES = 8 };

struct model_job {
    uint64_t id, when, burial, created_us;
    uint32_t priority, ttr_s, holder; /* index of the session */
    uint32_t attempts;
    enum queue_job_state state;
    char tube[16];
    char body[32];
};

struct model_session {
    bool alive;
    struct session_key key;
    char use[16];
    char watch[WATCHES][16];
    unsigned watches;
    uint64_t waits; /* since which turn; 0: not */
    uint64_t until_us;
    uint64_t born;
};

struct model_tube {
    char name[16];
    uint64_t paused_until_us;
    struct queue_policy policy;
    char dead[16];
};

static struct model {
    struct model_job jobs[JOBS];
    unsigned jobs_count;
    struct model_session sessions[SESSIONS];
    struct model_tube tubes[8];
    unsigned tubes_count;
    uint64_t next_id, turn;
    uint64_t elapsed_us, due_us;
    struct buffer heard;
} m;

static struct life life;
static struct step step;

/* What the model says, in the words of queue_world.h. */
static void say(const struct model_session *session, enum queue_reply_kind kind, uint64_t id,
                uint64_t count, const char *text)
{
    struct world ear = {.heard = m.heard};
    struct queue_reply reply = {.kind = kind, .id = id, .count = count, .body = slice_text(text)};
    world_hear(&ear, &session->key, &reply);
    m.heard = ear.heard;
}

static struct model_tube *tube_find(const char *name)
{
    for (unsigned i = 0; i < m.tubes_count; i++) {
        if (strcmp(m.tubes[i].name, name) == 0) return &m.tubes[i];
    }
    return NULL;
}

static void tube_make(const char *name)
{
    if (tube_find(name) != NULL) return;
    struct model_tube *tube = &m.tubes[m.tubes_count++];
    *tube = (struct model_tube){0};
    strcpy(tube->name, name);
}

/* Tubes that nobody needs are forgotten, with their pauses. */
static void tubes_sweep(void)
{
    for (unsigned i = 0; i < m.tubes_count; i++) {
        const struct model_tube *tube = &m.tubes[i];
        bool needed = strcmp(tube->name, "default") == 0 || tube->policy.attempts_max != 0;
        for (unsigned j = 0; j < m.jobs_count; j++) {
            needed |= strcmp(m.jobs[j].tube, tube->name) == 0;
        }
        for (unsigned j = 0; j < SESSIONS; j++) {
            const struct model_session *session = &m.sessions[j];
            if (!session->alive) continue;
            needed |= strcmp(session->use, tube->name) == 0;
            for (unsigned k = 0; k < session->watches; k++) {
                needed |= strcmp(session->watch[k], tube->name) == 0;
            }
        }
        if (needed) continue;
        m.tubes_count--; /* the order stays: it decides between pauses that end together */
        for (unsigned j = i; j < m.tubes_count; j++) m.tubes[j] = m.tubes[j + 1];
        i--;
    }
}

static struct model_job *job_find(uint64_t id)
{
    for (unsigned i = 0; i < m.jobs_count; i++) {
        if (m.jobs[i].id == id) return &m.jobs[i];
    }
    return NULL;
}

static bool watches(const struct model_session *session, const char *tube)
{
    for (unsigned i = 0; i < session->watches; i++) {
        if (strcmp(session->watch[i], tube) == 0) return true;
    }
    return false;
}

/* The best of a state: NULL for every tube that `session` watches and that is not paused. */
static struct model_job *job_best(enum queue_job_state state, const char *tube,
                                  const struct model_session *session)
{
    struct model_job *best = NULL;
    for (unsigned i = 0; i < m.jobs_count; i++) {
        struct model_job *job = &m.jobs[i];
        if (job->state != state) continue;
        if (tube != NULL && strcmp(job->tube, tube) != 0) continue;
        if (session != NULL && !watches(session, job->tube)) continue;
        if (session != NULL && tube_find(job->tube)->paused_until_us != 0) continue;
        uint64_t key = state == QUEUE_JOB_READY    ? job->priority
                       : state == QUEUE_JOB_BURIED ? job->burial
                                                   : job->when;
        uint64_t best_key = best == NULL                ? 0
                            : state == QUEUE_JOB_READY  ? best->priority
                            : state == QUEUE_JOB_BURIED ? best->burial
                                                        : best->when;
        if (best == NULL || key < best_key || (key == best_key && job->id < best->id)) best = job;
    }
    return best;
}

static void reserve(struct model_session *session, struct model_job *job)
{
    job->state = QUEUE_JOB_RESERVED;
    job->holder = (uint32_t)(session - m.sessions);
    job->when = m.elapsed_us + job->ttr_s * UINT64_C(1000000);
    session->waits = 0;
    say(session, QUEUE_REPLY_RESERVED, job->id, 0, job->body);
}

/* Hands ready jobs of the tube to those that wait, who waited longest first. */
static void match(const char *tube)
{
    if (tube_find(tube)->paused_until_us != 0) return;
    for (;;) {
        struct model_job *job = job_best(QUEUE_JOB_READY, tube, NULL);
        struct model_session *first = NULL;
        for (unsigned i = 0; i < SESSIONS; i++) {
            struct model_session *session = &m.sessions[i];
            if (!session->alive || session->waits == 0 || !watches(session, tube)) continue;
            if (first == NULL || session->waits < first->waits) first = session;
        }
        if (job == NULL || first == NULL) return;
        reserve(first, job);
    }
}

static void make_ready(struct model_job *job)
{
    job->state = QUEUE_JOB_READY;
    match(job->tube);
}

static void bury(struct model_job *job)
{
    job->state = QUEUE_JOB_BURIED;
    job->burial = ++m.turn;
}

/* The machine's own backoff: that it is right is for test_queue_policy.c to say. */
static uint64_t backoff_us(const struct model_tube *tube, const struct model_job *job)
{
    struct tube_policy policy = {tube->policy.attempts_max,
                                 tube->policy.base_ms,
                                 tube->policy.factor_permille,
                                 tube->policy.cap_ms,
                                 tube->policy.jitter_permille,
                                 0,
                                 {0}};
    const struct queue none = {0};
    return queue_policy_backoff_us(&none, &policy, job->id, job->attempts);
}

static void job_fail(struct model_job *job, uint32_t delay_s)
{
    const struct model_tube *tube = tube_find(job->tube);
    uint64_t wait_us = delay_s * UINT64_C(1000000);
    if (tube->policy.attempts_max != 0) {
        job->attempts++;
        if (job->attempts >= tube->policy.attempts_max) {
            job->attempts = 0;
            if (tube->dead[0] == 0 || strcmp(tube->dead, job->tube) == 0) {
                bury(job);
                return;
            }
            strcpy(job->tube, tube->dead);
            tube_make(job->tube);
            make_ready(job);
            return;
        }
        uint64_t backoff = backoff_us(tube, job);
        if (backoff > wait_us) wait_us = backoff;
    }
    if (wait_us == 0) {
        make_ready(job);
    } else {
        job->state = QUEUE_JOB_DELAYED;
        job->when = m.due_us + wait_us;
    }
}

static struct model_session *session_find(const struct session_key *key, bool make)
{
    struct model_session *unused = NULL;
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct model_session *session = &m.sessions[i];
        if (!session->alive) unused = session;
        if (session->alive && memcmp(&session->key, key, sizeof *key) == 0) return session;
    }
    if (!make) return NULL;
    assert_non_null(unused);
    *unused = (struct model_session){.alive = true, .key = *key, .watches = 1};
    strcpy(unused->use, "default");
    strcpy(unused->watch[0], "default");
    unused->born = ++m.turn;
    return unused;
}

static struct model_job *held_first(const struct model_session *session)
{
    struct model_job *first = NULL;
    for (unsigned i = 0; i < m.jobs_count; i++) {
        struct model_job *job = &m.jobs[i];
        if (job->state != QUEUE_JOB_RESERVED || &m.sessions[job->holder] != session) continue;
        if (first == NULL || job->when < first->when ||
            (job->when == first->when && job->id < first->id)) {
            first = job;
        }
    }
    return first;
}

static bool deadline_soon(const struct model_session *session)
{
    const struct model_job *job = held_first(session);
    return job != NULL && m.elapsed_us + 1000000 >= job->when;
}

static void session_end(struct model_session *session)
{
    session->waits = 0;
    session->alive = false;
    for (struct model_job *job = held_first(session); job != NULL; job = held_first(session)) {
        make_ready(job);
    }
}

/* Time: one due thing from each source in turn, as queue_time.c says. */

static bool step_delay(void)
{
    struct model_job *job = job_best(QUEUE_JOB_DELAYED, NULL, NULL);
    if (job == NULL || job->when > m.due_us) return false;
    make_ready(job);
    return true;
}

static uint64_t session_due(const struct model_session *session)
{
    const struct model_job *held = held_first(session);
    uint64_t due = held == NULL ? UINT64_MAX : held->when;
    if (session->waits == 0) return due;
    if (held != NULL) due -= 1000000;
    return session->until_us < due ? session->until_us : due;
}

static bool step_session(void)
{
    struct model_session *first = NULL;
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct model_session *session = &m.sessions[i];
        if (!session->alive || session_due(session) > m.elapsed_us) continue;
        if (first == NULL || session_due(session) < session_due(first) ||
            (session_due(session) == session_due(first) && session->born < first->born)) {
            first = session;
        }
    }
    if (first == NULL) return false;
    if (first->waits != 0) {
        first->waits = 0;
        say(first, deadline_soon(first) ? QUEUE_REPLY_DEADLINE_SOON : QUEUE_REPLY_TIMED_OUT, 0, 0,
            "");
    } else {
        job_fail(held_first(first), 0);
    }
    return true;
}

static bool step_pause(void)
{
    struct model_tube *first = NULL;
    for (unsigned i = 0; i < m.tubes_count; i++) {
        struct model_tube *tube = &m.tubes[i];
        if (tube->paused_until_us == 0 || tube->paused_until_us > m.elapsed_us) continue;
        if (first == NULL || tube->paused_until_us < first->paused_until_us) first = tube;
    }
    if (first == NULL) return false;
    first->paused_until_us = 0;
    match(first->name);
    return true;
}

static void model_advance(void)
{
    bool worked = true;
    while (worked) {
        worked = step_delay();
        worked |= step_pause();
        worked |= step_session();
    }
}

/* Commands */

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
