/* The rules of a work queue. See rules.h. */
#include "systems/queue/check/rules.h"

const char *queue_rule_name(enum queue_breach breach)
{
    switch (breach) {
    case QUEUE_HOLDS: return "none";
    case QUEUE_TWO_IDS:
    case QUEUE_REFUSED_JOB:
    case QUEUE_TWO_DELETES: return "exactly once";
    case QUEUE_RESURRECTED: return "no resurrection";
    case QUEUE_TWO_HOLDERS:
    case QUEUE_DENIED: return "one holder";
    case QUEUE_LOST: return "no loss";
    }
    return "none";
}

enum queue_breach queue_job_seen(struct queue_job_story *job, uint64_t id)
{
    if (job->id == 0) job->id = id;
    if (job->id != id) return QUEUE_TWO_IDS;
    return job->put == OUTCOME_REFUSED ? QUEUE_REFUSED_JOB : QUEUE_HOLDS;
}

enum queue_breach queue_job_put_over(struct queue_job_story *job, enum outcome outcome, uint64_t id)
{
    job->put = outcome;
    if (outcome == OUTCOME_REFUSED) return job->id != 0 ? QUEUE_REFUSED_JOB : QUEUE_HOLDS;
    return outcome == OUTCOME_ACKNOWLEDGED ? queue_job_seen(job, id) : QUEUE_HOLDS;
}

uint64_t queue_at_least_us(uint64_t us)
{
    us -= us * QUEUE_TTR_SLACK_PERMILLE / 1000;
    return us < QUEUE_TTR_SLACK_US ? 0 : us - QUEUE_TTR_SLACK_US;
}

static uint64_t held_until_us(const struct queue_job_story *job, uint64_t sent_us)
{
    return sent_us + queue_at_least_us(job->ttr_s * 1000000ull);
}

enum queue_breach queue_job_reserved(struct queue_job_story *job, uint32_t client, uint64_t sent_at,
                                     uint64_t sent_us, uint64_t now_us, bool sure)
{
    if (job->deleted && job->deleted_at < sent_at) return QUEUE_RESURRECTED;
    bool held = job->holder != 0 && job->holder != client + 1 && now_us < job->held_until_us;
    if (held && sure) return QUEUE_TWO_HOLDERS;
    job->holder = client + 1;
    job->held_since_us = now_us;
    job->held_until_us = held_until_us(job, sent_us);
    return QUEUE_HOLDS;
}

void queue_job_touched(struct queue_job_story *job, uint32_t client, uint64_t sent_us)
{
    if (job->holder == client + 1) job->held_until_us = held_until_us(job, sent_us);
}

void queue_job_let_go(struct queue_job_story *job, uint32_t client)
{
    if (job->holder == client + 1) job->holder = 0;
}

enum queue_breach queue_job_denied(const struct queue_job_story *job, uint32_t client,
                                   uint64_t held_until_us, uint64_t now_us, bool sure)
{
    if (job->deleted && job->deleted_by == client) return QUEUE_HOLDS; /* in the same burst */
    return now_us < held_until_us && sure ? QUEUE_DENIED : QUEUE_HOLDS;
}

enum queue_breach queue_job_delete_over(struct queue_job_story *job, uint32_t client,
                                        enum outcome outcome, uint64_t now_at)
{
    if (outcome == OUTCOME_UNKNOWN) job->delete_unknown = true;
    if (outcome != OUTCOME_ACKNOWLEDGED) return QUEUE_HOLDS;
    if (job->deleted) return QUEUE_TWO_DELETES;
    job->deleted = true;
    job->deleted_by = client;
    job->deleted_at = now_at;
    return QUEUE_HOLDS;
}

enum queue_breach queue_job_drained(const struct queue_job_story *job)
{
    bool owed = job->put == OUTCOME_ACKNOWLEDGED && !job->deleted && !job->delete_unknown;
    return owed ? QUEUE_LOST : QUEUE_HOLDS;
}
