/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "classifiers/dns.h"
#include "tests/unit/bytes.h"

#define SIZE 65536

static size_t labels_write(const char *name, size_t length, uint8_t *out)
{
	size_t n = 0, label = n++;

	for (size_t i = 0; i < length; i++) {
		if (name[i] != '.')
			out[n++] = (uint8_t)name[i];
		if (name[i] == '.' || i + 1 == length) {
			out[label] = (uint8_t)(n - label - 1);
			label = n++;
		}
	}
	return label;
}

/* Words between blanks: "a.b." is that name, "a.b+" its labels without an end, all else is hex. */
static size_t message_write(const char *text, uint8_t *out)
{
	size_t n = 0;

	while (*text) {
		size_t length = strcspn(text, " ");
		char end = length > 0 ? text[length - 1] : ' ';
		char word[1024];

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		if (end == '.' || end == '+') {
			n += labels_write(text, length - 1, out + n);
			if (end == '.')
				out[n++] = 0;
		} else {
			n += bytes_from_hex(word, out + n, SIZE - n);
		}
		text += length + (text[length] == ' ');
	}
	return n;
}

static enum answer extract(const uint8_t *bytes, size_t length, struct finding *finding)
{
	uint8_t *copy = bytes_copy(bytes, length);
	enum answer answer = dns_extract(copy, length, finding);

	free(copy);
	return answer;
}

/* "name name | address/ttl address/ttl": the questions before "|", then the chain. */
static const char *finding_text(const struct finding *finding, char *text)
{
	size_t n = 0, length;
	char address[ADDRESS_TEXT];

	text[0] = '\0';
	for (unsigned int i = 0; i < finding->names_count; i++) {
		const char *name = finding_name(finding, i, &length);

		n += (size_t)sprintf(text + n, "%s%.*s ", i == finding->questions_count ? "> " : "",
				     (int)length, name);
	}
	for (unsigned int i = 0; i < finding->answers_count; i++)
		n += (size_t)sprintf(text + n, "%s/%u ",
				     address_format(&finding->answers[i].address, address),
				     finding->answers[i].ttl);
	if (finding->truncated)
		strcat(text, "cut");
	else if (n > 0)
		text[n - 1] = '\0';
	return text;
}

#define QUERY "1234 0100 0001 0000 0000 0000 "
#define RESPONSE(answers, additionals) "1234 8180 0001 " answers " 0000 " additionals " "
#define WWW "www.a.example. 0001 0001 " /* www at 0c, a.example at 10; records from 1f on */
#define A "0001 0001 0000003c 0004 "
#define OPT "00 0029 1000 00008000 0000"

static void test_messages(void **state)
{
	static const struct {
		const char *what, *message, *want;
	} cases[] = {
		{"query", QUERY WWW, "www.a.example"},
		{"query with EDNS", "1234 0100 0001 0000 0000 0001 " WWW OPT, "www.a.example"},
		{"query in odd case", QUERY "wWw.A.eXample. 001c 0001", "www.a.example"},
		{"query for the root", QUERY ". 0002 0001", ""},
		{"several questions",
		 "1234 0100 0003 0000 0000 0000 " WWW "mail+ c010 000f 0001 "
		 "c00c 001c 0001",
		 "www.a.example mail.a.example"},
		{"multicast", "0000 0000 0001 0000 0000 0000 x._tcp.local. 000c 8001",
		 "x._tcp.local"},
		{"NOTIFY", "1234 2400 0001 0000 0000 0000 a.example. 0006 0001", "a.example"},
		{"UPDATE",
		 "1234 2800 0001 0001 0000 0000 a.example. 0006 0001 "
		 "c00c 0001 00ff 00000000 0000",
		 "a.example"},
		{"address", RESPONSE("0001", "0000") WWW "c00c " A "c0000201",
		 "www.a.example 192.0.2.1/60"},
		{"IPv6 address",
		 RESPONSE("0001", "0000") "a.example. 001c 0001 a.Example. 001c 0001 "
					  "00000e10 0010 "
					  "20010db8000000000000000000000001",
		 "a.example 2001:db8::1/3600"},
		{"two addresses, EDNS",
		 RESPONSE("0002", "0001") WWW "c00c " A "c0000201 "
					      "c00c " A "c0000202 " OPT,
		 "www.a.example 192.0.2.1/60 192.0.2.2/60"},
		{"answer with nothing", RESPONSE("0000", "0000") WWW, "www.a.example"},
		{"another name's address", RESPONSE("0001", "0000") WWW "c010 " A "c0000201",
		 "www.a.example"},
		{"another class's address",
		 RESPONSE("0001", "0000") WWW "c00c 0001 0003 0000003c 0004 c0000201",
		 "www.a.example"},
		{"an address of another size",
		 RESPONSE("0001", "0000") WWW "c00c 0001 0001 0000003c 0003 c00002",
		 "www.a.example"},
		{"chain",
		 RESPONSE("0003", "0000") WWW "c00c 0005 0001 00000014 0007 cdn.b. "
					      "c02b 0005 0001 00000064 0005 e.c. "
					      "c03e " A "c0000201",
		 "www.a.example > cdn.b e.c 192.0.2.1/20"},
		{"chain backwards",
		 RESPONSE("0003", "0000") WWW "e.c. " A "c0000201 "
					      "cdn.b. 0005 0001 0000000a 0005 "
					      "e.c. c00c 0005 0001 00000014 "
					      "0007 cdn.b.",
		 "www.a.example > cdn.b e.c 192.0.2.1/10"},
		{"chain that goes round",
		 RESPONSE("0002", "0000") WWW "c00c 0005 0001 00000014 0003 b. "
					      "b. 0005 0001 00000014 0002 c00c",
		 "www.a.example > b"},
		{"chain that does not begin here",
		 RESPONSE("0002", "0000") WWW "c010 0005 0001 00000014 0003 b. "
					      "b. " A "c0000201",
		 "www.a.example"},
		{"TTL that is no time",
		 RESPONSE("0001", "0000") WWW "c00c 0001 0001 80000000 0004 c0000201",
		 "www.a.example 192.0.2.1/0"},
		{"HTTPS with hints",
		 RESPONSE("0001", "0000") WWW
		 "c00c 0041 0001 0000003c 002a 0001 00 0001 0003 026832 "
		 "0004 0008 c0000201 c0000202 0006 0010 20010db8000000000000000000000001",
		 "www.a.example 192.0.2.1/60 192.0.2.2/60 2001:db8::1/60"},
		{"HTTPS that leads on",
		 RESPONSE("0001", "0001") WWW "c00c 0041 0001 0000003c 0005 0000 b. "
					      "b. " A "c0000201",
		 "www.a.example > b 192.0.2.1/60"},
		{"hints where a service only leads on",
		 RESPONSE("0001", "0000") WWW
		 "c00c 0041 0001 0000003c 000d 0000 b. 0004 0004 c0000201",
		 "www.a.example > b"},
		{"SVCB with a target and hints",
		 RESPONSE("0001", "0000") WWW
		 "c00c 0040 0001 0000003c 000d 0001 b. 0004 0004 c0000201",
		 "www.a.example > b 192.0.2.1/60"},
		{"hints that are cut",
		 RESPONSE("0001", "0000") WWW
		 "c00c 0041 0001 0000003c 000d 0001 00 0004 0006 c0000201 c000",
		 "www.a.example 192.0.2.1/60"},
		{"glue of another name",
		 "1234 8180 0001 0000 0001 0001 " WWW "c010 0002 0001 0000003c 0005 02 6e73 c010 "
		 "ns.a.example. " A "c0000201",
		 "www.a.example"},
		{"addresses in a query", "1234 0000 0001 0001 0000 0000 " WWW "c00c " A "c0000201",
		 "www.a.example"},
		{"response without a question",
		 "0000 8400 0000 0001 0000 0000 a.local. 0001 8001 00000078 0004 c0000201", ""},
		{"bytes behind the message", QUERY WWW "ffff", "www.a.example"},
		{"message that ends in its records",
		 RESPONSE("0003", "0000") WWW "c00c " A "c0000201 c00c 0001",
		 "www.a.example 192.0.2.1/60 cut"},
		{"bytes that no host has", QUERY "08 61 2e 5c 00 20 ff 7f 7e 00 0001 0001",
		 "a\\.\\\\\\000\\032\\255\\127~"},
		{"a label that ends in a dot", QUERY "02 612e 00 0001 0001", "a\\."},
	};
	static struct finding finding;
	static uint8_t bytes[SIZE];
	char text[2 * NAMES_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = message_write(cases[i].message, bytes);

		print_message("%s\n", cases[i].what);
		assert_int_equal(extract(bytes, length, &finding), ANSWER_FOUND);
		assert_string_equal(finding_text(&finding, text), cases[i].want);
		assert_int_equal(finding.carrier, CARRIER_DNS);
		assert_int_equal(finding.is_response, bytes[2] >> 7);
	}
}

static void test_not_mine(void **state)
{
	static const struct {
		const char *what, *message;
	} cases[] = {
		{"nothing", ""},
		{"half a header", "1234 0100 0001 0000 0000"},
		{"zeros", "0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000"},
		{"query without a question", "1234 0100 0000 0000 0000 0000 0000000000"},
		{"response with nothing", "1234 8180 0000 0000 0000 0000 0000000000"},
		{"opcode IQUERY", "1234 0900 0001 0000 0000 0000 " WWW},
		{"opcode 15", "1234 7900 0001 0000 0000 0000 " WWW},
		{"more questions than fit", "1234 0100 0005 0000 0000 0000 " WWW},
		{"more records than any message has", "1234 8180 0001 ffff 0000 0000 " WWW},
		{"class that is none", QUERY "www.a.example. 0001 0002"},
		{"question that is cut", QUERY "www.a.example. 0001 00"},
		{"name without an end", QUERY "www.a.example+ 07 0001 0001"},
		{"label of type 01", QUERY "40 61 00 0001 0001"},
		{"label of type 10", QUERY "80 61 00 0001 0001"},
		{"pointer to itself", QUERY "c00c 0001 0001"},
		{"pointer into its own name", QUERY "01 61 01 62 c00e 0001 0001"},
		{"pointer to the name's start", QUERY "www+ c00c 0001 0001"},
		{"pointer forward", QUERY "c012 0001 0001 0161 00"},
		{"pointer into the header", "1234 0100 0001 0000 0000 0000 c002 0001 0001 00"},
		{"half a pointer", QUERY "01 61 01 62 01 63 c0"},
		{"record with a pointer forward",
		 RESPONSE("0001", "0000") WWW "c030 " A "c0000201"},
		{"two pointers at each other",
		 RESPONSE("0002", "0000") WWW "c02f 0001 0001 00000000 0000 c01f " A "c0000201"},
		{"chain to a name that is malformed",
		 RESPONSE("0001", "0000") WWW "c00c 0005 0001 00000014 0002 c0ff"},
		{"chain to a name beyond its record",
		 RESPONSE("0001", "0000") WWW "c00c 0005 0001 00000014 0002 01 62 00"},
		{"service without a target",
		 RESPONSE("0001", "0000") WWW "c00c 0041 0001 00000014 0002 0001"},
	};
	static struct finding finding;
	static uint8_t bytes[SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = message_write(cases[i].message, bytes);

		print_message("%s\n", cases[i].what);
		assert_int_equal(extract(bytes, length, &finding), ANSWER_NOT_MINE);
	}
}

static void test_name_of_255_octets(void **state)
{
	static struct finding finding;
	uint8_t bytes[400] = {0x12, 0x34, 1, 0, 0, 1};
	size_t n = 12;

	(void)state;
	for (unsigned int i = 0; i < 127; i++) {
		bytes[n++] = 1;
		bytes[n++] = 0xfe;
	}
	bytes[n + 2] = bytes[n + 4] = 1;
	assert_int_equal(extract(bytes, n + 5, &finding), ANSWER_FOUND);
	assert_int_equal(finding.names[0].length, 127 * 5 - 1);
	bytes[n - 2] = 2; /* one octet more */
	bytes[n] = 'x';
	bytes[n + 2] = 0;
	bytes[n + 3] = bytes[n + 5] = 1;
	assert_int_equal(extract(bytes, n + 6, &finding), ANSWER_NOT_MINE);
}

/* Each prefix is NOT_MINE up to the end of the questions, and then says what it holds. */
static void test_cut_everywhere(void **state)
{
	static const char message[] =
		RESPONSE("0003", "0001") WWW "c00c 0005 0001 00000014 0007 "
					     "cdn.b. c02b " A "c0000201 c02b " A "c0000202 " OPT;
	static struct finding finding;
	static uint8_t bytes[SIZE];
	size_t length = message_write(message, bytes);

	(void)state;
	for (size_t n = 0; n <= length; n++) {
		unsigned int whole = n < 66 ? 0 : n < 82 ? 1 : 2;
		enum answer answer = extract(bytes, n, &finding);

		assert_int_equal(answer, n < 31 ? ANSWER_NOT_MINE : ANSWER_FOUND);
		if (answer != ANSWER_FOUND)
			continue;
		assert_int_equal(finding.truncated, n < length);
		assert_int_equal(finding.names_count, n < 50 ? 1 : 2);
		assert_int_equal(finding.answers_count, whole);
	}
}

static void test_stream(void **state)
{
	static struct finding finding;
	static uint8_t bytes[SIZE];
	char text[2 * NAMES_TEXT];
	size_t consumed, first, length;

	(void)state;
	first = message_write("001f " QUERY WWW, bytes);
	length = message_write("001f " QUERY WWW "001b " QUERY "a.example. 0001 0001", bytes);
	for (size_t n = 0; n <= length; n++) {
		uint8_t *copy = bytes_copy(bytes, n);

		assert_int_equal(dns_extract_stream(copy, n, &finding, &consumed),
				 n < first ? ANSWER_MORE : ANSWER_FOUND);
		assert_int_equal(consumed, n < first ? 0 : first);
		free(copy);
	}
	assert_int_equal(dns_extract_stream(bytes + first, length - first, &finding, &consumed),
			 ANSWER_FOUND);
	assert_int_equal(consumed, length - first);
	assert_string_equal(finding_text(&finding, text), "a.example");

	length = message_write("000b", bytes);
	assert_int_equal(dns_extract_stream(bytes, length, &finding, &consumed), ANSWER_NOT_MINE);
	length = message_write("0100 1234 0100 0000 0000 0000 0000", bytes);
	assert_int_equal(dns_extract_stream(bytes, length, &finding, &consumed), ANSWER_NOT_MINE);
	length = message_write("0018 1234 0100 0001 0000 0000 0000 c00c 0001 0001 000000000000",
			       bytes);
	assert_int_equal(dns_extract_stream(bytes, length, &finding, &consumed), ANSWER_NOT_MINE);
	assert_int_equal(consumed, 26);
}

static void test_more_than_there_is_room(void **state)
{
	static struct finding finding;
	static uint8_t bytes[SIZE];
	size_t n = message_write(RESPONSE("0041", "0000") WWW, bytes);

	(void)state;
	for (unsigned int i = 0; i < FINDING_ANSWERS + 1; i++)
		n += message_write("c00c " A "c0000201", bytes + n);
	assert_int_equal(extract(bytes, n, &finding), ANSWER_FOUND);
	assert_int_equal(finding.answers_count, FINDING_ANSWERS);
	assert_true(finding.truncated);
}

/* As large as can be, and every record's name differs from the ones asked for in its last label
 * only: the comparisons are counted, not made without end. */
static void test_costly_message(void **state)
{
	static struct finding finding;
	static uint8_t bytes[SIZE];
	size_t n = message_write("1234 8180 0002 0fc0 0000 0000 ", bytes);

	(void)state;
	for (unsigned int name = 0; name < 3; name++) {
		for (unsigned int i = 0; i < 125; i++)
			n += message_write("0161", bytes + n);
		n += message_write(name == 0   ? "0178 00"
				   : name == 1 ? "0179 00"
					       : "017a 00",
				   bytes + n);
		n += message_write(name < 2 ? "0001 0001" : A "c0000201", bytes + n);
	}
	for (unsigned int record = 1; record < 0x0fc0; record++)
		n += message_write("c20e " A "c0000201", bytes + n);
	assert_int_equal(extract(bytes, n, &finding), ANSWER_FOUND);
	assert_int_equal(finding.names_count, 2);
	assert_int_equal(finding.answers_count, 0);
	assert_true(finding.truncated);
}

/* Each record's name is the end of a long chain of pointers that another record's data holds. The
 * longest message of that kind used to take a second. */
static void test_pointer_chains(void **state)
{
	static const struct {
		const char *what;
		unsigned int pointers, records;
		enum answer want;
	} cases[] = {
		{"as long as a name may be", 127, 10, ANSWER_FOUND},
		{"longer", 129, 1, ANSWER_NOT_MINE},
		{"long ones, often", 120, 4000, ANSWER_NOT_MINE},
		{"all that fit", 8000, 3400, ANSWER_NOT_MINE},
	};
	static struct finding finding;
	static uint8_t bytes[SIZE];
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int pointers = cases[i].pointers, records = cases[i].records, at;
		size_t n;

		snprintf(text, sizeof(text), "0007 8180 0001 %04x 0000 0000 ", records + 1);
		n = message_write(text, bytes);
		n += message_write("a. 0001 0001 c00c 0010 0001 00000000 ", bytes + n);
		snprintf(text, sizeof(text), "%04x ", 2 * pointers);
		n += message_write(text, bytes + n);
		at = 12;
		for (unsigned int j = 0; j < pointers; j++) {
			snprintf(text, sizeof(text), "%04x ", 0xc000 | at);
			at = (unsigned int)n;
			n += message_write(text, bytes + n);
		}
		/* a label before the pointer: another name each time */
		snprintf(text, sizeof(text), "0162 %04x 0010 0001 00000000 0000 ", 0xc000 | at);
		for (unsigned int j = 0; j < records; j++)
			n += message_write(text, bytes + n);
		if (extract(bytes, n, &finding) != cases[i].want)
			fail_msg("%s", cases[i].what);
	}
}

static void test_garbage(void **state)
{
	static struct finding finding;
	uint8_t bytes[100];
	uint32_t random = 5;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		size_t length = noise(&random) % sizeof(bytes);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)noise(&random);
		if (round % 2 && length >= 12)
			bytes_from_hex("8180 0001 0001 0000 0000", bytes + 2, 10);
		if (extract(bytes, length, &finding) == ANSWER_FOUND)
			assert_true(round % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_not_mine),
		cmocka_unit_test(test_name_of_255_octets),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_more_than_there_is_room),
		cmocka_unit_test(test_costly_message),
		cmocka_unit_test(test_pointer_chains),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
