/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel has latched after each transaction, in a namespace without any packet. */
#include "daemon/enforcer/nft.h"
#include "daemon/enforcer/ruleset_model.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"

#define CUTOFF (INT64_C(1727582400) * CLOCK_SECOND)

struct fixture {
	int home;
	struct nft *nft;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[NFT_ERROR];

	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(unshare(CLONE_NEWNET), errno);
	f->nft = nft_open(error);
	if (!f->nft)
		fail_msg("%s", error);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nft_close(f->nft);
	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->home);
	free(f);
	return 0;
}

/* What one ruleset after the other says of the latch, and what then is in it. */
struct step {
	const char *what;
	uint32_t latched[3], lifted[2]; /* up to the first 0 */
	int64_t move, offset;		/* in days: the cutoff of stages 3 and 4; the rehearsal */
	bool drop_waiver, anew;		/* anew: the table went away */
	uint32_t want[4];
};

static size_t count_of(const uint32_t *numbers, size_t most)
{
	size_t n = 0;

	while (n < most && numbers[n])
		n++;
	return n;
}

static void apply(struct fixture *f, const struct step *step)
{
	struct ruleset_options options = sample_options;
	struct ruleset *ruleset;
	struct sample sample;
	char error[NFT_ERROR] = "";
	struct wall cutoff = {CUTOFF + step->move * SAMPLE_DAY};

	sample_fill(&sample, MODE_ENFORCE, cutoff, (struct wall){CUTOFF + 9 * SAMPLE_DAY});
	sample.policy.offset_ns = step->offset * SAMPLE_DAY;
	sample.policy.waivers_count = step->drop_waiver ? 0 : 1;
	options.latched = step->latched;
	options.latched_count = count_of(step->latched, 3);
	options.lifted = step->lifted;
	options.lifted_count = count_of(step->lifted, 2);
	ruleset = ruleset_compile(&sample.policy, &options);
	if (nft_apply(f->nft, ruleset, error) != 0)
		fail_msg("%s: %s", step->what, error);
	ruleset_free(ruleset);
}

static void assert_step(struct fixture *f, const struct step *step)
{
	struct nft_latch latched[8];
	bool rehearsal;
	int n = nft_latched(f->nft, latched, 8, &rehearsal);

	if (n != (int)count_of(step->want, 4))
		fail_msg("%s: %d are latched", step->what, n);
	if (rehearsal != (step->offset != 0))
		fail_msg("%s: whether it is a rehearsal", step->what);
	for (int i = 0; i < n; i++)
		if (latched[i].number != step->want[i])
			fail_msg("%s: %u is latched", step->what, latched[i].number);
}

static void test_story(void **state)
{
	static const struct step steps[] = {
		{"the first has none", .want = {0}},
		{"put back", .latched = {3, 7}, .want = {3, 7}},
		{"the kernel keeps them by itself", .want = {3, 7}},
		{"one more", .latched = {3, 4, 7}, .want = {3, 4, 7}},
		{"lifted by name", .lifted = {7}, .want = {3, 4}},
		{"lifted, though not there", .lifted = {7, 9}, .want = {3, 4}},
		{"an earlier date lifts nothing", .move = -1, .want = {3, 4}},
		{"a later one does", .move = 1, .want = {0}},
		{"put back at that date", .latched = {3}, .move = 1, .want = {3}},
		{"moved, and put back", .latched = {3}, .lifted = {3}, .move = 2, .want = {3}},
		{"and again kept", .move = 2, .want = {3}},
		{"a rehearsal begins anew", .latched = {4}, .move = 2, .offset = 400, .want = {4}},
		{"another day of it", .move = 2, .offset = 300, .want = {4}},
		{"a day before today", .move = 2, .offset = -300, .want = {4}},
		{"it ends, and what was real is back", .latched = {3}, .move = 2, .want = {3}},
		{"rehearsed with an earlier cutoff", .latched = {3, 4}, .move = -9, .offset = 1,
		 .want = {3, 4}},
		{"nothing of it is left", .move = -9, .want = {0}},
		{"a waiver ended", .latched = {7}, .want = {7}},
		{"it is no more in the policy", .drop_waiver = true, .want = {7}},
		{"it is forgotten", .lifted = {7}, .drop_waiver = true, .want = {0}},
		{"once more", .latched = {3}, .want = {3}},
		{"the table went away", .anew = true, .want = {0}},
		{"and comes back with it", .latched = {3, 4}, .anew = true, .want = {3, 4}},
	};
	struct fixture *f = *state;
	char error[NFT_ERROR];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].anew)
			assert_int_equal(nft_remove(f->nft, error), 1);
		apply(f, &steps[i]);
		assert_step(f, &steps[i]);
	}
}

/* What the kernel alone knows of a latch, for who finds a table and no file. */
static void test_dates(void **state)
{
	struct fixture *f = *state;
	struct step step = {"", .latched = {3, 7}, .offset = 100};
	struct nft_latch latched[2];

	apply(f, &step);
	step.drop_waiver = true;
	step.latched[0] = 0;
	apply(f, &step);
	assert_int_equal(nft_latched(f->nft, latched, 2, NULL), 2);
	assert_true(latched[0].dated && latched[0].since.ns == CUTOFF);
	assert_false(latched[1].dated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_story, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
