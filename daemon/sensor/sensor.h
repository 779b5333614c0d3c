/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sensor: packet in, flow's class out. The same code for live captures and files; knows
 * no dates, no kernel, no processes. capture → decode → flow → classifiers → evidence → class.
 *
 * Everything that it finds leaves through struct sensor_sink. Time is packet time throughout.
 */
#ifndef CUTOFFD_SENSOR_H
#define CUTOFFD_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/catalogue.h"
#include "daemon/channel.h"
#include "daemon/event.h"
#include "daemon/sensor/capture.h"
#include "daemon/sensor/decode.h"

struct sensor;

struct sensor_sink {
	/* A flow that has a service, is in doubt, or (all_flows) shows a name. */
	void (*flow)(void *context, const struct event_flow *event);
	/* What the kernel is to know of a flow: a class. */
	void (*report)(void *context, const struct channel_report *report);
	void *context;
};

struct sensor_options {
	size_t flows_max;      /* 0: SENSOR_FLOWS_MAX */
	uint64_t seed;	       /* of the hash tables: random, or fixed for a replay */
	bool all_flows;	       /* an event for every flow that shows a name */
	bool prefix_over_name; /* a foreign name at a vendor's own prefix: the prefix counts */
};

#define SENSOR_FLOWS_MAX 262144
#define SENSOR_PAIRS_MAX 131072
#define SENSOR_REASSEMBLY_BYTES (64 << 20)

struct sensor_counters {
	uint64_t packets, bytes, flows, names;
	uint64_t decoded[DECODE_RESULTS];
	uint64_t reassembly_full; /* flows that gave up because the pool or their budget was used up
				   */
	uint64_t no_memory;	  /* nDPI had no memory for a flow's state */
};

/* NULL when memory is out. catalogue is taken over. */
struct sensor *sensor_new(const struct sensor_options *options, struct catalogue *catalogue,
			  const struct sensor_sink *sink);
void sensor_free(struct sensor *sensor);

/* A reload: takes the new catalogue over, frees the old one. Flows keep their class numbers. */
void sensor_reconfigure(struct sensor *sensor, struct catalogue *catalogue, bool all_flows,
			bool prefix_over_name);

void sensor_packet(struct sensor *sensor, const struct capture_packet *packet);
/* No packets for a while: lets idle flows go. */
void sensor_idle(struct sensor *sensor, struct wall now);
/* The end of the packets: every flow that is undecided is decided by what there is. */
void sensor_finish(struct sensor *sensor);

const struct sensor_counters *sensor_counters(const struct sensor *sensor);
size_t sensor_flows(const struct sensor *sensor);
uint64_t sensor_evicted(const struct sensor *sensor);

#endif
