/* The chat as a replicated machine: rooms with one order, a history that survives, posts that stand
 * once, and who is there.
 *
 * Commands are encoded by chat_command_encode() into the log; replies are emitted as struct
 * chat_reply. What is promised, and the bytes: specs/systems/chat.md. */
#ifndef QUARTET_SYSTEMS_CHAT_MACHINE_CHAT_H
#define QUARTET_SYSTEMS_CHAT_MACHINE_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"

enum {
    CHAT_USER_SIZE_MAX = 64,
    CHAT_ROOM_SIZE_MAX = 2 * CHAT_USER_SIZE_MAX + 1, /* two users, a comma between; else 64 */
    CHAT_BODY_SIZE_MAX = 16384,
    CHAT_WINDOW = 32,         /* ids of a client that are remembered */
    CHAT_EVENT_BYTES = 160,   /* what an event counts besides its text */
    CHAT_SESSION_ROOMS = 64,  /* in which one session is present */
    CHAT_PRESENT_MAX = 20000, /* in one room */
    CHAT_PAGE_EVENTS = 100,   /* in one reply */
    CHAT_PAGE_USERS = 100,
    CHAT_PAGE_BYTES = 262144, /* of texts in one reply, beyond the first */
    CHAT_CHANGES = 8192,      /* of presence that this replica remembers, of all rooms */
    CHAT_DELTA_MAX = 128,     /* of them, that one delta is made of */
};

enum chat_op {
    CHAT_ATTACH = 1,
    CHAT_POST,
    CHAT_EDIT,
    CHAT_DELETE,
    CHAT_ENTER,
    CHAT_LEAVE,
    CHAT_READ,
    CHAT_COMMANDS, /* Questions: answered by machine_ops.query, never in the log. */
    CHAT_ROOM = 64,
    CHAT_HISTORY,
    CHAT_PRESENCE,
    CHAT_STAMP,
    CHAT_QUESTIONS,
};

enum chat_form { CHAT_TEXT, CHAT_DATA };

/* Whose posts an edit or deletion may reach. */
enum chat_authority { CHAT_SAME_CLIENT, CHAT_SAME_USER, CHAT_ANYONE, CHAT_AUTHORITIES };

struct chat_client_key {
    uint64_t stamp;  /* the machine's, when it was issued: the answer to CHAT_STAMP */
    uint64_t number; /* of the node's choice */
};

/* Fields that an op does not name are 0. */
struct chat_command {
    enum chat_op op;
    struct chat_client_key client; /* ATTACH */
    uint64_t secret[2];            /* ATTACH */
    uint64_t id;                   /* POST, EDIT, DELETE */
    struct slice room;             /* all but ATTACH, STAMP */
    struct slice user; /* POST, EDIT, DELETE, ENTER, READ; PRESENCE: where to begin, or empty */
    enum chat_authority authority; /* EDIT, DELETE */
    uint64_t seq;                  /* EDIT, DELETE: the post; READ; HISTORY: below it */
    uint32_t limit;                /* HISTORY */
    enum chat_form form;           /* POST, EDIT */
    struct slice body;             /* POST, EDIT */
};

bool chat_user_valid(struct slice user);
bool chat_room_valid(struct slice room);
void chat_command_encode(const struct chat_command *command, struct buffer *out);
/* False when malformed, or a name is not valid, or an id is 0. Slices borrow from `bytes`. */
bool chat_command_decode(struct slice bytes, struct chat_command *command);

enum chat_event_kind { CHAT_EVENT_POST = 1, CHAT_EVENT_EDIT, CHAT_EVENT_DELETE };

/* An event as it is shown now. Slices are borrowed until the machine next changes. */
struct chat_event {
    enum chat_event_kind kind;
    uint64_t seq;
    uint64_t of; /* the post; of a post itself: seq */
    uint64_t wall_us;
    struct slice user;
    struct chat_client_key client;
    uint64_t id;
    bool edited, deleted; /* the post, since */
    enum chat_form form;
    struct slice body; /* what the post says now; empty once it is deleted */
};

/* specs/systems/chat.md, "Errors". */
enum chat_error {
    CHAT_ERROR_NONE,
    CHAT_ERROR_ID_TOO_OLD,
    CHAT_ERROR_ID_REUSED,
    CHAT_ERROR_CLIENT_FORGOTTEN,
    CHAT_ERROR_BAD_CLIENT, /* never issued, a wrong secret, or none attached */
    CHAT_ERROR_REPLACED,
    CHAT_ERROR_TOO_BIG,
    CHAT_ERROR_EMPTY,
    CHAT_ERROR_NO_SUCH_POST,
    CHAT_ERROR_NO_SUCH_EVENT,
    CHAT_ERROR_NOT_YOURS,
    CHAT_ERROR_TOO_MANY_ROOMS,
    CHAT_ERROR_FULL, /* as many as may be: clients that are attached, users present in a room */
};

/* What a room is to who joins it. One that there is not is empty: its next event is seq + 1. */
struct chat_room_state {
    uint64_t seq;     /* the last one given */
    uint64_t first;   /* the oldest kept; seq + 1: none */
    uint64_t version; /* of presence */
    uint64_t count;   /* present */
};

enum chat_reply_kind {
    CHAT_REPLY_ERROR = 1, /* error */
    CHAT_REPLY_ATTACHED,  /* seq: what a watch of OWNER is to begin with */
    CHAT_REPLY_ACK,       /* seq, wall_us, duplicate */
    CHAT_REPLY_ROOM,      /* room; ENTER, LEAVE and the question */
    CHAT_REPLY_READ,      /* seq */
    CHAT_REPLY_HISTORY,   /* events, events_count, seq: ask on below it; 0: that was all */
    CHAT_REPLY_PRESENCE,  /* room, users, users_count, more */
    CHAT_REPLY_STAMP,     /* seq */
};

struct chat_reply {
    enum chat_reply_kind kind;
    enum chat_error error;
    uint64_t seq;
    uint64_t wall_us;
    bool duplicate;
    struct chat_room_state room;
    const struct chat_event *events; /* in their order */
    uint32_t events_count;
    const struct slice *users; /* in the order of their bytes */
    uint32_t users_count;
    bool more; /* users behind the last */
};

/* The same on every replica. 0: as specs/systems/chat.md says under "Limits"; age: none. */
struct chat_options {
    uint64_t rooms_max;
    uint64_t room_events_max;
    uint64_t room_bytes_max;
    uint64_t history_bytes_max;
    uint64_t history_age_us;
    uint64_t clients_max;
    uint64_t client_idle_us;
    uint64_t markers_max;
    uint64_t grace_us;
};

extern const struct machine_ops chat_ops;

/* --- watches --- */

enum chat_watch_kind { CHAT_WATCH_EVENTS = 1, CHAT_WATCH_PRESENCE, CHAT_WATCH_OWNER };

struct chat_watch {
    enum chat_watch_kind kind;
    struct slice room; /* EVENTS, PRESENCE */
    uint64_t after; /* EVENTS, PRESENCE: begin behind that number or version; UINT64_MAX: from now
                          on. OWNER: `seq` of the reply to ATTACH */
    uint64_t last;  /* EVENTS: of what is there only so many; UINT64_MAX: all */
    struct chat_client_key client; /* OWNER */
};

void chat_watch_encode(const struct chat_watch *watch, struct buffer *out);

enum chat_news_kind {
    CHAT_NEWS_BEGIN = 1, /* state; EVENTS: from: the number that comes next */
    CHAT_NEWS_EVENT,     /* event */
    CHAT_NEWS_GAP,       /* from, to: not kept, or skipped as `last` asked */
    CHAT_NEWS_PRESENCE,  /* state, was, changes, changes_count */
    CHAT_NEWS_PRESENT,   /* state: too much has changed to say what; the list has to be asked for */
    CHAT_NEWS_REPLACED,  /* OWNER: another session has attached the client */
};

/* What a watch hears; borrowed for the call. Of a room each event is heard once, in its order, or
 * that it is skipped. */
struct chat_news {
    enum chat_news_kind kind;
    struct chat_room_state state;
    struct chat_event event;
    uint64_t from, to;
    uint64_t was; /* version of presence since which it has changed */
    const struct chat_change *changes;
    uint32_t changes_count;
};

/* --- reading, for whoever follows a room: nothing changes, nothing is emitted --- */

struct chat_room_state chat_room_state(const void *machine, struct slice room);

struct chat_change {
    struct slice user; /* borrowed until the machine next changes */
    bool joined;       /* else left */
};
/* Who came and who went since that version of a room's presence; nobody who did both. Returns how
 * many; UINT32_MAX: that was too much, or too long ago, or before a snapshot came: ask for the
 * list. */
uint32_t chat_presence_since(const void *machine, struct slice room, uint64_t version,
                             struct chat_change changes[CHAT_DELTA_MAX]);
/* How far a user has read; 0: nothing. */
uint64_t chat_marker(const void *machine, struct slice room, struct slice user);

#endif
