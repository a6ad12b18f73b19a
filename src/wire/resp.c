/* Commands in RESP: bytes to words. See resp.h.
 *
 * A command is read in place as long as it lies whole in the caller's bytes. Where a piece ends
 * inside, what came of it is copied to `held`, once, and from then on only what the command still
 * needs is taken from the pieces: a header to its end, or the rest of a word. Offsets count from
 * the command's first byte, so that they hold in both places.
 *
 * Memory grows with the bytes that came, never with the sizes that were announced. */
#include "wire/resp.h"

#include <string.h>

#include "base/assert.h"

static const char why_word[] = "a value is above the limit of 8 MiB: store it in parts";
static const char why_command[] = "a command is above the limit of 15 MiB: send it in parts";

enum { ANNOUNCED_MAX = 512 << 20 }; /* a word that is thrown away may be as large as Redis' limit */

static uint32_t word_size_max(const struct resp_parser *parser)
{
    return parser->limits.word_size_max != 0 ? parser->limits.word_size_max : RESP_WORD_SIZE_MAX;
}

static uint32_t command_size_max(const struct resp_parser *parser)
{
    return parser->limits.command_size_max != 0 ? parser->limits.command_size_max
                                                : RESP_COMMAND_SIZE_MAX;
}

static void buffer_let_go(struct buffer *buffer)
{
    if (buffer->capacity > RESP_KEEP_MAX) {
        buffer_free(buffer);
    } else {
        buffer_clear(buffer);
    }
}

void resp_parser_free(struct resp_parser *parser)
{
    buffer_free(&parser->held);
    buffer_free(&parser->words);
    buffer_free(&parser->line);
}

size_t resp_parser_held(const struct resp_parser *parser)
{
    return parser->held.capacity + parser->words.capacity + parser->line.capacity;
}

/* The command before this call was the caller's until now. */
static void begin_command(struct resp_parser *parser)
{
    buffer_let_go(&parser->held);
    buffer_let_go(&parser->words);
    buffer_let_go(&parser->line);
    parser->at = 0;
    parser->missing = 0;
    parser->begun = false;
    parser->bytes = 0;
    parser->too_large = NULL;
    parser->shed = false;
    parser->over = false;
}

static struct slice behind(struct slice bytes, size_t size)
{
    return size == 0 ? bytes : slice_of(bytes.data + size, bytes.size - size);
}

static bool throwing_away(const struct resp_parser *parser)
{
    return parser->too_large != NULL || parser->shed;
}

static void let_go_of_words(struct resp_parser *parser)
{
    buffer_free(&parser->held);
    buffer_free(&parser->words);
    parser->at = 0;
}

/* --- headers --- */

/* A number behind '*' or '$': digits, perhaps a '-'. */
static bool number_read(struct slice text, int64_t *number)
{
    bool negative = text.size > 1 && text.data[0] == '-';
    uint64_t value;
    if (negative) text = slice_of(text.data + 1, text.size - 1);
    if (text.size > 18 || !decimal_read(text, &value)) return false;
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

enum header { HEADER_PARTIAL, HEADER_DONE, HEADER_BROKEN };

/* The header that `bytes` begin with, `mark` first: its number, and its size with CR LF. */
static enum header header_read(struct slice bytes, uint8_t mark, int64_t *number, size_t *size)
{
    if (bytes.size == 0) return HEADER_PARTIAL;
    if (bytes.data[0] != mark) return HEADER_BROKEN;
    size_t look = bytes.size < RESP_HEADER_SIZE_MAX ? bytes.size : RESP_HEADER_SIZE_MAX;
    const uint8_t *cr = memchr(bytes.data, '\r', look);
    if (cr == NULL) return look == RESP_HEADER_SIZE_MAX ? HEADER_BROKEN : HEADER_PARTIAL;
    *size = (size_t)(cr - bytes.data) + 2;
    if (!number_read(slice_of(bytes.data + 1, *size - 3), number)) return HEADER_BROKEN;
    if (*size > bytes.size) return HEADER_PARTIAL;
    return cr[1] == '\n' ? HEADER_DONE : HEADER_BROKEN;
}

static enum resp_result broken(struct resp_parser *parser, const char **why, const char *text)
{
    parser->broken = true;
    let_go_of_words(parser);
    *why = text;
    return RESP_BROKEN;
}

/* --- words --- */

static void word_found(struct resp_parser *parser, uint32_t at, uint32_t size)
{
    struct resp_word word = {at, size};
    buffer_append(&parser->words, &word, sizeof word);
    parser->bytes += size;
    parser->missing--;
}

/* A word of this size is coming: does it pass a limit, or is it thrown away with the others? */
static void weigh_word(struct resp_parser *parser, uint64_t size)
{
    if (parser->too_large == NULL && size > word_size_max(parser)) parser->too_large = why_word;
    if (parser->too_large == NULL && parser->bytes + size > command_size_max(parser)) {
        parser->too_large = why_command;
    }
}

/* One word from `bytes`, which hold the command from its first byte on. PARTIAL: incomplete. */
static enum resp_result read_word(struct resp_parser *parser, struct slice bytes, const char **why)
{
    struct slice rest = behind(bytes, parser->at);
    int64_t size;
    size_t header;
    switch (header_read(rest, '$', &size, &header)) {
    case HEADER_PARTIAL: return RESP_PARTIAL;
    case HEADER_BROKEN: return broken(parser, why, "expected '$' and the size of a word");
    case HEADER_DONE: break;
    }
    if (size < 0 || size > ANNOUNCED_MAX) return broken(parser, why, "invalid bulk length");
    weigh_word(parser, (uint64_t)size);
    if (throwing_away(parser)) {
        parser->at += (uint32_t)header;
        parser->skip = (uint64_t)size + 2;
        return RESP_PARTIAL;
    }
    if (rest.size < header + (size_t)size + 2) return RESP_PARTIAL;
    const uint8_t *end = rest.data + header + size;
    if (end[0] != '\r' || end[1] != '\n')
        return broken(parser, why, "expected CR LF behind a word");
    word_found(parser, parser->at + (uint32_t)header, (uint32_t)size);
    parser->at += (uint32_t)header + (uint32_t)size + 2;
    return RESP_COMMAND;
}

/* --- inline commands --- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash within double quotes; how many bytes of it were read. */
static size_t unescape(struct slice text, uint8_t *out)
{
    static const char codes[] = "n\nr\rt\tb\ba\a";
    if (text.size >= 3 && text.data[0] == 'x' && hex_digit(text.data[1]) >= 0 &&
        hex_digit(text.data[2]) >= 0) {
        *out = (uint8_t)(hex_digit(text.data[1]) << 4 | hex_digit(text.data[2]));
        return 3;
    }
    *out = text.data[0];
    for (size_t i = 0; codes[i] != '\0'; i += 2) {
        if (text.data[0] == (uint8_t)codes[i]) *out = (uint8_t)codes[i + 1];
    }
    return 1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* A word in quotes, `at` behind the first of them, its bytes appended to parser->line. False: they
 * do not end, or something else than a space stands behind them. */
static bool read_quoted(struct resp_parser *parser, struct slice line, size_t *at)
{
    uint8_t quote = line.data[*at - 1];
    for (size_t i = *at; i < line.size; i++) {
        uint8_t c = line.data[i];
        if (c == quote) {
            *at = i + 1;
            return *at == line.size || is_space(line.data[*at]);
        }
        if (c == '\\' && i + 1 < line.size && quote == '"') {
            i += unescape(slice_of(line.data + i + 1, line.size - i - 1), &c);
        } else if (c == '\\' && i + 1 < line.size && line.data[i + 1] == '\'') {
            c = line.data[++i];
        }
        buffer_put_u8(&parser->line, c);
    }
    return false;
}

static bool read_plain_or_quoted(struct resp_parser *parser, struct slice line, size_t *at)
{
    while (*at < line.size && !is_space(line.data[*at])) {
        uint8_t c = line.data[(*at)++];
        if (c == '"' || c == '\'') return read_quoted(parser, line, at);
        buffer_put_u8(&parser->line, c);
    }
    return true;
}

/* A line without its end, as words. */
static bool split_line(struct resp_parser *parser, struct slice line)
{
    for (size_t at = 0;;) {
        while (at < line.size && is_space(line.data[at])) at++;
        if (at == line.size) return true;
        struct resp_word word = {(uint32_t)parser->line.size, 0};
        if (!read_plain_or_quoted(parser, line, &at)) return false;
        word.size = (uint32_t)parser->line.size - word.at;
        buffer_append(&parser->words, &word, sizeof word);
    }
}

/* `bytes` hold the line from its first byte on. COMMAND: it is whole, and may have no word. */
static enum resp_result read_inline(struct resp_parser *parser, struct slice bytes,
                                    const char **why)
{
    size_t look = bytes.size < RESP_INLINE_SIZE_MAX ? bytes.size : RESP_INLINE_SIZE_MAX;
    const uint8_t *newline = memchr(bytes.data, '\n', look);
    if (newline == NULL && look == RESP_INLINE_SIZE_MAX) {
        return broken(parser, why, "too big inline request: send an array of bulk strings");
    }
    if (newline == NULL) return RESP_PARTIAL;
    size_t size = (size_t)(newline - bytes.data);
    parser->at = (uint32_t)size + 1;
    if (size > 0 && bytes.data[size - 1] == '\r') size--;
    if (!split_line(parser, slice_of(bytes.data, size))) {
        return broken(parser, why, "unbalanced quotes in request");
    }
    return RESP_COMMAND;
}

/* --- commands --- */

static enum resp_result read_array_head(struct resp_parser *parser, struct slice bytes,
                                        const char **why)
{
    int64_t count;
    size_t size;
    switch (header_read(bytes, '*', &count, &size)) {
    case HEADER_PARTIAL: return RESP_PARTIAL;
    case HEADER_BROKEN: return broken(parser, why, "invalid multibulk length");
    case HEADER_DONE: break;
    }
    if (count > RESP_WORDS_MAX) return broken(parser, why, "invalid multibulk length");
    parser->at = (uint32_t)size;
    parser->missing = count > 0 ? (uint32_t)count : 0;
    parser->begun = true;
    return RESP_COMMAND;
}

/* Reads on in `bytes`, which hold the command from its first byte on. */
static enum resp_result read_on(struct resp_parser *parser, struct slice bytes, const char **why)
{
    if (!parser->begun) {
        if (bytes.size == 0) return RESP_PARTIAL;
        bool array = bytes.data[0] == '*';
        enum resp_result head =
            array ? read_array_head(parser, bytes, why) : read_inline(parser, bytes, why);
        if (head != RESP_COMMAND || !array) return head;
    }
    while (parser->missing > 0) {
        enum resp_result word = read_word(parser, bytes, why);
        if (word != RESP_COMMAND) return word;
    }
    return RESP_COMMAND;
}

/* The rest of a word that is thrown away. */
static void skip_some(struct resp_parser *parser, struct slice *rest)
{
    size_t size = parser->skip < rest->size ? (size_t)parser->skip : rest->size;
    *rest = behind(*rest, size);
    parser->skip -= size;
    if (parser->skip == 0) parser->missing--;
}

/* How many bytes the command certainly still needs, behind what is held of it: the rest of a word,
 * or 1: of a header, or of a line. */
static size_t needed(const struct resp_parser *parser)
{
    struct slice rest = behind(buffer_slice(&parser->held), parser->at);
    int64_t size;
    size_t header;
    if (!parser->begun || header_read(rest, '$', &size, &header) != HEADER_DONE) return 1;
    return header + (size_t)size + 2 - rest.size;
}

/* Moves to `held` what the command needs of `rest`: to its end where a line is awaited. */
static void hold_some(struct resp_parser *parser, struct slice *rest)
{
    size_t size = needed(parser);
    if (size == 1) {
        const uint8_t *newline = memchr(rest->data, '\n', rest->size);
        size = newline == NULL ? rest->size : (size_t)(newline - rest->data) + 1;
        size_t most = parser->begun ? RESP_HEADER_SIZE_MAX : RESP_INLINE_SIZE_MAX;
        if (size > most) size = most;
    }
    if (size > rest->size) size = rest->size;
    buffer_append(&parser->held, rest->data, size);
    *rest = behind(*rest, size);
}

static enum resp_result ended(struct resp_parser *parser, const uint8_t *base,
                              struct resp_command *command, const char **why)
{
    parser->over = true;
    *why = parser->too_large;
    if (!parser->begun) base = buffer_reserve(&parser->line, 1) - parser->line.size; /* not NULL */
    command->base = base;
    command->words = (const struct resp_word *)(const void *)buffer_slice(&parser->words).data;
    command->count = (uint32_t)(parser->words.size / sizeof(struct resp_word));
    if (parser->shed) return RESP_SHED;
    return *why != NULL ? RESP_TOO_LARGE : RESP_COMMAND;
}

/* Goes on with a command of which something is held, or that is thrown away: then only the header
 * that is being read is held. */
static enum resp_result go_on(struct resp_parser *parser, struct slice *rest,
                              struct resp_command *command, const char **why)
{
    for (;;) {
        if (parser->skip > 0) {
            skip_some(parser, rest);
            if (parser->skip > 0) return RESP_PARTIAL;
        }
        enum resp_result result = read_on(parser, buffer_slice(&parser->held), why);
        if (result == RESP_BROKEN) return result;
        if (result == RESP_COMMAND) {
            return ended(parser, buffer_slice(&parser->held).data, command, why);
        }
        if (throwing_away(parser)) {
            buffer_consume(&parser->held, parser->at);
            buffer_free(&parser->words);
            parser->at = 0;
        }
        if (parser->skip > 0) continue;
        if (rest->size == 0) return RESP_PARTIAL;
        hold_some(parser, rest);
    }
}

/* Begins with a command in place. */
static enum resp_result begin(struct resp_parser *parser, struct slice *rest,
                              struct resp_command *command, const char **why)
{
    enum resp_result result = read_on(parser, *rest, why);
    const uint8_t *base = rest->data;
    if (result == RESP_BROKEN) return result;
    if (result == RESP_COMMAND) {
        *rest = behind(*rest, parser->at);
        return ended(parser, base, command, why);
    }
    if (parser->skip > 0) { /* what it throws away begins here */
        *rest = behind(*rest, parser->at);
        let_go_of_words(parser);
        return go_on(parser, rest, command, why);
    }
    buffer_append_slice(&parser->held, *rest);
    *rest = behind(*rest, rest->size);
    return RESP_PARTIAL;
}

enum resp_result resp_parse(struct resp_parser *parser, struct slice bytes, size_t *consumed,
                            struct resp_command *command, const char **why)
{
    enum resp_result result = RESP_PARTIAL;
    struct slice rest = bytes;
    *command = (struct resp_command){0};
    *why = NULL;
    *consumed = bytes.size;
    if (parser->over) begin_command(parser);
    if (parser->broken) return RESP_PARTIAL;
    while (result == RESP_PARTIAL && rest.size > 0) {
        bool fresh = parser->held.size == 0 && !throwing_away(parser);
        result = fresh ? begin(parser, &rest, command, why) : go_on(parser, &rest, command, why);
        if (result != RESP_COMMAND || command->count > 0) continue;
        begin_command(parser); /* an empty line, an empty array: nothing was said */
        result = RESP_PARTIAL;
    }
    if (result != RESP_BROKEN) *consumed = bytes.size - rest.size;
    return result;
}

void resp_parser_shed(struct resp_parser *parser)
{
    if (parser->over || !parser->begun || throwing_away(parser)) return;
    struct slice rest = behind(buffer_slice(&parser->held), parser->at);
    int64_t size;
    size_t header;
    parser->shed = true;
    if (header_read(rest, '$', &size, &header) == HEADER_DONE) {
        parser->skip = header + (uint64_t)size + 2 - rest.size;
        let_go_of_words(parser);
        return;
    }
    uint8_t begun[RESP_HEADER_SIZE_MAX];
    ASSERT(rest.size < sizeof begun);
    if (rest.size > 0) memcpy(begun, rest.data, rest.size);
    size_t begun_size = rest.size;
    let_go_of_words(parser);
    buffer_append(&parser->held, begun, begun_size);
}
