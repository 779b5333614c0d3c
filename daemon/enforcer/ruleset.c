/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/ruleset.h"

#include <inttypes.h>

#include "daemon/enforcer/ruleset_build.h"

int64_t build_instant(const struct build *build, struct wall at)
{
	int64_t ns;

	if (at.ns == WALL_NEVER.ns)
		return INT64_MAX;
	if (__builtin_sub_overflow(at.ns, build->policy->offset_ns, &ns))
		return at.ns > 0 ? INT64_MAX : 0;
	return ns > 0 ? ns : 0;
}

uint32_t build_mark(const struct build *build, uint32_t field)
{
	return ruleset_mark(build->options->mask, field);
}

static void add_counters(struct build *build)
{
	const struct policy *policy = build->policy;
	struct ruleset *r = build->ruleset;
	size_t n = 0;

	r->counters = arena_array(r->arena, 3 * policy->stages_count + policy->waivers_count + 1,
				  sizeof(*r->counters));
	r->counters[n++] = RULESET_COUNTER_UNALLOTTED;
	for (size_t i = 0; i < policy->stages_count; i++) {
		uint32_t number = policy->stages[i].number;

		r->counters[n++] = arena_printf(r->arena, RULESET_COUNTER_BEFORE, number);
		r->counters[n++] = arena_printf(r->arena, RULESET_COUNTER_OBSERVED, number);
		r->counters[n++] = arena_printf(r->arena, RULESET_COUNTER_REFUSED, number);
	}
	for (size_t i = 0; i < policy->waivers_count; i++)
		r->counters[n++] =
			arena_printf(r->arena, RULESET_COUNTER_WAIVED, policy->waivers[i].number);
	r->counters_count = n;
}

struct ruleset *ruleset_compile(const struct policy *policy, const struct ruleset_options *options)
{
	struct arena *arena = arena_new();
	struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
	struct build build = {.ruleset = ruleset, .policy = policy, .options = options};

	ruleset->arena = arena;
	ruleset->rehearsal = policy->offset_ns != 0;
	ruleset->lifted = arena_grow(arena, options->lifted, options->lifted_count,
				     options->lifted_count, sizeof(*options->lifted));
	ruleset->lifted_count = options->lifted_count;
	add_counters(&build);
	ruleset_build_sets(&build);
	ruleset_build_chains(&build);
	ruleset_build_class_of(&build);
	return ruleset;
}

void ruleset_free(struct ruleset *ruleset)
{
	if (ruleset)
		arena_free(ruleset->arena);
}
