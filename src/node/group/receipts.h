/* Writes that this leader acknowledges by itself: receipts.c. */
#ifndef QUARTET_NODE_GROUP_RECEIPTS_H
#define QUARTET_NODE_GROUP_RECEIPTS_H

#include "node/group/group.h"

struct receipts {
    struct buffer waiting;      /* struct receipt, in the order of their sequences */
    struct group_receipt *told; /* for the output */
    uint32_t told_count, told_capacity;
};

void receipts_free(struct group *group);
/* What this replica has applied is acknowledged, and what is durable here in this leader's term. */
void receipts_turn(struct group *group);
/* The proposal of this sequence was dropped when its turn came: another leader appended it. */
void receipts_fenced(struct group *group, uint64_t sequence);
/* Of those below this sequence that wait still, nobody knows. True: there were any. */
bool receipts_give_up(struct group *group, uint64_t below);
/* Those from this sequence on were never sent. */
void receipts_refuse(struct group *group, uint64_t from);
/* All clients of this node are being closed. */
void receipts_forget(struct group *group);

#endif
