/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/stage.h"

bool stage_in_force(const struct policy_stage *stage, struct wall now)
{
	return !wall_before(now, stage->cutoff) && wall_before(now, stage->until);
}

bool stage_to_come(const struct policy_stage *stage, struct wall now)
{
	return wall_before(now, stage->cutoff) && wall_before(stage->cutoff, stage->until);
}

bool stage_began_between(const struct policy_stage *stage, int64_t offset_ns, struct wall after,
			 struct wall until)
{
	struct wall real = wall_add(stage->cutoff, -offset_ns);

	return wall_before(after, real) && !wall_before(until, real);
}

int stage_compare(const void *a, const void *b)
{
	const struct policy_stage *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->action != y->action)
		return x->action == ACTION_DROP ? -1 : 1;
	if (x->cutoff.ns != y->cutoff.ns)
		return wall_before(x->cutoff, y->cutoff) ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}
