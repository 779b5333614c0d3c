/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strangers change the table, in a namespace without any packet: how it is noticed, and put back.
 * Without owner, as on Linux before 6.9, but where a test says otherwise. */
#include "daemon/enforcer/drift.h"

#include <sys/wait.h>

#include "daemon/enforcer/nft_watch.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"
#include "tests/ruleset/tampering.h"

#define LIMIT_MS 100

struct fixture {
	int home;
	sd_event *loop;
	struct nft *nft;
	struct ruleset *ruleset;
	struct drift *drift;
	size_t drifts, alarms; /* told of */
	char text[1024];       /* the last of them */
	char alarm[1024];
	struct mono told_at;
};

static void apply(struct fixture *f)
{
	char error[NFT_ERROR] = "";

	if (nft_apply(f->nft, f->ruleset, error) != 0)
		fail_msg("%s", error);
}

static int prepare(struct fixture *f)
{
	struct sample sample;

	f->nft = opened();
	sample_fill(&sample, MODE_ENFORCE, at("2024-09-29T04:00:00Z"), at("2025-01-01T00:00:00Z"));
	f->ruleset = ruleset_compile(&sample.policy, &sample_options);
	assert_return_code(sd_event_new(&f->loop), errno);
	apply(f);
	return 0;
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
	prepare(f);
	assert_false(nft_has_owner(f->nft));
	return 0;
}

static int setup_owner(void **state)
{
	return prepare(*state = fixture_new());
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	drift_free(f->drift);
	sd_event_unref(f->loop);
	ruleset_free(f->ruleset);
	nft_close(f->nft);
	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->home);
	free(f);
	return 0;
}

static const struct ruleset *desired(void *context)
{
	const struct fixture *f = context;

	return f->ruleset;
}

static int put_back(void *context, char error[NFT_ERROR])
{
	struct fixture *f = context;

	return nft_apply(f->nft, f->ruleset, error);
}

static void tell(void *context, enum notice_kind kind, const char *text)
{
	struct fixture *f = context;

	f->told_at = clock_mono();
	if (kind == NOTICE_ALARM) {
		f->alarms++;
		snprintf(f->alarm, sizeof(f->alarm), "%s", text);
		return;
	}
	assert_int_equal(kind, NOTICE_DRIFT);
	f->drifts++;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

static void turn(struct fixture *f, uint64_t milliseconds)
{
	assert_return_code(sd_event_run(f->loop, milliseconds * 1000), errno);
}

/* The first comparison is made when this comes back. */
static void watch(struct fixture *f, int64_t interval_ns)
{
	const struct drift_settings settings = {.loop = f->loop,
						.nft = f->nft,
						.interval_ns = interval_ns,
						.desired = desired,
						.apply = put_back,
						.tell = tell,
						.context = f};
	char error[NFT_ERROR];

	if (drift_new(&f->drift, &settings, error) != 0)
		fail_msg("%s", error);
	turn(f, 1000);
}

/* Until so many repairs were told of, or the time is over. */
static void wait_for_drifts(struct fixture *f, size_t count, int64_t milliseconds)
{
	int64_t end = clock_mono().ns + milliseconds * CLOCK_MILLISECOND;

	while (f->drifts < count && clock_mono().ns < end)
		turn(f, 10);
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

/* A stranger's table with its content stands beside all of it. */
static void test_each_is_put_back(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TAMPERINGS; i++) {
		struct mono heard;
		int64_t took;

		print_message("# %s\n", tamperings[i].what);
		watch(f, DRIFT_INTERVAL_NS);
		assert_int_equal(f->drifts, 0);
		run("nft '%s'", tamperings[i].command);
		heard = clock_mono();
		wait_for_drifts(f, 1, 2000);
		took = (f->told_at.ns - heard.ns) / CLOCK_MILLISECOND;
		assert_int_equal(f->drifts, 1);
		assert_contains(f->text, tamperings[i].want);
		assert_contains(f->text, " (by nft, process ");
		assert_contains(f->text, "; put back after ");
		print_message("#   %d ms: %s\n", (int)took, f->text);
		assert_true(took <= LIMIT_MS);
		assert_intact(f);
		drift_free(f->drift);
		f->drift = NULL;
		f->drifts = 0;
	}
}

static void test_others_tables_are_let_be(void **state)
{
	struct fixture *f = *state;
	char *before, *after;

	run("nft 'table inet other { chain c { type filter hook forward priority 0; drop; }; }; "
	    "table ip cutoffd { chain enforce_forward { drop; }; }; delete table inet cutoffd'");
	before = output_of("nft list table inet other; nft list table ip cutoffd");
	watch(f, DRIFT_INTERVAL_NS);
	assert_int_equal(f->drifts, 1);
	after = output_of("nft list table inet other; nft list table ip cutoffd");
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* Nor do their changes concern us. */
	run("nft 'delete table inet other; delete table ip cutoffd'");
	for (int i = 0; i < 5; i++)
		turn(f, 20);
	assert_int_equal(f->drifts, 1);
}

/* Our own changes are no news; the comparison on a timer sees them all the same. */
static void test_timer_finds_what_nobody_told(void **state)
{
	struct fixture *f = *state;
	struct ruleset *ours = f->ruleset;
	struct sample sample;

	watch(f, 300 * CLOCK_MILLISECOND);
	sample_fill(&sample, MODE_OBSERVE, at("2024-09-29T04:00:00Z"), WALL_NEVER);
	f->ruleset = ruleset_compile(&sample.policy, &sample_options);
	apply(f);
	ruleset_free(f->ruleset);
	f->ruleset = ours;
	turn(f, 50);
	assert_int_equal(f->drifts, 0);
	wait_for_drifts(f, 1, 2000);
	assert_int_equal(f->drifts, 1);
	assert_contains(f->text, "; put back after at most ");
	assert_intact(f);
}

static void test_twice_is_an_alarm(void **state)
{
	struct fixture *f = *state;
	json_t *json;

	watch(f, DRIFT_INTERVAL_NS);
	run("nft flush ruleset");
	wait_for_drifts(f, 1, 2000);
	assert_int_equal(f->alarms, 0);
	run("nft delete table inet cutoffd");
	wait_for_drifts(f, 2, 2000);
	assert_int_equal(f->alarms, 1);
	assert_contains(f->alarm, "changed again and again (by nft, process ");
	/* ... and put back on and on, told of in measure. */
	for (size_t i = 3; i <= 40; i++) {
		run("nft delete table inet cutoffd");
		for (int j = 0; j < 100 && system("nft list table inet cutoffd >/dev/null 2>&1");
		     j++)
			turn(f, 10);
		assert_intact(f);
	}
	assert_int_equal(f->alarms, 1);
	assert_in_range(f->drifts, 10, 20);
	json = drift_json(f->drift);
	assert_int_equal(json_integer_value(json_object_get(json, "repairs")), 40);
	assert_string_equal(json_string_value(json_object_get(json, "what")),
			    "table inet cutoffd is gone");
	assert_non_null(json_object_get(json, "last"));
	json_decref(json);
}

/* Somebody else made it theirs, where the kernel can do that, and keeps it for a while. */
static void test_what_cannot_be_put_back_is_tried_again(void **state)
{
	struct fixture *f = *state;
	FILE *thief;

	watch(f, DRIFT_INTERVAL_NS);
	thief = popen("nft -i >/dev/null 2>&1", "w");
	assert_non_null(thief);
	fputs("delete table inet cutoffd; add table inet cutoffd { flags owner; }\n", thief);
	fflush(thief);
	for (int i = 0; i < 100 && f->alarms == 0; i++)
		turn(f, 50);
	pclose(thief);
	if (f->alarms == 0) /* this nft, or this kernel, knows no owner */
		skip();
	assert_contains(f->alarm, "cannot be compared: table inet cutoffd belongs to another");
	f->drifts = 0;
	wait_for_drifts(f, 1, 3000);
	assert_int_equal(f->drifts, 1);
	assert_intact(f);
}

/* More than the socket holds comes while nobody reads, and in it what concerns us. */
static void test_overrun_leads_to_a_comparison(void **state)
{
	struct fixture *f = *state;
	struct nft_watch *other;
	struct nft_touch touch;
	char error[NFT_ERROR];

	watch(f, DRIFT_INTERVAL_NS);
	other = nft_watch_open(f->nft, error);
	assert_non_null(other);
	run("{ echo 'table ip flood { chain c { '; seq -f 'ip daddr 10.0.0.1 counter comment "
	    "\"%%.0f-padding-padding-padding-padding-padding-padding-padding-padding\"' 60000; "
	    "printf '}\\n}\\n'; } | nft -f -");
	run("nft delete table inet cutoffd");
	touch = nft_watch_read(other);
	assert_true(touch.lost);
	assert_false(touch.touched);
	nft_watch_close(other);
	wait_for_drifts(f, 1, 5000);
	assert_int_equal(f->drifts, 1);
	assert_intact(f);
}

static void test_who_did_it(void **state)
{
	struct fixture *f = *state;
	char error[NFT_ERROR];
	struct nft_watch *w = nft_watch_open(f->nft, error);
	struct nft_touch touch;

	assert_non_null(w);
	apply(f);
	touch = nft_watch_read(w);
	assert_false(touch.touched || touch.lost);
	run("nft 'add table inet other; add chain inet other cutoffd; add table ip cutoffd'");
	touch = nft_watch_read(w);
	assert_false(touch.touched || touch.lost);
	run("nft add element inet cutoffd latched '{ 9 }'");
	touch = nft_watch_read(w);
	assert_true(touch.touched);
	assert_false(touch.lost);
	assert_string_equal(touch.name, "nft");
	assert_true(touch.process > 0);
	nft_watch_close(w);
}

/* With an owner it does not come to that. */
static void test_owned_table_stays(void **state)
{
	static const char *const refused[] = {
		"delete table inet cutoffd",
		"flush table inet cutoffd",
		"insert rule inet cutoffd enforce_forward accept",
		"delete element inet cutoffd class_of { 0x100000 }",
		"add chain inet cutoffd enforce_forward { policy drop; }",
		"add table inet cutoffd { flags dormant; }",
	};
	struct fixture *f = *state;

	if (!nft_has_owner(f->nft))
		skip();
	watch(f, 50 * CLOCK_MILLISECOND);
	assert_intact(f);
	run("nft flush ruleset");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		run("! nft '%s' 2>/dev/null", refused[i]);
	assert_intact(f);
	for (int i = 0; i < 10; i++)
		turn(f, 30);
	assert_int_equal(f->drifts + f->alarms, 0);
	assert_intact(f);
}

#define DRIFT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OWNER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_owner, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIFT_TEST(test_each_is_put_back),
		DRIFT_TEST(test_others_tables_are_let_be),
		DRIFT_TEST(test_timer_finds_what_nobody_told),
		DRIFT_TEST(test_twice_is_an_alarm),
		DRIFT_TEST(test_what_cannot_be_put_back_is_tried_again),
		DRIFT_TEST(test_overrun_leads_to_a_comparison),
		DRIFT_TEST(test_who_did_it),
		OWNER_TEST(test_owned_table_stays),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
