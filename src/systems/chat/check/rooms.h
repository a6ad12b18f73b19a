/* What is known of rooms while a history is read, shared by the files of this folder: what stands
 * at which number, who posted which text, and how far each reader came. */
#ifndef QUARTET_SYSTEMS_CHAT_CHECK_ROOMS_H
#define QUARTET_SYSTEMS_CHAT_CHECK_ROOMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

enum thing_kind { THING_UNKNOWN, THING_POST, THING_EDIT, THING_DELETE };

/* At (room, seq). */
struct thing {
    struct map_node node;
    uint64_t room, seq;
    enum thing_kind kind;
    uint64_t text;                 /* of a post, its first: an atom; HISTORY_NIL: not known yet */
    uint64_t of;                   /* of an edit or deletion */
    uint32_t line;                 /* where it was first heard of */
    bool edit_asked, delete_asked; /* of this post, by anybody */
};

/* A text of (room, atom): no two posts or edits have the same one. */
struct text {
    struct map_node node;
    uint64_t room, atom;
    uint64_t of;  /* an edit's post; 0: it is a post */
    uint64_t seq; /* of a post: where it stands; 0: not known yet */
    bool refused;
};

/* A process that reads a room. */
struct reader_state {
    struct map_node node;
    uint64_t room;
    uint32_t process;
    bool joined;
    uint64_t next;    /* number that it sees next */
    uint32_t join_at; /* line of the join */
};

/* A process knows that a post is deleted. */
struct knowledge {
    struct map_node node;
    uint64_t room, seq;
    uint32_t process;
    uint32_t line;
};

struct room_state {
    struct map_node node;
    uint64_t room;      /* atom */
    uint64_t acked_max; /* the highest number acknowledged so far */
    uint32_t acked_line;
};

/* Zero-initialized is empty. */
struct rooms {
    struct map things, texts, readers, known, states;
};

void rooms_free(struct rooms *rooms);
/* Each makes what there is not yet, where `make` says so; else NULL. */
struct thing *rooms_thing(struct rooms *rooms, uint64_t room, uint64_t seq);
struct text *rooms_text(struct rooms *rooms, uint64_t room, uint64_t atom, bool make);
struct reader_state *rooms_reader(struct rooms *rooms, uint64_t room, uint32_t process);
struct knowledge *rooms_knowledge(struct rooms *rooms, uint64_t room, uint64_t seq,
                                  uint32_t process, bool make);
struct room_state *rooms_state(struct rooms *rooms, uint64_t room);

#endif
