/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "classifiers/evidence.h"
#include "daemon/enforcer/ruleset_build.h"

#define RULE_STATEMENTS 8

/* A rule in the making. */
struct draft {
	struct statement statements[RULE_STATEMENTS];
	size_t count;
};

/* One of the ways in which a packet can belong to a list of hosts: all its statements match. */
struct way {
	struct statement statements[2];
	size_t count;
};

#define WAYS 4

static void put(struct draft *draft, struct statement statement)
{
	draft->statements[draft->count++] = statement;
}

static void put_name(struct draft *draft, enum statement_kind kind, const char *name)
{
	put(draft, (struct statement){.kind = kind, .name = name});
}

static void put_latched(struct draft *draft, uint32_t number, bool inverted)
{
	put(draft,
	    (struct statement){.kind = STATEMENT_LATCHED, .number = number, .inverted = inverted});
}

static void put_from(struct draft *draft, const struct build *build, struct wall at)
{
	put(draft,
	    (struct statement){.kind = STATEMENT_TIME_FROM, .instant = build_instant(build, at)});
}

static void put_before(struct draft *draft, const struct build *build, struct wall at)
{
	if (at.ns != WALL_NEVER.ns)
		put(draft, (struct statement){.kind = STATEMENT_TIME_BEFORE,
					      .instant = build_instant(build, at)});
}

static void put_count(struct draft *draft, struct arena *arena, const char *format, uint32_t number)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	put_name(draft, STATEMENT_COUNT, arena_printf(arena, format, number));
#pragma GCC diagnostic pop
}

static struct chain *add_chain(struct build *build, const char *name, enum hook hook)
{
	struct ruleset *r = build->ruleset;

	r->chains[r->chains_count] = (struct chain){.name = name, .hook = hook};
	return &r->chains[r->chains_count++];
}

/* Room doubles where the count is a power of two. */
static void add_rule(struct build *build, struct chain *chain, const struct draft *draft)
{
	struct arena *arena = build->ruleset->arena;
	struct rule rule = {.count = draft->count};

	rule.statements = arena_grow(arena, draft->statements, draft->count, draft->count,
				     sizeof(*draft->statements));
	if ((chain->count & (chain->count - 1)) == 0)
		chain->rules = arena_grow(arena, chain->rules, chain->count,
					  chain->count > 0 ? 2 * chain->count : 1, sizeof(rule));
	chain->rules[chain->count++] = rule;
}

static struct statement source_in(const char *set, enum family family, enum direction direction)
{
	return (struct statement){
		.kind = STATEMENT_CT_SOURCE, .family = family, .direction = direction, .name = set};
}

static size_t ways_of_family(const char *set, enum family family, struct way *ways)
{
	struct statement outside = source_in(set, family, DIRECTION_ORIGINAL);

	if (!set)
		return 0;
	ways[0] = (struct way){{source_in(set, family, DIRECTION_ORIGINAL)}, 1};
	outside.inverted = true;
	ways[1] = (struct way){{outside, source_in(set, family, DIRECTION_REPLY)}, 2};
	return 2;
}

/* A flow belongs to the hosts that opened it and, when it was opened from outside, to those it was
 * opened to. By the original direction's addresses: those of a packet miss the replies. The ways
 * exclude each other, so that nothing is counted twice. */
static size_t ways_of(const struct set_pair *sets, struct way ways[WAYS])
{
	size_t n = ways_of_family(sets->v4, FAMILY_V4, ways);

	return n + ways_of_family(sets->v6, FAMILY_V6, ways + n);
}

static size_t ways_of_scope(const struct build *build, uint16_t scope, struct way ways[WAYS])
{
	if (!build->policy->scopes[scope].any)
		return ways_of(&build->scopes[scope], ways);
	ways[0] = (struct way){.count = 0};
	return 1;
}

static void begin(struct draft *draft, const struct way *way)
{
	draft->count = 0;
	for (size_t i = 0; i < way->count; i++)
		put(draft, way->statements[i]);
}

/* What the kernel has seen begin, whoever's packet it was: a clock set back lifts nothing. A rule
 * of its own, because an add that fails (no memory, set full) ends its rule. */
static void add_latch(struct build *build, struct chain *chain, uint32_t number, struct wall from,
		      struct wall until)
{
	struct draft draft = {.count = 0};

	if (build->policy->mode == MODE_OBSERVE || from.ns == WALL_NEVER.ns)
		return;
	put_latched(&draft, number, true);
	put_from(&draft, build, from);
	put_before(&draft, build, until);
	put(&draft, (struct statement){.kind = STATEMENT_LATCH, .number = number});
	add_rule(build, chain, &draft);
}

static bool names_class(const struct policy_waiver *waiver, uint16_t class)
{
	for (size_t i = 0; i < waiver->classes_count; i++)
		if (waiver->classes[i] == class)
			return true;
	return false;
}

static void add_waiver(struct build *build, struct chain *chain, size_t index)
{
	const struct policy_waiver *waiver = &build->policy->waivers[index];
	struct arena *arena = build->ruleset->arena;
	struct draft draft;
	struct way ways[WAYS];
	size_t count = ways_of(&build->waivers[index], ways);

	add_latch(build, chain, waiver->number, waiver->until, WALL_NEVER);
	for (size_t i = 0; i < count; i++) {
		begin(&draft, &ways[i]);
		put_latched(&draft, waiver->number, true);
		put_before(&draft, build, waiver->until);
		put_count(&draft, arena, RULESET_COUNTER_WAIVED, waiver->number);
		put(&draft, (struct statement){.kind = STATEMENT_RETURN});
		add_rule(build, chain, &draft);
	}
}

/* Observing is the same path, with a counter in place of the refusal. */
static void put_refusal(struct draft *draft, const struct build *build,
			const struct policy_stage *stage)
{
	struct arena *arena = build->ruleset->arena;

	if (build->policy->mode == MODE_OBSERVE) {
		put_count(draft, arena, RULESET_COUNTER_OBSERVED, stage->number);
		put(draft, (struct statement){.kind = STATEMENT_RETURN});
		return;
	}
	put_count(draft, arena, RULESET_COUNTER_REFUSED, stage->number);
	put_name(draft, STATEMENT_GOTO,
		 stage->action == ACTION_DROP ? CHAIN_REFUSE_DROP : CHAIN_REFUSE_REJECT);
}

/* By the latch, by the clock, or not yet. */
static void add_stage(struct build *build, struct chain *chain, const struct policy_stage *stage)
{
	struct draft draft;
	struct way ways[WAYS];
	size_t count = ways_of_scope(build, stage->scope, ways);

	add_latch(build, chain, stage->number, stage->cutoff, stage->until);
	for (size_t i = 0; i < count; i++) {
		begin(&draft, &ways[i]);
		put_latched(&draft, stage->number, false);
		put_before(&draft, build, stage->until);
		put_refusal(&draft, build, stage);
		add_rule(build, chain, &draft);
	}
	for (size_t i = 0; i < count; i++) {
		begin(&draft, &ways[i]);
		put_from(&draft, build, stage->cutoff);
		put_before(&draft, build, stage->until);
		put_refusal(&draft, build, stage);
		add_rule(build, chain, &draft);
	}
	for (size_t i = 0; i < count; i++) {
		begin(&draft, &ways[i]);
		put_before(&draft, build, stage->cutoff);
		put_count(&draft, build->ruleset->arena, RULESET_COUNTER_BEFORE, stage->number);
		add_rule(build, chain, &draft);
	}
}

static void add_never(struct build *build, struct chain *chain, const char *set, enum family family)
{
	struct draft draft = {.count = 0};

	if (!set)
		return;
	put(&draft,
	    (struct statement){.kind = STATEMENT_CT_DESTINATION, .family = family, .name = set});
	put(&draft, (struct statement){.kind = STATEMENT_RETURN});
	add_rule(build, chain, &draft);
}

static void add_class(struct build *build, size_t index)
{
	const struct policy *policy = build->policy;
	uint16_t number = policy->classes[index].number;
	struct chain *chain = add_chain(build, build->class_chains[index], HOOK_NONE);

	add_never(build, chain, build->never.v4, FAMILY_V4);
	add_never(build, chain, build->never.v6, FAMILY_V6);
	for (size_t i = 0; i < policy->waivers_count; i++)
		if (names_class(&policy->waivers[i], number))
			add_waiver(build, chain, i);
	for (size_t i = 0; i < policy->stages_count; i++)
		if (policy->stages[i].class == number)
			add_stage(build, chain, &policy->stages[i]);
}

/* The first refused packet towards the client becomes its RST, so that both ends hear of it: all
 * others are rejected, which reaches only who sent them. */
static void add_refuse_reject(struct build *build)
{
	uint32_t told = build->options->told;
	struct chain *chain = add_chain(build, CHAIN_REFUSE_REJECT, HOOK_NONE);
	struct draft draft = {.count = 0};
	const struct statement tcp = {.kind = STATEMENT_PROTOCOL, .value = IPPROTO_TCP};

	put(&draft, tcp);
	put(&draft, (struct statement){.kind = STATEMENT_REPLY});
	put(&draft, (struct statement){.kind = STATEMENT_CT_MARK, .mask = told});
	put(&draft, (struct statement){.kind = STATEMENT_CT_MARK_SET, .mask = told, .value = told});
	put(&draft, (struct statement){.kind = STATEMENT_TURN_INTO_RESET});
	put(&draft, (struct statement){.kind = STATEMENT_ACCEPT});
	add_rule(build, chain, &draft);

	draft.count = 0;
	put(&draft, tcp);
	put(&draft, (struct statement){.kind = STATEMENT_REJECT_RESET});
	add_rule(build, chain, &draft);

	draft.count = 0;
	put(&draft, (struct statement){.kind = STATEMENT_REJECT});
	add_rule(build, chain, &draft);
}

static void add_single(struct build *build, const char *name, enum statement_kind kind)
{
	struct draft draft = {.count = 0};

	put(&draft, (struct statement){.kind = kind});
	add_rule(build, add_chain(build, name, HOOK_NONE), &draft);
}

static void add_icmp(struct build *build, struct chain *chain, enum family family, uint32_t first,
		     uint32_t last)
{
	struct draft draft = {.count = 0};

	put(&draft,
	    (struct statement){
		    .kind = STATEMENT_ICMP_TYPE, .family = family, .value = first, .last = last});
	put(&draft, (struct statement){.kind = STATEMENT_ACCEPT});
	add_rule(build, chain, &draft);
}

/* A refusal's own RST and ICMP error belong to the refused flow and carry its class. */
static void add_own_errors(struct build *build, struct chain *chain)
{
	struct draft draft = {.count = 0};

	put(&draft, (struct statement){.kind = STATEMENT_TCP_RESET});
	put(&draft, (struct statement){.kind = STATEMENT_ACCEPT});
	add_rule(build, chain, &draft);
	add_icmp(build, chain, FAMILY_V4, ICMP_DEST_UNREACH, ICMP_REDIRECT);
	add_icmp(build, chain, FAMILY_V4, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB);
	add_icmp(build, chain, FAMILY_V6, ICMP6_DST_UNREACH, ICMP6_ECHO_REQUEST - 1);
}

static void add_cut(struct build *build, struct chain *chain, const char *set, enum family family)
{
	struct draft draft = {.count = 0};

	put(&draft, (struct statement){.kind = STATEMENT_TUPLE, .family = family, .name = set});
	put_name(&draft, STATEMENT_GOTO, CHAIN_REFUSE_REJECT);
	add_rule(build, chain, &draft);
}

static void add_unallotted(struct build *build, struct chain *chain)
{
	struct draft draft = {.count = 0};
	uint32_t classes = build_mark(build, FIELD_MAX & ~(FIELD_CLASS - 1));

	put(&draft,
	    (struct statement){.kind = STATEMENT_CT_MARK, .mask = classes, .inverted = true});
	put_name(&draft, STATEMENT_COUNT, RULESET_COUNTER_UNALLOTTED);
	if (build->policy->mode == MODE_ENFORCE)
		put(&draft, (struct statement){.kind = STATEMENT_DROP});
	add_rule(build, chain, &draft);
}

/* In passive mode no sensor marks packets, so what stands in a packet's mark is other people's:
 * only the flow's mark is asked. */
static void add_enforce(struct build *build, const char *name, enum hook hook)
{
	struct chain *chain = add_chain(build, name, hook);
	struct draft draft = {.count = 0};

	if (hook == HOOK_OUTPUT)
		add_own_errors(build, chain);
	if (build->policy->mode == MODE_ENFORCE) {
		add_cut(build, chain, SET_CUT_V4, FAMILY_V4);
		add_cut(build, chain, SET_CUT_V6, FAMILY_V6);
	}
	put(&draft, (struct statement){.kind = STATEMENT_VMAP,
				       .mask = build->options->mask,
				       .name = RULESET_CLASS_OF});
	add_rule(build, chain, &draft);
	add_unallotted(build, chain);
}

static void name_classes(struct build *build)
{
	const struct policy *policy = build->policy;
	struct arena *arena = build->ruleset->arena;
	const char **texts = arena_array(arena, policy->classes_count, sizeof(*texts));
	uint32_t *numbers = arena_array(arena, policy->classes_count, sizeof(*numbers));

	for (size_t i = 0; i < policy->classes_count; i++) {
		texts[i] = arena_printf(arena, "%s_%s", policy->classes[i].vendor,
					policy->classes[i].service);
		numbers[i] = policy->classes[i].number;
	}
	build->class_chains = ruleset_names(arena, texts, numbers, policy->classes_count);
}

void ruleset_build_chains(struct build *build)
{
	struct ruleset *r = build->ruleset;

	r->chains = arena_array(r->arena, build->policy->classes_count + 5, sizeof(*r->chains));
	name_classes(build);
	add_enforce(build, "enforce_forward", HOOK_FORWARD);
	add_enforce(build, "enforce_output", HOOK_OUTPUT);
	add_refuse_reject(build);
	add_single(build, CHAIN_REFUSE_DROP, STATEMENT_DROP);
	add_single(build, CHAIN_NO_STAGE, STATEMENT_ACCEPT);
	for (size_t i = 0; i < build->policy->classes_count; i++)
		add_class(build, i);
}
