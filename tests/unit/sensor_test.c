/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sensor as a whole, on packets made here: what of a client's bytes, in whatever pieces and
 * order, becomes which class. What captures show stands in tests/golden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sensor/sensor.h"

#define BANNED "s07.upd.kaspersky.com"
#define CLASS 16
#define OTHER_BANNED "ksn1-12.kaspersky-labs.com"
#define OTHER_CLASS 17
#define LINKTYPE_RAW 101
#define START 1000 /* the client's initial sequence number */

struct bench {
	struct sensor *sensor;
	struct wall now;
	unsigned int events, reports;
	struct event_flow event;      /* the last */
	struct channel_report report; /* likewise */
};

/* ---- a sensor with two listed names ---- */

static void take_event(void *context, const struct event_flow *event)
{
	struct bench *bench = context;

	bench->events++;
	memcpy(&bench->event, event, event_flow_size(event));
}

static void take_report(void *context, const struct channel_report *report)
{
	struct bench *bench = context;

	bench->reports++;
	bench->report = *report;
}

static struct catalogue *make_catalogue(void)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	struct catalogue_conflict conflict;
	struct catalogue *catalogue;
	uint16_t service;
	int fd;

	assert_int_equal(
		catalogue_add_service(builder, "kaspersky", "updates", CLASS, false, &service),
		CATALOGUE_OK);
	assert_int_equal(
		catalogue_add_name(builder, service, "s##.upd.kaspersky.com", 21, 1, &conflict),
		CATALOGUE_OK);
	assert_int_equal(catalogue_add_service(builder, "kaspersky", "telemetry", OTHER_CLASS,
					       false, &service),
			 CATALOGUE_OK);
	assert_int_equal(catalogue_add_name(builder, service, OTHER_BANNED, strlen(OTHER_BANNED), 2,
					    &conflict),
			 CATALOGUE_OK);
	fd = catalogue_seal(builder);
	assert_true(fd >= 0);
	catalogue = catalogue_map(fd);
	assert_non_null(catalogue);
	close(fd);
	catalogue_builder_free(builder);
	return catalogue;
}

static void bench_open(struct bench *bench, size_t flows_max)
{
	const struct sensor_options options = {.seed = 1, .flows_max = flows_max};
	const struct sensor_sink sink = {take_event, take_report, bench};

	memset(bench, 0, sizeof(*bench));
	bench->now = (struct wall){1727582400 * CLOCK_SECOND};
	bench->sensor = sensor_new(&options, make_catalogue(), &sink);
	assert_non_null(bench->sensor);
}

/* ---- packets ---- */

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static void send_tcp(struct bench *bench, uint16_t port, uint8_t flags, uint32_t sequence,
		     const uint8_t *payload, size_t length)
{
	static const uint8_t client[4] = {10, 20, 0, 5}, server[4] = {192, 0, 2, 1};
	uint8_t bytes[2048] = {0x45};
	struct capture_packet packet = {
		.bytes = bytes, .linktype = LINKTYPE_RAW, .length = (uint32_t)(40 + length)};

	put16(bytes + 2, (unsigned int)(40 + length));
	bytes[8] = 64;
	bytes[9] = PROTOCOL_TCP;
	memcpy(bytes + 12, client, 4);
	memcpy(bytes + 16, server, 4);
	put16(bytes + 20, port);
	put16(bytes + 22, 443);
	put32(bytes + 24, sequence);
	bytes[32] = 0x50;
	bytes[33] = flags;
	if (length > 0)
		memcpy(bytes + 40, payload, length);
	packet.wire_length = packet.length;
	bench->now = wall_add(bench->now, CLOCK_MILLISECOND);
	packet.at = bench->now;
	sensor_packet(bench->sensor, &packet);
}

static void send_syn(struct bench *bench, uint16_t port)
{
	send_tcp(bench, port, TCP_SYN, START, NULL, 0);
}

/* A ClientHello of 1,800 bytes, as with a post-quantum key share: it fills no single segment. */
static size_t client_hello(uint8_t *out, const char *name)
{
	size_t name_length = strlen(name), sni = name_length + 9, padding = 1700, at = 0;
	size_t extensions = sni + 4 + padding, body = 2 + 32 + 1 + 2 + 2 + 2 + 2 + extensions;

	memset(out, 0, 4096);
	out[at++] = 22;
	put16(out + at, 0x0301);
	put16(out + at + 2, (unsigned int)(body + 4));
	at += 4;
	put32(out + at, (uint32_t)(1 << 24 | body));
	at += 4;
	put16(out + at, 0x0303);
	at += 2 + 32 + 1;
	put16(out + at, 2);
	put16(out + at + 2, 0x1301);
	put16(out + at + 4, 0x0100);
	put16(out + at + 6, (unsigned int)extensions);
	at += 8;
	put16(out + at, 21); /* padding first: the name stands in the second segment */
	put16(out + at + 2, (unsigned int)padding);
	at += 4 + padding;
	put16(out + at, 0);
	put16(out + at + 2, (unsigned int)(sni - 4));
	put16(out + at + 4, (unsigned int)(sni - 6));
	put16(out + at + 7, (unsigned int)name_length);
	memcpy(out + at + 9, name, name_length);
	return at + sni;
}

/* ---- what is found ---- */

static void assert_banned_once(const struct bench *bench)
{
	assert_int_equal(bench->events, 1);
	assert_int_equal(bench->reports, 1);
	assert_int_equal(bench->report.field, CLASS);
	assert_int_equal(bench->event.evidence, EVIDENCE_TLS_SNI);
	assert_string_equal(bench->event.seen, BANNED);
	assert_string_equal(bench->event.indicator, "s##.upd.kaspersky.com");
}

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
	const uint8_t opaque[] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t hello[4096];
	uint32_t at = START + 1;
	struct bench bench;

	(void)state;
	client_hello(hello, BANNED);
	bench_open(&bench, 64);
	send_syn(&bench, 40000);
	for (int i = 0; i < 100; i++, at += sizeof(opaque))
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
