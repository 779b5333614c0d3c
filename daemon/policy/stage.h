/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stages as a compiled policy has them: their time and their order. Pure.
 */
#ifndef CUTOFFD_STAGE_H
#define CUTOFFD_STAGE_H

#include <stdbool.h>

#include "daemon/policy/policy.h"

/* From the cutoff on (that instant included) and before until. */
bool stage_in_force(const struct policy_stage *stage, struct wall now);
/* Whether it will be in force, but is not yet. */
bool stage_to_come(const struct policy_stage *stage, struct wall now);
/* Whether its cutoff came after `after`, and by `until` at the latest. Both are real instants, so
 * that they mean the same before and after a rehearsal; offset_ns is the policy's. */
bool stage_began_between(const struct policy_stage *stage, int64_t offset_ns, struct wall after,
			 struct wall until);
/* The order in which policy.stages stand; for qsort(). */
int stage_compare(const void *a, const void *b);

#endif
