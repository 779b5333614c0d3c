/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/recorder/statistics.h"

static void count(struct statistics *statistics, uint32_t host, const char *service,
		  enum verdict verdict)
{
	struct event_flow flow = {.protocol = 6};

	flow.client.family = FAMILY_V4;
	memcpy(flow.client.bytes, &host, sizeof(host));
	if (service) {
		snprintf(flow.vendor, sizeof(flow.vendor), "vendor");
		snprintf(flow.service, sizeof(flow.service), "%s", service);
	}
	statistics_count(statistics, &flow, verdict);
}

static json_int_t number(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static void test_counts_by_class_and_verdict(void **state)
{
	struct statistics *statistics = statistics_new();
	json_t *json, *want;

	(void)state;
	count(statistics, 1, "updates", VERDICT_REJECT);
	count(statistics, 1, "updates", VERDICT_REJECT);
	count(statistics, 2, "updates", VERDICT_ALLOW);
	count(statistics, 2, "tele\xff", VERDICT_OBSERVE);
	count(statistics, 3, NULL, VERDICT_ALLOW); /* in no list: not a host of a service */
	json = statistics_json(statistics);
	want = json_pack("{s:i, s:i, s:i, s:i, s:b, s:[{s:s, s:s, s:i, s:i, s:i, s:i}, "
			 "{s:s, s:s, s:i, s:i, s:i, s:i}]}",
			 "flows", 5, "unlisted", 1, "beyond", 0, "hosts", 2, "hosts_full", 0,
			 "classes", "vendor", "vendor", "service", "updates", "allow", 1, "observe",
			 0, "reject", 2, "drop", 0, "vendor", "vendor", "service", "tele\\xff",
			 "allow", 0, "observe", 1, "reject", 0, "drop", 0);
	assert_true(json_equal(json, want));
	json_decref(json);
	json_decref(want);
	statistics_free(statistics);
}

static void test_more_classes_than_there_is_room_for(void **state)
{
	struct statistics *statistics = statistics_new();
	json_t *json;

	(void)state;
	for (int i = 0; i < STATISTICS_CLASSES + 5; i++) {
		char service[16];

		snprintf(service, sizeof(service), "s%d", i);
		count(statistics, 1, service, VERDICT_ALLOW);
	}
	json = statistics_json(statistics);
	assert_int_equal(json_array_size(json_object_get(json, "classes")), STATISTICS_CLASSES);
	assert_int_equal(number(json, "beyond"), 5);
	assert_int_equal(number(json, "flows"), STATISTICS_CLASSES + 5);
	json_decref(json);
	statistics_free(statistics);
}

static void test_more_hosts_than_there_is_room_for(void **state)
{
	struct statistics *statistics = statistics_new();
	json_t *json;

	(void)state;
	for (uint32_t host = 0; host < 10000; host++)
		count(statistics, host, "updates", VERDICT_ALLOW);
	json = statistics_json(statistics);
	assert_int_equal(number(json, "hosts"), 10000);
	assert_true(json_is_false(json_object_get(json, "hosts_full")));
	json_decref(json);
	for (uint32_t host = 0; host < 2 * STATISTICS_HOSTS; host++)
		count(statistics, host, "updates", VERDICT_ALLOW);
	json = statistics_json(statistics);
	assert_true(number(json, "hosts") > 10000);
	assert_true(number(json, "hosts") <= STATISTICS_HOSTS);
	assert_true(json_is_true(json_object_get(json, "hosts_full")));
	json_decref(json);
	statistics_free(statistics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_by_class_and_verdict),
		cmocka_unit_test(test_more_classes_than_there_is_room_for),
		cmocka_unit_test(test_more_hosts_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
