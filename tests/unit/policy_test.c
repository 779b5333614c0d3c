/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "daemon/policy/policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define D1 INT64_C(1721448000)	   /* 2024-07-20 00:00 in New York */
#define VENDOR INT64_C(1725940800) /* 2024-09-10 */
#define D2 INT64_C(1727582400)	   /* 2024-09-29 */
#define MOVED INT64_C(1735707600)  /* 2025-01-01 */
#define LATER INT64_C(1767243600)  /* 2026-01-01 */

static const struct policy_service services[] = {
	{"kaspersky", "threat-intelligence"},
	{"kaspersky", "updates"},
	{"kaspersky", "telemetry"},
	{"kaspersky", "sales"},
	{"acme", "updates"},
};

static const char *const update_services[] = {"kaspersky.updates", "kaspersky.telemetry"};
static const char *const sales_services[] = {"kaspersky.sales"};
static const char *const firmware_services[] = {"acme.updates"};

static struct wall at(int64_t seconds)
{
	return (struct wall){seconds * CLOCK_SECOND};
}

static struct measure_date date(int64_t seconds)
{
	return (struct measure_date){.set = true, .verified = true, .at = at(seconds)};
}

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(text, &a));
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), PREFIX_OK);
	return p;
}

/* What most tests begin with: the US measure, and another vendor's with an end. */
struct site {
	struct measure us, other;
	struct measure_stage updates, sales, firmware;
	struct prefix any_sources[2], lan_sources[2], hosts[1], never[1];
	struct scope any, lan;
	const struct measure_stage *updates_list[1], *sales_list[1], *firmware_list[1];
	const struct scope *any_list[1], *lan_list[1], *both_list[2];
	struct adoption adoptions[3];
	struct waiver waivers[2];
	struct policy_source source;
	struct numbers *numbers;
	struct policy *policy;
};

static void fill_measures(struct site *s)
{
	s->updates = (struct measure_stage){
		.id = "updates",
		.legal = date(D2),
		.vendor = date(VENDOR),
		.services = (const char **)(uintptr_t)update_services,
		.services_count = COUNT(update_services),
	};
	s->sales = (struct measure_stage){
		.id = "new-agreements",
		.legal = date(D1),
		.services = (const char **)(uintptr_t)sales_services,
		.services_count = COUNT(sales_services),
		.on_request = true,
	};
	s->firmware = (struct measure_stage){
		.id = "firmware",
		.legal = date(D1),
		.until = date(MOVED),
		.services = (const char **)(uintptr_t)firmware_services,
		.services_count = COUNT(firmware_services),
	};
	s->us = (struct measure){.id = "us-kaspersky-2024"};
	s->other = (struct measure){.id = "acme-ban"};
	s->updates_list[0] = &s->updates;
	s->sales_list[0] = &s->sales;
	s->firmware_list[0] = &s->firmware;
}

static void fill_scopes(struct site *s)
{
	s->any_sources[0] = prefix("0.0.0.0/0");
	s->any_sources[1] = prefix("::/0");
	s->lan_sources[0] = prefix("192.168.0.0/16");
	s->lan_sources[1] = prefix("2001:db8::/32");
	s->any = (struct scope){"any", s->any_sources, 2, FAIL_OPEN, MIDSTREAM_PASS};
	s->lan = (struct scope){"lan", s->lan_sources, 2, FAIL_CLOSED, MIDSTREAM_RESET};
	s->any_list[0] = s->both_list[0] = &s->any;
	s->lan_list[0] = s->both_list[1] = &s->lan;
}

static struct adoption adopt(const struct measure *measure,
			     const struct measure_stage *const *stage,
			     const struct scope *const *scope)
{
	return (struct adoption){
		.measure = measure,
		.stages = stage,
		.stages_count = 1,
		.scopes = scope,
		.scopes_count = 1,
	};
}

static int setup(void **state)
{
	static struct site site;

	site = (struct site){.numbers = numbers_new()};
	fill_measures(&site);
	fill_scopes(&site);
	site.adoptions[0] = adopt(&site.us, site.updates_list, site.any_list);
	site.source = (struct policy_source){
		.mode = MODE_ENFORCE,
		.services = services,
		.services_count = COUNT(services),
		.adoptions = site.adoptions,
		.adoptions_count = 1,
		.waivers = site.waivers,
		.never = site.never,
	};
	*state = &site;
	return 0;
}

static int teardown(void **state)
{
	struct site *site = *state;

	policy_free(site->policy);
	numbers_free(site->numbers);
	return 0;
}

static void compile(struct site *site)
{
	policy_free(site->policy);
	assert_int_equal(policy_compile(&site->source, site->numbers, &site->policy), 0);
}

static struct decision judge(const struct site *site, const char *vendor, const char *service,
			     const char *client, const char *server, struct wall now)
{
	const struct policy_class *class = policy_class_by_name(site->policy, vendor, service);
	struct address from = address(client), to = address(server);

	return policy_judge(site->policy, class ? class->number : 7, &from, &to, now);
}

static struct decision judge_updates(const struct site *site, const char *client, struct wall now)
{
	return judge(site, "kaspersky", "updates", client, "203.0.113.7", now);
}

static void test_us_dates(void **state)
{
	static const struct {
		const char *what, *service;
		struct wall now;
		enum verdict want;
	} cases[] = {
		{"updates a second before", "updates", {(D2 - 1) * CLOCK_SECOND}, VERDICT_ALLOW},
		{"updates a nanosecond before", "updates", {D2 * CLOCK_SECOND - 1}, VERDICT_ALLOW},
		{"updates at the instant", "updates", {D2 * CLOCK_SECOND}, VERDICT_REJECT},
		{"updates years after", "updates", {LATER * CLOCK_SECOND}, VERDICT_REJECT},
		{"telemetry a second before",
		 "telemetry",
		 {(D2 - 1) * CLOCK_SECOND},
		 VERDICT_ALLOW},
		{"telemetry at the instant", "telemetry", {D2 * CLOCK_SECOND}, VERDICT_REJECT},
		{"sales a second before", "sales", {(D1 - 1) * CLOCK_SECOND}, VERDICT_ALLOW},
		{"sales at the instant", "sales", {D1 * CLOCK_SECOND}, VERDICT_REJECT},
		{"a permitted service", "threat-intelligence", {D2 * CLOCK_SECOND}, VERDICT_ALLOW},
		{"clock at 1970", "updates", {0}, VERDICT_ALLOW},
	};
	struct site *site = *state;

	site->adoptions[1] = adopt(&site->us, site->sales_list, site->any_list);
	site->source.adoptions_count = 2;
	compile(site);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decision d;

		print_message("%s\n", cases[i].what);
		d = judge(site, "kaspersky", cases[i].service, "10.0.0.1", "203.0.113.7",
			  cases[i].now);
		assert_int_equal(d.verdict, cases[i].want);
		assert_int_equal(d.would, cases[i].want);
	}
}

static void test_dates_as_written(void **state)
{
	struct site *site = *state;
	enum precision precision;

	assert_int_equal(instant_compile("2024-09-29T00:00:00", "America/New_York",
					 &site->updates.legal.at, &precision),
			 INSTANT_OK);
	compile(site);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(1727582399)).verdict, VERDICT_ALLOW);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(1727582400)).verdict, VERDICT_REJECT);
}

static void test_only_adopted_stages_make_classes(void **state)
{
	struct site *site = *state;

	compile(site);
	assert_int_equal(site->policy->classes_count, 2);
	assert_int_equal(site->policy->classes[0].number, 16);
	assert_string_equal(policy_class_find(site->policy, 16)->service, "updates");
	assert_string_equal(policy_class_find(site->policy, 17)->service, "telemetry");
	assert_null(policy_class_find(site->policy, 18));
	assert_null(policy_class_find(site->policy, 0));
	assert_null(policy_class_by_name(site->policy, "kaspersky", "threat-intelligence"));
	assert_null(policy_class_by_name(site->policy, "acme", "updates"));
}

static void test_counts(void **state)
{
	struct site *site = *state;

	site->adoptions[0].counts = COUNTS_VENDOR;
	site->updates.vendor.verified = false;
	site->adoptions[1] = adopt(&site->us, site->sales_list, site->any_list);
	site->adoptions[1].counts = COUNTS_VENDOR;
	site->source.adoptions_count = 2;
	compile(site);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(VENDOR - 1)).verdict, VERDICT_ALLOW);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(VENDOR)).verdict, VERDICT_REJECT);
	assert_int_equal(site->policy->stages[0].counts, COUNTS_VENDOR);
	assert_false(site->policy->stages[0].verified);
	/* the vendor gave no date for sales */
	assert_int_equal(site->policy->stages[2].cutoff.ns, D1 * CLOCK_SECOND);
	assert_int_equal(site->policy->stages[2].counts, COUNTS_LEGAL);
	assert_true(site->policy->stages[2].verified);
}

static void test_end(void **state)
{
	struct site *site = *state;
	struct decision d;

	site->updates.ends_when = "the ministry revokes it";
	site->adoptions[1] = adopt(&site->other, site->firmware_list, site->any_list);
	site->source.adoptions_count = 2;
	compile(site);
	d = judge(site, "acme", "updates", "10.0.0.1", "203.0.113.7", at(MOVED - 1));
	assert_int_equal(d.verdict, VERDICT_REJECT);
	d = judge(site, "acme", "updates", "10.0.0.1", "203.0.113.7", at(MOVED));
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_null(d.stage);
	d = judge_updates(site, "10.0.0.1", (struct wall){INT64_MAX - 1});
	assert_int_equal(d.verdict, VERDICT_REJECT);
	assert_int_equal(d.stage->until.ns, WALL_NEVER.ns);
}

static void test_observe(void **state)
{
	struct site *site = *state;
	struct decision d;

	site->source.mode = MODE_OBSERVE;
	compile(site);
	d = judge_updates(site, "10.0.0.1", at(D2));
	assert_int_equal(d.verdict, VERDICT_OBSERVE);
	assert_int_equal(d.would, VERDICT_REJECT);
	d = judge_updates(site, "10.0.0.1", at(D2 - 1));
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_int_equal(d.would, VERDICT_ALLOW);
	site->adoptions[0].action = ACTION_DROP;
	compile(site);
	d = judge_updates(site, "10.0.0.1", at(D2));
	assert_int_equal(d.verdict, VERDICT_OBSERVE);
	assert_int_equal(d.would, VERDICT_DROP);
}

static void test_scopes(void **state)
{
	static const struct {
		const char *what, *client, *server;
		enum verdict want;
	} cases[] = {
		{"a host of the scope", "192.168.7.1", "203.0.113.7", VERDICT_REJECT},
		{"another's host", "10.0.0.1", "203.0.113.7", VERDICT_ALLOW},
		{"from outside to a host of the scope", "203.0.113.7", "192.168.7.1",
		 VERDICT_REJECT},
		{"from outside to another's host", "203.0.113.7", "10.0.0.1", VERDICT_ALLOW},
		{"the other family", "2001:db8::1", "2a03:2480::1", VERDICT_REJECT},
		{"the other family, another's", "2001:db9::1", "2a03:2480::1", VERDICT_ALLOW},
	};
	struct site *site = *state;

	site->adoptions[0].scopes = site->lan_list;
	compile(site);
	assert_false(site->policy->scopes[0].any);
	assert_int_equal(site->policy->scopes[0].fail, FAIL_CLOSED);
	assert_int_equal(site->policy->scopes[0].midstream, MIDSTREAM_RESET);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decision d;

		print_message("%s\n", cases[i].what);
		d = judge(site, "kaspersky", "updates", cases[i].client, cases[i].server, at(D2));
		assert_int_equal(d.verdict, cases[i].want);
		assert_int_equal(d.stage != NULL, cases[i].want == VERDICT_REJECT);
	}
}

static void test_any(void **state)
{
	struct site *site = *state;

	compile(site);
	assert_true(site->policy->scopes[0].any);
	site->any.sources_count = 1; /* all of IPv4 is not all */
	compile(site);
	assert_false(site->policy->scopes[0].any);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(D2)).verdict, VERDICT_REJECT);
	assert_int_equal(
		judge(site, "kaspersky", "updates", "2001:db8::1", "2a03:2480::1", at(D2)).verdict,
		VERDICT_ALLOW);
}

static void test_strictest_wins(void **state)
{
	struct site *site = *state;
	struct decision d;

	/* Reject everywhere from D1 on, drop in the LAN from D2 on. */
	site->firmware.services = site->updates.services;
	site->firmware.until.set = false;
	site->adoptions[0].scopes = site->lan_list;
	site->adoptions[0].action = ACTION_DROP;
	site->adoptions[1] = adopt(&site->other, site->firmware_list, site->any_list);
	site->source.adoptions_count = 2;
	compile(site);
	d = judge_updates(site, "192.168.0.1", at(D2 - 1));
	assert_int_equal(d.verdict, VERDICT_REJECT);
	assert_string_equal(d.stage->measure, "acme-ban");
	d = judge_updates(site, "192.168.0.1", at(D2));
	assert_int_equal(d.verdict, VERDICT_DROP);
	assert_string_equal(d.stage->measure, "us-kaspersky-2024");
	assert_int_equal(judge_updates(site, "10.0.0.1", at(D2)).verdict, VERDICT_REJECT);
}

static void test_never(void **state)
{
	struct site *site = *state;
	struct decision d;

	site->never[0] = prefix("203.0.113.0/24");
	site->source.never_count = 1;
	compile(site);
	d = judge_updates(site, "10.0.0.1", at(D2));
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_int_equal(d.would, VERDICT_ALLOW);
	assert_null(d.stage);
	d = judge(site, "kaspersky", "updates", "203.0.113.7", "10.0.0.1", at(D2));
	assert_int_equal(d.verdict, VERDICT_REJECT);
}

static void test_waiver(void **state)
{
	static const struct {
		const char *what, *service, *client, *server;
		int64_t now;
		enum verdict want;
	} cases[] = {
		{"its host and class", "updates", "192.168.3.4", "203.0.113.7", D2, VERDICT_ALLOW},
		{"just before its end", "updates", "192.168.3.4", "203.0.113.7", MOVED - 1,
		 VERDICT_ALLOW},
		{"at its end", "updates", "192.168.3.4", "203.0.113.7", MOVED, VERDICT_REJECT},
		{"another host", "updates", "192.168.3.5", "203.0.113.7", D2, VERDICT_REJECT},
		{"another class", "telemetry", "192.168.3.4", "203.0.113.7", D2, VERDICT_REJECT},
		{"from outside to its host", "updates", "203.0.113.7", "192.168.3.4", D2,
		 VERDICT_ALLOW},
	};
	struct site *site = *state;

	site->hosts[0] = prefix("192.168.3.4");
	site->waivers[0] = (struct waiver){
		.id = "hospital-7",
		.hosts = site->hosts,
		.hosts_count = 1,
		.services = update_services,
		.services_count = 1,
		.until = at(MOVED),
	};
	site->source.waivers_count = 1;
	compile(site);
	assert_int_equal(site->policy->waivers[0].classes_count, 1);
	assert_string_equal(site->policy->waivers[0].reason, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decision d;

		print_message("%s\n", cases[i].what);
		d = judge(site, "kaspersky", cases[i].service, cases[i].client, cases[i].server,
			  at(cases[i].now));
		assert_int_equal(d.verdict, cases[i].want);
		assert_int_equal(d.would, cases[i].want);
		assert_int_equal(d.waiver != NULL, cases[i].want == VERDICT_ALLOW);
		assert_int_equal(d.stage->cutoff.ns, D2 * CLOCK_SECOND);
	}
	/* before the cutoff there is nothing to be exempted from */
	assert_null(judge_updates(site, "192.168.3.4", at(D2 - 1)).waiver);
}

static void test_waiver_for_all_services(void **state)
{
	struct site *site = *state;

	site->hosts[0] = prefix("192.168.3.0/24");
	site->waivers[0] = (struct waiver){
		.id = "short", .hosts = site->hosts, .hosts_count = 1, .until = at(D2 + 5)};
	site->waivers[1] = (struct waiver){
		.id = "long", .hosts = site->hosts, .hosts_count = 1, .until = at(D2 + 9)};
	site->source.waivers_count = 2;
	compile(site);
	assert_int_equal(site->policy->waivers[0].classes_count, 2);
	assert_string_equal(judge_updates(site, "192.168.3.4", at(D2)).waiver->id, "long");
	assert_int_equal(judge_updates(site, "192.168.3.4", at(D2 + 8)).verdict, VERDICT_ALLOW);
	assert_int_equal(judge_updates(site, "192.168.3.4", at(D2 + 9)).verdict, VERDICT_REJECT);
}

static void test_waiver_of_what_is_not_adopted(void **state)
{
	struct site *site = *state;

	site->hosts[0] = prefix("192.168.3.4");
	site->waivers[0] = (struct waiver){
		.id = "acme-only",
		.hosts = site->hosts,
		.hosts_count = 1,
		.services = firmware_services,
		.services_count = 1,
		.until = at(MOVED),
	};
	site->source.waivers_count = 1;
	compile(site);
	assert_int_equal(site->policy->waivers[0].classes_count, 0);
	assert_int_equal(judge_updates(site, "192.168.3.4", at(D2)).verdict, VERDICT_REJECT);
}

static void test_next_to_come(void **state)
{
	struct site *site = *state;
	struct decision d;

	site->firmware.services = site->updates.services;
	site->adoptions[0].action = ACTION_DROP; /* asked first, but comes later */
	site->adoptions[1] = adopt(&site->other, site->firmware_list, site->any_list);
	site->source.adoptions_count = 2;
	compile(site);
	d = judge_updates(site, "10.0.0.1", at(D1 - 1));
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_string_equal(d.stage->measure, "acme-ban");
	site->firmware.until = site->firmware.legal; /* never in force */
	compile(site);
	d = judge_updates(site, "10.0.0.1", at(D1 - 1));
	assert_string_equal(d.stage->measure, "us-kaspersky-2024");
	assert_int_equal(judge_updates(site, "10.0.0.1", at(D1)).verdict, VERDICT_ALLOW);
}

static void test_next_change(void **state)
{
	static const int64_t wanted[] = {D1, D2, D2 + 60, MOVED};
	struct site *site = *state;
	struct wall now = {0};

	site->hosts[0] = prefix("192.168.3.4");
	site->waivers[0] = (struct waiver){
		.id = "w", .hosts = site->hosts, .hosts_count = 1, .until = at(D2 + 60)};
	site->source.waivers_count = 1;
	site->adoptions[1] = adopt(&site->other, site->firmware_list, site->any_list);
	site->source.adoptions_count = 2;
	compile(site);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		now = policy_next_change(site->policy, now);
		assert_int_equal(now.ns, wanted[i] * CLOCK_SECOND);
	}
	assert_int_equal(policy_next_change(site->policy, now).ns, WALL_NEVER.ns);
}

/* The kernel's latch holds the number; who moves the date lifts it. */
static void test_amended_stage_keeps_its_number(void **state)
{
	struct site *site = *state;
	uint32_t stage, waiver;

	site->hosts[0] = prefix("192.168.3.4");
	site->waivers[0] = (struct waiver){
		.id = "w", .hosts = site->hosts, .hosts_count = 1, .until = at(D2 + 60)};
	site->source.waivers_count = 1;
	compile(site);
	stage = site->policy->stages[0].number;
	waiver = site->policy->waivers[0].number;
	assert_int_not_equal(stage, waiver);
	site->updates.legal = date(LATER);
	site->adoptions[0].action = ACTION_DROP;
	site->waivers[0].until = at(LATER);
	compile(site);
	assert_int_equal(site->policy->stages[0].cutoff.ns, LATER * CLOCK_SECOND);
	assert_int_equal(site->policy->stages[0].number, stage);
	assert_int_equal(site->policy->waivers[0].number, waiver);
	site->adoptions[0].scopes = site->lan_list; /* another scope is another stage */
	compile(site);
	assert_int_not_equal(site->policy->stages[0].number, stage);
}

static void test_one_stage_for_each_class_and_scope(void **state)
{
	struct site *site = *state;
	char name[64];

	site->adoptions[0].scopes = site->both_list;
	site->adoptions[0].scopes_count = 2;
	compile(site);
	assert_int_equal(site->policy->scopes_count, 2);
	assert_int_equal(site->policy->stages_count, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct policy_stage *stage = &site->policy->stages[i];

		snprintf(name, sizeof(name), "us-kaspersky-2024/updates kaspersky.%s %s",
			 policy_class_find(site->policy, stage->class)->service,
			 site->policy->scopes[stage->scope].name);
		assert_int_equal(numbers_stage(site->numbers, name), stage->number);
	}
}

static void test_adopted_twice(void **state)
{
	struct site *site = *state;

	site->adoptions[1] = site->adoptions[0];
	site->adoptions[0].counts = COUNTS_VENDOR;
	site->adoptions[1].action = ACTION_DROP;
	site->source.adoptions_count = 2;
	for (int turn = 0; turn < 2; turn++) {
		struct adoption first = site->adoptions[0];
		const struct policy_stage *stage;

		compile(site);
		assert_int_equal(site->policy->stages_count, 2);
		stage = &site->policy->stages[0];
		assert_int_equal(stage->action, ACTION_DROP);
		assert_int_equal(stage->cutoff.ns, VENDOR * CLOCK_SECOND);
		assert_int_equal(stage->counts, COUNTS_VENDOR);
		site->adoptions[0] = site->adoptions[1];
		site->adoptions[1] = first;
	}
}

static void test_empty(void **state)
{
	struct site *site = *state;

	site->source = (struct policy_source){.mode = MODE_ENFORCE};
	compile(site);
	assert_int_equal(judge_updates(site, "10.0.0.1", at(D2)).verdict, VERDICT_ALLOW);
	assert_int_equal(policy_next_change(site->policy, at(0)).ns, WALL_NEVER.ns);
	assert_false(numbers_changed(site->numbers));
}

static void test_bugs_elsewhere(void **state)
{
	static const char *unknown[] = {"kaspersky.update", "kaspersky-updates", "kaspersky",
					".updates", ""};
	struct site *site = *state;
	struct policy *policy = (struct policy *)site;

	site->updates.services_count = 1;
	for (size_t i = 0; i < COUNT(unknown); i++) {
		site->updates.services = &unknown[i];
		assert_int_equal(policy_compile(&site->source, site->numbers, &policy), -EINVAL);
		assert_null(policy);
	}
	fill_measures(site);
	site->updates.legal.set = false;
	assert_int_equal(policy_compile(&site->source, site->numbers, &policy), -EINVAL);
	assert_null(policy);
}

static void test_numbers_run_out(void **state)
{
	struct site *site = *state;
	struct policy *policy = (struct policy *)site;
	char service[16];

	for (int i = 16; i < 4095; i++) {
		snprintf(service, sizeof(service), "s%d", i);
		assert_int_equal(numbers_class(site->numbers, "vendor", service), i);
	}
	assert_int_equal(policy_compile(&site->source, site->numbers, &policy), -ENOSPC);
	assert_null(policy);
}

static void test_verdict_names(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_ALLOW), "allow");
	assert_string_equal(verdict_name(VERDICT_OBSERVE), "observe");
	assert_string_equal(verdict_name(VERDICT_REJECT), "reject");
	assert_string_equal(verdict_name(VERDICT_DROP), "drop");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_us_dates),
		TEST(test_dates_as_written),
		TEST(test_only_adopted_stages_make_classes),
		TEST(test_counts),
		TEST(test_end),
		TEST(test_observe),
		TEST(test_scopes),
		TEST(test_any),
		TEST(test_strictest_wins),
		TEST(test_never),
		TEST(test_waiver),
		TEST(test_waiver_for_all_services),
		TEST(test_waiver_of_what_is_not_adopted),
		TEST(test_next_to_come),
		TEST(test_next_change),
		TEST(test_amended_stage_keeps_its_number),
		TEST(test_one_stage_for_each_class_and_scope),
		TEST(test_adopted_twice),
		TEST(test_empty),
		TEST(test_bugs_elsewhere),
		TEST(test_numbers_run_out),
		cmocka_unit_test(test_verdict_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
