/* The work queue's own pages on the admin port: the retry policy of a tube (machine/queue.h).
 *
 *     GET  /queue/policy?tube=T
 *     POST /queue/policy?tube=T&attempts=N&base_ms=..&factor_permille=..&cap_ms=..
 *                       &jitter_permille=..&dead_tube=D      attempts=0 clears it
 *
 * What a POST does not name takes the defaults of machine/queue.h; without a dead_tube, a job that
 * was given up is buried where it is. */
#include "base/assert.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/protocol/beanstalk.h"
#include "wire/http1.h"

static enum protocol_request_kind bad(struct buffer *command, unsigned *status, const char *words)
{
    buffer_clear(command);
    buffer_append_text(command, words);
    *status = 400;
    return PROTOCOL_LITERAL;
}

static bool number(struct slice query, const char *name, uint64_t least, uint64_t most,
                   uint32_t *value)
{
    uint64_t given = 0;
    switch (http_query_number(query, name, most, &given)) {
    case HTTP_PARAMETER_MISSING: return true;
    case HTTP_PARAMETER_FOUND: *value = (uint32_t)given; return given >= least;
    default: return false;
    }
}

/* A tube's name as beanstalkd would take it; *missing when the parameter is not there. */
static bool tube(struct slice query, const char *name, uint8_t *space, struct slice *tube,
                 bool *missing)
{
    size_t size = 0;
    enum http_parameter found =
        http_query_find(query, name, space, QUEUE_TUBE_NAME_SIZE_MAX, &size);
    *missing = found == HTTP_PARAMETER_MISSING;
    *tube = slice_of(space, *missing ? 0 : size);
    return *missing || (found == HTTP_PARAMETER_FOUND && queue_name_valid(*tube));
}

static enum protocol_request_kind policy_set(struct slice query, struct slice name,
                                             struct buffer *command, unsigned *status)
{
    struct queue_command set = {.op = QUEUE_POLICY_SET, .tube = name};
    struct queue_policy *policy = &set.policy;
    uint8_t dead[QUEUE_TUBE_NAME_SIZE_MAX];
    bool missing = false;
    *policy = (struct queue_policy){
        .attempts_max = UINT32_MAX,
        .base_ms = QUEUE_POLICY_BASE_MS,
        .factor_permille = QUEUE_POLICY_FACTOR_PERMILLE,
        .cap_ms = QUEUE_POLICY_CAP_MS,
        .jitter_permille = QUEUE_POLICY_JITTER_PERMILLE,
    };
    if (!number(query, "attempts", 0, QUEUE_ATTEMPTS_MAX, &policy->attempts_max) ||
        policy->attempts_max == UINT32_MAX) {
        return bad(command, status, "attempts must be 0 (clears the policy) to 1000\n");
    }
    if (!number(query, "base_ms", 1, UINT32_MAX, &policy->base_ms) ||
        !number(query, "cap_ms", 1, UINT32_MAX, &policy->cap_ms)) {
        return bad(command, status, "base_ms and cap_ms must be at least 1\n");
    }
    if (!number(query, "factor_permille", 1000, UINT32_MAX, &policy->factor_permille)) {
        return bad(command, status, "factor_permille must be at least 1000\n");
    }
    if (!number(query, "jitter_permille", 0, 1000, &policy->jitter_permille)) {
        return bad(command, status, "jitter_permille must be 0 to 1000\n");
    }
    if (!tube(query, "dead_tube", dead, &policy->dead_tube, &missing)) {
        return bad(command, status, "dead_tube must name a tube\n");
    }
    queue_command_encode(&set, command);
    return PROTOCOL_PROPOSE;
}

enum protocol_request_kind beanstalk_admin(struct slice path, struct slice query, bool post,
                                           struct buffer *command, unsigned *status)
{
    uint8_t space[QUEUE_TUBE_NAME_SIZE_MAX];
    struct slice name;
    bool missing = false;
    if (!slice_equal(path, slice_text("/queue/policy"))) return PROTOCOL_NONE;
    if (!tube(query, "tube", space, &name, &missing) || missing) {
        return bad(command, status, "tube must name a tube: /queue/policy?tube=default\n");
    }
    if (post) return policy_set(query, name, command, status);
    struct queue_command get = {.op = QUEUE_POLICY_GET, .tube = name};
    queue_command_encode(&get, command);
    return PROTOCOL_QUERY;
}

void beanstalk_admin_reply(const void *payload, struct buffer *body, unsigned *status)
{
    const struct queue_reply *reply = payload;
    *status = 200;
    switch (reply->kind) {
    case QUEUE_REPLY_OK: buffer_append_slice(body, reply->body); break;
    case QUEUE_REPLY_POLICY_SET: buffer_append_text(body, "ok\n"); break;
    case QUEUE_REPLY_NOT_FOUND:
        *status = 404;
        buffer_append_text(body, "no policy for this tube\n");
        break;
    default:
        *status = 503;
        buffer_append_text(body, "refused: a limit is reached\n");
        break;
    }
}
