/* A model of the queue: plain arrays, searched from end to end, no heaps, no counts. What its state
 * is, and what comes due; the commands are in test_queue_model.c. It does all its work at once. */
#ifndef QUARTET_TEST_QUEUE_MODEL_H
#define QUARTET_TEST_QUEUE_MODEL_H

#include "queue_random.h"

enum { JOBS = 4096, SESSIONS = 64, WATCHES = 8 };

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

/* What the model says, in the words of queue_world.h. */
static inline void say(const struct model_session *session, enum queue_reply_kind kind, uint64_t id,
                       uint64_t count, const char *text)
{
    struct world ear = {.heard = m.heard};
    struct queue_reply reply = {.kind = kind, .id = id, .count = count, .body = slice_text(text)};
    world_hear(&ear, &session->key, &reply);
    m.heard = ear.heard;
}

static inline struct model_tube *tube_find(const char *name)
{
    for (unsigned i = 0; i < m.tubes_count; i++) {
        if (strcmp(m.tubes[i].name, name) == 0) return &m.tubes[i];
    }
    return NULL;
}

static inline void tube_make(const char *name)
{
    if (tube_find(name) != NULL) return;
    struct model_tube *tube = &m.tubes[m.tubes_count++];
    *tube = (struct model_tube){0};
    strcpy(tube->name, name);
}

/* Tubes that nobody needs are forgotten, with their pauses. */
static inline void tubes_sweep(void)
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

static inline struct model_job *job_find(uint64_t id)
{
    for (unsigned i = 0; i < m.jobs_count; i++) {
        if (m.jobs[i].id == id) return &m.jobs[i];
    }
    return NULL;
}

static inline bool watches(const struct model_session *session, const char *tube)
{
    for (unsigned i = 0; i < session->watches; i++) {
        if (strcmp(session->watch[i], tube) == 0) return true;
    }
    return false;
}

/* The best of a state: NULL for every tube that `session` watches and that is not paused. */
static inline struct model_job *job_best(enum queue_job_state state, const char *tube,
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

static inline void reserve(struct model_session *session, struct model_job *job)
{
    job->state = QUEUE_JOB_RESERVED;
    job->holder = (uint32_t)(session - m.sessions);
    job->when = m.elapsed_us + job->ttr_s * UINT64_C(1000000);
    session->waits = 0;
    say(session, QUEUE_REPLY_RESERVED, job->id, 0, job->body);
}

/* Hands ready jobs of the tube to those that wait, who waited longest first. */
static inline void match(const char *tube)
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

static inline void make_ready(struct model_job *job)
{
    job->state = QUEUE_JOB_READY;
    match(job->tube);
}

static inline void bury(struct model_job *job)
{
    job->state = QUEUE_JOB_BURIED;
    job->burial = ++m.turn;
}

/* The machine's own backoff: that it is right is for test_queue_policy.c to say. */
static inline uint64_t backoff_us(const struct model_tube *tube, const struct model_job *job)
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

static inline void job_fail(struct model_job *job, uint32_t delay_s)
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

static inline struct model_session *session_find(const struct session_key *key, bool make)
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

static inline struct model_job *held_first(const struct model_session *session)
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

static inline bool deadline_soon(const struct model_session *session)
{
    const struct model_job *job = held_first(session);
    return job != NULL && m.elapsed_us + 1000000 >= job->when;
}

static inline void session_end(struct model_session *session)
{
    session->waits = 0;
    session->alive = false;
    for (struct model_job *job = held_first(session); job != NULL; job = held_first(session)) {
        make_ready(job);
    }
}

/* Time: one due thing from each source in turn, as queue_time.c says. */

static inline bool step_delay(void)
{
    struct model_job *job = job_best(QUEUE_JOB_DELAYED, NULL, NULL);
    if (job == NULL || job->when > m.due_us) return false;
    make_ready(job);
    return true;
}

static inline uint64_t session_due(const struct model_session *session)
{
    const struct model_job *held = held_first(session);
    uint64_t due = held == NULL ? UINT64_MAX : held->when;
    if (session->waits == 0) return due;
    if (held != NULL) due -= 1000000;
    return session->until_us < due ? session->until_us : due;
}

static inline bool step_session(void)
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

static inline bool step_pause(void)
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

static inline void model_advance(void)
{
    bool worked = true;
    while (worked) {
        worked = step_delay();
        worked |= step_pause();
        worked |= step_session();
    }
}

#endif
