/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the sensor's files share: sensor.c (the way of a packet), stream.c (TCP in order, and
 * which extractor reads it), decide.c (evidence → class → event).
 */
#ifndef CUTOFFD_SENSOR_INTERNAL_H
#define CUTOFFD_SENSOR_INTERNAL_H

#include "classifiers/names_seen.h"
#include "classifiers/ndpi.h"
#include "classifiers/quic.h"
#include "classifiers/reassembly.h"
#include "daemon/sensor/flow.h"
#include "daemon/sensor/sensor.h"

/* A flow is decided within so many bytes of the client's; a packet costs what it carries, and at
 * least BUDGET_PACKET. */
#define BUDGET REASSEMBLY_BYTES
#define BUDGET_PACKET 8
/* nDPI knows what it knows after fewer. */
#define NDPI_PACKETS 32

struct sensor {
	struct sensor_options options;
	struct sensor_sink sink;
	struct catalogue *catalogue;
	struct flow_table *flows;
	struct reassembly_pool *pool;
	struct quic *quic;
	struct ndpi *ndpi;
	struct names_seen *seen;
	struct sensor_counters counters;
	struct finding finding; /* scratch: too large for the stack of each call */
	struct event_flow event;
	char protocol[EVENT_WORD]; /* nDPI's name for the flow that is being decided, or "" */
};

/* ---- stream.c ---- */

/* A TCP segment with payload. */
void stream_segment(struct sensor *sensor, struct flow *flow, const struct packet *packet,
		    bool from_client, struct wall now);
/* So many bytes that came in the SYN were acknowledged. */
void stream_syn_answered(struct sensor *sensor, struct flow *flow, size_t acknowledged,
			 struct wall now);
/* The budget is used up: what can be read of a message that is not all there. */
void stream_read_rest(struct sensor *sensor, struct flow *flow, struct wall now);
/* Gives the flow's buffer back. */
void stream_release(struct sensor *sensor, struct flow *flow);
/* One of the client's packets was looked at in vain; true when that was the last that may be. */
bool flow_spend(struct flow *flow, size_t length);

/* ---- decide.c ---- */

/* Names of a complete message: the flow gets its class by the best of them. */
void decide_by_names(struct sensor *sensor, struct flow *flow, const struct finding *finding,
		     struct wall now);
/* A carrier without a name, or no carrier that we read: by DNS, prefix, then nDPI. With last, when
 * nothing more will come, the flow is unknown if nothing is found. */
void decide_without_name(struct sensor *sensor, struct flow *flow, bool last, struct wall now);
/* A DNS message: names for (client, server) pairs, learned from answers to queries that were seen;
 * the flow itself is no vendor's. */
void decide_dns(struct sensor *sensor, struct flow *flow, const struct finding *finding,
		const struct packet *packet, struct wall now);
/* A packet with payload of a flow that may have a class: says it again, at most once a second. What
 * the kernel knows of a flow ends with its conntrack entry, and the flow may go on. */
void decide_again(struct sensor *sensor, struct flow *flow, struct wall now);
bool flow_undecided(const struct flow *flow);
/* nDPI's and QUIC's state goes as soon as it is not needed; the stream is stream.c's. */
void flow_settle(struct sensor *sensor, struct flow *flow);

#endif
