/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "daemon/enforcer/supervise.h"

static void set_child_signal(int how)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	assert_int_equal(sigprocmask(how, &child, NULL), 0);
}

static void ignore_channel(void *context, struct child *child, int channel)
{
	(void)context;
	(void)child;
	(void)channel;
}

/* sd_event_add_child refuses to watch a process while the signal is not blocked. */
static void forbid_watching(void *context, struct child *child, const char *why, bool crashing)
{
	(void)context;
	(void)child;
	(void)why;
	(void)crashing;
	set_child_signal(SIG_UNBLOCK);
}

static void test_start_that_fails_leaves_no_process(void **state)
{
	const char *const arguments[] = {NULL};
	const struct child_handler handler = {ignore_channel, ignore_channel, forbid_watching,
					      NULL};
	const struct child_spec spec = {
		.role = SANDBOX_RECORDER,
		.verb = "recorder",
		.arguments = arguments,
		.descriptors = {-1, -1},
	};
	struct child *child;
	sd_event *loop;

	(void)state;
	assert_int_equal(sd_event_new(&loop), 0);
	set_child_signal(SIG_BLOCK);
	child = child_new(loop, &spec, &handler);
	assert_non_null(child);
	for (int i = 0; i < 10 && child_restarts(child) == 0; i++)
		assert_true(sd_event_run(loop, 1000000) >= 0);
	assert_int_equal(child_restarts(child), 1);
	assert_int_equal(child_channel(child), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	child_free(child, 0);
	sd_event_unref(loop);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_that_fails_leaves_no_process),
	};

	(void)argv;
	if (argc > 1) /* this program as the role, which ends at once */
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
