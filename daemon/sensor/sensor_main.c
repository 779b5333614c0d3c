/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sensor/sensor_main.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "daemon/sensor/sensor.h"

#define INTERFACES_MAX 32
#define PACKETS_A_ROUND 64
#define ALIVE_EVERY CLOCK_SECOND
#define REPORT_PATIENCE_MS 500

/* An interface, and its next packet. */
struct source {
	struct capture *capture;
	struct capture_packet packet;
	bool waiting, empty; /* empty: asked in vain in this round */
};

struct process {
	struct sensor *sensor;
	struct source sources[INTERFACES_MAX];
	size_t captures_count;
	uint32_t generation;
	bool report;
	uint64_t lost_events;
	struct mono alive_at;
	struct channel_message message; /* scratch: an event is large */
};

/* ---- what the sensor finds goes out ---- */

static void send_flow(void *context, const struct event_flow *event)
{
	struct process *process = context;

	process->message.type = CHANNEL_FLOW;
	memcpy(&process->message.u.flow, event, event_flow_size(event));
	if (channel_send(CHANNEL_RECORDER_FD, &process->message, -1) != 0)
		process->lost_events++;
}

/* A class that does not reach the enforcer is a flow that goes on: waits for room. */
static void send_report(void *context, const struct channel_report *report)
{
	struct process *process = context;
	struct pollfd room = {.fd = CHANNEL_ENFORCER_FD, .events = POLLOUT};
	int r;

	if (!process->report)
		return;
	process->message.type = CHANNEL_REPORT;
	process->message.u.report = *report;
	r = channel_send(CHANNEL_ENFORCER_FD, &process->message, -1);
	if (r == -EAGAIN && poll(&room, 1, REPORT_PATIENCE_MS) > 0)
		r = channel_send(CHANNEL_ENFORCER_FD, &process->message, -1);
	if (r != 0)
		log_error("sensor", "a flow's class did not reach the enforcer: %s", strerror(-r));
}

static uint64_t malformed(const struct sensor_counters *counters)
{
	uint64_t sum = 0;

	for (int i = DECODE_OK + 1; i < DECODE_RESULTS; i++)
		if (i != DECODE_NOT_IP && i != DECODE_OTHER_PROTOCOL && i != DECODE_FRAGMENT)
			sum += counters->decoded[i];
	return sum;
}

static void send_alive(struct process *process, struct mono now)
{
	const struct sensor_counters *counters = sensor_counters(process->sensor);
	struct channel_alive *alive = &process->message.u.alive;
	uint64_t dropped = 0;

	for (size_t i = 0; i < process->captures_count; i++)
		dropped += capture_dropped(process->sources[i].capture);
	process->message.type = CHANNEL_ALIVE;
	*alive = (struct channel_alive){
		.generation = process->generation,
		.packets = counters->packets,
		.flows = counters->flows,
		.flows_now = sensor_flows(process->sensor),
		.evicted = sensor_evicted(process->sensor),
		.dropped = dropped,
		.malformed = malformed(counters),
		.lost_events = process->lost_events,
	};
	process->alive_at = now;
	if (channel_send(CHANNEL_ENFORCER_FD, &process->message, -1) == -EPIPE)
		exit(EXIT_SUCCESS);
}

/* ---- what the enforcer says ---- */

/* Takes a CONFIGURE with its catalogue: 0, or -errno when the protocol is broken. */
static int configure(struct process *process, int fd)
{
	const struct channel_configure *configure = &process->message.u.configure;
	const struct sensor_sink sink = {send_flow, send_report, process};
	struct sensor_options options = {0};
	struct catalogue *catalogue;

	if (process->message.type != CHANNEL_CONFIGURE || fd < 0)
		return -EPROTO;
	catalogue = catalogue_map(fd);
	if (!catalogue)
		return -EPROTO;
	process->generation = configure->generation;
	process->report = configure->report;
	options.all_flows = configure->all_flows;
	options.prefix_over_name = configure->prefix_over_name;
	if (process->sensor) {
		sensor_reconfigure(process->sensor, catalogue, options.all_flows,
				   options.prefix_over_name);
		return 0;
	}
	if (getrandom(&options.seed, sizeof(options.seed), 0) != (ssize_t)sizeof(options.seed))
		return -errno;
	process->sensor = sensor_new(&options, catalogue, &sink);
	return process->sensor ? 0 : -ENOMEM;
}

/* 1: taken a message. 0: none. -errno: the end. */
static int take_message(struct process *process)
{
	int fd = -1, r = channel_receive(CHANNEL_ENFORCER_FD, &process->message, &fd);

	if (r == 1) {
		r = configure(process, fd);
		if (r == 0)
			r = 1;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static int await_catalogue(struct process *process)
{
	struct pollfd channel = {.fd = CHANNEL_ENFORCER_FD, .events = POLLIN};
	int r;

	do {
		if (poll(&channel, 1, -1) < 0 && errno != EINTR)
			return -errno;
		r = take_message(process);
	} while (r == 0);
	return r < 0 ? r : 0;
}

/* ---- packets ---- */

static int open_captures(struct process *process, char **interfaces, int count)
{
	char error[CAPTURE_ERROR];

	if (count > INTERFACES_MAX) {
		log_error("capture", "more than %d interfaces", INTERFACES_MAX);
		return -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		struct capture *capture = capture_open_live(interfaces[i], error);

		if (!capture) {
			log_error("capture", "%s", error);
			return -EIO;
		}
		process->sources[process->captures_count++].capture = capture;
	}
	return 0;
}

/* The next packet of each capture that has one. -errno: a capture cannot go on. */
static int look_ahead(struct process *process)
{
	for (size_t i = 0; i < process->captures_count; i++) {
		struct source *source = &process->sources[i];
		int r;

		if (source->waiting || source->empty)
			continue;
		r = capture_next(source->capture, &source->packet);
		if (r < 0) {
			log_error("capture", "%s", capture_error(source->capture));
			return r;
		}
		source->waiting = r == 1;
		source->empty = r == 0;
	}
	return 0;
}

static struct source *oldest(struct process *process)
{
	struct source *found = NULL;

	for (size_t i = 0; i < process->captures_count; i++) {
		struct source *source = &process->sources[i];

		if (source->waiting && (!found || wall_before(source->packet.at, found->packet.at)))
			found = source;
	}
	return found;
}

/* In the order of time over all interfaces: a forwarded packet is seen on both of its, and its
 * second sight must not come after what followed the first. */
static int read_captures(struct process *process)
{
	struct source *source;
	int r;

	for (size_t i = 0; i < process->captures_count; i++)
		process->sources[i].empty = false;
	for (int i = 0; i < PACKETS_A_ROUND; i++) {
		r = look_ahead(process);
		if (r < 0)
			return r;
		source = oldest(process);
		if (!source)
			return 0;
		sensor_packet(process->sensor, &source->packet);
		source->waiting = false;
	}
	return 0;
}

static bool packets_wait(const struct process *process)
{
	for (size_t i = 0; i < process->captures_count; i++)
		if (process->sources[i].waiting)
			return true;
	return false;
}

static int watch(struct process *process)
{
	struct pollfd fds[1 + INTERFACES_MAX];
	int r = 0;

	fds[0] = (struct pollfd){.fd = CHANNEL_ENFORCER_FD, .events = POLLIN};
	for (size_t i = 0; i < process->captures_count; i++)
		fds[1 + i] = (struct pollfd){.fd = capture_fd(process->sources[i].capture),
					     .events = POLLIN};
	while (r >= 0) {
		struct mono now;

		if (poll(fds, 1 + process->captures_count, packets_wait(process) ? 0 : 1000) < 0 &&
		    errno != EINTR)
			return -errno;
		r = read_captures(process);
		if (r >= 0 && fds[0].revents)
			r = take_message(process);
		now = clock_mono();
		if (now.ns - process->alive_at.ns >= ALIVE_EVERY || r == 1) {
			sensor_idle(process->sensor, clock_wall());
			send_alive(process, now);
		}
	}
	return r;
}

static int start(struct process *process, char **interfaces, int count)
{
	int r = open_captures(process, interfaces, count);

	if (r == 0)
		r = await_catalogue(process);
	if (r == 0) {
		r = sandbox_close(SANDBOX_SENSOR);
		if (r != 0)
			log_error("sandbox", "the sandbox does not close: %s", strerror(-r));
	}
	if (r == 0) {
		process->message.type = CHANNEL_READY;
		r = channel_send(CHANNEL_ENFORCER_FD, &process->message, -1);
	}
	return r;
}

int sensor_main(int argc, char **argv)
{
	struct process *process;
	char role[32];
	int r;

	if (argc < 3) {
		fputs("cutoffd sensor: started by `cutoffd run` only\n", stderr);
		return EXIT_FAILURE;
	}
	snprintf(role, sizeof(role), "sensor %s", argv[0]);
	log_open(role, LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, "cutoffd:sensor");
	if (!sandbox_follow_parent((pid_t)strtol(argv[1], NULL, 10)))
		return EXIT_SUCCESS;
	process = calloc(1, sizeof(*process));
	if (!process)
		return EXIT_FAILURE;
	r = start(process, argv + 2, argc - 2);
	if (r == 0)
		r = watch(process);
	/* The kernel takes the captures back: what is left to say is said. */
	free(process);
	return r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
}
