/* Versions: making and freeing them, with all that hangs on them: the key, its place in the tree,
 * the lease, the sums of bytes and hashes. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

uint64_t version_hash(const struct version *version)
{
    uint64_t hash = map_hash_bytes(key_bytes(version->key));
    hash = map_hash_u64(hash ^ map_hash_bytes(slice_of(version->value, version->size)));
    hash = map_hash_u64(hash + version->mod) + version->sub;
    hash = map_hash_u64(hash ^ version->create) + version->version;
    return map_hash_u64(hash + (uint64_t)version->lease);
}

static struct key *key_new(struct consensus *c, struct slice bytes)
{
    struct key *key = malloc(sizeof *key + bytes.size);
    ASSERT(key != NULL);
    key->newest = NULL;
    key->size = (uint32_t)bytes.size;
    memcpy(key->bytes, bytes.data, bytes.size);
    tree_insert(&c->keys, key);
    c->bytes += KEY_BYTES + bytes.size;
    return key;
}

struct version *version_add(struct consensus *c, struct slice bytes, struct slice value,
                            const struct version *numbers)
{
    struct key *key = tree_find(&c->keys, bytes);
    if (key == NULL) key = key_new(c, bytes);
    struct version *version = malloc(sizeof *version + value.size);
    ASSERT(version != NULL);
    *version = (struct version){
        .key = key,
        .older = key->newest,
        .mod = numbers->mod,
        .create = numbers->create,
        .version = numbers->version,
        .lease = numbers->lease,
        .sub = numbers->sub,
        .size = (uint32_t)value.size,
    };
    if (value.size != 0) memcpy(version->value, value.data, value.size);
    list_append(&c->versions, &version->all);
    compact_appended(c, version);
    spine_appended(c, version);
    bool lived = key_live(key);
    int64_t lease = lived ? key->newest->lease : 0;
    key->newest = version;
    if (lived != key_live(key)) tree_turned(&c->keys, key, lived ? -1 : 1);
    lease_attach(c, key, lease, version->lease);
    c->versions_count++;
    c->bytes += VERSION_BYTES + value.size;
    c->digest += version_hash(version);
    return version;
}

void version_free(struct consensus *c, struct version *version)
{
    ASSERT(version->older == NULL);
    if (c->cut.active) cut_version_gone(c, version);
    list_remove(&version->all);
    c->versions_count--;
    c->bytes -= VERSION_BYTES + version->size;
    c->digest -= version_hash(version);
    struct key *key = version->key;
    if (key->newest == version) {
        ASSERT(version->version == 0);
        tree_remove(&c->keys, key);
        c->bytes -= KEY_BYTES + key->size;
        free(key);
    }
    free(version);
}

const struct version *version_at(const struct key *key, uint64_t revision)
{
    const struct version *version = key->newest;
    while (version != NULL && version->mod > revision) version = version->older;
    return version == NULL || version->version == 0 ? NULL : version;
}

struct consensus_kv version_shown(const struct version *version)
{
    return (struct consensus_kv){
        .key = key_bytes(version->key),
        .value = slice_of(version->value, version->size),
        .create = (int64_t)version->create,
        .mod = (int64_t)version->mod,
        .version = (int64_t)version->version,
        .lease = version->lease,
    };
}

/* In a command that goes on in slices: it is seen as it was before. */
static void note(struct consensus *c, struct key *key, bool lived, bool lives)
{
    if (!c->running.sliced || lived == lives) return;
    tree_insert(lived ? &c->gone : &c->born, key);
}

void version_put(struct consensus *c, const struct consensus_put *put)
{
    struct key *key = tree_find(&c->keys, put->key);
    const struct version *before = key != NULL && key_live(key) ? key->newest : NULL;
    struct version numbers = {
        .mod = c->revision + 1,
        .create = before == NULL ? c->revision + 1 : before->create,
        .version = before == NULL ? 1 : before->version + 1,
        .lease = put->ignore_lease && before != NULL ? before->lease : put->lease,
        .sub = c->running.sub++,
    };
    struct slice value = put->value;
    if (put->ignore_value && before != NULL) value = slice_of(before->value, before->size);
    struct version *version = version_add(c, put->key, value, &numbers);
    note(c, version->key, before != NULL, true);
}

void version_delete(struct consensus *c, struct key *key)
{
    struct version numbers = {.mod = c->revision + 1, .sub = c->running.sub++};
    version_add(c, key_bytes(key), slice_of(NULL, 0), &numbers);
    note(c, key, true, false);
}
