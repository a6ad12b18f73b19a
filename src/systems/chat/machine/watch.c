/* Watches: cursors into a room's events, or into who is present, or into who owns a client. A
 * cursor is a topic and a number, no more: the next event, or, with PRESENCE set, the version that
 * was told last, or, with OWNER set, the number of the session that owned the client. None of these
 * come twice, so a cursor outlives its room, and the machine. */
#include "systems/chat/machine/internal.h"

#define PRESENCE (UINT64_C(1) << 63)
#define OWNER (UINT64_C(1) << 62)

void chat_watch_encode(const struct chat_watch *watch, struct buffer *out)
{
    ASSERT(watch->room.size <= UINT8_MAX);
    buffer_put_u8(out, (uint8_t)watch->kind);
    if (watch->kind == CHAT_WATCH_OWNER) {
        buffer_put_u64(out, watch->client.stamp);
        buffer_put_u64(out, watch->client.number);
        buffer_put_u64(out, watch->after);
        return;
    }
    buffer_put_u8(out, (uint8_t)watch->room.size);
    buffer_append_slice(out, watch->room);
    buffer_put_u64(out, watch->after);
    buffer_put_u64(out, watch->last);
}

static struct room *room_of(const struct chat *chat, const struct machine_watch *watch)
{
    struct map_node *node = map_find(&chat->rooms, watch->topic);
    return node == NULL ? NULL : LIST_ITEM(node, struct room, node);
}

static void say_gap(machine_say *say, void *world, uint64_t from, uint64_t to)
{
    say(world, &(struct chat_news){.kind = CHAT_NEWS_GAP, .from = from, .to = to});
}

static void open_events(const struct chat_room_state *state, uint64_t after, uint64_t last,
                        struct machine_watch *watch, machine_say *say, void *world)
{
    watch->next = (after == UINT64_MAX ? state->seq : after) + 1;
    say(world, &(struct chat_news){.kind = CHAT_NEWS_BEGIN, .state = *state, .from = watch->next});
    if (watch->next > state->seq || state->seq + 1 - watch->next <= last) return;
    say_gap(say, world, watch->next, state->seq - last);
    watch->next = state->seq - last + 1;
}

void chat_watch_open(const void *machine, struct slice spec, struct machine_watch *watch,
                     machine_say *say, void *world)
{
    struct reader reader = reader_of(spec);
    uint8_t kind = read_u8(&reader);
    if (kind == CHAT_WATCH_OWNER) {
        struct chat_client_key key = {.stamp = read_u64(&reader)};
        key.number = read_u64(&reader);
        *watch = (struct machine_watch){
            .topic = chat_client_topic(key),
            .next = OWNER | read_u64(&reader),
        };
        ASSERT(reader_done(&reader));
        return;
    }
    struct slice name = read_exactly(&reader, read_u8(&reader));
    uint64_t after = read_u64(&reader);
    uint64_t last = read_u64(&reader);
    ASSERT(reader_done(&reader)); /* it comes from this node's own protocol */
    struct chat_room_state state = chat_room_state(machine, name);
    *watch = (struct machine_watch){.topic = chat_room_topic(name)};
    if (kind == CHAT_WATCH_EVENTS) {
        open_events(&state, after, last, watch, say, world);
        return;
    }
    watch->next = PRESENCE | (after == UINT64_MAX ? state.version : after);
    say(world, &(struct chat_news){.kind = CHAT_NEWS_BEGIN, .state = state});
}

static bool read_events(const struct room *room, struct machine_watch *watch, size_t size,
                        machine_say *say, void *world)
{
    if (room == NULL || watch->next > room->seq) return false;
    if (watch->next < room->first) {
        say_gap(say, world, watch->next, room->first - 1);
        watch->next = room->first;
    }
    for (size_t said = 0; watch->next <= room->seq && said < size;) {
        struct chat_news news = {.kind = CHAT_NEWS_EVENT};
        news.event = chat_show(chat_event_at(room, watch->next++));
        said += CHAT_EVENT_BYTES + news.event.body.size;
        say(world, &news);
    }
    return watch->next <= room->seq;
}

static void read_presence(const struct chat *chat, const struct room *room,
                          struct machine_watch *watch, machine_say *say, void *world)
{
    struct chat_change changes[CHAT_DELTA_MAX];
    struct chat_news news = {.kind = CHAT_NEWS_PRESENCE, .was = watch->next & ~PRESENCE};
    news.state = chat_room_state_of(chat, room);
    if (news.state.version <= news.was) return;
    watch->next = PRESENCE | news.state.version;
    news.changes = changes;
    news.changes_count = UINT32_MAX;
    if (room != NULL) {
        news.changes_count = chat_presence_since(chat, chat_room_name(room), news.was, changes);
    }
    if (news.changes_count == 0) return; /* who came is gone again */
    if (news.changes_count == UINT32_MAX) {
        news.kind = CHAT_NEWS_PRESENT;
        news.changes = NULL;
        news.changes_count = 0;
    }
    say(world, &news);
}

/* Clients may share a topic; the number is of one session. */
static void read_owner(const struct chat *chat, struct machine_watch *watch, machine_say *say,
                       void *world)
{
    uint64_t number = watch->next & ~OWNER;
    if (number == 0) return; /* it was said */
    const struct map_node *node = map_find(&chat->clients, watch->topic);
    for (; node != NULL; node = map_find_next(node)) {
        const struct session *owner = LIST_ITEM(node, struct client, node)->owner;
        if (owner == NULL || owner->number == number) return;
    }
    watch->next = OWNER;
    say(world, &(struct chat_news){.kind = CHAT_NEWS_REPLACED});
}

bool chat_watch_read(const void *machine, struct machine_watch *watch, size_t size,
                     machine_say *say, void *world)
{
    if ((watch->next & (PRESENCE | OWNER)) == OWNER) {
        read_owner(machine, watch, say, world);
        return false;
    }
    const struct room *room = room_of(machine, watch);
    if ((watch->next & PRESENCE) == 0) return read_events(room, watch, size, say, world);
    read_presence(machine, room, watch, say, world);
    return false;
}
