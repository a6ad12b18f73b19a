/* Histories in memory. See history.h. */
#include "check/history.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/history_texts.h"

void history_free(struct history *history)
{
    free(history->items);
    history_texts_free(history->texts);
    *history = (struct history){0};
}

uint32_t history_invoke(struct history *history, struct operation call)
{
    if (history->count == history->capacity) {
        ASSERT(history->count < HISTORY_OPERATIONS_MAX);
        history->capacity = history->capacity == 0 ? 256 : history->capacity * 2;
        history->items = realloc(history->items, history->capacity * sizeof *history->items);
        ASSERT(history->items != NULL);
    }
    call.outcome = OPERATION_UNKNOWN;
    call.out = HISTORY_NIL;
    call.called_at = history->events++;
    call.returned_at = HISTORY_NEVER;
    call.returned_us = HISTORY_NEVER;
    history->items[history->count] = call;
    return history->count++;
}

void history_complete(struct history *history, uint32_t index, enum operation_outcome outcome,
                      uint64_t out, uint64_t now_us)
{
    ASSERT(index < history->count);
    struct operation *operation = &history->items[index];
    ASSERT(operation->returned_at == HISTORY_NEVER);
    if (outcome == OPERATION_UNKNOWN) return;
    operation->outcome = outcome;
    operation->out = out;
    operation->returned_at = history->events++;
    operation->returned_us = now_us;
}

void history_describe_atom(const struct history *history, uint64_t atom, struct buffer *out)
{
    if (atom == HISTORY_NIL) {
        buffer_append_text(out, "nil");
    } else if (history->texts != NULL) {
        struct slice text = history_text(history->texts, atom);
        for (size_t i = 0; i < text.size; i++) {
            bool printable = text.data[i] >= ' ' && text.data[i] != 0x7f;
            buffer_put_u8(out, printable ? text.data[i] : '?');
        }
    } else {
        buffer_append_decimal(out, atom);
    }
}
