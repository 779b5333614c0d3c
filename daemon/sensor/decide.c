/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evidence → class → event and report. Strongest first: a name in the flow, a name that this
 * client was given for this address by DNS, the vendor's own prefix, nDPI's protocol.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/sensor/sensor_internal.h"

bool flow_undecided(const struct flow *flow)
{
	return flow->field == FIELD_UNSEEN || flow->field == FIELD_UNDECIDED;
}

void flow_settle(struct sensor *sensor, struct flow *flow)
{
	ndpi_engine_flow_free(flow->ndpi);
	flow->ndpi = NULL;
	quic_flow_free(sensor->quic, &flow->quic);
}

/* ---- what leaves ---- */

static void start_event(struct sensor *sensor, const struct flow *flow, struct wall now)
{
	struct event_flow *event = &sensor->event;

	memset(event, 0, offsetof(struct event_flow, text));
	event->at = now;
	event->flow_id = flow->id;
	event->client = flow->key.source;
	event->server = flow->key.destination;
	event->client_port = flow->key.source_port;
	event->server_port = flow->key.destination_port;
	event->protocol = flow->key.protocol;
	event->carrier = flow->carrier;
	event->evidence = flow->evidence;
	event->ambiguous = flow->ambiguous;
	event->field = flow->field;
	memcpy(event->app_protocol, sensor->protocol, sizeof(event->app_protocol));
}

static void add_names(struct event_flow *event, const struct finding *finding)
{
	event->names_count = (uint8_t)finding->names_count;
	event->questions_count = (uint8_t)finding->questions_count;
	event->is_response = finding->is_response;
	event->text_length = (uint16_t)finding->text_length;
	memcpy(event->names, finding->names, sizeof(event->names));
	memcpy(event->text, finding->text, finding->text_length);
}

static void add_service(struct sensor *sensor, const struct catalogue_match *match)
{
	struct event_flow *event = &sensor->event;
	struct catalogue_service service = catalogue_service(sensor->catalogue, match->service);

	snprintf(event->vendor, sizeof(event->vendor), "%s", service.vendor);
	snprintf(event->service, sizeof(event->service), "%s", service.service);
	catalogue_indicator(sensor->catalogue, match->indicator, event->indicator,
			    sizeof(event->indicator));
}

static void emit(struct sensor *sensor)
{
	sensor->sink.flow(sensor->sink.context, &sensor->event);
}

/* In quarters of a second. */
static uint8_t report_time(struct wall now)
{
	return (uint8_t)(now.ns / (CLOCK_SECOND / 4));
}

static void report(struct sensor *sensor, struct flow *flow, struct wall now)
{
	struct channel_report message = {
		.client = flow->key.source,
		.server = flow->key.destination,
		.client_port = flow->key.source_port,
		.server_port = flow->key.destination_port,
		.protocol = flow->key.protocol,
		.field = flow->field,
	};

	if (flow->field < FIELD_CLASS)
		return;
	flow->reported = report_time(now);
	sensor->sink.report(sensor->sink.context, &message);
}

void decide_again(struct sensor *sensor, struct flow *flow, struct wall now)
{
	if (flow->field >= FIELD_CLASS && (uint8_t)(report_time(now) - flow->reported) > 4)
		report(sensor, flow, now);
}

/* ---- evidence → class ---- */

/* The flow belongs to a service. A flow that has a class already keeps it when a later request of
 * the connection is of a service that is not adopted: what the kernel refuses, it refuses whole. */
static void assign(struct sensor *sensor, struct flow *flow, const struct catalogue_match *match,
		   enum evidence_kind kind)
{
	struct catalogue_service service = catalogue_service(sensor->catalogue, match->service);

	if (flow->field < FIELD_CLASS || service.field >= FIELD_CLASS) {
		flow->field = service.field;
		flow->evidence = (uint8_t)kind;
	}
}

static void tell(struct sensor *sensor, struct flow *flow, const struct catalogue_match *match,
		 const char *seen, size_t seen_length, struct wall now)
{
	start_event(sensor, flow, now);
	add_service(sensor, match);
	snprintf(sensor->event.seen, sizeof(sensor->event.seen), "%.*s", (int)seen_length, seen);
}

/* The name that decides: one of an adopted class before one of any other service. */
static bool best_name(const struct sensor *sensor, const struct finding *finding,
		      struct catalogue_match *match, unsigned int *which)
{
	bool found = false;

	for (unsigned int i = 0; i < finding->names_count; i++) {
		struct catalogue_match candidate;
		size_t length;
		const char *name = finding_name(finding, i, &length);

		if (!catalogue_find_name(sensor->catalogue, name, length, &candidate))
			continue;
		if (found &&
		    catalogue_service(sensor->catalogue, candidate.service).field < FIELD_CLASS)
			continue;
		*match = candidate;
		*which = i;
		found = true;
		if (catalogue_service(sensor->catalogue, candidate.service).field >= FIELD_CLASS)
			break;
	}
	return found;
}

static void decide_listed(struct sensor *sensor, struct flow *flow, const struct finding *finding,
			  const struct catalogue_match *match, unsigned int which, struct wall now)
{
	size_t length;
	const char *name = finding_name(finding, which, &length);
	uint16_t before = flow->field;

	assign(sensor, flow, match, finding->names[which].kind);
	tell(sensor, flow, match, name, length, now);
	sensor->event.evidence = (uint8_t)finding->names[which].kind;
	add_names(&sensor->event, finding);
	emit(sensor);
	if (flow->field != before)
		report(sensor, flow, now);
}

/* Decided by an address: prefix or DNS. seen is the address's name, or the address itself. */
static void decide_address(struct sensor *sensor, struct flow *flow,
			   const struct catalogue_match *match, enum evidence_kind kind,
			   const char *seen, const struct finding *finding, bool conflict,
			   struct wall now)
{
	assign(sensor, flow, match, kind);
	tell(sensor, flow, match, seen, strlen(seen), now);
	sensor->event.conflict = conflict;
	if (finding)
		add_names(&sensor->event, finding);
	emit(sensor);
	report(sensor, flow, now);
}

static void decide_prefix(struct sensor *sensor, struct flow *flow,
			  const struct catalogue_match *match, const struct finding *finding,
			  struct wall now)
{
	char seen[ADDRESS_TEXT];

	address_format(&flow->key.destination, seen);
	decide_address(sensor, flow, match, EVIDENCE_PREFIX, seen, finding, finding != NULL, now);
}

/* A name that no list holds. At a vendor's own prefix that is a conflict, which settings decide. */
static void decide_clean(struct sensor *sensor, struct flow *flow, const struct finding *finding,
			 struct wall now)
{
	struct catalogue_match match;
	bool conflict = catalogue_find_address(sensor->catalogue, &flow->key.destination, &match);

	if (conflict && sensor->options.prefix_over_name) {
		decide_prefix(sensor, flow, &match, finding, now);
		return;
	}
	if (flow->field < FIELD_CLASS)
		flow->field = finding->carrier == CARRIER_HTTP ? FIELD_HTTP : FIELD_CLEAN;
	if (!conflict && !sensor->options.all_flows)
		return;
	start_event(sensor, flow, now);
	sensor->event.conflict = conflict;
	add_names(&sensor->event, finding);
	emit(sensor);
}

void decide_by_names(struct sensor *sensor, struct flow *flow, const struct finding *finding,
		     struct wall now)
{
	struct catalogue_match match;
	unsigned int which = 0;

	flow->carrier = (uint8_t)finding->carrier;
	sensor->counters.names += finding->names_count;
	if (finding->names_count == 0)
		decide_without_name(sensor, flow, finding->carrier != CARRIER_HTTP, now);
	else if (best_name(sensor, finding, &match, &which))
		decide_listed(sensor, flow, finding, &match, which, now);
	else
		decide_clean(sensor, flow, finding, now);
	if (flow->carrier == CARRIER_HTTP && flow_undecided(flow))
		flow->field = FIELD_HTTP;
	if (flow->carrier != CARRIER_HTTP && !flow_undecided(flow))
		flow_settle(sensor, flow);
}

/* Only clean names were given for this address: clean, but at a vendor's own prefix the settings
 * decide. */
static bool decide_clean_by_dns(struct sensor *sensor, struct flow *flow, struct wall now)
{
	struct catalogue_match match;

	if (catalogue_find_address(sensor->catalogue, &flow->key.destination, &match)) {
		if (sensor->options.prefix_over_name)
			return false;
		start_event(sensor, flow, now);
		sensor->event.field = FIELD_CLEAN;
		sensor->event.conflict = true;
		emit(sensor);
	}
	flow->field = FIELD_CLEAN;
	return true;
}

/* By what DNS told this client about this address; false: nothing is known of it. */
static bool decide_by_dns(struct sensor *sensor, struct flow *flow, struct wall now)
{
	struct catalogue_match match;
	char name[256];

	switch (names_seen_find(sensor->seen, &flow->key.source, &flow->key.destination, now,
				&match, name)) {
	case NAMES_SEEN_LISTED:
		decide_address(sensor, flow, &match, EVIDENCE_DNS, name, NULL, false, now);
		return true;
	case NAMES_SEEN_AMBIGUOUS:
		flow->ambiguous = true;
		return false;
	case NAMES_SEEN_CLEAN:
		return decide_clean_by_dns(sensor, flow, now);
	case NAMES_SEEN_NOTHING:
		return false;
	}
	return false;
}

static bool decide_by_prefix(struct sensor *sensor, struct flow *flow, struct wall now)
{
	struct catalogue_match match;

	if (!catalogue_find_address(sensor->catalogue, &flow->key.destination, &match))
		return false;
	decide_prefix(sensor, flow, &match, NULL, now);
	return true;
}

static bool decide_by_ndpi(struct sensor *sensor, struct flow *flow, bool last, struct wall now)
{
	struct catalogue_match match;
	struct ndpi_result result;

	if (!last || !flow->ndpi)
		return false;
	ndpi_engine_give_up(sensor->ndpi, flow->ndpi, &result);
	if (result.guessed ||
	    !catalogue_find_protocol(sensor->catalogue, result.application, &match))
		return false; /* nobody is cut off by a guess */
	snprintf(sensor->protocol, sizeof(sensor->protocol), "%s", result.protocol);
	decide_address(sensor, flow, &match, EVIDENCE_NDPI, result.application, NULL, false, now);
	sensor->protocol[0] = '\0';
	return true;
}

void decide_without_name(struct sensor *sensor, struct flow *flow, bool last, struct wall now)
{
	if (decide_by_dns(sensor, flow, now) || decide_by_prefix(sensor, flow, now) ||
	    decide_by_ndpi(sensor, flow, last, now)) {
		flow_settle(sensor, flow);
		return;
	}
	flow->field = last ? FIELD_UNKNOWN : FIELD_UNDECIDED;
	if (!last)
		return;
	flow_settle(sensor, flow);
	if (flow->ambiguous) {
		start_event(sensor, flow, now);
		emit(sensor);
	}
}

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 16777619; /* FNV-1a */
	return hash;
}

/* Of what a query and its answer have in common, with the end of the flow that asks. */
static uint32_t question_hash(const struct finding *finding, const struct address *asker,
			      uint16_t port)
{
	uint32_t hash = hash_bytes(2166136261, &finding->message_id, sizeof(finding->message_id));

	hash = hash_bytes(hash, asker->bytes, sizeof(asker->bytes));
	hash = hash_bytes(hash, &port, sizeof(port));
	for (unsigned int i = 0; i < finding->questions_count; i++) {
		size_t length;
		const char *name = finding_name(finding, i, &length);

		hash = hash_bytes(hash, name, length);
		hash = hash_bytes(hash, "", 1);
	}
	return hash > 0 ? hash : 1;
}

static void question_remember(struct flow *flow, const struct finding *finding,
			      const struct packet *packet)
{
	flow->questions[flow->questions_next] =
		question_hash(finding, &packet->source, packet->source_port);
	flow->questions_next = (uint8_t)((flow->questions_next + 1) % FLOW_QUESTIONS);
}

/* Whether the one to whom this answer goes has asked. Anybody can send an answer that nobody asked
 * for; and each question is answered once. */
static bool question_answered(struct flow *flow, const struct finding *finding,
			      const struct packet *packet)
{
	uint32_t hash = question_hash(finding, &packet->destination, packet->destination_port);

	for (unsigned int i = 0; i < FLOW_QUESTIONS; i++) {
		if (flow->questions[i] != hash)
			continue;
		flow->questions[i] = 0;
		return true;
	}
	return false;
}

void decide_dns(struct sensor *sensor, struct flow *flow, const struct finding *finding,
		const struct packet *packet, struct wall now)
{
	bool answered = finding->is_response && question_answered(flow, finding, packet);

	if (flow->field < FIELD_CLASS)
		flow->field = FIELD_DNS;
	flow->carrier = CARRIER_DNS;
	sensor->counters.names += finding->questions_count;
	if (!finding->is_response)
		question_remember(flow, finding, packet);
	if (answered)
		names_seen_learn(sensor->seen, sensor->catalogue, &packet->destination, finding,
				 now);
	flow_settle(sensor, flow);
	/* an answer without a chain repeats its question's names */
	if (!sensor->options.all_flows || finding->names_count == 0 ||
	    (answered && finding->names_count == finding->questions_count))
		return;
	start_event(sensor, flow, now);
	add_names(&sensor->event, finding);
	emit(sensor);
}
