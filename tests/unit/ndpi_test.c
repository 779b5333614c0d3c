/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "classifiers/ndpi.h"

#define TCP 6
#define UDP 17
#define CLIENT_PORT 40000
#define SYN 0x02
#define SYN_ACK 0x12
#define PSH_ACK 0x18

#define TEXT(text) text, sizeof(text) - 1

/* 2024-09-29T04:00:00Z */
static const struct wall packet_time = {INT64_C(1727582400000000000)};

static const char http_request[] = "GET /bases/av/kdb/u1313g.xml HTTP/1.1\r\n"
				   "Host: dnl-01.geo.kaspersky.com\r\n"
				   "User-Agent: curl/8.0\r\nAccept: */*\r\n\r\n";

static const char http_response[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\n"
				    "Content-Type: text/xml\r\nContent-Length: 0\r\n\r\n";

static const char ssh_banner[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

static const char bittorrent_handshake[] = "\x13"
					   "BitTorrent protocol"
					   "\0\0\0\0\0\x10\0\x05"
					   "aaaaaaaaaaaaaaaaaaaa-TR3000-bbbbbbbbbbbb";

static const char noise[] = "\x0b\x30\x55\x7a\x9f\xc4\xe9\x0e\x33\x58\x7d\xa2\xc7\xec\x11\x36"
			    "\x5b\x80\xa5\xca\xef\x14\x39\x5e\x83\xa8\xcd\xf2\x17\x3c\x61\x86";

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

struct message {
	bool from_client;
	uint16_t port; /* the server's */
	uint8_t flags;
	uint16_t sequence;
	const void *payload;
	size_t length;
};

/* The transport header and its payload, checksum left out. */
static size_t put_transport(uint8_t *to, uint8_t protocol, const struct message *message)
{
	size_t header = protocol == TCP ? 20 : 8;

	memset(to, 0, header);
	put_u16(to, message->from_client ? CLIENT_PORT : message->port);
	put_u16(to + 2, message->from_client ? message->port : CLIENT_PORT);
	if (protocol == TCP) {
		put_u16(to + 6, message->sequence);
		put_u16(to + 10, 1);
		to[12] = 0x50;
		to[13] = message->flags;
		put_u16(to + 14, 64240);
	} else {
		put_u16(to + 4, header + message->length);
	}
	if (message->length > 0)
		memcpy(to + header, message->payload, message->length);
	return header + message->length;
}

/* One packet between 192.0.2.1:40000 and 198.51.100.1:port. */
static size_t make_packet(uint8_t *packet, uint8_t protocol, const struct message *message)
{
	static const uint8_t client[] = {192, 0, 2, 1}, server[] = {198, 51, 100, 1};
	size_t total = 20 + put_transport(packet + 20, protocol, message);

	memset(packet, 0, 20);
	packet[0] = 0x45;
	put_u16(packet + 2, total);
	packet[8] = 64;
	packet[9] = protocol;
	memcpy(packet + 12, message->from_client ? client : server, 4);
	memcpy(packet + 16, message->from_client ? server : client, 4);
	return total;
}

/* The same in IPv6, where an authentication header, which nDPI does not read, may stand between. */
static size_t make_packet6(uint8_t *packet, bool authenticated, const struct message *message)
{
	static const uint8_t addresses[32] = {0x20, 1, 0xd, 0xb8, [15] = 1,
					      0x20, 1, 0xd, 0xb8, [31] = 2};
	size_t extension = authenticated ? 12 : 0;
	size_t length = put_transport(packet + 40 + extension, TCP, message);

	memset(packet, 0, 40 + extension);
	packet[0] = 0x60;
	put_u16(packet + 4, extension + length);
	packet[6] = authenticated ? 51 : TCP;
	packet[7] = 64;
	memcpy(packet + 8, addresses, sizeof(addresses));
	if (authenticated) {
		packet[40] = TCP;
		packet[41] = 1;
	}
	return 40 + extension + length;
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

static int make_engine(void **state)
{
	*state = ndpi_engine_new();
	return *state ? 0 : -1;
}

static int free_engine(void **state)
{
	ndpi_engine_free(*state);
	return 0;
}

static struct ndpi_flow *new_flow(void)
{
	struct ndpi_flow *flow = ndpi_engine_flow_new();

	assert_non_null(flow);
	return flow;
}

static struct ndpi_result feed(struct ndpi *ndpi, struct ndpi_flow *flow, uint8_t protocol,
			       struct message message)
{
	struct ndpi_result result;
	uint8_t packet[2048];
	size_t size = make_packet(packet, protocol, &message);

	memset(&result, 0xff, sizeof(result));
	ndpi_engine_feed(ndpi, flow, packet, size, message.from_client, packet_time, &result);
	return result;
}

static struct message request(uint16_t port, const void *payload, size_t length)
{
	return (struct message){true, port, PSH_ACK, 1, payload, length};
}

/* A flow's first payload, and what nDPI makes of it at last. */
static struct ndpi_result classify(struct ndpi *ndpi, uint8_t protocol, uint16_t port,
				   const void *payload, size_t length)
{
	struct ndpi_flow *flow = new_flow();
	struct ndpi_result result = feed(ndpi, flow, protocol, request(port, payload, length));

	if (!result.decided)
		ndpi_engine_give_up(ndpi, flow, &result);
	assert_true(result.decided);
	ndpi_engine_flow_free(flow);
	return result;
}

static void test_protocols(void **state)
{
	static const struct {
		const char *what;
		uint8_t protocol;
		uint16_t port;
		const void *payload;
		size_t length;
		const char *want, *category;
		bool guessed;
	} cases[] = {
		{"HTTP", TCP, 80, TEXT(http_request), "HTTP", "Web", false},
		{"HTTP on an odd port", TCP, 13000, TEXT(http_request), "HTTP", "Web", false},
		{"DNS", UDP, 53, dns_query, sizeof(dns_query), "DNS", "Network", false},
		{"SSH", TCP, 22, TEXT(ssh_banner), "SSH", "RemoteAccess", false},
		{"SSH on an odd port", TCP, 443, TEXT(ssh_banner), "SSH", "RemoteAccess", false},
		{"noise", TCP, 40001, TEXT(noise), "", "", true},
		{"noise on a known port", TCP, 25, TEXT(noise), "SMTP", "Email", true},
		/* the last, since nDPI remembers by addresses and ports who spoke it */
		{"BitTorrent", TCP, 51413, TEXT(bittorrent_handshake), "BitTorrent", "Download",
		 false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ndpi_result result = classify(*state, cases[i].protocol, cases[i].port,
						     cases[i].payload, cases[i].length);

		print_message("%s\n", cases[i].what);
		assert_string_equal(result.protocol, cases[i].want);
		assert_string_equal(result.application, cases[i].want);
		assert_string_equal(result.category, cases[i].category);
		assert_int_equal(result.guessed, cases[i].guessed);
	}
}

static void test_finds_the_application_in_tls(void **state)
{
	uint8_t hello[512];
	size_t length = make_hello(hello, "www.wikipedia.org");
	struct ndpi_result result = classify(*state, TCP, 443, hello, length);

	assert_string_equal(result.protocol, "TLS.Wikipedia");
	assert_string_equal(result.application, "Wikipedia");
}

/* Decided is what no later packet changes, and nothing that is only likely. */
static void test_decides_when_nothing_is_left_to_see(void **state)
{
	static const struct {
		const char *what;
		struct message messages[3];
		const char *want;
		bool decided[3];
	} cases[] = {
		{"a handshake alone",
		 {{true, 80, SYN, 0, NULL, 0}, {false, 80, SYN_ACK, 0, NULL, 0}},
		 "",
		 {false, false}},
		{"a request, then its response",
		 {{true, 80, PSH_ACK, 1, TEXT(http_request)},
		  {false, 80, PSH_ACK, 1, TEXT(http_response)}},
		 "HTTP",
		 {false, true}},
		{"noise",
		 {{true, 40001, PSH_ACK, 1, TEXT(noise)}, {false, 40001, PSH_ACK, 1, TEXT(noise)}},
		 "",
		 {false, false}},
		{"a protocol that one message shows",
		 {{true, 51413, PSH_ACK, 1, TEXT(bittorrent_handshake)}},
		 "BitTorrent",
		 {true}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ndpi_flow *flow = new_flow();
		struct ndpi_result result = {0};

		print_message("%s\n", cases[i].what);
		for (size_t j = 0; j < 3 && cases[i].messages[j].port != 0; j++) {
			result = feed(*state, flow, TCP, cases[i].messages[j]);
			assert_int_equal(result.decided, cases[i].decided[j]);
		}
		assert_string_equal(result.protocol, cases[i].want);
		ndpi_engine_flow_free(flow);
	}
}

/* nDPI would like to have SSH's key exchange; after some packets without it nobody waits. */
static void test_stops_waiting_for_what_does_not_come(void **state)
{
	struct ndpi_flow *flow = new_flow();
	struct ndpi_result result = {0};
	unsigned int packets = 0;

	while (!result.decided && packets < 100) {
		struct message message = {
			packets % 2 == 0, 22, PSH_ACK, (uint16_t)(packets * 32 + 1), noise,
			sizeof(noise) - 1};

		if (packets < 2) {
			message.payload = ssh_banner;
			message.length = sizeof(ssh_banner) - 1;
		}
		result = feed(*state, flow, TCP, message);
		packets++;
	}
	assert_in_range(packets, 3, 40);
	assert_string_equal(result.protocol, "SSH");
	ndpi_engine_flow_free(flow);
}

/* Whatever stands in a packet, and wherever it ends. */
static void test_survives_cut_packets(void **state)
{
	uint8_t packet[512], hello[256];
	size_t length = make_hello(hello, "a.example");
	struct message message = request(443, hello, length);
	size_t size = make_packet(packet, TCP, &message);

	for (size_t cut = 0; cut <= size; cut++) {
		struct ndpi_flow *flow = new_flow();
		uint8_t *copy = malloc(cut); /* so that the sanitizer knows where it ends */
		struct ndpi_result result;

		if (cut > 0)
			memcpy(copy, packet, cut);
		ndpi_engine_feed(*state, flow, copy, cut, true, packet_time, &result);
		free(copy);
		assert_string_equal(result.protocol, cut < size ? "" : "TLS");
		ndpi_engine_give_up(*state, flow, &result);
		assert_string_equal(result.protocol, cut < size ? "" : "TLS");
		ndpi_engine_flow_free(flow);
	}
}

static void test_ignores_what_is_not_tcp_or_udp(void **state)
{
	static const char *const packets[] = {
		"",
		"\x45",
		"\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x05\x0a\x14\x00\x05\x00\x00"
		"\x00\x00",
		"\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x01\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"
		"\x08\x00\x00\x00\x00\x01\x00\x01",
		"\x4f\x00\x00\x1c\x00\x01\x00\x00\x40\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"
		"\x08\x00\x00\x00\x00\x01\x00\x01",
	};
	static const size_t lengths[] = {0, 1, 22, 28, 28};
	struct ndpi_flow *flow = new_flow();

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct ndpi_result result;

		ndpi_engine_feed(*state, flow, (const uint8_t *)packets[i], lengths[i], true,
				 packet_time, &result);
		assert_string_equal(result.protocol, "");
		assert_false(result.decided);
	}
	assert_string_equal(feed(*state, flow, TCP, request(22, TEXT(ssh_banner))).protocol, "SSH");
	ndpi_engine_flow_free(flow);
}

/* What nDPI keeps for TCP it frees only if the last packet was TCP to it. (Under memcheck and
 * LeakSanitizer.) */
static void test_an_unread_extension_leaks_nothing(void **state)
{
	struct ndpi_flow *flow = new_flow();
	struct ndpi_result result;
	uint8_t packet[1024], hello[512];
	size_t length = make_hello(hello, "www.wikipedia.org");
	struct message first = request(443, hello, length / 2);
	struct message rest = {true,
			       443,
			       PSH_ACK,
			       (uint16_t)(1 + length / 2),
			       hello + length / 2,
			       length - length / 2};

	ndpi_engine_feed(*state, flow, packet, make_packet6(packet, false, &first), true,
			 packet_time, &result);
	assert_false(result.decided);
	ndpi_engine_feed(*state, flow, packet, make_packet6(packet, true, &rest), true, packet_time,
			 &result);
	assert_string_equal(result.protocol, "");
	ndpi_engine_flow_free(flow);
}

/* A UDP packet in a TCP flow would be read as what the flow has kept. */
static void test_a_flow_keeps_its_transport(void **state)
{
	struct ndpi_flow *flow = new_flow();
	uint8_t hello[512];
	size_t length = make_hello(hello, "www.wikipedia.org");
	struct message dns = request(53, dns_query, sizeof(dns_query));

	feed(*state, flow, TCP, request(443, hello, length / 2));
	assert_string_equal(feed(*state, flow, UDP, dns).protocol, "");
	ndpi_engine_flow_free(flow);
}

static void test_frees_nothing(void **state)
{
	(void)state;
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_engine, free_engine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_protocols),
		TEST(test_finds_the_application_in_tls),
		TEST(test_decides_when_nothing_is_left_to_see),
		TEST(test_stops_waiting_for_what_does_not_come),
		TEST(test_survives_cut_packets),
		TEST(test_ignores_what_is_not_tcp_or_udp),
		TEST(test_an_unread_extension_leaks_nothing),
		TEST(test_a_flow_keeps_its_transport),
		cmocka_unit_test(test_frees_nothing),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
