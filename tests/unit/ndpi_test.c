/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "classifiers/ndpi.h"

#define TCP 6
#define UDP 17
#define SYN 0x02
#define PSH_ACK 0x18

/* 2024-09-29T04:00:00Z */
static const struct wall packet_time = {INT64_C(1727582400000000000)};

static const char http_request[] = "GET /bases/av/kdb/u1313g.xml HTTP/1.1\r\n"
				   "Host: dnl-01.geo.kaspersky.com\r\n"
				   "User-Agent: curl/8.0\r\nAccept: */*\r\n\r\n";

static const uint8_t dns_query[] = {
	0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 7,    'e',  'x',
	'a',  'm',  'p',  'l',	'e',  3,    'o',  'r',	'g',  0,    0x00, 0x01, 0x00, 0x01,
};

static size_t put_u16(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
	return 2;
}

/* One packet from 192.0.2.1:40000 to 198.51.100.1:port, checksums left out. */
static size_t make_packet(uint8_t *packet, uint8_t protocol, uint16_t port, uint8_t flags,
			  uint32_t sequence, const void *payload, size_t length)
{
	static const uint8_t addresses[] = {192, 0, 2, 1, 198, 51, 100, 1};
	size_t header = protocol == TCP ? 20 : 8, total = 20 + header + length;
	uint8_t *transport = packet + 20;

	memset(packet, 0, 20 + header);
	packet[0] = 0x45;
	put_u16(packet + 2, total);
	packet[8] = 64;
	packet[9] = protocol;
	memcpy(packet + 12, addresses, sizeof(addresses));
	put_u16(transport, 40000);
	put_u16(transport + 2, port);
	if (protocol == TCP) {
		put_u16(transport + 6, sequence);
		put_u16(transport + 10, 1);
		transport[12] = 0x50;
		transport[13] = flags;
		put_u16(transport + 14, 64240);
	} else {
		put_u16(transport + 4, header + length);
	}
	if (length > 0)
		memcpy(transport + header, payload, length);
	return total;
}

/* A TLS 1.2 ClientHello with server_name alone. */
static size_t make_hello(uint8_t *hello, const char *name)
{
	static const uint8_t ciphers[] = {0x00, 0x04, 0xc0, 0x2f, 0xc0, 0x30, 0x01, 0x00};
	size_t length = strlen(name), at = 9;

	memcpy(hello, "\x16\x03\x01\x00\x00\x01\x00\x00\x00", 9);
	at += put_u16(hello + at, 0x0303);
	memset(hello + at, 0xa5, 32);
	at += 32;
	hello[at++] = 0;
	memcpy(hello + at, ciphers, sizeof(ciphers));
	at += sizeof(ciphers);
	at += put_u16(hello + at, length + 9);
	at += put_u16(hello + at, 0);
	at += put_u16(hello + at, length + 5);
	at += put_u16(hello + at, length + 3);
	hello[at++] = 0;
	at += put_u16(hello + at, length);
	memcpy(hello + at, name, length);
	at += length;
	put_u16(hello + 3, at - 5);
	put_u16(hello + 7, at - 9);
	return at;
}

/* What nDPI knows after a SYN (TCP) and one payload of the client, and at the end. */
static struct ndpi_result classify(uint8_t protocol, uint16_t port, const void *payload,
				   size_t length)
{
	struct ndpi *ndpi = ndpi_engine_new();
	struct ndpi_flow *flow = ndpi_engine_flow_new();
	struct ndpi_result result;
	uint8_t packet[2048];
	size_t size;

	assert_non_null(ndpi);
	assert_non_null(flow);
	if (protocol == TCP) {
		size = make_packet(packet, TCP, port, SYN, 0, NULL, 0);
		ndpi_engine_feed(ndpi, flow, packet, size, true, packet_time, &result);
		assert_string_equal(result.protocol, "");
		assert_false(result.decided);
	}
	size = make_packet(packet, protocol, port, PSH_ACK, 1, payload, length);
	ndpi_engine_feed(ndpi, flow, packet, size, true, packet_time, &result);
	if (!result.decided)
		ndpi_engine_give_up(ndpi, flow, &result);
	ndpi_engine_flow_free(flow);
	ndpi_engine_free(ndpi);
	return result;
}

static void test_finds_http(void **state)
{
	struct ndpi_result result = classify(TCP, 80, http_request, sizeof(http_request) - 1);

	(void)state;
	assert_memory_equal(result.protocol, "HTTP", 4);
	assert_true(result.decided);
}

static void test_finds_http_on_an_odd_port(void **state)
{
	struct ndpi_result result = classify(TCP, 13000, http_request, sizeof(http_request) - 1);

	(void)state;
	assert_memory_equal(result.protocol, "HTTP", 4);
}

static void test_finds_dns(void **state)
{
	struct ndpi_result result = classify(UDP, 53, dns_query, sizeof(dns_query));

	(void)state;
	assert_string_equal(result.protocol, "DNS");
	assert_string_equal(result.application, "DNS");
	assert_string_equal(result.category, "Network");
}

static void test_finds_the_application_in_tls(void **state)
{
	uint8_t hello[512];
	size_t length = make_hello(hello, "www.wikipedia.org");
	struct ndpi_result result = classify(TCP, 443, hello, length);

	(void)state;
	assert_string_equal(result.protocol, "TLS.Wikipedia");
	assert_string_equal(result.application, "Wikipedia");
}

static void test_knows_nothing_of_noise(void **state)
{
	uint8_t noise[64];
	struct ndpi_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 37 + 11);
	result = classify(TCP, 40001, noise, sizeof(noise));
	assert_string_equal(result.protocol, "");
	assert_string_equal(result.application, "");
	assert_true(result.decided);
}

/* Whatever stands in a packet, and wherever it ends. */
static void test_survives_cut_packets(void **state)
{
	struct ndpi *ndpi = ndpi_engine_new();
	struct ndpi_flow *flow;
	struct ndpi_result result;
	uint8_t packet[512], hello[256];
	size_t length = make_hello(hello, "a.example");
	size_t size = make_packet(packet, TCP, 443, PSH_ACK, 1, hello, length);

	(void)state;
	assert_non_null(ndpi);
	for (size_t cut = 0; cut <= size; cut++) {
		flow = ndpi_engine_flow_new();
		assert_non_null(flow);
		ndpi_engine_feed(ndpi, flow, packet, cut, true, packet_time, &result);
		if (cut < 40)
			assert_false(result.decided);
		ndpi_engine_give_up(ndpi, flow, &result);
		ndpi_engine_flow_free(flow);
	}
	ndpi_engine_free(ndpi);
	ndpi_engine_free(NULL);
	ndpi_engine_flow_free(NULL);
}

static void test_version(void **state)
{
	unsigned int major = 0, minor = 0;

	(void)state;
	assert_int_equal(sscanf(ndpi_engine_version(), "%u.%u", &major, &minor), 2);
	assert_true(major >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_http),
		cmocka_unit_test(test_finds_http_on_an_odd_port),
		cmocka_unit_test(test_finds_dns),
		cmocka_unit_test(test_finds_the_application_in_tls),
		cmocka_unit_test(test_knows_nothing_of_noise),
		cmocka_unit_test(test_survives_cut_packets),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
