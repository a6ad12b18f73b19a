/* Which slot a key is in: specs/systems/store.md, "Keys, slots, groups". */
#ifndef QUARTET_SYSTEMS_STORE_MACHINE_SLOT_H
#define QUARTET_SYSTEMS_STORE_MACHINE_SLOT_H

#include <stdint.h>

#include "base/bytes.h"

enum {
    STORE_SLOTS = 16384,
    STORE_NO_SLOT = 0xFFFF, /* of a command without keys */
};

uint16_t store_slot(struct slice key);

/* The group that owns a slot, of so many that a node has: a range of slots each. Group 0 owns none
 * but where it is the only one. */
uint32_t store_group_of(uint32_t slot, uint32_t groups_count);
/* Its first slot; the one behind the last group's is STORE_SLOTS. */
uint32_t store_group_first(uint32_t group, uint32_t groups_count);

#endif
