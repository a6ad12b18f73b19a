/* INFO of a node with many groups: their texts, which differ in numbers, made one. See internal.h.
 */
#include <string.h>

#include "systems/store/protocol/internal.h"

static const char *const summed[INFO_SUMMED] = {"used_memory", "total_commands_processed",
                                                "expired_keys", "db0:keys", "expires"};
enum { SUM_KEYS = 3, SUM_ENDING = 4 };

void info_free(struct info_sums *info)
{
    buffer_free(&info->text);
}

/* Takes a line off the front, without its end. */
static struct slice take_line(struct slice *text)
{
    size_t size = 0;
    while (size < text->size && text->data[size] != '\r') size++;
    struct slice line = slice_of(text->data, size);
    size += text->size - size < 2 ? text->size - size : 2;
    *text = slice_of(text->data + size, text->size - size);
    return line;
}

/* "name:123" or "name=123...": the number; false: the line is of something else. */
static bool number_of(struct slice line, const char *name, uint64_t *number)
{
    size_t size = strlen(name), digits = 0;
    if (line.size <= size || memcmp(line.data, name, size) != 0) return false;
    if (line.data[size] != ':' && line.data[size] != '=') return false;
    line = slice_of(line.data + size + 1, line.size - size - 1);
    while (digits < line.size && line.data[digits] >= '0' && line.data[digits] <= '9') digits++;
    return decimal_read(slice_of(line.data, digits), number);
}

static bool begins(struct slice line, const char *text)
{
    size_t size = strlen(text);
    return line.size >= size && memcmp(line.data, text, size) == 0;
}

static void add_line(struct info_sums *info, struct slice line)
{
    uint64_t number;
    for (int i = 0; i < INFO_SUMMED; i++) {
        if (number_of(line, summed[i], &number)) info->sums[i] += number;
    }
    if (!begins(line, "db0:")) return;
    size_t at = 0;
    while (at < line.size && line.data[at] != ',') at++;
    at += at < line.size;
    if (number_of(slice_of(line.data + at, line.size - at), summed[SUM_ENDING], &number)) {
        info->sums[SUM_ENDING] += number;
    }
}

void info_add(struct info_sums *info, struct slice text)
{
    if (info->text.size == 0) buffer_append_slice(&info->text, text);
    while (text.size > 0) add_line(info, take_line(&text));
}

static void put_line(const struct info_sums *info, struct slice line, bool leads,
                     struct buffer *out)
{
    uint64_t number;
    if (begins(line, "db0:")) return;
    if (begins(line, "role:")) line = slice_text(leads ? "role:master" : "role:slave");
    for (int i = 0; i < SUM_KEYS; i++) {
        if (!number_of(line, summed[i], &number)) continue;
        line.size = strlen(summed[i]) + 1;
        buffer_append_slice(out, line);
        buffer_append_decimal(out, info->sums[i]);
        buffer_append_text(out, "\r\n");
        return;
    }
    buffer_append_slice(out, line);
    buffer_append_text(out, "\r\n");
    if (!begins(line, "# Keyspace") || info->sums[SUM_KEYS] == 0) return;
    buffer_append_text(out, "db0:keys=");
    buffer_append_decimal(out, info->sums[SUM_KEYS]);
    buffer_append_text(out, ",expires=");
    buffer_append_decimal(out, info->sums[SUM_ENDING]);
    buffer_append_text(out, ",avg_ttl=0\r\n");
}

void info_say(const struct info_sums *info, const struct store_connection *connection,
              struct buffer *out)
{
    struct buffer text = {0};
    struct slice rest = buffer_slice(&info->text);
    bool leads = route_leads(connection, connection->facts->node);
    while (rest.size > 0) put_line(info, take_line(&rest), leads, &text);
    resp_put_bulk(out, buffer_slice(&text));
    buffer_free(&text);
}
