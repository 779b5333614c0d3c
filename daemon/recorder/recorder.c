/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/log.h"
#include "daemon/recorder/control.h"
#include "daemon/recorder/event_file.h"
#include "daemon/recorder/losses.h"
#include "daemon/recorder/statistics.h"
#include "daemon/sandbox.h"

#define FLUSH_US 100000
/* How long sensors may still be heard after the enforcer has gone. */
#define DRAIN_US 2500000
#define CLIENT_IDLE_US 5000000
#define STATUS_US 2000000
/* Messages of one channel at a time, so that no sensor keeps the others waiting. */
#define BATCH 64

struct recorder {
	sd_event *event;
	sd_event_source *enforcer, *sensors, *flush, *hangup, *drain;
	struct event_file *file;
	struct statistics *statistics;
	struct control *control;
	struct policy *policy;
	struct losses *losses;
};

/* ---- writing ---- */

static int set_timer(sd_event_source *timer, uint64_t usec)
{
	int error = sd_event_source_set_time_relative(timer, usec);

	return error < 0 ? error : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static bool timer_runs(sd_event_source *timer)
{
	return sd_event_source_get_enabled(timer, NULL) > 0;
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct recorder *recorder = userdata;

	(void)usec;
	if (event_file_flush(recorder->file))
		return 0;
	losses_check(recorder->losses);
	return set_timer(source, FLUSH_US);
}

/* Takes event. */
static void write_event(struct recorder *recorder, json_t *event)
{
	char *line = event ? event_line(event) : NULL;

	if (line)
		event_file_write(recorder->file, line, strlen(line));
	else
		losses_count(recorder->losses, LOSS_MEMORY);
	if (!timer_runs(recorder->flush) && set_timer(recorder->flush, FLUSH_US) < 0)
		event_file_flush(recorder->file);
	losses_check(recorder->losses);
	free(line);
	json_decref(event);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct recorder *recorder = userdata;
	int error = event_file_reopen(recorder->file);

	(void)source;
	(void)info;
	if (error < 0)
		log_error("events",
			  "the event file cannot be opened anew (%s): the old one stays "
			  "in use",
			  strerror(-error));
	else
		log_info("events", "the event file was opened anew");
	return 0;
}

/* ---- from sensors ---- */

static void take_flow(struct recorder *recorder, const struct event_flow *flow)
{
	const struct policy *policy = recorder->policy;
	struct wall at = policy ? wall_add(flow->at, policy->offset_ns) : flow->at;
	enum verdict verdict = VERDICT_ALLOW;

	if (policy)
		verdict =
			policy_judge(policy, flow->field, &flow->client, &flow->server, at).verdict;
	statistics_count(recorder->statistics, flow, verdict);
	write_event(recorder, event_flow_json(flow, policy, at));
}

/* 1: there may be more. 0: nothing now. -EPIPE: no sensor is left. All sensors write to one
 * socket, so what breaks the protocol is dropped and the others are heard on. */
static int read_sensors(struct recorder *recorder)
{
	struct channel_message message;
	int fd, n = channel_receive(CHANNEL_RECORDER_FD, &message, &fd);

	if (n == 1 && message.type == CHANNEL_FLOW) {
		take_flow(recorder, &message.u.flow);
		return 1;
	}
	if (n == 1 || n == -EPROTO) {
		if (fd >= 0)
			close(fd);
		losses_count(recorder->losses, LOSS_BROKEN);
		return 1;
	}
	return n;
}

static int on_sensors(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct recorder *recorder = userdata;
	int n = 1;

	(void)fd;
	(void)events;
	for (int i = 0; i < BATCH && n == 1; i++)
		n = read_sensors(recorder);
	if (n >= 0)
		return 0;
	if (n != -EPIPE)
		log_error("channel", "sensors cannot be heard: %s", strerror(-n));
	if (timer_runs(recorder->drain))
		return sd_event_exit(recorder->event, 0);
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* ---- from the enforcer ---- */

static void take_policy(struct recorder *recorder, int fd)
{
	char error[160] = "not JSON";
	json_t *json = channel_json_read(fd);
	struct policy *policy = json ? policy_from_json(json, error) : NULL;

	json_decref(json);
	if (!policy) {
		log_error("policy",
			  "the enforcer's policy cannot be used (%s): events are judged "
			  "by the one before",
			  error);
		return;
	}
	policy_free(recorder->policy);
	recorder->policy = policy;
}

/* What the recorder itself knows, beside what the enforcer knows. */
static json_t *recorder_json(struct recorder *recorder)
{
	struct event_file_counters counters = event_file_counters(recorder->file);
	json_t *json = statistics_json(recorder->statistics);
	uint64_t lost =
		losses_of(recorder->losses, LOSS_FILE) + losses_of(recorder->losses, LOSS_MEMORY);
	json_t *more = json_pack(
		"{s:I, s:I, s:I, s:I}", "events_written", (json_int_t)counters.written,
		"events_waiting", (json_int_t)counters.waiting, "events_lost", (json_int_t)lost,
		"messages_broken", (json_int_t)losses_of(recorder->losses, LOSS_BROKEN));

	if (json_object_update_new(json, more) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static void take_status(struct recorder *recorder, int fd)
{
	json_t *status = channel_json_read(fd);

	if (!json_is_object(status))
		log_error("control", "the enforcer's status is no object of JSON");
	else if (json_object_set_new(status, "recorder", recorder_json(recorder)) == 0 &&
		 recorder->control)
		control_status(recorder->control, status);
	json_decref(status);
}

static void take_message(struct recorder *recorder, const struct channel_message *message, int fd)
{
	switch ((enum channel_type)message->type) {
	case CHANNEL_POLICY:
		take_policy(recorder, fd);
		break;
	case CHANNEL_STATUS:
		take_status(recorder, fd);
		break;
	case CHANNEL_NOTICE:
		write_event(recorder, event_notice_json(&message->u.notice));
		break;
	case CHANNEL_READY:
	case CHANNEL_CONFIGURE:
	case CHANNEL_REPORT:
	case CHANNEL_ALIVE:
	case CHANNEL_FLOW:
	case CHANNEL_STATUS_WANTED:
	case CHANNEL_RELOAD:
		log_error("channel", "message %" PRIu32 " is not for the recorder", message->type);
		sd_event_exit(recorder->event, EXIT_FAILURE);
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* The enforcer is gone: its sensors follow, and what they said is still to be written. */
static int begin_drain(struct recorder *recorder)
{
	int error = sd_event_source_set_enabled(recorder->enforcer, SD_EVENT_OFF);

	if (error < 0 || sd_event_source_get_enabled(recorder->sensors, NULL) <= 0)
		return sd_event_exit(recorder->event, 0);
	return set_timer(recorder->drain, DRAIN_US);
}

static int on_drain(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct recorder *recorder = userdata;

	(void)source;
	(void)usec;
	return sd_event_exit(recorder->event, 0);
}

static int on_enforcer(sd_event_source *source, int channel, uint32_t events, void *userdata)
{
	struct recorder *recorder = userdata;
	struct channel_message message;
	int fd, n = 1;

	(void)source;
	(void)events;
	for (int i = 0; i < BATCH && n == 1; i++) {
		n = channel_receive(channel, &message, &fd);
		if (n == 1)
			take_message(recorder, &message, fd);
	}
	if (n >= 0)
		return 0;
	if (n == -EPIPE)
		return begin_drain(recorder);
	log_error("channel", "the enforcer cannot be heard: %s", strerror(-n));
	return sd_event_exit(recorder->event, EXIT_FAILURE);
}

static int ask_status(void *context)
{
	(void)context;
	return channel_send(CHANNEL_ENFORCER_FD,
			    &(struct channel_message){.type = CHANNEL_STATUS_WANTED}, -1);
}

static int ask_reload(void *context)
{
	(void)context;
	return channel_send(CHANNEL_ENFORCER_FD, &(struct channel_message){.type = CHANNEL_RELOAD},
			    -1);
}

/* ---- start and end ---- */

static bool is_socket(int fd, int option)
{
	socklen_t size = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 &&
	       (option != SO_ACCEPTCONN || value);
}

static bool prepare_descriptor(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* The enforcer is to say its last word, and a reader of standard output may go. */
static void prepare_signals(void)
{
	sigset_t hangup;

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hangup, NULL);
}

static int start_control(struct recorder *recorder, gid_t group)
{
	const struct control_settings settings = {
		.listen_fd = CHANNEL_CONTROL_FD,
		.group = group,
		.idle_us = CLIENT_IDLE_US,
		.status_us = STATUS_US,
		.ask_status = ask_status,
		.reload = ask_reload,
	};

	return control_new(&recorder->control, recorder->event, &settings);
}

static int add_timer(struct recorder *recorder, sd_event_source **timer,
		     sd_event_time_handler_t handler)
{
	int error = sd_event_add_time_relative(recorder->event, timer, CLOCK_MONOTONIC, 0, 0,
					       handler, recorder);

	return error < 0 ? error : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

/* The enforcer goes first: a flow is judged by the policy that was sent before it. */
static int add_sources(struct recorder *recorder)
{
	sd_event *event = recorder->event;
	int error;

	if ((error = sd_event_add_io(event, &recorder->enforcer, CHANNEL_ENFORCER_FD, EPOLLIN,
				     on_enforcer, recorder)) < 0 ||
	    (error = sd_event_source_set_priority(recorder->enforcer,
						  SD_EVENT_PRIORITY_IMPORTANT)) < 0 ||
	    (error = sd_event_add_io(event, &recorder->sensors, CHANNEL_RECORDER_FD, EPOLLIN,
				     on_sensors, recorder)) < 0 ||
	    (error = sd_event_source_set_priority(recorder->sensors, SD_EVENT_PRIORITY_IDLE)) < 0)
		return error;
	if ((error = add_timer(recorder, &recorder->flush, on_flush)) < 0 ||
	    (error = add_timer(recorder, &recorder->drain, on_drain)) < 0)
		return error;
	return sd_event_add_signal(event, &recorder->hangup, SIGHUP, on_hangup, recorder);
}

static void recorder_free(struct recorder *recorder)
{
	control_free(recorder->control);
	sd_event_source_disable_unref(recorder->drain);
	sd_event_source_disable_unref(recorder->hangup);
	if (recorder->file)
		event_file_give_up(recorder->file);
	losses_free(recorder->losses);
	sd_event_source_disable_unref(recorder->flush);
	sd_event_source_disable_unref(recorder->sensors);
	sd_event_source_disable_unref(recorder->enforcer);
	sd_event_unref(recorder->event);
	policy_free(recorder->policy);
	statistics_free(recorder->statistics);
	event_file_close(recorder->file);
}

static int open_all(struct recorder *recorder, const struct recorder_settings *settings)
{
	bool has_control = is_socket(CHANNEL_CONTROL_FD, SO_ACCEPTCONN);
	int error;

	if (!prepare_descriptor(CHANNEL_ENFORCER_FD) || !prepare_descriptor(CHANNEL_RECORDER_FD) ||
	    (has_control && !prepare_descriptor(CHANNEL_CONTROL_FD)))
		return -errno;
	error = event_file_open(&recorder->file, settings->events);
	if (error < 0) {
		log_error("events",
			  "%s: %s: name a file that user cutoffd-recorder can write "
			  "(events:)",
			  settings->events, strerror(-error));
		return error;
	}
	recorder->statistics = statistics_new();
	if (!recorder->statistics)
		return -ENOMEM;
	if ((error = sd_event_new(&recorder->event)) < 0 ||
	    (error = losses_new(&recorder->losses, recorder->event, recorder->file)) < 0 ||
	    (error = add_sources(recorder)) < 0 ||
	    (has_control && (error = start_control(recorder, settings->control_group)) < 0))
		log_error("recorder", "no event loop: %s", strerror(-error));
	return error < 0 ? error : 0;
}

int recorder_run(const struct recorder_settings *settings)
{
	const struct channel_message ready = {.type = CHANNEL_READY};
	struct recorder recorder = {0};
	int status = EXIT_FAILURE, error;

	prepare_signals();
	if (open_all(&recorder, settings) < 0)
		goto out;
	error = settings->confined ? sandbox_close(SANDBOX_RECORDER) : 0;
	if (error == 0)
		error = channel_send(CHANNEL_ENFORCER_FD, &ready, -1);
	if (error < 0) {
		log_error("recorder", "cannot start: %s", strerror(-error));
		goto out;
	}
	status = sd_event_loop(recorder.event);
	if (status < 0)
		status = EXIT_FAILURE;
out:
	recorder_free(&recorder);
	return status;
}

static const char *events_option(int argc, char **argv)
{
	static const struct option options[] = {{"events", required_argument, NULL, 'e'}, {0}};
	const char *path = NULL;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'e')
			return NULL;
		path = optarg;
	}
	return optind == argc ? path : NULL;
}

static gid_t control_group(void)
{
	const struct group *group = getgrnam("cutoffd");

	return group ? group->gr_gid : (gid_t)-1;
}

int recorder_main(int argc, char **argv)
{
	const struct recorder_settings settings = {
		.events = events_option(argc, argv),
		.control_group = control_group(),
		.confined = true,
	};

	log_open("recorder", LOG_LEVEL_INFO);
	if (settings.events && is_socket(CHANNEL_ENFORCER_FD, SO_TYPE) &&
	    is_socket(CHANNEL_RECORDER_FD, SO_TYPE))
		return recorder_run(&settings);
	log_error("recorder", "cutoffd starts this verb itself: use cutoffd run");
	return 2;
}
