/* Codes and texts of errors. See errors.h. */
#include "systems/consensus/machine/errors.h"

#include "base/assert.h"

struct row {
    unsigned code;
    const char *text;
};

#define ROW(name, code, text) {code, text},
static const struct row rows[] = {{0, ""}, CONSENSUS_ERRORS(ROW)};
#undef ROW

unsigned consensus_error_code(enum consensus_error error)
{
    ASSERT(error < sizeof rows / sizeof rows[0]);
    return rows[error].code;
}

const char *consensus_error_text(enum consensus_error error)
{
    ASSERT(error < sizeof rows / sizeof rows[0]);
    return rows[error].text;
}
