/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sensors and recorder: what they are told, and what becomes of what they say. A message of theirs
 * is not trusted: channel.c has checked its form, here its meaning is checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "classifiers/evidence.h"
#include "daemon/enforcer/enforcer_internal.h"
#include "daemon/log.h"

#define SENSOR_SILENCE (5 * CLOCK_SECOND)
#define SENSOR_END_MS 1000
#define RECORDER_END_MS 3000
#define MESSAGES_A_ROUND 256

static void log_lost(const char *who, int error)
{
	if (error != 0 && error != -EPIPE)
		log_warning("roles", "a message for the %s is lost: %s", who, strerror(-error));
}

/* ---- telling ---- */

void roles_notice(struct enforcer *enforcer, enum notice_kind kind,
		  const struct policy_stage *stage, const char *format, ...)
{
	struct event_notice *notice = &enforcer->message.u.notice;
	const struct policy_class *class;
	va_list args;

	if (!enforcer->recorder || child_channel(enforcer->recorder) < 0)
		return;
	memset(notice, 0, sizeof(*notice));
	enforcer->message.type = CHANNEL_NOTICE;
	notice->at = clock_wall();
	notice->kind = kind;
	va_start(args, format);
	vsnprintf(notice->text, sizeof(notice->text), format, args);
	va_end(args);
	if (stage) {
		class = policy_class_find(enforcer->site->policy, stage->class);
		snprintf(notice->measure, sizeof(notice->measure), "%s", stage->measure);
		snprintf(notice->stage, sizeof(notice->stage), "%s", stage->stage);
		snprintf(notice->vendor, sizeof(notice->vendor), "%s", class->vendor);
		snprintf(notice->service, sizeof(notice->service), "%s", class->service);
		notice->cutoff = stage->cutoff;
	}
	log_lost("recorder",
		 channel_send(child_channel(enforcer->recorder), &enforcer->message, -1));
}

static void configure_sensor(struct enforcer *enforcer, int channel)
{
	const struct settings *settings = enforcer->site->settings;

	enforcer->message.type = CHANNEL_CONFIGURE;
	enforcer->message.u.configure = (struct channel_configure){
		.generation = enforcer->generation,
		.prefix_over_name = settings->conflict == CONFLICT_PREFIX,
		.report = enforcer->conntrack != NULL,
	};
	log_lost("sensor", channel_send(channel, &enforcer->message, enforcer->site->catalogue));
}

static void configure_recorder(struct enforcer *enforcer, int channel)
{
	enforcer->message.type = CHANNEL_POLICY;
	log_lost("recorder",
		 channel_send(channel, &enforcer->message, enforcer->site->policy_json));
}

void roles_configure(struct enforcer *enforcer)
{
	if (child_channel(enforcer->sensor) >= 0)
		configure_sensor(enforcer, child_channel(enforcer->sensor));
	if (child_channel(enforcer->recorder) >= 0)
		configure_recorder(enforcer, child_channel(enforcer->recorder));
}

/* ---- the sensor ---- */

/* The compromised sensor's worst: it can only ever name a class that the policy has, for a flow
 * whose server is not on the never-list. */
static bool report_allowed(const struct enforcer *enforcer, const struct channel_report *report)
{
	const struct policy *policy = enforcer->site->policy;

	return report->field >= FIELD_CLASS && policy_class_find(policy, report->field) &&
	       !prefix_any_contains(policy->never, policy->never_count, &report->server) &&
	       !prefix_any_contains(policy->never, policy->never_count, &report->client);
}

static void take_report(struct enforcer *enforcer, const struct channel_report *report)
{
	uint32_t mask = enforcer->site->settings->mask;
	struct conntrack_flow flow = {
		.client = report->client,
		.server = report->server,
		.client_port = report->client_port,
		.server_port = report->server_port,
		.protocol = report->protocol,
	};

	enforcer->reports++;
	if (!enforcer->conntrack || !report_allowed(enforcer, report)) {
		enforcer->reports_refused++;
		return;
	}
	conntrack_mark(enforcer->conntrack, &flow, ruleset_mark(mask, report->field), mask,
		       clock_mono());
	enforcer_arm_conntrack_timer(enforcer);
}

static void sensor_started(void *context, struct child *child, int channel)
{
	struct enforcer *enforcer = context;

	(void)child;
	enforcer->sensor_alive_at = clock_mono();
	configure_sensor(enforcer, channel);
}

/* false: a message that a sensor has no business to send. */
static bool take_sensor_message(struct enforcer *enforcer)
{
	switch ((enum channel_type)enforcer->message.type) {
	case CHANNEL_READY:
		enforcer->sensor_ready = true;
		enforcer_tell_ready(enforcer);
		return true;
	case CHANNEL_REPORT:
		take_report(enforcer, &enforcer->message.u.report);
		return true;
	case CHANNEL_ALIVE:
		enforcer->sensor_alive = enforcer->message.u.alive;
		enforcer->sensor_alive_at = clock_mono();
		return true;
	case CHANNEL_CONFIGURE:
	case CHANNEL_FLOW:
	case CHANNEL_POLICY:
	case CHANNEL_NOTICE:
	case CHANNEL_STATUS_WANTED:
	case CHANNEL_STATUS:
	case CHANNEL_RELOAD:
		return false;
	}
	return false;
}

/* Reads what there is, within a round; a breach of the protocol ends the child. */
static void read_channel(struct enforcer *enforcer, struct child *child, int channel,
			 bool (*take)(struct enforcer *enforcer))
{
	int r = 1, fd;

	for (int i = 0; i < MESSAGES_A_ROUND && r == 1; i++) {
		r = channel_receive(channel, &enforcer->message, &fd);
		if (fd >= 0) {
			close(fd); /* nobody sends us one */
			r = -EPROTO;
		}
		if (r == 1 && !take(enforcer))
			r = -EPROTO;
	}
	if (r != -EPROTO)
		return;
	log_error("roles", "process %d broke the protocol; it is ended", (int)child_pid(child));
	child_kill(child);
}

static void sensor_readable(void *context, struct child *child, int channel)
{
	read_channel(context, child, channel, take_sensor_message);
}

static void sensor_ended(void *context, struct child *child, const char *why, bool crashing)
{
	struct enforcer *enforcer = context;

	roles_notice(enforcer, crashing ? NOTICE_ALARM : NOTICE_SENSOR, NULL,
		     "sensor %d ended: %s%s", child_index(child), why,
		     crashing ? ", time and again" : "");
}

void roles_check(struct enforcer *enforcer, struct mono now)
{
	if (child_channel(enforcer->sensor) < 0 ||
	    now.ns - enforcer->sensor_alive_at.ns < SENSOR_SILENCE)
		return;
	log_error("roles", "the sensor has been silent for %d s; it is ended",
		  (int)(SENSOR_SILENCE / CLOCK_SECOND));
	enforcer->sensor_alive_at = now;
	child_kill(enforcer->sensor);
}

/* ---- the recorder ---- */

static void recorder_started(void *context, struct child *child, int channel)
{
	(void)child;
	configure_recorder(context, channel);
}

static void send_status(struct enforcer *enforcer)
{
	json_t *status = enforcer_status(enforcer);
	int fd = channel_json_fd(status);

	json_decref(status);
	if (fd < 0) {
		log_lost("recorder", fd);
		return;
	}
	enforcer->message.type = CHANNEL_STATUS;
	log_lost("recorder",
		 channel_send(child_channel(enforcer->recorder), &enforcer->message, fd));
	close(fd);
}

static bool take_recorder_message(struct enforcer *enforcer)
{
	switch ((enum channel_type)enforcer->message.type) {
	case CHANNEL_READY:
		enforcer->recorder_ready = true;
		enforcer_tell_ready(enforcer);
		return true;
	case CHANNEL_STATUS_WANTED:
		enforcer->status_wanted = true;
		return true;
	case CHANNEL_RELOAD:
		enforcer_reload_soon(enforcer);
		return true;
	case CHANNEL_CONFIGURE:
	case CHANNEL_REPORT:
	case CHANNEL_ALIVE:
	case CHANNEL_FLOW:
	case CHANNEL_POLICY:
	case CHANNEL_NOTICE:
	case CHANNEL_STATUS:
		return false;
	}
	return false;
}

static void recorder_readable(void *context, struct child *child, int channel)
{
	struct enforcer *enforcer = context;

	enforcer->status_wanted = false;
	read_channel(enforcer, child, channel, take_recorder_message);
	if (enforcer->status_wanted)
		send_status(enforcer);
}

/* The recorder may not be allowed to make a file where the operator wants it: it is made for it
 * once. O_EXCL follows no link, so a directory of the recorder's own leads nowhere else. */
static void make_events_file(const char *path)
{
	struct sandbox_user user = sandbox_user(SANDBOX_RECORDER);
	int fd;

	if (strcmp(path, "-") == 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EEXIST)
		log_warning("roles", "%s: %s; events may be lost", path, strerror(errno));
	if (fd < 0)
		return;
	if (fchown(fd, user.uid, user.gid) != 0)
		log_warning("roles", "%s: cannot be given to the recorder: %s", path,
			    strerror(errno));
	close(fd);
}

static void recorder_ended(void *context, struct child *child, const char *why, bool crashing)
{
	const struct enforcer *enforcer = context;

	(void)child;
	make_events_file(enforcer->site->settings->events); /* for the next one */
	log_error("roles", "the recorder ended: %s; events until its next start may be missing%s",
		  why, crashing ? "; it does not stay up" : "");
}

void roles_reopen_events(struct enforcer *enforcer)
{
	make_events_file(enforcer->site->settings->events);
	if (enforcer->recorder)
		child_signal(enforcer->recorder, SIGHUP);
}

/* ---- both ---- */

static int start_recorder(struct enforcer *enforcer)
{
	const char *arguments[] = {"--events", enforcer->site->settings->events, NULL};
	const struct child_handler handler = {recorder_started, recorder_readable, recorder_ended,
					      enforcer};
	const struct child_spec spec = {
		.role = SANDBOX_RECORDER,
		.verb = "recorder",
		.arguments = arguments,
		.descriptors = {enforcer->events[0], enforcer->control_socket},
	};

	make_events_file(enforcer->site->settings->events);
	enforcer->recorder = child_new(enforcer->loop, &spec, &handler);
	return enforcer->recorder ? 0 : -EIO;
}

static int start_sensor(struct enforcer *enforcer)
{
	const struct settings *settings = enforcer->site->settings;
	const char *arguments[CHILD_ARGUMENTS] = {NULL};
	const struct child_handler handler = {sensor_started, sensor_readable, sensor_ended,
					      enforcer};
	const struct child_spec spec = {
		.role = SANDBOX_SENSOR,
		.verb = "sensor",
		.priority = SD_EVENT_PRIORITY_IMPORTANT, /* before what anybody asks the recorder */
		.arguments = arguments,
		.keep_net_raw = true,
		.descriptors = {enforcer->events[1], -1},
	};

	for (size_t i = 0; i < settings->interfaces_count && i < CHILD_ARGUMENTS - 1; i++)
		arguments[i] = settings->interfaces[i];
	enforcer->sensor = child_new(enforcer->loop, &spec, &handler);
	return enforcer->sensor ? 0 : -EIO;
}

int roles_start(struct enforcer *enforcer)
{
	int r = channel_pair(enforcer->events);

	if (r == 0)
		r = start_recorder(enforcer);
	if (r == 0) {
		roles_notice(enforcer, NOTICE_START, NULL, "cutoffd " CUTOFFD_VERSION " started");
		r = start_sensor(enforcer);
	}
	return r;
}

void roles_stop(struct enforcer *enforcer)
{
	child_free(enforcer->sensor, SENSOR_END_MS);
	enforcer->sensor = NULL;
	if (enforcer->recorder)
		roles_notice(enforcer, NOTICE_STOP, NULL, "%s",
			     enforcer->disarmed ? "cutoffd stopped by stop-enforcing: its table is "
						  "removed, nothing is refused any more"
						: "cutoffd stopped; its table stays");
	/* With nobody left to speak, the recorder ends as soon as all is written. */
	for (int i = 0; i < 2; i++) {
		if (enforcer->events[i] >= 0)
			close(enforcer->events[i]);
		enforcer->events[i] = -1;
	}
	child_free(enforcer->recorder, RECORDER_END_MS);
	enforcer->recorder = NULL;
}
