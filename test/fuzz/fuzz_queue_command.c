/* Any bytes to the codec of the queue's commands, as a damaged peer could send them: what decodes
 * encodes to the same bytes again (specs/systems/queue.md), so that replicas cannot read one entry
 * in two ways. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "systems/queue/machine/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct queue_command command;
    struct slice bytes = slice_of(data, size);
    if (!queue_command_decode(bytes, &command)) return 0;
    struct buffer again = {0};
    queue_command_encode(&command, &again);
    ASSERT(slice_equal(buffer_slice(&again), bytes));
    buffer_free(&again);
    return 0;
}
