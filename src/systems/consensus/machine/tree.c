/* The counted B+ tree. See tree.h.
 *
 * A node that is full is split on the way back from an insertion; one that can be joined with a
 * neighbour to a node three quarters full is joined on the way back from a removal. Leaves know
 * the next one and the one before. */
#include "systems/consensus/machine/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum {
    JOIN_MAX = TREE_FANOUT * 3 / 4,
    DEPTH_MAX = 16, /* 2^64 keys would need less */
};

/* Both kinds begin alike. */
struct tree_node {
    uint32_t count;
    bool leaf;
};

struct leaf {
    struct tree_node node;
    struct leaf *previous, *next;
    struct key *keys[TREE_FANOUT];
};

struct inner {
    struct tree_node node;
    struct tree_node *children[TREE_FANOUT];
    struct key *least[TREE_FANOUT]; /* of each child */
    uint64_t live[TREE_FANOUT];     /* below each child */
};

static struct leaf *leaf_of(const struct tree_node *node)
{
    return (struct leaf *)(void *)node;
}

static struct inner *inner_of(const struct tree_node *node)
{
    return (struct inner *)(void *)node;
}

static struct tree_node *node_new(struct tree *tree, bool leaf)
{
    size_t size = leaf ? sizeof(struct leaf) : sizeof(struct inner);
    struct tree_node *node = calloc(1, size);
    ASSERT(node != NULL);
    node->leaf = leaf;
    tree->bytes += size;
    return node;
}

static void node_free(struct tree *tree, struct tree_node *node)
{
    tree->bytes -= node->leaf ? sizeof(struct leaf) : sizeof(struct inner);
    free(node);
}

static bool counts(const struct tree *tree, const struct key *key)
{
    return tree->every || key_live(key);
}

static struct key *least_of(const struct tree_node *node)
{
    return node->leaf ? leaf_of(node)->keys[0] : inner_of(node)->least[0];
}

static uint64_t live_of(const struct tree *tree, const struct tree_node *node)
{
    uint64_t live = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        live += node->leaf ? counts(tree, leaf_of(node)->keys[i]) : inner_of(node)->live[i];
    }
    return live;
}

/* How many of the leaf's keys are less than `bytes`. */
static uint32_t leaf_below(const struct leaf *leaf, struct slice bytes)
{
    uint32_t low = 0, high = leaf->node.count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (slice_compare(key_bytes(leaf->keys[middle]), bytes) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The child that holds `bytes`, or would. */
static uint32_t inner_child(const struct inner *inner, struct slice bytes)
{
    uint32_t low = 0, high = inner->node.count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (slice_compare(key_bytes(inner->least[middle]), bytes) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

struct key *tree_find(const struct tree *tree, struct slice bytes)
{
    const struct tree_node *node = tree->root;
    if (node == NULL) return NULL;
    while (!node->leaf) {
        node = inner_of(node)->children[inner_child(inner_of(node), bytes)];
    }
    const struct leaf *leaf = leaf_of(node);
    uint32_t at = leaf_below(leaf, bytes);
    if (at == leaf->node.count || !slice_equal(key_bytes(leaf->keys[at]), bytes)) return NULL;
    return leaf->keys[at];
}

/* Insertion */

static void inner_place(const struct tree *tree, struct inner *inner, uint32_t at,
                        struct tree_node *child)
{
    size_t behind = inner->node.count - at;
    memmove(&inner->children[at + 1], &inner->children[at], behind * sizeof inner->children[0]);
    memmove(&inner->least[at + 1], &inner->least[at], behind * sizeof inner->least[0]);
    memmove(&inner->live[at + 1], &inner->live[at], behind * sizeof inner->live[0]);
    inner->children[at] = child;
    inner->least[at] = least_of(child);
    inner->live[at] = live_of(tree, child);
    inner->node.count++;
}

/* Moves the upper part of a full node to a new one. A key at the very end of the tree is likely to
 * be followed by others there: then little is moved, and the nodes left behind stay full. */
static struct tree_node *split(struct tree *tree, struct tree_node *node, bool at_end)
{
    struct tree_node *other = node_new(tree, node->leaf);
    uint32_t keep = at_end ? TREE_FANOUT - 1 : TREE_FANOUT / 2, moved = node->count - keep;
    if (node->leaf) {
        struct leaf *from = leaf_of(node), *to = leaf_of(other);
        memcpy(to->keys, from->keys + keep, moved * sizeof to->keys[0]);
        to->previous = from;
        to->next = from->next;
        if (to->next != NULL) to->next->previous = to;
        from->next = to;
    } else {
        struct inner *from = inner_of(node), *to = inner_of(other);
        memcpy(to->children, from->children + keep, moved * sizeof to->children[0]);
        memcpy(to->least, from->least + keep, moved * sizeof to->least[0]);
        memcpy(to->live, from->live + keep, moved * sizeof to->live[0]);
    }
    node->count = keep;
    other->count = moved;
    return other;
}

/* Returns a node that now stands behind this one, or NULL. */
static struct tree_node *insert_below(struct tree *tree, struct tree_node *node, struct key *key,
                                      bool last)
{
    uint32_t at;
    if (node->leaf) {
        struct leaf *leaf = leaf_of(node);
        at = leaf_below(leaf, key_bytes(key));
        memmove(&leaf->keys[at + 1], &leaf->keys[at], (node->count - at) * sizeof leaf->keys[0]);
        leaf->keys[at] = key;
        node->count++;
    } else {
        struct inner *inner = inner_of(node);
        uint32_t child = inner_child(inner, key_bytes(key));
        last = last && child == node->count - 1;
        struct tree_node *other = insert_below(tree, inner->children[child], key, last);
        inner->least[child] = least_of(inner->children[child]);
        at = child + 1;
        if (other != NULL) {
            inner->live[child] = live_of(tree, inner->children[child]);
            inner_place(tree, inner, at, other);
        } else if (tree->every) {
            inner->live[child]++;
        }
    }
    bool at_end = last && at == node->count - 1;
    return node->count == TREE_FANOUT ? split(tree, node, at_end) : NULL;
}

void tree_insert(struct tree *tree, struct key *key)
{
    if (tree->root == NULL) tree->root = node_new(tree, true);
    struct tree_node *other = insert_below(tree, tree->root, key, true);
    tree->count++;
    if (other == NULL) return;
    struct inner *root = inner_of(node_new(tree, false));
    inner_place(tree, root, 0, tree->root);
    inner_place(tree, root, 1, other);
    tree->root = &root->node;
}

/* Removal */

static void inner_take(struct inner *inner, uint32_t at)
{
    size_t behind = inner->node.count - at - 1;
    memmove(&inner->children[at], &inner->children[at + 1], behind * sizeof inner->children[0]);
    memmove(&inner->least[at], &inner->least[at + 1], behind * sizeof inner->least[0]);
    memmove(&inner->live[at], &inner->live[at + 1], behind * sizeof inner->live[0]);
    inner->node.count--;
}

static void leaf_unlink(struct leaf *leaf)
{
    if (leaf->previous != NULL) leaf->previous->next = leaf->next;
    if (leaf->next != NULL) leaf->next->previous = leaf->previous;
}

/* Child `at` takes what the one behind it holds. */
static void join(struct tree *tree, struct inner *inner, uint32_t at)
{
    struct tree_node *left = inner->children[at], *right = inner->children[at + 1];
    if (left->leaf) {
        struct leaf *to = leaf_of(left), *from = leaf_of(right);
        memcpy(to->keys + left->count, from->keys, right->count * sizeof to->keys[0]);
        leaf_unlink(from);
    } else {
        struct inner *to = inner_of(left), *from = inner_of(right);
        uint32_t count = right->count;
        memcpy(to->children + left->count, from->children, count * sizeof to->children[0]);
        memcpy(to->least + left->count, from->least, count * sizeof to->least[0]);
        memcpy(to->live + left->count, from->live, count * sizeof to->live[0]);
    }
    left->count += right->count;
    inner->live[at] += inner->live[at + 1];
    inner->least[at] = least_of(left);
    inner_take(inner, at + 1);
    node_free(tree, right);
}

static void remove_below(struct tree *tree, struct tree_node *node, const struct key *key)
{
    if (node->leaf) {
        struct leaf *leaf = leaf_of(node);
        uint32_t at = leaf_below(leaf, key_bytes(key));
        ASSERT(at < node->count && leaf->keys[at] == key);
        memmove(&leaf->keys[at], &leaf->keys[at + 1],
                (node->count - at - 1) * sizeof leaf->keys[0]);
        node->count--;
        return;
    }
    struct inner *inner = inner_of(node);
    uint32_t at = inner_child(inner, key_bytes(key));
    struct tree_node *child = inner->children[at];
    remove_below(tree, child, key);
    if (tree->every) inner->live[at]--;
    if (child->count == 0) {
        if (child->leaf) leaf_unlink(leaf_of(child));
        inner_take(inner, at);
        node_free(tree, child);
        return;
    }
    inner->least[at] = least_of(child);
    if (at + 1 < node->count && child->count + inner->children[at + 1]->count <= JOIN_MAX) {
        join(tree, inner, at);
    } else if (at > 0 && child->count + inner->children[at - 1]->count <= JOIN_MAX) {
        join(tree, inner, at - 1);
    }
}

void tree_remove(struct tree *tree, struct key *key)
{
    ASSERT(tree->root != NULL);
    remove_below(tree, tree->root, key);
    tree->count--;
    while (tree->root != NULL && (tree->root->count == 0 || !tree->root->leaf)) {
        struct tree_node *root = tree->root;
        if (root->count > 1) break;
        tree->root = root->count == 0 ? NULL : inner_of(root)->children[0];
        node_free(tree, root);
    }
}

/* Counting */

void tree_turned(struct tree *tree, const struct key *key, int by)
{
    struct tree_node *node = tree->root;
    ASSERT(node != NULL);
    while (!node->leaf) {
        struct inner *inner = inner_of(node);
        uint32_t at = inner_child(inner, key_bytes(key));
        inner->live[at] = by > 0 ? inner->live[at] + 1 : inner->live[at] - 1;
        node = inner->children[at];
    }
}

uint64_t tree_live_below(const struct tree *tree, const struct slice *bytes)
{
    const struct tree_node *node = tree->root;
    if (node == NULL) return 0;
    if (bytes == NULL) return live_of(tree, node);
    uint64_t live = 0;
    while (!node->leaf) {
        const struct inner *inner = inner_of(node);
        uint32_t at = inner_child(inner, *bytes);
        for (uint32_t i = 0; i < at; i++) live += inner->live[i];
        node = inner->children[at];
    }
    uint32_t below = leaf_below(leaf_of(node), *bytes);
    for (uint32_t i = 0; i < below; i++) live += counts(tree, leaf_of(node)->keys[i]);
    return live;
}

/* Walking */

static bool find_in_leaf(struct tree_node *node, uint32_t at, bool live, struct tree_place *place)
{
    struct leaf *leaf = leaf_of(node);
    while (at < node->count && live && !key_live(leaf->keys[at])) at++;
    if (at == node->count) return false;
    *place = (struct tree_place){leaf->keys[at], node, at};
    return true;
}

/* The first of the keys below `node`; with `bound`, of those not less than it, or greater. */
static bool seek_below(struct tree_node *node, const struct slice *bound, bool after, bool live,
                       struct tree_place *place)
{
    if (node->leaf) {
        uint32_t at = 0;
        if (bound != NULL) {
            at = leaf_below(leaf_of(node), *bound);
            if (after && at < node->count &&
                slice_equal(key_bytes(leaf_of(node)->keys[at]), *bound)) {
                at++;
            }
        }
        return find_in_leaf(node, at, live, place);
    }
    struct inner *inner = inner_of(node);
    uint32_t at = bound == NULL ? 0 : inner_child(inner, *bound);
    for (; at < node->count; at++) {
        if ((!live || inner->live[at] != 0) &&
            seek_below(inner->children[at], bound, after, live, place)) {
            return true;
        }
        bound = NULL; /* all of the next ones are greater */
    }
    return false;
}

struct tree_place tree_seek(const struct tree *tree, struct slice bytes, bool after, bool live)
{
    struct tree_place place = {0};
    if (tree->root != NULL) seek_below(tree->root, &bytes, after, live, &place);
    return place;
}

void tree_next(const struct tree *tree, struct tree_place *place, bool live)
{
    struct leaf *leaf = leaf_of(place->leaf);
    struct slice bytes = key_bytes(place->key);
    if (find_in_leaf(&leaf->node, place->at + 1, live, place)) return;
    if (!live) {
        leaf = leaf->next;
        *place = (struct tree_place){0};
        if (leaf != NULL) *place = (struct tree_place){leaf->keys[0], &leaf->node, 0};
    } else {
        *place = tree_seek(tree, bytes, true, live);
    }
}

struct key *tree_first(const struct tree *tree)
{
    return tree->root == NULL ? NULL : least_of(tree->root);
}

/* Tearing down */

static bool free_below(struct tree *tree, struct tree_node *node, uint32_t *budget,
                       void (*drop)(void *world, struct key *key), void *world)
{
    if (node->leaf) {
        for (uint32_t i = 0; drop != NULL && i < node->count; i++) {
            drop(world, leaf_of(node)->keys[i]);
        }
        *budget -= *budget < node->count ? *budget : node->count;
    } else {
        struct inner *inner = inner_of(node);
        while (node->count != 0) {
            if (*budget == 0) return false;
            if (!free_below(tree, inner->children[node->count - 1], budget, drop, world)) {
                return false;
            }
            node->count--;
        }
    }
    node_free(tree, node);
    return true;
}

bool tree_free_some(struct tree *tree, uint32_t *budget, void (*drop)(void *world, struct key *key),
                    void *world)
{
    if (tree->root == NULL) return true;
    if (*budget == 0 || !free_below(tree, tree->root, budget, drop, world)) return false;
    tree->root = NULL;
    tree->count = 0;
    return true;
}

/* Checking */

struct tally {
    uint64_t keys, live, bytes;
    const struct key *last;
    const struct leaf *previous, *expected; /* the last leaf; which it calls the next */
};

static void check_leaf(const struct tree *tree, const struct leaf *leaf, struct tally *tally)
{
    ASSERT(tally->last == NULL || tally->expected == leaf);
    ASSERT(leaf->previous == tally->previous);
    tally->previous = leaf;
    for (uint32_t i = 0; i < leaf->node.count; i++) {
        const struct key *key = leaf->keys[i];
        ASSERT(tally->last == NULL || slice_compare(key_bytes(tally->last), key_bytes(key)) < 0);
        tally->last = key;
        tally->live += counts(tree, key);
    }
    tally->keys += leaf->node.count;
    tally->expected = leaf->next;
    tally->bytes += sizeof *leaf;
}

static void check_below(const struct tree *tree, const struct tree_node *node, uint32_t depth,
                        struct tally *tally)
{
    ASSERT(depth < DEPTH_MAX && node->count != 0 && node->count < TREE_FANOUT);
    if (node->leaf) {
        check_leaf(tree, leaf_of(node), tally);
        return;
    }
    const struct inner *inner = inner_of(node);
    for (uint32_t i = 0; i < node->count; i++) {
        uint64_t before = tally->live;
        ASSERT(inner->least[i] == least_of(inner->children[i]));
        check_below(tree, inner->children[i], depth + 1, tally);
        ASSERT(inner->live[i] == tally->live - before);
    }
    tally->bytes += sizeof *inner;
}

uint64_t tree_check(const struct tree *tree)
{
    struct tally tally = {0};
    if (tree->root != NULL) check_below(tree, tree->root, 0, &tally);
    ASSERT(tally.keys == tree->count && tally.bytes == tree->bytes && tally.expected == NULL);
    return tally.live;
}
