/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/enforcer.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/enforcer/enforcer_internal.h"
#include "daemon/enforcer/instance.h"
#include "daemon/enforcer/numbers_file.h"
#include "daemon/enforcer/unlatch.h"
#include "daemon/log.h"
#include "daemon/policy/stage.h"
#include "daemon/sandbox.h"

/* The kernel acts at the instant itself; its event follows. */
#define STAGE_MARGIN_NS (10 * CLOCK_MILLISECOND)

/* ---- timers ---- */

/* when: "has come", or that it came while nobody was here to tell. */
static void tell_of_stage(struct enforcer *enforcer, const struct policy_stage *stage,
			  const char *when)
{
	const struct policy *policy = enforcer->site->policy;
	const struct policy_class *class = policy_class_find(policy, stage->class);

	log_notice("stage", "%s/%s: cutoff of %s.%s (scope %s) %s; %s", stage->measure,
		   stage->stage, class->vendor, class->service, policy->scopes[stage->scope].name,
		   when, policy->mode == MODE_ENFORCE ? "it is refused now" : "observed only");
	roles_notice(enforcer, NOTICE_STAGE, stage, "the cutoff %s; %s", when,
		     policy->mode == MODE_ENFORCE ? "it took effect" : "the mode is observe");
}

static void tell_of_stages_in_force(struct enforcer *enforcer)
{
	const struct policy *policy = enforcer->site->policy;

	for (size_t i = 0; i < policy->stages_count; i++)
		if (stage_in_force(&policy->stages[i], site_now(enforcer->site, enforcer->started)))
			tell_of_stage(enforcer, &policy->stages[i], "came before this start");
}

static void tell_of_stages(struct enforcer *enforcer)
{
	const struct policy *policy = enforcer->site->policy;
	struct wall now = clock_wall();

	for (size_t i = 0; i < policy->stages_count; i++)
		if (stage_began_between(&policy->stages[i], policy->offset_ns,
					enforcer->stages_seen, now))
			tell_of_stage(enforcer, &policy->stages[i], "has come");
	if (wall_before(enforcer->stages_seen, now))
		enforcer->stages_seen = now;
}

static int on_stage_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct enforcer *enforcer = context;

	(void)source;
	(void)usec;
	latching_sync(enforcer); /* to disk before it is told */
	tell_of_stages(enforcer);
	enforcer_arm_stage_timer(enforcer);
	return 0;
}

void enforcer_arm_stage_timer(struct enforcer *enforcer)
{
	struct wall now = site_now(enforcer->site, clock_wall());
	struct wall next = policy_next_change(enforcer->site->policy, now);
	struct wall real;
	int r = 0;

	enforcer->stage_timer = sd_event_source_disable_unref(enforcer->stage_timer);
	if (next.ns == WALL_NEVER.ns)
		return;
	real = wall_add(next, STAGE_MARGIN_NS - enforcer->site->policy->offset_ns);
	if (real.ns < 0)
		real.ns = 0;
	r = sd_event_add_time(enforcer->loop, &enforcer->stage_timer, CLOCK_REALTIME,
			      (uint64_t)real.ns / 1000, 1, on_stage_timer, enforcer);
	if (r < 0)
		log_error("stage", "no timer for the next cutoff's event: %s", strerror(-r));
}

static int on_conntrack_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct enforcer *enforcer = context;

	(void)source;
	(void)usec;
	conntrack_work(enforcer->conntrack, clock_mono());
	enforcer_arm_conntrack_timer(enforcer);
	return 0;
}

void enforcer_arm_conntrack_timer(struct enforcer *enforcer)
{
	struct mono at;
	int r;

	if (!conntrack_deadline(enforcer->conntrack, &at))
		return;
	r = sd_event_source_set_time(enforcer->conntrack_timer, (uint64_t)at.ns / 1000);
	if (r >= 0)
		r = sd_event_source_set_enabled(enforcer->conntrack_timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("conntrack", "no timer for retries: %s", strerror(-r));
}

static int on_conntrack_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct enforcer *enforcer = context;

	(void)source;
	(void)fd;
	(void)events;
	conntrack_work(enforcer->conntrack, clock_mono());
	enforcer_arm_conntrack_timer(enforcer);
	return 0;
}

static int on_second(sd_event_source *source, uint64_t usec, void *context)
{
	struct enforcer *enforcer = context;

	roles_check(enforcer, clock_mono());
	sd_event_source_set_time(source, usec + 1000000);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	enforcer_reload(context);
	return 0;
}

/* ---- drift ---- */

static const struct ruleset *desired_ruleset(void *context)
{
	const struct enforcer *enforcer = context;

	return enforcer->site->ruleset;
}

static int apply_desired(void *context, char error[NFT_ERROR])
{
	struct enforcer *enforcer = context;

	return latching_apply(enforcer, enforcer->site, error);
}

static void tell_of_drift(void *context, enum notice_kind kind, const char *text)
{
	roles_notice(context, kind, NULL, "%s", text);
}

static int watch_drift(struct enforcer *enforcer)
{
	const struct drift_settings settings = {.loop = enforcer->loop,
						.nft = enforcer->nft,
						.interval_ns = DRIFT_INTERVAL_NS,
						.desired = desired_ruleset,
						.apply = apply_desired,
						.tell = tell_of_drift,
						.context = enforcer};
	char error[NFT_ERROR];
	int r;

	if (!enforcer->nft)
		return 0;
	r = drift_new(&enforcer->drift, &settings, error);
	if (r != 0)
		log_error("drift", "%s", error[0] ? error : strerror(-r));
	return r;
}

/* ---- start and end ---- */

void enforcer_tell_ready(struct enforcer *enforcer)
{
	if (enforcer->told_ready || !enforcer->sensor_ready || !enforcer->recorder_ready)
		return;
	enforcer->told_ready = true;
	log_notice("enforcer", "running: %zu stages armed, mode %s",
		   enforcer->site->policy->stages_count, mode_name(enforcer->site->policy->mode));
	sd_notify(0, "READY=1\nSTATUS=running");
}

/* What only a replay can do without. */
static int check_interfaces(const struct settings *settings)
{
	if (settings->interfaces_count > 0)
		return 0;
	log_error("enforcer", "%s: no interface to watch; write `interfaces: [NAME]`",
		  settings->path);
	return -EINVAL;
}

/* On a mirror port nothing is enforced. */
static int check_capabilities(const struct settings *settings)
{
	static const struct {
		int capability;
		const char *name, *what;
	} needed[] = {
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "to program the kernel's ruleset"},
		{CAP_NET_RAW, "CAP_NET_RAW", "to capture packets"},
		{CAP_SETUID, "CAP_SETUID", "to give the other roles users of their own"},
		{CAP_SETGID, "CAP_SETGID", "to give the other roles groups of their own"},
	};
	int missing = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (sandbox_has_capability(needed[i].capability) ||
		    (needed[i].capability == CAP_NET_ADMIN && settings->capture == CAPTURE_TAP))
			continue;
		log_error("enforcer",
			  "%s is missing (%s); run it as root, or as the unit file does",
			  needed[i].name, needed[i].what);
		missing = -EPERM;
	}
	return missing;
}

/* Those that the unit file gives: with CAP_KILL for roles of other users, CAP_CHOWN for the event
 * file that the recorder is to have. */
static int keep_capabilities(void)
{
	static const int kept[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_SETUID,
				   CAP_SETGID,	  CAP_KILL,    CAP_CHOWN};
	int r = sandbox_keep(kept, sizeof(kept) / sizeof(kept[0]));

	if (r != 0)
		log_error("enforcer", "capabilities cannot be given up: %s", strerror(-r));
	return r;
}

static int open_kernel(struct enforcer *enforcer)
{
	char error[NFT_ERROR];
	int r;

	if (enforcer->site->settings->capture == CAPTURE_TAP)
		return latching_open(enforcer);
	enforcer->nft = nft_open(error);
	if (!enforcer->nft) {
		log_error("nft", "%s", error);
		return -EIO;
	}
	r = latching_open(enforcer);
	if (r != 0)
		return r;
	r = latching_apply(enforcer, enforcer->site, error);
	if (r != 0) {
		log_error("nft", "%s", error);
		return r;
	}
	enforcer->conntrack = conntrack_open(error);
	if (!enforcer->conntrack) {
		log_error("conntrack", "%s", error);
		return -EIO;
	}
	return 0;
}

static int add_sources(struct enforcer *enforcer)
{
	sd_event *loop = enforcer->loop;
	int r = sd_event_add_signal(loop, NULL, SIGTERM, NULL, NULL);

	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGHUP, on_hangup, enforcer);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &enforcer->second_timer, CLOCK_BOOTTIME,
					       1000000, 100000, on_second, enforcer);
	if (r >= 0)
		r = sd_event_source_set_enabled(enforcer->second_timer, SD_EVENT_ON);
	if (r >= 0 && enforcer->conntrack)
		r = sd_event_add_io(loop, &enforcer->conntrack_io,
				    conntrack_fd(enforcer->conntrack), EPOLLIN, on_conntrack_io,
				    enforcer);
	if (r >= 0)
		r = sd_event_add_time(loop, &enforcer->conntrack_timer, CLOCK_BOOTTIME, 0, 1,
				      on_conntrack_timer, enforcer);
	if (r >= 0)
		r = sd_event_source_set_enabled(enforcer->conntrack_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_set_watchdog(loop, true);
	return r < 0 ? r : 0;
}

/* Children's ends and our own signals come through the loop only; an order may come as soon as the
 * lock is held. */
static void block_signals(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, UNLATCH_SIGNAL);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int make_loop(struct enforcer *enforcer)
{
	int r = sd_event_default(&enforcer->loop);

	return r < 0 ? r : 0;
}

static int take_instance(struct enforcer *enforcer, const struct settings *settings)
{
	char error[INSTANCE_ERROR];
	int r = instance_take(settings->runtime, settings->state, error);

	if (r == 0)
		r = enforcer->control_socket = instance_control_socket(settings->runtime, error);
	if (r < 0)
		log_error("enforcer", "%s", error);
	else
		r = numbers_file_load(enforcer->numbers, settings->state);
	return r;
}

/* In this order: what fails first costs least. The ruleset is in force before the first packet is
 * looked at. */
static int start(struct enforcer *enforcer)
{
	struct settings *settings = site_settings(enforcer->config);
	int r;

	if (!settings)
		return -EINVAL;
	r = check_interfaces(settings);
	if (r == 0)
		r = check_capabilities(settings);
	if (r == 0)
		r = take_instance(enforcer, settings);
	if (r == 0)
		r = keep_capabilities();
	if (r != 0) {
		settings_free(settings);
		return r;
	}
	enforcer->started = clock_wall();
	enforcer->site = site_new(settings, enforcer->numbers, enforcer->started);
	if (!enforcer->site)
		return -EINVAL;
	enforcer->stages_seen = enforcer->started;
	r = numbers_file_save(enforcer->numbers, enforcer->site->settings->state);
	if (r == 0)
		r = instance_arm(enforcer->site->settings->state);
	if (r == 0)
		r = make_loop(enforcer);
	if (r == 0)
		r = open_kernel(enforcer);
	if (r == 0)
		site_keep(enforcer->site, enforcer->numbers);
	if (r == 0)
		r = add_sources(enforcer);
	if (r == 0)
		r = watch_drift(enforcer);
	if (r == 0)
		r = roles_start(enforcer);
	if (r == 0)
		r = latching_start(enforcer);
	if (r == 0) {
		tell_of_stages_in_force(enforcer);
		enforcer_arm_stage_timer(enforcer);
	}
	return r;
}

static void stop(struct enforcer *enforcer)
{
	sd_notify(0, "STOPPING=1");
	latching_close(enforcer);
	roles_stop(enforcer);
	sd_event_source_disable_unref(enforcer->second_timer);
	sd_event_source_disable_unref(enforcer->conntrack_timer);
	sd_event_source_disable_unref(enforcer->conntrack_io);
	sd_event_source_disable_unref(enforcer->stage_timer);
	sd_event_source_disable_unref(enforcer->reload_timer);
	drift_free(enforcer->drift);
	if (enforcer->conntrack)
		conntrack_close(enforcer->conntrack);
	if (enforcer->nft)
		nft_close(enforcer->nft);
	sd_event_unref(enforcer->loop);
	if (enforcer->control_socket >= 0)
		close(enforcer->control_socket);
	site_free(enforcer->site);
	numbers_free(enforcer->numbers);
	free(enforcer);
}

int enforcer_run(const char *config)
{
	struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
	int r;

	if (!enforcer)
		return EXIT_FAILURE;
	log_open("enforcer", LOG_LEVEL_INFO);
	block_signals();
	enforcer->config = config;
	enforcer->numbers = numbers_new();
	enforcer->control_socket = enforcer->events[0] = enforcer->events[1] = -1;
	r = start(enforcer);
	if (r == 0) {
		r = sd_event_loop(enforcer->loop);
		enforcer->disarmed = instance_is_disarmed(enforcer->site->settings->state);
		log_notice("enforcer", "ends; %s",
			   enforcer->disarmed ? "stop-enforcing removes its table"
					      : "what is cut stays cut by the kernel's table");
	}
	stop(enforcer);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
