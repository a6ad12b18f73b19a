/* From the lines of a file to the stories of jobs. See history.h. */
#include "systems/queue/check/history.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/history_line.h"
#include "check/processes.h"
#include "systems/queue/check/rules.h"

enum { NO_JOB = UINT32_MAX, NANOSECONDS = 1000 /* in a microsecond */, JOBS_FIRST = 256 };

enum queue_function {
    QUEUE_PUT,
    QUEUE_RESERVE,
    QUEUE_DELETE,
    QUEUE_RELEASE,
    QUEUE_BURY,
    QUEUE_TOUCH,
    QUEUE_CLOSE,
    QUEUE_DRAIN,
    QUEUE_FUNCTIONS_COUNT,
};

static const char *const function_names[QUEUE_FUNCTIONS_COUNT] = {
    "put", "reserve", "delete", "release", "bury", "touch", "close", "drain",
};

struct told_job {
    struct queue_job_story story;
    uint64_t key; /* atom */
    uint32_t acknowledged_line;
    uint32_t held_line;
};

/* What a process has under way, or had last. */
struct call {
    enum queue_function f;
    uint32_t job;
    uint32_t line;
    uint64_t sent_us;
    uint64_t held_since_us;
    uint64_t held_until_us; /* 0: it did not hold the job when it called */
};

struct judge {
    struct history_texts *texts;
    struct processes processes;
    struct told_job *jobs;
    uint32_t jobs_count, jobs_capacity;
    uint32_t *job_of; /* [atom] */
    size_t job_of_size;
    struct call *calls; /* [process->operation] */
    uint32_t calls_count, calls_capacity;
    uint32_t under_way; /* operations */
    uint32_t line;
    uint64_t now_us;
    bool disturbed; /* ever */
    uint64_t disturbed_us;
    uint32_t lasting; /* disturbances */
    struct queue_answer *answer;
};

/* --- jobs, calls --- */

static uint32_t job_find(const struct judge *judge, const struct line_value *key)
{
    uint64_t atom = key->atoms[0];
    return atom < judge->job_of_size ? judge->job_of[atom] : NO_JOB;
}

static uint32_t job_add(struct judge *judge, uint64_t atom, uint32_t ttr_s)
{
    if (judge->jobs_count == judge->jobs_capacity) {
        judge->jobs_capacity = judge->jobs_capacity == 0 ? JOBS_FIRST : judge->jobs_capacity * 2;
        judge->jobs = realloc(judge->jobs, judge->jobs_capacity * sizeof *judge->jobs);
        ASSERT(judge->jobs != NULL);
    }
    if (atom >= judge->job_of_size) {
        size_t size = judge->job_of_size == 0 ? JOBS_FIRST : judge->job_of_size;
        while (size <= atom) size *= 2;
        judge->job_of = realloc(judge->job_of, size * sizeof *judge->job_of);
        ASSERT(judge->job_of != NULL);
        for (size_t i = judge->job_of_size; i < size; i++) judge->job_of[i] = NO_JOB;
        judge->job_of_size = size;
    }
    judge->jobs[judge->jobs_count] = (struct told_job){.story = {.ttr_s = ttr_s}, .key = atom};
    judge->job_of[atom] = judge->jobs_count;
    return judge->jobs_count++;
}

static struct call *call_of(struct judge *judge, struct process *process)
{
    if (process->known) return &judge->calls[process->operation];
    if (judge->calls_count == judge->calls_capacity) {
        judge->calls_capacity = judge->calls_capacity == 0 ? 64 : judge->calls_capacity * 2;
        judge->calls = realloc(judge->calls, judge->calls_capacity * sizeof *judge->calls);
        ASSERT(judge->calls != NULL);
    }
    process->known = true;
    process->operation = judge->calls_count;
    return &judge->calls[judge->calls_count++];
}

/* No disturbance from before this moment on could have ended a session. */
static bool calm_since(const struct judge *judge, uint64_t since_us)
{
    return judge->lasting == 0 &&
           (!judge->disturbed || since_us > judge->disturbed_us + QUEUE_CALM_US);
}

/* --- breaches --- */

static void tell(struct judge *judge, const char *rule, const char *what, uint32_t job,
                 const char *and_line, uint32_t other_line)
{
    struct queue_answer *answer = judge->answer;
    struct history names = {.texts = judge->texts};
    answer->violated = true;
    answer->line = judge->line;
    answer->rule = rule;
    if (job != NO_JOB) {
        buffer_append_text(&answer->what, "job ");
        history_describe_atom(&names, judge->jobs[job].key, &answer->what);
        buffer_append_text(&answer->what, " ");
    }
    buffer_append_text(&answer->what, what);
    if (other_line == 0) return;
    buffer_append_text(&answer->what, and_line);
    buffer_append_decimal(&answer->what, other_line);
    buffer_append_text(&answer->what, ")");
}

static void breach(struct judge *judge, enum queue_breach breach, uint32_t job)
{
    const char *rule = queue_rule_name(breach);
    const struct told_job *told = &judge->jobs[job];
    switch (breach) {
    case QUEUE_HOLDS: return;
    case QUEUE_TWO_IDS: tell(judge, rule, "has two ids: one put made two jobs", job, "", 0); return;
    case QUEUE_REFUSED_JOB:
        tell(judge, rule, "is there, though its put was refused", job, "", 0);
        return;
    case QUEUE_TWO_DELETES:
        tell(judge, rule, "was deleted twice", job, " (first on line ",
             (uint32_t)told->story.deleted_at);
        return;
    case QUEUE_RESURRECTED:
        tell(judge, rule, "is reserved by a command sent after it was deleted", job,
             " (deleted on line ", (uint32_t)told->story.deleted_at);
        return;
    case QUEUE_TWO_HOLDERS:
        tell(judge, rule, "is given to a second client while the first holds it", job,
             " (since line ", told->held_line);
        return;
    case QUEUE_DENIED:
        tell(judge, rule, "is denied to the client that holds it", job, " (since line ",
             told->held_line);
        return;
    case QUEUE_LOST:
        tell(judge, rule, "was acknowledged and never came out", job, " (put on line ",
             told->acknowledged_line);
        return;
    }
}

/* --- events --- */

/* A client whose connection ended claims nothing any more. */
static void forget_holder_that_is_gone(struct judge *judge, struct queue_job_story *story)
{
    if (story->holder == 0) return;
    const struct process *holder = processes_find(&judge->processes, story->holder - 1);
    if (holder != NULL && holder->over) queue_job_let_go(story, story->holder - 1);
}

static const char *begin(struct judge *judge, const struct history_line *line,
                         struct process *process)
{
    struct call call = {.job = NO_JOB, .line = judge->line, .sent_us = judge->now_us};
    bool has_key = line->key.kind == LINE_VALUE_ATOM;
    while (call.f < QUEUE_FUNCTIONS_COUNT &&
           !slice_equal(line->f, slice_text(function_names[call.f]))) {
        call.f++;
    }
    if (call.f == QUEUE_FUNCTIONS_COUNT) {
        return "f is put, reserve, delete, release, bury, touch, close or drain";
    }
    bool about_a_job = call.f != QUEUE_RESERVE && call.f < QUEUE_CLOSE;
    if (about_a_job != has_key) {
        return about_a_job ? "key is missing: which job?" : "key belongs to the ok of a reserve";
    }
    if (has_key) call.job = job_find(judge, &line->key);
    if (call.f == QUEUE_PUT) {
        if (call.job != NO_JOB) return "this key was put before: every put has a key of its own";
        if (!line->value.is_number || line->value.number > QUEUE_TTR_S_MAX) {
            return "value is the job's time-to-run in seconds";
        }
        if (judge->jobs_count == QUEUE_JOBS_MAX) return "too many jobs: cut the file";
        call.job = job_add(judge, line->key.atoms[0], (uint32_t)line->value.number);
    } else if (has_key && call.job == NO_JOB) {
        return "no put has this key: correct it";
    }
    if (call.f == QUEUE_DRAIN && judge->under_way > 0) {
        return "drain comes last: complete the operations under way first";
    }
    if (call.f > QUEUE_PUT && call.job != NO_JOB) {
        struct queue_job_story *story = &judge->jobs[call.job].story;
        if (story->holder == line->process + 1) {
            call.held_since_us = story->held_since_us;
            call.held_until_us = story->held_until_us;
        }
        if (call.f != QUEUE_TOUCH) queue_job_let_go(story, line->process);
    }
    process->open = true;
    judge->under_way++;
    if (call.f != QUEUE_CLOSE) judge->answer->drained = false; /* it was not the last word */
    *call_of(judge, process) = call;
    return NULL;
}

static void end_put(struct judge *judge, const struct history_line *line, const struct call *call)
{
    static const enum outcome outcomes[] = {
        [LINE_OK] = OUTCOME_ACKNOWLEDGED,
        [LINE_FAIL] = OUTCOME_REFUSED,
        [LINE_INFO] = OUTCOME_UNKNOWN,
    };
    struct told_job *job = &judge->jobs[call->job];
    if (line->type == LINE_OK) {
        judge->answer->acknowledged++;
        job->acknowledged_line = judge->line;
    }
    breach(judge, queue_job_put_over(&job->story, outcomes[line->type], line->value.number),
           call->job);
}

static void end_reserve(struct judge *judge, const struct history_line *line,
                        const struct call *call)
{
    uint32_t number = job_find(judge, &line->key);
    if (number == NO_JOB) {
        tell(judge, "content", "a job comes out with a key that no one put", NO_JOB, "", 0);
        return;
    }
    struct told_job *job = &judge->jobs[number];
    breach(judge, queue_job_seen(&job->story, line->value.number), number);
    if (judge->answer->violated) return;
    forget_holder_that_is_gone(judge, &job->story);
    breach(judge,
           queue_job_reserved(&job->story, line->process, call->line, call->sent_us, judge->now_us,
                              calm_since(judge, job->story.held_since_us)),
           number);
    job->held_line = judge->answer->violated ? job->held_line : judge->line;
}

/* Of delete, release, bury and touch. */
static void end_of_holder(struct judge *judge, const struct history_line *line,
                          const struct call *call)
{
    struct queue_job_story *story = &judge->jobs[call->job].story;
    if (line->type == LINE_FAIL) {
        breach(judge,
               queue_job_denied(story, line->process, call->held_until_us, judge->now_us,
                                calm_since(judge, call->held_since_us)),
               call->job);
    } else if (call->f == QUEUE_DELETE) {
        enum outcome outcome = line->type == LINE_OK ? OUTCOME_ACKNOWLEDGED : OUTCOME_UNKNOWN;
        if (line->type == LINE_OK && !story->deleted) judge->answer->deleted++;
        breach(judge, queue_job_delete_over(story, line->process, outcome, judge->line), call->job);
    } else if (call->f == QUEUE_TOUCH && line->type == LINE_OK) {
        queue_job_touched(story, line->process, call->sent_us);
    }
}

static const char *end_value(const struct history_line *line, const struct call *call)
{
    bool gives = line->type == LINE_OK && (call->f == QUEUE_PUT || call->f == QUEUE_RESERVE);
    if (gives && (!line->value.is_number || line->value.number == 0)) {
        return "value is the job's id, a whole number from 1 on";
    }
    if (line->type == LINE_OK && call->f == QUEUE_RESERVE) {
        return line->key.kind == LINE_VALUE_ATOM ? NULL : "key is missing: which job came out?";
    }
    return NULL;
}

static const char *end(struct judge *judge, const struct history_line *line,
                       struct process *process)
{
    struct call call = *call_of(judge, process);
    if (!slice_equal(line->f, slice_text(function_names[call.f]))) {
        return "f is not that of the process' invoke: correct one of them";
    }
    if (call.job != NO_JOB && line->key.kind == LINE_VALUE_ATOM &&
        line->key.atoms[0] != judge->jobs[call.job].key) {
        return "key is not that of the invoke: leave it out or correct it";
    }
    const char *why = end_value(line, &call);
    if (why != NULL) return why;
    process->open = false;
    judge->under_way--;
    process->over = line->type == LINE_INFO || call.f == QUEUE_CLOSE;
    switch (call.f) {
    case QUEUE_PUT: end_put(judge, line, &call); break;
    case QUEUE_RESERVE:
        if (line->type == LINE_OK) end_reserve(judge, line, &call);
        break;
    case QUEUE_CLOSE: break;
    case QUEUE_DRAIN: judge->answer->drained = line->type == LINE_OK; break;
    default: end_of_holder(judge, line, &call);
    }
    return NULL;
}

static void disturb(struct judge *judge, const struct history_line *line)
{
    judge->disturbed = true;
    judge->disturbed_us = judge->now_us;
    if (line->value.kind == LINE_VALUE_TRUE) judge->lasting++;
    if (line->value.kind == LINE_VALUE_FALSE && judge->lasting > 0) judge->lasting--;
}

static const char *take_line(struct judge *judge, struct slice text)
{
    struct history_line line;
    const char *why = history_line_read(text, judge->texts, &line);
    if (why == NULL) why = processes_time(&judge->processes, &line);
    if (why == NULL && !line.has_time) why = "there is no time: the rules of a queue need it";
    if (why != NULL) return why;
    judge->now_us = judge->processes.time_ns / NANOSECONDS;
    if (line.nemesis) {
        disturb(judge, &line);
        return NULL;
    }
    struct process *process = processes_take(&judge->processes, &line, &why);
    if (process == NULL) return why;
    if (line.type != LINE_INVOKE) return end(judge, &line, process);
    return begin(judge, &line, process);
}

static void finish(struct judge *judge)
{
    judge->answer->jobs = judge->jobs_count;
    if (judge->answer->violated || !judge->answer->drained) return;
    for (uint32_t i = 0; i < judge->jobs_count && !judge->answer->violated; i++) {
        breach(judge, queue_job_drained(&judge->jobs[i].story), i);
    }
}

bool queue_history_judge(struct slice text, struct queue_answer *answer,
                         struct history_mistake *mistake)
{
    struct judge judge = {.texts = history_texts_new(), .answer = answer};
    struct slice line;
    *answer = (struct queue_answer){0};
    mistake->what = NULL;
    while (mistake->what == NULL && !answer->violated && history_next_line(&text, &line)) {
        judge.line++;
        if (line.size > 0) mistake->what = take_line(&judge, line);
    }
    mistake->line = judge.line;
    if (mistake->what == NULL) finish(&judge);
    history_texts_free(judge.texts);
    processes_free(&judge.processes);
    free(judge.jobs);
    free(judge.job_of);
    free(judge.calls);
    return mistake->what == NULL;
}
