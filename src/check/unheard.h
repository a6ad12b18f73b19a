/* Operations of unknown outcome are what makes histories hard: each may stand anywhere after its
 * call, or nowhere. Most of them cannot matter, and leaving them out is safe. */
#ifndef QUARTET_CHECK_UNHEARD_H
#define QUARTET_CHECK_UNHEARD_H

#include "check/model.h"

enum { UNHEARD_NO_TWIN = UINT32_MAX };

/* Of `count` operations of one key (indexes of the history, in the order of their calls), sets
 * useless[i] where operation i is of unknown outcome and could be left out of any order that the
 * model allows: it only looks, or leaves a value that no other operation must have found. */
void unheard_sift(const struct history *history, const struct model *model,
                  const uint32_t *operations, uint32_t count, bool *useless);

/* twins[i]: the last of operations[0..i) that calls the same with the same arguments, or
 * UNHEARD_NO_TWIN. When both are of unknown outcome, the earlier serves wherever the later does. */
void unheard_twins(const struct history *history, const uint32_t *operations, uint32_t count,
                   uint32_t *twins);

#endif
