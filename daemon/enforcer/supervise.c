/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/log.h"

#define SHORT_LIFE (2 * CLOCK_SECOND)
#define SHORT_LIVES_MAX 3
#define BACKOFF_MAX_SECONDS 30
#define DESCRIPTORS 3

struct child {
	struct child_spec spec;
	struct child_handler handler;
	char *arguments[CHILD_ARGUMENTS + 1];
	struct sandbox_user user;
	sd_event *loop;
	sd_event_source *exit_source, *channel_source, *restart_source;
	pid_t pid;
	int channel;
	unsigned int restarts, short_lives;
	struct mono started;
};

/* ---- starting ---- */

/* In the child, between fork and exec: says why on standard error, which is the log. */
static void fail_start(const char *what, int error)
{
	log_error("supervise", "%s: %s", what, strerror(error));
	_exit(126);
}

static void become_role(const struct child *child, int channel)
{
	const int fds[DESCRIPTORS] = {channel, child->spec.descriptors[0],
				      child->spec.descriptors[1]};
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = sandbox_descriptors(fds, DESCRIPTORS);
	if (r != 0)
		fail_start("descriptors", -r);
	r = sandbox_become(&child->user, child->spec.keep_net_raw);
	if (r != 0)
		fail_start("cannot become the role's user", -r);
	execv("/proc/self/exe", child->arguments);
	fail_start("exec", errno);
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *context);
static int on_channel(sd_event_source *source, int fd, uint32_t events, void *context);
static int on_restart(sd_event_source *source, uint64_t usec, void *context);

static int watch_child(struct child *child)
{
	int r = sd_event_add_child(child->loop, &child->exit_source, child->pid, WEXITED, on_end,
				   child);

	if (r >= 0)
		r = sd_event_add_io(child->loop, &child->channel_source, child->channel, EPOLLIN,
				    on_channel, child);
	if (r >= 0)
		r = sd_event_source_set_priority(child->channel_source, child->spec.priority);
	return r < 0 ? r : 0;
}

static int child_start(struct child *child)
{
	int pair[2], r = channel_pair(pair);

	if (r != 0)
		return r;
	child->pid = fork();
	if (child->pid == 0)
		become_role(child, pair[1]);
	r = child->pid < 0 ? -errno : 0;
	close(pair[1]);
	child->channel = pair[0];
	child->started = clock_mono();
	if (r == 0)
		r = watch_child(child);
	if (r == 0)
		child->handler.started(child->handler.context, child, child->channel);
	return r;
}

/* ---- ending ---- */

static void unwatch(struct child *child)
{
	child->exit_source = sd_event_source_disable_unref(child->exit_source);
	child->channel_source = sd_event_source_disable_unref(child->channel_source);
	if (child->channel >= 0)
		close(child->channel);
	child->channel = -1;
	child->pid = 0;
}

/* Closing its channel is the order to end. */
static void await_end(pid_t pid, int patience_ms)
{
	int fd = pidfd_open(pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};

	if (fd < 0 || poll(&ended, 1, patience_ms) <= 0)
		kill(pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	waitpid(pid, NULL, 0);
}

/* Nobody else waits for a process that is not watched any more. */
static void end_process(struct child *child, int patience_ms)
{
	pid_t pid = child->pid;

	unwatch(child);
	if (pid > 0)
		await_end(pid, patience_ms);
}

static void describe_end(const siginfo_t *info, char *why, size_t size)
{
	if (info->si_code == CLD_EXITED)
		snprintf(why, size, "exit status %d", info->si_status);
	else
		snprintf(why, size, "killed by signal %d (%s)", info->si_status,
			 strsignal(info->si_status));
}

/* Seconds to wait before the next start: none for a role that lived, doubling for one that does
 * not. */
static unsigned int backoff(struct child *child)
{
	unsigned int doublings;

	if (clock_mono().ns - child->started.ns >= SHORT_LIFE) {
		child->short_lives = 0;
		return 0;
	}
	child->short_lives++;
	if (child->short_lives < SHORT_LIVES_MAX)
		return 0;
	doublings = child->short_lives - SHORT_LIVES_MAX;
	return doublings >= 5 ? BACKOFF_MAX_SECONDS : 1U << doublings;
}

static void restart_later(struct child *child, unsigned int seconds)
{
	uint64_t usec = (uint64_t)seconds * 1000000;
	int r;

	child->restart_source = sd_event_source_disable_unref(child->restart_source);
	r = sd_event_add_time_relative(child->loop, &child->restart_source, CLOCK_BOOTTIME, usec, 1,
				       on_restart, child);
	if (r < 0)
		log_error("supervise", "%s cannot be started again: %s", child->spec.verb,
			  strerror(-r));
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct child *child = context;
	unsigned int seconds = backoff(child);
	char why[96];

	(void)source;
	describe_end(info, why, sizeof(why));
	log_warning("supervise", "%s %d (process %d) ended: %s; %s", child->spec.verb,
		    child->spec.index, (int)child->pid, why,
		    seconds == 0 ? "starting another" : "starting another later");
	unwatch(child);
	child->handler.ended(child->handler.context, child, why, seconds > 0);
	restart_later(child, seconds);
	return 0;
}

static int on_restart(sd_event_source *source, uint64_t usec, void *context)
{
	struct child *child = context;
	int r;

	(void)source;
	(void)usec;
	child->restarts++;
	r = child_start(child);
	if (r == 0)
		return 0;
	log_error("supervise", "%s %d does not start: %s", child->spec.verb, child->spec.index,
		  strerror(-r));
	end_process(child, 0);
	restart_later(child, BACKOFF_MAX_SECONDS);
	return 0;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct child *child = context;

	child->handler.readable(child->handler.context, child, fd);
	/* The end of the channel is no event of its own: the exit of the process is. */
	if (child->channel_source == source && (events & (EPOLLHUP | EPOLLERR)))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/* ---- life ---- */

static int copy_arguments(struct child *child)
{
	size_t n = 0;

	if (asprintf(&child->arguments[n++], "cutoffd") < 0 ||
	    asprintf(&child->arguments[n++], "%s", child->spec.verb) < 0 ||
	    asprintf(&child->arguments[n++], "%d", child->spec.index) < 0 ||
	    asprintf(&child->arguments[n++], "%d", (int)getpid()) < 0)
		return -ENOMEM;
	for (size_t i = 0; child->spec.arguments[i]; i++) {
		if (n == CHILD_ARGUMENTS)
			return -E2BIG;
		if (asprintf(&child->arguments[n++], "%s", child->spec.arguments[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct child *child_new(sd_event *loop, const struct child_spec *spec,
			const struct child_handler *handler)
{
	struct child *child = calloc(1, sizeof(*child));
	int r;

	if (!child)
		return NULL;
	child->spec = *spec;
	child->handler = *handler;
	child->loop = sd_event_ref(loop);
	child->channel = -1;
	child->user = sandbox_user(spec->role);
	r = copy_arguments(child);
	if (child->user.fallback)
		log_notice("supervise", "no user of its own for the %s: it runs as nobody",
			   spec->verb);
	if (r == 0)
		r = child_start(child);
	if (r == 0)
		return child;
	log_error("supervise", "%s %d does not start: %s", spec->verb, spec->index, strerror(-r));
	child_free(child, 0);
	return NULL;
}

void child_free(struct child *child, int patience_ms)
{
	if (!child)
		return;
	sd_event_source_disable_unref(child->restart_source);
	end_process(child, patience_ms);
	for (size_t i = 0; i <= CHILD_ARGUMENTS; i++)
		free(child->arguments[i]);
	sd_event_unref(child->loop);
	free(child);
}

void child_signal(struct child *child, int signal)
{
	if (child->pid > 0)
		kill(child->pid, signal);
}

void child_kill(struct child *child)
{
	child_signal(child, SIGKILL);
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

int child_channel(const struct child *child)
{
	return child->channel;
}

int child_index(const struct child *child)
{
	return child->spec.index;
}

unsigned int child_restarts(const struct child *child)
{
	return child->restarts;
}
