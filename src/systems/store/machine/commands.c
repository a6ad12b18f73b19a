/* The table of commands. See commands.h. */
#include "systems/store/machine/commands.h"

#include <string.h>

#include "base/assert.h"

#define X(op, name, arity, flags, first, last, step) \
    {name, STORE_##op, arity, flags, first, last, step},
const struct store_command store_commands[] = {STORE_COMMANDS(X, X)};
#undef X

enum {
    ROWS = sizeof store_commands / sizeof store_commands[0],
    HIDDEN = 3,
};
const uint32_t store_commands_count = ROWS - HIDDEN;

_Static_assert((int)STORE_OPS_END <= 256, "an op is one byte in the log");

const struct store_command *store_command_by_name(struct slice name)
{
    char small[STORE_NAME_SIZE_MAX + 1];
    if (name.size == 0 || name.size > STORE_NAME_SIZE_MAX) return NULL;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        small[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    small[name.size] = '\0';
    if (memchr(small, '\0', name.size) != NULL) return NULL;
    uint32_t low = 0, high = store_commands_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = strcmp(small, store_commands[middle].name);
        if (order == 0) return &store_commands[middle];
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

#define X(op, name, arity, flags, first, last, step) ROW_##op,
enum { STORE_COMMANDS(X, X) ROW_COUNT };
#undef X
#define X(op, name, arity, flags, first, last, step) [STORE_##op] = ROW_##op + 1,
static const uint8_t rows_by_op[256] = {STORE_COMMANDS(X, X)};
#undef X

const struct store_command *store_command_by_op(enum store_op op)
{
    uint8_t row = rows_by_op[op & 0xFF];
    return row == 0 ? NULL : &store_commands[row - 1];
}

void store_command_keys(const struct store_command *command, uint32_t count, uint32_t *first,
                        uint32_t *end, uint32_t *step)
{
    *first = (uint32_t)command->key_first;
    *step = command->key_step == 0 ? 1 : (uint32_t)command->key_step;
    *end = command->key_last < 0 ? count : (uint32_t)command->key_last + 1;
    if (*first == 0) *end = 0;
    if (*end > count) *end = count;
}

bool store_command_arity(const struct store_command *command, uint32_t count)
{
    if (command->arity >= 0) return count == (uint32_t)command->arity;
    return count >= (uint32_t)-command->arity;
}
