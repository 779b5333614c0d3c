/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sensor as a whole, on packets made here: what of a client's bytes, in whatever pieces and
 * order, becomes which class. What captures show stands in tests/golden.
 */
#include "tests/unit/sensor_bench.h"

/* A piece of the hello; pieces are sent in a random order, some of them twice, some overlapping. */
struct piece {
	size_t from, to;
};

static size_t cut(struct piece *pieces, size_t length, unsigned int *random)
{
	size_t count = 0;

	for (size_t at = 0; at < length;) {
		size_t size = 60 + (size_t)rand_r(random) % 1300;
		size_t overlap = rand_r(random) % 3 == 0 ? (size_t)rand_r(random) % 50 : 0;

		pieces[count].from = at > overlap ? at - overlap : 0;
		pieces[count].to = at + size < length ? at + size : length;
		at = pieces[count++].to;
	}
	return count;
}

static void shuffle(struct piece *pieces, size_t count, unsigned int *random)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)rand_r(random) % i;
		struct piece kept = pieces[i - 1];

		pieces[i - 1] = pieces[j];
		pieces[j] = kept;
	}
}

static void test_hello_in_any_pieces(void **state)
{
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	for (uint16_t seed = 1; seed <= 2000; seed++) {
		unsigned int random = seed;
		struct piece pieces[64];
		size_t count = cut(pieces, length, &random);

		shuffle(pieces, count, &random);
		bench.events = bench.reports = 0;
		send_syn(&bench, seed);
		for (size_t i = 0; i < count; i++) {
			const struct piece *p = &pieces[i];

			send_tcp(&bench, seed, TCP_ACK | TCP_PSH, START + 1 + (uint32_t)p->from,
				 hello + p->from, p->to - p->from);
			if (rand_r(&random) % 4 == 0)
				send_tcp(&bench, seed, TCP_ACK, START + 1 + (uint32_t)p->from,
					 hello + p->from, p->to - p->from);
		}
		if (bench.events != 1)
			print_message("seed %u\n", seed);
		assert_banned_once(&bench);
	}
	sensor_free(bench.sensor);
}

static void test_sequence_numbers_wrap(void **state)
{
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	for (uint16_t before = 1; before < 1400; before++) {
		uint32_t first = -(uint32_t)before;

		bench.events = bench.reports = 0;
		send_tcp(&bench, before, TCP_SYN, first - 1, NULL, 0);
		send_tcp(&bench, before, TCP_ACK, first + 1300, hello + 1300, length - 1300);
		send_tcp(&bench, before, TCP_ACK, first, hello, 1300);
		assert_banned_once(&bench);
	}
	sensor_free(bench.sensor);
}

static void test_fast_open_hello_in_the_syn(void **state)
{
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_tcp(&bench, 40000, TCP_SYN, START, hello, 1300);
	send_tcp(&bench, 40000, TCP_ACK, START + 1 + 1300, hello + 1300, length - 1300);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

static void test_tls_after_another_protocol(void **state)
{
	static const uint8_t greeting[] = "EHLO client.example\r\n", upgrade[] = "STARTTLS\r\n";
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	uint32_t at = START + 1;
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	send_tcp(&bench, 40000, TCP_ACK, at, greeting, sizeof(greeting) - 1);
	at += sizeof(greeting) - 1;
	send_tcp(&bench, 40000, TCP_ACK, at, upgrade, sizeof(upgrade) - 1);
	at += sizeof(upgrade) - 1;
	send_tcp(&bench, 40000, TCP_ACK, at, hello, 1400);
	send_tcp(&bench, 40000, TCP_ACK, at + 1400, hello + 1400, length - 1400);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

static void test_ports_used_again(void **state)
{
	uint8_t clean[4096], banned[4096];
	size_t clean_length = client_hello(clean, "www.example.org");
	size_t banned_length = client_hello(banned, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	send_tcp(&bench, 40000, TCP_ACK, START + 1, clean, 1400);
	send_tcp(&bench, 40000, TCP_ACK, START + 1401, clean + 1400, clean_length - 1400);
	send_tcp(&bench, 40000, TCP_RST, START + 1 + (uint32_t)clean_length, NULL, 0);
	assert_int_equal(bench.events, 0);
	send_syn(&bench, 40000);
	send_tcp(&bench, 40000, TCP_ACK, START + 1, banned, 1400);
	send_tcp(&bench, 40000, TCP_ACK, START + 1401, banned + 1400, banned_length - 1400);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

static void test_memory_stays_within_its_limits(void **state)
{
	uint8_t hello[4096];
	struct bench bench;

	(void)state;
	client_hello(hello, BANNED);
	bench_open(&bench, 100);
	for (uint16_t port = 1; port < 20000; port++) {
		send_syn(&bench, port);
		send_tcp(&bench, port, TCP_ACK, START + 1, hello, 1400); /* and never the rest */
		assert_true(sensor_flows(bench.sensor) <= 100);
	}
	assert_int_equal(sensor_evicted(bench.sensor), 19999 - 100);
	assert_int_equal(bench.events, 0);
	sensor_free(bench.sensor);
}

static void test_flow_without_a_name_is_given_up(void **state)
{
	const uint8_t opaque[1024] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t hello[4096];
	uint32_t at = START + 1;
	struct bench bench;

	(void)state;
	client_hello(hello, BANNED);
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	for (int i = 0; i < 32; i++, at += sizeof(opaque))
		send_tcp(&bench, 40000, TCP_ACK, at, opaque, sizeof(opaque));
	send_tcp(&bench, 40000, TCP_ACK, at, hello, 1400);
	send_tcp(&bench, 40000, TCP_ACK, at + 1400, hello + 1400, 400);
	assert_int_equal(bench.events, 0);
	sensor_free(bench.sensor);
}

/* Through a proxy, requests to several services share a connection: the kernel judges by the last.
 */
static void test_request_of_another_class_is_reported(void **state)
{
	static const struct {
		const char *host;
		unsigned int reports;
		uint16_t field;
	} requests[] = {
		{BANNED, 1, CLASS},
		{BANNED, 1, CLASS},
		{OTHER_BANNED, 2, OTHER_CLASS},
		{"www.example.org", 2, OTHER_CLASS},
		{BANNED, 3, CLASS},
	};
	uint32_t at = START + 1;
	struct bench bench;
	char request[256];

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int length = snprintf(request, sizeof(request),
				      "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n",
				      requests[i].host, requests[i].host);

		send_tcp(&bench, 40000, TCP_ACK, at, (const uint8_t *)request, (size_t)length);
		at += (uint32_t)length;
		assert_int_equal(bench.reports, requests[i].reports);
		assert_int_equal(bench.report.field, requests[i].field);
	}
	sensor_free(bench.sensor);
}

static void test_reload_keeps_classes(void **state)
{
	static const uint8_t request[] = "GET / HTTP/1.1\r\nHost: " BANNED "\r\n\r\n";
	const size_t length = sizeof(request) - 1;
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	send_tcp(&bench, 40000, TCP_ACK, START + 1, request, length);
	assert_int_equal(bench.reports, 1);
	sensor_reconfigure(bench.sensor, make_catalogue(), false, false);
	send_tcp(&bench, 40000, TCP_ACK, START + 1 + (uint32_t)length, request, length);
	assert_int_equal(bench.events, 2);
	assert_int_equal(bench.reports, 1); /* the kernel knows it already */
	assert_int_equal(bench.event.field, CLASS);
	sensor_free(bench.sensor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_in_any_pieces),
		cmocka_unit_test(test_sequence_numbers_wrap),
		cmocka_unit_test(test_fast_open_hello_in_the_syn),
		cmocka_unit_test(test_tls_after_another_protocol),
		cmocka_unit_test(test_ports_used_again),
		cmocka_unit_test(test_memory_stays_within_its_limits),
		cmocka_unit_test(test_flow_without_a_name_is_given_up),
		cmocka_unit_test(test_request_of_another_class_is_reported),
		cmocka_unit_test(test_reload_keeps_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
