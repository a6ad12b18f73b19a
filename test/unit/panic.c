/* The panic hook of the unit tests and fuzz targets: says where, then aborts, so that a failed
 * assertion is a failed test. A test that defines base_panic itself gets its own instead. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void base_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
