/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/replay.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/event.h"
#include "daemon/replay_summary.h"
#include "daemon/sandbox.h"
#include "daemon/sensor/sensor.h"
#include "daemon/settings/settings.h"

#define PROGRESS_BYTES (8 << 20) /* smaller inputs are done before one looks */
#define PROGRESS_EVERY 65536	 /* packets */

struct replay {
	const char *config, *events;
	struct wall at;
	bool at_set, enforce, all;

	struct policy *policy;
	struct sensor *sensor;
	struct replay_summary *summary;
	FILE *out;
	bool failed; /* an event could not be written */
};

static const char usage[] =
	"usage: cutoffd replay [-c FILE] [--at INSTANT] [--enforce] [--all] [--events FILE] "
	"CAPTURE…\n"
	"\n"
	"Reads capture files (pcap, pcapng; - is standard input) as the gateway would have seen\n"
	"them, writes events as JSON lines and a summary to standard error. Needs no root.\n"
	"\n"
	"  -c, --config FILE  the policy (default: " SYSCONFDIR "/cutoffd/cutoffd.yaml)\n"
	"  --at INSTANT       judge every flow as at this instant, e.g. 2024-09-29T04:00:00Z\n"
	"  --enforce          as if the policy said `mode: enforce`\n"
	"  --all              an event for every flow that shows a name, in a list or not\n"
	"  --events FILE      events to FILE (written anew) instead of standard output\n"
	"  -h, --help         this text\n";

/* ---- events ---- */

static void write_event(void *context, const struct event_flow *event)
{
	struct replay *replay = context;
	struct wall judged = replay->at_set ? replay->at : event->at;
	json_t *json = event_flow_json(event, replay->policy, judged);
	char *line = event_line(json);

	if (!line || fputs(line, replay->out) == EOF)
		replay->failed = true;
	replay_summary_event(replay->summary, event, json);
	free(line);
	json_decref(json);
}

static void ignore_report(void *context, const struct channel_report *report)
{
	(void)context;
	(void)report;
}

/* ---- captures ---- */

static void show_progress(const struct capture *capture, const char *path, uint64_t packets)
{
	uint64_t read, total;

	capture_progress(capture, &read, &total);
	if (total < PROGRESS_BYTES)
		return;
	fprintf(stderr, "\r%s: %3u %%, %" PRIu64 " packets ", path,
		(unsigned int)(read * 100 / total), packets);
}

/* true: read to its end, or to where it is cut short. */
static bool read_file(struct replay *replay, const char *path)
{
	bool progress = isatty(STDERR_FILENO);
	char error[CAPTURE_ERROR];
	struct capture *capture = capture_open_file(path, error);
	struct capture_packet packet;
	uint64_t packets = 0;
	int r;

	if (!capture) {
		fprintf(stderr, "cutoffd: %s\n", error);
		return false;
	}
	while ((r = capture_next(capture, &packet)) == 1) {
		sensor_packet(replay->sensor, &packet);
		if (progress && ++packets % PROGRESS_EVERY == 0)
			show_progress(capture, path, packets);
	}
	if (progress && packets >= PROGRESS_EVERY)
		fputs("\r\033[K", stderr);
	if (r != -ENODATA)
		fprintf(stderr, "cutoffd: warning: %s\n", capture_error(capture));
	capture_free(capture);
	return true;
}

/* ---- set-up ---- */

static int take_options(struct replay *replay, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"at", required_argument, NULL, 'a'},
		{"enforce", no_argument, NULL, 'e'},
		{"all", no_argument, NULL, 'A'},
		{"events", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			replay->config = optarg;
			break;
		case 'a':
			replay->at_set = wall_parse(optarg, &replay->at);
			if (!replay->at_set) {
				fprintf(stderr,
					"cutoffd: --at %s: not an instant; write it with a zone, "
					"as 2024-09-29T04:00:00Z\n",
					optarg);
				return 2;
			}
			break;
		case 'e':
			replay->enforce = true;
			break;
		case 'A':
			replay->all = true;
			break;
		case 'o':
			replay->events = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc)
		return 0;
	fputs("cutoffd: no capture file given\n", stderr);
	fputs(usage, stderr);
	return 2;
}

static struct settings *load_settings(const char *path)
{
	struct complaints *complaints = complaints_new();
	struct settings *settings = settings_load(path, complaints);

	complaints_print(complaints, stderr);
	complaints_free(complaints);
	return settings;
}

/* Numbers of a replay mean nothing outside of it: they are allotted anew. */
static int compile(struct replay *replay, struct settings *settings, struct catalogue **catalogue)
{
	struct numbers *numbers = numbers_new();
	int r, fd;

	if (replay->enforce)
		settings->policy.mode = MODE_ENFORCE;
	r = policy_compile(&settings->policy, numbers, &replay->policy);
	numbers_free(numbers);
	if (r != 0)
		return r;
	fd = settings_catalogue(settings, replay->policy);
	if (fd < 0)
		return fd;
	*catalogue = catalogue_map(fd);
	r = *catalogue ? 0 : -errno;
	close(fd);
	return r;
}

/* Whether writing to path would destroy what is to be read. */
static bool is_input(const char *path, int count, char **inputs)
{
	struct stat output, input;

	if (stat(path, &output) != 0)
		return false;
	for (int i = 0; i < count; i++)
		if (stat(inputs[i], &input) == 0 && input.st_dev == output.st_dev &&
		    input.st_ino == output.st_ino)
			return true;
	return false;
}

static int open_output(struct replay *replay)
{
	replay->out = stdout;
	if (!replay->events || strcmp(replay->events, "-") == 0)
		return 0;
	replay->out = fopen(replay->events, "we");
	if (replay->out)
		return 0;
	fprintf(stderr, "cutoffd: %s: %s\n", replay->events, strerror(errno));
	return -errno;
}

static int set_up(struct replay *replay)
{
	const struct sensor_sink sink = {write_event, ignore_report, replay};
	struct settings *settings = load_settings(replay->config);
	struct sensor_options options = {.seed = 1, .all_flows = replay->all};
	struct catalogue *catalogue = NULL;
	int r;

	if (!settings)
		return -EINVAL;
	options.prefix_over_name = settings->conflict == CONFLICT_PREFIX;
	r = compile(replay, settings, &catalogue);
	if (r == 0)
		replay->sensor = sensor_new(&options, catalogue, &sink);
	if (r == 0 && !replay->sensor) {
		catalogue_free(catalogue);
		r = -ENOMEM;
	}
	if (r != 0)
		fprintf(stderr, "cutoffd: %s\n", strerror(-r));
	settings_free(settings);
	return r != 0 ? r : open_output(replay);
}

/* Every event of the last packets is out, and on disk as far as the kernel says. */
static bool close_output(struct replay *replay)
{
	bool ok = !replay->failed && fflush(replay->out) == 0 && !ferror(replay->out);

	if (replay->out != stdout && fclose(replay->out) != 0)
		ok = false;
	if (!ok)
		fprintf(stderr, "cutoffd: events could not be written: %s\n", strerror(errno));
	return ok;
}

int replay_main(int argc, char **argv)
{
	struct replay replay = {.config = SYSCONFDIR "/cutoffd/cutoffd.yaml"};
	int status = take_options(&replay, argc, argv);
	bool ok = true, any = false;

	if (status != 0)
		return status;
	if (replay.events && is_input(replay.events, argc - optind, argv + optind)) {
		fprintf(stderr,
			"cutoffd: --events %s: is a capture to be read; name another file\n",
			replay.events);
		return 2;
	}
	replay.summary = replay_summary_new();
	if (set_up(&replay) != 0) {
		ok = false;
		goto out;
	}
	for (int i = optind; i < argc; i++) {
		bool good = read_file(&replay, argv[i]);

		ok &= good;
		any |= good;
	}
	sensor_finish(replay.sensor);
	ok &= close_output(&replay);
	if (any) /* of files that nobody could read there is nothing to say */
		replay_summary_print(replay.summary, sensor_counters(replay.sensor), stderr);
out:
	sensor_free(replay.sensor);
	policy_free(replay.policy);
	replay_summary_free(replay.summary);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
