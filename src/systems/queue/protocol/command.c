/* One line of the beanstalkd protocol to a command of the queue. See beanstalk.h for the corners.
 *
 * A command is known by what its line begins with, so an entry of the table stands before every
 * entry that is a prefix of it. Source: beanstalkd's doc/protocol.txt. */
#include "systems/queue/protocol/beanstalk.h"

#include <string.h>

enum argument {
    ARGUMENT_NONE,
    ARGUMENT_PUT,     /* priority, delay, time-to-run, body size */
    ARGUMENT_ID,      /* a job */
    ARGUMENT_RELEASE, /* a job, priority, delay */
    ARGUMENT_BURY,    /* a job, priority */
    ARGUMENT_TUBE,    /* all the rest of the line */
    ARGUMENT_PAUSE,   /* a tube, seconds */
    ARGUMENT_TIMEOUT,
    ARGUMENT_BOUND,
    ARGUMENT_QUIT,
};

struct word {
    uint8_t size;
    uint8_t op;       /* enum queue_op */
    uint8_t argument; /* enum argument */
    char text[22];
};

#define WORD(text, op, argument)             \
    {                                        \
        sizeof(text) - 1, op, argument, text \
    }

/* The busiest first, as far as prefixes allow. */
static const struct word words[] = {
    WORD("put ", QUEUE_PUT, ARGUMENT_PUT),
    WORD("delete ", QUEUE_DELETE, ARGUMENT_ID),
    WORD("reserve-with-timeout ", QUEUE_RESERVE, ARGUMENT_TIMEOUT),
    WORD("reserve-job ", QUEUE_RESERVE_JOB, ARGUMENT_ID),
    WORD("reserve", QUEUE_RESERVE, ARGUMENT_NONE),
    WORD("release ", QUEUE_RELEASE, ARGUMENT_RELEASE),
    WORD("bury ", QUEUE_BURY, ARGUMENT_BURY),
    WORD("touch ", QUEUE_TOUCH, ARGUMENT_ID),
    WORD("use ", QUEUE_USE, ARGUMENT_TUBE),
    WORD("watch ", QUEUE_WATCH, ARGUMENT_TUBE),
    WORD("ignore ", QUEUE_IGNORE, ARGUMENT_TUBE),
    WORD("kick ", QUEUE_KICK, ARGUMENT_BOUND),
    WORD("kick-job ", QUEUE_KICK_JOB, ARGUMENT_ID),
    WORD("peek ", QUEUE_PEEK, ARGUMENT_ID),
    WORD("peek-ready", QUEUE_PEEK_READY, ARGUMENT_NONE),
    WORD("peek-delayed", QUEUE_PEEK_DELAYED, ARGUMENT_NONE),
    WORD("peek-buried", QUEUE_PEEK_BURIED, ARGUMENT_NONE),
    WORD("stats-job ", QUEUE_STATS_JOB, ARGUMENT_ID),
    WORD("stats-tube ", QUEUE_STATS_TUBE, ARGUMENT_TUBE),
    WORD("stats", QUEUE_STATS, ARGUMENT_NONE),
    WORD("list-tubes-watched", QUEUE_LIST_TUBES_WATCHED, ARGUMENT_NONE),
    WORD("list-tube-used", QUEUE_LIST_TUBE_USED, ARGUMENT_NONE),
    WORD("list-tubes", QUEUE_LIST_TUBES, ARGUMENT_NONE),
    WORD("pause-tube", QUEUE_PAUSE_TUBE, ARGUMENT_PAUSE),
    WORD("quit", 0, ARGUMENT_QUIT),
    /* A browser that some page made post to this port: its body would be taken for commands. */
    WORD("POST ", 0, ARGUMENT_QUIT),
    WORD("Host:", 0, ARGUMENT_QUIT),
};

static const struct word *word_find(struct slice line)
{
    if (line.size == 0) return NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct word *word = &words[i];
        if ((uint8_t)word->text[0] == line.data[0] && word->size <= line.size &&
            memcmp(word->text, line.data, word->size) == 0) {
            return word;
        }
    }
    return NULL;
}

/* What is left of a line. Every read takes from its front. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static void skip_spaces(struct cursor *cursor)
{
    while (cursor->at < cursor->end && *cursor->at == ' ') cursor->at++;
}

/* Digits up to the first byte that is none. False when they exceed `max` or there are none. */
static bool read_digits(struct cursor *cursor, uint64_t max, uint64_t *value)
{
    const uint8_t *from = cursor->at;
    uint64_t sum = 0;
    for (; cursor->at < cursor->end && is_digit(*cursor->at); cursor->at++) {
        unsigned digit = (unsigned)(*cursor->at - '0');
        if (sum > (UINT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return cursor->at != from && sum <= max;
}

static bool read_u32_text(struct cursor *cursor, uint32_t *value)
{
    uint64_t wide;
    skip_spaces(cursor);
    if (!read_digits(cursor, UINT32_MAX, &wide)) return false;
    *value = (uint32_t)wide;
    return true;
}

static bool read_id(struct cursor *cursor, uint64_t *id)
{
    skip_spaces(cursor);
    return read_digits(cursor, UINT64_MAX, id);
}

static bool at_end(const struct cursor *cursor)
{
    return cursor->at == cursor->end;
}

/* A number as strtol() reads one; what follows it is nobody's concern. */
enum loose { LOOSE_NONE, LOOSE_OVERFLOW, LOOSE_NEGATIVE, LOOSE_NUMBER };

static enum loose read_loose(struct cursor *cursor, uint64_t magnitude_max, uint64_t *magnitude)
{
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || (*cursor->at >= '\t' && *cursor->at <= '\r'))) {
        cursor->at++;
    }
    bool negative = false;
    if (cursor->at < cursor->end && (*cursor->at == '-' || *cursor->at == '+')) {
        negative = *cursor->at == '-';
        cursor->at++;
    }
    if (at_end(cursor) || !is_digit(*cursor->at)) return LOOSE_NONE;
    if (!read_digits(cursor, magnitude_max, magnitude)) return LOOSE_OVERFLOW;
    return negative && *magnitude != 0 ? LOOSE_NEGATIVE : LOOSE_NUMBER;
}

static bool read_timeout(struct cursor *cursor, uint32_t *timeout_s)
{
    uint64_t magnitude;
    switch (read_loose(cursor, (uint64_t)INT64_MAX + 1, &magnitude)) {
    case LOOSE_OVERFLOW: return false;
    case LOOSE_NONE: *timeout_s = 0; return true;
    case LOOSE_NEGATIVE: *timeout_s = QUEUE_NO_TIMEOUT; return true;
    case LOOSE_NUMBER:
        if (magnitude > INT64_MAX) return false;
        *timeout_s = magnitude > INT32_MAX ? QUEUE_NO_TIMEOUT : (uint32_t)magnitude;
        return true;
    }
    return false;
}

static bool read_bound(struct cursor *cursor, uint32_t *bound)
{
    uint64_t magnitude;
    switch (read_loose(cursor, UINT64_MAX, &magnitude)) {
    case LOOSE_OVERFLOW:
    case LOOSE_NONE: return false;
    case LOOSE_NEGATIVE: *bound = UINT32_MAX; return true;
    case LOOSE_NUMBER:
        *bound = magnitude > UINT32_MAX ? UINT32_MAX : (uint32_t)magnitude;
        return true;
    }
    return false;
}

static bool read_tube(struct cursor *cursor, struct slice *tube)
{
    const uint8_t *from = cursor->at;
    while (cursor->at < cursor->end && queue_name_byte_valid(*cursor->at)) cursor->at++;
    *tube = slice_of(from, (size_t)(cursor->at - from));
    return queue_name_valid(*tube);
}

static bool read_pause(struct cursor *cursor, struct queue_command *command)
{
    skip_spaces(cursor);
    return read_tube(cursor, &command->tube) && read_u32_text(cursor, &command->delay_s) &&
           at_end(cursor);
}

static enum beanstalk_line read_put(struct cursor *cursor, uint32_t body_size_max,
                                    struct queue_command *command, uint32_t *body_size)
{
    if (!read_u32_text(cursor, &command->priority) || !read_u32_text(cursor, &command->delay_s) ||
        !read_u32_text(cursor, &command->ttr_s) || !read_u32_text(cursor, body_size)) {
        return BEANSTALK_LINE_BAD_FORMAT;
    }
    /* Before what trails is looked at, as beanstalkd does: the body must be swallowed. */
    if (*body_size > body_size_max) return BEANSTALK_LINE_TOO_BIG;
    return at_end(cursor) ? BEANSTALK_LINE_PUT : BEANSTALK_LINE_BAD_FORMAT;
}

/* All arguments but those of put and quit. */
static bool read_arguments(struct cursor *cursor, enum argument argument,
                           struct queue_command *command)
{
    switch (argument) {
    case ARGUMENT_NONE: return at_end(cursor);
    case ARGUMENT_ID: return read_id(cursor, &command->id) && at_end(cursor);
    case ARGUMENT_RELEASE:
        return read_id(cursor, &command->id) && read_u32_text(cursor, &command->priority) &&
               read_u32_text(cursor, &command->delay_s) && at_end(cursor);
    case ARGUMENT_BURY:
        return read_id(cursor, &command->id) && read_u32_text(cursor, &command->priority) &&
               at_end(cursor);
    case ARGUMENT_TUBE: return read_tube(cursor, &command->tube) && at_end(cursor);
    case ARGUMENT_PAUSE: return read_pause(cursor, command);
    case ARGUMENT_TIMEOUT: return read_timeout(cursor, &command->timeout_s);
    case ARGUMENT_BOUND: return read_bound(cursor, &command->bound);
    case ARGUMENT_PUT:
    case ARGUMENT_QUIT: break;
    }
    return false;
}

enum beanstalk_line beanstalk_line_read(struct slice line, uint32_t body_size_max,
                                        struct queue_command *command, uint32_t *body_size)
{
    if (line.size != 0 && memchr(line.data, 0, line.size) != NULL) return BEANSTALK_LINE_BAD_FORMAT;
    const struct word *word = word_find(line);
    if (word == NULL) return BEANSTALK_LINE_UNKNOWN;
    if (word->argument == ARGUMENT_QUIT) return BEANSTALK_LINE_QUIT;

    *command = (struct queue_command){.op = (enum queue_op)word->op};
    if (command->op == QUEUE_RESERVE) command->timeout_s = QUEUE_NO_TIMEOUT;
    struct cursor cursor = {line.data + word->size, line.data + line.size};
    if (word->argument == ARGUMENT_PUT) return read_put(&cursor, body_size_max, command, body_size);
    return read_arguments(&cursor, (enum argument)word->argument, command)
               ? BEANSTALK_LINE_COMMAND
               : BEANSTALK_LINE_BAD_FORMAT;
}
