/* Commands that Redis has and this store refuses, each with the way out. */
#include <string.h>

#include "systems/store/protocol/internal.h"

struct refused {
    const char *names; /* with a space before and behind each */
    const char *why;
};

static const struct refused commands[] = {
    {" eval evalsha eval_ro evalsha_ro script function fcall fcall_ro ",
     "ERR scripts are not supported: SET key value IFEQ old and DELIFEQ key value do what most are "
     "written for"},
    {" multi exec discard watch unwatch ",
     "ERR transactions are not built yet: SET key value IFEQ old changes one key on a condition"},
    {" dump restore migrate ", "ERR not supported: copy by GET and SET, or by COPY in one slot"},
    {" xadd xread xrange xrevrange xlen xdel xtrim xack xclaim xautoclaim xgroup xinfo xpending "
     "xreadgroup xsetid ",
     "ERR streams are not supported"},
    {" geoadd geodist geohash geopos georadius georadiusbymember geosearch geosearchstore ",
     "ERR GEO commands are not supported"},
    {" pfadd pfcount pfmerge pfdebug pfselftest ", "ERR HyperLogLogs are not supported"},
    {" save bgsave bgrewriteaof lastsave ",
     "ERR every acknowledged write is on disk already: there is nothing to save"},
    {" replicaof slaveof psync sync replconf failover ",
     "ERR replicas are nodes of the cluster: quartet members add, remove, transfer"},
    {" shutdown debug monitor slowlog latency module acl swapdb move ",
     "ERR not supported: see the options of quartet store, and its admin port"},
};

static const struct refused cluster[] = {
    {" setslot addslots addslotsrange delslots delslotsrange flushslots bumpepoch ",
     "ERR slots are not assigned by hand: each has its owner"},
    {" meet forget failover replicate reset saveconfig set-config-epoch ",
     "ERR nodes are added and removed by quartet members add, remove, transfer"},
};

/* Whether `name`, in any case, stands in the list. */
static bool stands_in(const char *names, struct slice name)
{
    char word[STORE_NAME_SIZE_MAX + 3] = " ";
    if (name.size == 0 || name.size > STORE_NAME_SIZE_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c == ' ' || c == '\0') return false;
        word[i + 1] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    word[name.size + 1] = ' ';
    size_t size = name.size + 2, all = strlen(names);
    for (size_t at = 0; at + size <= all; at++) {
        if (memcmp(names + at, word, size) == 0) return true;
    }
    return false;
}

static const char *find(const struct refused *table, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (stands_in(table[i].names, name)) return table[i].why;
    }
    return NULL;
}

const char *refused_command(struct slice name)
{
    return find(commands, sizeof commands / sizeof commands[0], name);
}

const char *refused_cluster(struct slice subcommand)
{
    return find(cluster, sizeof cluster / sizeof cluster[0], subcommand);
}
