/* What the files behind /members share: who asks for what, and the answer. */
#ifndef QUARTET_NODE_ADMIN_MEMBERS_H
#define QUARTET_NODE_ADMIN_MEMBERS_H

#include "node/hub.h"

enum members_verb { ASK_LIST = 1, ASK_ADD, ASK_PROMOTE, ASK_REMOVE, ASK_TRANSFER, ASK_VERBS };

/* UNAVAILABLE says that nothing was done, so that one may ask again. */
enum members_status {
    MEMBERS_DONE = 200,
    MEMBERS_WRONG = 400,
    MEMBERS_UNKNOWN = 404,
    MEMBERS_CONFLICT = 409,
    MEMBERS_UNAVAILABLE = 503,
};

struct members_ask {
    uint8_t verb;
    uint32_t id;
    struct slice address; /* of an ADD; borrowed for the call */
};

/* As the leader sees them: a table, one a line. */
void members_list(const struct node *node, struct buffer *out);
/* Nothing, when the asker is gone. `words` are borrowed for the call. */
void members_answer(struct node *node, const struct members_asker *asker, unsigned status,
                    struct slice words);
/* Sooner or later members_answer() is called, unless the asker leaves first. On any node: one that
 * does not lead says so. */
void change_asked(struct node *node, const struct members_asker *asker,
                  const struct members_ask *ask);

static inline void members_say(struct buffer *out, const char *words, uint64_t number,
                               const char *more)
{
    buffer_append_text(out, words);
    buffer_append_decimal(out, number);
    buffer_append_text(out, more);
}

#endif
