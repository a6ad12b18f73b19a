/* Clients that choose levels and hand tokens on: levels.c. */
#ifndef QUARTET_SYSTEMS_STORE_SIM_LEVELS_H
#define QUARTET_SYSTEMS_STORE_SIM_LEVELS_H

#include "systems/store/sim/clients.h"
#include "wire/resp.h"

/* One command, and what it asks for. */
void store_levels_choose(struct store_client *client, struct store_asked *asked);
/* It is asked now. */
void store_levels_begin(struct store_client *client, struct store_asked *asked);
void store_levels_line(const struct store_client *client, const struct store_asked *asked,
                       struct buffer *out);
/* Its answer; false: it is none. */
bool store_levels_heard(struct store_client *client, const struct store_asked *asked,
                        const struct resp_value *value);
/* It was certainly not done. */
void store_levels_refused(struct store_client *client, const struct store_asked *asked);
/* Whether this answer, to anything, says that something is lost. */
bool store_levels_lost(struct store_client *client, const struct resp_value *value);
/* Its connection ended. */
void store_levels_forget(struct store_client *client);
/* It writes another key from now on. */
void store_levels_begin_key(struct store_client *client);
void store_levels_free(struct store_users *users);

#endif
