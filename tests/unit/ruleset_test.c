/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/ruleset.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/enforcer/ruleset_model.h"
#include "tests/ruleset/sample_policy.h"

#define CUTOFF 1727582400LL /* 2024-09-29T04:00:00Z */

static struct wall seconds(int64_t s)
{
	return (struct wall){s * CLOCK_SECOND};
}

static void fill(struct sample *sample, enum mode mode)
{
	sample_fill(sample, mode, seconds(CUTOFF), seconds(CUTOFF + 1000));
}

static const struct set *set_of(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset->sets_count; i++)
		if (strcmp(ruleset->sets[i].name, name) == 0)
			return &ruleset->sets[i];
	return NULL;
}

static const struct chain *chain_of(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset->chains_count; i++)
		if (strcmp(ruleset->chains[i].name, name) == 0)
			return &ruleset->chains[i];
	return NULL;
}

static bool has_counter(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset->counters_count; i++)
		if (strcmp(ruleset->counters[i], name) == 0)
			return true;
	return false;
}

/* NULL: no such key. "accept", or the chain. */
static const char *verdict_of(const struct ruleset *ruleset, uint32_t mark)
{
	const struct set *map = set_of(ruleset, RULESET_CLASS_OF);

	for (size_t i = 0; i < map->count; i++)
		if (memcmp(map->elements[i].key, &mark, sizeof(mark)) == 0)
			return map->elements[i].chain ? map->elements[i].chain : "accept";
	return NULL;
}

static int64_t instant_of(const struct ruleset *ruleset, uint32_t number)
{
	const struct set *map = set_of(ruleset, RULESET_INSTANT_OF);

	for (size_t i = 0; i < map->count; i++)
		if (memcmp(map->elements[i].key, &number, sizeof(number)) == 0)
			return map->elements[i].instant;
	return -1;
}

static void test_every_class_has_a_verdict(void **state)
{
	static const struct {
		uint32_t field;
		const char *want;
	} cases[] = {
		{0, NULL},
		{1, NULL},
		{2, "accept"},
		{3, "accept"},
		{4, NULL},
		{5, NULL},
		{6, NULL},
		{7, "accept"},
		{8, NULL},
		{SAMPLE_UPDATES, "acme_updates"},
		{SAMPLE_TELEMETRY, "acme_telemetry"},
		{SAMPLE_PERMITTED, "no_stage"},
		{19, NULL},
		{4095, NULL},
	};
	static const uint32_t masks[] = {SAMPLE_MASK, 0x00000fff, 0xfff00000};

	(void)state;
	for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
		struct ruleset_options options = sample_options;
		struct ruleset *ruleset;
		struct sample sample;

		options.mask = masks[m];
		fill(&sample, MODE_ENFORCE);
		ruleset = ruleset_compile(&sample.policy, &options);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			uint32_t mark = cases[i].field * (masks[m] & -masks[m]);
			const char *got = verdict_of(ruleset, mark);

			if (!cases[i].want)
				assert_null(got);
			else
				assert_string_equal(got, cases[i].want);
		}
		ruleset_free(ruleset);
	}
}

/* Numbers are allotted before a policy is compiled; should that not be so, none is dropped. */
static void test_adopted_class_needs_no_allotment(void **state)
{
	struct ruleset_options options = sample_options;
	struct ruleset *ruleset;
	struct sample sample;

	(void)state;
	options.classes_allotted_count = 0;
	fill(&sample, MODE_ENFORCE);
	ruleset = ruleset_compile(&sample.policy, &options);
	assert_string_equal(verdict_of(ruleset, SAMPLE_UPDATES << SAMPLE_SHIFT), "acme_updates");
	ruleset_free(ruleset);
}

static void test_no_policy(void **state)
{
	const struct policy nothing = {.mode = MODE_ENFORCE};
	struct ruleset *ruleset = ruleset_compile(&nothing, &sample_options);

	(void)state;
	assert_string_equal(verdict_of(ruleset, SAMPLE_UPDATES << SAMPLE_SHIFT), "no_stage");
	assert_int_equal(chain_of(ruleset, "enforce_forward")->hook, HOOK_FORWARD);
	assert_int_equal(chain_of(ruleset, "enforce_output")->hook, HOOK_OUTPUT);
	assert_int_equal(set_of(ruleset, RULESET_INSTANT_OF)->count, 0);
	ruleset_free(ruleset);
}

/* The kernel's time at which a packet latches it; -1: none does. */
static int64_t latched_from(const struct ruleset *ruleset, uint32_t number)
{
	const struct chain *chain = chain_of(ruleset, "acme_updates");

	for (size_t i = 0; i < chain->count; i++) {
		const struct rule *rule = &chain->rules[i];
		const struct statement *last = &rule->statements[rule->count - 1];

		if (last->kind == STATEMENT_LATCH && last->number == number)
			return rule->statements[1].instant;
	}
	return -1;
}

static void test_instants(void **state)
{
	static const struct {
		const char *what;
		int64_t at, offset, want;
	} cases[] = {
		{"no rehearsal", 100, 0, 100},
		{"later than now", 100, -50, 150},
		{"earlier than now", 100, 50, 50},
		{"before 1970", 100, 200, 0},
		{"far before 1970", INT64_MIN + 1, INT64_MAX, 0},
		{"beyond the end of time", INT64_MAX - 10, -100, INT64_MAX},
		{"never", INT64_MAX, 100, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruleset *ruleset;
		struct sample sample;

		fill(&sample, MODE_ENFORCE);
		sample.stages[0].cutoff.ns = cases[i].at;
		sample.waivers[0].until.ns = cases[i].at;
		sample.policy.offset_ns = cases[i].offset;
		ruleset = ruleset_compile(&sample.policy, &sample_options);
		if (latched_from(ruleset, 3) != cases[i].want)
			fail_msg("%s: %" PRId64, cases[i].what, latched_from(ruleset, 3));
		ruleset_free(ruleset);
	}
}

/* The policy's time there: who rehearses another day moves no date. */
static void test_dates_know_no_rehearsal(void **state)
{
	static const struct {
		const char *what;
		int64_t offset, sign;
	} cases[] = {{"no rehearsal", 0, -1}, {"a day", 86400, 1}, {"a day back", -86400, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruleset *ruleset;
		struct sample sample;

		fill(&sample, MODE_ENFORCE);
		sample.policy.offset_ns = cases[i].offset * CLOCK_SECOND;
		ruleset = ruleset_compile(&sample.policy, &sample_options);
		if (instant_of(ruleset, 3) != CUTOFF * CLOCK_SECOND ||
		    instant_of(ruleset, 7) != (CUTOFF + 1000) * CLOCK_SECOND ||
		    instant_of(ruleset, RULESET_REHEARSAL) != cases[i].sign)
			fail_msg("%s", cases[i].what);
		ruleset_free(ruleset);
	}
}

static void test_names_of_chains(void **state)
{
	static const char *const long_name = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
					     "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
					     "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee";
	struct policy_class classes[] = {
		{16, "kaspersky", "threat-intelligence"},
		{17, "a-b", "c"},
		{18, "a", "b-c"},
		{19, "3com", "x y"},
		{20, "refuse", "drop"},
		{21, "enforce", "forward"},
		{22, "v", long_name},
		{23, "\xc3\xbc", "x"},
		{24, "", "x"},
	};
	static const char *const want[] = {"kaspersky_threat_intelligence",
					   "a_b_c.17",
					   "a_b_c.18",
					   "_3com_x_y",
					   "refuse_drop.20",
					   "enforce_forward.21",
					   NULL,
					   "____x",
					   "__x"};
	const struct policy policy = {.classes = classes, .classes_count = 9};
	struct ruleset *ruleset = ruleset_compile(&policy, &sample_options);

	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		const char *got = verdict_of(ruleset, (16 + i) << SAMPLE_SHIFT);

		assert_in_range(strlen(got), 1, 255);
		if (want[i])
			assert_string_equal(got, want[i]);
	}
	assert_string_equal(strrchr(verdict_of(ruleset, 22 << SAMPLE_SHIFT), '.'), ".22");
	ruleset_free(ruleset);
}

static void test_intervals_merge(void **state)
{
	static const struct {
		const char *prefixes[4];
		const char *want;
	} cases[] = {
		{{"10.0.0.0/8"}, "10.0.0.0/8"},
		{{"10.1.0.0/16", "10.0.0.0/8", "10.0.0.1"}, "10.0.0.0/8"},
		{{"10.0.1.0/24", "10.0.0.0/24"}, "10.0.0.0/23"},
		{{"10.0.1.0/24", "10.0.2.0/24"}, "10.0.1.0-10.0.2.255"},
		{{"10.0.0.1", "10.0.0.3"}, "10.0.0.1,\n\t\t\t     10.0.0.3"},
		{{"0.0.0.0/0", "10.0.0.0/8"}, "0.0.0.0/0"},
		{{"255.255.255.255", "255.255.255.254"}, "255.255.255.254/31"},
		{{"0.0.0.0/1", "128.0.0.0/1"}, "0.0.0.0/0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruleset *ruleset;
		struct sample sample;
		char want[256], *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		fill(&sample, MODE_ENFORCE);
		sample.scopes[0].sources_count = 0;
		for (size_t j = 0; j < 4 && cases[i].prefixes[j]; j++)
			sample.lan[sample.scopes[0].sources_count++] =
				sample_prefix(cases[i].prefixes[j]);
		ruleset = ruleset_compile(&sample.policy, &sample_options);
		ruleset_print(ruleset, out);
		fclose(out);
		snprintf(want, sizeof(want),
			 "set scope_lan_v4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n"
			 "\t\telements = { %s }\n",
			 cases[i].want);
		if (!strstr(text, want))
			fail_msg("%s", cases[i].want);
		assert_null(set_of(ruleset, "scope_lan_v6"));
		free(text);
		ruleset_free(ruleset);
	}
}

static void assert_refers(const struct ruleset *ruleset, const struct statement *s)
{
	switch (s->kind) {
	case STATEMENT_CT_SOURCE:
	case STATEMENT_CT_DESTINATION:
	case STATEMENT_TUPLE:
	case STATEMENT_VMAP:
		assert_non_null(set_of(ruleset, s->name));
		break;
	case STATEMENT_LATCHED:
	case STATEMENT_LATCH:
		assert_int_not_equal(instant_of(ruleset, s->number), -1);
		break;
	case STATEMENT_COUNT:
		assert_true(has_counter(ruleset, s->name));
		break;
	case STATEMENT_GOTO:
		assert_non_null(chain_of(ruleset, s->name));
		break;
	case STATEMENT_TIME_FROM:
	case STATEMENT_TIME_BEFORE:
		assert_true(s->instant >= 0);
		break;
	case STATEMENT_PROTOCOL:
	case STATEMENT_TCP_RESET:
	case STATEMENT_ICMP_TYPE:
	case STATEMENT_REPLY:
	case STATEMENT_CT_MARK:
	case STATEMENT_CT_MARK_SET:
	case STATEMENT_TURN_INTO_RESET:
	case STATEMENT_ACCEPT:
	case STATEMENT_RETURN:
	case STATEMENT_DROP:
	case STATEMENT_REJECT_RESET:
	case STATEMENT_REJECT:
		break;
	}
}

/* The kernel refuses a transaction whose rules refer to what is not there. */
static void test_all_that_is_named_is_there(void **state)
{
	(void)state;
	for (enum mode mode = MODE_OBSERVE; mode <= MODE_ENFORCE; mode++) {
		struct ruleset *ruleset;
		struct sample sample;

		fill(&sample, mode);
		ruleset = ruleset_compile(&sample.policy, &sample_options);
		for (size_t i = 0; i < ruleset->chains_count; i++)
			for (size_t j = 0; j < ruleset->chains[i].count; j++)
				for (size_t k = 0; k < ruleset->chains[i].rules[j].count; k++)
					assert_refers(ruleset,
						      &ruleset->chains[i].rules[j].statements[k]);
		for (size_t i = 0; i < set_of(ruleset, RULESET_CLASS_OF)->count; i++) {
			const struct element *e = &set_of(ruleset, RULESET_CLASS_OF)->elements[i];

			assert_true(!e->chain || chain_of(ruleset, e->chain));
		}
		ruleset_free(ruleset);
	}
}

static size_t count_kind(const struct chain *chain, enum statement_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < chain->count; i++)
		for (size_t j = 0; j < chain->rules[i].count; j++)
			n += chain->rules[i].statements[j].kind == kind;
	return n;
}

static void test_observing_refuses_and_latches_nothing(void **state)
{
	static const char *const chains[] = {"enforce_forward", "enforce_output", "acme_updates",
					     "acme_telemetry"};
	size_t refusals = 0, latches = 0, drops = 0;
	struct ruleset *observe, *enforce;
	struct sample sample;

	(void)state;
	fill(&sample, MODE_OBSERVE);
	observe = ruleset_compile(&sample.policy, &sample_options);
	fill(&sample, MODE_ENFORCE);
	enforce = ruleset_compile(&sample.policy, &sample_options);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const struct chain *chain = chain_of(observe, chains[i]);

		assert_int_equal(count_kind(chain, STATEMENT_GOTO), 0);
		assert_int_equal(count_kind(chain, STATEMENT_DROP), 0);
		assert_int_equal(count_kind(chain, STATEMENT_LATCH), 0);
		chain = chain_of(enforce, chains[i]);
		refusals += count_kind(chain, STATEMENT_GOTO);
		drops += count_kind(chain, STATEMENT_DROP);
		latches += count_kind(chain, STATEMENT_LATCH);
	}
	assert_true(refusals > 0);
	assert_int_equal(drops, 2); /* what was never allotted, at each hook */
	assert_int_equal(latches, 4);
	ruleset_free(observe);
	ruleset_free(enforce);
}

/* A chain's lines one by one, as they are printed. */
static void assert_chain_is(const struct ruleset *ruleset, const char *name, const char *want)
{
	char *text = NULL, *begin, *end, head[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ruleset_print(ruleset, out);
	fclose(out);
	snprintf(head, sizeof(head), "\tchain %s {\n", name);
	begin = strstr(text, head);
	assert_non_null(begin);
	begin += strlen(head);
	end = strstr(begin, "\t}\n");
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(begin, want);
	free(text);
}

static void test_chain_of_a_class(void **state)
{
	struct ruleset *ruleset;
	struct sample sample;

	(void)state;
	fill(&sample, MODE_ENFORCE);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	/* With an end; no waiver names it; the latch is asked before the clock. */
	assert_chain_is(ruleset, "acme_telemetry",
			"\t\tct original ip daddr @never_v4 return\n"
			"\t\t# 4 != @latched meta time >= \"2024-09-29 04:00:00\" "
			"meta time < \"2025-09-29 04:00:00\" add @latched { 4 }\n"
			"\t\t# 4 @latched meta time < \"2025-09-29 04:00:00\" "
			"counter name \"stage_4_refused\" goto refuse_drop\n"
			"\t\tmeta time >= \"2024-09-29 04:00:00\" "
			"meta time < \"2025-09-29 04:00:00\" "
			"counter name \"stage_4_refused\" goto refuse_drop\n"
			"\t\tmeta time < \"2024-09-29 04:00:00\" "
			"counter name \"stage_4_before\"\n");
	ruleset_free(ruleset);

	fill(&sample, MODE_OBSERVE);
	sample.policy.never_count = 0;
	sample.policy.waivers_count = 0;
	sample.policy.stages_count = 1;
	sample.scopes[0].sources_count = 1;
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	assert_chain_is(ruleset, "acme_updates",
			"\t\t# ct original ip saddr @scope_lan_v4 3 @latched "
			"counter name \"stage_3_observed\" return\n"
			"\t\t# ct original ip saddr != @scope_lan_v4 "
			"ct reply ip saddr @scope_lan_v4 3 @latched "
			"counter name \"stage_3_observed\" return\n"
			"\t\tct original ip saddr @scope_lan_v4 "
			"meta time >= \"2024-09-29 04:00:00\" "
			"counter name \"stage_3_observed\" return\n"
			"\t\tct original ip saddr != @scope_lan_v4 "
			"ct reply ip saddr @scope_lan_v4 meta time >= \"2024-09-29 04:00:00\" "
			"counter name \"stage_3_observed\" return\n"
			"\t\tct original ip saddr @scope_lan_v4 "
			"meta time < \"2024-09-29 04:00:00\" counter name \"stage_3_before\"\n"
			"\t\tct original ip saddr != @scope_lan_v4 "
			"ct reply ip saddr @scope_lan_v4 meta time < \"2024-09-29 04:00:00\" "
			"counter name \"stage_3_before\"\n");
	ruleset_free(ruleset);
}

static void test_own_errors_leave_the_gateway(void **state)
{
	struct ruleset *ruleset;
	struct sample sample;

	(void)state;
	fill(&sample, MODE_OBSERVE);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	assert_chain_is(ruleset, "enforce_output",
			"\t\ttype filter hook output priority mangle; policy accept;\n"
			"\t\ttcp flags rst accept\n"
			"\t\ticmp type 3-5 accept\n"
			"\t\ticmp type 11-12 accept\n"
			"\t\ticmpv6 type 1-127 accept\n"
			"\t\tct mark & 0x0fff0000 vmap @class_of\n"
			"\t\tct mark & 0x0ff00000 != 0x00000000 counter name \"unallotted\"\n");
	assert_chain_is(ruleset, "enforce_forward",
			"\t\ttype filter hook forward priority mangle; policy accept;\n"
			"\t\tct mark & 0x0fff0000 vmap @class_of\n"
			"\t\tct mark & 0x0ff00000 != 0x00000000 counter name \"unallotted\"\n");
	ruleset_free(ruleset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_class_has_a_verdict),
		cmocka_unit_test(test_adopted_class_needs_no_allotment),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_dates_know_no_rehearsal),
		cmocka_unit_test(test_names_of_chains),
		cmocka_unit_test(test_intervals_merge),
		cmocka_unit_test(test_all_that_is_named_is_there),
		cmocka_unit_test(test_observing_refuses_and_latches_nothing),
		cmocka_unit_test(test_chain_of_a_class),
		cmocka_unit_test(test_own_errors_leave_the_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
