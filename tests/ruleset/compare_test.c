/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel holds beside what is desired: each difference is found and mended, and nothing
 * else is one. Without owner, as on Linux before 6.9, but where a test says otherwise. */
#include "daemon/enforcer/ruleset_model.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"
#include "tests/ruleset/tampering.h"

#define LISTING "TZ=UTC nft -n list table inet cutoffd"

struct fixture {
	int home;
	struct nft *nft;
	struct ruleset *ruleset;
};

static void apply(struct fixture *f)
{
	char error[NFT_ERROR] = "";

	if (nft_apply(f->nft, f->ruleset, error) != 0)
		fail_msg("%s", error);
}

static void desire(struct fixture *f, enum mode mode)
{
	struct sample sample;

	sample_fill(&sample, mode, at("2024-09-29T04:00:00Z"), at("2025-01-01T00:00:00Z"));
	ruleset_free(f->ruleset);
	f->ruleset = ruleset_compile(&sample.policy, &sample_options);
	apply(f);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(unshare(CLONE_NEWNET), errno);
	return f;
}

static int setup(void **state)
{
	struct fixture *f = *state = fixture_new();

	run(NO_OWNER);
	f->nft = opened();
	assert_false(nft_has_owner(f->nft));
	desire(f, MODE_ENFORCE);
	return 0;
}

static int setup_owner(void **state)
{
	struct fixture *f = *state = fixture_new();

	f->nft = opened();
	desire(f, MODE_ENFORCE);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ruleset_free(f->ruleset);
	nft_close(f->nft);
	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->home);
	free(f);
	return 0;
}

static int compare(struct fixture *f, char difference[NFT_ERROR])
{
	difference[0] = '\0';
	return nft_compare(f->nft, f->ruleset, difference);
}

static void assert_intact(struct fixture *f)
{
	char difference[NFT_ERROR];

	if (compare(f, difference) != 0)
		fail_msg("%s", difference);
}

#define LEARNED "10.77.1.2 . 4711 . 10.77.2.2 . 443 . tcp"

static bool has_learned(void)
{
	char *text = output_of("nft list set inet cutoffd cut_v4");
	bool has = strstr(text, LEARNED) != NULL;

	free(text);
	return has;
}

/* The order of chains and sets in the listing is when they were made. */
static void test_each_is_found_and_mended(void **state)
{
	struct fixture *f = *state;
	char *before = output_of(LISTING " | sort"), *after;

	for (size_t i = 0; i < TAMPERINGS; i++) {
		char difference[NFT_ERROR];

		run("nft add element inet cutoffd cut_v4 '{ " LEARNED " }'");
		assert_intact(f);
		run("nft '%s'", tamperings[i].command);
		assert_int_equal(compare(f, difference), 1);
		assert_contains(difference, tamperings[i].want);
		apply(f);
		if (has_learned() != (tamperings[i].learned == KEPT))
			fail_msg("%s: learned %d", tamperings[i].what, has_learned());
		run("nft flush set inet cutoffd cut_v4");
		assert_intact(f);
		after = output_of(LISTING " | sort");
		assert_string_equal(before, after);
		free(after);
	}
	free(before);
}

/* Whatever our rules are made of, the kernel's form of them is no difference. */
static void test_same_is_no_difference(void **state)
{
	struct fixture *f = *state;

	assert_intact(f);
	desire(f, MODE_OBSERVE);
	assert_intact(f);
}

/* The last statement of each rule is left out. */
static void test_every_rule_is_compared(void **state)
{
	struct fixture *f = *state;
	char difference[NFT_ERROR];

	for (size_t i = 0; i < f->ruleset->chains_count; i++)
		for (size_t j = 0; j < f->ruleset->chains[i].count; j++) {
			struct rule *rule = &f->ruleset->chains[i].rules[j];

			rule->count--;
			assert_int_equal(compare(f, difference), 1);
			assert_contains(difference, f->ruleset->chains[i].name);
			rule->count++;
		}
	assert_intact(f);
}

/* Numbers, masks, instants and names inside of statements. */
static void test_every_value_is_compared(void **state)
{
	struct fixture *f = *state;
	char difference[NFT_ERROR];
	size_t changed = 0;

	for (size_t i = 0; i < f->ruleset->chains_count; i++)
		for (size_t j = 0; j < f->ruleset->chains[i].count; j++) {
			struct rule *rule = &f->ruleset->chains[i].rules[j];
			struct statement *s = (struct statement *)&rule->statements[0];
			struct statement was = *s;

			if (s->kind == STATEMENT_LATCHED)
				s->number += 1;
			else if (s->kind == STATEMENT_TIME_FROM || s->kind == STATEMENT_TIME_BEFORE)
				s->instant += 1;
			else if (s->kind == STATEMENT_CT_SOURCE)
				s->inverted = !s->inverted;
			else if (s->kind == STATEMENT_PROTOCOL)
				s->value += 1;
			else if (s->kind == STATEMENT_VMAP)
				s->mask ^= 0x100000;
			else
				continue;
			assert_int_equal(compare(f, difference), 1);
			assert_contains(difference, "was changed");
			*s = was;
			changed++;
		}
	assert_true(changed > 15);
	assert_intact(f);
}

/* Counts and latches that the kernel still has. */
static void test_counts_and_latches_are_kept(void **state)
{
	struct fixture *f = *state;
	struct nft_counter counters[64];
	struct nft_latch latched[4];
	int n, found = 0;

	run("nft 'flush table inet cutoffd; delete counter inet cutoffd stage_3_refused; "
	    "add counter inet cutoffd stage_3_refused { packets 7 bytes 9; }; "
	    "add element inet cutoffd latched { 3 }'");
	apply(f);
	/* ... also where the table has to be made anew. */
	run("nft 'flush chain inet cutoffd enforce_output; delete chain inet cutoffd "
	    "enforce_output; "
	    "add chain inet cutoffd enforce_output; "
	    "add element inet cutoffd class_of { 0x500000 : goto enforce_output }'");
	apply(f);
	assert_intact(f);
	assert_int_equal(nft_latched(f->nft, latched, 4, NULL), 1);
	assert_int_equal(latched[0].number, 3);
	n = nft_counters(f->nft, counters, 64);
	for (int i = 0; i < n; i++)
		if (strcmp(counters[i].name, "stage_3_refused") == 0)
			found += counters[i].packets == 7 && counters[i].bytes == 9;
	assert_int_equal(found, 1);
}

/* What is latched whatever the clock says is a part of what is desired; what packets latch is not
 * a difference. */
static void test_latches_are_compared(void **state)
{
	static const uint32_t numbers[] = {4};
	struct ruleset_options options = sample_options;
	struct fixture *f = *state;
	char difference[NFT_ERROR];
	struct sample sample;

	options.latched = numbers;
	options.latched_count = 1;
	sample_fill(&sample, MODE_ENFORCE, at("2024-09-29T04:00:00Z"), WALL_NEVER);
	ruleset_free(f->ruleset);
	f->ruleset = ruleset_compile(&sample.policy, &options);
	apply(f);
	assert_intact(f);
	run("nft add element inet cutoffd latched '{ 3 }'");
	assert_intact(f);
	run("nft delete element inet cutoffd latched '{ 4 }'");
	assert_int_equal(compare(f, difference), 1);
	assert_string_equal(difference, "element 0x4 of set latched is gone");
	apply(f);
	assert_intact(f);
}

/* A table that was owned, by who cannot own it; and the other way round. */
static void test_taken_over(void **state)
{
	struct fixture *f = *state;

	if (!nft_has_owner(f->nft))
		skip();
	nft_close(f->nft);
	f->nft = NULL;
	run(NO_OWNER);
	f->nft = opened();
	assert_false(nft_has_owner(f->nft));
	apply(f);
	assert_intact(f);
	nft_close(f->nft);
	f->nft = NULL;
	run("nft delete table inet cutoffd_probe");
	f->nft = opened();
	assert_true(nft_has_owner(f->nft));
	apply(f);
	assert_intact(f);
}

#define COMPARE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COMPARE_TEST(test_each_is_found_and_mended),
		COMPARE_TEST(test_same_is_no_difference),
		COMPARE_TEST(test_every_rule_is_compared),
		COMPARE_TEST(test_every_value_is_compared),
		COMPARE_TEST(test_counts_and_latches_are_kept),
		COMPARE_TEST(test_latches_are_compared),
		cmocka_unit_test_setup_teardown(test_taken_over, setup_owner, teardown),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
