/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/ctl/figures.h"
#include "daemon/ctl/status.h"

static char *render(const char *json, bool colour)
{
	json_t *status = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(status);
	assert_non_null(out);
	status_print(status, colour, out);
	fclose(out);
	json_decref(status);
	return text;
}

static const char whole[] =
	"{\"version\":\"0.1.0\",\"started\":\"2024-09-28T10:00:00Z\","
	"\"now\":\"2024-09-28T12:00:30Z\",\"mode\":\"enforce\",\"capture\":\"passive\","
	"\"clock\":{\"synchronised\":false,\"believed\":true,\"doubt\":\"nobody synchronises it\","
	"\"mark\":\"2024-09-28T12:00:00Z\"},"
	"\"rehearsal_offset_seconds\":-90061.5,"
	"\"policy\":{\"path\":\"/etc/cutoffd/cutoffd.yaml\",\"loaded\":\"2024-09-28T11:00:00Z\"},"
	"\"stages\":["
	"{\"number\":3,\"measure\":\"us-kaspersky-2024\",\"stage\":\"updates\","
	"\"service\":\"kaspersky.updates\",\"scope\":\"any\",\"cutoff\":\"2024-09-29T04:00:00Z\","
	"\"action\":\"reject\",\"state\":\"in-force\",\"latched\":\"suspect\",\"verified\":true,"
	"\"refused\":{\"packets\":0,\"bytes\":0},"
	"\"observed\":{\"packets\":1234567,\"bytes\":99999999}},"
	"{\"number\":12,\"measure\":\"nl-kaspersky-2018\","
	"\"stage\":\"antivirus-of-central-government-and-of-whoever-else-is-named-there\","
	"\"service\":\"kaspersky.threat-intelligence\",\"scope\":\"lan\","
	"\"cutoff\":\"2018-05-14T22:00:00Z\",\"action\":\"drop\",\"state\":\"armed\",\"latched\":"
	"\"no\","
	"\"verified\":false,\"refused\":{\"packets\":7,\"bytes\":4000},"
	"\"observed\":{\"packets\":0,\"bytes\":0}}],"
	"\"sensors\":[{\"index\":0,\"pid\":4194303,\"interface\":[\"lan0\",\"wan0\"],"
	"\"packets\":18446744073709,\"flows\":12,\"dropped\":0,\"restarts\":1}],"
	"\"conntrack\":{\"marked\":12,\"not_found\":1},\"kernel\":{\"owner\":false},"
	"\"drift\":{\"repairs\":2,\"last\":\"2024-09-28T11:59:00Z\","
	"\"what\":\"table inet cutoffd is gone\"},"
	"\"recorder\":{\"flows\":20,\"unlisted\":3,\"beyond\":0,\"hosts\":5,\"hosts_full\":true,"
	"\"classes\":[{\"vendor\":\"kaspersky\",\"service\":\"updates\",\"allow\":1,\"observe\":2,"
	"\"reject\":3,\"drop\":4}],\"events_written\":20,\"events_waiting\":3,\"events_lost\":2,"
	"\"messages_broken\":1}}";

static const char whole_text[] =
	"cutoffd 0.1.0, mode enforce, capture passive\n"
	"Now        2024-09-28T12:00:30Z (UTC)\n"
	"Started    2024-09-28T10:00:00Z, by the clock\n"
	"Policy     /etc/cutoffd/cutoffd.yaml\n"
	"           loaded 2024-09-28T11:00:00Z\n"
	"Clock      not synchronised: run a time daemon; seen up to 2024-09-28T12:00:00Z\n"
	"REHEARSAL  the policy's time is 1 d 1 h behind the clock\n"
	"\n"
	"   #  SERVICE                    CUTOFF                                 STATE\n"
	"   3  kaspersky.updates          2024-09-29T04:00:00Z  in 15 h 59 min   in-force\n"
	"      us-kaspersky-2024/updates, scope any, reject, latched by a clock in doubt\n"
	"      refused 0 packets (0 B), observed 1.2 M packets (95.3 MiB)\n"
	"  12  kaspersky.threat-intell... 2018-05-14T22:00:00Z  2328 d ago       armed\n"
	"      nl-kaspersky-2018/antivirus-of-central-government-and-of-whoever-else-i...\n"
	"      refused 7 packets (3.9 KiB), observed 0 packets (0 B)\n"
	"\n"
	"SENSOR       PID  INTERFACE               PACKETS    FLOWS  DROPPED RESTARTS\n"
	"     0   4194303  lan0,wan0                18.4 T       12        0        1\n"
	"\n"
	"FLOWS OF                                   ALLOWED  OBSERVED  REJECTED   DROPPED\n"
	"kaspersky.updates                                1         2         3         4\n"
	"\n"
	"Conntrack  12 flows marked, 1 not found\n"
	"Kernel     table inet cutoffd has no owner (Linux before 6.9): it is watched\n"
	"Drift      repairs 2, the last at 2024-09-28T11:59:00Z (by the clock):\n"
	"           table inet cutoffd is gone\n"
	"Recorder   20 events written, 3 wait, 2 lost, 1 broken messages\n"
	"Seen       20 flows, 3 of them in no list; more than 5 hosts of listed services\n";

static void test_whole(void **state)
{
	char *text = render(whole, false);

	(void)state;
	assert_string_equal(text, whole_text);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		assert_true(end - line <= 80);
	free(text);
}

static void test_little(void **state)
{
	char *text = render("{\"version\":\"9\",\"stages\":[],\"sensors\":7}", false);

	(void)state;
	assert_string_equal(text,
			    "cutoffd 9, mode ?, capture ?\n"
			    "Now        ? (UTC)\n"
			    "Started    ?, ?\n"
			    "\n"
			    "No stage is adopted: nothing will be cut (adopt: in the policy)\n"
			    "\n");
	free(text);
}

static void test_no_drift(void **state)
{
	char *text = render("{\"drift\":{\"repairs\":0}}", false);

	(void)state;
	assert_non_null(strstr(text, "\nDrift      none: the kernel holds what it should\n"));
	free(text);
}

/* Colours are beside the text: without them it is the same. */
static void test_colour(void **state)
{
	char *text = render(whole, true), *to = text;

	(void)state;
	assert_non_null(strstr(text, "\033[1;31min-force\033[0m\n"));
	for (const char *from = text; *from; from++) {
		if (*from == '\033')
			from = strchr(from, 'm');
		else
			*to++ = *from;
	}
	*to = '\0';
	assert_string_equal(text, whole_text);
	free(text);
}

static void test_span(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{0, "0 s"},
		{CLOCK_SECOND - 1, "0 s"},
		{59 * CLOCK_SECOND, "59 s"},
		{60 * CLOCK_SECOND, "1 min"},
		{61 * CLOCK_SECOND, "1 min 1 s"},
		{3600 * CLOCK_SECOND, "1 h"},
		{86399 * CLOCK_SECOND, "23 h 59 min"},
		{90000 * CLOCK_SECOND, "1 d 1 h"},
		{100 * 86400 * CLOCK_SECOND + 3600 * CLOCK_SECOND, "100 d"},
		{INT64_MAX, "106751 d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[FIGURE_TEXT];

		assert_string_equal(figure_span(cases[i].ns, text), cases[i].want);
	}
}

static void test_counts(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes;
	} cases[] = {
		{0, "0", "0 B"},
		{1023, "1023", "1023 B"},
		{1024, "1024", "1.0 KiB"},
		{999999, "999999", "976.5 KiB"},
		{1000000, "1.0 M", "976.5 KiB"},
		{UINT64_MAX, "18.4 E", "15.9 EiB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[FIGURE_TEXT];

		assert_string_equal(figure_count(cases[i].n, text), cases[i].count);
		assert_string_equal(figure_bytes(cases[i].n, text), cases[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	 cmocka_unit_test(test_little),
		cmocka_unit_test(test_no_drift), cmocka_unit_test(test_colour),
		cmocka_unit_test(test_span),	 cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
