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

/* The first of the client's messages: asks each extractor. Bytes consumed; the flow is decided,
 * speaks HTTP, or waits for more. */
static size_t first_message(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			    size_t length, struct wall now)
{
	bool more = false;
	size_t consumed = 0;

	for (const struct stream_classifier *c = stream_classifiers; c->name; c++) {
		switch (c->extract(bytes, length, &sensor->finding, &consumed)) {
		case ANSWER_FOUND:
			flow->client_known = true;
			decide_by_names(sensor, flow, &sensor->finding, now);
			if (flow->carrier == CARRIER_HTTP)
				http_position_head(&flow->http, bytes, consumed);
			return consumed;
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
	decide_without_name(sensor, flow, false, now);
	return length;
}

/* One more request of a connection that speaks HTTP. */
static size_t next_request(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			   size_t length, struct wall now)
{
	size_t consumed = 0;

	switch (http_extract(bytes, length, &sensor->finding, &consumed)) {
	case ANSWER_FOUND:
		decide_by_names(sensor, flow, &sensor->finding, now);
		http_position_head(&flow->http, bytes, consumed);
		return consumed;
	case ANSWER_MORE:
		return 0;
	case ANSWER_NOT_MINE:
		return length; /* not where a request begins: the next segment may */
	}
	return length;
}

/* Reads as many messages as there are; bytes consumed. What is left begins a message that is not
 * complete, or belongs to a flow that is decided. */
static size_t read_messages(struct sensor *sensor, struct flow *flow, const uint8_t *bytes,
			    size_t length, struct wall now)
{
	size_t done = 0, used;

	if (flow->carrier != CARRIER_HTTP) {
		done = first_message(sensor, flow, bytes, length, now);
		if (flow->carrier != CARRIER_HTTP)
			return done;
	}
	while (done < length) {
		done += http_position_body(&flow->http, bytes + done, length - done);
		if (done == length)
			break;
		used = next_request(sensor, flow, bytes + done, length - done, now);
		if (used == 0)
			break;
		done += used;
	}
	return done;
}

/* Whether any more of this flow's bytes are wanted. */
static bool wants_more(const struct flow *flow)
{
	return flow_undecided(flow) || flow->carrier == CARRIER_HTTP;
}

static void give_up(struct sensor *sensor, struct flow *flow, struct wall now)
{
	sensor->counters.reassembly_full++;
	stream_release(sensor, flow);
	if (flow_undecided(flow))
		decide_without_name(sensor, flow, true, now);
}

/* Keeps bytes that stand offset behind client_next; false: no room, and the flow is given up. */
static bool keep(struct sensor *sensor, struct flow *flow, uint32_t offset, const uint8_t *bytes,
		 size_t length, struct wall now)
{
	if (!flow->stream)
		flow->stream = reassembly_new(sensor->pool);
	if (!flow->stream) {
		give_up(sensor, flow, now);
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
		give_up(sensor, flow, now);
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

/* HTTP behind a gap that nobody will fill: a segment is where the next request may begin. */
static bool resynchronise(struct flow *flow, const struct packet *packet)
{
	if (flow->carrier != CARRIER_HTTP || flow->stream || flow->http.tunnel)
		return false;
	flow->client_next = packet->tcp_sequence;
	memset(&flow->http, 0, sizeof(flow->http));
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
	if (offset > 0 && resynchronise(flow, packet))
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
		decide_dns(sensor, flow, &sensor->finding, &packet->destination, now);
		bytes += consumed;
		left -= consumed;
		found = true;
	}
	return found;
}

void stream_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		    bool from_client, struct wall now)
{
	if (dns_segment(sensor, flow, packet, now) || !wants_more(flow))
		return;
	if (!from_client && !flow->client_known && is_client_message(sensor, packet)) {
		flow_turn(flow);
		from_client = true;
	}
	if (!from_client)
		return;
	if (!flow->start_known) {
		flow->client_start = packet->tcp_sequence;
		flow->client_next = packet->tcp_sequence;
		flow->start_known = true;
	}
	client_segment(sensor, flow, packet, now);
}
