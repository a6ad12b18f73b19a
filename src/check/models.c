/* The models whose object is one value: a register, and a key of a store. See model.h. */
#include "check/model.h"

#include "base/assert.h"

static bool step(const struct operation *operation, uint64_t *state)
{
    if (operation->outcome == OPERATION_KEPT) {
        bool other = operation->f == MODEL_DELETE ? operation->out == HISTORY_NIL
                                                  : operation->out != operation->in[0];
        return other && *state == operation->out;
    }
    switch (operation->f) {
    case MODEL_READ: return operation->outcome == OPERATION_UNKNOWN || *state == operation->out;
    case MODEL_WRITE: *state = operation->in[0]; return true;
    case MODEL_CAS:
        if (*state != operation->in[0]) return false;
        *state = operation->in[1];
        return true;
    case MODEL_DELETE:
        if (operation->out == MODEL_WAS_THERE && *state == HISTORY_NIL) return false;
        *state = HISTORY_NIL;
        return true;
    default: ASSERT(false); return false;
    }
}

static bool looks_only(const struct operation *operation)
{
    return operation->f == MODEL_READ || operation->outcome == OPERATION_KEPT;
}

static uint64_t leaves(const struct operation *operation)
{
    if (operation->f == MODEL_DELETE) return HISTORY_NIL;
    return operation->in[operation->f == MODEL_CAS ? 1 : 0];
}

static enum model_need needs(const struct operation *operation, uint64_t *value)
{
    *value = operation->out;
    if (operation->outcome == OPERATION_KEPT) return MODEL_NEEDS_VALUE;
    switch (operation->f) {
    case MODEL_READ:
        return operation->outcome == OPERATION_OK ? MODEL_NEEDS_VALUE : MODEL_NEEDS_NOTHING;
    case MODEL_CAS: *value = operation->in[0]; return MODEL_NEEDS_VALUE;
    case MODEL_DELETE:
        return operation->out == MODEL_WAS_THERE ? MODEL_NEEDS_SOMETHING : MODEL_NEEDS_NOTHING;
    default: return MODEL_NEEDS_NOTHING;
    }
}

static void describe_end(const struct history *history, const struct operation *operation,
                         struct buffer *out)
{
    switch (operation->outcome) {
    case OPERATION_UNKNOWN: buffer_append_text(out, ": no reply"); break;
    case OPERATION_FAILED: buffer_append_text(out, ": failed"); break;
    case OPERATION_KEPT:
        buffer_append_text(out, ": found ");
        history_describe_atom(history, operation->out, out);
        break;
    case OPERATION_OK:
        if (operation->f == MODEL_READ) {
            buffer_append_text(out, ": ");
            history_describe_atom(history, operation->out, out);
        } else if (operation->f == MODEL_DELETE && operation->out == MODEL_WAS_THERE) {
            buffer_append_text(out, ": it was there");
        }
        break;
    }
}

static void describe_as(const char *name, const struct history *history,
                        const struct operation *operation, struct buffer *out)
{
    buffer_append_text(out, name);
    if (operation->f == MODEL_WRITE || operation->f == MODEL_CAS) {
        buffer_append_text(out, " ");
        history_describe_atom(history, operation->in[0], out);
    }
    if (operation->f == MODEL_CAS) {
        buffer_append_text(out, " to ");
        history_describe_atom(history, operation->in[1], out);
    }
    describe_end(history, operation, out);
}

static const char *const register_functions[] = {"read", "write", "cas", NULL};
static const char *const kv_functions[] = {"get", "put", "cas", "delete", NULL};

static void register_describe(const struct history *history, const struct operation *operation,
                              struct buffer *out)
{
    describe_as(register_functions[operation->f], history, operation, out);
}

static void kv_describe(const struct history *history, const struct operation *operation,
                        struct buffer *out)
{
    describe_as(kv_functions[operation->f], history, operation, out);
}

const struct model model_register = {
    .name = "register",
    .object = "register",
    .functions = register_functions,
    .step = step,
    .looks_only = looks_only,
    .leaves = leaves,
    .needs = needs,
    .describe = register_describe,
};

const struct model model_kv = {
    .name = "kv",
    .object = "key",
    .functions = kv_functions,
    .step = step,
    .looks_only = looks_only,
    .leaves = leaves,
    .needs = needs,
    .describe = kv_describe,
};

const struct model *model_by_name(struct slice name)
{
    static const struct model *const models[] = {&model_register, &model_kv};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (slice_equal(name, slice_text(models[i]->name))) return models[i];
    }
    return NULL;
}
