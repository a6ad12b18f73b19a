/* A counted B+ tree of keys, in the order of their bytes.
 *
 * Beside each child stands how many *live* keys lie below it, so that the live keys of any range
 * are counted in O(log n), and those that are dead (deleted, but still readable at older revisions)
 * are stepped over by whole subtrees. Keys stand in leaves only; an inner node steers by the least
 * key of each child. No call touches more than one path, and a node beside it. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_MACHINE_TREE_H
#define QUARTET_SYSTEMS_CONSENSUS_MACHINE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct key;

enum { TREE_FANOUT = 64 };

/* Zero-initialized is empty. Keys are the caller's and stay where they are. */
struct tree {
    bool every; /* every key of this tree counts as live, whatever it is elsewhere */
    struct tree_node *root;
    uint64_t count; /* of keys, live or not */
    uint64_t bytes; /* of nodes */
};

/* A place in a tree: valid until it is next changed. `key` NULL: there is none. */
struct tree_place {
    struct key *key;
    struct tree_node *leaf;
    uint32_t at;
};

/* NULL: it is not there. */
struct key *tree_find(const struct tree *tree, struct slice bytes);
/* It must not be there, and be dead, unless the tree counts every key: see tree_turned(). */
void tree_insert(struct tree *tree, struct key *key);
/* It must be there, and dead, unless the tree counts every key. */
void tree_remove(struct tree *tree, struct key *key);
/* The key became live (+1) or dead (-1). */
void tree_turned(struct tree *tree, const struct key *key, int by);
/* How many live keys are less than this; `bytes` NULL: of all. */
uint64_t tree_live_below(const struct tree *tree, const struct slice *bytes);

/* The first key not less than `bytes`, or, with `after`, greater; with `live` the first live one.
 * Then the next behind it. */
struct tree_place tree_seek(const struct tree *tree, struct slice bytes, bool after, bool live);
void tree_next(const struct tree *tree, struct tree_place *place, bool live);
/* The first of all. */
struct key *tree_first(const struct tree *tree);

/* Frees nodes, from the end, each counted off the budget by the keys that it holds; `drop`, unless
 * NULL, takes each key. True once the tree is empty. Until then nothing else may be asked of it. */
bool tree_free_some(struct tree *tree, uint32_t *budget, void (*drop)(void *world, struct key *key),
                    void *world);

/* Panics where the order, a count or a shape is wrong; returns the live keys. */
uint64_t tree_check(const struct tree *tree);

#endif
