/* Clients that choose how true a read is and how safe a write, and hand tokens on; judged by
 * check/levels.h. Each writes a key of its own, one number after the other, and begins another key
 * once it does not know what became of a number. */
#include "systems/store/sim/levels.h"

#include "base/assert.h"
#include "check/history.h"
#include "sim/text.h"
#include "sim/world.h"
#include "systems/store/machine/slot.h"

static uint64_t below(const struct store_client *client, uint64_t bound)
{
    return caller_below(client->caller.world, bound);
}

/* --- asking --- */

static void choose_write(struct store_client *client, struct store_asked *asked)
{
    static const enum store_ask levels[] = {ASK_GROW_LEADER, ASK_GROW_LEADER, ASK_GROW_MAJORITY,
                                            ASK_GROW_ALL};
    asked->ask = levels[below(client, 4)];
    asked->key = client->grown_key;
    asked->value = client->grown_next++;
    client->growing = true;
    levels_write_begins(&store_users_of(client->caller.world)->levels, asked->key, asked->value);
}

static void choose_read(const struct store_client *client, struct store_asked *asked)
{
    static const enum store_ask levels[] = {ASK_GROWN_SESSION, ASK_GROWN_SESSION, ASK_GROWN_LOCAL,
                                            ASK_GROWN};
    struct store_users *users = store_users_of(client->caller.world);
    const struct store_client *writer =
        &users->clients[below(client, client->caller.world->clients_count)];
    asked->ask = levels[below(client, 4)];
    if (asked->ask == ASK_GROWN && users->lease) asked->ask = ASK_GROWN_LEASE;
    asked->key = writer->grown_key;
}

void store_levels_choose(struct store_client *client, struct store_asked *asked)
{
    struct store_users *users = store_users_of(client->caller.world);
    uint64_t what = below(client, 100);
    if (what < 35 && !client->growing) {
        choose_write(client, asked);
    } else if (what < 85) {
        choose_read(client, asked);
    } else if (what < 92 || users->tokens_count == 0 || client->asked_count > 0) {
        /* AFTER counts from when it comes, for what waits before it, too. */
        asked->ask = ASK_TOKEN;
    } else {
        asked->ask = ASK_AFTER;
        asked->token = (uint32_t)below(client, users->tokens_count);
        asked->token_made = users->tokens[asked->token].made;
    }
    store_levels_begin(client, asked);
}

void store_levels_begin(struct store_client *client, struct store_asked *asked)
{
    struct store_users *users = store_users_of(client->caller.world);
    asked->floor = levels_read_begins(&users->levels, asked->key);
}

void store_levels_begin_key(struct store_client *client)
{
    client->grown_key = store_users_of(client->caller.world)->grown_keys++;
    client->grown_next = 1;
    client->growing = false;
}

void store_levels_line(const struct store_client *client, const struct store_asked *asked,
                       struct buffer *out)
{
    static const char *const words[] = {
        [ASK_GROW_LEADER] = "leader", [ASK_GROW_MAJORITY] = "majority",
        [ASK_GROW_ALL] = "all",       [ASK_GROWN] = "linearizable",
        [ASK_GROWN_LEASE] = "lease",  [ASK_GROWN_SESSION] = "session",
        [ASK_GROWN_LOCAL] = "local",
    };
    const struct store_users *users = store_users_of(client->caller.world);
    if (asked->ask == ASK_TOKEN || asked->ask == ASK_TOKEN_OF_ALL) {
        text_append(out, "CONSISTENCY TOKEN");
    } else if (asked->ask == ASK_AFTER) {
        text_append(out, "CONSISTENCY AFTER %b", buffer_slice(&users->tokens[asked->token].text));
    } else if (asked->ask >= ASK_GROWN) {
        text_append(out, "CONSISTENCY %s GET g%u", words[asked->ask], asked->key);
    } else {
        text_append(out, "CONSISTENCY %s SET g%u %U", words[asked->ask], asked->key, asked->value);
    }
}

/* --- hearing --- */

void store_levels_forget(struct store_client *client)
{
    client->by_all = false;
    if (client->growing) store_levels_begin_key(client);
    levels_view_clear(&client->view);
}

static bool wrote(struct store_client *client, const struct store_asked *asked, bool all)
{
    static const enum sim_coverage rows[] = {[ASK_GROW_LEADER] = SIM_COVER_STORE_BY_LEADER,
                                             [ASK_GROW_MAJORITY] = SIM_COVER_STORE_BY_MAJORITY,
                                             [ASK_GROW_ALL] = SIM_COVER_STORE_BY_ALL};
    struct world *world = client->caller.world;
    client->growing = false;
    world_count(world, all ? rows[asked->ask] : SIM_COVER_STORE_NOT_ALL);
    levels_write_acknowledged(&store_users_of(world)->levels, &client->view, asked->key,
                              asked->value, asked->ask == ASK_GROW_LEADER);
    client->by_all = asked->ask == ASK_GROW_ALL && all;
    client->by_all_key = asked->key;
    return true;
}

/* Once all is over, and each is read for the last time. */
static void count_lost(struct store_client *client, const struct store_asked *asked, uint64_t found)
{
    struct world *world = client->caller.world;
    if (!asked->last) return;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        const struct store_client *writer = &store_users_of(world)->clients[i];
        if (writer->growing && writer->grown_key == asked->key) return;
    }
    uint32_t lost = levels_count_lost(&store_users_of(world)->levels, asked->key, found);
    for (uint32_t i = 0; i < lost; i++) world_count(world, SIM_COVER_STORE_LOST);
}

static bool told(struct store_client *client, const struct store_asked *asked,
                 const struct resp_value *value)
{
    static const enum sim_coverage rows[] = {[ASK_GROWN] = SIM_COVER_STORE_GETS,
                                             [ASK_GROWN_LEASE] = SIM_COVER_STORE_GETS_ON_LEASE,
                                             [ASK_GROWN_SESSION] = SIM_COVER_STORE_GETS_SESSION,
                                             [ASK_GROWN_LOCAL] = SIM_COVER_STORE_GETS_LOCAL};
    struct world *world = client->caller.world;
    enum levels_read level = LEVELS_LINEARIZABLE;
    uint64_t found = 0, least;
    if (asked->ask == ASK_GROWN_SESSION) level = LEVELS_SESSION;
    if (asked->ask == ASK_GROWN_LOCAL) level = LEVELS_LOCAL;
    if (value->kind != RESP_NULL && !decimal_read(value->bytes, &found)) return false;
    const char *rule = levels_read_told(&store_users_of(world)->levels, &client->view, asked->key,
                                        level, asked->floor, found, &least);
    world_count(world, rows[asked->ask]);
    if (rule != NULL) {
        world_fail(world, rule, "client %u is told %U of key g%u, where it is at least %U",
                   client->caller.index + 1, found, asked->key, least);
    }
    count_lost(client, asked, found);
    if (asked->last) client->caller.drained++;
    return true;
}

/* --- what all voters have --- */

/* The group that keeps a key that grows. */
static uint32_t group_of_grown(const struct world *world, uint32_t key)
{
    struct buffer name = {0};
    text_append(&name, "g%u", key);
    uint32_t group = store_group_of(store_slot(buffer_slice(&name)), world->groups_count);
    buffer_free(&name);
    return group;
}

/* The first place of this group that a token names, what was seen of it, 0 if none; false: it is no
 * token. */
static bool token_index(struct slice token, uint32_t group, uint64_t *index)
{
    *index = 0;
    for (size_t from = 0, at = 0; at <= token.size; at++) {
        if (at < token.size && token.data[at] != ',') continue;
        size_t first = from, last = at;
        uint64_t named, place;
        while (first < at && token.data[first] != ':') first++;
        while (last > from && token.data[last - 1] != ':') last--;
        if (!decimal_read(slice_of(token.data + from, first - from), &named)) return false;
        if (!decimal_read(slice_of(token.data + last, at - last), &place)) return false;
        if (named == group && *index == 0) *index = place;
        from = at + 1;
    }
    return true;
}

/* What a client was told that all voters have, they have: those at least that are up and to be
 * trusted, of the members that its leader has. Who had no vote yet when the write entered the log
 * was perhaps not asked: the answer may have been on its way when that changed. */
static void check_all(struct store_client *client, uint32_t group, uint64_t index)
{
    struct world *world = client->caller.world;
    const struct host *leader = &world->hosts[client->caller.host];
    if (leader->node == NULL || node_group_raft(leader->node, group) == NULL) return;
    const struct raft *raft = node_group_raft(leader->node, group);
    const struct raft_members *members = raft_members(raft);
    const struct raft_members *then = raft_members_at(raft, index);
    if (raft_role(raft) != RAFT_LEADER) return;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (member->learner || member->leaving || member->id > world->hosts_count) continue;
        int before = raft_members_place(then, member->id);
        if (before < 0 || then->member[before].learner) continue;
        const struct host *host = &world->hosts[member->id - 1];
        const struct raft *other = host->node == NULL ? NULL : node_group_raft(host->node, group);
        if (other == NULL || !raft_trusted(other)) continue;
        world_count(world, SIM_COVER_STORE_ALL_CHECKED);
        if (raft_durable_index(other) >= index) continue;
        world_fail(world, "all voters", "node %u has the log up to %U alone, not to %U", member->id,
                   raft_durable_index(other), index);
    }
}

static bool token_heard(struct store_client *client, const struct store_asked *asked,
                        const struct resp_value *value)
{
    struct store_users *users = store_users_of(client->caller.world);
    uint32_t group = group_of_grown(client->caller.world, client->by_all_key);
    uint64_t index;
    if (value->kind != RESP_BULK || !token_index(value->bytes, group, &index)) return false;
    if (asked->ask == ASK_TOKEN_OF_ALL) {
        if (client->by_all) check_all(client, group, index);
        client->by_all = false;
        return true;
    }
    world_count(client->caller.world, SIM_COVER_STORE_TOKENS);
    uint32_t place = users->tokens_count;
    if (place == STORE_TOKENS_MAX) {
        place = (uint32_t)below(client, STORE_TOKENS_MAX);
    } else {
        users->tokens_count++;
    }
    struct store_token *token = &users->tokens[place];
    buffer_clear(&token->text);
    buffer_append_slice(&token->text, value->bytes);
    levels_token(&client->view, &token->view);
    token->made = ++users->tokens_made;
    return true;
}

static bool starts(const struct resp_value *value, const char *text)
{
    struct slice start = slice_text(text);
    if (value->kind != RESP_ERROR || value->bytes.size < start.size) return false;
    return slice_equal(slice_of(value->bytes.data, start.size), start);
}

bool store_levels_lost(struct store_client *client, const struct resp_value *value)
{
    if (!starts(value, "LOST ")) return false;
    world_count(client->caller.world, SIM_COVER_STORE_LOST_TOLD);
    levels_lost(&client->view);
    return true;
}

/* It has the token that was there when it was asked, which is perhaps another one's by now: then
 * nothing is known of what it is behind. */
static void after_heard(struct store_client *client, const struct store_asked *asked)
{
    const struct store_token *token = &store_users_of(client->caller.world)->tokens[asked->token];
    if (token->made == asked->token_made) levels_after(&client->view, &token->view);
}

void store_levels_refused(struct store_client *client, const struct store_asked *asked)
{
    if (asked->ask < ASK_GROW_LEADER || asked->ask > ASK_GROW_ALL) return;
    client->growing = false;
    client->by_all = false;
}

bool store_levels_heard(struct store_client *client, const struct store_asked *asked,
                        const struct resp_value *value)
{
    bool writes = asked->ask <= ASK_GROW_ALL;
    if (asked->ask == ASK_AFTER && value->kind == RESP_ERROR) return starts(value, "ERR tokens of");
    if (writes && starts(value, "NOTALL ")) return wrote(client, asked, false);
    if (value->kind == RESP_ERROR) return false;
    if (writes) return value->kind == RESP_SIMPLE && wrote(client, asked, true);
    if (asked->ask == ASK_TOKEN || asked->ask == ASK_TOKEN_OF_ALL) {
        return token_heard(client, asked, value);
    }
    if (asked->ask == ASK_AFTER) {
        after_heard(client, asked);
        return value->kind == RESP_SIMPLE;
    }
    return told(client, asked, value);
}

void store_levels_free(struct store_users *users)
{
    levels_free(&users->levels);
    for (uint32_t i = 0; i < CALLERS_MAX; i++) levels_view_free(&users->clients[i].view);
    for (uint32_t i = 0; i < STORE_TOKENS_MAX; i++) {
        buffer_free(&users->tokens[i].text);
        levels_view_free(&users->tokens[i].view);
    }
}
