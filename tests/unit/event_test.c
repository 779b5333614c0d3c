/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/escape.h"
#include "daemon/event.h"

#define CUTOFF (INT64_C(1727582400) * CLOCK_SECOND)

static struct event_flow flow_new(enum carrier carrier)
{
	struct event_flow flow = {.at = {CUTOFF - CLOCK_SECOND}};

	flow.flow_id = 9007199254740991;
	flow.client = address_v4((const uint8_t[4]){10, 0, 0, 5});
	flow.server = address_v4((const uint8_t[4]){192, 0, 2, 2});
	flow.client_port = 50000;
	flow.server_port = 443;
	flow.protocol = carrier == CARRIER_QUIC ? 17 : 6;
	flow.carrier = (uint8_t)carrier;
	return flow;
}

static void add_name(struct event_flow *flow, enum evidence_kind kind, const char *name)
{
	struct finding_name *slot = &flow->names[flow->names_count++];

	slot->kind = kind;
	slot->offset = flow->text_length;
	slot->length = (uint16_t)strlen(name);
	memcpy(flow->text + slot->offset, name, slot->length);
	flow->text_length = (uint16_t)(flow->text_length + slot->length);
}

static void classify(struct event_flow *flow, enum evidence_kind kind, const char *indicator,
		     const char *seen)
{
	flow->field = FIELD_CLASS;
	flow->evidence = (uint8_t)kind;
	snprintf(flow->vendor, sizeof(flow->vendor), "%s", "kaspersky");
	snprintf(flow->service, sizeof(flow->service), "%s", "updates");
	snprintf(flow->indicator, sizeof(flow->indicator), "%s", indicator);
	snprintf(flow->seen, sizeof(flow->seen), "%s", seen);
}

/* ---- what a sensor may say ---- */

static void test_valid(void **state)
{
	struct event_flow good = flow_new(CARRIER_TLS), flow;

	(void)state;
	add_name(&good, EVIDENCE_TLS_SNI, "one.example");
	add_name(&good, EVIDENCE_TLS_SNI, "two.example");

#define CASE(want, statement)                                                                      \
	do {                                                                                       \
		flow = good;                                                                       \
		statement;                                                                         \
		print_message("%s\n", #statement);                                                 \
		assert_int_equal(event_flow_valid(&flow, event_flow_size(&flow)), want);           \
	} while (0)

	CASE(true, (void)0);
	CASE(true, flow.names_count = 0);
	CASE(true, flow.text_length = EVENT_FLOW_TEXT);
	CASE(true, flow.at.ns = INT64_MIN);
	CASE(false, flow.text_length = EVENT_FLOW_TEXT + 1);
	CASE(false, flow.text_length = 3);
	CASE(false, flow.flow_id = UINT64_C(1) << 53);
	CASE(false, flow.protocol = 1);
	CASE(false, flow.carrier = CARRIER_QUIC); /* over TCP */
	CASE(false, flow.carrier = CARRIER_DNS + 1);
	CASE(false, flow.evidence = EVIDENCE_NDPI + 1);
	CASE(false, flow.field = FIELD_MAX + 1);
	CASE(false, flow.client.family = FAMILY_NONE);
	CASE(false, flow.client.family = FAMILY_V6);
	CASE(false, flow.server.bytes[4] = 1);
	CASE(false, memset(&flow.ambiguous, 2, 1));
	CASE(false, memset(&flow.conflict, 255, 1));
	CASE(false, memset(&flow.is_response, 2, 1));
	CASE(false, flow.names_count = FINDING_NAMES + 1);
	CASE(false, flow.names_count = 3);
	CASE(false, flow.questions_count = 3);
	CASE(false, flow.names[0].kind = EVIDENCE_NONE);
	CASE(false, flow.names[1].kind = EVIDENCE_NDPI + 1);
	CASE(false, flow.names[1].length++);
	CASE(false, flow.names[1].offset--);
	CASE(false, flow.names[1].offset = UINT16_MAX);
	CASE(false, snprintf(flow.vendor, sizeof(flow.vendor), "%s", "kaspersky"));
	CASE(false, memset(flow.vendor, 'v', sizeof(flow.vendor)));
	CASE(false, memset(flow.service, 's', sizeof(flow.service)));
	CASE(false, memset(flow.indicator, 'i', sizeof(flow.indicator)));
	CASE(false, memset(flow.seen, 's', sizeof(flow.seen)));
	CASE(false, memset(flow.app_protocol, 'a', sizeof(flow.app_protocol)));
#undef CASE

	assert_false(event_flow_valid(&good, event_flow_size(&good) - 1));
	assert_false(event_flow_valid(&good, event_flow_size(&good) + 1));
	assert_false(event_flow_valid(&good, 0));
}

static void test_notice_valid(void **state)
{
	struct event_notice good = {.kind = NOTICE_ALARM}, notice;

	(void)state;
	assert_true(event_notice_valid(&good, sizeof(good)));
	assert_false(event_notice_valid(&good, sizeof(good) - 1));
	notice = good;
	notice.kind = NOTICE_KINDS;
	assert_false(event_notice_valid(&notice, sizeof(notice)));
	notice = good;
	memset(notice.text, 't', sizeof(notice.text));
	assert_false(event_notice_valid(&notice, sizeof(notice)));
	notice = good;
	memset(notice.stage, 's', sizeof(notice.stage));
	assert_false(event_notice_valid(&notice, sizeof(notice)));
}

/* ---- JSON ---- */

/* want: what stands behind "proto", without the closing brace. */
static void assert_flow(const struct event_flow *flow, const char *type, const char *want)
{
	json_t *json = event_flow_json(flow, NULL, flow->at);
	char expected[2048], *line = event_line(json);

	snprintf(expected, sizeof(expected),
		 "{\"timestamp\":\"2024-09-29T03:59:59.000000+0000\",\"flow_id\":9007199254740991,"
		 "\"event_type\":\"%s\",\"src_ip\":\"10.0.0.5\",\"src_port\":50000,"
		 "\"dest_ip\":\"192.0.2.2\",\"dest_port\":443,\"proto\":\"%s\"%s}\n",
		 type, flow->protocol == 17 ? "UDP" : "TCP", want);
	assert_string_equal(line, expected);
	free(line);
	json_decref(json);
}

static void test_carriers(void **state)
{
	static const struct {
		enum carrier carrier;
		enum evidence_kind kinds[3];
		const char *names[3];
		unsigned int questions;
		const char *type, *want;
	} cases[] = {
		{CARRIER_NONE, {0}, {NULL}, 0, "flow", ""},
		{CARRIER_HTTP, {0}, {NULL}, 0, "flow", ""},
		{CARRIER_TLS,
		 {EVIDENCE_TLS_SNI},
		 {"a.example"},
		 0,
		 "tls",
		 ",\"tls\":{\"sni\":\"a.example\"}"},
		{CARRIER_TLS,
		 {EVIDENCE_TLS_CERTIFICATE, EVIDENCE_TLS_SNI, EVIDENCE_TLS_CERTIFICATE},
		 {"b.example", "a.example", "c.example"},
		 0,
		 "tls",
		 ",\"tls\":{\"sni\":\"a.example\",\"subjectaltname\":[\"b.example\",\"c.example\"]"
		 "}"},
		{CARRIER_TLS,
		 {EVIDENCE_TLS_CERTIFICATE},
		 {"b.example"},
		 0,
		 "tls",
		 ",\"tls\":{\"subjectaltname\":[\"b.example\"]}"},
		{CARRIER_QUIC,
		 {EVIDENCE_QUIC_SNI},
		 {"a.example"},
		 0,
		 "quic",
		 ",\"quic\":{\"sni\":\"a.example\"}"},
		{CARRIER_HTTP,
		 {EVIDENCE_HTTP_HOST, EVIDENCE_HTTP_HOST, EVIDENCE_HTTP_HOST},
		 {"a.example", "b.example", "b.example"},
		 0,
		 "http",
		 ",\"http\":{\"hostname\":\"a.example\"},\"cutoff\":{\"names\":[\"b.example\"]}"},
		{CARRIER_HTTP,
		 {EVIDENCE_HTTP_HOST, EVIDENCE_HTTP_HOST},
		 {"a.example", "a.example"},
		 0,
		 "http",
		 ",\"http\":{\"hostname\":\"a.example\"}"},
		{CARRIER_DNS,
		 {EVIDENCE_DNS, EVIDENCE_DNS},
		 {"a.example", "alias.example"},
		 1,
		 "dns",
		 ",\"dns\":{\"version\":3,\"type\":\"request\",\"queries\":[{\"rrname\":\"a."
		 "example\"}]},"
		 "\"cutoff\":{\"names\":[\"alias.example\"]}"},
		{CARRIER_DNS,
		 {EVIDENCE_DNS},
		 {"a\\255.example"},
		 1,
		 "dns",
		 ",\"dns\":{\"version\":3,\"type\":\"request\","
		 "\"queries\":[{\"rrname\":\"a\\\\255.example\"}]}"},
		{CARRIER_TLS,
		 {EVIDENCE_TLS_SNI},
		 {"a\xff\\xfe\x01\"\xc3\xbc"},
		 0,
		 "tls",
		 ",\"tls\":{\"sni\":\"a\\\\xff\\\\x5cxfe\\\\x01\\\"\xc3\xbc\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_flow flow = flow_new(cases[i].carrier);

		for (unsigned int j = 0; j < 3 && cases[i].names[j]; j++)
			add_name(&flow, cases[i].kinds[j], cases[i].names[j]);
		flow.questions_count = (uint8_t)cases[i].questions;
		assert_true(event_flow_valid(&flow, event_flow_size(&flow)));
		assert_flow(&flow, cases[i].type, cases[i].want);
	}
}

static void test_decisive_name_is_the_hostname(void **state)
{
	struct event_flow flow = flow_new(CARRIER_HTTP);

	(void)state;
	add_name(&flow, EVIDENCE_HTTP_HOST, "front.example");
	add_name(&flow, EVIDENCE_HTTP_HOST, "dnl-01.geo.kaspersky.com");
	classify(&flow, EVIDENCE_HTTP_HOST, "dnl-##.geo.kaspersky.com", "dnl-01.geo.kaspersky.com");
	assert_flow(
		&flow, "http",
		",\"http\":{\"hostname\":\"dnl-01.geo.kaspersky.com\"},"
		"\"cutoff\":{\"vendor\":\"kaspersky\",\"service\":\"updates\","
		"\"evidence\":{\"kind\":\"http-host\",\"indicator\":\"dnl-##.geo.kaspersky.com\","
		"\"seen\":\"dnl-01.geo.kaspersky.com\",\"where\":\"http-request\"},"
		"\"names\":[\"front.example\"]}");
}

static void test_response_and_doubts(void **state)
{
	struct event_flow flow = flow_new(CARRIER_DNS);

	(void)state;
	add_name(&flow, EVIDENCE_DNS, "a.example");
	flow.questions_count = 1;
	flow.is_response = flow.ambiguous = flow.conflict = true;
	snprintf(flow.app_protocol, sizeof(flow.app_protocol), "%s", "DNS.Cybersec");
	assert_flow(&flow, "dns",
		    ",\"app_proto\":\"DNS.Cybersec\",\"dns\":{\"version\":3,\"type\":\"response\","
		    "\"queries\":[{\"rrname\":\"a.example\"}]},"
		    "\"cutoff\":{\"ambiguous\":true,\"conflict\":true}");
}

static void test_where(void **state)
{
	static const struct {
		enum carrier carrier;
		enum evidence_kind kind;
		const char *where;
	} cases[] = {
		{CARRIER_TLS, EVIDENCE_TLS_SNI, "client-hello"},
		{CARRIER_QUIC, EVIDENCE_QUIC_SNI, "quic-initial"},
		{CARRIER_HTTP, EVIDENCE_HTTP_CONNECT, "http-request"},
		{CARRIER_TLS, EVIDENCE_TLS_CERTIFICATE, "certificate"},
		{CARRIER_DNS, EVIDENCE_DNS, "dns-message"},
		{CARRIER_NONE, EVIDENCE_DNS, "earlier-dns-answer"},
		{CARRIER_NONE, EVIDENCE_PREFIX, "server-address"},
		{CARRIER_NONE, EVIDENCE_NDPI, "protocol"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_flow flow = flow_new(cases[i].carrier);
		const char *where = NULL;
		json_t *json;

		classify(&flow, cases[i].kind, "x", "y");
		json = event_flow_json(&flow, NULL, flow.at);
		assert_int_equal(
			json_unpack(json, "{s:{s:{s:s}}}", "cutoff", "evidence", "where", &where),
			0);
		assert_string_equal(where, cases[i].where);
		json_decref(json);
	}
}

static void test_verdicts(void **state)
{
	static const struct policy_class classes[] = {{FIELD_CLASS, "kaspersky", "updates"}};
	static const struct prefix anywhere[] = {{{FAMILY_V4, {0}}, 0}, {{FAMILY_V6, {0}}, 0}};
	static const struct policy_scope scopes[] = {
		{"any", true, anywhere, 2, FAIL_OPEN, MIDSTREAM_PASS}};
	static const struct policy_stage stages[] = {
		{.number = 1,
		 .class = FIELD_CLASS,
		 .measure = "us-kaspersky-2024",
		 .stage = "updates",
		 .cutoff = {CUTOFF},
		 .until = {INT64_MAX}},
	};
	struct policy policy = {.classes = classes,
				.classes_count = 1,
				.scopes = scopes,
				.scopes_count = 1,
				.stages = stages,
				.stages_count = 1};
	static const struct {
		enum mode mode;
		uint16_t field;
		int64_t judged_at;
		const char *want;
	} cases[] = {
		{MODE_ENFORCE, FIELD_CLASS, CUTOFF - CLOCK_SECOND,
		 "\"measure\":\"us-kaspersky-2024\",\"stage\":\"updates\","
		 "\"cutoff\":\"2024-09-29T04:00:00Z\",\"verdict\":\"allow\"}"},
		{MODE_ENFORCE, FIELD_CLASS, CUTOFF,
		 "\"measure\":\"us-kaspersky-2024\",\"stage\":\"updates\","
		 "\"cutoff\":\"2024-09-29T04:00:00Z\",\"verdict\":\"reject\","
		 "\"judged_at\":\"2024-09-29T04:00:00.000000+0000\"}"},
		{MODE_OBSERVE, FIELD_CLASS, CUTOFF,
		 "\"measure\":\"us-kaspersky-2024\",\"stage\":\"updates\","
		 "\"cutoff\":\"2024-09-29T04:00:00Z\",\"verdict\":\"observe\",\"would\":\"reject\","
		 "\"judged_at\":\"2024-09-29T04:00:00.000000+0000\"}"},
		{MODE_ENFORCE, FIELD_CLEAN, CUTOFF - CLOCK_SECOND, "{\"verdict\":\"allow\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_flow flow = flow_new(CARRIER_NONE);
		json_t *json;
		char *line;

		flow.field = cases[i].field;
		policy.mode = cases[i].mode;
		json = event_flow_json(&flow, &policy, (struct wall){cases[i].judged_at});
		line = event_line(json);
		print_message("%s", line);
		assert_non_null(strstr(line, cases[i].want));
		free(line);
		json_decref(json);
	}
}

static void test_notices(void **state)
{
	struct event_notice notice = {.at = {CUTOFF}, .kind = NOTICE_STAGE, .cutoff = {CUTOFF}};
	json_t *json;
	char *line;

	(void)state;
	snprintf(notice.vendor, sizeof(notice.vendor), "%s", "kaspersky");
	snprintf(notice.service, sizeof(notice.service), "%s", "updates");
	snprintf(notice.measure, sizeof(notice.measure), "%s", "us-kaspersky-2024");
	snprintf(notice.stage, sizeof(notice.stage), "%s", "updates");
	snprintf(notice.text, sizeof(notice.text), "%s", "in force \xe2\x80\xae");
	json = event_notice_json(&notice);
	line = event_line(json);
	assert_string_equal(
		line,
		"{\"timestamp\":\"2024-09-29T04:00:00.000000+0000\",\"event_type\":\"cutoff\","
		"\"cutoff\":{\"kind\":\"stage\",\"vendor\":\"kaspersky\",\"service\":\"updates\","
		"\"measure\":\"us-kaspersky-2024\",\"stage\":\"updates\","
		"\"cutoff\":\"2024-09-29T04:00:00Z\",\"text\":\"in force "
		"\\\\xe2\\\\x80\\\\xae\"}}\n");
	free(line);
	json_decref(json);
}

static void test_longest_line(void **state)
{
	struct event_flow flow = flow_new(CARRIER_HTTP);
	char name[FINDING_TEXT / FINDING_NAMES + 1] = {0};
	json_t *json;
	char *line;

	(void)state;
	memset(name, 0xff, sizeof(name) - 1);
	for (int i = 0; i < FINDING_NAMES; i++) {
		name[0] = (char)(i + 1); /* each another one, else it is shown once */
		add_name(&flow, EVIDENCE_HTTP_HOST, name);
	}
	memset(flow.vendor, 1, sizeof(flow.vendor) - 1);
	memset(flow.service, 1, sizeof(flow.service) - 1);
	memset(flow.indicator, 1, sizeof(flow.indicator) - 1);
	memset(flow.seen, 1, sizeof(flow.seen) - 1);
	memset(flow.app_protocol, 1, sizeof(flow.app_protocol) - 1);
	flow.evidence = EVIDENCE_HTTP_HOST;
	assert_true(event_flow_valid(&flow, event_flow_size(&flow)));
	json = event_flow_json(&flow, NULL, flow.at);
	line = event_line(json);
	assert_true(strlen(line) > 5 * FINDING_TEXT);
	assert_true(strlen(line) < EVENT_LINE);
	free(line);
	json_decref(json);
}

static void test_escape(void **state)
{
	static const struct {
		const char *what, *in, *want;
	} cases[] = {
		{"plain", "update.example", "update.example"},
		{"nothing", "", ""},
		{"control codes", "a\r\n\x1b[2J\x7f", "a\\x0d\\x0a\\x1b[2J\\x7f"},
		{"backslash", "\\xff", "\\x5cxff"},
		{"UTF-8", "m\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80",
		 "m\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"Latin-1", "m\xfcn", "m\\xfcn"},
		{"overlong", "\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},
		{"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"cut short", "\xe2\x82", "\\xe2\\x82"},
		{"a second control code", "\xc2\x9b", "\\xc2\\x9b"},
		{"right to left", "\xe2\x80\xae", "\\xe2\\x80\\xae"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[ESCAPE_SIZE(64)];
		size_t n = escape_text(cases[i].in, strlen(cases[i].in), ESCAPE_BACKSLASH, text);

		print_message("%s\n", cases[i].what);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(n, strlen(cases[i].want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_notice_valid),
		cmocka_unit_test(test_carriers),
		cmocka_unit_test(test_decisive_name_is_the_hostname),
		cmocka_unit_test(test_response_and_doubts),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
