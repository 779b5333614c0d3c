/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd stop-enforcing`: the emergency way out. Must work when the settings are broken and when
 * no enforcer runs.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/enforcer/enforcer.h"
#include "daemon/enforcer/instance.h"
#include "daemon/enforcer/nft.h"
#include "daemon/enforcer/site.h"

#define END_MS 10000

/* Its end, not just the signal's delivery. */
static int end_process(pid_t pid)
{
	int fd = pidfd_open(pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	int r = 0;

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) != 0)
		r = errno == ESRCH ? 0 : -errno;
	else if (poll(&ended, 1, END_MS) <= 0)
		r = -ETIMEDOUT;
	close(fd);
	return r;
}

static int remove_table(void)
{
	char error[NFT_ERROR];
	struct nft *nft = nft_open(error);
	int r = nft ? nft_remove(nft, error) : -EIO;

	if (r < 0)
		fprintf(stderr, "cutoffd: %s\n", error);
	else if (r == 0)
		puts("there is no table inet " RULESET_TABLE ": nothing was refused");
	else
		puts("table inet " RULESET_TABLE " is removed: nothing is refused any more");
	if (nft)
		nft_close(nft);
	return r < 0 ? r : 0;
}

/* Before anything else, so that the enforcer's last event says why it ends. */
static void remember(const char *state)
{
	int r = instance_disarm(state);

	if (r != 0)
		fprintf(stderr,
			"cutoffd: warning: %s/disarmed: %s; without it, the next boot arms the "
			"gateway again\n",
			state, strerror(-r));
}

static int stop(const char *runtime, const char *state)
{
	pid_t holder;
	int r;

	remember(state);
	holder = instance_holder(runtime);
	r = holder > 0 ? end_process(holder) : 0;
	if (r == 0)
		return remove_table();
	fprintf(stderr, "cutoffd: process %d does not end: %s\n", (int)holder, strerror(-r));
	return r;
}

int enforcer_stop(const char *config)
{
	struct settings *settings;
	const char *runtime = "/run/cutoffd", *state = "/var/lib/cutoffd";
	int r;

	if (geteuid() != 0) {
		fputs("cutoffd: stop-enforcing is root's order only\n", stderr);
		return EXIT_FAILURE;
	}
	settings = site_settings(config);
	if (settings) {
		runtime = settings->runtime;
		state = settings->state;
	} else {
		fprintf(stderr, "cutoffd: warning: the settings cannot be read; taking %s and %s\n",
			runtime, state);
	}
	r = stop(runtime, state);
	settings_free(settings);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
