/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/http.h"
#include "tests/unit/bytes.h"

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "GET / HTTP/1.1\r\nHost: b\r\n\r\n"

/* The names of all requests in a client's stream that comes in segments of at most size bytes, as
 * the sensor goes through it: a head that is not complete is kept until it is. */
static const char *requests(const char *stream, size_t length, size_t size, char *names)
{
	static struct finding finding;
	struct http_position position = {0};
	char text[NAMES_TEXT];
	size_t done = 0;

	names[0] = '\0';
	for (size_t there = 0; there < length;) {
		there = there + size < length ? there + size : length;
		while (done < there) {
			size_t consumed;
			const uint8_t *at;

			done += http_position_body(&position, (const uint8_t *)stream + done,
						   there - done);
			at = (const uint8_t *)stream + done;
			switch (http_extract(at, there - done, &finding, &consumed)) {
			case ANSWER_FOUND:
				http_position_head(&position, at, consumed);
				strcat(strcat(names, names_text(&finding, text)), ";");
				done += consumed;
				continue;
			case ANSWER_NOT_MINE:
				if (position.tunnel)
					return strcat(names, "tunnel");
				http_position_lost(&position);
				continue;
			case ANSWER_MORE:
				break;
			}
			break;
		}
	}
	return names;
}

static void test_streams(void **state)
{
	static const struct {
		const char *what, *stream, *want;
	} cases[] = {
		{"no bodies", NEXT NEXT, "http-host:b;http-host:b;"},
		{"length", HEAD "Content-Length: 27\r\n\r\n" NEXT NEXT, "http-host:a;http-host:b;"},
		{"length of nothing", HEAD "Content-Length: 0\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"length twice", HEAD "Content-Length: 3, 3\r\ncontent-length:3\r\n\r\n123" NEXT,
		 "http-host:a;http-host:b;"},
		{"lengths that differ", HEAD "Content-Length: 3, 4\r\n\r\n123\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"length that is no number", HEAD "Content-Length: -3\r\n\r\n123\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"chunks", CHUNKED "5\r\nGET /\r\nb\r\n HTTP/1.1\r\n\r\n0\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"chunks that hold a request", CHUNKED "1B\r\n" NEXT "\r\n0\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"chunk extensions", CHUNKED "3;x=\"y\"\r\n123\r\n0000;z\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"trailers", CHUNKED "3\r\n123\r\n0\r\nHost: x\r\nY: z\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"line feeds", CHUNKED "3\n123\n0\n\n" NEXT, "http-host:a;http-host:b;"},
		{"white space behind the size", CHUNKED "3 \r\n123\r\n0 \r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"chunked and a length",
		 HEAD "Content-Length: 1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
		      "3\r\n123\r\n0\r\n\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"identity", HEAD "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n1" NEXT,
		 "http-host:a;http-host:b;"},
		{"lengths that differ, and identity",
		 HEAD "Content-Length: 3, 40\r\nTransfer-Encoding: identity\r\n\r\n123\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"coding without an end", HEAD "Transfer-Encoding: gzip\r\n\r\nx\ny\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"size that is no number", CHUNKED "x\r\n" NEXT, "http-host:a;http-host:b;"},
		{"size without a digit", CHUNKED ";\r\n" NEXT, "http-host:a;http-host:b;"},
		{"size too large", CHUNKED "1000000000000000000\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"data longer than its size", CHUNKED "3\r\n1234\r\n" NEXT,
		 "http-host:a;http-host:b;"},
		{"body that ends early", CHUNKED "3\r\n123\r\n" NEXT, "http-host:a;http-host:b;"},
		{"garbage between", NEXT "\x01\x02\n\x03\nab cd\n" NEXT,
		 "http-host:b;http-host:b;"},
		{"what looks like a request at first",
		 NEXT "\x01\nGET / RTSP/1.0\nPOST\nPUT x y\n" NEXT, "http-host:b;http-host:b;"},
		{"CONNECT and bytes", "CONNECT a:1 HTTP/1.1\r\nContent-Length: 9\r\n\r\n\x16\x03",
		 "http-connect:a;tunnel"},
		{"CONNECT that was declined", "CONNECT a:1 HTTP/1.1\r\n\r\n" NEXT,
		 "http-connect:a;http-host:b;"},
		{"upgrade", HEAD "Upgrade: websocket\r\n\r\n\x81\x80", "http-host:a;tunnel"},
		{"upgrade with a body, declined",
		 HEAD "Upgrade: h2c\r\nContent-Length: 3\r\n\r\n123" NEXT,
		 "http-host:a;http-host:b;"},
	};
	char names[NAMES_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].stream);

		print_message("%s\n", cases[i].what);
		for (size_t size = 1; size <= length; size++)
			assert_string_equal(requests(cases[i].stream, length, size, names),
					    cases[i].want);
	}
}

static void head(struct http_position *position, const char *text)
{
	http_position_head(position, (const uint8_t *)text, strlen(text));
}

static void test_gap(void **state)
{
	struct http_position position = {0};
	const uint8_t *next = (const uint8_t *)"xx\nGET / HTTP/1.1\r\n\r\n";

	(void)state;
	head(&position, HEAD "Content-Length: 10\r\n\r\n");
	http_position_gap(&position, 9);
	assert_int_equal(http_position_body(&position, next, 20), 1);

	head(&position, HEAD "Content-Length: 10\r\n\r\n");
	http_position_gap(&position, 11);
	assert_true(position.lost);
	assert_int_equal(http_position_body(&position, next, 20), 3);

	head(&position, CHUNKED);
	assert_int_equal(http_position_body(&position, (const uint8_t *)"5\r\n1", 4), 4);
	http_position_gap(&position, 4);
	assert_int_equal(http_position_body(&position, (const uint8_t *)"\r\n0\r\n\r\nG", 8), 7);

	head(&position, CHUNKED);
	http_position_gap(&position, 1);
	assert_true(position.lost);
}

static void test_size_in_each_flow(void **state)
{
	(void)state;
	assert_true(sizeof(struct http_position) <= 24);
}

/* Never more than there is, and it always comes to an end. */
static void test_garbage(void **state)
{
	static const char alphabet[] = "0123fF;\r\n\r\nGET / HTTP/1.1\r\n";
	char stream[300], names[16 * NAMES_TEXT];
	uint32_t random = 3;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		size_t length = strlen(CHUNKED);

		memcpy(stream, CHUNKED, length);
		while (length < sizeof(stream))
			stream[length++] = alphabet[noise(&random) % strlen(alphabet)];
		requests(stream, length, 1 + round % length, names);
		assert_memory_equal(names, "http-host:a;", 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_size_in_each_flow),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
