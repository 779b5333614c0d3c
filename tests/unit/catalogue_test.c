/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "classifiers/catalogue.h"
#include "classifiers/catalogue_format.h"
#include "classifiers/evidence.h"

enum service {
	UPDATES,
	TELEMETRY,
	PERMITTED,
};

static struct catalogue_builder *three_services(void)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	uint16_t index;

	assert_non_null(builder);
	assert_int_equal(catalogue_add_service(builder, "kaspersky", "updates", 16, false, &index),
			 CATALOGUE_OK);
	assert_int_equal(index, UPDATES);
	assert_int_equal(
		catalogue_add_service(builder, "kaspersky", "telemetry", 17, false, &index),
		CATALOGUE_OK);
	assert_int_equal(index, TELEMETRY);
	assert_int_equal(catalogue_add_service(builder, "kaspersky", "threat-intelligence",
					       FIELD_OTHER, true, &index),
			 CATALOGUE_OK);
	assert_int_equal(index, PERMITTED);
	return builder;
}

static enum catalogue_error add(struct catalogue_builder *builder, enum service service,
				const char *pattern)
{
	struct catalogue_conflict conflict;

	return catalogue_add_name(builder, (uint16_t)service, pattern, strlen(pattern), 0,
				  &conflict);
}

static void add_prefix(struct catalogue_builder *builder, enum service service, const char *text)
{
	struct catalogue_conflict conflict;
	struct prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), PREFIX_OK);
	assert_int_equal(catalogue_add_prefix(builder, (uint16_t)service, &prefix, 0, &conflict),
			 CATALOGUE_OK);
}

static struct catalogue *seal_and_map(struct catalogue_builder *builder)
{
	int fd = catalogue_seal(builder);
	struct catalogue *catalogue;

	assert_true(fd >= 0);
	catalogue_builder_free(builder);
	catalogue = catalogue_map(fd);
	assert_non_null(catalogue);
	close(fd);
	return catalogue;
}

/* The winning pattern as text, or "-". */
static const char *winner(const struct catalogue *catalogue, const char *name, size_t length,
			  char text[256])
{
	struct catalogue_match match;

	if (!catalogue_find_name(catalogue, name, length, &match))
		return strcpy(text, "-");
	return catalogue_indicator(catalogue, match.indicator, text, 256);
}

static void expect(const struct catalogue *catalogue, const char *name, const char *want)
{
	char text[256];

	assert_string_equal(winner(catalogue, name, strlen(name), text), want);
}

static const struct {
	enum service service;
	const char *pattern;
} shipped[] = {
	{UPDATES, "**.upd.kaspersky.com"},
	{UPDATES, "s##.upd.kaspersky.com"},
	{UPDATES, "dnl-##.geo.kaspersky.com"},
	{UPDATES, "*.geo.kaspersky.com"},
	{UPDATES, "*.kaspersky.com"},
	{TELEMETRY, "*.ksn.kaspersky-labs.com"},
	{TELEMETRY, "ksn-*-geo.kaspersky-labs.com"},
	{TELEMETRY, "ksn-a-*.kaspersky-labs.com"},
	{PERMITTED, "tip.kaspersky.com"},
	{PERMITTED, "**.tip.kaspersky.com"},
	{PERMITTED, "Securelist.COM."},
	{UPDATES, "**.both.example"},
	{PERMITTED, "*.both.example"},
	{UPDATES, "a*.tie.example"},
	{PERMITTED, "*a.tie.example"},
	{UPDATES, "b*.first.example"},
	{TELEMETRY, "*b.first.example"},
	{UPDATES, "kaspersky.*"},
	{UPDATES, "www.*.deep.example"},
	{TELEMETRY, "*.cdn#.deep.example"},
};

static struct catalogue *shipped_catalogue(void)
{
	struct catalogue_builder *builder = three_services();

	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++)
		assert_int_equal(add(builder, shipped[i].service, shipped[i].pattern),
				 CATALOGUE_OK);
	return seal_and_map(builder);
}

static void test_which_pattern_wins(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"upd.kaspersky.com", "**.upd.kaspersky.com"},
		{"x.upd.kaspersky.com", "**.upd.kaspersky.com"},
		{"s07.upd.kaspersky.com", "s##.upd.kaspersky.com"},
		{"S07.UPD.Kaspersky.com.", "s##.upd.kaspersky.com"},
		{"s7.upd.kaspersky.com", "**.upd.kaspersky.com"},
		{"a.s07.upd.kaspersky.com", "**.upd.kaspersky.com"},
		{"dnl-01.geo.kaspersky.com", "dnl-##.geo.kaspersky.com"},
		{"dnl-0x.geo.kaspersky.com", "*.geo.kaspersky.com"},
		{"geo.kaspersky.com", "*.kaspersky.com"},
		{"kaspersky.com", "kaspersky.*"},
		{"kaspersky.de", "kaspersky.*"},
		{"kaspersky.co.uk", "-"},
		{"tip.kaspersky.com", "tip.kaspersky.com"},
		{"a.tip.kaspersky.com", "**.tip.kaspersky.com"},
		{"tips.kaspersky.com", "*.kaspersky.com"},
		{"xtip.kaspersky.com", "*.kaspersky.com"},
		{"securelist.com", "securelist.com"},
		{"www.securelist.com", "-"},
		{"ksn-eu-geo.kaspersky-labs.com", "ksn-*-geo.kaspersky-labs.com"},
		{"ksn-a-geo.kaspersky-labs.com", "ksn-*-geo.kaspersky-labs.com"},
		{"ksn-a-b.kaspersky-labs.com", "ksn-a-*.kaspersky-labs.com"},
		{"ksn.kaspersky-labs.com", "-"},
		{"dc1.ksn.kaspersky-labs.com", "*.ksn.kaspersky-labs.com"},
		{"both.example", "**.both.example"},
		{"x.both.example", "*.both.example"},
		{"aa.tie.example", "*a.tie.example"},
		{"bb.first.example", "b*.first.example"},
		{"www.cdn1.deep.example", "www.*.deep.example"},
		{"ftp.cdn1.deep.example", "*.cdn#.deep.example"},
		{"x.www.cdn1.deep.example", "*.cdn#.deep.example"},
		{"", "-"},
		{".", "-"},
		{"..", "-"},
		{"com", "-"},
		{".kaspersky.com", "*.kaspersky.com"},
		{"a..kaspersky.com", "*.kaspersky.com"},
		{"kaspersky.com..", "-"},
		{"evil-kaspersky.com", "-"},
	};
	struct catalogue *catalogue = shipped_catalogue();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(catalogue, rows[i].name, rows[i].want);
	catalogue_free(catalogue);
}

static void test_names_of_any_bytes(void **state)
{
	struct catalogue *catalogue = shipped_catalogue();
	char name[70000], text[256];
	const char *suffix = ".kaspersky.com";

	(void)state;
	for (size_t length = 0; length < sizeof(name); length += length < 600 ? 1 : 4999) {
		memset(name, 'a', sizeof(name));
		if (length >= strlen(suffix))
			memcpy(name + length - strlen(suffix), suffix, strlen(suffix));
		assert_string_equal(winner(catalogue, name, length, text),
				    length >= strlen(suffix) ? "*.kaspersky.com" : "-");
		memset(name, '.', length);
		assert_string_equal(winner(catalogue, name, length, text), "-");
	}
	assert_string_equal(winner(catalogue, "a\0.kaspersky.com", 16, text), "*.kaspersky.com");
	assert_string_equal(winner(catalogue, "kaspersky\0.com", 14, text), "-");
	assert_string_equal(winner(catalogue, "\xff\xfe.kaspersky.com", 16, text),
			    "*.kaspersky.com");
	assert_string_equal(winner(catalogue, "s#*.upd.kaspersky.com", 21, text),
			    "**.upd.kaspersky.com");
	catalogue_free(catalogue);
}

/* A host's name ends at 253 bytes; what stands under a name has no such end. */
static void test_long_names_match_no_host(void **state)
{
	struct catalogue_builder *builder = three_services();
	struct catalogue *catalogue;
	char name[600], text[256];

	(void)state;
	assert_int_equal(add(builder, UPDATES, "*.a*.example"), CATALOGUE_OK);
	assert_int_equal(add(builder, TELEMETRY, "a*.example"), CATALOGUE_OK);
	catalogue = seal_and_map(builder);
	memset(name, 'a', sizeof(name));
	memcpy(name + 253 - 8, ".example", 8);
	assert_string_equal(winner(catalogue, name, 253, text), "a*.example");
	memset(name, 'a', sizeof(name));
	memcpy(name + 254 - 8, ".example", 8);
	assert_string_equal(winner(catalogue, name, 254, text), "-");
	name[100] = '.';
	assert_string_equal(winner(catalogue, name, 254, text), "*.a*.example");
	catalogue_free(catalogue);
}

static void test_services(void **state)
{
	struct catalogue *catalogue = shipped_catalogue();
	struct catalogue_service service;
	struct catalogue_match match;

	(void)state;
	assert_int_equal(catalogue_service_count(catalogue), 3);
	assert_true(catalogue_find_name(catalogue, "tip.kaspersky.com", 17, &match));
	service = catalogue_service(catalogue, match.service);
	assert_string_equal(service.vendor, "kaspersky");
	assert_string_equal(service.service, "threat-intelligence");
	assert_int_equal(service.field, FIELD_OTHER);
	assert_true(service.permitted);
	service = catalogue_service(catalogue, TELEMETRY);
	assert_string_equal(service.service, "telemetry");
	assert_int_equal(service.field, 17);
	assert_false(service.permitted);
	catalogue_free(catalogue);
}

static void test_conflicts(void **state)
{
	static const struct {
		enum service service;
		const char *pattern;
		enum catalogue_error want;
		uint32_t place; /* of the one that stood there */
	} rows[] = {
		{UPDATES, "a.example", CATALOGUE_OK, 0},
		{UPDATES, "A.example.", CATALOGUE_DUPLICATE, 0},
		{TELEMETRY, "a.EXAMPLE", CATALOGUE_CONFLICT, 0},
		{TELEMETRY, "*.a.example", CATALOGUE_OK, 0},
		{UPDATES, "**.a.example", CATALOGUE_OK, 0},
		{PERMITTED, "*.a.example", CATALOGUE_CONFLICT, 3},
		{UPDATES, "s##.a.example", CATALOGUE_OK, 0},
		{TELEMETRY, "s##.a.example", CATALOGUE_CONFLICT, 6},
		{UPDATES, "s#.a.example", CATALOGUE_OK, 0},
		{UPDATES, "a..example", CATALOGUE_BAD_PATTERN, 0},
	};
	struct catalogue_builder *builder = three_services();
	struct catalogue_conflict conflict;
	enum catalogue_error error;

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error = catalogue_add_name(builder, (uint16_t)rows[i].service, rows[i].pattern,
					   strlen(rows[i].pattern), i, &conflict);
		assert_int_equal(error, rows[i].want);
		if (error == CATALOGUE_DUPLICATE || error == CATALOGUE_CONFLICT) {
			assert_int_equal(conflict.place, rows[i].place);
			assert_int_equal(conflict.service, rows[rows[i].place].service);
		}
		if (error == CATALOGUE_BAD_PATTERN)
			assert_int_equal(conflict.pattern_error, PATTERN_EMPTY_LABEL);
	}
	catalogue_builder_free(builder);
}

static void test_prefix_conflicts(void **state)
{
	static const struct {
		enum service service;
		const char *prefix;
		enum catalogue_error want;
	} rows[] = {
		{UPDATES, "10.0.0.0/8", CATALOGUE_OK},
		{UPDATES, "10.0.0.0/9", CATALOGUE_OK},
		{UPDATES, "10.0.0.0/8", CATALOGUE_DUPLICATE},
		{TELEMETRY, "10.0.0.0/8", CATALOGUE_CONFLICT},
		{TELEMETRY, "a00::/8", CATALOGUE_OK}, /* the same bytes, another family */
	};
	struct catalogue_builder *builder = three_services();
	struct catalogue_conflict conflict;
	struct prefix prefix;

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(prefix_parse(rows[i].prefix, &prefix), PREFIX_OK);
		assert_int_equal(catalogue_add_prefix(builder, (uint16_t)rows[i].service, &prefix,
						      i, &conflict),
				 rows[i].want);
		if (rows[i].want != CATALOGUE_OK)
			assert_int_equal(conflict.place, 0);
	}
	catalogue_builder_free(builder);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address, *want;
	} rows[] = {
		{"10.1.2.3", "10.0.0.0/8"},
		{"10.128.0.0", "10.128.0.0/9"},
		{"10.128.5.5", "10.128.5.5/32"},
		{"10.128.5.6", "10.128.0.0/9"},
		{"10.255.255.255", "10.128.0.0/9"},
		{"11.0.0.0", "-"},
		{"9.255.255.255", "-"},
		{"0.0.0.0", "-"},
		{"255.255.255.255", "255.0.0.0/8"},
		{"255.0.0.0", "255.0.0.0/8"},
		{"254.255.255.255", "-"},
		{"2a03:2480::1", "2a03:2480::/32"},
		{"2a03:2480:ffff::", "2a03:2480:8000::/33"},
		{"2a03:2481::", "-"},
		{"::", "-"},
		{"::a01:203", "-"},
		{"ffff::1", "-"},
	};
	struct catalogue_builder *builder = three_services();
	struct catalogue_match match;
	struct catalogue *catalogue;
	struct address address;
	char text[256];

	(void)state;
	add_prefix(builder, UPDATES, "10.0.0.0/8");
	add_prefix(builder, TELEMETRY, "10.128.5.5");
	add_prefix(builder, TELEMETRY, "10.128.0.0/9");
	add_prefix(builder, UPDATES, "255.0.0.0/8");
	add_prefix(builder, UPDATES, "2a03:2480::/32");
	add_prefix(builder, PERMITTED, "2a03:2480:8000::/33");
	catalogue = seal_and_map(builder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(address_parse(rows[i].address, &address));
		strcpy(text, "-");
		if (catalogue_find_address(catalogue, &address, &match))
			catalogue_indicator(catalogue, match.indicator, text, sizeof(text));
		assert_string_equal(text, rows[i].want);
	}
	memset(&address, 0, sizeof(address));
	assert_false(catalogue_find_address(catalogue, &address, &match));
	catalogue_free(catalogue);
}

static void test_default_routes(void **state)
{
	struct catalogue_builder *builder = three_services();
	struct catalogue_match match;
	struct catalogue *catalogue;
	struct address address;

	(void)state;
	add_prefix(builder, UPDATES, "0.0.0.0/0");
	add_prefix(builder, TELEMETRY, "::/0");
	add_prefix(builder, PERMITTED, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	catalogue = seal_and_map(builder);
	assert_true(address_parse("255.255.255.255", &address));
	assert_true(catalogue_find_address(catalogue, &address, &match));
	assert_int_equal(match.service, UPDATES);
	assert_true(address_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", &address));
	assert_true(catalogue_find_address(catalogue, &address, &match));
	assert_int_equal(match.service, TELEMETRY);
	assert_true(address_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &address));
	assert_true(catalogue_find_address(catalogue, &address, &match));
	assert_int_equal(match.service, PERMITTED);
	catalogue_free(catalogue);
}

static void test_protocols(void **state)
{
	struct catalogue_builder *builder = three_services();
	struct catalogue_conflict conflict;
	struct catalogue_match match;
	struct catalogue *catalogue;
	char text[16], short_text[4];

	(void)state;
	assert_int_equal(catalogue_add_protocol(builder, TELEMETRY, "Cybersec", 7, &conflict),
			 CATALOGUE_OK);
	assert_int_equal(catalogue_add_protocol(builder, TELEMETRY, "CYBERSEC", 8, &conflict),
			 CATALOGUE_DUPLICATE);
	assert_int_equal(catalogue_add_protocol(builder, UPDATES, "cybersec", 9, &conflict),
			 CATALOGUE_CONFLICT);
	assert_int_equal(conflict.service, TELEMETRY);
	assert_int_equal(conflict.place, 7);
	catalogue = seal_and_map(builder);
	assert_true(catalogue_find_protocol(catalogue, "cyberSEC", &match));
	assert_int_equal(match.service, TELEMETRY);
	assert_string_equal(catalogue_indicator(catalogue, match.indicator, text, sizeof(text)),
			    "Cybersec");
	assert_string_equal(
		catalogue_indicator(catalogue, match.indicator, short_text, sizeof(short_text)),
		"Cyb");
	assert_false(catalogue_find_protocol(catalogue, "TLS", &match));
	catalogue_free(catalogue);
}

static void test_empty_catalogue(void **state)
{
	struct catalogue *catalogue = seal_and_map(catalogue_builder_new());
	struct catalogue_match match;
	struct address address;

	(void)state;
	assert_int_equal(catalogue_service_count(catalogue), 0);
	assert_false(catalogue_find_name(catalogue, "a.example", 9, &match));
	assert_true(address_parse("10.0.0.1", &address));
	assert_false(catalogue_find_address(catalogue, &address, &match));
	assert_false(catalogue_find_protocol(catalogue, "TLS", &match));
	catalogue_free(catalogue);
}

static void test_the_block_is_sealed(void **state)
{
	struct catalogue_builder *builder = three_services();
	int fd = catalogue_seal(builder);

	(void)state;
	catalogue_builder_free(builder);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & 0xf,
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 10), -1);
	close(fd);
}

/* Some memfd with these bytes; sealed against all but what the seals leave out. */
static int block_of(const void *bytes, size_t length, int seals)
{
	int fd = memfd_create("catalogue-test", MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void expect_unmapped(const void *bytes, size_t length, int seals)
{
	int fd = block_of(bytes, length, seals);

	errno = 0;
	assert_null(catalogue_map(fd));
	assert_int_equal(errno, EINVAL);
	close(fd);
}

static void test_foreign_blocks_are_not_mapped(void **state)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	struct catalogue_builder *builder = three_services();
	struct catalogue *catalogue;
	struct catalogue_header *header;
	uint8_t bytes[8192] = {0};
	ssize_t length;
	int fd;

	(void)state;
	assert_int_equal(add(builder, UPDATES, "a.example"), CATALOGUE_OK);
	fd = catalogue_seal(builder);
	catalogue_builder_free(builder);
	length = pread(fd, bytes, sizeof(bytes), 0);
	close(fd);
	assert_true(length > (ssize_t)sizeof(*header) && length < (ssize_t)sizeof(bytes));
	header = (struct catalogue_header *)bytes;

	fd = block_of(bytes, (size_t)length, all);
	catalogue = catalogue_map(fd);
	assert_non_null(catalogue);
	expect(catalogue, "a.example", "a.example");
	catalogue_free(catalogue);
	close(fd);

	expect_unmapped(bytes, (size_t)length, F_SEAL_GROW);
	expect_unmapped(bytes, (size_t)length - 1, all);
	expect_unmapped(bytes, (size_t)length + 1, all);
	expect_unmapped(bytes, sizeof(*header) - 1, all);
	expect_unmapped(bytes, 0, all);
	header->version++;
	expect_unmapped(bytes, (size_t)length, all);
	header->version--;
	header->magic++;
	expect_unmapped(bytes, (size_t)length, all);
	header->magic--;
	header->sections[SECTION_BUCKETS].count += 1000;
	expect_unmapped(bytes, (size_t)length, all);
	header->sections[SECTION_BUCKETS].count = UINT64_MAX / 2;
	expect_unmapped(bytes, (size_t)length, all);
	header->sections[SECTION_BUCKETS].count = 2;
	header->sections[SECTION_GLOBS].offset += 64;
	expect_unmapped(bytes, (size_t)length, all);
}

static void test_a_pipe_is_no_catalogue(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_null(catalogue_map(ends[0]));
	assert_null(catalogue_map(-1));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_pattern_wins),
		cmocka_unit_test(test_names_of_any_bytes),
		cmocka_unit_test(test_long_names_match_no_host),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_prefix_conflicts),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_default_routes),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_empty_catalogue),
		cmocka_unit_test(test_the_block_is_sealed),
		cmocka_unit_test(test_foreign_blocks_are_not_mapped),
		cmocka_unit_test(test_a_pipe_is_no_catalogue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
