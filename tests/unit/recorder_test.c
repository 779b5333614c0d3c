/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorder as a process of its own, with this test in the enforcer's and a sensor's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/recorder/recorder.h"

#define CUTOFF (INT64_C(1727582400) * CLOCK_SECOND)
#define PATIENCE_MS 20000

struct fixture {
	char folder[32], path[64], old[64];
	struct sockaddr_un address;
	int enforcer, sensor; /* our ends */
	pid_t pid;
};

/* Valgrind makes system calls of its own in the process, which the filter forbids. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static void run_child(const int fds[3], const char *path)
{
	const struct recorder_settings settings = {
		.events = path, .control_group = getgid(), .confined = !under_valgrind()};
	int lifted[3];

	for (int i = 0; i < 3; i++)
		lifted[i] = fcntl(fds[i], F_DUPFD, 64);
	for (int i = 0; i < 3; i++)
		dup2(lifted[i], CHANNEL_ENFORCER_FD + i);
	close_range(CHANNEL_CONTROL_FD + 1, ~0U, 0);
	_exit(recorder_run(&settings));
}

static void expect_ready(const struct fixture *f)
{
	struct pollfd wait = {.fd = f->enforcer, .events = POLLIN};
	struct channel_message message;
	int fd;

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(channel_receive(f->enforcer, &message, &fd), 1);
	assert_int_equal(message.type, CHANNEL_READY);
}

static void start(struct fixture *f)
{
	int enforcer[2], sensor[2], listener;

	*f = (struct fixture){.folder = "/tmp/recorder.XXXXXX", .address.sun_family = AF_UNIX};
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/events", f->folder);
	snprintf(f->old, sizeof(f->old), "%s/events.1", f->folder);
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/s", f->folder);
	assert_int_equal(channel_pair(enforcer), 0);
	assert_int_equal(channel_pair(sensor), 0);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	fflush(NULL);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0)
		run_child((const int[3]){enforcer[1], sensor[1], listener}, f->path);
	close(enforcer[1]);
	close(sensor[1]);
	close(listener);
	f->enforcer = enforcer[0];
	f->sensor = sensor[0];
	expect_ready(f);
}

/* The enforcer's end, as the recorder sees it. Returns the recorder's exit status. */
static int finish(struct fixture *f)
{
	int status;

	close(f->enforcer);
	close(f->sensor);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void clean(const struct fixture *f)
{
	unlink(f->path);
	unlink(f->old);
	unlink(f->address.sun_path);
	rmdir(f->folder);
}

static struct channel_message flow_message(uint64_t id, uint16_t class)
{
	struct channel_message m = {.type = CHANNEL_FLOW};
	struct event_flow *flow = &m.u.flow;

	flow->at.ns = CUTOFF - 60 * CLOCK_SECOND;
	flow->flow_id = id;
	flow->client = address_v4((const uint8_t[4]){10, 0, 0, 5});
	flow->server = address_v4((const uint8_t[4]){192, 0, 2, 1});
	flow->protocol = 6;
	flow->field = class;
	if (class >= FIELD_CLASS) {
		snprintf(flow->vendor, sizeof(flow->vendor), "%s", "kaspersky");
		snprintf(flow->service, sizeof(flow->service), "%s", "updates");
	}
	return m;
}

/* A policy whose only stage is one minute on, in a rehearsal that is two minutes ahead. */
static void send_policy(const struct fixture *f)
{
	static const struct policy_class classes[] = {{FIELD_CLASS, "kaspersky", "updates"}};
	static const struct prefix anywhere[] = {{{FAMILY_V4, {0}}, 0}, {{FAMILY_V6, {0}}, 0}};
	static const struct policy_scope scopes[] = {
		{"any", true, anywhere, 2, FAIL_OPEN, MIDSTREAM_PASS}};
	static const struct policy_stage stages[] = {{.number = 1,
						      .class = FIELD_CLASS,
						      .measure = "us-kaspersky-2024",
						      .stage = "updates",
						      .cutoff = {CUTOFF},
						      .until = {INT64_MAX},
						      .verified = true}};
	const struct policy policy = {.mode = MODE_ENFORCE,
				      .offset_ns = 120 * CLOCK_SECOND,
				      .classes = classes,
				      .classes_count = 1,
				      .scopes = scopes,
				      .scopes_count = 1,
				      .stages = stages,
				      .stages_count = 1};
	json_t *json = policy_to_json(&policy);
	int fd = channel_json_fd(json);

	assert_true(fd >= 0);
	assert_int_equal(
		channel_send(f->enforcer, &(struct channel_message){.type = CHANNEL_POLICY}, fd),
		0);
	close(fd);
	json_decref(json);
}

/* Waits for room: a recorder under load reads slowly. */
static void send_patiently(int channel, const struct channel_message *message)
{
	struct pollfd room = {.fd = channel, .events = POLLOUT};
	int error;

	while ((error = channel_send(channel, message, -1)) == -EAGAIN)
		assert_int_equal(poll(&room, 1, PATIENCE_MS), 1);
	assert_int_equal(error, 0);
}

static json_t *read_events(const char *path)
{
	FILE *file = fopen(path, "r");
	json_t *events = json_array();
	char line[EVENT_LINE];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(event);
		json_array_append_new(events, event);
	}
	fclose(file);
	return events;
}

static const char *verdict_of(const json_t *events, size_t i)
{
	json_t *cutoff = json_object_get(json_array_get(events, i), "cutoff");
	const char *verdict = json_string_value(json_object_get(cutoff, "verdict"));

	return verdict ? verdict : "none";
}

/* Asks on the control socket, to know that all that was sent before has been dealt with too. */
static int dial(const struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
	return fd;
}

static json_t *hear(int fd)
{
	char text[65536];
	size_t n = 0;

	do {
		ssize_t more = recv(fd, text + n, sizeof(text) - n, 0);

		assert_true(more > 0);
		n += (size_t)more;
	} while (text[n - 1] != '\n');
	return json_loadb(text, n, 0, NULL);
}

static json_t *ask_status(const struct fixture *f)
{
	struct pollfd wait = {.fd = f->enforcer, .events = POLLIN};
	json_t *ours = json_pack("{s:s}", "mode", "enforce"), *answer;
	int fd = dial(f), memfd = channel_json_fd(ours), none;
	struct channel_message message;

	assert_int_equal(send(fd, "{\"verb\":\"status\"}\n", 18, 0), 18);
	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(channel_receive(f->enforcer, &message, &none), 1);
	assert_int_equal(message.type, CHANNEL_STATUS_WANTED);
	message = (struct channel_message){.type = CHANNEL_STATUS};
	assert_int_equal(channel_send(f->enforcer, &message, memfd), 0);
	answer = hear(fd);
	close(memfd);
	close(fd);
	json_decref(ours);
	return answer;
}

/* The recorder's own number of that name, once it is want. */
static void wait_for_number(const struct fixture *f, const char *name, json_int_t want)
{
	json_int_t got = -1;

	for (int i = 0; i < PATIENCE_MS / 10 && got != want; i++) {
		json_t *status = ask_status(f);

		got = json_integer_value(
			json_object_get(json_object_get(status, "recorder"), name));
		json_decref(status);
		usleep(10000);
	}
	assert_int_equal(got, want);
}

static void test_judges_by_the_policy_in_force(void **state)
{
	struct channel_message listed = flow_message(1, FIELD_CLASS);
	struct channel_message clean_flow = flow_message(2, FIELD_CLEAN);
	struct channel_message notice = {.type = CHANNEL_NOTICE};
	struct fixture f;
	json_t *events;

	(void)state;
	start(&f);
	send_patiently(f.sensor, &listed);
	wait_for_number(&f, "flows", 1);
	send_policy(&f);
	send_patiently(f.sensor, &listed);
	send_patiently(f.sensor, &clean_flow);
	wait_for_number(&f, "flows", 3);
	notice.u.notice.at.ns = CUTOFF;
	notice.u.notice.kind = NOTICE_STOP;
	send_patiently(f.enforcer, &notice);
	assert_int_equal(finish(&f), 0);

	events = read_events(f.path);
	assert_int_equal(json_array_size(events), 4);
	assert_string_equal(verdict_of(events, 0), "none");
	assert_string_equal(verdict_of(events, 1), "reject"); /* by the rehearsal's time */
	assert_string_equal(verdict_of(events, 2), "allow");
	assert_string_equal(verdict_of(events, 3), "none");
	json_decref(events);
	clean(&f);
}

static void test_drains_what_sensors_said(void **state)
{
	struct fixture f;
	json_t *events;

	(void)state;
	start(&f);
	for (uint64_t i = 0; i < 3000; i++) {
		struct channel_message m = flow_message(i, FIELD_CLEAN);

		send_patiently(f.sensor, &m);
	}
	assert_int_equal(finish(&f), 0);
	events = read_events(f.path);
	assert_int_equal(json_array_size(events), 3000);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(events, i), "flow_id")),
			i);
	json_decref(events);
	clean(&f);
}

static void test_broken_sensor(void **state)
{
	struct channel_message flow = flow_message(1, FIELD_CLEAN);
	struct channel_message reload = {.type = CHANNEL_RELOAD}, got;
	struct fixture f;
	int fd;

	(void)state;
	start(&f);
	assert_int_equal(send(f.sensor, "", 0, 0), 0);
	assert_int_equal(send(f.sensor, &flow, 100, 0), 100);
	send_patiently(f.sensor, &reload); /* well formed, and not a sensor's to say */
	send_patiently(f.sensor, &flow);
	wait_for_number(&f, "flows", 1);
	wait_for_number(&f, "messages_broken", 3);
	assert_int_equal(channel_receive(f.enforcer, &got, &fd), 0); /* nothing was passed on */
	assert_int_equal(finish(&f), 0);
	clean(&f);
}

static void test_broken_enforcer(void **state)
{
	struct channel_message flow = flow_message(1, FIELD_CLEAN);
	struct fixture f;

	(void)state;
	start(&f);
	send_patiently(f.enforcer, &flow);
	assert_int_equal(finish(&f), 1);
	clean(&f);
}

static void test_rotation(void **state)
{
	struct channel_message flow = flow_message(1, FIELD_CLEAN);
	struct fixture f;
	json_t *events;

	(void)state;
	start(&f);
	send_patiently(f.sensor, &flow);
	wait_for_number(&f, "events_written", 1);
	assert_int_equal(rename(f.path, f.old), 0);
	assert_int_equal(kill(f.pid, SIGHUP), 0);
	for (int i = 0; i < PATIENCE_MS / 10 && access(f.path, F_OK) != 0; i++)
		usleep(10000);
	assert_int_equal(kill(f.pid, SIGTERM), 0); /* the enforcer's to heed */
	send_patiently(f.sensor, &flow);
	assert_int_equal(finish(&f), 0);
	events = read_events(f.path);
	assert_int_equal(json_array_size(events), 1);
	json_decref(events);
	clean(&f);
}

static void test_reload_is_passed_on(void **state)
{
	struct pollfd wait;
	struct channel_message message;
	struct fixture f;
	json_t *answer;
	int fd, none;

	(void)state;
	start(&f);
	fd = dial(&f);
	assert_int_equal(send(fd, "{\"verb\":\"reload\"}\n", 18, 0), 18);
	answer = hear(fd);
	assert_string_equal(json_string_value(json_object_get(answer, "reload")), "requested");
	wait = (struct pollfd){.fd = f.enforcer, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(channel_receive(f.enforcer, &message, &none), 1);
	assert_int_equal(message.type, CHANNEL_RELOAD);
	json_decref(answer);
	close(fd);
	assert_int_equal(finish(&f), 0);
	clean(&f);
}

static int setup(void **state)
{
	(void)state;
	alarm(300);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judges_by_the_policy_in_force),
		cmocka_unit_test(test_drains_what_sensors_said),
		cmocka_unit_test(test_broken_sensor),
		cmocka_unit_test(test_broken_enforcer),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_reload_is_passed_on),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
