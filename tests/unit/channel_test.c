/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/channel.h"

#define HEADER offsetof(struct channel_message, u)

static struct address v4(uint8_t last)
{
	return address_v4((const uint8_t[4]){192, 0, 2, last});
}

static struct channel_message flow_message(const char *name)
{
	struct channel_message m = {.type = CHANNEL_FLOW};
	struct event_flow *flow = &m.u.flow;

	flow->client = v4(1);
	flow->server = v4(2);
	flow->protocol = 6;
	flow->carrier = CARRIER_TLS;
	flow->names_count = 1;
	flow->names[0].kind = EVIDENCE_TLS_SNI;
	flow->names[0].length = (uint16_t)strlen(name);
	flow->text_length = (uint16_t)strlen(name);
	memcpy(flow->text, name, strlen(name));
	return m;
}

static struct channel_message report_message(void)
{
	struct channel_message m = {.type = CHANNEL_REPORT};

	m.u.report.client = v4(1);
	m.u.report.server = v4(2);
	m.u.report.protocol = 17;
	m.u.report.field = FIELD_CLASS;
	return m;
}

static struct channel_message plain_message(enum channel_type type)
{
	return (struct channel_message){.type = type};
}

static unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static void test_round_trip(void **state)
{
	struct channel_message sent[] = {
		plain_message(CHANNEL_READY),
		plain_message(CHANNEL_CONFIGURE),
		report_message(),
		plain_message(CHANNEL_ALIVE),
		flow_message("update.example"),
		plain_message(CHANNEL_POLICY),
		plain_message(CHANNEL_NOTICE),
		plain_message(CHANNEL_STATUS_WANTED),
		plain_message(CHANNEL_STATUS),
		plain_message(CHANNEL_RELOAD),
	};
	unsigned int before = open_descriptors();
	int pair[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		bool carries = sent[i].type == CHANNEL_CONFIGURE ||
			       sent[i].type == CHANNEL_POLICY || sent[i].type == CHANNEL_STATUS;
		struct channel_message got = {0};
		int fd = -2;

		print_message("type %u\n", sent[i].type);
		assert_int_equal(channel_send(pair[0], &sent[i], carries ? null : -1), 0);
		assert_int_equal(channel_send(pair[0], &sent[i], carries ? -1 : null), -EINVAL);
		assert_int_equal(channel_receive(pair[1], &got, &fd), 1);
		assert_memory_equal(&got, &sent[i], sizeof(got));
		assert_int_equal(fd >= 0, carries);
		if (fd >= 0) {
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
			close(fd);
		}
		assert_int_equal(channel_receive(pair[1], &got, &fd), 0);
	}
	close(null);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_descriptors(), before);
}

/* Sends what channel_send would refuse. */
static void send_raw(int channel, const void *bytes, size_t size, const int *fds, size_t fds_count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part = {(void *)bytes, size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (fds_count > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fds_count * sizeof(int));
	}
	assert_int_equal(sendmsg(channel, &header, MSG_NOSIGNAL), size);
}

static void test_broken_messages(void **state)
{
	struct channel_message ready = plain_message(CHANNEL_READY);
	struct channel_message policy = plain_message(CHANNEL_POLICY);
	char big[sizeof(ready) + 1] = {CHANNEL_READY};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int fds[] = {null, null, null, null, null};
	const struct {
		const char *what;
		const void *bytes;
		size_t size, fds;
	} cases[] = {
		{"no bytes", &ready, 0, 0},
		{"no bytes, a descriptor", &ready, 0, 1},
		{"half a header", &ready, HEADER - 1, 0},
		{"a byte too many", &ready, HEADER + 1, 0},
		{"longer than any message", big, sizeof(big), 0},
		{"a descriptor that nobody asked for", &ready, HEADER, 1},
		{"no descriptor", &policy, HEADER, 0},
		{"two descriptors", &policy, HEADER, 2},
		{"five descriptors", &policy, HEADER, 5},
	};
	unsigned int before = open_descriptors();
	int pair[2];

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct channel_message got;
		int fd = -2;

		print_message("%s\n", cases[i].what);
		send_raw(pair[0], cases[i].bytes, cases[i].size, fds, cases[i].fds);
		assert_int_equal(channel_receive(pair[1], &got, &fd), -EPROTO);
		assert_int_equal(fd, -1);
		assert_int_equal(channel_receive(pair[1], &got, &fd), 0);
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_descriptors(), before);
	close(null);
}

static void test_check(void **state)
{
	struct channel_message m = report_message();
	const size_t size = HEADER + sizeof(m.u.report);
	struct channel_message changed;

#define CASE(want, statement)                                                                      \
	do {                                                                                       \
		changed = m;                                                                       \
		statement;                                                                         \
		print_message("%s\n", #statement);                                                 \
		assert_int_equal(channel_check(&changed, size), want);                             \
	} while (0)

	(void)state;
	CASE(true, (void)0);
	CASE(true, changed.u.report.field = FIELD_MAX);
	CASE(true, changed.u.report.field = FIELD_OTHER);
	CASE(false, changed.u.report.field = FIELD_UNSEEN);
	CASE(false, changed.u.report.field = FIELD_OTHER + 1);
	CASE(false, changed.u.report.field = FIELD_MAX + 1);
	CASE(false, changed.u.report.protocol = 1);
	CASE(false, changed.u.report.client.family = FAMILY_V6);
	CASE(false, changed.u.report.client.bytes[15] = 1);
	CASE(false, changed.u.report.server.family = FAMILY_NONE);
	CASE(false, changed.reserved = 1);
	CASE(false, changed.type = 0);
	CASE(false, changed.type = CHANNEL_RELOAD + 1);
	CASE(false, changed.type = CHANNEL_READY);

	m = plain_message(CHANNEL_CONFIGURE);
	assert_true(channel_check(&m, HEADER + sizeof(m.u.configure)));
	memset(&m.u.configure.report, 2, 1);
	assert_false(channel_check(&m, HEADER + sizeof(m.u.configure)));
}

static void test_ends(void **state)
{
	struct channel_message m = plain_message(CHANNEL_READY), got;
	int pair[2], fd, error;

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(channel_send(pair[0], &m, -1), 0);
	close(pair[0]);
	assert_int_equal(channel_receive(pair[1], &got, &fd), 1); /* what was sent is not lost */
	assert_int_equal(channel_receive(pair[1], &got, &fd), -EPIPE);
	assert_int_equal(channel_send(pair[1], &m, -1), -EPIPE);
	close(pair[1]);

	assert_int_equal(channel_pair(pair), 0);
	m = flow_message("update.example");
	while ((error = channel_send(pair[0], &m, -1)) == 0)
		;
	assert_int_equal(error, -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

static void test_json(void **state)
{
	json_t *json = json_pack("{s:i, s:[s]}", "number", 7, "list", "a"), *back;
	int fd = channel_json_fd(json), plain = memfd_create("plain", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	back = channel_json_read(fd);
	assert_true(json_equal(json, back));
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(write(plain, "{}", 2), 2);
	assert_null(channel_json_read(plain)); /* could change while it is read */
	assert_null(channel_json_read(-1));
	json_decref(back);
	json_decref(json);
	close(fd);
	close(plain);
}

static void test_json_that_is_none(void **state)
{
	static const struct {
		const char *what, *text;
	} cases[] = {
		{"nothing", ""},
		{"cut short", "{\"a\":"},
		{"twice the same key", "{\"a\":1,\"a\":2}"},
		{"two values", "{}{}"},
		{"not UTF-8", "[\"\xff\"]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		size_t length = strlen(cases[i].text);

		print_message("%s\n", cases[i].what);
		assert_int_equal(write(fd, cases[i].text, length), length);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW),
				 0);
		assert_null(channel_json_read(fd));
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_broken_messages),
		cmocka_unit_test(test_check),	   cmocka_unit_test(test_ends),
		cmocka_unit_test(test_json),	   cmocka_unit_test(test_json_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
