/* This node as an origin of proposals, and as the leader that takes them in: proposals.c. */
#ifndef QUARTET_NODE_GROUP_PROPOSALS_H
#define QUARTET_NODE_GROUP_PROPOSALS_H

#include "node/group/group.h"

enum {
    NODE_ITEM_BYTES_MAX = 128 << 10, /* commands gathered in one log entry */
    NODE_RESEND_US = 1000000,        /* proposals without progress are sent again */
    NODE_INCARNATION_STEP = 1 << 30, /* at random above those that the log knows */
};

struct proposal_item {
    struct list link;
    struct buffer bytes; /* a COMMANDS batch; its header is filled in when it is first sent */
    uint32_t count;
    uint64_t first;       /* 0: not sent yet */
    uint64_t since_us;    /* first command arrived, or since sent */
    uint64_t index, term; /* of the entry that this node appended for it, as the leader; 0: none */
    bool given_up;        /* those who wait for it were told that its outcome is not known */
};

struct proposals {
    struct list pending; /* items without a sequence */
    struct list sent;    /* items with one, not applied yet */
    struct list spare;
    struct list refused;    /* for the output: never sent, and no one to send them to */
    struct list told;       /* of the last output */
    uint32_t refused_count; /* items in `refused` */
    uint32_t uncertain; /* for the output: so many of `sent` were given up since the last one, */
    const struct list *uncertain_at; /* from this one on */
    uint64_t next;                   /* sequence to give */
    uint64_t unsent;                 /* commands in `pending` */
    uint64_t bytes;
    uint32_t sessions; /* of this node, that the machine holds or is about to */
    uint32_t sent_to;  /* the leader and term that `sent` was last sent to */
    uint64_t sent_term;
    uint64_t progress_us;
    uint64_t leaderless_us; /* since when nothing could be sent; 0: it can */
    uint64_t renewed_us;
    uint64_t held_until; /* without an incarnation: applied up to here, it may take one; 0: none */
    bool renew_idle_due; /* the last session ended: tell it */
    struct slice *forwards; /* for the output: batches to the leader */
    uint32_t forwards_count, forwards_capacity;
    uint64_t proposed; /* commands, in all */
};

/* What this leader's log holds of each origin, appended or applied: accept.c. */
struct accepted {
    uint64_t term;  /* in which this was learned */
    bool commanded; /* a command for the machine has entered the log since */
    struct origins origins;
};

/* As the leader: appends a batch of this header, whose origin may be any node. One that is not
 * next, or is there already, is left out, and that is OK too, with *index as it was: its origin
 * sends again. */
enum raft_propose_result proposals_append(struct group *group, const struct commands_header *header,
                                          struct slice batch, uint64_t *index);

/* As the leader: whether the log has taken a command for the machine in this term. */
bool proposals_taken(const struct group *group);

/* Gathers a command with the others that wait to be sent; copied. */
void proposals_add(struct group *group, const struct command *command);
/* Says that this node lives, where that is due: sessions.c. */
void sessions_turn(struct group *group);

void proposals_init(struct group *group);
void proposals_free(struct group *group);
/* Sends what can be sent, refuses what waited too long: once a turn, in group_work(). */
void proposals_turn(struct group *group);
/* The replica has moved on: what it has applied is done. It may show that this incarnation is over;
 * then another one begins, which is not ready until it is durable. */
void proposals_applied(struct group *group);
/* The sequence that the last command gathered has, or will get when it is sent: nothing but a
 * refusal comes between. */
uint64_t proposals_last(const struct proposals *proposals);
/* How far this node's proposals of this incarnation are applied. */
uint64_t proposals_own_applied(const struct group *group);
/* Fills in refused, uncertain, leader and forwards. */
void proposals_output(struct group *group, struct group_output *output);

#endif
