/* Any bytes as a history file: it is refused with a line and a reason, or it is judged within the
 * bounds that were set, and what is said about it is text. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "check/explain.h"
#include "check/history_read.h"
#include "check/html.h"
#include "systems/chat/check/history.h"
#include "systems/queue/check/history.h"

static void judge(const struct history *history, const struct model *model)
{
    struct check_options options = check_options_default();
    struct check_result result;
    struct buffer text = {0};
    options.memory_bytes_max = 4 << 20;
    options.steps_max = 20000;
    check_history(history, model, &options, &result);
    check_explain(history, model, &options, &result, &text);
    ASSERT((result.verdict == CHECK_VIOLATION) == (text.size > 0));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = buffer_slice(&text).data[i];
        ASSERT((byte >= ' ' && byte != 0x7f) || byte == '\n');
    }
    buffer_clear(&text);
    check_html(history, model, &options, &result, "fuzz", &text);
    buffer_free(&text);
    check_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct model *const models[] = {&model_register, &model_kv};
    for (int i = 0; i < 2; i++) {
        struct history history = {0};
        struct history_mistake mistake;
        if (history_read(slice_of(data, size), models[i], &history, &mistake)) {
            judge(&history, models[i]);
        } else {
            ASSERT(mistake.line > 0 && mistake.what != NULL);
        }
        history_free(&history);
    }
    struct queue_answer answer;
    struct history_mistake mistake;
    bool read = queue_history_judge(slice_of(data, size), &answer, &mistake);
    ASSERT(read == (mistake.what == NULL));
    ASSERT(answer.violated == (answer.what.size > 0));
    buffer_free(&answer.what);
    struct chat_answer talk;
    read = chat_history_judge(slice_of(data, size), &talk, &mistake);
    ASSERT(read == (mistake.what == NULL));
    ASSERT(talk.violated == (talk.what.size > 0));
    buffer_free(&talk.what);
    return 0;
}
