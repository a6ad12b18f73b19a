/* /health, /status and /metrics. See status.h and admin.c. */
#include "node/admin/status.h"

#include "wire/json.h"

const char *status_ailing(const struct node *node)
{
    if (node->process.draining) return "draining\n";
    if (group_raft(node->group) == NULL && node->config.join) {
        return "waiting to be added to the cluster: see quartet members add\n";
    }
    if (group_raft(node->group) == NULL) return "waiting for all of --peers to found the cluster\n";
    if (membership_removed(node)) {
        return "no longer a member of the cluster: stop it, or add it again\n";
    }
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct raft *raft = group_raft(node->groups.all[i].group);
        if (raft == NULL || raft_leader(raft) == 0) return "no leader known\n";
        if (!raft_trusted(raft)) return "catching up: has no vote until it holds the log\n";
    }
    return NULL;
}

static bool group_unready(struct node *node, const struct group *group)
{
    if (group_leading(group)) return false;
    struct peer *leader = peer_find(&node->peers, raft_leader(group_raft(group)));
    return leader == NULL || peer_link(&node->peers, leader, PEER_CHANNEL_LOG) == NULL;
}

const char *status_unready(struct node *node)
{
    const char *why = status_ailing(node);
    if (why != NULL) return why;
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct group *group = node->groups.all[i].group;
        if (!wal_ready(&node->wal) || group_incarnation(group) == 0) {
            return "starting: takes no commands before it has a life of its own on disk\n";
        }
        if (group_unready(node, group)) return "no connection to the leader\n";
    }
    return NULL;
}

static const char *role_words(const struct node *node)
{
    static const char *const names[] = {"follower", "pre-candidate", "candidate", "leader"};
    return group_raft(node->group) == NULL ? "founding" : names[raft_role(group_raft(node->group))];
}

static const char *membership_words(uint8_t membership)
{
    static const char *const names[] = {"empty", "founding", "member"};
    return names[membership];
}

static void status_raft(const struct node *node, struct json *json)
{
    const struct raft *raft = group_raft(node->group);
    if (raft == NULL) return;
    json_member_unsigned(json, "leader", raft_leader(raft));
    json_member_unsigned(json, "term", raft_term(raft));
    json_member_unsigned(json, "vote", raft_vote(raft));
    json_member_bool(json, "trusted", raft_trusted(raft));
    json_member_unsigned(json, "first_index", raft_first_index(raft));
    json_member_unsigned(json, "last_index", raft_last_index(raft));
    json_member_unsigned(json, "durable_index", raft_durable_index(raft));
    json_member_unsigned(json, "commit_index", raft_commit_index(raft));
    json_key(json, "members");
    json_array_begin(json);
    const struct raft_members *members = raft_members(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        json_object_begin(json);
        json_member_unsigned(json, "id", member->id);
        json_key(json, "address");
        json_string(json, slice_of(member->address, member->address_size));
        json_member_bool(json, "learner", member->learner);
        json_member_bool(json, "outgoing", member->outgoing);
        json_member_bool(json, "leaving", member->leaving);
        json_object_end(json);
    }
    json_array_end(json);
}

static void status_progress(const struct node *node, struct json *json)
{
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    if (group_raft(node->group) == NULL) return;
    uint32_t count = raft_progress_all(group_raft(node->group), rows);
    json_key(json, "followers");
    json_array_begin(json);
    for (uint32_t i = 0; i < count; i++) {
        json_object_begin(json);
        json_member_unsigned(json, "id", rows[i].peer);
        json_member_unsigned(json, "match", rows[i].match);
        json_member_unsigned(json, "next", rows[i].next);
        uint64_t heard = rows[i].heard_us; /* 0: nobody has said yet whether it is trusted */
        if (heard != 0) json_member_bool(json, "trusted", rows[i].trusted);
        json_member_bool(json, "needs_snapshot", rows[i].snapshot);
        json_member_bool(json, "caught_up", rows[i].caught_up);
        if (heard != 0) json_member_unsigned(json, "heard_us_ago", node->turn.now.mono_us - heard);
        json_object_end(json);
    }
    json_array_end(json);
}

/* How far the wall clocks of others are ahead of this one's, at least and at most; below 0: behind.
 * Whom it has not heard lately is left out. */
static void status_clocks(const struct node *node, struct json *json)
{
    json_member_bool(json, "clock_off", node->peers.clocks.off);
    json_member_unsigned(json, "clock_skew_us_max", node->config.clock_skew_us_max);
    json_key(json, "clocks");
    json_array_begin(json);
    for (uint32_t i = 0; i < node->peers.count; i++) {
        struct clock_reading reading;
        if (!clock_read(&node->peers, &node->peers.all[i], &reading)) continue;
        json_object_begin(json);
        json_member_unsigned(json, "id", reading.id);
        json_key(json, "ahead_us_min");
        json_signed(json, reading.low_us);
        json_key(json, "ahead_us_max");
        json_signed(json, reading.high_us);
        json_object_end(json);
    }
    json_array_end(json);
}

/* All groups, where there are many; what stands elsewhere is group 0's. */
static void status_groups(const struct node *node, struct json *json)
{
    if (node->groups.count == 1) return;
    json_key(json, "groups");
    json_array_begin(json);
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct group *group = node->groups.all[i].group;
        if (group_raft(group) == NULL) continue;
        json_object_begin(json);
        json_member_unsigned(json, "group", i);
        json_member_unsigned(json, "leader", raft_leader(group_raft(group)));
        json_member_unsigned(json, "term", raft_term(group_raft(group)));
        json_member_unsigned(json, "applied_index", group_replica(group)->index);
        json_key(json, "digest");
        json_hex(json, replica_digest(group_replica(group)), 16);
        json_object_end(json);
    }
    json_array_end(json);
}

static void status_announced(const struct node *node, struct json *json)
{
    json_key(json, "announced");
    json_array_begin(json);
    for (uint32_t i = 0; i < node->config.announced_count; i++) {
        json_text(json, node->config.announced[i]);
    }
    json_array_end(json);
}

void status_json(const struct node *node, struct buffer *out)
{
    struct group_counters counters;
    group_counters(node->group, &counters);
    struct json json = json_of(out);
    json_object_begin(&json);
    json_member_text(&json, "system", node->config.machine->name);
    json_member_unsigned(&json, "node", node->config.self);
    status_announced(node, &json);
    json_member_text(&json, "role", role_words(node));
    json_member_text(&json, "membership",
                     membership_removed(node) ? "removed"
                                              : membership_words(node->founding.membership));
    const char *why = status_ailing(node);
    json_member_bool(&json, "healthy", why == NULL);
    json_key(&json, "cluster");
    json_hex(&json, node->founding.cluster, 16);
    json_member_unsigned(&json, "incarnation", group_incarnation(node->group));
    status_raft(node, &json);
    status_progress(node, &json);
    status_clocks(node, &json);
    status_groups(node, &json);
    json_member_unsigned(&json, "applied_index", group_replica(node->group)->index);
    json_key(&json, "digest");
    json_hex(&json, replica_digest(group_replica(node->group)), 16);
    json_member_unsigned(&json, "elapsed_us", group_replica(node->group)->elapsed_us);
    json_member_unsigned(&json, "wall_us", group_replica(node->group)->wall_us);
    json_member_unsigned(&json, "wall_ahead_us", group_wall_ahead_us(node->group));
    json_member_unsigned(&json, "uptime_us", node->turn.now.mono_us - node->process.started_us);
    json_member_unsigned(&json, "clients", node->clients.count);
    json_member_unsigned(&json, "sessions", group_sessions(node->group));
    json_member_unsigned(
        &json, "machine_bytes",
        group_replica(node->group)->ops->bytes(group_replica(node->group)->machine));
    json_member_unsigned(&json, "log_memory_bytes",
                         group_raft(node->group) == NULL ? 0
                                                         : raft_log_bytes(group_raft(node->group)));
    json_member_unsigned(&json, "log_disk_bytes", node->wal.bytes);
    json_member_unsigned(&json, "snapshot_index", counters.snapshot_index);
    json_member_unsigned(&json, "snapshot_bytes", counters.snapshot_bytes);
    json_member_text(&json, "fsync", node->config.fsync_never ? "never" : "always");
    json_member_bool(&json, "disk_full", node->disk.full);
    json_member_bool(&json, "draining", node->process.draining);
    json_member_unsigned(&json, "election_timeout_us", node->config.election_timeout_us);
    json_member_unsigned(&json, "heartbeat_us", node->config.heartbeat_us);
    json_object_end(&json);
    buffer_append_text(out, "\n");
}

static void metric(struct buffer *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buffer_append_text(out, "# HELP quartet_");
    buffer_append_text(out, name);
    buffer_put_u8(out, ' ');
    buffer_append_text(out, help);
    buffer_append_text(out, "\n# TYPE quartet_");
    buffer_append_text(out, name);
    buffer_put_u8(out, ' ');
    buffer_append_text(out, type);
    buffer_append_text(out, "\nquartet_");
    buffer_append_text(out, name);
    buffer_put_u8(out, ' ');
    buffer_append_decimal(out, value);
    buffer_put_u8(out, '\n');
}

static void metrics_raft(const struct node *node, struct buffer *out)
{
    struct group_counters counters;
    group_counters(node->group, &counters);
    const struct raft *raft = group_raft(node->group);
    if (raft == NULL) return;
    metric(out, "raft_term", "gauge", "Current term.", raft_term(raft));
    metric(out, "raft_leader", "gauge", "Node id of the leader, 0 if not known.",
           raft_leader(raft));
    metric(out, "raft_is_leader", "gauge", "1 on the leader.", group_leading(node->group));
    metric(out, "raft_trusted", "gauge", "0 while this node has no vote.", raft_trusted(raft));
    metric(out, "raft_commit_index", "counter", "Entries committed.", raft_commit_index(raft));
    metric(out, "raft_last_index", "gauge", "Last entry in the log.", raft_last_index(raft));
    metric(out, "raft_log_bytes", "gauge", "Entry data kept in memory.", raft_log_bytes(raft));
    metric(out, "raft_elections_won_total", "counter", "Elections won by this node.",
           counters.elections_won);
}

/* The number at the end of a line of a metric; where it begins. */
static size_t metric_value(struct slice line, uint64_t *value)
{
    size_t at = line.size;
    while (at > 0 && line.data[at - 1] != ' ') at--;
    if (!decimal_read(slice_of(line.data + at, line.size - at), value)) *value = 0;
    return at;
}

static struct slice take_line(struct slice *text)
{
    size_t size = 0;
    while (size < text->size && text->data[size] != '\n') size++;
    struct slice line = slice_of(text->data, size);
    size += size < text->size;
    *text = slice_of(text->data + size, text->size - size);
    return line;
}

/* What a machine tells of itself, line by line the sum of all groups'. */
static void metrics_machines(const struct node *node, struct buffer *out)
{
    struct buffer sum = {0};
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct replica *replica = group_replica(node->groups.all[i].group);
        struct buffer text = {0}, before = sum;
        struct slice others = buffer_slice(&before);
        replica->ops->metrics(replica->machine, &text);
        struct slice rest = buffer_slice(&text);
        sum = (struct buffer){0};
        while (rest.size > 0) {
            struct slice line = take_line(&rest), other = take_line(&others);
            uint64_t value, earlier = 0;
            size_t at = line.data[0] == '#' ? line.size : metric_value(line, &value);
            if (other.size > 0 && line.data[0] != '#') (void)metric_value(other, &earlier);
            buffer_append(&sum, line.data, at);
            if (line.data[0] != '#') buffer_append_decimal(&sum, value + earlier);
            buffer_append_text(&sum, "\n");
        }
        buffer_free(&before);
        buffer_free(&text);
    }
    buffer_append_slice(out, buffer_slice(&sum));
    buffer_free(&sum);
}

void status_metrics(const struct node *node, struct buffer *out)
{
    struct group_counters counters;
    group_counters(node->group, &counters);
    metrics_raft(node, out);
    metric(out, "healthy", "gauge", "1 when /health answers 200.", status_ailing(node) == NULL);
    metric(out, "applied_index", "counter", "Entries applied.", group_replica(node->group)->index);
    metric(out, "clients", "gauge", "Client connections.", node->clients.count);
    metric(out, "clients_accepted_total", "counter", "Client connections accepted.",
           node->clients.counters.accepted);
    metric(out, "clients_refused_total", "counter", "Closed at once: limit or draining.",
           node->clients.counters.turned_away);
    metric(out, "commands_proposed_total", "counter", "Commands proposed by this node.",
           counters.proposals);
    metric(out, "replies_total", "counter", "Replies to proposed commands.",
           node->clients.counters.replies);
    metric(out, "commands_refused_total", "counter", "Commands refused: no leader, full, busy.",
           node->clients.counters.refused);
    metric(out, "clients_uncertain_total", "counter",
           "Clients closed because an outcome was not known in time.",
           node->clients.counters.uncertain);
    metric(out, "peer_bad_frames_total", "counter", "Malformed bytes from peers.",
           node->peers.counters.bad_frames);
    metric(out, "peer_refused_total", "counter", "Peers refused, or refusing us.",
           node->peers.counters.refused);
    metric(out, "peer_dropped_bytes_total", "counter", "Frames dropped: no link to the peer.",
           node->peers.counters.dropped_bytes);
    metric(out, "clock_off", "gauge",
           "1 while a quorum agrees that this node's wall clock is wrong.", node->peers.clocks.off);
    metric(out, "peer_beats_total", "counter", "Heartbeats and replies to peers.",
           node->peers.counters.beats);
    metric(out, "peer_beat_frames_total", "counter", "Frames that carried them.",
           node->peers.counters.beat_frames);
    metric(out, "log_batches_total", "counter", "Batches written to the log.", node->disk.batches);
    metric(out, "log_written_bytes_total", "counter", "Bytes written to the log.",
           node->disk.batch_bytes);
    metric(out, "log_disk_bytes", "gauge", "Log kept on disk.", node->wal.bytes);
    metric(out, "snapshots_written_total", "counter", "Snapshots made durable.",
           counters.snapshots_written);
    metric(out, "snapshots_sent_total", "counter", "Snapshots streamed to followers.",
           counters.snapshots_sent);
    metric(out, "snapshots_installed_total", "counter", "Snapshots taken from a leader.",
           counters.snapshots_installed);
    metric(out, "machine_bytes", "gauge", "Estimated memory of the machine's objects.",
           group_replica(node->group)->ops->bytes(group_replica(node->group)->machine));
    metric(out, "disk_full", "gauge", "1 while growing commands are refused.", node->disk.full);
    if (node->groups.count == 1) {
        group_replica(node->group)->ops->metrics(group_replica(node->group)->machine, out);
    } else {
        metrics_machines(node, out);
    }
    buffer_append_slice(out, buffer_slice(&node->world_metrics));
}
