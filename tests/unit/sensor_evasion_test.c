/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody might send so that the sensor sees another thing than the server does, or learns
 * what nobody said. Each test bears the name of one such attempt.
 */
#include "tests/unit/sensor_bench.h"

#define PORT 40000
#define RESOLVER 53
#define OPAQUE "\x07 no protocol that anybody knows \x99\x88"

/* ---- answers that nobody asked for ---- */

/* The answer says that the server has the listed name. */
static size_t dns_message(uint8_t *out, uint16_t id, bool answer)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	static const char name[] = "\3s07\3upd\11kaspersky\3com";
	size_t length = 12;

	memset(out, 0, length);
	put16(out, id);
	put16(out + 2, answer ? 0x8180 : 0x0100);
	put16(out + 4, 1);
	put16(out + 6, answer);
	memcpy(out + length, name, sizeof(name));
	length += sizeof(name);
	put16(out + length, 1);
	put16(out + length + 2, 1);
	length += 4;
	if (!answer)
		return length;
	memcpy(out + length, record, sizeof(record));
	return length + sizeof(record);
}

static void send_dns(struct bench *bench, uint8_t protocol, uint16_t port, uint16_t id, bool answer)
{
	static const uint8_t resolver[4] = {9, 9, 9, 9};
	uint8_t bytes[256] = {0};
	size_t header = protocol == PROTOCOL_UDP ? 8 : 20 + 2;
	size_t length = dns_message(bytes + 20 + header, id, answer);

	put16(bytes + 20, answer ? RESOLVER : port);
	put16(bytes + 22, answer ? port : RESOLVER);
	if (protocol == PROTOCOL_UDP) {
		put16(bytes + 24, (unsigned int)(header + length));
	} else {
		bytes[32] = 0x50;
		bytes[33] = TCP_ACK;
		put16(bytes + 40, (unsigned int)length);
	}
	send_ip(bench, bytes, 20 + header + length, protocol, answer ? resolver : client_address,
		answer ? client_address : resolver);
}

/* Whether a connection without a name is taken for the listed service's. */
static bool is_poisoned(struct bench *bench)
{
	unsigned int before = bench->reports;

	send_syn(bench, PORT);
	send_tcp(bench, PORT, TCP_ACK, START + 1, (const uint8_t *)OPAQUE, sizeof(OPAQUE));
	return bench->reports > before;
}

static void test_answer_that_nobody_asked_for(void **state)
{
	static const struct {
		const char *what;
		struct {
			uint16_t port, id;
			bool answer;
		} messages[8];
		bool learned;
	} cases[] = {
		{"no query", {{1, 7, true}}, false},
		{"query and answer", {{1, 7, false}, {1, 7, true}}, true},
		{"another id", {{1, 7, false}, {1, 8, true}}, false},
		{"another port", {{1, 7, false}, {2, 7, true}}, false},
		{"two at once", {{1, 7, false}, {1, 8, false}, {1, 7, true}}, true},
		{"four at once",
		 {{1, 7, false}, {1, 8, false}, {1, 9, false}, {1, 6, false}, {1, 7, true}},
		 true},
		{"a query after its answer", {{1, 7, true}, {1, 7, false}}, false},
	};
	static const uint8_t protocols[] = {PROTOCOL_UDP, PROTOCOL_TCP};
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		bench_open(&bench, 64);
		for (size_t j = 0; cases[i / 2].messages[j].port > 0; j++)
			send_dns(&bench, protocols[i % 2], cases[i / 2].messages[j].port,
				 cases[i / 2].messages[j].id, cases[i / 2].messages[j].answer);
		if (is_poisoned(&bench) != cases[i / 2].learned)
			fail_msg("%s, protocol %u", cases[i / 2].what, protocols[i % 2]);
		sensor_free(bench.sensor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_that_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
