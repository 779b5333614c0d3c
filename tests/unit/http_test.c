/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/http.h"
#include "tests/unit/bytes.h"

static enum answer extract(const char *text, size_t length, struct finding *finding,
			   size_t *consumed)
{
	uint8_t *copy = bytes_copy((const uint8_t *)text, length);
	enum answer answer = http_extract(copy, length, finding, consumed);

	free(copy);
	return answer;
}

/* Every cut of a good head gives MORE and no name; the whole gives FOUND, and its length. */
static void assert_head(const char *head, size_t length, const char *want)
{
	static struct finding finding;
	char names[NAMES_TEXT], longer[4096];
	size_t consumed;

	for (size_t n = 0; n < length; n++) {
		assert_int_equal(extract(head, n, &finding, &consumed), ANSWER_MORE);
		assert_int_equal(finding.names_count, 0);
	}
	snprintf(longer, sizeof(longer), "%.*sGET / HTTP/1.1\r\nHost: next\r\n\r\n", (int)length,
		 head);
	assert_int_equal(extract(longer, strlen(longer), &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(consumed, length);
	assert_string_equal(names_text(&finding, names), want);
	assert_int_equal(finding.carrier, CARRIER_HTTP);
}

static void test_heads(void **state)
{
	static const struct {
		const char *what, *head, *want;
	} cases[] = {
		{"origin form", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "http-host:a.example"},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\nHost: a.example\r\n\r\n", "http-host:a.example"},
		{"no host", "GET / HTTP/1.0\r\nAccept: */*\r\n\r\n", ""},
		{"no fields", "GET / HTTP/1.0\r\n\r\n", ""},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
		{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
		 "http-host:a.example"},
		{"absolute form", "GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n",
		 "http-host:b.example http-host:a.example"},
		{"absolute form, same host",
		 "GET HTTP://A.example HTTP/1.1\r\nHost: a.example\r\n\r\n", "http-host:a.example"},
		{"absolute form with a port and a user",
		 "GET ftp://u:p@b.example:8080?q HTTP/1.1\r\n\r\n", "http-host:b.example"},
		{"absolute form of an address", "GET http://[2001:DB8::1]:80/ HTTP/1.1\r\n\r\n",
		 "http-host:2001:db8::1"},
		{"a URL inside of a path", "GET /http://b.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"CONNECT", "CONNECT dc1.example:443 HTTP/1.1\r\n\r\n", "http-connect:dc1.example"},
		{"CONNECT with a host",
		 "CONNECT dc1.example:443 HTTP/1.1\r\nHost: dc1.example:443\r\n\r\n",
		 "http-connect:dc1.example http-host:dc1.example"},
		{"CONNECT to another host", "connect [::1]:443 HTTP/1.1\r\nHost: p.example\r\n\r\n",
		 "http-connect:::1 http-host:p.example"},
		{"CONNECT in absolute form", "CONNECT https://b.example/ HTTP/1.1\r\n\r\n",
		 "http-connect:b.example"},
		{"any method", "X-a!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", "http-host:a"},
		{"case of the field", "GET / HTTP/1.1\r\nhOsT: A.ExAmPlE.\r\n\r\n",
		 "http-host:a.example"},
		{"no white space", "GET / HTTP/1.1\r\nHost:a.example\r\n\r\n",
		 "http-host:a.example"},
		{"much white space", "GET \t /  HTTP/1.1 \r\nHost \t: \t a.example \t\r\n\r\n",
		 "http-host:a.example"},
		{"port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", "http-host:a.example"},
		{"port without digits", "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n",
		 "http-host:a.example"},
		{"dot and port", "GET / HTTP/1.1\r\nHost: a.example.:80\r\n\r\n",
		 "http-host:a.example"},
		{"user", "GET / HTTP/1.1\r\nHost: u@v:w@a.example:80\r\n\r\n",
		 "http-host:a.example"},
		{"user alone", "GET / HTTP/1.1\r\nHost: u@\r\n\r\n", ""},
		{"IPv4", "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", "http-host:192.0.2.1"},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "http-host:2001:db8::1"},
		{"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n",
		 "http-host:2001:db8::1"},
		{"IPv6 with half of its brackets", "GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n",
		 "http-host:2001:db8::1"},
		{"no address in brackets", "GET / HTTP/1.1\r\nHost: []:80\r\n\r\n", ""},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: b\r\n\r\n",
		 "http-host:a http-host:b"},
		{"two hosts in one", "GET / HTTP/1.1\r\nHost: a, b c\r\n\r\n",
		 "http-host:a http-host:b http-host:c"},
		{"folded", "GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n", "http-host:a.example"},
		{"folded twice", "GET / HTTP/1.1\r\nHost: \n\t\r\n \ta.example\n\r\n",
		 "http-host:a.example"},
		{"folded away", "GET / HTTP/1.1\r\nX: y\r\n Host: b\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"folded onto the request line", "GET / HTTP/1.1\r\n Host: b\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"line feeds", "GET / HTTP/1.1\nHost: a.example\n\n", "http-host:a.example"},
		{"mixed line ends", "GET / HTTP/1.1\nHost: a.example\r\n\n", "http-host:a.example"},
		{"empty lines before", "\r\n\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"lines that are no field", "GET / HTTP/1.1\r\nwhat\r\n:\r\n: x\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"other fields", "GET / HTTP/1.1\r\nX-Host: b\r\nHosts: c\r\nHos: d\r\n\r\n", ""},
		{"high bytes", "GET /\xc3\xa9 HTTP/1.1\r\nHost: \xc3\xa9.example\r\n\r\n",
		 "http-host:\xc3\xa9.example"},
		{"white space in the target", "GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n",
		 "http-host:a"},
		{"version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", "http-host:a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		assert_head(cases[i].head, strlen(cases[i].head), cases[i].want);
	}
}

static void test_not_mine(void **state)
{
	/* MORE up to the byte before the last, NOT_MINE with it, whatever comes then */
	static const char *const cases[] = {
		"\x16",
		" ",
		"\r\r",
		"HTTP/", /* a response */
		"GET\r",
		"GET:",
		"GET /\x01",
		"GET /\x7f",
		"GET /\r ",
		"GET / HTTP/2.0\n",
		"PRI * HTTP/2.0\r\n",
		"GET /\r\n",
		"GET \r\n",
		"GET HTTP/1.1\n",
		"GET / HTTP/1.\n",
		"GET / HTTP/1.x\n",
		"GET / HTTP/1.10\n",
		"GET / XHTTP/1.1\n",
		"DESCRIBE rtsp://a.example/ RTSP/1.0\r\n",
		"INVITE sip:a@b.example SIP/2.0\r\n",
		"REQMOD icap://a.example/ ICAP/1.0\r\n",
		"EHLO a.example\r\n",
		"USER anonymous\n",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
	};
	static struct finding finding;
	char longer[200];
	size_t consumed;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i]);

		print_message("%s\n", cases[i]);
		for (size_t n = 0; n < length; n++)
			assert_int_equal(extract(cases[i], n, &finding, &consumed), ANSWER_MORE);
		snprintf(longer, sizeof(longer), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", cases[i]);
		for (size_t n = length; n <= strlen(longer); n++)
			assert_int_equal(extract(longer, n, &finding, &consumed), ANSWER_NOT_MINE);
		assert_int_equal(finding.names_count, 0);
		assert_int_equal(consumed, 0);
	}
}

static void test_longest_head(void **state)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	static char head[HTTP_HEAD_MAX + 2];
	static struct finding finding;
	char names[NAMES_TEXT];
	size_t consumed;

	(void)state;
	memset(head, 'x', sizeof(head));
	memcpy(head, start, strlen(start));
	assert_int_equal(extract(head, HTTP_HEAD_MAX - 1, &finding, &consumed), ANSWER_MORE);
	/* longer: read up to here */
	assert_int_equal(extract(head, HTTP_HEAD_MAX, &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(consumed, HTTP_HEAD_MAX);
	assert_true(finding.truncated);
	assert_string_equal(names_text(&finding, names), "http-host:a");
	memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(extract(head, HTTP_HEAD_MAX, &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(consumed, HTTP_HEAD_MAX);
	assert_int_equal(extract(head, HTTP_HEAD_MAX + 1, &finding, &consumed), ANSWER_FOUND);
	memcpy(head + HTTP_HEAD_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(extract(head, HTTP_HEAD_MAX + 1, &finding, &consumed), ANSWER_FOUND);
	assert_true(finding.truncated);
	/* not even a request line */
	head[3] = 'x';
	assert_int_equal(extract(head, HTTP_HEAD_MAX, &finding, &consumed), ANSWER_NOT_MINE);
}

static void test_cut_heads(void **state)
{
	static const struct {
		const char *head, *want;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\nX:", "http-host:a"},
		{"GET http://b/ HTTP/1.1\nHo", "http-host:b"},
		{"GET / HTTP/1.1\nHost: a", ""},
		{"GET / HTTP/1.1", NULL},
		{"", NULL},
	};
	static struct finding finding;
	char names[NAMES_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *head = (const uint8_t *)cases[i].head;

		assert_int_equal(http_extract_cut(head, strlen(cases[i].head), &finding),
				 cases[i].want ? ANSWER_FOUND : ANSWER_NOT_MINE);
		assert_string_equal(names_text(&finding, names),
				    cases[i].want ? cases[i].want : "");
	}
}

static void test_long_method(void **state)
{
	static struct finding finding;
	char head[9000];
	size_t consumed;

	(void)state;
	memset(head, 'A', sizeof(head));
	strcpy(head + 8000, " / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(extract(head, strlen(head), &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(finding.names_count, 1);
	memset(head, 'A', sizeof(head));
	assert_int_equal(extract(head, sizeof(head), &finding, &consumed), ANSWER_NOT_MINE);
}

static void test_more_names_than_room(void **state)
{
	static struct finding finding;
	char head[4096] = "GET / HTTP/1.1\r\n";
	size_t consumed;

	(void)state;
	for (unsigned int i = 0; i < FINDING_NAMES + 1; i++)
		snprintf(head + strlen(head), sizeof(head) - strlen(head), "Host: h%u\r\n", i);
	strcat(head, "\r\n");
	assert_int_equal(extract(head, strlen(head), &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(finding.names_count, FINDING_NAMES);
	assert_true(finding.truncated);
}

static void test_garbage(void **state)
{
	static const char alphabet[] = "GET /:@[]HTTP/1.1\r\n\r\nHost:  a,.\t\x01\xff";
	static struct finding finding;
	char text[120];
	uint32_t random = 7;
	size_t consumed;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		size_t length = noise(&random) % sizeof(text);

		for (size_t i = 0; i < length; i++)
			text[i] = round % 2 ? (char)noise(&random)
					    : alphabet[noise(&random) % strlen(alphabet)];
		assert_int_not_equal(extract(text, length, &finding, &consumed), ANSWER_FOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),	     cmocka_unit_test(test_not_mine),
		cmocka_unit_test(test_longest_head), cmocka_unit_test(test_cut_heads),
		cmocka_unit_test(test_long_method),  cmocka_unit_test(test_more_names_than_room),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
