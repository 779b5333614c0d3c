/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/policy/measure.h"

#define NEW_YORK "America/New_York"
#define DAY PRECISION_DAY
#define INSTANT PRECISION_INSTANT

static const struct {
	const char *what, *text, *zone;
	enum instant_error error;
	enum precision precision;
	const char *want; /* UTC */
} cases[] = {
	{"the US cutoff", "2024-09-29T00:00:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2024-09-29T04:00:00Z"},
	{"the US cutoff as a day", "2024-09-29", NEW_YORK, INSTANT_OK, DAY, "2024-09-29T04:00:00Z"},
	{"the US first stage", "2024-07-20T00:00:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2024-07-20T04:00:00Z"},
	{"the vendor's own date", "2024-09-10", NEW_YORK, INSTANT_OK, DAY, "2024-09-10T04:00:00Z"},
	{"a moved date, winter", "2027-03-01", NEW_YORK, INSTANT_OK, DAY, "2027-03-01T05:00:00Z"},
	{"beyond the table of the zone", "2029-01-01", NEW_YORK, INSTANT_OK, DAY,
	 "2029-01-01T05:00:00Z"},
	{"summer beyond the table of the zone", "2050-07-01", NEW_YORK, INSTANT_OK, DAY,
	 "2050-07-01T04:00:00Z"},
	{"Dutch letter", "2018-05-14", "Europe/Amsterdam", INSTANT_OK, DAY, "2018-05-13T22:00:00Z"},
	{"UTC by name", "2024-09-29", "UTC", INSTANT_OK, DAY, "2024-09-29T00:00:00Z"},
	{"no seconds", "2024-09-29T00:00", NEW_YORK, INSTANT_OK, INSTANT, "2024-09-29T04:00:00Z"},
	{"no whole hours", "2024-09-29", "Asia/Kathmandu", INSTANT_OK, DAY, "2024-09-28T18:15:00Z"},
	{"before 1970", "1969-07-20T22:56:15", "America/New_York", INSTANT_OK, INSTANT,
	 "1969-07-21T02:56:15Z"},
	{"half a second before a gap, before 1970", "1969-04-27T01:59:59.5", NEW_YORK, INSTANT_OK,
	 INSTANT, "1969-04-27T06:59:59Z"},

	{"with Z", "2024-09-29T04:00:00Z", NEW_YORK, INSTANT_OK, INSTANT, "2024-09-29T04:00:00Z"},
	{"with an offset", "2024-09-29T00:00:00-04:00", "Asia/Tokyo", INSTANT_OK, INSTANT,
	 "2024-09-29T04:00:00Z"},
	{"with an offset, no seconds", "2024-09-29T00:00+05:45", NULL, INSTANT_OK, INSTANT,
	 "2024-09-28T18:15:00Z"},
	{"a day with Z", "2024-09-29Z", NEW_YORK, INSTANT_OK, DAY, "2024-09-29T00:00:00Z"},
	{"a day with an offset", "2024-09-29-04:00", NULL, INSTANT_OK, DAY, "2024-09-29T04:00:00Z"},

	{"skipped in spring", "2026-03-08T02:30", NEW_YORK, INSTANT_SKIPPED, INSTANT, NULL},
	{"first of the skipped", "2026-03-08T02:00:00", NEW_YORK, INSTANT_SKIPPED, INSTANT, NULL},
	{"last before the skipped", "2026-03-08T01:59:59", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-03-08T06:59:59Z"},
	{"first after the skipped", "2026-03-08T03:00:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-03-08T07:00:00Z"},
	{"skipped, but with an offset", "2026-03-08T02:30:00-05:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-03-08T07:30:00Z"},
	{"repeated in autumn", "2026-11-01T01:30", NEW_YORK, INSTANT_REPEATED, INSTANT, NULL},
	{"first of the repeated", "2026-11-01T01:00:00", NEW_YORK, INSTANT_REPEATED, INSTANT, NULL},
	{"last before the repeated", "2026-11-01T00:59:59", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-11-01T04:59:59Z"},
	{"first after the repeated", "2026-11-01T02:00:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-11-01T07:00:00Z"},
	{"repeated, but with an offset", "2026-11-01T01:30:00-04:00", NEW_YORK, INSTANT_OK, INSTANT,
	 "2026-11-01T05:30:00Z"},
	{"half an hour repeated", "2024-04-07T01:45", "Australia/Lord_Howe", INSTANT_REPEATED,
	 INSTANT, NULL},
	{"half an hour skipped", "2024-10-06T02:15", "Australia/Lord_Howe", INSTANT_SKIPPED,
	 INSTANT, NULL},
	{"repeated by another standard time", "2015-08-14T23:45", "Asia/Pyongyang",
	 INSTANT_REPEATED, INSTANT, NULL},

	{"a day without midnight", "2018-11-04", "America/Sao_Paulo", INSTANT_OK, DAY,
	 "2018-11-04T03:00:00Z"},
	{"the midnight that it has not", "2018-11-04T00:00:00", "America/Sao_Paulo",
	 INSTANT_SKIPPED, INSTANT, NULL},
	{"a day before whose midnight an hour repeats", "2018-02-18", "America/Sao_Paulo",
	 INSTANT_OK, DAY, "2018-02-18T03:00:00Z"},
	{"a day with two midnights", "2025-11-02", "America/Havana", INSTANT_OK, DAY,
	 "2025-11-02T04:00:00Z"},
	{"a day that begins, goes back and begins again", "2010-11-07", "America/St_Johns",
	 INSTANT_OK, DAY, "2010-11-07T02:30:00Z"},
	{"a day that there was not", "2011-12-30", "Pacific/Apia", INSTANT_SKIPPED, DAY, NULL},
	{"a time of the day that there was not", "2011-12-30T12:00", "Pacific/Apia",
	 INSTANT_SKIPPED, INSTANT, NULL},
	{"the day after it", "2011-12-31", "Pacific/Apia", INSTANT_OK, DAY, "2011-12-30T10:00:00Z"},
	{"a day that a colony skipped", "1844-12-31", "Asia/Manila", INSTANT_SKIPPED, DAY, NULL},

	{"unknown zone", "2024-09-29", "America/New_Yorck", INSTANT_NO_ZONE, DAY, NULL},
	{"abbreviation that is a POSIX zone", "2024-09-29", "EST5EDT4", INSTANT_NO_ZONE, DAY, NULL},
	{"no zone at all", "2024-09-29", NULL, INSTANT_NO_ZONE, DAY, NULL},
	{"empty zone", "2024-09-29", "", INSTANT_NO_ZONE, DAY, NULL},
	{"a folder of zones", "2024-09-29", "America", INSTANT_NO_ZONE, DAY, NULL},
	{"a file that is no zone", "2024-09-29", "tzdata.zi", INSTANT_NO_ZONE, DAY, NULL},
	{"out of the tz database", "2024-09-29", "../../../etc/localtime", INSTANT_NO_ZONE, DAY,
	 NULL},
	{"absolute path", "2024-09-29", "/usr/share/zoneinfo/UTC", INSTANT_NO_ZONE, DAY, NULL},
	{"with leap seconds", "2024-09-29", "right/UTC", INSTANT_NO_ZONE, DAY, NULL},
	{"the host's own", "2024-09-29", "localtime", INSTANT_NO_ZONE, DAY, NULL},

	{"empty", "", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"a word", "tomorrow at noon", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"half a date", "2024-09", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"US order", "09/29/2024", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"no such day", "2023-02-29", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"no such hour", "2024-09-29T24:00:00", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"half a time", "2024-09-29T00", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"no time behind the T", "2024-09-29T", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"something behind", "2024-09-29T00:00:00 EDT", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"something behind the offset", "2024-09-29T00:00:00-04:00x", NEW_YORK, INSTANT_FORM, DAY,
	 NULL},
	{"half an offset", "2024-09-29T00:00:00-", NEW_YORK, INSTANT_FORM, DAY, NULL},
	{"too many digits", "2024-09-29T00:00:00.00000000000000000000", NEW_YORK, INSTANT_FORM, DAY,
	 NULL},
	{"too late", "2262-01-01", NEW_YORK, INSTANT_OUT_OF_RANGE, DAY, NULL},
	{"too late, with Z", "9999-12-31T23:59:59Z", NEW_YORK, INSTANT_OUT_OF_RANGE, DAY, NULL},
	{"too early", "0001-01-01", NEW_YORK, INSTANT_OUT_OF_RANGE, DAY, NULL},
	{"too late and of no form", "9999-13-01", NEW_YORK, INSTANT_FORM, DAY, NULL},
};

static void check_case(size_t i)
{
	struct wall at = {-1};
	enum precision precision = (enum precision) - 1;
	char text[WALL_TEXT];

	assert_int_equal(instant_compile(cases[i].text, cases[i].zone, &at, &precision),
			 cases[i].error);
	if (cases[i].want) {
		assert_string_equal(wall_format(at, text), cases[i].want);
		assert_int_equal(precision, cases[i].precision);
	} else {
		assert_int_equal(at.ns, -1);
	}
}

static void test_instants(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		check_case(i);
	}
}

/* Where the gateway stands must not matter, nor may it be forgotten. */
static void test_host_zone(void **state)
{
	static const char *const hosts[] = {"Europe/Amsterdam", "Asia/Kathmandu", NEW_YORK,
					    "No/Such_Zone", ""};
	time_t t = 1727582400;
	struct tm tm;

	(void)state;
	for (size_t h = 0; h < sizeof(hosts) / sizeof(hosts[0]); h++) {
		print_message("%s\n", hosts[h]);
		assert_int_equal(setenv("TZ", hosts[h], 1), 0);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			check_case(i);
		assert_string_equal(getenv("TZ"), hosts[h]);
	}
	assert_int_equal(setenv("TZ", "Asia/Kathmandu", 1), 0);
	check_case(0);
	localtime_r(&t, &tm);
	assert_int_equal(tm.tm_gmtoff, 20700);
	assert_int_equal(unsetenv("TZ"), 0);
	check_case(0);
	assert_null(getenv("TZ"));
}

static void test_exact_seconds(void **state)
{
	enum precision precision;
	struct wall at;

	(void)state;
	assert_int_equal(instant_compile("2024-09-29", NEW_YORK, &at, &precision), INSTANT_OK);
	assert_int_equal(at.ns, 1727582400 * CLOCK_SECOND);
	assert_int_equal(instant_compile("2024-07-20T00:00:00", NEW_YORK, &at, &precision),
			 INSTANT_OK);
	assert_int_equal(at.ns, 1721448000 * CLOCK_SECOND);
	assert_int_equal(instant_compile("2024-09-29T00:00:00.25", NEW_YORK, &at, &precision),
			 INSTANT_OK);
	assert_int_equal(at.ns, 1727582400 * CLOCK_SECOND + CLOCK_SECOND / 4);
	assert_int_equal(instant_compile("1969-12-31T18:59:59.75", NEW_YORK, &at, &precision),
			 INSTANT_OK);
	assert_int_equal(at.ns, -CLOCK_SECOND / 4);
}

/* Every 17 hours of two years, there and back by libc. */
static void test_agrees_with_libc(void **state)
{
	static const char *const zones[] = {NEW_YORK, "Europe/Amsterdam", "Asia/Kathmandu",
					    "America/Sao_Paulo"};
	unsigned int compiled = 0;

	(void)state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		for (time_t t = 1514764800; t < 1514764800 + 2 * 365 * 86400; t += 17 * 3600) {
			enum precision precision;
			enum instant_error error;
			struct wall at;
			struct tm tm;
			char text[32];

			setenv("TZ", zones[z], 1);
			tzset();
			localtime_r(&t, &tm);
			unsetenv("TZ");
			strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
			error = instant_compile(text, zones[z], &at, &precision);
			if (error == INSTANT_REPEATED)
				continue;
			assert_int_equal(error, INSTANT_OK);
			assert_int_equal(at.ns, t * CLOCK_SECOND);
			compiled++;
		}
	}
	assert_true(compiled > 4000);
}

static void test_no_tz_database(void **state)
{
	enum precision precision;
	struct wall at;

	(void)state;
	assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
	assert_int_equal(instant_compile("2024-09-29", NEW_YORK, &at, &precision), INSTANT_NO_ZONE);
	assert_int_equal(instant_compile("2024-09-29Z", NEW_YORK, &at, &precision), INSTANT_OK);
	assert_int_equal(unsetenv("TZDIR"), 0);
}

static void test_error_texts(void **state)
{
	(void)state;
	for (enum instant_error e = INSTANT_FORM; e <= INSTANT_OUT_OF_RANGE; e++)
		assert_non_null(strchr(instant_error_text(e), ';'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instants),       cmocka_unit_test(test_host_zone),
		cmocka_unit_test(test_exact_seconds),  cmocka_unit_test(test_agrees_with_libc),
		cmocka_unit_test(test_no_tz_database), cmocka_unit_test(test_error_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
