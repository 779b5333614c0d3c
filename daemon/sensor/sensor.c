/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a packet, from top to bottom: sensor_packet is the function to read first.
 */
#include "daemon/sensor/sensor.h"

#include <stdlib.h>

#include "classifiers/dns.h"
#include "daemon/sensor/sensor_internal.h"

#define QUIC_FLOWS_MAX 16384

static void release_flow(void *context, struct flow *flow)
{
	struct sensor *sensor = context;

	if (flow->syn_data) /* in vain, or of a capture of one side */
		stream_syn_answered(sensor, flow, flow->server_packets == 0 ? REASSEMBLY_BYTES : 0,
				    flow->last);
	if (flow_undecided(flow) && flow->client_bytes + flow->server_bytes > 0)
		decide_without_name(sensor, flow, true, flow->last);
	flow_settle(sensor, flow);
	stream_release(sensor, flow);
}

struct sensor *sensor_new(const struct sensor_options *options, struct catalogue *catalogue,
			  const struct sensor_sink *sink)
{
	struct sensor *sensor = calloc(1, sizeof(*sensor));

	if (!sensor)
		return NULL;
	sensor->options = *options;
	sensor->sink = *sink;
	if (sensor->options.flows_max == 0)
		sensor->options.flows_max = SENSOR_FLOWS_MAX;
	sensor->pool = reassembly_pool_new(SENSOR_REASSEMBLY_BYTES);
	sensor->ndpi = ndpi_engine_new();
	sensor->seen = names_seen_new(SENSOR_PAIRS_MAX);
	sensor->flows =
		flow_table_new(sensor->options.flows_max, options->seed, release_flow, sensor);
	sensor->quic = quic_new(QUIC_FLOWS_MAX);
	if (!sensor->pool || !sensor->quic || !sensor->ndpi || !sensor->seen || !sensor->flows) {
		sensor_free(sensor);
		return NULL;
	}
	sensor->catalogue = catalogue;
	return sensor;
}

void sensor_free(struct sensor *sensor)
{
	if (!sensor)
		return;
	sensor_finish(sensor);
	flow_table_free(sensor->flows);
	names_seen_free(sensor->seen);
	ndpi_engine_free(sensor->ndpi);
	quic_free(sensor->quic);
	reassembly_pool_free(sensor->pool);
	catalogue_free(sensor->catalogue);
	free(sensor);
}

void sensor_reconfigure(struct sensor *sensor, struct catalogue *catalogue, bool all_flows,
			bool prefix_over_name)
{
	names_seen_recatalogue(sensor->seen, catalogue);
	catalogue_free(sensor->catalogue);
	sensor->catalogue = catalogue;
	sensor->options.all_flows = all_flows;
	sensor->options.prefix_over_name = prefix_over_name;
}

static void count_packet(struct flow *flow, const struct packet *packet, bool from_client)
{
	if (from_client) {
		flow->client_packets++;
		flow->client_bytes += packet->payload_wire;
	} else {
		flow->server_packets++;
		flow->server_bytes += packet->payload_wire;
	}
}

/* A connection begins, on a new flow or on one of the same ports. */
static void begin_tcp(struct sensor *sensor, struct flow *flow, uint32_t start, struct wall now)
{
	if (flow->client_packets + flow->server_packets > 0)
		flow_restart(sensor->flows, flow, now);
	flow->client_known = flow->start_known = true;
	flow->client_next = start;
}

/* A SYN alone changes nothing of a flow whose other end has spoken: anybody can send one. It
 * proposes a connection, which begins when that end agrees. */
static void follow_syn(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		       bool *from_client, struct wall now)
{
	uint32_t start = packet->tcp_sequence + 1;
	uint64_t others = *from_client ? flow->server_packets : flow->client_packets;

	if (*from_client && flow->start_known && flow->client_next == start && !flow->closed)
		return;
	if (others > 0) {
		flow->proposal = true;
		flow->proposed = start;
		flow->proposed_by_server = !*from_client;
		return;
	}
	if (!*from_client)
		flow_turn(flow);
	*from_client = true;
	begin_tcp(sensor, flow, start, now);
}

/* The server's first word says where the client's bytes begin; what was taken for them before it
 * is nothing that a server has read. */
static void follow_first_answer(struct sensor *sensor, struct flow *flow,
				const struct packet *packet, struct wall now)
{
	uint32_t start = packet->tcp_acknowledgement;

	if (flow->syn_data && start - flow->client_next > REASSEMBLY_BYTES)
		stream_syn_answered(sensor, flow, 0, now);
	if (flow->syn_data)
		stream_syn_answered(sensor, flow, start - flow->client_next, now);
	else if (flow->field < FIELD_CLASS &&
		 (!flow->start_known || flow->client_next != start || flow->stream))
		begin_tcp(sensor, flow, start, now);
}

static void follow_syn_ack(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			   bool *from_client, struct wall now)
{
	if (flow->proposal && flow->proposed_by_server == *from_client &&
	    packet->tcp_acknowledgement == flow->proposed) {
		if (*from_client)
			flow_turn(flow);
		*from_client = false;
		begin_tcp(sensor, flow, packet->tcp_acknowledgement, now);
	} else if (!*from_client && flow->server_packets == 0) {
		follow_first_answer(sensor, flow, packet, now);
	}
}

/* Opening and end of a connection. *from_client changes when the direction was wrong. */
static void follow_tcp(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		       bool *from_client, struct wall now)
{
	if ((packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		follow_syn(sensor, flow, packet, from_client, now);
	else if (packet->tcp_flags & TCP_SYN)
		follow_syn_ack(sensor, flow, packet, from_client, now);
	if (packet->tcp_flags & TCP_FIN) {
		flow->client_fin |= *from_client;
		flow->server_fin |= !*from_client;
	}
	if ((packet->tcp_flags & TCP_RST) || (flow->client_fin && flow->server_fin))
		flow->closed = true;
}

/* What libndpi makes of a packet of a flow that no extractor has decided. */
static void ask_ndpi(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		     bool from_client, struct wall now)
{
	struct ndpi_result result;

	if (flow->ndpi_packets == NDPI_PACKETS)
		return;
	flow->ndpi_packets += from_client;
	if (!flow->ndpi)
		flow->ndpi = ndpi_engine_flow_new();
	if (!flow->ndpi) {
		sensor->counters.no_memory++;
		return;
	}
	ndpi_engine_feed(sensor->ndpi, flow->ndpi, packet->network, packet->network_length,
			 from_client, now, &result);
	/* nDPI judges packets as they come. While bytes wait for others before them, or for the
	 * rest of a hello, a name may still be read: it outranks what nDPI thinks. */
	if (result.decided && result.protocol[0] != '\0' && !flow->stream && !flow->quic)
		decide_without_name(sensor, flow, true, now);
}

static void spend_budget(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			 struct wall now)
{
	if (!flow_spend(flow, packet->payload_length))
		return;
	stream_read_rest(sensor, flow, now);
	if (flow_undecided(flow))
		decide_without_name(sensor, flow, true, now);
}

/* The first datagram that was seen of this flow may have been the server's: a client's Initial from
 * the other side says so. */
static bool turned_by_quic(struct sensor *sensor, struct flow *flow, const struct packet *packet)
{
	struct quic_flow *probe = NULL;
	bool opened;

	if (flow->client_known || flow->quic)
		return false;
	/* MORE alone would not do: it is also the answer to the server's Initials */
	opened = quic_extract(sensor->quic, &probe, packet->payload, packet->payload_length,
			      &sensor->finding) == ANSWER_FOUND ||
		 probe;
	quic_flow_free(sensor->quic, &probe);
	if (!opened)
		return false;
	flow_turn(flow);
	flow->client_known = true;
	return true;
}

/* A hello is there. Where its name gives no class, that of a connection between may do so yet. */
static void quic_found(struct sensor *sensor, struct flow *flow, struct wall now)
{
	struct quic_flow *other = quic_flow_other(&flow->quic);

	if (flow_undecided(flow) || sensor->finding.names_count > 0)
		decide_by_names(sensor, flow, &sensor->finding, now);
	flow_settle(sensor, flow);
	if (flow->field < FIELD_CLASS)
		flow->quic = other;
	else
		quic_flow_free(sensor->quic, &other);
}

static void udp_datagram(struct sensor *sensor, struct flow *flow, const struct packet *packet,
			 bool from_client, struct wall now)
{
	struct finding *finding = &sensor->finding;
	enum answer answer;

	if (dns_extract(packet->payload, packet->payload_length, finding) == ANSWER_FOUND) {
		decide_dns(sensor, flow, finding, packet, now);
		return;
	}
	if (flow->field == FIELD_DNS)
		flow->field = FIELD_UNDECIDED; /* a lookup first does not hide what follows */
	if (!from_client && !turned_by_quic(sensor, flow, packet))
		return;
	answer = quic_extract(sensor->quic, &flow->quic, packet->payload, packet->payload_length,
			      finding);
	quic_initial_id(packet->payload, packet->payload_length, &flow->quic_id);
	if (answer == ANSWER_FOUND)
		quic_found(sensor, flow, now);
	else if (answer == ANSWER_NOT_MINE)
		decide_without_name(sensor, flow, false, now);
}

/* One more connection on the ports of a flow that is decided: its name counts too. */
static void quic_again(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		       struct wall now)
{
	enum answer answer;
	uint16_t id;

	if (!quic_initial_id(packet->payload, packet->payload_length, &id) ||
	    (!flow->quic && id == flow->quic_id))
		return;
	if (!flow->quic)
		flow->spent = 0;
	flow->quic_id = id;
	answer = quic_extract(sensor->quic, &flow->quic, packet->payload, packet->payload_length,
			      &sensor->finding);
	if (answer == ANSWER_FOUND)
		quic_found(sensor, flow, now);
	else if (answer != ANSWER_MORE || flow_spend(flow, packet->payload_length))
		flow_settle(sensor, flow);
}

static struct flow *packet_flow(struct sensor *sensor, const struct packet *packet, struct wall now,
				bool *from_client)
{
	struct flow_key key = {
		.source = packet->source,
		.destination = packet->destination,
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.protocol = packet->protocol,
	};
	bool syn_ack = packet->protocol == PROTOCOL_TCP &&
		       (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	struct flow *flow = flow_find_or_make(sensor->flows, &key, now, syn_ack, from_client);

	if (flow->client_packets + flow->server_packets == 0)
		sensor->counters.flows++;
	return flow;
}

void sensor_packet(struct sensor *sensor, const struct capture_packet *captured)
{
	struct wall now = captured->at;
	struct packet packet;
	enum decode_result decoded;
	struct flow *flow;
	bool from_client;

	decoded = decode_packet(captured->linktype, captured->bytes, captured->length,
				captured->wire_length, &packet);
	sensor->counters.packets++;
	sensor->counters.bytes += captured->wire_length;
	sensor->counters.decoded[decoded]++;
	flow_expire(sensor->flows, now);
	if (decoded != DECODE_OK)
		return;

	flow = packet_flow(sensor, &packet, now, &from_client);
	if (packet.protocol == PROTOCOL_TCP)
		follow_tcp(sensor, flow, &packet, &from_client, now);
	count_packet(flow, &packet, from_client);
	if (packet.payload_length == 0)
		return;

	if (packet.protocol == PROTOCOL_TCP)
		stream_segment(sensor, flow, &packet, from_client, now);
	else if (flow_undecided(flow) || flow->field == FIELD_DNS)
		udp_datagram(sensor, flow, &packet, from_client, now);
	else if (from_client)
		quic_again(sensor, flow, &packet, now);

	if (flow_undecided(flow))
		ask_ndpi(sensor, flow, &packet, from_client, now);
	if (flow_undecided(flow) && from_client)
		spend_budget(sensor, flow, &packet, now);
	if (!flow_undecided(flow) && flow->carrier != CARRIER_HTTP)
		stream_release(sensor, flow);
	decide_again(sensor, flow, now);
}

void sensor_idle(struct sensor *sensor, struct wall now)
{
	flow_expire(sensor->flows, now);
}

void sensor_finish(struct sensor *sensor)
{
	if (sensor->flows && sensor->catalogue)
		flow_each(sensor->flows, release_flow, sensor);
}

const struct sensor_counters *sensor_counters(const struct sensor *sensor)
{
	return &sensor->counters;
}

size_t sensor_flows(const struct sensor *sensor)
{
	return flow_count(sensor->flows);
}

uint64_t sensor_evicted(const struct sensor *sensor)
{
	return flow_evicted(sensor->flows);
}
