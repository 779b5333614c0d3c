/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small policy with one of everything, for tests of the ruleset: made by hand, so that they need
 * neither settings nor the policy's compiler.
 *
 *   class 16 acme.updates    stage 3 in scope lan (reject), stage 5 for all from a day later (drop)
 *   class 17 acme.telemetry  stage 4 for all (drop)
 *   class 18                 allotted, in no policy
 *   waiver 7                 10.77.1.7 and fd77:1::7, acme.updates
 *   never                    10.77.2.9
 */
#ifndef CUTOFFD_TESTS_RULESET_SAMPLE_POLICY_H
#define CUTOFFD_TESTS_RULESET_SAMPLE_POLICY_H

#include <assert.h>
#include <stddef.h>

#include "daemon/enforcer/ruleset.h"
#include "daemon/policy/policy.h"

#define SAMPLE_MASK 0x0fff0000
#define SAMPLE_TOLD 0x10000000
#define SAMPLE_SHIFT 16
#define SAMPLE_DAY (86400 * CLOCK_SECOND)

#define SAMPLE_UPDATES 16
#define SAMPLE_TELEMETRY 17
#define SAMPLE_PERMITTED 18

static const uint16_t sample_allotted[] = {SAMPLE_UPDATES, SAMPLE_TELEMETRY, SAMPLE_PERMITTED};

static const struct ruleset_options sample_options = {
	.mask = SAMPLE_MASK,
	.told = SAMPLE_TOLD,
	.classes_allotted = sample_allotted,
	.classes_allotted_count = 3,
};

struct sample {
	struct policy policy;
	struct policy_class classes[2];
	struct policy_scope scopes[2];
	struct policy_stage stages[3];
	struct policy_waiver waivers[1];
	struct prefix lan[4], all[2], hosts[2], never[1];
	uint16_t waived[1];
};

static inline struct prefix sample_prefix(const char *text)
{
	struct prefix prefix;
	enum prefix_error error = prefix_parse(text, &prefix);

	assert(error == PREFIX_OK);
	(void)error;
	return prefix;
}

static inline void sample_fill(struct sample *s, enum mode mode, struct wall cutoff,
			       struct wall waived_until)
{
	*s = (struct sample){
		.classes = {{SAMPLE_UPDATES, "acme", "updates"},
			    {SAMPLE_TELEMETRY, "acme", "telemetry"}},
		.lan = {sample_prefix("10.77.1.0/25"), sample_prefix("10.77.1.128/26"),
			sample_prefix("10.77.1.0/28"), sample_prefix("fd77:1::/64")},
		.hosts = {sample_prefix("10.77.1.7"), sample_prefix("fd77:1::7")},
		.never = {sample_prefix("10.77.2.9")},
		.waived = {SAMPLE_UPDATES},
	};
	s->scopes[0] = (struct policy_scope){.name = "lan", .sources = s->lan, .sources_count = 4};
	s->scopes[1] = (struct policy_scope){.name = "all", .any = true};
	s->stages[0] = (struct policy_stage){.number = 3,
					     .class = SAMPLE_UPDATES,
					     .scope = 0,
					     .cutoff = cutoff,
					     .until = WALL_NEVER,
					     .action = ACTION_REJECT};
	s->stages[1] = (struct policy_stage){.number = 5,
					     .class = SAMPLE_UPDATES,
					     .scope = 1,
					     .cutoff = wall_add(cutoff, SAMPLE_DAY),
					     .until = WALL_NEVER,
					     .action = ACTION_DROP};
	s->stages[2] = (struct policy_stage){.number = 4,
					     .class = SAMPLE_TELEMETRY,
					     .scope = 1,
					     .cutoff = cutoff,
					     .until = wall_add(cutoff, 365 * SAMPLE_DAY),
					     .action = ACTION_DROP};
	s->waivers[0] = (struct policy_waiver){.number = 7,
					       .id = "w",
					       .hosts = s->hosts,
					       .hosts_count = 2,
					       .classes = s->waived,
					       .classes_count = 1,
					       .until = waived_until};
	s->policy = (struct policy){.mode = mode,
				    .classes = s->classes,
				    .classes_count = 2,
				    .scopes = s->scopes,
				    .scopes_count = 2,
				    .stages = s->stages,
				    .stages_count = 3,
				    .waivers = s->waivers,
				    .waivers_count = 1,
				    .never = s->never,
				    .never_count = 1};
}

/* With the texts and in the order that the policy's compiler would have given it. */
static inline void sample_complete(struct sample *s)
{
	struct policy_stage first = s->stages[0];

	s->stages[0] = s->stages[1];
	s->stages[1] = first;
	for (size_t i = 0; i < 3; i++) {
		s->stages[i].measure = "xx-acme-2024";
		s->stages[i].stage = "a stage";
	}
	s->all[0] = sample_prefix("0.0.0.0/0");
	s->all[1] = sample_prefix("::/0");
	s->scopes[1].sources = s->all;
	s->scopes[1].sources_count = 2;
	s->waivers[0].reason = "why";
	s->waivers[0].approver = "who";
}

#endif
