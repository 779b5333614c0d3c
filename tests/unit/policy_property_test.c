/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random policies, always the same ones: the compiled policy must judge as a naive reading of its
 * source does, and be the same policy after a way through JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/policy/policy.h"

#define POLICIES 3000
#define INSTANTS 24 /* all that happens in a policy happens at one of these nanoseconds */
#define LIST 3	    /* the longest list of anything */

static const struct policy_service services[] = {
	{"acme", "updates"}, {"acme", "telemetry"}, {"kaspersky", "updates"}, {"k", "x.updates"}};
static const char *const service_names[] = {"acme.updates", "acme.telemetry", "kaspersky.updates",
					    "k.x.updates"};
static const char *const prefix_texts[] = {"0.0.0.0/0",	    "::/0",	   "10.0.0.0/8",
					   "10.1.0.0/16",   "10.1.2.3/32", "192.0.2.0/24",
					   "2001:db8::/32", "2001:db8::1", "198.51.100.0/25"};
static const char *const address_texts[] = {"10.1.2.3",	   "10.1.2.4",	   "10.9.9.9",
					    "192.0.2.1",   "198.51.100.1", "203.0.113.7",
					    "2001:db8::1", "2001:db8::2",  "2a03:2480::1"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SERVICES COUNT(services)
#define ADDRESSES COUNT(address_texts)

/* A policy source and all that it points to. */
struct world {
	uint64_t seed;
	struct prefix scope_sources[LIST][LIST], waiver_hosts[LIST][LIST], never[LIST];
	struct scope scopes[LIST];
	char scope_names[LIST][8], measure_ids[LIST][8], stage_ids[LIST][8], waiver_ids[LIST][8];
	struct measure measures[LIST];
	struct measure_stage stages[LIST][LIST];
	const char *stage_services[LIST][LIST][SERVICES], *waiver_services[LIST][SERVICES];
	const struct measure_stage *adopted_stages[LIST][LIST];
	const struct scope *adopted_scopes[LIST][LIST];
	struct adoption adoptions[LIST];
	struct waiver waivers[LIST];
	struct policy_source source;
};

static uint32_t pick(struct world *w, uint32_t below)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(w->seed >> 33) % below;
}

static struct wall pick_instant(struct world *w)
{
	return (struct wall){1 + pick(w, INSTANTS - 2)};
}

static size_t pick_prefixes(struct world *w, struct prefix *prefixes, uint32_t most)
{
	size_t count = pick(w, most + 1);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(
			prefix_parse(prefix_texts[pick(w, COUNT(prefix_texts))], &prefixes[i]),
			PREFIX_OK);
	return count;
}

/* Some of the services, each at most once. */
static size_t pick_services(struct world *w, const char **names)
{
	size_t count = 0;

	for (size_t i = 0; i < SERVICES; i++)
		if (pick(w, 2))
			names[count++] = service_names[i];
	return count;
}

static struct measure_date pick_date(struct world *w, uint32_t set_in_100)
{
	return (struct measure_date){
		.set = pick(w, 100) < set_in_100,
		.verified = pick(w, 2),
		.at = pick_instant(w),
	};
}

static void make_scopes(struct world *w)
{
	for (size_t i = 0; i < LIST; i++) {
		snprintf(w->scope_names[i], sizeof(w->scope_names[i]), "scope%zu", i);
		w->scopes[i] = (struct scope){
			.name = w->scope_names[i],
			.sources = w->scope_sources[i],
			.sources_count = pick_prefixes(w, w->scope_sources[i], LIST),
			.fail = pick(w, 2) ? FAIL_OPEN : FAIL_CLOSED,
			.midstream = pick(w, 2) ? MIDSTREAM_PASS : MIDSTREAM_RESET,
		};
	}
}

static void make_stages(struct world *w, size_t m)
{
	for (size_t s = 0; s < LIST; s++) {
		snprintf(w->stage_ids[s], sizeof(w->stage_ids[s]), "stage%zu", s);
		w->stages[m][s] = (struct measure_stage){
			.id = w->stage_ids[s],
			.legal = pick_date(w, 100),
			.vendor = pick_date(w, 50),
			.until = pick_date(w, 40),
			.ends_when = pick(w, 2) ? "peace" : NULL,
			.services = w->stage_services[m][s],
			.services_count = pick_services(w, w->stage_services[m][s]),
		};
		w->adopted_stages[m][s] = &w->stages[m][s];
	}
}

static void make_adoptions(struct world *w)
{
	w->source.adoptions = w->adoptions;
	w->source.adoptions_count = pick(w, LIST + 1);
	for (size_t m = 0; m < LIST; m++) {
		uint32_t first = pick(w, LIST);

		make_stages(w, m);
		snprintf(w->measure_ids[m], sizeof(w->measure_ids[m]), "m%zu", m);
		w->measures[m] = (struct measure){.id = w->measure_ids[m]};
		for (size_t s = 0; s < LIST; s++)
			w->adopted_scopes[m][s] = &w->scopes[(first + s) % LIST];
		w->adoptions[m] = (struct adoption){
			.measure = &w->measures[m],
			.stages = w->adopted_stages[m],
			.stages_count = 1 + pick(w, LIST),
			.scopes = w->adopted_scopes[m],
			.scopes_count = 1 + pick(w, LIST),
			.action = pick(w, 2) ? ACTION_REJECT : ACTION_DROP,
			.counts = pick(w, 2) ? COUNTS_LEGAL : COUNTS_VENDOR,
		};
	}
}

static void make_waivers(struct world *w)
{
	w->source.waivers = w->waivers;
	w->source.waivers_count = pick(w, LIST + 1);
	for (size_t i = 0; i < LIST; i++) {
		snprintf(w->waiver_ids[i], sizeof(w->waiver_ids[i]), "w%zu", i);
		w->waivers[i] = (struct waiver){
			.id = w->waiver_ids[i],
			.reason = "a reason",
			.approver = "somebody",
			.hosts = w->waiver_hosts[i],
			.hosts_count = pick_prefixes(w, w->waiver_hosts[i], 2),
			.services = w->waiver_services[i],
			.services_count = pick_services(w, w->waiver_services[i]),
			.until = pick_instant(w),
		};
	}
}

static void make_world(struct world *w, uint64_t seed)
{
	*w = (struct world){.seed = seed};
	make_scopes(w);
	make_adoptions(w);
	make_waivers(w);
	w->source.mode = pick(w, 2) ? MODE_OBSERVE : MODE_ENFORCE;
	w->source.offset_ns = (int64_t)pick(w, 1000) - 500;
	w->source.services = services;
	w->source.services_count = SERVICES;
	w->source.never = w->never;
	w->source.never_count = pick_prefixes(w, w->never, 1);
}

/* ---- the naive reading ---- */

struct question {
	const char *service;
	struct address client, server;
	struct wall now;
};

static bool names(const char *const *list, size_t count, const char *service)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], service) == 0)
			return true;
	return false;
}

static bool touches(const struct prefix *prefixes, size_t count, const struct question *q)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&prefixes[i], &q->client) ||
		    prefix_contains(&prefixes[i], &q->server))
			return true;
	return false;
}

static bool adopted_for(const struct adoption *adoption, const struct question *q)
{
	for (size_t i = 0; i < adoption->scopes_count; i++)
		if (touches(adoption->scopes[i]->sources, adoption->scopes[i]->sources_count, q))
			return true;
	return false;
}

/* The strictest verdict of all stages, and the first cutoff that gives it; else the next cutoff. */
static enum verdict strictest(const struct policy_source *source, const struct question *q,
			      struct wall *cutoff)
{
	enum verdict verdict = VERDICT_ALLOW;

	*cutoff = WALL_NEVER;
	for (size_t i = 0; i < LIST * source->adoptions_count; i++) {
		const struct adoption *adoption = &source->adoptions[i / LIST];
		const struct measure_stage *stage;
		enum verdict says;
		struct wall from;

		if (i % LIST >= adoption->stages_count || !adopted_for(adoption, q))
			continue;
		stage = adoption->stages[i % LIST];
		if (!names(stage->services, stage->services_count, q->service))
			continue;
		from = adoption->counts == COUNTS_VENDOR && stage->vendor.set ? stage->vendor.at
									      : stage->legal.at;
		if (stage->until.set &&
		    (stage->until.at.ns <= q->now.ns || stage->until.at.ns <= from.ns))
			continue;
		says = from.ns > q->now.ns		 ? VERDICT_ALLOW
		       : adoption->action == ACTION_DROP ? VERDICT_DROP
							 : VERDICT_REJECT;
		if (says > verdict || (says == verdict && from.ns < cutoff->ns))
			*cutoff = from;
		if (says > verdict)
			verdict = says;
	}
	return verdict;
}

static bool waived(const struct policy_source *source, const struct question *q)
{
	for (size_t i = 0; i < source->waivers_count; i++) {
		const struct waiver *waiver = &source->waivers[i];

		if (q->now.ns < waiver->until.ns &&
		    (waiver->services_count == 0 ||
		     names(waiver->services, waiver->services_count, q->service)) &&
		    touches(waiver->hosts, waiver->hosts_count, q))
			return true;
	}
	return false;
}

static bool never_refused(const struct policy_source *source, const struct question *q)
{
	for (size_t i = 0; i < source->never_count; i++)
		if (prefix_contains(&source->never[i], &q->server))
			return true;
	return false;
}

/* ---- the comparison ---- */

static struct decision judge(const struct policy *policy, const struct question *q, size_t service)
{
	const struct policy_class *class =
		policy_class_by_name(policy, services[service].vendor, services[service].service);

	return policy_judge(policy, class ? class->number : 7, &q->client, &q->server, q->now);
}

static void check_question(const struct world *w, const struct policy *policy,
			   const struct question *q, size_t service, unsigned int seen[4])
{
	struct decision got = judge(policy, q, service);
	enum verdict want, would = VERDICT_ALLOW;
	struct wall cutoff = WALL_NEVER;
	bool exempt;

	if (!never_refused(&w->source, q))
		would = strictest(&w->source, q, &cutoff);
	exempt = would != VERDICT_ALLOW && waived(&w->source, q);
	if (exempt)
		would = VERDICT_ALLOW;
	want = would != VERDICT_ALLOW && w->source.mode == MODE_OBSERVE ? VERDICT_OBSERVE : would;
	assert_int_equal(got.verdict, want);
	assert_int_equal(got.would, would);
	assert_int_equal(got.waiver != NULL, exempt);
	assert_int_equal(got.stage ? got.stage->cutoff.ns : WALL_NEVER.ns, cutoff.ns);
	seen[got.verdict]++;
}

static struct question pick_question(struct world *w, size_t service)
{
	struct question q = {.service = service_names[service], .now = {pick(w, INSTANTS)}};

	assert_true(address_parse(address_texts[pick(w, ADDRESSES)], &q.client));
	assert_true(address_parse(address_texts[pick(w, ADDRESSES)], &q.server));
	return q;
}

static struct policy *compile(const struct world *w)
{
	struct numbers *numbers = numbers_new();
	struct policy *policy;

	assert_int_equal(policy_compile(&w->source, numbers, &policy), 0);
	numbers_free(numbers);
	return policy;
}

static void test_judge_equals_naive_reading(void **state)
{
	static struct world w;
	unsigned int seen[4] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= POLICIES; seed++) {
		struct policy *policy;

		make_world(&w, seed);
		policy = compile(&w);
		for (size_t i = 0; i < 40; i++) {
			size_t service = pick(&w, SERVICES);
			struct question q = pick_question(&w, service);

			check_question(&w, policy, &q, service, seen);
		}
		policy_free(policy);
	}
	print_message("%u allow, %u observe, %u reject, %u drop\n", seen[VERDICT_ALLOW],
		      seen[VERDICT_OBSERVE], seen[VERDICT_REJECT], seen[VERDICT_DROP]);
	for (size_t i = 0; i < 4; i++)
		assert_true(seen[i] > 1000);
}

/* Whatever a decision changes to, policy_next_change has said when. */
static void test_next_change_misses_nothing(void **state)
{
	static struct world w;
	unsigned int changes = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= POLICIES; seed++) {
		struct policy *policy;
		struct question q;
		size_t service;

		make_world(&w, seed);
		policy = compile(&w);
		service = pick(&w, SERVICES);
		q = pick_question(&w, service);
		for (int64_t t = 0; t < INSTANTS; t++) {
			struct decision before, after;

			q.now.ns = t;
			before = judge(policy, &q, service);
			q.now.ns = t + 1;
			after = judge(policy, &q, service);
			assert_true(policy_next_change(policy, (struct wall){t}).ns > t);
			if (memcmp(&before, &after, sizeof(before)) == 0)
				continue;
			assert_int_equal(policy_next_change(policy, (struct wall){t}).ns, t + 1);
			changes++;
		}
		policy_free(policy);
	}
	assert_true(changes > 1000);
}

static void test_json_round_trip(void **state)
{
	static struct world w;
	char error[POLICY_ERROR] = "";

	(void)state;
	for (uint64_t seed = 1; seed <= POLICIES; seed++) {
		struct policy *policy, *copy;
		json_t *json, *again;
		unsigned int seen[4] = {0};

		make_world(&w, seed);
		policy = compile(&w);
		json = policy_to_json(policy);
		assert_non_null(json);
		copy = policy_from_json(json, error);
		assert_string_equal(error, "");
		again = policy_to_json(copy);
		assert_true(json_equal(json, again));
		for (size_t i = 0; i < 10; i++) {
			size_t service = pick(&w, SERVICES);
			struct question q = pick_question(&w, service);

			check_question(&w, copy, &q, service, seen);
		}
		json_decref(again);
		json_decref(json);
		policy_free(copy);
		policy_free(policy);
	}
}

/* The order that policy.h promises, which the kernel's chains are made of. */
static void test_order(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t seed = 1; seed <= POLICIES; seed++) {
		struct policy *policy;

		make_world(&w, seed);
		policy = compile(&w);
		for (size_t i = 1; i < policy->classes_count; i++)
			assert_true(policy->classes[i - 1].number < policy->classes[i].number);
		for (size_t i = 1; i < policy->stages_count; i++) {
			const struct policy_stage *a = &policy->stages[i - 1], *b = a + 1;

			assert_true(a->class <= b->class);
			if (a->class != b->class)
				continue;
			assert_false(a->action == ACTION_REJECT && b->action == ACTION_DROP);
			if (a->action != b->action)
				continue;
			assert_true(a->cutoff.ns <= b->cutoff.ns);
			if (a->cutoff.ns == b->cutoff.ns)
				assert_true(a->number < b->number);
		}
		policy_free(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_equals_naive_reading),
		cmocka_unit_test(test_next_change_misses_nothing),
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
