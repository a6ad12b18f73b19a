/* What one may ask of a queue by hand: `put BODY`, `reserve`, `delete ID`; and what it holds, and
 * its log, in words. */
#include "sim/hand.h"

#include <string.h>

#include "sim/text.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/sim/clients.h"

enum {
    TIME_TO_RUN_S = 60,
    WORDS_OF_BODY_MAX = 40,
};

static bool cut_front(struct slice *words, const char *front)
{
    size_t size = strlen(front);
    if (words->size < size || memcmp(words->data, front, size) != 0) return false;
    words->data += size;
    words->size -= size;
    return true;
}

static bool queue_ask(struct slice words, struct buffer *bytes)
{
    uint64_t id;
    if (cut_front(&words, "put ")) {
        text_append(bytes, "put 0 0 %u %U\r\n%b\r\n", TIME_TO_RUN_S, (uint64_t)words.size, words);
        return words.size > 0;
    }
    if (cut_front(&words, "delete ") && decimal_read(words, &id)) {
        text_append(bytes, "delete %U\r\n", id);
        return true;
    }
    if (!slice_equal(words, slice_text("reserve"))) return false;
    text_append(bytes, "reserve-with-timeout 0\r\n");
    return true;
}

/* The size of the line at the front, with its end; 0: there is no whole one. */
static size_t line_size(struct slice bytes)
{
    const uint8_t *end = bytes.size == 0 ? NULL : memchr(bytes.data, '\n', bytes.size);
    return end == NULL ? 0 : (size_t)(end - bytes.data) + 1;
}

/* `RESERVED ID SIZE` is followed by a body, every other answer is a line. */
static size_t queue_heard(struct slice bytes, struct buffer *words)
{
    size_t line = line_size(bytes);
    if (line < 2) return 0;
    struct slice said = slice_of(bytes.data, line - 2);
    uint64_t body = 0;
    struct slice rest = said;
    if (!cut_front(&rest, "RESERVED ")) {
        text_append(words, "%b", said);
        return line;
    }
    size_t space = 0;
    while (space < rest.size && rest.data[space] != ' ') space++;
    if (space < rest.size) {
        decimal_read(slice_of(rest.data + space + 1, rest.size - space - 1), &body);
    }
    if (bytes.size < line + body + 2) return 0;
    text_append(words, "RESERVED %b: %b", slice_of(rest.data, space),
                slice_of(bytes.data + line, body));
    return line + body + 2;
}

static void queue_say_command(struct slice bytes, struct buffer *words)
{
    struct queue_command command;
    if (!queue_command_decode(bytes, &command)) return;
    struct slice body = command.body;
    if (body.size > WORDS_OF_BODY_MAX) body.size = WORDS_OF_BODY_MAX;
    switch (command.op) {
    case QUEUE_PUT: text_append(words, "put %b", body); break;
    case QUEUE_RESERVE: text_append(words, "reserve"); break;
    case QUEUE_DELETE: text_append(words, "delete %U", command.id); break;
    default: text_append(words, "a command"); break;
    }
}

static void queue_say_holds(const void *machine, struct buffer *words)
{
    uint64_t jobs = queue_jobs_count(machine);
    text_append(words, "%U %s", jobs, jobs == 1 ? "job" : "jobs");
}

const struct hand_ops queue_hand = {
    .ask = queue_ask,
    .heard = queue_heard,
    .command = queue_say_command,
    .holds = queue_say_holds,
};
