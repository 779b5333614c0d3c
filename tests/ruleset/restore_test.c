/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `cutoffd restore`, as a process, in a namespace that has no table: as after a reboot. */
#include "daemon/enforcer/compiled.h"

#include <sys/wait.h>

#include "daemon/enforcer/nft.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"

#define LISTING "TZ=UTC nft -n list table inet cutoffd 2>/dev/null"
#define RESTORE "%s/cutoffd restore --state %s -c %s/none.yaml 2>&1"

struct fixture {
	int home;
	char state[64];
	const char *build;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->build = getenv("BUILD") ? getenv("BUILD") : "build";
	snprintf(f->state, sizeof(f->state), "/tmp/restore_test.XXXXXX");
	assert_non_null(mkdtemp(f->state));
	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(unshare(CLONE_NEWNET), errno);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->home);
	run("rm -r %s", f->state);
	free(f);
	return 0;
}

/* All that a command says, to free(), and how it ended. */
__attribute__((format(printf, 2, 3))) static char *output_of(int *status, const char *format, ...)
{
	char command[1024], *text = NULL;
	size_t size = 0;
	va_list args;
	FILE *pipe;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (getdelim(&text, &size, '\0', pipe) < 0) {
		free(text);
		text = strdup("");
	}
	*status = WEXITSTATUS(pclose(pipe));
	return text;
}

static char *listing(void)
{
	int status;

	return output_of(&status, LISTING);
}

static void assert_restores(const struct fixture *f, int want, const char *says)
{
	int status;
	char *text = output_of(&status, RESTORE, f->build, f->state, f->state);

	if (status != want || !strstr(text, says))
		fail_msg("status %d: %s", status, text);
	free(text);
}

static void fill(struct sample *sample)
{
	sample_fill(sample, MODE_ENFORCE, (struct wall){1727582400 * CLOCK_SECOND},
		    (struct wall){1735689600 * CLOCK_SECOND});
	sample_complete(sample);
	sample->policy.offset_ns = -3600 * CLOCK_SECOND;
}

/* The table that nft_apply makes of the sample, which was saved; to free(). A process that ends
 * gives its table up, and the next namespace has none. */
static char *apply_and_leave(const struct fixture *f)
{
	struct ruleset *ruleset;
	char error[NFT_ERROR], *text;
	struct sample sample;
	struct nft *nft;

	fill(&sample);
	assert_int_equal(compiled_save(f->state, &sample.policy, &sample_options, f->state), 0);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	nft = nft_open(error);
	assert_non_null(nft);
	assert_int_equal(nft_apply(nft, ruleset, error), 0);
	ruleset_free(ruleset);
	nft_close(nft);
	text = listing();
	assert_return_code(unshare(CLONE_NEWNET), errno);
	return text;
}

static void test_the_very_same_table(void **state)
{
	struct fixture *f = *state;
	char *before = apply_and_leave(f), *none = listing(), *after, *again;

	assert_string_equal(none, "");
	assert_non_null(strstr(before, "chain acme_updates"));
	assert_restores(f, 0, "3 stages, mode enforce, rehearsed at a shifted time");
	after = listing();
	assert_string_equal(after, before);
	assert_restores(f, 0, "3 stages");
	again = listing();
	assert_string_equal(again, before);
	free(again);
	free(after);
	free(none);
	free(before);
}

static void test_a_living_owner_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct sample sample;
	struct ruleset *ruleset;
	char error[NFT_ERROR], *before = apply_and_leave(f), *owned, *after;
	struct nft *nft = nft_open(error);

	assert_non_null(nft);
	if (!nft_has_owner(nft)) {
		nft_close(nft);
		free(before);
		skip();
	}
	fill(&sample);
	sample.policy.mode = MODE_OBSERVE;
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	assert_int_equal(nft_apply(nft, ruleset, error), 0);
	owned = listing();
	assert_restores(f, 1, "belongs to another running process");
	after = listing();
	assert_string_equal(after, owned);
	ruleset_free(ruleset);
	nft_close(nft);
	free(after);
	free(owned);
	free(before);
}

static void test_a_held_lock_is_respected(void **state)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct fixture *f = *state;
	char path[96], *none;
	int fd;

	free(apply_and_leave(f));
	snprintf(path, sizeof(path), "%s/cutoffd.lock", f->state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fcntl(fd, F_SETLK, &lock), errno);
	assert_restores(f, 1, "another cutoffd");
	close(fd);
	none = listing();
	assert_string_equal(none, "");
	free(none);
	assert_restores(f, 0, "in force");
}

static void test_disarmed_stays_so(void **state)
{
	struct fixture *f = *state;
	char *none;

	free(apply_and_leave(f));
	run("touch %s/disarmed", f->state);
	assert_restores(f, 0, "/disarmed: `cutoffd stop-enforcing` was ordered");
	none = listing();
	assert_string_equal(none, "");
	free(none);
}

/* Nothing half: neither the saved one nor a policy that has errors. */
static void test_damage_without_settings_fails(void **state)
{
	struct fixture *f = *state;
	char *none;

	free(apply_and_leave(f));
	run("sed -i 's/enforce/observe/' %s/compiled", f->state);
	assert_restores(f, 1, "/compiled: damaged: its sum is another; compiling");
	none = listing();
	assert_string_equal(none, "");
	free(none);
}

static void test_without_the_capability(void **state)
{
	struct fixture *f = *state;
	int status;
	char *text;

	free(apply_and_leave(f));
	text = output_of(&status,
			 "setpriv --bounding-set=-net_admin --inh-caps=-net_admin " RESTORE,
			 f->build, f->state, f->state);
	assert_int_equal(status, 1);
	assert_non_null(strstr(text, "CAP_NET_ADMIN is missing"));
	free(text);
}

/* Nothing else is needed, neither to write files of others nor to change user. */
static void test_one_capability_is_enough(void **state)
{
	struct fixture *f = *state;
	int status;
	char *text;

	free(apply_and_leave(f));
	text = output_of(&status, "setpriv --bounding-set=-all,+net_admin --inh-caps=-all " RESTORE,
			 f->build, f->state, f->state);
	if (status != 0)
		fail_msg("%s", text);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_very_same_table),		  TEST(test_a_living_owner_is_left_alone),
		TEST(test_a_held_lock_is_respected),	  TEST(test_disarmed_stays_so),
		TEST(test_damage_without_settings_fails), TEST(test_without_the_capability),
		TEST(test_one_capability_is_enough),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
