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

#endif
