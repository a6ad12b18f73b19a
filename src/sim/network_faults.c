/* What goes wrong on the simulated network. See network.h; what strikes when: faults.c. */
#include "sim/network_ends.h"

enum { BREAK_NOTICED_US_MAX = 200000 };

void network_cut(struct network *network, uint32_t from, uint32_t to, bool cut)
{
    network->cut[from][to] = cut;
    for (struct list *at = network->ends[to].next; at != &network->ends[to]; at = at->next) {
        struct network_end *end = LIST_ITEM(at, struct network_end, link);
        if (end->state != END_OPEN || end->other->place != from) continue;
        if (cut && !list_empty(&end->arriving)) network->counts_held++;
        network_end_expect(network, end);
    }
}

void network_clog(struct network *network, uint32_t from, uint32_t to, bool clogged)
{
    network->clogged[from][to] = clogged;
    network_cut(network, from, to, clogged);
    if (clogged) return;
    for (struct list *at = network->ends[from].next; at != &network->ends[from]; at = at->next) {
        struct network_end *end = LIST_ITEM(at, struct network_end, link);
        if (end->other->place != to || end->unsent == 0) continue;
        network->sink->sent(network->world, from, end->number, end->unsent);
        end->unsent = 0;
    }
}

void network_refuse(struct network *network, uint32_t place, bool refuse)
{
    network->refusing[place] = refuse;
}

void network_break(struct network *network, uint32_t a, uint32_t b, uint32_t permille)
{
    uint64_t now_us = network->schedule->now_us;
    for (struct list *at = network->ends[a].next; at != &network->ends[a]; at = at->next) {
        struct network_end *end = LIST_ITEM(at, struct network_end, link);
        if (end->other->place != b || end->state != END_OPEN ||
            !network_chance(network, permille)) {
            continue;
        }
        network->counts_broken++;
        network->sink->narrate(network->world, "broken", a, b, 0);
        struct network_end *ends[2] = {end, end->other};
        for (int i = 0; i < 2; i++) {
            uint64_t after_us = random_below(&network->random, BREAK_NOTICED_US_MAX);
            if (network_chance(network, 500)) after_us = random_below(&network->random, 1000);
            network_end_close_at(network, ends[i], now_us + after_us, false);
        }
    }
}

void network_deaden(struct network *network, uint32_t a, uint32_t b)
{
    for (struct list *at = network->ends[a].next; at != &network->ends[a]; at = at->next) {
        struct network_end *end = LIST_ITEM(at, struct network_end, link);
        if (end->other->place != b || end->state != END_OPEN || end->dead) continue;
        network->counts_dead++;
        network->sink->narrate(network->world, "dead", a, b, 0);
        struct network_end *ends[2] = {end, end->other};
        for (int i = 0; i < 2; i++) {
            ends[i]->dead = true;
            network_end_drop(network, ends[i]);
        }
    }
}

void network_set_storm(struct network *network, const struct network_storm *storm)
{
    network->storm = *storm;
    network->stormy = storm->lost + storm->duplicated + storm->reordered + storm->delayed > 0;
}

void network_heal(struct network *network)
{
    network_set_storm(network, &(struct network_storm){0});
    for (uint32_t from = 0; from < NETWORK_PLACES_MAX; from++) {
        network->refusing[from] = false;
        for (uint32_t to = 0; to < NETWORK_PLACES_MAX; to++) {
            if (network->clogged[from][to]) network_clog(network, from, to, false);
            if (network->cut[from][to]) network_cut(network, from, to, false);
        }
    }
}
