/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/tls.h"
#include "tests/unit/bytes.h"
#include "tests/unit/hellos.h"

#define SIZE 70000

struct bytes {
	uint8_t at[SIZE];
	size_t length;
};

static void put(struct bytes *b, uint32_t value, unsigned int size)
{
	while (size-- > 0)
		b->at[b->length++] = (uint8_t)(value >> 8 * size);
}

static void put_hex(struct bytes *b, const char *hex)
{
	b->length += bytes_from_hex(hex, b->at + b->length, SIZE - b->length);
}

/* A handshake message with these extensions, their length included. */
static void put_hello(struct bytes *b, uint32_t version, const char *extensions)
{
	uint8_t block[SIZE / 2];
	size_t length = bytes_from_hex(extensions, block, sizeof(block));

	put(b, 1, 1);
	put(b, (uint32_t)(2 + 32 + 1 + 8 + length), 3);
	put(b, version, 2);
	for (unsigned int i = 0; i < 32; i++)
		put(b, i, 1);
	put(b, 0, 1);
	put_hex(b, "0004 0a0a 1301 0100"); /* cipher suites, compression */
	memcpy(b->at + b->length, block, length);
	b->length += length;
}

/* The bytes of a handshake in records of at most size bytes. */
static void put_records(struct bytes *b, const uint8_t *message, size_t length, size_t size)
{
	while (length > 0) {
		size_t n = length < size ? length : size;

		put(b, 0x160301, 3);
		put(b, (uint32_t)n, 2);
		memcpy(b->at + b->length, message, n);
		b->length += n;
		message += n;
		length -= n;
	}
}

static enum answer extract(const uint8_t *bytes, size_t length, struct finding *finding)
{
	uint8_t *copy = bytes_copy(bytes, length);
	size_t consumed;
	enum answer answer = tls_extract(copy, length, finding, &consumed);

	assert_true(answer == ANSWER_FOUND ? consumed <= length : consumed == 0);
	free(copy);
	return answer;
}

/* Each prefix gives MORE up to one place, and from there on what the whole gives. Returns the
 * place. */
static size_t cut_everywhere(const uint8_t *bytes, size_t length, const char *want)
{
	static struct finding finding;
	char names[NAMES_TEXT];
	size_t found = SIZE;

	for (size_t n = 0; n <= length; n++) {
		enum answer answer = extract(bytes, n, &finding);

		assert_int_equal(answer, n < found && n < length && answer == ANSWER_MORE
						 ? ANSWER_MORE
						 : ANSWER_FOUND);
		assert_string_equal(names_text(&finding, names),
				    answer == ANSWER_FOUND ? want : "");
		if (answer == ANSWER_FOUND && n < found)
			found = n;
	}
	return found;
}

static void test_real_hellos(void **state)
{
	static const struct {
		const char *what, *hex, *want;
	} cases[] = {
		{"OpenSSL", HELLO_OPENSSL, "tls-sni:s07.upd.vendor.example"},
		{"TLS 1.0", HELLO_TLS10, "tls-sni:s07.upd.vendor.example"},
		{"nameless", HELLO_NAMELESS, ""},
		{"curl", HELLO_CURL, "tls-sni:dc1.ksn.vendor.example"},
		{"Chromium", HELLO_CHROMIUM, "tls-sni:s07.upd.vendor.example"},
	};
	static struct bytes hello, split;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const size_t sizes[] = {1, 2, 3, 7, 100, 500};

		print_message("%s\n", cases[i].what);
		hello.length = 0;
		put_hex(&hello, cases[i].hex);
		cut_everywhere(hello.at, hello.length, cases[i].want);
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			split.length = 0;
			put_records(&split, hello.at + 5, hello.length - 5, sizes[s]);
			cut_everywhere(split.at, split.length, cases[i].want);
		}
	}
}

#define SNI_A "0000 000e 000c 00 0009 612e6578616d706c65"	/* a.example */
#define SNI_UPPER "0000 000f 000d 00 000a 412e4578616d506c452e" /* A.ExamPlE. */

static void test_extensions(void **state)
{
	static const struct {
		const char *what, *extensions, *want;
	} cases[] = {
		{"none at all", "", ""},
		{"empty block", "0000", ""},
		{"the name alone", "0012" SNI_A, "tls-sni:a.example"},
		{"odd case and a final dot", "0013" SNI_UPPER, "tls-sni:a.example"},
		{"last, behind GREASE", "001a 5a5a 0000 ff01 0000" SNI_A, "tls-sni:a.example"},
		{"first, before others", "001a" SNI_A "5a5a 0000 ff01 0000", "tls-sni:a.example"},
		{"several names",
		 "001d 0000 0019 0017 00 0009 612e6578616d706c65"
		 "00 0002 6263 00 0003 632e64",
		 "tls-sni:a.example tls-sni:bc tls-sni:c.d"},
		{"the same name twice", "0012 0000 000e 000c 00 0003 612e62 00 0003 612e62",
		 "tls-sni:a.b"},
		{"another type of name before it",
		 "0012 0000 000e 000c 07 0003 ffffff 00 0003 612e62", "tls-sni:a.b"},
		{"only another type", "000c 0000 0008 0006 07 0003 612e62", ""},
		{"IPv4 literal", "000d 0000 0009 0007 00 0004 312e3262", "tls-sni:1.2b"},
		{"bytes that no host has", "000d 0000 0009 0007 00 0004 002aff20",
		 "tls-sni:"}, /* printed up to the NUL */
		{"extension without content", "0004 0000 0000", ""},
		{"list of nothing", "0006 0000 0002 0000", ""},
		{"name of nothing", "0009 0000 0005 0003 00 0000", ""},
		{"a dot alone", "000a 0000 0006 0004 00 0001 2e", ""},
		{"a name that leaves the extension", "000c 0000 0008 0006 00 0009 612e62", ""},
		{"a list shorter than its names", "000c 0000 0008 0001 00 0003 612e62",
		 "tls-sni:a.b"},
		{"empty, then another extension", "0008 0000 0000 ff01 0000", ""},
	};
	static const uint32_t versions[] = {0x0300, 0x0301, 0x0303, 0x0304, 0x03ff, 0x0400};
	static struct bytes hello, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
			print_message("%s, %04x\n", cases[i].what, versions[v]);
			hello.length = stream.length = 0;
			put_hello(&hello, versions[v], cases[i].extensions);
			put_records(&stream, hello.at, hello.length, 16384);
			cut_everywhere(stream.at, stream.length, cases[i].want);
		}
	}
}

/* Who has the name needs no more: a capture may be cut behind it. */
static void test_found_before_the_end(void **state)
{
	static struct bytes hello, stream;

	(void)state;
	hello.length = stream.length = 0;
	put_hello(&hello, 0x0303, "0022" SNI_A "ff01 000c 000000000000000000000000");
	put_records(&stream, hello.at, hello.length, 16384);
	assert_int_equal(cut_everywhere(stream.at, stream.length, "tls-sni:a.example"),
			 stream.length - 16);
}

static void test_not_mine(void **state)
{
	static const struct {
		const char *what, *hex;
	} cases[] = {
		{"alert", "15"},
		{"SSH", "53"},
		{"HTTP", "47"},
		{"record of version 2", "1602"},
		{"DTLS", "16fe"},
		{"record too long", "16 0301 4801"},
		{"ServerHello", "16 0303 0031 02"},
		{"HelloRequest", "16 0301 0004 00"},
		{"hello too short for any", "16 0301 0004 01000028"},
		{"hello too long for any", "16 0301 4000 01020145"},
		{"hello of version 2", "16 0301 00f0 010000ec 02"},
		{"long session id", "16 0301 00f0 010000ec 0303"
				    "00000000000000000000000000000000"
				    "00000000000000000000000000000000 21"},
		{"odd cipher suites", "16 0301 00f0 010000ec 0303"
				      "00000000000000000000000000000000"
				      "00000000000000000000000000000000 00 0003"},
		{"no cipher suites", "16 0301 00f0 010000ec 0303"
				     "00000000000000000000000000000000"
				     "00000000000000000000000000000000 00 0000"},
		{"no compression", "16 0301 00f0 010000ec 0303"
				   "00000000000000000000000000000000"
				   "00000000000000000000000000000000 00 0002 1301 00"},
		{"extensions beyond the hello", "16 0301 00f0 010000ec 0303"
						"00000000000000000000000000000000"
						"00000000000000000000000000000000 00 0002"
						"1301 0100 00c2"},
		{"cipher suites beyond the hello", "16 0301 002d 01000029 0303"
						   "00000000000000000000000000000000"
						   "00000000000000000000000000000000 00 0004"
						   "1301 0100"},
		{"an extension beyond the rest", "16 0301 0033 0100002f 0303"
						 "00000000000000000000000000000000"
						 "00000000000000000000000000000000 00 0002"
						 "1301 0100 0004 0000 0009"},
		{"one byte where extensions would be", "16 0301 002e 0100002a 0303"
						       "00000000000000000000000000000000"
						       "00000000000000000000000000000000 00"
						       "0002 1301 0100 00"},
		{"something between the records", "16 0301 0002 0100 17"},
	};
	static struct finding finding;
	static struct bytes stream;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		stream.length = 0;
		put_hex(&stream, cases[i].hex);
		assert_int_equal(extract(stream.at, stream.length, &finding), ANSWER_NOT_MINE);
		/* not a byte earlier: the table shows where it is known */
		assert_int_equal(extract(stream.at, stream.length - 1, &finding), ANSWER_MORE);
		assert_int_equal(finding.names_count, 0);
	}
}

static void test_empty_records_between(void **state)
{
	static struct bytes hello, stream;
	static struct finding finding;
	char names[NAMES_TEXT];

	(void)state;
	hello.length = stream.length = 0;
	put_hello(&hello, 0x0303, "0012" SNI_A);
	put_hex(&stream, "16 0301 0000");
	put_records(&stream, hello.at, 20, 100);
	put_hex(&stream, "16 0301 0000");
	put_records(&stream, hello.at + 20, hello.length - 20, 100);
	assert_int_equal(extract(stream.at, stream.length, &finding), ANSWER_FOUND);
	assert_string_equal(names_text(&finding, names), "tls-sni:a.example");
}

/* A name beyond what is kept of a hello: TLS, without a name, and it is said that there was more.
 */
static void test_larger_than_kept(void **state)
{
	static struct bytes hello, stream;
	static struct finding finding;

	(void)state;
	hello.length = stream.length = 0;
	put_hex(&hello, "01 009c6d 0303");
	for (unsigned int i = 0; i < 32; i++)
		put(&hello, 0, 1);
	put_hex(&hello, "00 0002 1301 0100 9c42 aaaa 9c3e");
	memset(hello.at + hello.length, 0, 39998);
	hello.length += 39998;
	put_records(&stream, hello.at, hello.length, 16384);
	assert_int_equal(extract(stream.at, 32000, &finding), ANSWER_MORE);
	assert_int_equal(extract(stream.at, stream.length, &finding), ANSWER_FOUND);
	assert_int_equal(finding.names_count, 0);
	assert_true(finding.truncated);
}

/* What follows the hello's record is not consumed with it. */
static void test_consumed(void **state)
{
	static struct bytes stream;
	static struct finding finding;
	size_t consumed, hello;

	(void)state;
	stream.length = 0;
	put_hex(&stream, HELLO_CURL);
	hello = stream.length;
	put_hex(&stream, "140303000101");
	assert_int_equal(tls_extract(stream.at, stream.length, &finding, &consumed), ANSWER_FOUND);
	assert_int_equal(consumed, hello);
}

static void test_handshake_alone(void **state)
{
	static struct bytes hello;
	static struct finding finding;
	char names[NAMES_TEXT];

	(void)state;
	hello.length = 0;
	put_hex(&hello, HELLO_CHROMIUM);
	assert_int_equal(
		tls_extract_handshake(hello.at + 5, hello.length - 5, EVIDENCE_QUIC_SNI, &finding),
		ANSWER_FOUND);
	assert_int_equal(finding.carrier, CARRIER_QUIC);
	assert_string_equal(names_text(&finding, names), "quic-sni:s07.upd.vendor.example");
	assert_int_equal(tls_extract_handshake(NULL, 0, EVIDENCE_TLS_SNI, &finding), ANSWER_MORE);
	assert_int_equal(finding.carrier, CARRIER_TLS);
}

/* Random bytes, random bytes behind a good header, and good hellos with one byte changed. */
static void test_garbage(void **state)
{
	static struct bytes hello;
	static struct finding finding;
	uint8_t bytes[200];
	uint32_t random = 1;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		size_t length = noise(&random) % sizeof(bytes);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)noise(&random);
		if (round % 2 == 0)
			bytes_from_hex("16 0303 00c3 01", bytes, sizeof(bytes));
		assert_int_not_equal(extract(bytes, length, &finding), ANSWER_FOUND);
	}
	hello.length = 0;
	put_hex(&hello, HELLO_OPENSSL);
	for (size_t i = 0; i < hello.length; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			hello.at[i] ^= (uint8_t)(1U << bit);
			extract(hello.at, hello.length, &finding);
			assert_true(finding.names_count <= 1);
			hello.at[i] ^= (uint8_t)(1U << bit);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_hellos),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_found_before_the_end),
		cmocka_unit_test(test_not_mine),
		cmocka_unit_test(test_empty_records_between),
		cmocka_unit_test(test_larger_than_kept),
		cmocka_unit_test(test_consumed),
		cmocka_unit_test(test_handshake_alone),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
