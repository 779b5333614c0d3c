/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody might send so that the sensor sees another thing than the server does, or learns
 * what nobody said. Each test bears the name of one such attempt.
 */
#include "tests/quic_seal.h"
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

/* ---- segments that the server drops, or reads otherwise ---- */

enum payload {
	NOTHING,
	HELLO,	     /* the listed name's, from some byte on */
	CLEAN_HELLO, /* another's */
	GARBAGE,
	BEGINNING, /* of a hello that never goes on */
};

/* Offsets are from the first byte of the connection that the server accepts. */
struct step {
	uint8_t flags;
	bool from_server;
	int32_t at, acknowledged;
	enum payload payload;
	size_t from, length; /* of the payload; length 0: all of it */
};

#define SYN(offset) .flags = TCP_SYN, .at = (offset)-1, .acknowledged = 0
#define SYN_ACK(offset)                                                                            \
	.flags = TCP_SYN | TCP_ACK, .from_server = true, .at = 70000, .acknowledged = (offset)
#define DATA(offset) .flags = TCP_ACK, .at = (offset), .acknowledged = 1
#define SERVER_DATA(offset) .flags = TCP_ACK, .from_server = true, .at = (offset), .acknowledged = 1
#define OPENED                                                                                     \
	{SYN(0)},                                                                                  \
	{                                                                                          \
		SYN_ACK(0)                                                                         \
	}

static void send_step(struct bench *bench, const struct step *step)
{
	static const uint8_t beginning[] = {22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc, 3, 3};
	uint8_t bytes[4096] = {0};
	size_t length = 0;

	switch (step->payload) {
	case NOTHING:
		break;
	case HELLO:
		length = client_hello(bytes, BANNED);
		break;
	case CLEAN_HELLO:
		length = client_hello(bytes, "www.example.org");
		break;
	case GARBAGE:
		memset(bytes, 'x', sizeof(bytes));
		length = 700;
		break;
	case BEGINNING:
		length = 700;
		memcpy(bytes, beginning, sizeof(beginning));
		break;
	}
	send_segment(bench, &(struct segment){
				    .from_server = step->from_server,
				    .port = PORT,
				    .flags = step->flags,
				    .sequence = START + (uint32_t)step->at,
				    .acknowledgement = START + (uint32_t)step->acknowledged,
				    .payload = bytes + step->from,
				    .length = step->length ? step->length : length - step->from,
			    });
}

static void test_hello_behind_a_decoy(void **state)
{
	static const struct {
		const char *what;
		struct step steps[10];
		bool ambiguous;
	} cases[] = {
		{"SYN on a live flow", {OPENED, {SYN(1 << 28)}, {DATA(0), HELLO}}, false},
		{"the same before the SYN-ACK",
		 {{SYN(0)}, {SYN(1 << 28)}, {SYN_ACK(0)}, {DATA(0), HELLO}},
		 false},
		{"the true SYN last", {{SYN(1 << 28)}, OPENED, {DATA(0), HELLO}}, false},
		{"SYN amid the hello",
		 {OPENED, {DATA(0), HELLO, 0, 1400}, {SYN(1 << 28)}, {DATA(1400), HELLO, 1400}},
		 false},
		{"RST that nobody believes, and SYN",
		 {OPENED, {.flags = TCP_RST, .at = 1 << 27}, {SYN(1 << 28)}, {DATA(0), HELLO}},
		 false},
		{"SYN-ACK from the client",
		 {{.flags = TCP_SYN | TCP_ACK, .at = 77},
		  {.flags = TCP_RST, .from_server = true},
		  OPENED,
		  {DATA(0), HELLO}},
		 false},
		{"SYN-ACK from the client that the server does not answer",
		 {{.flags = TCP_SYN | TCP_ACK, .at = 77}, OPENED, {DATA(0), HELLO}},
		 false},
		{"garbage in the SYN", {{SYN(0), GARBAGE}, {SYN_ACK(0)}, {DATA(0), HELLO}}, false},
		{"another hello in the SYN",
		 {{SYN(0), CLEAN_HELLO}, {SYN_ACK(0)}, {DATA(0), HELLO}},
		 false},
		{"the same without a sight of the server",
		 {{SYN(0), CLEAN_HELLO}, {DATA(0), HELLO}},
		 false},
		{"and as if it had been accepted",
		 {{SYN(0), GARBAGE}, {DATA(700), GARBAGE}, {SYN_ACK(0)}, {DATA(0), HELLO}},
		 false},
		{"a hello in the SYN that counts",
		 {{SYN(0), HELLO, 0, 1700}, {SYN_ACK(1700)}, {DATA(1700), HELLO, 1700}},
		 false},
		{"a byte far ahead",
		 {OPENED, {DATA(40000), GARBAGE, 0, 1}, {DATA(0), HELLO}},
		 false},
		{"garbage in the hello's place",
		 {OPENED, {DATA(0), GARBAGE}, {DATA(0), HELLO}},
		 true},
		{"the same, and the hello in two",
		 {OPENED, {DATA(0), GARBAGE}, {DATA(0), HELLO, 0, 600}, {DATA(600), HELLO, 600}},
		 true},
		{"garbage amid the hello",
		 {OPENED, {DATA(0), HELLO, 0, 1400}, {DATA(0), GARBAGE}, {DATA(1400), HELLO, 1400}},
		 true},
		{"the beginning of another, twice, and the hello in two",
		 {OPENED,
		  {DATA(0), BEGINNING},
		  {DATA(0), HELLO, 0, 1400},
		  {DATA(0), BEGINNING},
		  {DATA(1400), HELLO, 1400}},
		 true},
		{"bytes that are no word of any protocol",
		 {OPENED,
		  {DATA(0), HELLO, 100, 700},
		  {DATA(0), HELLO, 0, 600},
		  {DATA(600), HELLO, 600}},
		 true},
		{"garbage that is longer",
		 {OPENED,
		  {DATA(0), GARBAGE},
		  {DATA(700), GARBAGE},
		  {DATA(1400), GARBAGE},
		  {DATA(0), HELLO}},
		 true},
		{"the beginning of another hello in its place",
		 {OPENED, {DATA(0), BEGINNING}, {DATA(0), HELLO}},
		 true},
		{"sent again in other pieces",
		 {OPENED, {DATA(0), HELLO, 0, 600}, {DATA(0), HELLO}},
		 false},
		{"ports used again, without an end of the first connection",
		 {{SYN(-90000)},
		  {SYN_ACK(-90000)},
		  {DATA(-90000), CLEAN_HELLO},
		  OPENED,
		  {DATA(0), HELLO}},
		 false},
		{"ports used again by the other end",
		 {{.flags = TCP_SYN, .from_server = true, .at = 5},
		  {.flags = TCP_SYN | TCP_ACK, .at = 7, .acknowledged = 6},
		  {SERVER_DATA(6), CLEAN_HELLO},
		  OPENED,
		  {DATA(0), HELLO}},
		 false},
	};
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_open(&bench, 64);
		for (const struct step *step = cases[i].steps; step->flags; step++)
			send_step(&bench, step);
		if (bench.reports != 1 || bench.report.field != CLASS ||
		    bench.event.ambiguous != cases[i].ambiguous)
			fail_msg("%s", cases[i].what);
		sensor_free(bench.sensor);
	}
}

/* What a capture of one side holds when the client says no more than its SYN. */
static void test_hello_in_the_syn_alone(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_step(&bench, &(struct step){SYN(0), HELLO});
	assert_int_equal(bench.reports, 0);
	sensor_finish(bench.sensor);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

static void test_hello_in_single_bytes(void **state)
{
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, PORT);
	for (size_t i = 0; i < length; i++)
		send_tcp(&bench, PORT, TCP_ACK, START + 1 + (uint32_t)i, hello + i, 1);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

/* Pieces with gaps between them, more than are held at a time. */
static void test_hello_behind_many_pieces(void **state)
{
	uint8_t hello[4096];
	size_t length = client_hello(hello, BANNED);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, PORT);
	for (uint32_t i = 0; i < 100; i++)
		send_tcp(&bench, PORT, TCP_ACK, START + 3000 + 10 * i, hello, 1);
	send_tcp(&bench, PORT, TCP_ACK, START + 1, hello, 1400);
	send_tcp(&bench, PORT, TCP_ACK, START + 1401, hello + 1400, length - 1400);
	assert_banned_once(&bench);
	sensor_free(bench.sensor);
}

/* The request is there, but its head goes on for longer than anybody looks. */
static void test_request_that_does_not_end(void **state)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: " BANNED "\r\nX: ";
	static const size_t sizes[] = {1, 1400};
	uint8_t filler[1400];
	struct bench bench;

	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < 2; i++) {
		uint32_t at = START + 1;

		bench_open(&bench, 64);
		send_syn(&bench, PORT);
		send_tcp(&bench, PORT, TCP_ACK, at, (const uint8_t *)start, strlen(start));
		at += (uint32_t)strlen(start);
		for (size_t n = 0; n < 5000 && bench.reports == 0; n++, at += (uint32_t)sizes[i])
			send_tcp(&bench, PORT, TCP_ACK, at, filler, sizes[i]);
		assert_int_equal(bench.report.field, CLASS);
		assert_int_equal(bench.event.evidence, EVIDENCE_HTTP_HOST);
		sensor_free(bench.sensor);
	}
}

/* A byte far ahead makes no later request of a connection a lost one. */
static void test_request_behind_a_byte_far_ahead(void **state)
{
	static const char clean[] = "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
	static const char banned[] = "GET / HTTP/1.1\r\nHost: " BANNED "\r\n\r\n";
	uint32_t next = START + 1 + (uint32_t)strlen(clean);
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_syn(&bench, PORT);
	send_tcp(&bench, PORT, TCP_ACK, START + 1, (const uint8_t *)clean, strlen(clean));
	send_tcp(&bench, PORT, TCP_ACK, next + 40000, (const uint8_t *)"x", 1);
	send_tcp(&bench, PORT, TCP_ACK, next, (const uint8_t *)banned, strlen(banned));
	assert_int_equal(bench.reports, 1);
	sensor_free(bench.sensor);
}

/* ---- several connections of QUIC on the same ports ---- */

/* Part of a hello in an Initial of connection id, in a datagram of its own. */
struct initial {
	uint8_t id, number;
	const char *name;    /* NULL: a datagram of garbage */
	size_t from, length; /* of the hello; length 0: up to its end */
};

#define INITIAL(which, packet, of) .id = (which), .number = (packet), .name = (of)

static void send_datagram(struct bench *bench, const uint8_t *payload, size_t length)
{
	uint8_t bytes[4096] = {0};

	put16(bytes + 20, PORT);
	put16(bytes + 22, 443);
	put16(bytes + 24, (unsigned int)(8 + length));
	memcpy(bytes + 28, payload, length);
	send_ip(bench, bytes, 28 + length, PROTOCOL_UDP, client_address, server_address);
}

static void send_initial(struct bench *bench, const struct initial *initial)
{
	const uint8_t id[8] = {initial->id};
	const struct quic_seal seal = {.key_id = id,
				       .key_id_length = sizeof(id),
				       .id = id,
				       .id_length = sizeof(id),
				       .number = initial->number,
				       .number_length = 1};
	uint8_t record[4096], frames[4096] = {6}, out[4096] = {0}, *at = frames + 1;
	size_t length, rest;

	if (!initial->name) {
		send_datagram(bench, (const uint8_t *)OPAQUE, sizeof(OPAQUE));
		return;
	}
	rest = client_hello(record, initial->name) - 5 - initial->from;
	length = initial->length ? initial->length : rest;
	at += quic_seal_varint(at, initial->from);
	at += quic_seal_varint(at, length);
	memcpy(at, record + 5 + initial->from, length);
	at += length;
	length = quic_seal_initial(&seal, frames, (size_t)(at - frames), out);
	send_datagram(bench, out, length < 1200 ? 1200 : length);
}

static void test_hello_of_another_quic_connection(void **state)
{
	static const char clean[] = "www.example.org";
	static const struct {
		const char *what;
		struct initial datagrams[6];
	} cases[] = {
		{"behind one that is clean", {{INITIAL(1, 0, clean)}, {INITIAL(2, 0, BANNED)}}},
		{"the same, in two datagrams",
		 {{INITIAL(1, 0, clean)},
		  {INITIAL(2, 0, BANNED), 0, 1000},
		  {INITIAL(2, 1, BANNED), 1000}}},
		{"behind several",
		 {{INITIAL(1, 0, clean)},
		  {INITIAL(2, 0, clean)},
		  {INITIAL(3, 0, clean)},
		  {INITIAL(4, 0, BANNED)}}},
		{"the first one's datagrams between",
		 {{INITIAL(1, 0, clean)},
		  {INITIAL(2, 0, BANNED), 0, 1000},
		  {INITIAL(1, 0, clean)},
		  {INITIAL(2, 1, BANNED), 1000}}},
		{"all of another between its datagrams",
		 {{INITIAL(1, 0, BANNED), 0, 1000},
		  {INITIAL(2, 0, clean)},
		  {INITIAL(1, 1, BANNED), 1000}}},
		{"another between its datagrams",
		 {{INITIAL(1, 0, BANNED), 0, 1000},
		  {INITIAL(2, 0, clean), 0, 20},
		  {INITIAL(1, 1, BANNED), 1000}}},
	};
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_open(&bench, 64);
		for (const struct initial *d = cases[i].datagrams; d->id; d++)
			send_initial(&bench, d);
		if (bench.reports != 1 || bench.report.field != CLASS ||
		    bench.event.evidence != EVIDENCE_QUIC_SNI)
			fail_msg("%s", cases[i].what);
		sensor_free(bench.sensor);
	}
}

static void test_hello_behind_garbage_datagrams(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	for (int i = 0; i < 200; i++)
		send_initial(&bench, &(struct initial){.id = 1});
	send_initial(&bench, &(struct initial){INITIAL(1, 0, BANNED)});
	assert_int_equal(bench.reports, 1);
	sensor_free(bench.sensor);

	/* and behind so many that the flow is unknown */
	bench_open(&bench, 64);
	for (int i = 0; i < 5000; i++)
		send_initial(&bench, &(struct initial){.id = 1});
	send_initial(&bench, &(struct initial){INITIAL(1, 0, BANNED)});
	assert_int_equal(bench.reports, 1);
	sensor_free(bench.sensor);
}

/* ---- classes that the kernel may have forgotten ---- */

static void test_class_is_said_again(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	send_initial(&bench, &(struct initial){INITIAL(1, 0, BANNED)});
	for (int i = 0; i < 900; i++)
		send_initial(&bench, &(struct initial){.id = 1});
	assert_int_equal(bench.reports, 1);
	for (unsigned int i = 1; i < 100; i++) {
		bench.now = wall_add(bench.now, CLOCK_SECOND + CLOCK_SECOND / 2);
		for (int j = 0; j < 10; j++)
			send_initial(&bench, &(struct initial){.id = 1});
		assert_int_equal(bench.reports, 1 + i);
		assert_int_equal(bench.report.field, CLASS);
	}
	assert_int_equal(bench.events, 1);
	sensor_free(bench.sensor);
}

static void test_closed_connection_that_goes_on(void **state)
{
	static const struct step steps[] = {
		OPENED, {DATA(0), HELLO}, {.flags = TCP_RST, .at = 5000}};
	struct bench bench;

	(void)state;
	bench_open(&bench, 64);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		send_step(&bench, &steps[i]);
	assert_int_equal(bench.reports, 1);
	bench.now = wall_add(bench.now, 5 * CLOCK_SECOND);
	send_step(&bench, &(struct step){.flags = TCP_ACK, .at = 5000});
	assert_int_equal(bench.reports, 1); /* no payload */
	send_step(&bench, &(struct step){DATA(5000), GARBAGE});
	assert_int_equal(bench.reports, 2);
	assert_int_equal(bench.report.field, CLASS);
	sensor_free(bench.sensor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_of_another_quic_connection),
		cmocka_unit_test(test_hello_behind_garbage_datagrams),
		cmocka_unit_test(test_class_is_said_again),
		cmocka_unit_test(test_closed_connection_that_goes_on),
		cmocka_unit_test(test_hello_behind_a_decoy),
		cmocka_unit_test(test_hello_in_the_syn_alone),
		cmocka_unit_test(test_hello_in_single_bytes),
		cmocka_unit_test(test_hello_behind_many_pieces),
		cmocka_unit_test(test_request_that_does_not_end),
		cmocka_unit_test(test_request_behind_a_byte_far_ahead),
		cmocka_unit_test(test_answer_that_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
