/* What is counted in a run, so that a quiet simulator is noticed. */
#ifndef QUARTET_SIM_COVERAGE_H
#define QUARTET_SIM_COVERAGE_H

/* In every world. */
#define SIM_COVERAGE_WORLD(X)                           \
    X(LEADERS, "leaders elected")                       \
    X(CAMPAIGNS, "candidacies")                         \
    X(CAMPAIGNS_LOST, "candidacies lost")               \
    X(PRE_VOTES_REFUSED, "pre-votes refused")           \
    X(VOTES_REFUSED, "votes refused")                   \
    X(TRUNCATIONS, "log tails replaced by a leader's")  \
    X(BACK_UPS, "conflicts backed up over")             \
    X(MEMBERSHIPS, "membership entries committed")      \
    X(MEMBERS_ADDED, "learners added")                  \
    X(MEMBERS_PROMOTED, "learners promoted")            \
    X(MEMBERS_REMOVED, "members removed")               \
    X(READS_CONFIRMED, "rounds that confirmed reads")   \
    X(LEASES_HELD, "reads on a lease")                  \
    X(LEASES_MISSING, "reads that found no lease")      \
    X(TRANSFERS, "leaderships handed over")             \
    X(STEP_DOWNS, "leaders stepped down")               \
    X(COMMITTED, "entries committed")                   \
    X(DIGESTS, "digests compared")                      \
    X(SNAPSHOTS_WRITTEN, "snapshots written")           \
    X(SNAPSHOTS_INSTALLED, "snapshots installed")       \
    X(UNTRUSTED, "untrusted starts")                    \
    X(REPAIRED, "untrusted nodes trusted again")        \
    X(TAILS_CUT, "log tails cut at start")              \
    X(SEGMENTS_SET_ASIDE, "damaged segments set aside") \
    X(SNAPSHOTS_SET_ASIDE, "damaged snapshots")         \
    X(SEGMENTS_TRIMMED, "segments trimmed")             \
    X(SECTORS_LOST, "unsynced sectors lost")            \
    X(SECTORS_KEPT, "unsynced sectors kept")            \
    X(LOST, "messages lost")                            \
    X(DUPLICATED, "messages duplicated")                \
    X(REORDERED, "messages reordered")                  \
    X(DELAYED, "messages delayed")                      \
    X(HELD, "messages held by a cut link")              \
    X(PARTITIONS, "partitions")                         \
    X(ONEWAYS, "one-way partitions")                    \
    X(DEPOSED, "leaders cut off one by one")            \
    X(CLOGS, "clogged links")                           \
    X(BREAKS, "connections broken")                     \
    X(DEADS, "connections dead without a word")         \
    X(REFUSALS, "connects refused")                     \
    X(PAUSES, "pauses")                                 \
    X(CRASHES, "process crashes")                       \
    X(CRASHES_MIDWAY, "crashes between two actions")    \
    X(NEVER, "worlds under --fsync never")              \
    X(POWER_LOSSES, "power losses")                     \
    X(BLACKOUTS, "blackouts")                           \
    X(SYNC_ERRORS, "sync errors")                       \
    X(DISKS_FULL, "full disks")                         \
    X(DISKS_STUCK, "full disks that took nothing")      \
    X(SLOW_DISKS, "slow disks")                         \
    X(CLOCK_JUMPS, "wall clock jumps")                  \
    X(CLOCKS_OFF, "nodes with a clock found off")       \
    X(DRIFTS_BEYOND, "clocks beyond the drift bound")   \
    X(WIPES, "wiped disks")                             \
    X(ROTS, "bits rotten")                              \
    X(LOST_WRITES, "synced writes lost")                \
    X(MISDIRECTED, "synced writes misdirected")         \
    X(LEASES, "leases held at a commit")                \
    X(OPERATIONS, "client operations answered")         \
    X(REFUSED, "commands refused")                      \
    X(UNKNOWN, "commands of unknown outcome")           \
    X(RECONNECTS, "client connections opened")

#define SIM_COVERAGE_QUEUE(X)                   \
    X(PUTS, "puts acknowledged")                \
    X(RESERVED, "jobs reserved")                \
    X(DELETED, "deletes acknowledged")          \
    X(EXPIRED, "reservations run out")          \
    X(BURIED, "jobs buried")                    \
    X(KICKED, "kicks that moved a job")         \
    X(PROBES, "reservations checked for order") \
    X(DEADLINES, "DEADLINE_SOON heard")         \
    X(PIPELINED, "commands pipelined")

#define SIM_COVERAGE_RAFT(X)                             \
    X(READS_BY_LOG, "reads answered from the log")       \
    X(READS, "reads answered by ReadIndex")              \
    X(READS_ON_LEASE, "reads answered on a lease or so") \
    X(READS_LOCAL, "local reads in a burst")             \
    X(WRITES, "writes acknowledged")                     \
    X(SWAPS, "swaps carried out")                        \
    X(KEPT, "swaps that found another value")            \
    X(JUDGED, "histories judged")

#define SIM_COVERAGE_STORE(X)                           \
    X(STORE_GETS, "gets answered")                      \
    X(STORE_GETS_ON_LEASE, "gets on a lease or so")     \
    X(STORE_GETS_LOCAL, "local gets answered")          \
    X(STORE_SETS, "sets acknowledged")                  \
    X(STORE_SWAPS, "sets whose condition held")         \
    X(STORE_KEPT, "sets whose condition did not hold")  \
    X(STORE_DELETES, "deletes that found the key")      \
    X(STORE_MOVED, "clients sent to the leader")        \
    X(STORE_GETS_SESSION, "session gets answered")      \
    X(STORE_BY_LEADER, "sets acknowledged by a leader") \
    X(STORE_BY_MAJORITY, "sets that a majority has")    \
    X(STORE_BY_ALL, "sets that all voters have")        \
    X(STORE_NOT_ALL, "sets that not all voters have")   \
    X(STORE_ALL_CHECKED, "voters looked at for that")   \
    X(STORE_TOKENS, "tokens handed on")                 \
    X(STORE_LOST_TOLD, "losses told of")                \
    X(STORE_LOST, "sets by a leader lost at the end")   \
    X(STORE_JUDGED, "histories judged")

#define SIM_COVERAGE_CONSENSUS(X)                              \
    X(CONSENSUS_GETS, "gets answered")                         \
    X(CONSENSUS_PUTS, "puts of a key acknowledged")            \
    X(CONSENSUS_SWAPS, "transactions that swapped")            \
    X(CONSENSUS_KEPT, "transactions that found another value") \
    X(CONSENSUS_DELETES, "deletes of a key acknowledged")      \
    X(CONSENSUS_COMPACTED, "compactions")                      \
    X(CONSENSUS_WATCHED, "events heard by watches")            \
    X(CONSENSUS_CANCELLED, "watches overtaken by compaction")  \
    X(CONSENSUS_JUDGED, "histories of keys judged")

#define SIM_COVERAGE_CHAT(X)                      \
    X(CHAT_POSTS, "posts acknowledged")           \
    X(CHAT_EDITS, "edits acknowledged")           \
    X(CHAT_DELETES, "deletions acknowledged")     \
    X(CHAT_AGAIN, "acknowledged again")           \
    X(CHAT_EVENTS, "events of rooms heard")       \
    X(CHAT_GAPS, "gaps of rooms heard")           \
    X(CHAT_RESUMED, "rooms taken up where left")  \
    X(CHAT_TAKEN_ALONG, "identities taken along") \
    X(CHAT_REPLACED, "identities taken over")     \
    X(CHAT_FORGOTTEN, "identities forgotten")     \
    X(CHAT_COMINGS, "comings and goings heard")   \
    X(CHAT_LISTS, "lists of who is there")        \
    X(CHAT_READS, "markers moved")

#define SIM_COVERAGE_WATCH(X)                                \
    X(WATCHES, "watches opened")                             \
    X(WATCHES_RESUMED, "watches taken up at another node")   \
    X(WATCHES_CANCELLED, "watches cancelled and taken up")   \
    X(EVENTS, "events heard")                                \
    X(GAPS, "gaps heard")                                    \
    X(WATCH_WRITES, "writes acknowledged in watched worlds") \
    X(WATCH_UNKNOWN, "writes that were told to be uncertain")

#define SIM_COVERAGE(X)   \
    SIM_COVERAGE_WORLD(X) \
    SIM_COVERAGE_QUEUE(X) \
    SIM_COVERAGE_RAFT(X)  \
    SIM_COVERAGE_STORE(X) SIM_COVERAGE_CONSENSUS(X) SIM_COVERAGE_CHAT(X) SIM_COVERAGE_WATCH(X)

enum sim_coverage {
#define X(name, text) SIM_COVER_##name,
    SIM_COVERAGE(X)
#undef X
        SIM_COVERAGE_COUNT
};

/* Where the rows of each system begin and end. */
enum {
#define X(name, text) +1
    SIM_COVER_WORLD_END = 0 SIM_COVERAGE_WORLD(X),
    SIM_COVER_QUEUE_END = SIM_COVER_WORLD_END SIM_COVERAGE_QUEUE(X),
    SIM_COVER_RAFT_END = SIM_COVER_QUEUE_END SIM_COVERAGE_RAFT(X),
    SIM_COVER_STORE_END = SIM_COVER_RAFT_END SIM_COVERAGE_STORE(X),
    SIM_COVER_CONSENSUS_END = SIM_COVER_STORE_END SIM_COVERAGE_CONSENSUS(X),
    SIM_COVER_CHAT_END = SIM_COVER_CONSENSUS_END SIM_COVERAGE_CHAT(X),
    SIM_COVER_WATCH_END = SIM_COVER_CHAT_END SIM_COVERAGE_WATCH(X),
#undef X
};

#endif
