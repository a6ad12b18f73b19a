/* Questions to the machine that take no entry in the log: reads.c. */
#ifndef QUARTET_NODE_GROUP_READS_H
#define QUARTET_NODE_GROUP_READS_H

#include "node/group/group.h"

struct group_read {
    struct list link; /* in `waiting`, `behind`, `riding` or `spare` */
    struct group_question question;
    struct buffer command;
    bool riding;
    bool local;
    uint64_t behind; /* the sequence of the proposal behind which it is asked; 0: none */
    uint64_t ticket; /* of raft_read(); 0: not asked yet, or not needed */
    uint64_t index;  /* applied up to here, the state may answer; 0: not known yet */
    uint64_t since_us;
};

struct reads {
    struct list waiting; /* oldest first */
    struct list behind;  /* likewise: those that nobody need confirm, behind positions of the log */
    struct list riding;  /* asked as soon as proposal `behind` is applied; in that order */
    struct list spare;
    uint64_t confirmed, index;             /* what Raft said last */
    uint64_t confirmed_seen, applied_seen; /* when they were last looked through */
    const struct group_question *asking;   /* just now */
    struct group_question *refused;        /* for the output */
    uint32_t refused_count, refused_capacity;
};

void reads_init(struct group *group);
void reads_free(struct group *group);
/* Where the replica has to stop, while it applies, to be asked. Borrowed by it. */
void reads_stop(struct group *group, struct replica_stop *stop);
/* What has not been sent is refused: so are the questions that ride on it, but for local ones. */
void reads_refuse_riding(struct group *group);
/* Of writes below this sequence nobody knows, and their clients are not closed: nor are questions
 * that ride on them left waiting. */
void reads_give_up(struct group *group, uint64_t below);
/* Nothing will be applied any more of what they ride on; their clients are being closed. */
void reads_reborn(struct group *group);
/* Asks Raft for a ticket for those that have none: before its output is taken. */
void reads_turn(struct group *group);

#endif
