/* The admin port: connections that speak HTTP to a person, a load balancer or Prometheus, about all
 * of the node. What is served there stands in admin.c, and, about members, in members.c. */
#ifndef QUARTET_NODE_ADMIN_ADMIN_H
#define QUARTET_NODE_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "node/node.h"
#include "node/turn/connections.h"
#include "wire/http1.h"

enum {
    NODE_ADMIN_MAX = 64,           /* connections on the admin port */
    NODE_CHANGES_WAITING_MAX = 16, /* of the membership, behind one that is under way */
};

struct link;
struct node;

struct admin {
    struct connection connection;
    void *parser; /* struct http_parser, owned by admin.c */
    struct buffer input;
    struct list in_admins;
    bool streaming;   /* /events */
    bool awaiting;    /* an answer that others have to give */
    bool served;      /* has asked something before */
    bool has_session; /* until the machine has answered */
    bool keep_alive, head_only;
    uint64_t since_us; /* it waits, or has asked nothing, or its unfinished request began */
};

/* Where a change of the membership was asked for. */
struct members_asker {
    uint32_t link;   /* that of the node that passed it on; 0: our own admin connection `number` */
    uint64_t number; /* as that node knows it */
};

/* One that this node, as leader, was asked for and has not answered. */
struct members_change {
    struct members_asker asker;
    uint8_t verb;
    uint32_t id;
    uint8_t address_size;
    uint8_t address[RAFT_ADDRESS_SIZE_MAX];
    uint64_t since_us;
};

/* See admin/change.c. */
struct members_changes {
    bool under_way;
    struct members_change current; /* if so */
    uint32_t waiting_count;
    struct members_change waiting[NODE_CHANGES_WAITING_MAX]; /* in the order of their coming */
};

struct admins {
    struct list all;
    uint32_t count;
    struct members_changes changes;
};

void admins_init(struct admins *admins);

/* --- what the world reports --- */

void admin_opened(struct node *node, uint32_t id);
void admin_received(struct node *node, struct admin *admin, struct slice bytes);
void admin_closed(struct node *node, struct admin *admin); /* frees it */
void admin_free(struct node *node, struct admin *admin);   /* at the end of all */

/* --- answers --- */

/* The machine's, to what this one asked it or proposed. */
void admin_reply(struct node *node, struct admin *admin, const void *payload);
/* A page that admin.c does not know by itself, perhaps of a connection that is gone. `words` are
 * borrowed for the call. */
void admin_answer(struct node *node, uint32_t connection, unsigned status, struct slice words);
/* What it asked the machine for was certainly not done: it was never sent. Proposes nothing. Not an
 * admin's connection, or not any more: nothing. */
void admin_refuse(struct node *node, uint32_t connection);
void admins_reborn(struct node *node); /* the sessions of this incarnation are over */

/* --- the turn --- */

void admin_turn(struct node *node);
void admin_trace(struct node *node, struct slice lines); /* to those who stream /events */

/* --- members.c, change.c --- */

/* /members, of our own admin connection of this id; answered by admin_answer(), now or later. */
void members_request(struct node *node, uint32_t admin, const struct http_request *request);
/* Content of an ASK frame from a node that takes this one for the leader; false when malformed. */
bool members_asked(struct node *node, struct link *link, struct slice content);
/* Content of an ANSWER frame; false when malformed. */
bool members_answered(struct node *node, struct slice content);
/* Once a turn: a change may have ended, the next one begins. */
void members_turn(struct node *node);

#endif
