/* Options of a node: see node_options.h. */
#include "command/node_options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

#include "base/assert.h"
#include "command/node_addresses.h"
#include "server/host.h"
#include "server/say.h"
#include "server/system.h"

enum {
    DATA_SIZE_MAX = 64,             /* of the default path */
    CLOCK_SKEW_MS_MAX = 86400000,   /* a day */
    CLOCK_DRIFT_PERMILLE_MAX = 500, /* more leaves no lease worth having */
    SHARED_ROWS_MAX = 32,           /* of the table */
    ADMIN_HOSTS_SIZE_MAX = 4096,    /* all names */
};

struct node_options {
    const struct node_command *command;
    char name[32]; /* "quartet queue" */
    char label[32];
    struct host_config config;
    struct node_addresses addresses;
    const char *data;
    const char *secret_file;
    const char *admin_hosts;
    char admin_hosts_all[ADMIN_HOSTS_SIZE_MAX + ADDRESS_HOST_SIZE_MAX + 2];
    uint64_t node;
    uint64_t connections_max;
    uint64_t memory_max;
    uint64_t election_timeout_ms;
    uint64_t heartbeat_ms;
    uint64_t clock_drift_permille;
    uint64_t clock_skew_ms_max;
    uint64_t segment_bytes;
    uint64_t compact_bytes;
    bool verbose;
    char listen_help[64]; /* these name the system */
    char data_help[64];
    char data_default[DATA_SIZE_MAX];
    struct option_spec items[SHARED_ROWS_MAX + NODE_OPTIONS_OWN_MAX];
    size_t count;
};

/* --- values ---------------------------------------------------------------------------------- */

static const char *parse_address(const char *text, const struct option_spec *option)
{
    return address_parse(text, strlen(text), option->target) ? NULL : ADDRESS_EXPECTED;
}

static const char *parse_fsync(const char *text, const struct option_spec *option)
{
    bool never = strcmp(text, "never") == 0;
    if (!never && strcmp(text, "always") != 0) return "always or never";
    *(bool *)option->target = never;
    return NULL;
}

static const char *parse_reads(const char *text, const struct option_spec *option)
{
    static const char *const names[] = {[PROTOCOL_READ_LINEARIZABLE] = "linearizable",
                                        [PROTOCOL_READ_LEASE] = "lease",
                                        [PROTOCOL_READ_LOCAL] = "local"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *(enum protocol_read *)option->target = (enum protocol_read)i;
        return NULL;
    }
    return "linearizable, lease or local";
}

static const char *parse_hosts(const char *text, const struct option_spec *option)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._,";
    size_t size = strlen(text);
    bool lonely =
        size == 0 || text[0] == ',' || text[size - 1] == ',' || strstr(text, ",,") != NULL;
    if (lonely || strspn(text, letters) != size) {
        return "NAME,... like queue.example.org, without ports";
    }
    if (size > ADMIN_HOSTS_SIZE_MAX) return "at most 4096 bytes of names";
    *(const char **)option->target = text;
    return NULL;
}

/* --- the table ------------------------------------------------------------------------------- */

struct shared_option {
    const char *name;
    const char *argument;
    const char *help; /* NULL: it names the system, name_system() */
    const char *(*parse)(const char *text, const struct option_spec *option);
    size_t target; /* in struct node_options */
    uint64_t min;
    uint64_t max;
};

static const struct shared_option shared[] = {
    {"node", "N", "this node's number (1)", option_parse_number,
     offsetof(struct node_options, node), 1, UINT32_MAX},
    {"peers", "ID=HOST:PORT,...", "all founding nodes, this one included; none: alone",
     node_addresses_parse_peers, offsetof(struct node_options, config.node), 0, 0},
    {"join", "ID=HOST:PORT,...",
     "some members of a cluster that will add this node; founds nothing", node_addresses_parse_join,
     offsetof(struct node_options, config.node), 0, 0},
    {"listen", "HOST:PORT,...", NULL, node_addresses_parse_listen,
     offsetof(struct node_options, config), 0, 0},
    {"announce", "HOST:PORT,...", "what clients are told to dial, one for each of --listen (that)",
     node_addresses_parse_announce, offsetof(struct node_options, addresses), 0, 0},
    {"admin", "HOST:PORT",
     "HTTP: /health /status /metrics and more (127.0.0.1:9000, or the next that is free)",
     parse_address, offsetof(struct node_options, config.admin), 0, 0},
    {"admin-hosts", "NAME,...", "names that the admin port is asked by, besides those of nodes",
     parse_hosts, offsetof(struct node_options, admin_hosts), 0, 0},
    {"peer-listen", "HOST:PORT", "where peers connect (the port of its own entry in --peers)",
     parse_address, offsetof(struct node_options, config.peer), 0, 0},
    {"data", "DIR", NULL, option_parse_text, offsetof(struct node_options, data), 0, 0},
    {"fsync", "always|never", "never: survives kill -9, not a power cut (always)", parse_fsync,
     offsetof(struct node_options, config.node.fsync_never), 0, 0},
    {"reads", "LEVEL", NULL, parse_reads,
     offsetof(struct node_options, config.node.protocol_config.reads), 0, 0},
    {"secret-file", "FILE", "proves membership to the peers", option_parse_text,
     offsetof(struct node_options, secret_file), 0, 0},
    {"tls-cert", "FILE", "this node's certificate, PEM, its chain behind it: TLS at every port",
     option_parse_text, offsetof(struct node_options, config.tls.cert), 0, 0},
    {"tls-key", "FILE", "the key that belongs to it", option_parse_text,
     offsetof(struct node_options, config.tls.key), 0, 0},
    {"tls-client-ca", "FILE", "clients, and who asks the admin port, need a certificate by these",
     option_parse_text, offsetof(struct node_options, config.tls.client_ca), 0, 0},
    {"tls-peer-ca", "FILE", "nodes need a certificate by these, for the names in --peers",
     option_parse_text, offsetof(struct node_options, config.tls.peer_ca), 0, 0},
    {"connections-max", "N", "clients at a time", option_parse_number,
     offsetof(struct node_options, connections_max), 1, UINT32_MAX},
    {"memory-max", "BYTES", NULL, option_parse_number, offsetof(struct node_options, memory_max), 0,
     UINT64_MAX},
    {"election-timeout-ms", "N", "silence of a leader before an election", option_parse_number,
     offsetof(struct node_options, election_timeout_ms), 10, 600000},
    {"heartbeat-ms", "N", "a leader's, at most half an election timeout", option_parse_number,
     offsetof(struct node_options, heartbeat_ms), 1, 300000},
    {"clock-drift-permille", "N",
     "how far the nodes' clocks may run apart, for leases: the same on all (50)",
     option_parse_number, offsetof(struct node_options, clock_drift_permille), 1,
     CLOCK_DRIFT_PERMILLE_MAX},
    {"clock-skew-max-ms", "N",
     "off from a quorum's wall clocks by more, it does not lead; 0: no limit (1000)",
     option_parse_number, offsetof(struct node_options, clock_skew_ms_max), 0, CLOCK_SKEW_MS_MAX},
    {"segment-bytes", "BYTES", "size of a log file", option_parse_number,
     offsetof(struct node_options, segment_bytes), NODE_SEGMENT_BYTES_MIN, 1u << 30},
    {"compact-bytes", "BYTES", "a log beyond this becomes a snapshot", option_parse_number,
     offsetof(struct node_options, compact_bytes), NODE_SEGMENT_BYTES_MIN, UINT64_MAX >> 1},
    {"verbose", NULL, "also trace every message between nodes", NULL,
     offsetof(struct node_options, verbose), 0, 0},
};

enum { SHARED_COUNT = sizeof shared / sizeof shared[0] };
_Static_assert((size_t)SHARED_COUNT <= SHARED_ROWS_MAX,
               "struct node_options has room for the table");

/* Of an option that the table has. */
static struct option_spec *row(struct node_options *to, const char *name)
{
    size_t at = 0;
    while (at < SHARED_COUNT && strcmp(to->items[at].name, name) != 0) at++;
    ASSERT(at < SHARED_COUNT);
    return &to->items[at];
}

static void name_system(struct node_options *to)
{
    const struct system *system = to->command->system;
    snprintf(to->listen_help, sizeof to->listen_help, "where clients connect (127.0.0.1:%u)",
             system->port);
    snprintf(to->data_help, sizeof to->data_help, "where it keeps its log (quartet-data/%s-N)",
             system->name);
    row(to, "listen")->help = to->listen_help;
    row(to, "data")->help = to->data_help;
    row(to, "reads")->help = to->command->reads_help;
    row(to, "memory-max")->help = to->command->memory_help;
}

static void make_table(struct node_options *to)
{
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct shared_option *from = &shared[i];
        to->items[to->count++] = (struct option_spec){.name = from->name,
                                                      .argument = from->argument,
                                                      .help = from->help,
                                                      .parse = from->parse,
                                                      .target = (uint8_t *)to + from->target,
                                                      .min = from->min,
                                                      .max = from->max};
    }
    const struct node_command *command = to->command;
    ASSERT(command->own_count <= NODE_OPTIONS_OWN_MAX);
    for (size_t i = 0; i < command->own_count; i++) to->items[to->count++] = command->own[i];
    name_system(to);
}

static void set_defaults(struct node_options *to)
{
    struct node_config *node = &to->config.node;
    const struct system *system = to->command->system;
    snprintf(to->name, sizeof to->name, "quartet %s", system->name);
    node_config_defaults(node);
    node->machine = to->command->machine;
    node->protocol = to->command->protocol;
    to->config.name = system->name;
    to->addresses.port = system->port;
    to->node = 1;
    address_parse("127.0.0.1:9000", 14, &to->config.admin);
    to->connections_max = node->connections_max;
    to->memory_max = node->memory_bytes_max;
    to->election_timeout_ms = node->election_timeout_us / 1000;
    to->heartbeat_ms = node->heartbeat_us / 1000;
    to->clock_drift_permille = node->clock_drift_permille;
    to->clock_skew_ms_max = node->clock_skew_us_max / 1000;
    to->segment_bytes = node->segment_bytes;
    to->compact_bytes = node->log_bytes_compact;
}

/* --- checks ---------------------------------------------------------------------------------- */

/* The name that --admin has, if it is one, is as much the operator's word as those in
 * --admin-hosts. */
static void set_admin_hosts(struct node_options *to)
{
    snprintf(to->admin_hosts_all, sizeof to->admin_hosts_all, "%s%s%s", to->config.admin.host,
             to->admin_hosts != NULL ? "," : "", to->admin_hosts != NULL ? to->admin_hosts : "");
    to->config.node.admin_hosts = to->admin_hosts_all;
}

/* One without the other would look safe, and not be. */
static int check_tls(const struct node_options *to)
{
    const struct tls_files *tls = &to->config.tls;
    char wrong[TLS_WRONG_SIZE_MAX];
    if (tls->cert == NULL) {
        const char *given = tls->key != NULL         ? "tls-key"
                            : tls->client_ca != NULL ? "tls-client-ca"
                            : tls->peer_ca != NULL   ? "tls-peer-ca"
                                                     : NULL;
        return given == NULL ? 0 : options_mistake(to->name, given, "needs --tls-cert FILE");
    }
    if (tls->key == NULL) return options_mistake(to->name, "tls-cert", "needs --tls-key FILE");
    if (tls->peer_ca == NULL && host_has_peer_port(&to->config)) {
        return options_mistake(to->name, "tls-cert",
                               "with other nodes it needs --tls-peer-ca FILE, or they would talk "
                               "to whoever says that they are one");
    }
    struct tls *loaded = tls_load(tls, wrong, sizeof wrong);
    if (loaded == NULL) return options_mistake(to->name, "tls-cert", "%s", wrong);
    tls_free(loaded);
    return 0;
}

static int apply(struct node_options *to)
{
    struct node_config *node = &to->config.node;
    node->self = (uint32_t)to->node;
    node->connections_max = (uint32_t)to->connections_max;
    node->memory_bytes_max = to->memory_max;
    node->election_timeout_us = to->election_timeout_ms * 1000;
    node->heartbeat_us = to->heartbeat_ms * 1000;
    node->clock_drift_permille = (uint32_t)to->clock_drift_permille;
    node->clock_skew_us_max = to->clock_skew_ms_max * 1000;
    node->segment_bytes = to->segment_bytes;
    node->log_bytes_compact = to->compact_bytes;
    node->trace_messages = to->verbose;
    node->seed = system_random_u64();
    for (int i = 0; i < 4; i++) store_u64(node->draws.key + 8 * i, system_random_u64());
    node->draws.mac = system_mac;
    if (to->heartbeat_ms * 2 > to->election_timeout_ms) {
        return options_mistake(
            to->name, "heartbeat-ms", "%llu is more than half of --election-timeout-ms %llu",
            (unsigned long long)to->heartbeat_ms, (unsigned long long)to->election_timeout_ms);
    }
    if (to->secret_file != NULL) {
        const char *wrong = system_read_secret(to->secret_file, node->secret);
        if (wrong != NULL) {
            return options_mistake(to->name, "secret-file", "%s: %s", to->secret_file, wrong);
        }
        node->mac = system_mac;
    }
    set_admin_hosts(to);
    to->config.admin_given = row(to, "admin")->given;
    to->addresses.peer_listen_given = row(to, "peer-listen")->given;
    int mistake = node_addresses_fill(&to->addresses, to->name, &to->config);
    if (mistake == 0) mistake = check_tls(to);
    node->protocol_config.secure = to->config.tls.cert != NULL;
    if (mistake == 0 && to->command->fill != NULL) mistake = to->command->fill(node);
    return mistake;
}

/* --- run ------------------------------------------------------------------------------------- */

/* Under `quartet up` of several systems, lines say whose node speaks. */
static void set_label(struct node_options *to)
{
    if (getenv("QUARTET_UP_SEVERAL") == NULL) return;
    snprintf(to->label, sizeof to->label, "%s ", to->command->system->name);
    say_as_label(to->label);
}

/* Under `quartet up`, a child does not outlive its parent. */
static void follow_parent(void)
{
#ifdef __linux__
    const char *parent = getenv("QUARTET_UP_PARENT");
    if (parent == NULL) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (strtol(parent, NULL, 10) != (long)getppid()) exit(SYSTEM_EXIT_FAILED);
#endif
}

static enum options_result parse(struct node_options *to, int argc, char **argv)
{
    struct options options = {.command = to->name,
                              .summary = to->command->summary,
                              .items = to->items,
                              .count = to->count};
    enum options_result result = options_parse(&options, argc, argv, NULL, 0, NULL);
    if (result == OPTIONS_OK && row(to, "peers")->given && to->config.node.join) {
        options_mistake(to->name, "join", "either --peers, which founds, or --join");
        return OPTIONS_BAD;
    }
    return result;
}

int node_command_run(const struct node_command *command, int argc, char **argv)
{
    static struct node_options options;
    struct node_options *to = &options;
    to->command = command;
    set_defaults(to);
    make_table(to);
    enum options_result result = parse(to, argc, argv);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    int mistake = apply(to);
    if (mistake != 0) return mistake;
    snprintf(to->data_default, sizeof to->data_default, "quartet-data/%s-%u", command->system->name,
             to->config.node.self);
    to->config.data = to->data != NULL ? to->data : to->data_default;
    set_label(to);
    follow_parent();
    return host_run(&to->config);
}
