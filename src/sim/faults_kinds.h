/* What the files behind faults.h share: faults.c, which says what strikes whom and when, and is the
 * network's; faults_hosts.c, what happens to a host then. */
#ifndef QUARTET_SIM_FAULTS_KINDS_H
#define QUARTET_SIM_FAULTS_KINDS_H

#include "sim/faults.h"
#include "sim/world.h"

/* --- faults.c --- */

/* From the seed, each draw one of it: [low, high). */
uint64_t faults_between(struct faults *faults, uint64_t low, uint64_t high);
/* How long something lasts: of every magnitude, as what breaks on a second of silence is seldom
 * what breaks on a blink. */
uint64_t faults_lasting_us(struct faults *faults, uint64_t most_us);
struct host *faults_other_host(struct faults *faults, const struct host *host); /* of two or more */
bool faults_enabled(const struct faults *faults, enum sim_fault kind);
/* Between fault->mask and the others. */
void faults_partition(struct fault *fault, bool cut);

/* --- faults_hosts.c --- */

/* Its process ends, as this kind of fault does it, at once or in the middle of a turn soon, and
 * starts again later; unless it is down. */
void fault_take_down(struct faults *faults, struct host *host, enum sim_fault kind);
void fault_blackout(struct faults *faults);
void fault_pause(struct faults *faults, struct host *host);
/* Its disk loses what it had reported durable, as this kind of fault does; unless too many have. */
void fault_forget(struct faults *faults, struct host *host, enum sim_fault kind);
/* Which of the disks that forgot are to be relied on again. */
void faults_look_forgetful(struct faults *faults);
void fault_skew(struct faults *faults, struct host *host);
void fault_drift_beyond(struct fault *fault, bool on);
void fault_transfer(struct faults *faults, struct host *host);

#endif
