/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/event.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/escape.h"

/* A double holds integers up to here exactly, and many readers of JSON have only those. */
#define FLOW_ID_END (UINT64_C(1) << 53)

static const struct {
	const char *type, *key; /* the key of its name; a DNS message has an array of them */
} carriers[] = {
	[CARRIER_NONE] = {"flow", NULL},   [CARRIER_TLS] = {"tls", "sni"},
	[CARRIER_QUIC] = {"quic", "sni"},  [CARRIER_HTTP] = {"http", "hostname"},
	[CARRIER_DNS] = {"dns", "rrname"},
};

static const char *const notice_kinds[NOTICE_KINDS] = {
	[NOTICE_START] = "start", [NOTICE_STOP] = "stop",   [NOTICE_RELOAD] = "reload",
	[NOTICE_STAGE] = "stage", [NOTICE_DRIFT] = "drift", [NOTICE_SENSOR] = "sensor",
	[NOTICE_CLOCK] = "clock", [NOTICE_ALARM] = "alarm", [NOTICE_LATCH] = "latch",
};

/* An event on its way to JSON; bad (sticky) when memory ran out. */
struct form {
	json_t *root, *cutoff;
	bool bad;
};

/* ---- messages that are not to be trusted ---- */

/* A bool that came from elsewhere may hold any byte, and may not be read as one then. */
static bool bool_valid(const bool *value)
{
	uint8_t byte;

	memcpy(&byte, value, 1);
	return byte <= 1;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* In order and not over each other: else few bytes of text could become a line without end. */
static bool names_valid(const struct event_flow *event)
{
	unsigned int end = 0;

	for (unsigned int i = 0; i < event->names_count; i++) {
		const struct finding_name *name = &event->names[i];

		if (name->kind <= EVIDENCE_NONE || name->kind > EVIDENCE_NDPI || name->offset < end)
			return false;
		end = (unsigned int)name->offset + name->length;
		if (end > event->text_length)
			return false;
	}
	return true;
}

static bool words_valid(const struct event_flow *event)
{
	return ends(event->vendor, sizeof(event->vendor)) &&
	       ends(event->service, sizeof(event->service)) &&
	       ends(event->indicator, sizeof(event->indicator)) &&
	       ends(event->seen, sizeof(event->seen)) &&
	       ends(event->app_protocol, sizeof(event->app_protocol)) &&
	       (event->vendor[0] == '\0') == (event->service[0] == '\0');
}

bool event_flow_valid(const struct event_flow *event, size_t size)
{
	if (size < sizeof(*event) - EVENT_FLOW_TEXT || event->text_length > EVENT_FLOW_TEXT ||
	    size != event_flow_size(event))
		return false;
	if (event->flow_id >= FLOW_ID_END || event->field > FIELD_MAX ||
	    event->carrier > CARRIER_DNS || event->evidence > EVIDENCE_NDPI ||
	    event->names_count > FINDING_NAMES || event->questions_count > event->names_count)
		return false;
	if (event->protocol != IPPROTO_UDP &&
	    (event->protocol != IPPROTO_TCP || event->carrier == CARRIER_QUIC))
		return false;
	return bool_valid(&event->ambiguous) && bool_valid(&event->conflict) &&
	       bool_valid(&event->is_response) && address_valid(&event->client) &&
	       address_valid(&event->server) && event->client.family == event->server.family &&
	       words_valid(event) && names_valid(event);
}

bool event_notice_valid(const struct event_notice *notice, size_t size)
{
	return size == sizeof(*notice) && notice->kind < NOTICE_KINDS &&
	       ends(notice->measure, sizeof(notice->measure)) &&
	       ends(notice->stage, sizeof(notice->stage)) &&
	       ends(notice->vendor, sizeof(notice->vendor)) &&
	       ends(notice->service, sizeof(notice->service)) &&
	       ends(notice->text, sizeof(notice->text));
}

size_t event_flow_size(const struct event_flow *event)
{
	return sizeof(*event) - EVENT_FLOW_TEXT + event->text_length;
}

/* ---- JSON ---- */

static struct form form_new(void)
{
	struct form form = {.root = json_object(), .cutoff = json_object()};

	form.bad = !form.root || !form.cutoff;
	return form;
}

/* Takes value, also when it is NULL for want of memory. */
static void put(struct form *form, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		form->bad = true;
}

static void append(struct form *form, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		form->bad = true;
}

static json_t *bytes_json(const char *bytes, size_t length, enum escape_backslash backslash)
{
	char text[ESCAPE_SIZE(FINDING_TEXT)];
	size_t n = escape_text(bytes, length, backslash, text);

	return json_stringn_nocheck(text, n);
}

/* Leaves an empty text out. */
static void put_text(struct form *form, json_t *object, const char *key, const char *text)
{
	if (text[0] != '\0')
		put(form, object, key, bytes_json(text, strlen(text), KEEP_BACKSLASH));
}

static void put_wall(struct form *form, json_t *object, const char *key, struct wall at)
{
	char text[WALL_TEXT];

	put(form, object, key, json_string(wall_format(at, text)));
}

/* The JSON of a whole event: a new reference, or NULL. */
static json_t *form_end(struct form *form)
{
	if (json_object_size(form->cutoff) > 0)
		put(form, form->root, "cutoff", form->cutoff);
	else
		json_decref(form->cutoff);
	if (!form->bad)
		return form->root;
	json_decref(form->root);
	return NULL;
}

/* DNS's extractor has written unprintable bytes as \DDD. */
static enum escape_backslash kind_backslash(enum evidence_kind kind)
{
	return kind == EVIDENCE_DNS ? KEEP_BACKSLASH : ESCAPE_BACKSLASH;
}

static json_t *name_json(const struct event_flow *event, unsigned int i)
{
	const struct finding_name *name = &event->names[i];

	return bytes_json(event->text + name->offset, name->length, kind_backslash(name->kind));
}

static bool name_is(const struct event_flow *event, unsigned int i, const char *text, size_t length)
{
	const struct finding_name *name = &event->names[i];

	return name->length == length && memcmp(event->text + name->offset, text, length) == 0;
}

static bool same_name(const struct event_flow *event, unsigned int i, unsigned int j)
{
	const struct finding_name *name = &event->names[j];

	return name_is(event, i, event->text + name->offset, name->length);
}

static bool is_certificate(const struct event_flow *event, unsigned int i)
{
	return event->names[i].kind == EVIDENCE_TLS_CERTIFICATE;
}

/* The name that stands where Suricata has room for one: the one that decided, else the first;
 * names_count when there is none. */
static unsigned int decisive_name(const struct event_flow *event)
{
	size_t length = strlen(event->seen);
	unsigned int first = event->names_count;

	for (unsigned int i = event->names_count; i-- > 0;) {
		if (is_certificate(event, i))
			continue;
		if (event->names[i].kind == event->evidence &&
		    name_is(event, i, event->seen, length))
			return i;
		first = i;
	}
	return first;
}

static void put_flow_key(struct form *form, const struct event_flow *event)
{
	char text[ADDRESS_TEXT];
	json_t *root = form->root;
	struct wall at = event->at;
	char when[WALL_TEXT];

	put(form, root, "timestamp", json_string(wall_format_event(at, when)));
	put(form, root, "flow_id", json_integer((json_int_t)event->flow_id));
	put(form, root, "event_type",
	    json_string(carriers[event->names_count > 0 ? event->carrier : CARRIER_NONE].type));
	put(form, root, "src_ip", json_string(address_format(&event->client, text)));
	put(form, root, "src_port", json_integer(event->client_port));
	put(form, root, "dest_ip", json_string(address_format(&event->server, text)));
	put(form, root, "dest_port", json_integer(event->server_port));
	put(form, root, "proto", json_string(event->protocol == IPPROTO_TCP ? "TCP" : "UDP"));
	put_text(form, root, "app_proto", event->app_protocol);
}

/* Suricata 8's form of a DNS message. */
static void put_dns(struct form *form, const struct event_flow *event)
{
	json_t *dns = json_object(), *queries = json_array();

	put(form, dns, "version", json_integer(3));
	put(form, dns, "type", json_string(event->is_response ? "response" : "request"));
	put(form, dns, "queries", queries);
	for (unsigned int i = 0; i < event->questions_count; i++) {
		json_t *query = json_object();

		put(form, query, "rrname", name_json(event, i));
		append(form, queries, query);
	}
	put(form, form->root, "dns", dns);
}

/* One name under the carrier's own key; a certificate's names in the array that is theirs. */
static void put_carrier(struct form *form, const struct event_flow *event)
{
	unsigned int decisive = decisive_name(event);
	json_t *object = json_object(), *certificate = json_array();

	if (decisive < event->names_count)
		put(form, object, carriers[event->carrier].key, name_json(event, decisive));
	for (unsigned int i = 0; i < event->names_count; i++)
		if (is_certificate(event, i))
			append(form, certificate, name_json(event, i));
	if (json_array_size(certificate) > 0)
		put(form, object, "subjectaltname", json_incref(certificate));
	json_decref(certificate);
	put(form, form->root, carriers[event->carrier].type, object);
}

static void put_names(struct form *form, const struct event_flow *event)
{
	if (event->names_count == 0 || event->carrier == CARRIER_NONE)
		return;
	if (event->carrier == CARRIER_DNS)
		put_dns(form, event);
	else
		put_carrier(form, event);
}

/* Whether put_names, or put_other_names with an earlier one, has shown this name. */
static bool is_shown(const struct event_flow *event, unsigned int i)
{
	unsigned int decisive = decisive_name(event);

	if (event->carrier == CARRIER_DNS)
		return i < event->questions_count;
	if (is_certificate(event, i) ||
	    (decisive < event->names_count && same_name(event, i, decisive)))
		return true;
	for (unsigned int j = 0; j < i; j++)
		if (same_name(event, i, j))
			return true;
	return false;
}

/* Names that the flow showed and that stand nowhere else in the event, each once. */
static void put_other_names(struct form *form, const struct event_flow *event)
{
	json_t *names = json_array();

	for (unsigned int i = 0; i < event->names_count; i++)
		if (!is_shown(event, i))
			append(form, names, name_json(event, i));
	if (json_array_size(names) > 0)
		put(form, form->cutoff, "names", json_incref(names));
	json_decref(names);
}

/* Where the indicator was found. */
static const char *evidence_where(enum evidence_kind kind, enum carrier carrier)
{
	switch (kind) {
	case EVIDENCE_NONE:
		break;
	case EVIDENCE_TLS_SNI:
		return "client-hello";
	case EVIDENCE_QUIC_SNI:
		return "quic-initial";
	case EVIDENCE_HTTP_HOST:
	case EVIDENCE_HTTP_CONNECT:
		return "http-request";
	case EVIDENCE_TLS_CERTIFICATE:
		return "certificate";
	case EVIDENCE_DNS:
		return carrier == CARRIER_DNS ? "dns-message" : "earlier-dns-answer";
	case EVIDENCE_PREFIX:
		return "server-address";
	case EVIDENCE_NDPI:
		return "protocol";
	}
	return "";
}

static void put_evidence(struct form *form, const struct event_flow *event)
{
	enum evidence_kind kind = event->evidence;
	json_t *evidence;

	if (kind == EVIDENCE_NONE)
		return;
	evidence = json_object();
	put(form, evidence, "kind", json_string(evidence_kind_name(kind)));
	put_text(form, evidence, "indicator", event->indicator);
	if (event->seen[0] != '\0')
		put(form, evidence, "seen",
		    bytes_json(event->seen, strlen(event->seen), kind_backslash(kind)));
	put_text(form, evidence, "where", evidence_where(kind, event->carrier));
	put(form, form->cutoff, "evidence", evidence);
}

static void put_verdict(struct form *form, const struct event_flow *event,
			const struct policy *policy, struct wall judged_at)
{
	struct decision decision =
		policy_judge(policy, event->field, &event->client, &event->server, judged_at);
	json_t *cutoff = form->cutoff;
	char when[WALL_TEXT];

	if (decision.stage) {
		put_text(form, cutoff, "measure", decision.stage->measure);
		put_text(form, cutoff, "stage", decision.stage->stage);
		put_wall(form, cutoff, "cutoff", decision.stage->cutoff);
	}
	put(form, cutoff, "verdict", json_string(verdict_name(decision.verdict)));
	if (policy->mode == MODE_OBSERVE)
		put(form, cutoff, "would", json_string(verdict_name(decision.would)));
	if (decision.waiver)
		put_text(form, cutoff, "waiver", decision.waiver->id);
	if (judged_at.ns != event->at.ns)
		put(form, cutoff, "judged_at", json_string(wall_format_event(judged_at, when)));
}

json_t *event_flow_json(const struct event_flow *event, const struct policy *policy,
			struct wall judged_at)
{
	struct form form = form_new();

	put_flow_key(&form, event);
	put_names(&form, event);
	put_text(&form, form.cutoff, "vendor", event->vendor);
	put_text(&form, form.cutoff, "service", event->service);
	put_evidence(&form, event);
	if (policy)
		put_verdict(&form, event, policy, judged_at);
	if (event->ambiguous)
		put(&form, form.cutoff, "ambiguous", json_true());
	if (event->conflict)
		put(&form, form.cutoff, "conflict", json_true());
	put_other_names(&form, event);
	return form_end(&form);
}

json_t *event_notice_json(const struct event_notice *notice)
{
	struct form form = form_new();
	char when[WALL_TEXT];

	put(&form, form.root, "timestamp", json_string(wall_format_event(notice->at, when)));
	put(&form, form.root, "event_type", json_string("cutoff"));
	put(&form, form.cutoff, "kind", json_string(notice_kinds[notice->kind]));
	put_text(&form, form.cutoff, "vendor", notice->vendor);
	put_text(&form, form.cutoff, "service", notice->service);
	put_text(&form, form.cutoff, "measure", notice->measure);
	put_text(&form, form.cutoff, "stage", notice->stage);
	if (notice->kind == NOTICE_STAGE)
		put_wall(&form, form.cutoff, "cutoff", notice->cutoff);
	put_text(&form, form.cutoff, "text", notice->text);
	return form_end(&form);
}

char *event_line(const json_t *event)
{
	size_t size = json_dumpb(event, NULL, 0, JSON_COMPACT);
	char *line = size > 0 ? malloc(size + 2) : NULL;

	if (!line)
		return NULL;
	if (json_dumpb(event, line, size, JSON_COMPACT) != size) {
		free(line);
		return NULL;
	}
	line[size] = '\n';
	line[size + 1] = '\0';
	return line;
}
