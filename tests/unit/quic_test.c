/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/quic.h"
#include "tests/quic_seal.h"
#include "tests/unit/bytes.h"
#include "tests/unit/hellos.h"
#include "tests/unit/quic_packets.h"

#define SIZE 4096
#define NAME "quic-sni:s07.upd.vendor.example"

static const uint8_t first_id[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
static const uint8_t server_id[] = {0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5, 1, 2};

/* A client's first packets, unless a test wants it otherwise. */
static const struct quic_seal plain_seal = {
	.key_id = first_id,
	.key_id_length = sizeof(first_id),
	.id = first_id,
	.id_length = sizeof(first_id),
	.number_length = 1,
};

/* What a test sends, and what came of it. */
struct talk {
	struct quic *quic;
	struct quic_flow *flow;
	struct finding finding;
	char names[NAMES_TEXT];
	uint8_t hello[SIZE]; /* the handshake message */
	size_t hello_length;
	uint8_t frames[SIZE];
	size_t frames_length;
	struct quic_seal seal;
};

static int talk_new(void **state)
{
	struct talk *talk = calloc(1, sizeof(*talk));
	uint8_t records[SIZE];
	size_t length = bytes_from_hex(HELLO_OPENSSL, records, sizeof(records));

	talk->quic = quic_new(4);
	talk->hello_length = length - 5;
	memcpy(talk->hello, records + 5, talk->hello_length);
	talk->seal = plain_seal;
	*state = talk;
	return talk->quic ? 0 : -1;
}

static int talk_free(void **state)
{
	struct talk *talk = *state;

	quic_flow_free(talk->quic, &talk->flow);
	quic_free(talk->quic);
	free(talk);
	return 0;
}

static enum answer send_bytes(struct talk *talk, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = bytes_copy(bytes, length);
	enum answer answer = quic_extract(talk->quic, &talk->flow, copy, length, &talk->finding);

	free(copy);
	names_text(&talk->finding, talk->names);
	assert_true(answer == ANSWER_FOUND || talk->names[0] == '\0');
	assert_int_equal(talk->finding.carrier, CARRIER_QUIC);
	return answer;
}

static enum answer send_hex(struct talk *talk, const char *hex)
{
	uint8_t bytes[SIZE];

	return send_bytes(talk, bytes, bytes_from_hex(hex, bytes, sizeof(bytes)));
}

static void add_hex(struct talk *talk, const char *hex)
{
	talk->frames_length +=
		bytes_from_hex(hex, talk->frames + talk->frames_length, SIZE - talk->frames_length);
}

/* A CRYPTO frame with this part of the hello. */
static void add_part(struct talk *talk, size_t offset, size_t length)
{
	uint8_t *at = talk->frames + talk->frames_length;

	*at++ = 6;
	at += quic_seal_varint(at, offset);
	at += quic_seal_varint(at, length);
	memcpy(at, talk->hello + offset, length);
	talk->frames_length = (size_t)(at + length - talk->frames);
}

/* The frames that were added, as one packet; the next has the next number. */
static size_t seal(struct talk *talk, uint8_t *out)
{
	size_t length = quic_seal_initial(&talk->seal, talk->frames, talk->frames_length, out);

	talk->seal.number++;
	talk->frames_length = 0;
	return length;
}

static enum answer send_frames(struct talk *talk)
{
	uint8_t out[2 * SIZE];

	return send_bytes(talk, out, seal(talk, out));
}

static void test_rfc9001(void **state)
{
	struct talk *talk = *state;
	struct quic_keys *keys = quic_keys_new();
	struct quic_secrets secrets;
	uint8_t want[SIZE], packet[SIZE];
	size_t length;

	assert_true(quic_keys_derive(keys, quic_version_find(1), first_id, 8, &secrets));
	bytes_from_hex("1f369613dd76d5467730efcbe3b1a22d", want, SIZE);
	assert_memory_equal(secrets.key, want, sizeof(secrets.key));
	bytes_from_hex("fa044b2f42a3fd3b46fb255c", want, SIZE);
	assert_memory_equal(secrets.iv, want, sizeof(secrets.iv));
	bytes_from_hex("9f50449e04a0e810283a1e9933adedd2", want, SIZE);
	assert_memory_equal(secrets.header, want, sizeof(secrets.header));
	quic_keys_free(keys);

	assert_int_equal(send_hex(talk, RFC9001_A2_PACKET), ANSWER_FOUND);
	assert_string_equal(talk->names, "quic-sni:example.com");
	/* and what the other tests make is what the RFC would make */
	talk->seal.number = 2;
	talk->seal.number_length = 4;
	add_hex(talk, RFC9001_A2_FRAME);
	memset(talk->frames + talk->frames_length, 0, 1162 - talk->frames_length);
	talk->frames_length = 1162;
	length = bytes_from_hex(RFC9001_A2_PACKET, want, SIZE);
	assert_int_equal(seal(talk, packet), length);
	assert_memory_equal(packet, want, length);
	/* keys of the client do not open what the server sends */
	assert_int_equal(send_hex(talk, RFC9001_A3_PACKET), ANSWER_MORE);
	assert_null(talk->flow);
}

static void test_chromium(void **state)
{
	static const char *const first = CHROMIUM_FIRST, *const second = CHROMIUM_SECOND;
	const struct {
		const char *what, *datagrams[4];
	} cases[] = {
		{"in order", {first, second}},
		{"out of order", {second, first}},
		{"repeated", {first, first, first, second}},
		{"others between", {second, "40414243", RFC9001_A3_PACKET, first}},
	};
	struct talk *talk = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		for (size_t d = 0; d < 4 && cases[i].datagrams[d]; d++) {
			bool last = d == 3 || !cases[i].datagrams[d + 1];

			assert_int_equal(send_hex(talk, cases[i].datagrams[d]),
					 last ? ANSWER_FOUND : ANSWER_MORE);
			assert_non_null(talk->flow);
		}
		assert_string_equal(talk->names, NAME);
		quic_flow_free(talk->quic, &talk->flow);
		assert_null(talk->flow);
	}
}

static void test_frames_between(void **state)
{
	struct talk *talk = *state;

	add_hex(talk, "01 00 00 01");
	add_part(talk, 200, talk->hello_length - 200);
	add_hex(talk, "02 05 40ff 02 01 00 01 4041 02");  /* ACK with two ranges */
	add_hex(talk, "03 05 00 00 00 01 4002 80000003"); /* ACK with ECN */
	add_hex(talk, "1c 0a 06 03 616263 4000 4001");	  /* CONNECTION_CLOSE; long types */
	add_hex(talk, "06 bfffffff 00 06 ffffffffffffffff 01 58"); /* nothing; far beyond */
	add_part(talk, 0, 200);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
	assert_null(talk->flow);

	add_hex(talk, "08"); /* STREAM: no server reads on */
	add_part(talk, 0, talk->hello_length);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	add_part(talk, 0, talk->hello_length);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
}

/* Each byte in a frame of its own, from the last to the first, the odd ones in one datagram. */
static void test_single_bytes(void **state)
{
	struct talk *talk = *state;

	for (size_t i = talk->hello_length; i > 0; i--)
		if (i % 2)
			add_part(talk, i - 1, 1);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	for (size_t i = talk->hello_length; i > 0; i--)
		if (i % 2 == 0)
			add_part(talk, i - 1, 1);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
}

static void test_first_bytes_stay(void **state)
{
	struct talk *talk = *state;

	add_part(talk, 10, 300);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	memset(talk->hello + 10, 'x', 290);
	add_part(talk, 0, 300);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
}

static void test_connection_ids(void **state)
{
	static const struct {
		size_t id, source, token;
	} cases[] = {{0, 0, 0}, {1, 20, 1}, {8, 0, 63}, {10, 8, 64}, {10, 20, 1000}};
	struct talk *talk = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk->seal.key_id = talk->seal.id = server_id;
		talk->seal.key_id_length = talk->seal.id_length = cases[i].id;
		talk->seal.source_id_length = cases[i].source;
		talk->seal.token_length = cases[i].token;
		add_part(talk, 0, talk->hello_length);
		assert_int_equal(send_frames(talk), ANSWER_FOUND);
		assert_string_equal(talk->names, NAME);
	}
}

/* After the server's answer the client uses the connection id that the server chose: other id,
 * same keys. Alone such a packet cannot be opened. */
static void test_servers_choice_of_id(void **state)
{
	struct talk *talk = *state;

	add_part(talk, 0, 20);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	talk->seal.id = server_id;
	talk->seal.id_length = sizeof(server_id);
	add_part(talk, 20, talk->hello_length - 20);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);

	quic_flow_free(talk->quic, &talk->flow);
	add_part(talk, 0, talk->hello_length);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	assert_null(talk->flow);
}

/* Initials of other connections between two of one: of each the hello stays, and of a third the
 * less that was read goes. */
static void test_interleaved_connections(void **state)
{
	static const uint8_t ids[][8] = {{1}, {2}, {3}};
	struct quic_seal ours = plain_seal, others = plain_seal;
	struct talk *talk = *state;

	add_part(talk, 0, 100);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	ours.number = 1;
	for (size_t i = 0; i < 3; i++) {
		others.key_id = others.id = ids[i];
		talk->seal = others;
		add_part(talk, 0, 20);
		assert_int_equal(send_frames(talk), ANSWER_MORE);
	}
	talk->seal = ours;
	add_part(talk, 100, talk->hello_length - 100);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);

	others.number = 1;
	talk->seal = others;
	add_part(talk, 20, talk->hello_length - 20);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
}

/* Keys cost more than all else: of a datagram of many small Initials few are tried. */
static void test_many_initials_in_a_datagram(void **state)
{
	struct talk *talk = *state;
	uint8_t out[2 * SIZE] = {0}, id[8] = {9};
	size_t length = 0;

	for (unsigned int i = 0; i < 5; i++) {
		if (i == 4)
			add_part(talk, 0, talk->hello_length);
		else
			add_hex(talk, "01");
		id[1] = (uint8_t)i;
		talk->seal.key_id = talk->seal.id = id;
		length += seal(talk, out + length);
		out[length - 1] ^= i < 4; /* does not open */
	}
	assert_int_equal(send_bytes(talk, out, length), ANSWER_MORE);
	assert_null(talk->flow);
	talk->seal.number = 0;
	add_part(talk, 0, talk->hello_length);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
}

static void test_initial_id(void **state)
{
	static const uint8_t short_header[1200] = {0x40};
	uint8_t bytes[SIZE];
	uint16_t first, second;
	size_t length;

	(void)state;
	length = bytes_from_hex(RFC9001_A2_PACKET, bytes, sizeof(bytes));
	assert_int_equal(length, 1200);
	assert_true(quic_initial_id(bytes, length, &first));
	bytes[6] ^= 1;
	assert_true(quic_initial_id(bytes, length, &second));
	assert_int_not_equal(first, second);
	assert_false(quic_initial_id(bytes, length - 1, &first));
	bytes[0] = 0xe0; /* Handshake */
	assert_false(quic_initial_id(bytes, length, &first));
	bytes[0] = 0xc0;
	bytes[1] = 0x7f; /* no known version */
	assert_false(quic_initial_id(bytes, length, &first));
	assert_false(quic_initial_id(short_header, sizeof(short_header), &first));
}

/* After Retry the id that the server chose gives the keys, and the hello begins anew. */
static void test_retry(void **state)
{
	struct talk *talk = *state;

	add_part(talk, 0, 100);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	talk->seal.key_id = talk->seal.id = server_id;
	talk->seal.key_id_length = talk->seal.id_length = sizeof(server_id);
	talk->seal.token_length = 40;
	add_part(talk, 100, talk->hello_length - 100);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	add_part(talk, 0, 100);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
}

static void test_packet_numbers(void **state)
{
	static const struct {
		uint64_t number;
		unsigned int length;
	} cases[] = {{0, 1},	      {255, 1},		{256, 1},	 {250, 1},
		     {65535, 4},      {65536, 1},	{70000, 2},	 {70000, 3},
		     {0xfffffff0, 4}, {0x100000005, 1}, {0xffffffff, 2}, {0x100000085, 1}};
	struct talk *talk = *state;

	add_part(talk, 0, 10);
	send_frames(talk);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk->seal.number = cases[i].number;
		talk->seal.number_length = cases[i].length;
		add_part(talk, 10 + i, 1);
		assert_int_equal(send_frames(talk), ANSWER_MORE);
	}
	/* found only if none of them was lost */
	add_part(talk, 10 + sizeof(cases) / sizeof(cases[0]), 300);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
}

static void test_coalesced(void **state)
{
	static const char zero_rtt[] = "d0 00000001 08 8394c8f03e515708 00 04 01020304";
	static const char handshake[] = "e0 00000001 08 8394c8f03e515708 00 04 01020304";
	struct talk *talk = *state;
	uint8_t datagram[4 * SIZE];
	size_t n = 0;

	assert_int_equal(send_hex(talk, zero_rtt), ANSWER_MORE);
	assert_null(talk->flow);
	n += bytes_from_hex(zero_rtt, datagram, SIZE);
	add_part(talk, 100, talk->hello_length - 100);
	n += seal(talk, datagram + n);
	n += bytes_from_hex(handshake, datagram + n, SIZE);
	add_part(talk, 0, 100);
	n += seal(talk, datagram + n);
	n += bytes_from_hex("40ffffff", datagram + n, SIZE);
	assert_int_equal(send_bytes(talk, datagram, n), ANSWER_FOUND);
	assert_string_equal(talk->names, NAME);
}

static void test_other_datagrams(void **state)
{
	static const struct {
		const char *what, *hex;
		enum answer want;
	} cases[] = {
		{"nothing", "", ANSWER_NOT_MINE},
		{"short header", "40 8394c8f03e515708 ffffffff", ANSWER_NOT_MINE},
		{"half a header", "c0 00000001 08 8394c8", ANSWER_NOT_MINE},
		{"version negotiation", "c0 00000000 08 8394c8f03e515708 00 00000001",
		 ANSWER_NOT_MINE},
		{"long connection id",
		 "c0 00000001 15 8394c8f03e5157088394c8f03e5157088394c8f03e "
		 "00 00 00",
		 ANSWER_NOT_MINE},
		{"long source id",
		 "c0 00000001 00 15 8394c8f03e5157088394c8f03e5157088394c8f03e "
		 "00 00 00",
		 ANSWER_NOT_MINE},
		{"RTP", "80 60 0001 00000001 00000001 ffff", ANSWER_NOT_MINE},
		{"an unknown version, short", "c0 ff00001d 08 8394c8f03e515708 00 00 04 ffffffff",
		 ANSWER_NOT_MINE},
		{"Retry, which no client sends", "f0 00000001 08 8394c8f03e515708 00 ffff",
		 ANSWER_MORE},
		{"an Initial with nothing to sample",
		 "c0 00000001 08 8394c8f03e515708 00 00 13 "
		 "ffffffffffffffffffffffffffffffffffffff",
		 ANSWER_MORE},
		{"an Initial that does not open",
		 "c0 00000001 08 8394c8f03e515708 00 00 14 "
		 "ffffffffffffffffffffffffffffffffffffffff",
		 ANSWER_MORE},
		{"the bit that may be greased",
		 "80 00000001 08 8394c8f03e515708 00 00 14 "
		 "ffffffffffffffffffffffffffffffffffffffff",
		 ANSWER_MORE},
		{"a token beyond the end", "c0 00000001 08 8394c8f03e515708 00 7fff ffff",
		 ANSWER_MORE},
	};
	struct talk *talk = *state;
	uint8_t unknown[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		assert_int_equal(send_hex(talk, cases[i].hex), cases[i].want);
		assert_null(talk->flow);
	}
	/* long enough for an Initial of a version that the server may not know either */
	assert_int_equal(send_bytes(talk, unknown, sizeof(unknown)), ANSWER_MORE);
	assert_int_equal(send_bytes(talk, unknown, sizeof(unknown) - 1), ANSWER_NOT_MINE);
	assert_null(talk->flow);
}

static void test_not_a_hello(void **state)
{
	struct talk *talk = *state;

	add_hex(talk, "06 00 04 02000004"); /* ServerHello */
	assert_int_equal(send_frames(talk), ANSWER_NOT_MINE);
	add_hex(talk, "06 01 02 0000");
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	add_hex(talk, "06 00 01 02");
	assert_int_equal(send_frames(talk), ANSWER_NOT_MINE);
	assert_non_null(talk->flow);
}

/* Cut anywhere, or with any bit changed, a packet does not authenticate. */
static void test_damaged(void **state)
{
	struct talk *talk = *state;
	uint8_t packet[SIZE];
	size_t length = bytes_from_hex(RFC9001_A2_PACKET, packet, SIZE);

	for (size_t n = 0; n < length; n++)
		assert_int_equal(send_bytes(talk, packet, n),
				 n < 15 ? ANSWER_NOT_MINE : ANSWER_MORE);
	for (size_t i = 0; i < length; i++) {
		packet[i] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(send_bytes(talk, packet, length), ANSWER_FOUND);
		packet[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_null(talk->flow);
	assert_int_equal(send_bytes(talk, packet, length), ANSWER_FOUND);
}

/* With no room left a hello over several datagrams is lost, one in a single datagram is not. */
static void test_full_pool(void **state)
{
	struct talk *talk = *state;
	struct quic_flow *flows[4] = {NULL};

	for (size_t i = 0; i < 4; i++) {
		add_part(talk, 0, 100);
		assert_int_equal(send_frames(talk), ANSWER_MORE);
		assert_non_null(talk->flow);
		flows[i] = talk->flow;
		talk->flow = NULL;
	}
	add_part(talk, 0, 100);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	assert_null(talk->flow);
	add_part(talk, 100, talk->hello_length - 100);
	assert_int_equal(send_frames(talk), ANSWER_MORE);
	add_part(talk, 0, talk->hello_length);
	assert_int_equal(send_frames(talk), ANSWER_FOUND);
	for (size_t i = 0; i < 4; i++) {
		talk->flow = flows[i];
		add_part(talk, 100, talk->hello_length - 100);
		assert_int_equal(send_frames(talk), ANSWER_FOUND);
		assert_string_equal(talk->names, NAME);
		quic_flow_free(talk->quic, &talk->flow);
	}
}

static void test_garbage(void **state)
{
	struct talk *talk = *state;
	uint8_t bytes[200];
	uint32_t random = 9;

	for (unsigned int round = 0; round < 50000; round++) {
		size_t length = noise(&random) % sizeof(bytes);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)noise(&random);
		if (round % 2)
			bytes_from_hex("c0 00000001 04", bytes, sizeof(bytes));
		assert_int_not_equal(send_bytes(talk, bytes, length), ANSWER_FOUND);
	}
	assert_null(talk->flow);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_new, talk_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rfc9001),
		TEST(test_chromium),
		TEST(test_frames_between),
		TEST(test_single_bytes),
		TEST(test_first_bytes_stay),
		TEST(test_connection_ids),
		TEST(test_servers_choice_of_id),
		TEST(test_interleaved_connections),
		TEST(test_many_initials_in_a_datagram),
		cmocka_unit_test(test_initial_id),
		TEST(test_retry),
		TEST(test_packet_numbers),
		TEST(test_coalesced),
		TEST(test_other_datagrams),
		TEST(test_not_a_hello),
		TEST(test_damaged),
		TEST(test_full_pool),
		TEST(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
