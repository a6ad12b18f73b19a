/* Where a connection is in the log of each group: what its tokens are made of, and what its reads
 * have to be behind.
 *
 * `seen` is what it was shown, one position a group: committed, and held by this replica, which
 * never goes back; so no read of this connection need wait for it. `after` is what a read has to be
 * behind and this replica perhaps is not: what a leader acknowledged alone, and the tokens of other
 * connections. There may be some of each group, of different terms: which of their logs lived on,
 * nobody knows yet. One whose term has been seen, further on, is held: a term has one log. */
#include "systems/store/protocol/internal.h"

enum { POSITIONS_MAX = 256 }; /* of one token: more than there are groups, four times */

static struct protocol_position *positions_in(const struct buffer *buffer, uint32_t *count)
{
    *count = (uint32_t)(buffer->size / sizeof(struct protocol_position));
    if (*count == 0) return NULL;
    return (struct protocol_position *)(void *)(buffer->data + buffer->head);
}

static struct protocol_position *position_of(const struct buffer *buffer, uint32_t group)
{
    uint32_t count;
    struct protocol_position *all = positions_in(buffer, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].group == group) return &all[i];
    }
    return NULL;
}

void position_seen(struct store_connection *connection)
{
    if (connection->facts == NULL) return;
    const struct protocol_position *shown = &connection->facts->shown;
    struct protocol_position *seen = position_of(&connection->seen, shown->group);
    if (seen == NULL) {
        buffer_append(&connection->seen, shown, sizeof *shown);
    } else if (shown->index > seen->index) {
        *seen = *shown;
    }
}

bool position_after(struct store_connection *connection, const struct protocol_position *after,
                    bool make_room)
{
    uint32_t count, of_group = 0;
    struct protocol_position *all = positions_in(&connection->after, &count);
    struct protocol_position *oldest = NULL, *second = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].group != after->group) continue;
        of_group++;
        if (oldest == NULL || all[i].term < oldest->term) {
            second = oldest;
            oldest = &all[i];
        } else if (second == NULL || all[i].term < second->term) {
            second = &all[i];
        }
        if (all[i].term != after->term) continue;
        if (after->index > all[i].index) all[i].index = after->index;
        return true;
    }
    if (of_group < PROTOCOL_AFTER_MAX) {
        buffer_append(&connection->after, after, sizeof *after);
    } else if (make_room) {
        second->index =
            UINT64_MAX; /* never reached in its term, so told to be lost, with the oldest */
        *oldest = *after;
    }
    return of_group < PROTOCOL_AFTER_MAX || make_room;
}

/* Drops what was seen; or, of one group, everything. */
static void after_drop(struct store_connection *connection, const uint32_t *group)
{
    uint32_t count, kept = 0;
    struct protocol_position *all = positions_in(&connection->after, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct protocol_position *seen = position_of(&connection->seen, all[i].group);
        bool held = seen != NULL && seen->term == all[i].term && seen->index >= all[i].index;
        if (group == NULL ? held : all[i].group == *group) continue;
        all[kept++] = all[i];
    }
    connection->after.size = kept * sizeof *all;
}

void positions_lost(struct store_connection *connection)
{
    if (connection->facts != NULL) after_drop(connection, &connection->facts->shown.group);
}

const struct protocol_position *store_after(void *opened, uint32_t *count)
{
    struct store_connection *connection = opened;
    *count = 0;
    if (connection->after.size == 0) return NULL;
    after_drop(connection, NULL);
    return positions_in(&connection->after, count);
}

/* --- tokens --- */

static void put_position(const struct protocol_position *position, struct buffer *text)
{
    if (text->size > 0) buffer_append_text(text, ",");
    buffer_append_decimal(text, position->group);
    buffer_append_text(text, ":");
    buffer_append_decimal(text, position->term);
    buffer_append_text(text, ":");
    buffer_append_decimal(text, position->index);
}

static void put_group(const struct buffer *positions, uint32_t group, struct buffer *text)
{
    uint32_t count;
    const struct protocol_position *all = positions_in(positions, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].group == group) put_position(&all[i], text);
    }
}

/* The lowest group from this one on; UINT32_MAX: there is none. */
static uint32_t group_from(const struct buffer *positions, uint32_t from)
{
    uint32_t count, lowest = UINT32_MAX;
    const struct protocol_position *all = positions_in(positions, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].group >= from && all[i].group < lowest) lowest = all[i].group;
    }
    return lowest;
}

void token_say(struct store_connection *connection, struct buffer *out)
{
    struct buffer text = {0};
    after_drop(connection, NULL);
    for (uint32_t from = 0;;) {
        uint32_t seen = group_from(&connection->seen, from);
        uint32_t after = group_from(&connection->after, from);
        uint32_t group = seen < after ? seen : after;
        if (group == UINT32_MAX) break;
        put_group(&connection->seen, group, &text);
        put_group(&connection->after, group, &text);
        from = group + 1;
    }
    if (text.size == 0) put_position(&(struct protocol_position){0}, &text);
    resp_put_bulk(out, buffer_slice(&text));
    buffer_free(&text);
}

/* Takes a number, and one of `ends` behind it (0: the end of the text); false: there is none. */
static bool take_number(struct slice *text, const char *ends, uint64_t *number)
{
    size_t digits = 0;
    *number = 0;
    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9') {
        unsigned digit = (unsigned)(text->data[digits++] - '0');
        if (*number > (UINT64_MAX - digit) / 10) return false;
        *number = *number * 10 + digit;
    }
    if (digits == 0) return false;
    uint8_t end = digits < text->size ? text->data[digits] : 0;
    for (; *ends != '\0'; ends++) {
        if (end == (uint8_t)*ends) break;
        if (*ends == '.' && digits == text->size) break; /* '.' stands for the end */
    }
    if (*ends == '\0') return false;
    size_t used = digits < text->size ? digits + 1 : digits;
    *text = slice_of(text->data + used, text->size - used);
    return true;
}

bool token_read(struct slice text, struct buffer *positions)
{
    uint32_t count = 0;
    while (text.size > 0) {
        struct protocol_position position;
        uint64_t group;
        if (!take_number(&text, ":", &group) || group >= UINT32_MAX) return false;
        if (!take_number(&text, ":", &position.term)) return false;
        bool more = false;
        for (size_t i = 0; i < text.size; i++) more = more || text.data[i] == ',';
        if (!take_number(&text, more ? "," : ".", &position.index)) return false;
        if (more && text.size == 0) return false;
        position.group = (uint32_t)group;
        if (++count > POSITIONS_MAX) return false;
        buffer_append(positions, &position, sizeof position);
    }
    return count > 0;
}
