/* Leases: they run down by elapsed log time, which stops while there is no leader. A key hangs on
 * the lease of its newest version; a lease knows its keys in their order, in which they go. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum { US_IN_S = 1000000 };

uint64_t lease_hash(const struct lease *lease)
{
    uint64_t hash = map_hash_u64((uint64_t)lease->id) + (uint64_t)lease->ttl_s;
    return map_hash_u64(map_hash_u64(hash) + lease->expires_us);
}

struct lease *lease_find(const struct consensus *c, int64_t id)
{
    struct map_node *node = map_find(&c->leases, map_hash_u64((uint64_t)id));
    while (node != NULL && LIST_ITEM(node, struct lease, node)->id != id) {
        node = map_find_next(node);
    }
    return node == NULL ? NULL : LIST_ITEM(node, struct lease, node);
}

struct lease *lease_new(struct consensus *c, int64_t id, int64_t ttl_s, uint64_t expires_us)
{
    struct lease *lease = malloc(sizeof *lease);
    ASSERT(lease != NULL);
    *lease = (struct lease){
        .id = id,
        .ttl_s = ttl_s,
        .expires_us = expires_us,
        .keys.every = true,
        .cut_number = c->cut.active ? c->cut.number : 0,
    };
    map_insert(&c->leases, &lease->node, map_hash_u64((uint64_t)id));
    list_append(&c->lease_list, &lease->all);
    heap_push(&c->expiry, expires_us, (uint64_t)id, &lease->place);
    c->bytes += LEASE_BYTES;
    c->digest += lease_hash(lease);
    return lease;
}

void lease_end(struct consensus *c, struct lease *lease)
{
    ASSERT(lease->keys.root == NULL);
    if (c->cut.active) cut_lease_gone(c, lease);
    c->digest -= lease_hash(lease);
    c->bytes -= LEASE_BYTES;
    heap_remove(&c->expiry, &lease->place);
    list_remove(&lease->all);
    map_remove(&c->leases, &lease->node);
    free(lease);
}

void lease_attach(struct consensus *c, struct key *key, int64_t from, int64_t to)
{
    if (from == to) return;
    /* While a snapshot is read, older versions may name a lease that there is no more. */
    struct lease *before = from == 0 ? NULL : lease_find(c, from);
    struct lease *after = to == 0 ? NULL : lease_find(c, to);
    if (before != NULL) tree_remove(&before->keys, key);
    if (after != NULL) tree_insert(&after->keys, key);
}

/* Grants are counted, so each is given another; it looks like chance, as etcd's do, lest clients
 * believe in an order. */
int64_t lease_new_id(const struct consensus *c)
{
    uint64_t id = map_hash_u64(c->commands[CONSENSUS_GRANT]) & INT64_MAX;
    while (id == 0 || lease_find(c, (int64_t)id) != NULL) id = (id + 1) & INT64_MAX;
    return (int64_t)id;
}

enum consensus_error lease_grant(struct consensus *c, int64_t id, int64_t ttl_s, uint32_t node)
{
    if (c->alarm != 0) return CONSENSUS_ERROR_NO_SPACE;
    if (ttl_s > CONSENSUS_LEASE_TTL_MAX_S) return CONSENSUS_ERROR_LEASE_TTL_TOO_LARGE;
    if (lease_find(c, id) != NULL) return CONSENSUS_ERROR_LEASE_EXISTS;
    if (c->bytes + LEASE_BYTES > c->quota) {
        alarm_raise(c, node);
        return CONSENSUS_ERROR_NO_SPACE;
    }
    if (ttl_s < CONSENSUS_LEASE_TTL_MIN_S) ttl_s = CONSENSUS_LEASE_TTL_MIN_S;
    lease_new(c, id, ttl_s, c->elapsed_us + (uint64_t)ttl_s * US_IN_S);
    return CONSENSUS_ERROR_NONE;
}

bool lease_renew(struct consensus *c, int64_t id)
{
    struct lease *lease = lease_find(c, id);
    if (lease == NULL) return false;
    if (c->cut.active) cut_lease(c, lease);
    c->digest -= lease_hash(lease);
    heap_remove(&c->expiry, &lease->place);
    lease->expires_us = c->elapsed_us + (uint64_t)lease->ttl_s * US_IN_S;
    heap_push(&c->expiry, lease->expires_us, (uint64_t)lease->id, &lease->place);
    c->digest += lease_hash(lease);
    return true;
}

struct lease *lease_due(const struct consensus *c)
{
    const struct heap_slot *first = heap_min(&c->expiry);
    if (first == NULL || first->major > c->elapsed_us) return NULL;
    return (struct lease *)(void *)((char *)first->place - offsetof(struct lease, place));
}

int64_t lease_left_s(const struct lease *lease, uint64_t elapsed_us)
{
    return lease->expires_us <= elapsed_us ? 0
                                           : (int64_t)((lease->expires_us - elapsed_us) / US_IN_S);
}
