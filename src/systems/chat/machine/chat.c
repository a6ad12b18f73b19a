/* The chat as a machine: its table of operations, its life, its time, and the dispatch of commands.
 * chat.h is the contract, internal.h the state. */
#include <stdlib.h>

#include "base/random.h"
#include "systems/chat/machine/internal.h"

/* specs/systems/chat.md, "Limits". */
static const struct chat_options defaults = {
    .rooms_max = 10000,
    .room_events_max = 10000,
    .room_bytes_max = 8 << 20,
    .history_bytes_max = 1 << 30,
    .clients_max = 20000,
    .client_idle_us = UINT64_C(24) * 3600 * 1000000,
    .markers_max = 100000,
    .grace_us = 5000000,
};

uint64_t chat_hash_words(const uint64_t *words, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++)
        hash = random_mix(hash + words[i] + UINT64_C(0x9E3779B97F4A7C15));
    return hash;
}

void chat_emit(struct chat *chat, const struct session_key *session, struct chat_reply reply)
{
    chat->emit(chat->world, session, &reply);
}

void chat_mark(struct chat *chat, uint64_t topic)
{
    chat->emit(chat->world, NULL, &(struct machine_mark){topic});
}

void chat_reply_error(struct chat *chat, const struct session *session, enum chat_error error)
{
    chat_emit(chat, &session->key, (struct chat_reply){.kind = CHAT_REPLY_ERROR, .error = error});
}

struct chat_counts chat_counts_of(const struct chat *chat)
{
    return (struct chat_counts){
        .rooms = chat->rooms.count,
        .events = chat->events,
        .attendees = chat->attendees,
        .clients = chat->clients.count,
        .sessions = chat->sessions.count,
        .markers = chat->markers.count,
    };
}

/* Objects add up as they change; the few words left are hashed when asked. */
uint64_t chat_digest(const void *machine)
{
    const struct chat *chat = machine;
    uint64_t words[] = {
        chat->time.elapsed_us, chat->time.due_us,   chat->time.wall_us,
        chat->sequence,        chat->removed_seq,   chat->removed_version,
        chat->forgotten_stamp, chat->history_bytes, chat->bytes,
    };
    uint64_t sum = chat->digest + chat_hash_words(words, sizeof words / sizeof *words);
    const struct list *end = &chat->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, struct origin, all);
        uint64_t of_origin[] = {origin->node, origin->incarnation, origin->number, origin->ended_us,
                                origin->ended_number};
        sum += chat_hash_words(of_origin, sizeof of_origin / sizeof *of_origin);
    }
    return sum;
}

/* --- life --- */

static void use_default(uint64_t *option, uint64_t value)
{
    if (*option == 0) *option = value;
}

static void *chat_create(const void *options, machine_emit *emit, void *world)
{
    struct chat *chat = calloc(1, sizeof *chat);
    ASSERT(chat != NULL);
    if (options != NULL) chat->options = *(const struct chat_options *)options;
    use_default(&chat->options.rooms_max, defaults.rooms_max);
    use_default(&chat->options.room_events_max, defaults.room_events_max);
    use_default(&chat->options.room_bytes_max, defaults.room_bytes_max);
    use_default(&chat->options.history_bytes_max, defaults.history_bytes_max);
    use_default(&chat->options.clients_max, defaults.clients_max);
    use_default(&chat->options.client_idle_us, defaults.client_idle_us);
    use_default(&chat->options.markers_max, defaults.markers_max);
    use_default(&chat->options.grace_us, defaults.grace_us);
    chat->emit = emit;
    chat->world = world;
    chat->work_max = MACHINE_WORK_MAX;
    chat->sequence = 1; /* so that no stamp is 0 */
    struct list *lists[] = {&chat->room_list,      &chat->attendee_list, &chat->client_list,
                            &chat->session_list,   &chat->marker_list,   &chat->origins,
                            &chat->restore.sayings};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) list_init(lists[i]);
    return chat;
}

/* Events first, the newest of a room first; true when none are left. */
static bool free_some_rooms(struct chat *chat, int *work)
{
    while (!list_empty(&chat->room_list)) {
        struct room *room = ITEM_OF(chat->room_list.previous, room, all);
        while (room->first <= room->seq) {
            if ((*work)-- <= 0) return false;
            struct event *event = chat_event_at(room, room->seq--);
            if (--event->saying->events == 0) {
                free(event->saying->body);
                free(event->saying);
            }
            free(event);
        }
        if ((*work)-- <= 0) return false;
        chat_room_free(chat, room);
    }
    return true;
}

static bool free_some(struct chat *chat, int *work)
{
    if (!free_some_rooms(chat, work)) return false;
    for (; !list_empty(&chat->session_list); (*work)--) {
        if (*work <= 0) return false;
        chat_session_free(chat, ITEM_OF(chat->session_list.previous, session, all));
    }
    for (; !list_empty(&chat->attendee_list); (*work)--) {
        if (*work <= 0) return false;
        struct attendee *attendee = ITEM_OF(chat->attendee_list.previous, attendee, all);
        list_remove(&attendee->all);
        free(attendee);
    }
    for (; !list_empty(&chat->client_list); (*work)--) {
        if (*work <= 0) return false;
        chat_client_free(chat, ITEM_OF(chat->client_list.previous, client, all));
    }
    for (; !list_empty(&chat->marker_list); (*work)--) {
        if (*work <= 0) return false;
        chat_marker_free(chat, ITEM_OF(chat->marker_list.previous, marker, all));
    }
    return true;
}

static bool chat_destroy(void *machine)
{
    struct chat *chat = machine;
    int work = MACHINE_WORK_MAX;
    chat_cut_abort(chat);
    chat_restore_free(chat);
    if (!free_some(chat, &work)) return false;
    while (!list_empty(&chat->origins)) {
        chat_origin_free(chat, ITEM_OF(chat->origins.next, origin, all));
    }
    struct heap *heaps[] = {&chat->by_size, &chat->by_age, &chat->graces,
                            &chat->idle,    &chat->moved,  &chat->ending_origins};
    for (size_t i = 0; i < sizeof heaps / sizeof *heaps; i++) heap_free(heaps[i]);
    struct map *maps[] = {&chat->rooms, &chat->rooms_by_number, &chat->clients, &chat->sessions,
                          &chat->markers};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) map_free(maps[i]);
    free(chat->changes);
    free(chat);
    return true;
}

/* --- time --- */

static void chat_advance(void *machine, const struct machine_time *time)
{
    struct chat *chat = machine;
    chat->time = *time;
    chat->budget = chat->work_max;
    while (chat->budget > 0) {
        if (chat_origin_step(chat) || chat_grace_step(chat)) continue;
        if (chat_history_trim_step(chat) || chat_client_forget_step(chat)) continue;
        break;
    }
}

static uint64_t first_of(const struct heap *heap)
{
    return heap->count == 0 ? UINT64_MAX : heap_min(heap)->major;
}

static struct machine_deadline chat_deadline(const void *machine)
{
    const struct chat *chat = machine;
    struct machine_deadline deadline = {first_of(&chat->graces), UINT64_MAX};
    bool too_much = chat->history_bytes > chat->options.history_bytes_max;
    if (chat->ending_origins.count != 0 || too_much) deadline.elapsed_us = 0;
    if (chat->by_age.count != 0) {
        deadline.due_us = first_of(&chat->by_age) + chat->options.history_age_us;
    }
    if (chat->idle.count != 0) {
        uint64_t due_us = first_of(&chat->idle) + chat->options.client_idle_us;
        if (due_us < deadline.due_us) deadline.due_us = due_us;
    }
    return deadline;
}

/* --- commands --- */

static void chat_apply(void *machine, const struct session_key *key, struct slice bytes)
{
    struct chat *chat = machine;
    struct chat_command command;
    if (!chat_command_decode(bytes, &command) || command.op >= CHAT_COMMANDS) return;
    struct session *session = chat_session_find_or_make(chat, key);
    chat->budget = chat->work_max;
    switch (command.op) {
    case CHAT_ATTACH: chat_client_attach(chat, session, &command); break;
    case CHAT_POST:
    case CHAT_EDIT:
    case CHAT_DELETE: chat_post(chat, session, &command); break;
    case CHAT_ENTER: chat_enter(chat, session, &command); break;
    case CHAT_LEAVE: chat_leave(chat, session, command.room); break;
    case CHAT_READ: chat_read(chat, session, &command); break;
    default: break;
    }
}

static void chat_session_end(void *machine, const struct session_key *key)
{
    struct chat *chat = machine;
    struct session *session = chat_session_find(chat, key);
    if (session != NULL) chat_session_remove(chat, session, chat->time.elapsed_us);
}

static void chat_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    struct chat *chat = machine;
    chat->budget = chat->work_max;
    chat_origins_end(chat, node, incarnation);
    while (chat->budget > 0 && chat_origin_step(chat)) {}
}

static uint64_t chat_bytes(const void *machine)
{
    const struct chat *chat = machine;
    return chat->bytes + chat->history_bytes;
}

const struct machine_ops chat_ops = {
    .name = "chat",
    .snapshot_version = 1,
    .create = chat_create,
    .destroy = chat_destroy,
    .advance = chat_advance,
    .apply = chat_apply,
    .session_end = chat_session_end,
    .origin_end = chat_origin_end,
    .deadline = chat_deadline,
    .query = chat_query,
    .watch_open = chat_watch_open,
    .watch_read = chat_watch_read,
    .metrics = chat_metrics,
    .bytes = chat_bytes,
    .digest = chat_digest,
    .cut_begin = chat_cut_begin,
    .cut_read = chat_cut_read,
    .cut_pending = chat_cut_pending,
    .cut_abort = chat_cut_abort,
    .restore = chat_restore,
    .restore_end = chat_restore_end,
    .check = chat_check,
};
