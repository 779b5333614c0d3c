/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/quic_frames.h"
#include "tests/unit/bytes.h"

static void test_varint(void **state)
{
	/* RFC 9000 §A.1 */
	static const struct {
		const char *hex;
		uint64_t want;
		bool bad;
	} cases[] = {
		{"c2197c5eff14e88c", UINT64_C(151288809941952652), false},
		{"9d7f3e7d", 494878333, false},
		{"7bbd", 15293, false},
		{"25", 37, false},
		{"4025", 37, false},
		{"", 0, true},
		{"40", 0, true},
		{"c2197c5eff14e8", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[8];
		struct cursor c = cursor_new(bytes, bytes_from_hex(cases[i].hex, bytes, 8));
		uint64_t value = quic_varint(&c);

		assert_int_equal(c.bad, cases[i].bad);
		assert_true(c.bad || (value == cases[i].want && c.left == 0));
	}
}

/* "offset+length" of each CRYPTO frame. */
static void test_frames(void **state)
{
	static const struct {
		const char *what, *hex, *want;
	} cases[] = {
		{"none", "", ""},
		{"padding and ping", "0000010000", ""},
		{"one", "06 00 01 ff", "0+1 "},
		{"empty", "06 00 00", "0+0 "},
		{"large offset", "06 ffffffffffffffff 02 ffff", "4611686018427387903+2 "},
		{"two and others", "01 06 05 01 ff 00 06 4001 4002 ffff 00", "5+1 1+2 "},
		{"beyond the packet", "06 00 01 ff 06 00 02 ff", "0+1 "},
		{"length beyond everything", "06 00 ffffffffffffffff ff", ""},
		{"cut offset", "06 40", ""},
		{"ACK with more ranges than bytes", "02 00 00 ffffffffffffffff 00 06 00 01 ff", ""},
		{"close with a reason beyond the packet", "1c 00 00 ffffffffffffffff 06 00 01 ff",
		 ""},
		{"frame that may not be here", "06 00 01 ff 1d 06 01 01 ff", "0+1 "},
		{"type that nobody knows", "7fff 06 00 01 ff", ""},
	};
	struct quic_crypto_frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[64];
		size_t length = bytes_from_hex(cases[i].hex, bytes, sizeof(bytes));
		uint8_t *copy = bytes_copy(bytes, length);
		struct cursor c = cursor_new(copy, length);
		char text[100] = "";

		print_message("%s\n", cases[i].what);
		while (quic_frames_next(&c, &frame))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%llu+%zu ",
				 (unsigned long long)frame.offset, frame.length);
		assert_string_equal(text, cases[i].want);
		free(copy);
	}
}

static void add(struct quic_stream *stream, uint64_t offset, const char *bytes)
{
	const struct quic_crypto_frame frame = {offset, (const uint8_t *)bytes, strlen(bytes)};

	quic_stream_add(stream, &frame);
}

static void test_stream(void **state)
{
	static struct quic_stream stream;
	static char longest[QUIC_STREAM_BYTES + 2];

	(void)state;
	add(&stream, 4, "efg");
	add(&stream, 70, "x");
	assert_int_equal(stream.known, 0);
	add(&stream, 2, "cdXXXhi");
	assert_int_equal(stream.known, 0);
	add(&stream, 0, "abYY");
	assert_int_equal(stream.known, 9);
	assert_memory_equal(stream.bytes, "abcdefghi", 9);
	add(&stream, 0, "ZZ");
	add(&stream, 9, "");
	assert_memory_equal(stream.bytes, "abcdefghi", 9);

	quic_stream_reset(&stream);
	add(&stream, 1, "b");
	assert_int_equal(stream.known, 0);
	add(&stream, 0, "a");
	assert_int_equal(stream.known, 2);

	memset(longest, 'l', sizeof(longest) - 1);
	add(&stream, 1, longest);
	assert_int_equal(stream.known, QUIC_STREAM_BYTES);
	add(&stream, QUIC_STREAM_BYTES, "m");
	add(&stream, UINT64_MAX, "m");
	assert_int_equal(stream.known, QUIC_STREAM_BYTES);
	quic_stream_reset(&stream);
	add(&stream, QUIC_STREAM_BYTES - 1, "mm");
	assert_int_equal(stream.end, QUIC_STREAM_BYTES);
	assert_int_equal(stream.known, 0);
}

/* Pieces in any order give the same bytes. */
static void test_any_order(void **state)
{
	static struct quic_stream stream;
	uint8_t bytes[200];
	uint32_t random = 11;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)noise(&random);
	for (unsigned int round = 0; round < 500; round++) {
		unsigned int pieces = 0;

		quic_stream_reset(&stream);
		while (stream.known < sizeof(bytes) && pieces++ < 10000) {
			size_t offset = noise(&random) % sizeof(bytes);
			size_t length = noise(&random) % 30 % (sizeof(bytes) - offset + 1);
			const struct quic_crypto_frame frame = {offset, bytes + offset, length};

			quic_stream_add(&stream, &frame);
			assert_memory_equal(stream.bytes, bytes, stream.known);
		}
		assert_int_equal(stream.known, sizeof(bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varint),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
