/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP: the client's bytes in order, and which extractor reads them. A segment that is in order and
 * complete is read where it lies; only what is not is copied into a reassembly.
 *
 * flow->client_next is the sequence number of the first byte that no extractor has consumed, and
 * the start of flow->stream whenever there is one.
 */
#include <string.h>

#include "classifiers/dns.h"
#include "daemon/sensor/sensor_internal.h"

#define DNS_PORT 53

void stream_release(struct sensor *sensor, struct flow *flow)
{
	reassembly_free(sensor->pool, flow->stream);
	flow->stream = NULL;
}

/* Whether any more of this flow's bytes are wanted. */
static bool wants_more(const struct flow *flow)
{
	return flow_undecided(flow) || flow->carrier == CARRIER_HTTP;
}

static size_t message_found(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			    size_t length, struct wall now)
{
	flow->client_known = true;
	decide_by_names(sensor, flow, &sensor->finding, now);
	if (flow->carrier == CARRIER_HTTP)
		http_position_head(&flow->http, bytes, length);
	return length;
}

/* The first of the client's messages, or the first in a tunnel: asks each extractor. Bytes
 * consumed; 0: more are needed. */
static size_t any_message(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			  size_t length, struct wall now)
{
	bool more = false;
	size_t consumed = 0;

	for (const struct stream_classifier *c = stream_classifiers; c->name; c++) {
		switch (c->extract(bytes, length, &sensor->finding, &consumed)) {
		case ANSWER_FOUND:
			return message_found(sensor, flow, bytes, consumed, now);
		case ANSWER_MORE:
			more = true;
			break;
		case ANSWER_NOT_MINE:
			break;
		}
	}
	if (more)
		return 0;
	/* Not where a message begins. The next segment may be: a connection can change to TLS. */
	if (flow_undecided(flow))
		decide_without_name(sensor, flow, false, now);
	return length;
}

/* One more request of a connection that speaks HTTP. Bytes consumed; 0: more are needed. */
static size_t next_request(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			   size_t length, struct wall now)
{
	size_t consumed = 0;

	switch (http_extract(bytes, length, &sensor->finding, &consumed)) {
	case ANSWER_FOUND:
		return message_found(sensor, flow, bytes, consumed, now);
	case ANSWER_MORE:
		return 0;
	case ANSWER_NOT_MINE:
		http_position_lost(&flow->http);
		return 1; /* a request may begin behind it */
	}
	return length;
}

/* Reads as many messages as there are; bytes consumed. What is left begins a message that is not
 * complete, or belongs to a flow that is decided. */
static size_t read_messages(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			    size_t length, struct wall now)
{
	size_t done = 0, used = 1;

	while (done < length && used > 0 && wants_more(flow)) {
		if (flow->carrier == CARRIER_HTTP)
			done += http_position_body(&flow->http, bytes + done, length - done);
		if (done == length)
			break;
		if (flow->carrier == CARRIER_HTTP && !flow->http.tunnel)
			used = next_request(sensor, flow, bytes + done, length - done, now);
		else
			used = any_message(sensor, flow, bytes + done, length - done, now);
		done += used;
	}
	return done;
}

/* No room for what is missing: an undecided flow is decided by what there is, a connection that
 * speaks HTTP goes on with the next request that is found. */
static void give_up(struct sensor *sensor, struct flow *flow, uint32_t skipped, struct wall now)
{
	sensor->counters.reassembly_full++;
	stream_release(sensor, flow);
	if (flow_undecided(flow))
		decide_without_name(sensor, flow, true, now);
	http_position_lost(&flow->http);
	flow->client_next += skipped;
}

/* Keeps bytes that stand offset behind client_next; false: no room, and the flow is given up. */
static bool keep(struct sensor *sensor, struct flow *flow, uint32_t offset, const uint8_t *bytes,
		 size_t length, struct wall now)
{
	if (!flow->stream)
		flow->stream = reassembly_new(sensor->pool);
	if (!flow->stream) {
		give_up(sensor, flow, offset + (uint32_t)length, now);
		return false;
	}
	switch (reassembly_add(sensor->pool, flow->stream, offset, bytes, length)) {
	case REASSEMBLY_AMBIGUOUS:
		flow->ambiguous = true;
		return true;
	case REASSEMBLY_TAKEN:
	case REASSEMBLY_NOTHING:
		return true;
	case REASSEMBLY_FULL:
		give_up(sensor, flow, offset + (uint32_t)length, now);
		return false;
	}
	return false;
}

/* The segment lies where the last message ended and nothing waits: read in place. */
static void read_in_place(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			  size_t length, struct wall now)
{
	size_t done = read_messages(sensor, flow, bytes, length, now);

	flow->client_next += (uint32_t)done;
	if (done < length && wants_more(flow))
		keep(sensor, flow, 0, bytes + done, length - done, now);
}

/* What is left of a buffer from which messages were taken begins a buffer of its own. Pieces behind
 * a gap are not carried over: a retransmission or the next request finds the flow again. */
static void rebase(struct sensor *sensor, struct flow *flow, size_t done, struct wall now)
{
	struct reassembly *old = flow->stream;
	size_t length;
	const uint8_t *bytes = reassembly_bytes(old, &length);

	flow->stream = NULL;
	flow->client_next += (uint32_t)done;
	if (done < length)
		keep(sensor, flow, 0, bytes + done, length - done, now);
	reassembly_free(sensor->pool, old);
}

static void read_buffered(struct sensor *sensor, struct flow *flow, uint32_t offset,
			  const uint8_t *bytes, size_t length, struct wall now)
{
	const uint8_t *run;
	size_t run_length, done;

	if (!keep(sensor, flow, offset, bytes, length, now))
		return;
	run = reassembly_bytes(flow->stream, &run_length);
	if (run_length == 0)
		return;
	done = read_messages(sensor, flow, run, run_length, now);
	if (!wants_more(flow))
		stream_release(sensor, flow);
	else if (done > 0)
		rebase(sensor, flow, done, now);
}

/* A hole in a body hides no request: goes on behind it. */
static bool skip_hole(struct flow *flow, uint32_t hole)
{
	if (flow->carrier != CARRIER_HTTP || flow->stream || flow->http.chunked ||
	    flow->http.body_left < hole)
		return false;
	http_position_gap(&flow->http, hole);
	flow->client_next += hole;
	return true;
}

static void client_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			   struct wall now)
{
	const uint8_t *bytes = packet->payload;
	size_t length = packet->payload_length;
	int32_t offset = (int32_t)(packet->tcp_sequence - flow->client_next);

	if (packet->tcp_flags & TCP_SYN)
		offset++; /* Fast Open: the SYN itself takes a number */
	if (offset < 0) {
		if ((size_t) - (int64_t)offset >= length)
			return;
		bytes += -offset;
		length -= (size_t)-offset;
		offset = 0;
	}
	if (offset > 0 && skip_hole(flow, (uint32_t)offset))
		offset = 0;
	if (offset == 0 && !flow->stream)
		read_in_place(sensor, flow, bytes, length, now);
	else
		read_buffered(sensor, flow, (uint32_t)offset, bytes, length, now);
}

/* The start of the flow was not seen: what looks like a client's first message tells which side
 * is the client. */
static bool is_client_message(struct sensor *sensor, const struct packet *packet)
{
	size_t consumed;

	for (const struct stream_classifier *c = stream_classifiers; c->name; c++)
		if (c->extract(packet->payload, packet->payload_length, &sensor->finding,
			       &consumed) == ANSWER_FOUND)
			return true;
	return false;
}

/* DNS over TCP: messages that lie whole in a segment, from either side. */
static bool dns_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			struct wall now)
{
	const uint8_t *bytes = packet->payload;
	size_t left = packet->payload_length, consumed;
	bool found = false;

	if (packet->source_port != DNS_PORT && packet->destination_port != DNS_PORT)
		return false;
	while (left > 0 &&
	       dns_extract_stream(bytes, left, &sensor->finding, &consumed) == ANSWER_FOUND) {
		decide_dns(sensor, flow, &sensor->finding, packet, now);
		bytes += consumed;
		left -= consumed;
		found = true;
	}
	return found;
}

void stream_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		    bool from_client, struct wall now)
{
	if (dns_segment(sensor, flow, packet, now))
		return;
	if (flow->field == FIELD_DNS && from_client)
		flow->field = FIELD_UNDECIDED; /* a lookup first does not hide what follows */
	if (!wants_more(flow))
		return;
	if (!from_client && !flow->client_known && is_client_message(sensor, packet)) {
		flow_turn(flow);
		stream_release(sensor, flow);
		flow->start_known = false;
		from_client = true;
	}
	if (!from_client)
		return;
	if (!flow->start_known) {
		flow->client_next = packet->tcp_sequence;
		flow->start_known = true;
	}
	client_segment(sensor, flow, packet, now);
}
