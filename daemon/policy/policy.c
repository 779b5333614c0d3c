/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/policy/scope.h"
#include "daemon/policy/stage.h"

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_ALLOW:
		return "allow";
	case VERDICT_OBSERVE:
		return "observe";
	case VERDICT_REJECT:
		return "reject";
	case VERDICT_DROP:
		return "drop";
	}
	return "unknown";
}

const char *mode_name(enum mode mode)
{
	return mode == MODE_ENFORCE ? "enforce" : "observe";
}

const char *action_name(enum action action)
{
	return action == ACTION_DROP ? "drop" : "reject";
}

void policy_free(struct policy *policy)
{
	if (policy)
		arena_free(policy->arena); /* which the policy itself lives in */
}

static int class_compare(const void *key, const void *element)
{
	const uint16_t *number = key;
	const struct policy_class *class = element;

	return *number - class->number;
}

const struct policy_class *policy_class_find(const struct policy *policy, uint16_t number)
{
	return bsearch(&number, policy->classes, policy->classes_count, sizeof(*policy->classes),
		       class_compare);
}

const struct policy_class *policy_class_by_name(const struct policy *policy, const char *vendor,
						const char *service)
{
	for (size_t i = 0; i < policy->classes_count; i++)
		if (strcmp(policy->classes[i].vendor, vendor) == 0 &&
		    strcmp(policy->classes[i].service, service) == 0)
			return &policy->classes[i];
	return NULL;
}

static bool stage_holds(const struct policy *policy, const struct policy_stage *stage,
			uint16_t class_number, const struct address *client,
			const struct address *server)
{
	return stage->class == class_number &&
	       scope_holds(&policy->scopes[stage->scope], client, server);
}

/* The stage that decides, else the next to come: stages stand with the strictest first. */
static const struct policy_stage *find_stage(const struct policy *policy, uint16_t class_number,
					     const struct address *client,
					     const struct address *server, struct wall now)
{
	const struct policy_stage *next = NULL;

	for (size_t i = 0; i < policy->stages_count; i++) {
		const struct policy_stage *stage = &policy->stages[i];

		if (!stage_holds(policy, stage, class_number, client, server))
			continue;
		if (stage_in_force(stage, now))
			return stage;
		if (stage_to_come(stage, now) &&
		    (!next || wall_before(stage->cutoff, next->cutoff)))
			next = stage;
	}
	return next;
}

static bool waiver_holds(const struct policy_waiver *waiver, uint16_t class_number,
			 const struct address *client, const struct address *server,
			 struct wall now)
{
	bool named = false;

	for (size_t i = 0; i < waiver->classes_count; i++)
		named |= waiver->classes[i] == class_number;
	return named && wall_before(now, waiver->until) &&
	       (prefix_any_contains(waiver->hosts, waiver->hosts_count, client) ||
		prefix_any_contains(waiver->hosts, waiver->hosts_count, server));
}

/* The one that exempts for longest. */
static const struct policy_waiver *find_waiver(const struct policy *policy, uint16_t class_number,
					       const struct address *client,
					       const struct address *server, struct wall now)
{
	const struct policy_waiver *longest = NULL;

	for (size_t i = 0; i < policy->waivers_count; i++) {
		const struct policy_waiver *waiver = &policy->waivers[i];

		if (waiver_holds(waiver, class_number, client, server, now) &&
		    (!longest || wall_before(longest->until, waiver->until)))
			longest = waiver;
	}
	return longest;
}

struct decision policy_judge(const struct policy *policy, uint16_t class_number,
			     const struct address *client, const struct address *server,
			     struct wall now)
{
	struct decision decision = {.verdict = VERDICT_ALLOW, .would = VERDICT_ALLOW};

	if (prefix_any_contains(policy->never, policy->never_count, server))
		return decision;
	decision.stage = find_stage(policy, class_number, client, server, now);
	if (!decision.stage || !stage_in_force(decision.stage, now))
		return decision;
	decision.waiver = find_waiver(policy, class_number, client, server, now);
	if (decision.waiver)
		return decision;
	decision.would = decision.stage->action == ACTION_DROP ? VERDICT_DROP : VERDICT_REJECT;
	decision.verdict = policy->mode == MODE_ENFORCE ? decision.would : VERDICT_OBSERVE;
	return decision;
}

static struct wall nearer(struct wall next, struct wall at, struct wall now)
{
	return wall_before(now, at) && wall_before(at, next) ? at : next;
}

struct wall policy_next_change(const struct policy *policy, struct wall now)
{
	struct wall next = WALL_NEVER;

	for (size_t i = 0; i < policy->stages_count; i++) {
		next = nearer(next, policy->stages[i].cutoff, now);
		next = nearer(next, policy->stages[i].until, now);
	}
	for (size_t i = 0; i < policy->waivers_count; i++)
		next = nearer(next, policy->waivers[i].until, now);
	return next;
}
