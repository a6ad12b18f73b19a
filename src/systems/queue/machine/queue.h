/* The work queue: beanstalkd 1.13's semantics as a replicated machine.
 *
 * Commands are encoded by queue_command_encode() into the log; replies are emitted as struct
 * queue_reply. protocol/beanstalk maps both from and to text. Byte format:
 * specs/systems/queue.md. */
#ifndef QUARTET_SYSTEMS_QUEUE_MACHINE_QUEUE_H
#define QUARTET_SYSTEMS_QUEUE_MACHINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"

enum {
    QUEUE_TUBE_NAME_SIZE_MAX = 200,
    QUEUE_JOB_SIZE_DEFAULT = 65535,
    QUEUE_JOB_SIZE_MAX = 1 << 24, /* of --max-job-size; an entry of the log holds it */
    QUEUE_URGENT_BELOW = 1024,    /* priorities below are counted as urgent */
    QUEUE_TUBES_MAX = 1000000,    /* more: use, watch, a policy get OUT_OF_MEMORY */
    QUEUE_WATCH_MAX = 1024,       /* tubes in one watch list; more: watch gets OUT_OF_MEMORY */
    QUEUE_HISTORY_MAX = 16,       /* attempts remembered for a job under a retry policy */
    QUEUE_ATTEMPTS_MAX = 1000,    /* a policy's attempts_max */
    /* What a policy has where its owner does not say: waits of 1, 2, 4, ... up to 60 s, each
     * shortened at random by up to a tenth. */
    QUEUE_POLICY_BASE_MS = 1000,
    QUEUE_POLICY_FACTOR_PERMILLE = 2000,
    QUEUE_POLICY_CAP_MS = 60000,
    QUEUE_POLICY_JITTER_PERMILLE = 100,
    QUEUE_METRICS_TUBES_MAX =
        100, /* tubes with metrics of their own: shown.c; others are counted */
    QUEUE_METRICS_LOOK_MAX = 10000, /* tubes looked at for that, the oldest ones */
    QUEUE_METRICS_SCAN_MAX = 256,   /* jobs of a tube looked at for the oldest ready one */
};

enum queue_op {
    QUEUE_PUT = 1,
    QUEUE_USE,
    QUEUE_RESERVE, /* waits without end unless `timeout_s` != QUEUE_NO_TIMEOUT */
    QUEUE_RESERVE_JOB,
    QUEUE_DELETE,
    QUEUE_RELEASE,
    QUEUE_BURY,
    QUEUE_TOUCH,
    QUEUE_WATCH,
    QUEUE_IGNORE,
    QUEUE_KICK, /* waits for its reply only if `bound` > MACHINE_WORK_MAX */
    QUEUE_KICK_JOB,
    QUEUE_PAUSE_TUBE,
    QUEUE_POLICY_SET, /* beyond beanstalkd: the retry policy of a tube */
    /* Queries: answered by machine_ops.query, never in the log. */
    QUEUE_PEEK,
    QUEUE_PEEK_READY,
    QUEUE_PEEK_DELAYED,
    QUEUE_PEEK_BURIED,
    QUEUE_STATS_JOB,
    QUEUE_STATS_TUBE,
    QUEUE_STATS,
    QUEUE_LIST_TUBES,
    QUEUE_LIST_TUBE_USED,
    QUEUE_LIST_TUBES_WATCHED,
    QUEUE_POLICY_GET,
    QUEUE_OPS,
};

#define QUEUE_NO_TIMEOUT UINT32_MAX

/* Attempts count at each release and each expiry of a time-to-run. attempts_max 0: no policy,
 * beanstalkd's behaviour. After attempt n < attempts_max the job waits
 *     min(cap, base * (factor_permille / 1000)^(n - 1)), jittered down by up to jitter_permille
 * before it is ready again (or as long as its release asked for, if that is longer). After the last
 * it becomes ready in `dead_tube`, or is buried where it is if that names no other tube. Its body
 * stays as it was: `stats-job` shows the history, for this job and for any under a policy, behind
 * the fields that every job has (see stats.c). A tube with a policy is not forgotten. */
struct queue_policy {
    uint32_t attempts_max;
    uint32_t base_ms;
    uint32_t factor_permille; /* >= 1000 */
    uint32_t cap_ms;
    uint32_t jitter_permille; /* <= 1000 */
    struct slice dead_tube;
};

/* Fields that an op does not name are 0. */
struct queue_command {
    enum queue_op op;
    uint32_t priority;          /* PUT, RELEASE, BURY */
    uint32_t delay_s;           /* PUT, RELEASE, PAUSE_TUBE */
    uint32_t ttr_s;             /* PUT */
    uint32_t timeout_s;         /* RESERVE */
    uint32_t bound;             /* KICK */
    uint64_t id;                /* the job */
    struct slice tube;          /* USE, WATCH, IGNORE, PAUSE_TUBE, STATS_TUBE, POLICY_* */
    struct slice body;          /* PUT */
    struct queue_policy policy; /* POLICY_SET */
};

/* A tube's name: 1 to QUEUE_TUBE_NAME_SIZE_MAX of beanstalkd's name bytes, no '-' in front. */
bool queue_name_byte_valid(uint8_t byte);
bool queue_name_valid(struct slice name);

void queue_command_encode(const struct queue_command *command, struct buffer *out);
/* False when malformed. Slices borrow from `bytes`. */
bool queue_command_decode(struct slice bytes, struct queue_command *command);

enum queue_reply_kind {
    QUEUE_REPLY_INSERTED = 1, /* id */
    QUEUE_REPLY_BURIED_ID,    /* put that could not be stored: not used, kept for the protocol */
    QUEUE_REPLY_USING,        /* tube */
    QUEUE_REPLY_RESERVED,     /* id, body */
    QUEUE_REPLY_DEADLINE_SOON,
    QUEUE_REPLY_TIMED_OUT,
    QUEUE_REPLY_NOT_FOUND,
    QUEUE_REPLY_DELETED,
    QUEUE_REPLY_RELEASED,
    QUEUE_REPLY_BURIED,
    QUEUE_REPLY_TOUCHED,
    QUEUE_REPLY_WATCHING, /* count */
    QUEUE_REPLY_NOT_IGNORED,
    QUEUE_REPLY_KICKED, /* count */
    QUEUE_REPLY_KICKED_JOB,
    QUEUE_REPLY_PAUSED,
    QUEUE_REPLY_FOUND,         /* id, body (peek) */
    QUEUE_REPLY_OK,            /* body: YAML (stats, lists, policy) */
    QUEUE_REPLY_OUT_OF_MEMORY, /* a named limit of the machine is reached */
    QUEUE_REPLY_POLICY_SET,
};

struct queue_reply {
    enum queue_reply_kind kind;
    uint64_t id;
    uint64_t count;
    struct slice tube;
    struct slice body;
};

struct queue_options {
    uint64_t bytes_max; /* objects beyond it: puts get OUT_OF_MEMORY; 0: no limit */
    uint64_t seed;      /* of the jitter; the same on every replica: it comes from the cluster id */
};

extern const struct machine_ops queue_ops;

/* For checkers: the state of a job and the session that holds it. */
enum queue_job_state {
    QUEUE_JOB_NONE,
    QUEUE_JOB_READY,
    QUEUE_JOB_RESERVED,
    QUEUE_JOB_DELAYED,
    QUEUE_JOB_BURIED,
};
enum queue_job_state queue_job_state(const void *machine, uint64_t id, struct session_key *holder);
uint64_t queue_jobs_count(const void *machine);
uint64_t queue_sessions_count(const void *machine); /* those not yet forgotten included */

#endif
