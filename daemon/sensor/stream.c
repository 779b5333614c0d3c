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

bool flow_spend(struct flow *flow, size_t length)
{
	size_t cost = length > BUDGET_PACKET ? length : BUDGET_PACKET;

	flow->spent =
		cost < (size_t)(BUDGET - flow->spent) ? (uint16_t)(flow->spent + cost) : BUDGET;
	return flow->spent == BUDGET;
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
	flow->spent = 0;
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

void stream_read_rest(struct sensor *sensor, struct flow *flow, struct wall now)
{
	const uint8_t *bytes;
	size_t length;

	if (!flow->stream || (flow->carrier == CARRIER_HTTP && flow->http.tunnel))
		return;
	bytes = reassembly_bytes(flow->stream, &length);
	if (length > 0 && http_extract_cut(bytes, length, &sensor->finding) == ANSWER_FOUND)
		message_found(sensor, flow, bytes, length, now);
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
	flow->spent = 0;
}

/* Keeps bytes that stand offset behind client_next; false: they are not kept. What lies too far
 * ahead, or in too many pieces, is dropped, since the server may do so too; it is the budget that
 * ends the waiting. */
static bool keep(struct sensor *sensor, struct flow *flow, uint32_t offset, const uint8_t *bytes,
		 size_t length, struct wall now)
{
	enum reassembly_result result;

	if (offset >= REASSEMBLY_BYTES)
		return false;
	if (!flow->stream)
		flow->stream = reassembly_new(sensor->pool);
	if (!flow->stream) {
		give_up(sensor, flow, offset + (uint32_t)length, now);
		return false;
	}
	result = reassembly_add(sensor->pool, flow->stream, offset, bytes, length);
	if (result == REASSEMBLY_FULL) {
		reassembly_drop_pieces(flow->stream);
		result = reassembly_add(sensor->pool, flow->stream, offset, bytes, length);
	}
	flow->ambiguous |= result == REASSEMBLY_AMBIGUOUS;
	return result != REASSEMBLY_FULL;
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

void stream_syn_answered(struct sensor *sensor, struct flow *flow, size_t acknowledged,
			 struct wall now)
{
	struct reassembly *held = flow->stream;
	const uint8_t *bytes;
	size_t length;

	flow->syn_data = false;
	flow->stream = NULL;
	if (!held)
		return;
	bytes = reassembly_bytes(held, &length);
	if (acknowledged < length)
		length = acknowledged;
	if (length > 0)
		read_in_place(sensor, flow, bytes, length, now);
	reassembly_free(sensor->pool, held);
}

/* What came in the SYN counts when it was acknowledged, or when the client goes on behind it; when
 * it is sent anew, that is what the server reads. */
static void follow_syn_data(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			    struct wall now)
{
	size_t length = 0;

	if (flow->stream)
		reassembly_bytes(flow->stream, &length);
	if (packet->tcp_sequence - flow->client_next < length)
		length = 0;
	stream_syn_answered(sensor, flow, length, now);
}

/* Whether the client sends other bytes, or may do so, in place of some that were taken for no
 * message or wait for the rest of one. */
static bool is_sent_anew(const struct flow *flow, int32_t offset, const uint8_t *bytes,
			 size_t length)
{
	const uint8_t *held;
	size_t held_length;

	if (offset < 0)
		return flow_undecided(flow) || flow->http.lost;
	if (offset > 0 || !flow_undecided(flow) || !flow->stream)
		return false;
	held = reassembly_bytes(flow->stream, &held_length);
	return memcmp(held, bytes, length < held_length ? length : held_length) != 0;
}

/* The row of the first extractor that does not say NOT_MINE. */
static const struct stream_classifier *ask(struct sensor *sensor, const uint8_t *bytes,
					   size_t length, enum answer *answer)
{
	const struct stream_classifier *row = stream_classifiers;
	size_t consumed;

	for (*answer = ANSWER_NOT_MINE; row->name; row++) {
		*answer = row->extract(bytes, length, &sensor->finding, &consumed);
		if (*answer != ANSWER_NOT_MINE)
			break;
	}
	return row;
}

/* Whether what begins a message is to take the place of what is held. The rows are ordered by how
 * sure they are; between equals the later bytes win, once. */
static bool outranks(struct sensor *sensor, const struct flow *flow,
		     const struct stream_classifier *row)
{
	const struct stream_classifier *held_row;
	enum answer answer;
	const uint8_t *held;
	size_t length;

	if (!flow->stream)
		return true;
	held = reassembly_bytes(flow->stream, &length);
	held_row = ask(sensor, held, length, &answer);
	return row < held_row || (row == held_row && !flow->ambiguous);
}

/* The server may have dropped what came first: a message that begins in its place counts. */
static bool read_anew(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		      struct wall now)
{
	enum answer answer;
	const struct stream_classifier *row =
		ask(sensor, packet->payload, packet->payload_length, &answer);

	if (answer == ANSWER_NOT_MINE)
		return false;
	if (answer == ANSWER_MORE && (!flow_undecided(flow) || !outranks(sensor, flow, row)))
		return false;
	flow->ambiguous |= flow_undecided(flow);
	stream_release(sensor, flow);
	flow->client_next = packet->tcp_sequence;
	read_in_place(sensor, flow, packet->payload, packet->payload_length, now);
	return true;
}

static void client_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			   struct wall now)
{
	const uint8_t *bytes = packet->payload;
	size_t length = packet->payload_length;
	int32_t offset = (int32_t)(packet->tcp_sequence - flow->client_next);

	if (is_sent_anew(flow, offset, bytes, length) && read_anew(sensor, flow, packet, now))
		return;
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
	/* an undecided flow's budget is the caller's */
	if (flow->stream && !flow_undecided(flow) && flow_spend(flow, packet->payload_length)) {
		stream_read_rest(sensor, flow, now);
		give_up(sensor, flow,
			packet->tcp_sequence + (uint32_t)packet->payload_length - flow->client_next,
			now);
	}
}

/* The start of the flow was not seen: what looks like a client's first message tells which side
 * is the client. */
static bool is_client_message(struct sensor *sensor, const struct packet *packet)
{
	enum answer answer;

	ask(sensor, packet->payload, packet->payload_length, &answer);
	return answer == ANSWER_FOUND;
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

/* What was read otherwise is no hole in what follows. */
static void skip_to(struct sensor *sensor, struct flow *flow, uint32_t sequence)
{
	if (flow->start_known && (int32_t)(sequence - flow->client_next) <= 0)
		return;
	stream_release(sensor, flow);
	flow->client_next = sequence;
	flow->start_known = true;
}

/* Fast Open. Of a SYN that only proposes a connection, nothing is looked at. */
static void hold_syn_data(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			  struct wall now)
{
	if (flow->stream || !flow->start_known || packet->tcp_sequence + 1 != flow->client_next)
		return;
	flow->syn_data = keep(sensor, flow, 0, packet->payload, packet->payload_length, now);
}

void stream_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		    bool from_client, struct wall now)
{
	if (dns_segment(sensor, flow, packet, now)) {
		if (from_client)
			skip_to(sensor, flow,
				packet->tcp_sequence + (uint32_t)packet->payload_length);
		return;
	}
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
	if (packet->tcp_flags & TCP_SYN) {
		hold_syn_data(sensor, flow, packet, now);
		return;
	}
	if (flow->syn_data)
		follow_syn_data(sensor, flow, packet, now);
	if (!wants_more(flow))
		return;
	if (!flow->start_known) {
		flow->client_next = packet->tcp_sequence;
		flow->start_known = true;
	}
	client_segment(sensor, flow, packet, now);
}
