/* The chat's state, shared by the files of this folder and nobody else.
 *
 * A room keeps its events in a ring, by number. An event never changes; what a post *says* stands
 * in a struct saying, which the post and its edits and deletion share: so an edit shows everywhere
 * at once, and a deleted text is nowhere.
 *
 * Objects are numbered out of one machine-wide `sequence`; heap keys end with such a number, so the
 * order in which things happen depends on the state alone, never on how it came about.
 *
 * Whoever changes an object calls its will_change() before and its changed() after. The first lets
 * a running cut write the object as it was, the second keeps the digest. */
#ifndef QUARTET_SYSTEMS_CHAT_MACHINE_INTERNAL_H
#define QUARTET_SYSTEMS_CHAT_MACHINE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "contract/cut.h"
#include "contract/machine.h"
#include "systems/chat/machine/chat.h"

/* What a post says now. Lives as long as an event that is about it. */
struct saying {
    uint64_t of;     /* the post's seq */
    uint32_t events; /* about it, that are kept */
    uint32_t cut_number;
    uint32_t body_size;
    uint8_t form; /* enum chat_form */
    bool edited, deleted;
    uint8_t *body;         /* NULL once it is deleted */
    uint64_t contribution; /* to the digest */
};

struct event {
    struct saying *saying;
    uint64_t seq;
    uint64_t wall_us;
    uint64_t due_us; /* for its age */
    struct chat_client_key client;
    uint64_t id;
    uint8_t kind; /* enum chat_event_kind */
    uint8_t user_size;
    uint8_t user[];
};

/* A user who is in a room, or was until a moment ago. */
struct attendee {
    struct list all;
    struct room *room;
    uint64_t number;
    uint64_t grace_until_us; /* elapsed; 0: sessions are there */
    struct heap_place grace_place;
    uint32_t sessions;
    uint32_t cut_number;
    uint64_t contribution;
    uint8_t user_size;
    uint8_t user[];
};

/* There while it has events or attendees. */
struct room {
    struct map_node node; /* by topic */
    struct map_node by_number;
    struct list all;
    uint64_t number;
    uint64_t seq;        /* the last one given */
    uint64_t first;      /* the oldest kept; seq + 1: none */
    uint64_t bytes;      /* of what is kept */
    uint64_t version;    /* of presence */
    struct event **ring; /* [seq & (capacity - 1)] */
    uint32_t capacity;
    struct attendee **attendees; /* in the order of their names */
    uint32_t attendees_count, attendees_capacity;
    struct heap_place size_place; /* in by_size, while it has events */
    struct heap_place age_place;  /* in by_age, the same, if they age */
    uint64_t newest_change;       /* of presence, in the machine's changes; 0: none that is known */
    uint32_t cut_number;
    uint64_t cut_next, cut_last; /* events of the cut that are still to be written */
    uint64_t contribution;
    uint8_t name_size;
    uint8_t name[];
};

struct window_slot {
    uint64_t id;     /* 0: none */
    uint64_t action; /* a hash of what it did */
    uint64_t seq;
    uint64_t wall_us;
};

struct client {
    struct map_node node; /* by key */
    struct list all;
    struct chat_client_key key;
    uint64_t secret[2];
    struct session *owner; /* or NULL */
    uint64_t top;          /* the highest id that was accepted */
    uint64_t idle_due_us;  /* since when nobody owns it */
    uint64_t idle_number;  /* orders those; 0: it has an owner */
    struct heap_place idle_place;
    uint32_t cut_number;
    uint64_t contribution;                  /* without its window */
    struct window_slot window[CHAT_WINDOW]; /* [id % CHAT_WINDOW] */
};

/* How far a user has read in a room of that name. */
struct marker {
    struct map_node node;
    struct list all;
    uint64_t seq;
    uint64_t moved_number;
    struct heap_place moved_place;
    uint32_t cut_number;
    uint64_t contribution;
    uint8_t room_size;
    uint8_t user_size;
    uint8_t names[]; /* room, user */
};

/* The sessions of one incarnation of one node: they can end together. */
struct origin {
    struct list all;
    uint64_t incarnation;
    uint64_t number;
    uint64_t ended_us;     /* elapsed, when it ended */
    uint64_t ended_number; /* 0: it lives */
    struct heap sessions;  /* by number */
    struct heap_place ending_place;
    uint32_t node;
};

struct session {
    struct map_node node;
    struct list all;
    struct session_key key;
    struct origin *origin;
    uint64_t number;
    struct heap_place origin_place;
    struct client *client; /* that it owns, or NULL */
    bool replaced;         /* another took its client over */
    uint8_t rooms;         /* in which it is present */
    uint32_t cut_number;
    uint64_t contribution;
    struct attendee *present[CHAT_SESSION_ROOMS];
};

/* One change of presence; replicas need not remember the same ones. */
struct change {
    uint64_t room_number;
    uint64_t version;  /* that it led to */
    uint64_t previous; /* of the same room; 0: none */
    bool joined;
    uint8_t user_size;
    uint8_t user[CHAT_USER_SIZE_MAX];
};

/* Of the snapshot, beside contract/cut.h's. */
enum {
    CHAT_OBJECT_ROOM = CUT_HEADER + 1,
    CHAT_OBJECT_SAYING,
    CHAT_OBJECT_EVENT,
    CHAT_OBJECT_ATTENDEE,
    CHAT_OBJECT_CLIENT,
    CHAT_OBJECT_SESSION,
    CHAT_OBJECT_MARKER,
    CHAT_OBJECT_END,
};

struct chat_counts {
    uint64_t rooms, events, attendees, clients, sessions, markers;
};

struct chat_cursors {
    struct list *room, *attendee, *client, *session, *marker; /* the next to look at */
    uint64_t digest; /* as of cut_begin(), and so are the counts */
    struct chat_counts counts;
};

/* A post that is still to come, or is no longer kept, while edits of it may follow. */
struct saying_ref {
    struct map_node node; /* by room and post */
    struct list all;
    uint64_t room_number;
    struct saying *saying; /* the ref's own until an event has it */
};

struct chat_restore {
    struct cut_feed feed;
    struct map by_post;
    struct list sayings; /* refs */
    uint64_t owned;      /* clients with an owner */
    uint64_t digest;     /* as the end of the stream has it */
};

struct chat {
    struct chat_options options;
    machine_emit *emit;
    void *world;

    struct machine_time time;
    uint64_t sequence;        /* the last number given: the stamp */
    uint64_t removed_seq;     /* the highest of any room that is gone, */
    uint64_t removed_version; /* and of its presence */
    uint64_t forgotten_stamp; /* the highest of any client that is forgotten */

    struct map rooms, rooms_by_number, clients, sessions, markers;
    struct list room_list, attendee_list, client_list, session_list, marker_list, origins;
    struct heap by_size;        /* rooms with events, the largest first */
    struct heap by_age;         /* by the due stamp of their oldest event */
    struct heap graces;         /* attendees, elapsed */
    struct heap idle;           /* clients without an owner, longest idle first */
    struct heap moved;          /* markers, the one moved longest ago first */
    struct heap ending_origins; /* by ended_number */

    uint64_t events;    /* kept, of all rooms */
    uint64_t attendees; /* of all rooms */
    uint64_t history_bytes;
    uint64_t bytes;   /* of all else */
    uint64_t digest;  /* of objects; the rest is added when asked */
    int64_t budget;   /* objects that this call may still touch; may end a little below 0 */
    int64_t work_max; /* MACHINE_WORK_MAX; less only in tests that want cursors everywhere */

    struct change *changes; /* [number % CHAT_CHANGES]; NULL before the first */
    uint64_t changes_count; /* the number of the newest; they begin at 1 */

    struct cut cut;
    struct chat_cursors cursors;
    struct chat_restore restore;
};

#define ITEM_OF(place_, type_, member_) LIST_ITEM(place_, struct type_, member_)

/* chat.c */
uint64_t chat_hash_words(const uint64_t *words, size_t count);
static inline uint64_t chat_next_number(struct chat *chat)
{
    return ++chat->sequence;
}
void chat_emit(struct chat *chat, const struct session_key *session, struct chat_reply reply);
void chat_mark(struct chat *chat, uint64_t topic); /* whoever watches it reads on */
void chat_reply_error(struct chat *chat, const struct session *session, enum chat_error error);
uint64_t chat_digest(const void *machine);
struct chat_counts chat_counts_of(const struct chat *chat);

/* room.c */
struct room *chat_room_find(const struct chat *chat, struct slice name);
struct room *chat_room_by_number(const struct chat *chat, uint64_t number);
uint64_t chat_room_topic(struct slice name);
void chat_room_mark(struct chat *chat, const struct room *room);
/* The caller gives it an event or an attendee, or calls chat_room_drop_empty(). */
struct room *chat_room_make(struct chat *chat, struct slice name, uint64_t number, uint64_t seq);
/* NULL: there are as many as may be. */
struct room *chat_room_find_or_make(struct chat *chat, struct slice name);
void chat_room_drop_empty(struct chat *chat, struct room *room);
/* Its memory, and that of all in it. */
void chat_room_free(struct chat *chat, struct room *room);
void chat_room_will_change(struct chat *chat, struct room *room);
void chat_room_changed(struct chat *chat, struct room *room);
uint64_t chat_room_hash(const struct room *room);
static inline struct slice chat_room_name(const struct room *room)
{
    return slice_of(room->name, room->name_size);
}
struct chat_room_state chat_room_state_of(const struct chat *chat, const struct room *room);

/* history.c */
static inline struct event *chat_event_at(const struct room *room, uint64_t seq)
{
    return room->ring[seq & (room->capacity - 1)];
}
/* `like` without its saying; the number is the room's next. The room has seen will_change(). */
struct event *chat_event_append(struct chat *chat, struct room *room, const struct event *like,
                                struct slice user, struct saying *saying);
void chat_event_drop_first(struct chat *chat, struct room *room);
uint64_t chat_event_hash(const struct room *room, const struct event *event);
struct saying *chat_saying_make(struct chat *chat, uint64_t of);
void chat_saying_will_change(struct chat *chat, struct room *room, struct saying *saying);
/* Sets the text, an empty one to delete it. */
void chat_saying_set(struct chat *chat, struct room *room, struct saying *saying,
                     enum chat_form form, struct slice body);
void chat_saying_changed(struct chat *chat, const struct room *room, struct saying *saying);
uint64_t chat_saying_hash(const struct room *room, const struct saying *saying);
/* What is beyond the limits goes, the oldest first. */
void chat_history_trim(struct chat *chat, struct room *room);
/* One event that is too old, or too much for the whole; false when there is none. */
bool chat_history_trim_step(struct chat *chat);
/* The room's places in by_size and by_age, after its events changed. */
void chat_history_moved(struct chat *chat, struct room *room);

/* post.c: the commands, with their replies */
void chat_post(struct chat *chat, struct session *session, const struct chat_command *command);

/* client.c */
uint64_t chat_client_topic(struct chat_client_key key); /* of watches, and its hash */
struct client *chat_client_find(const struct chat *chat, struct chat_client_key key);
struct client *chat_client_make(struct chat *chat, struct chat_client_key key);
void chat_client_free(struct chat *chat, struct client *client);
void chat_client_will_change(struct chat *chat, struct client *client);
void chat_client_changed(struct chat *chat, struct client *client);
uint64_t chat_client_hash(const struct client *client);
uint64_t chat_slot_hash(const struct client *client, const struct window_slot *slot);
void chat_client_set_slot(struct chat *chat, struct client *client, struct window_slot slot);
void chat_client_attach(struct chat *chat, struct session *session,
                        const struct chat_command *command);
/* The session owns it no more. */
void chat_client_detach(struct chat *chat, struct session *session);
bool chat_client_forget_step(struct chat *chat); /* one that was idle too long */

/* session.c */
struct session *chat_session_find(const struct chat *chat, const struct session_key *key);
struct session *chat_session_find_or_make(struct chat *chat, const struct session_key *key);
struct session *chat_session_make(struct chat *chat, const struct session_key *key,
                                  struct origin *origin, uint64_t number);
struct origin *chat_origin_make(struct chat *chat, uint32_t node, uint64_t incarnation,
                                uint64_t number);
void chat_origin_free(struct chat *chat, struct origin *origin);
void chat_session_free(struct chat *chat, struct session *session);
void chat_session_will_change(struct chat *chat, struct session *session);
void chat_session_changed(struct chat *chat, struct session *session);
uint64_t chat_session_hash(const struct session *session);
/* Ends it: whom it leaves behind has grace from `elapsed_us` on. */
void chat_session_remove(struct chat *chat, struct session *session, uint64_t elapsed_us);
void chat_origins_end(struct chat *chat, uint32_t node, uint64_t incarnation);
bool chat_origin_step(struct chat *chat); /* one session of an origin that ended */

/* presence.c */
void chat_enter(struct chat *chat, struct session *session, const struct chat_command *command);
void chat_leave(struct chat *chat, struct session *session, struct slice room);
/* The session's attendee at `index` loses it. */
void chat_attendee_lose(struct chat *chat, struct session *session, uint8_t index,
                        uint64_t grace_until_us);
bool chat_grace_step(struct chat *chat); /* one attendee whose grace is over */
/* Where the user stands among the attendees, or would. */
uint32_t chat_attendee_index(const struct room *room, struct slice user);
struct attendee *chat_attendee_find(const struct room *room, struct slice user);
struct attendee *chat_attendee_make(struct chat *chat, struct room *room, struct slice user,
                                    uint64_t number);
void chat_attendee_will_change(struct chat *chat, struct attendee *attendee);
void chat_attendee_changed(struct chat *chat, struct attendee *attendee);
uint64_t chat_attendee_hash(const struct attendee *attendee);
void chat_attendee_set_grace(struct chat *chat, struct attendee *attendee, uint64_t until_us);
static inline struct slice chat_attendee_user(const struct attendee *attendee)
{
    return slice_of(attendee->user, attendee->user_size);
}

/* marker.c */
void chat_read(struct chat *chat, struct session *session, const struct chat_command *command);
struct marker *chat_marker_find(const struct chat *chat, struct slice room, struct slice user);
struct marker *chat_marker_make(struct chat *chat, struct slice room, struct slice user);
void chat_marker_free(struct chat *chat, struct marker *marker);
void chat_marker_will_change(struct chat *chat, struct marker *marker);
void chat_marker_changed(struct chat *chat, struct marker *marker);
uint64_t chat_marker_hash(const struct marker *marker);

/* watch.c */
void chat_watch_open(const void *machine, struct slice spec, struct machine_watch *watch,
                     machine_say *say, void *world);
bool chat_watch_read(const void *machine, struct machine_watch *watch, size_t room,
                     machine_say *say, void *world);

/* query.c */
struct chat_event chat_show(const struct event *event);
void chat_query(const void *machine, const struct session_key *session, struct slice command,
                const struct machine_time *now, const struct machine_facts *facts);
void chat_metrics(const void *machine, struct buffer *out);

/* cut.c: pre-images; only while a cut is active */
void chat_cut_room(struct chat *chat, struct room *room);
void chat_cut_event(struct chat *chat, struct room *room, struct event *event);
void chat_cut_saying(struct chat *chat, struct room *room, struct saying *saying);
void chat_cut_attendee(struct chat *chat, struct attendee *attendee);
void chat_cut_client(struct chat *chat, struct client *client);
void chat_cut_session(struct chat *chat, struct session *session);
void chat_cut_marker(struct chat *chat, struct marker *marker);
/* About to be unlinked from its list of all. */
void chat_cut_skip(struct chat *chat, const struct list *leaving);
void chat_cut_begin(void *machine);
bool chat_cut_read(void *machine, size_t size, struct buffer *out);
uint64_t chat_cut_pending(const void *machine);
void chat_cut_abort(void *machine);

/* restore.c */
bool chat_restore(void *machine, struct slice bytes);
bool chat_restore_end(void *machine);
void chat_restore_free(struct chat *chat);

/* check.c */
void chat_check(const void *machine);

#endif
