/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/recorder/control.h"
#include "daemon/recorder/peer.h"
#include "daemon/recorder/request.h"

/* Long against what a machine under load needs, short against a reader's patience. */
#define SOON_US 10000
#define LATE_US 20000000
#define TURNS 2000

struct fixture {
	char folder[32];
	struct sockaddr_un address;
	int listener;
	sd_event *event;
	struct control *control;
	unsigned int asked, reloads;
	int refusal; /* what ask_status and reload return */
};

static int ask_status(void *context)
{
	struct fixture *f = context;

	f->asked++;
	return f->refusal;
}

static int reload(void *context)
{
	struct fixture *f = context;

	f->reloads++;
	return f->refusal;
}

static void start_for(struct fixture *f, gid_t group, uint64_t idle_us, uint64_t status_us)
{
	struct control_settings settings = {
		.group = group,
		.idle_us = idle_us,
		.status_us = status_us,
		.ask_status = ask_status,
		.reload = reload,
		.context = f,
	};

	*f = (struct fixture){.folder = "/tmp/control.XXXXXX", .address.sun_family = AF_UNIX};
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/s", f->folder);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	assert_int_equal(listen(f->listener, 64), 0);
	assert_true(sd_event_new(&f->event) >= 0);
	settings.listen_fd = f->listener;
	assert_int_equal(control_new(&f->control, f->event, &settings), 0);
}

static void start(struct fixture *f, uint64_t idle_us, uint64_t status_us)
{
	start_for(f, getgid(), idle_us, status_us);
}

static void stop(struct fixture *f)
{
	control_free(f->control);
	sd_event_unref(f->event);
	close(f->listener);
	unlink(f->address.sun_path);
	rmdir(f->folder);
}

static int dial(const struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until something can be read: how much; 0: the end. */
static ssize_t hear(struct fixture *f, int fd, char *text, size_t size)
{
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(fd, text, size - 1, 0);

		if (n >= 0 || errno == ECONNRESET) {
			text[n > 0 ? n : 0] = '\0';
			return n > 0 ? n : 0;
		}
		assert_int_equal(errno, EAGAIN);
		assert_true(sd_event_run(f->event, SOON_US) >= 0);
	}
	fail_msg("no answer");
	return -1;
}

static void assert_heard(struct fixture *f, int fd, const char *want)
{
	char text[4096];

	hear(f, fd, text, sizeof(text));
	assert_string_equal(text, want);
}

static void run_until_asked(struct fixture *f, unsigned int asked)
{
	for (int i = 0; i < TURNS && f->asked < asked; i++)
		assert_true(sd_event_run(f->event, SOON_US) >= 0);
	assert_int_equal(f->asked, asked);
}

static void test_parse(void **state)
{
	static const struct {
		const char *in;
		enum request want;
	} cases[] = {
		{"{\"verb\":\"status\"}", REQUEST_STATUS},
		{" { \"verb\" : \"version\" } \r", REQUEST_VERSION},
		{"{\"verb\":\"reload\"}", REQUEST_RELOAD},
		{"{\"verb\":\"stop\"}", REQUEST_BROKEN},
		{"{\"verb\":\"\"}", REQUEST_BROKEN},
		{"{\"verb\":7}", REQUEST_BROKEN},
		{"{\"verb\":\"status\",\"more\":1}", REQUEST_BROKEN},
		{"{\"verb\":\"status\",\"verb\":\"reload\"}", REQUEST_BROKEN},
		{"{\"verb\":\"status\"}{\"verb\":\"reload\"}", REQUEST_BROKEN},
		{"{\"verb\":\"sta\\u0000tus\"}", REQUEST_BROKEN},
		{"{}", REQUEST_BROKEN},
		{"[\"status\"]", REQUEST_BROKEN},
		{"status", REQUEST_BROKEN},
		{"", REQUEST_BROKEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *error = NULL;

		print_message("%s\n", cases[i].in);
		assert_int_equal(request_parse(cases[i].in, strlen(cases[i].in), &error),
				 cases[i].want);
		assert_true(cases[i].want != REQUEST_BROKEN || error);
	}
}

static void test_answers(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, LATE_US, LATE_US);
	fd = dial(&f);
	say(fd, "{\"verb\":\"version\"}\n");
	assert_heard(&f, fd, "{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	say(fd, "{\"verb\":\"reload\"}\n");
	assert_heard(&f, fd, "{\"reload\":\"requested\"}\n");
	assert_int_equal(f.reloads, 1);
	say(fd, "hello\n");
	assert_heard(&f, fd,
		     "{\"error\":\"not JSON: send one object a line, as "
		     "{\\\"verb\\\":\\\"status\\\"}\"}\n");
	f.refusal = -EAGAIN;
	say(fd, "{\"verb\":\"reload\"}\n");
	assert_heard(&f, fd, "{\"error\":\"the enforcer takes no order now: ask again\"}\n");
	say(fd, "{\"verb\":\"status\"}\n");
	assert_heard(&f, fd, "{\"error\":\"the enforcer takes no question now: ask again\"}\n");
	close(fd);
	stop(&f);
}

static void test_status(void **state)
{
	json_t *status = json_pack("{s:s}", "mode", "observe");
	struct fixture f;
	int one, two, other;

	(void)state;
	start(&f, LATE_US, LATE_US);
	one = dial(&f);
	two = dial(&f);
	other = dial(&f);
	say(one, "{\"verb\":\"status\"}\n{\"verb\":\"version\"}\n"); /* in order */
	say(two, "{\"verb\":\"status\"}");
	assert_int_equal(shutdown(two, SHUT_WR), 0); /* as nc does */
	run_until_asked(&f, 2);
	control_status(f.control, status);
	assert_heard(&f, two, "{\"mode\":\"observe\"}\n");
	assert_heard(&f, two, "");
	assert_heard(&f, one, "{\"mode\":\"observe\"}\n{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	control_status(f.control, status); /* nobody waits any more */
	say(other, "{\"verb\":\"version\"}\n");
	assert_heard(&f, other, "{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	close(one);
	close(two);
	close(other);
	json_decref(status);
	stop(&f);
}

static void test_status_takes_too_long(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, LATE_US, SOON_US);
	fd = dial(&f);
	say(fd, "{\"verb\":\"status\"}\n");
	assert_heard(&f, fd,
		     "{\"error\":\"the enforcer does not answer: see its log (journalctl -u "
		     "cutoffd)\"}\n");
	say(fd, "{\"verb\":\"version\"}\n"); /* and the client is still served */
	assert_heard(&f, fd, "{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	close(fd);
	stop(&f);
}

static void test_silent_client_is_dropped(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, SOON_US, LATE_US);
	fd = dial(&f);
	say(fd, "{\"verb\":\"ver");
	assert_heard(&f, fd, "");
	close(fd);
	stop(&f);
}

static void test_slow_reader_is_dropped(void **state)
{
	json_t *status = json_array();
	struct fixture f;
	char text[65536];
	size_t total = 0;
	ssize_t n;
	int fd;

	(void)state;
	for (int i = 0; i < 500000; i++) /* more than a socket's buffers hold */
		json_array_append_new(status, json_integer(1000000));
	start(&f, SOON_US, LATE_US);
	fd = dial(&f);
	say(fd, "{\"verb\":\"status\"}\n");
	run_until_asked(&f, 1);
	control_status(f.control, status);
	for (int i = 0; i < 20; i++)
		assert_true(sd_event_run(f.event, SOON_US) >= 0);
	while ((n = hear(&f, fd, text, sizeof(text))) > 0)
		total += (size_t)n;
	assert_true(total > 0 && total < 8 * json_array_size(status));
	close(fd);
	json_decref(status);
	stop(&f);
}

static void test_long_request(void **state)
{
	struct fixture f;
	char *blank = malloc(REQUEST_MAX + 1);
	int fd;

	(void)state;
	start(&f, LATE_US, LATE_US);
	fd = dial(&f);
	memset(blank, ' ', REQUEST_MAX);
	blank[REQUEST_MAX] = '\0';
	say(fd, blank);
	assert_heard(&f, fd,
		     "{\"error\":\"the request is longer than 65536 bytes: send one object a "
		     "line\"}\n");
	assert_heard(&f, fd, "");
	close(fd);
	free(blank);
	stop(&f);
}

static void test_too_many_clients(void **state)
{
	struct fixture f;
	int fds[CONTROL_CLIENTS + 1];

	(void)state;
	start(&f, LATE_US, LATE_US);
	for (size_t i = 0; i <= CONTROL_CLIENTS; i++)
		fds[i] = dial(&f);
	assert_heard(&f, fds[CONTROL_CLIENTS],
		     "{\"error\":\"too many clients: ask again later\"}\n");
	close(fds[0]);
	close(fds[CONTROL_CLIENTS]);
	say(fds[1], "{\"verb\":\"version\"}\n");
	assert_heard(&f, fds[1], "{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	fds[0] = dial(&f); /* the place of who has gone is free */
	say(fds[0], "{\"verb\":\"version\"}\n");
	assert_heard(&f, fds[0], "{\"version\":\"" CUTOFFD_VERSION "\"}\n");
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	stop(&f);
}

/* As root: connects as nobody, in a folder that lets nobody in. */
static void test_stranger_is_turned_away(void **state)
{
	bool is_root = geteuid() == 0;
	struct fixture f;
	int fd;

	(void)state;
	start_for(&f, (gid_t)-1, LATE_US, LATE_US);
	assert_int_equal(chmod(f.folder, 0755), 0);
	assert_int_equal(chmod(f.address.sun_path, 0777), 0);
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	fd = dial(&f);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_heard(&f, fd,
		     "{\"error\":\"not permitted: ask as root or as a member of group cutoffd\","
		     "\"code\":\"permission\"}\n");
	assert_heard(&f, fd, "");
	close(fd);
	stop(&f);
}

static void test_peer(void **state)
{
	gid_t groups[256];
	int pair[2], n = getgroups(256, groups);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(peer_is_root_or_in(pair[0], getgid()));
	assert_int_equal(peer_is_root_or_in(pair[0], (gid_t)-1), geteuid() == 0);
	for (int i = 0; i < n; i++)
		assert_true(peer_is_root_or_in(pair[0], groups[i]));
	close(pair[1]);
	close(pair[0]);
	assert_false(peer_is_root_or_in(pair[0], getgid()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_takes_too_long),
		cmocka_unit_test(test_silent_client_is_dropped),
		cmocka_unit_test(test_slow_reader_is_dropped),
		cmocka_unit_test(test_long_request),
		cmocka_unit_test(test_too_many_clients),
		cmocka_unit_test(test_stranger_is_turned_away),
		cmocka_unit_test(test_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
