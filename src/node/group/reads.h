/* Questions to the machine that take no entry in the log: reads.c. */
#ifndef QUARTET_NODE_GROUP_READS_H
#define QUARTET_NODE_GROUP_READS_H

#include "node/group/group.h"

struct group_read {
    struct list link;               /* in `waiting`, or in `spare` */
    struct group_question question; /* its command is borrowed while it waits */
    uint64_t ticket;                /* of raft_read(); 0: not asked yet, or not needed */
    uint64_t index;                 /* applied up to here, the state may answer; 0: not known yet */
    uint64_t since_us;
};

struct reads {
    struct list waiting; /* oldest first */
    struct list spare;
    uint64_t confirmed, index;             /* what Raft said last */
    uint64_t confirmed_seen, applied_seen; /* when they were last looked through */
    const struct group_question *asking;   /* just now */
    struct group_question *refused;        /* for the output */
    uint32_t refused_count, refused_capacity;
};

void reads_init(struct group *group);
void reads_free(struct group *group);
/* Asks Raft for a ticket for those that have none: before its output is taken. */
void reads_turn(struct group *group);

#endif
