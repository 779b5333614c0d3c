/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The flow table: a slab of fixed size, a hash (SipHash, keyed by a random seed, so that no sender
 * chooses collisions) and one LRU list. It never grows past its limit: the least recently
 * used flow goes first, idle ones before. Undecided state (reassembly, nDPI, QUIC) hangs on the
 * flow by pointers of the sensor's, which gives them back in the release callback.
 */
#ifndef CUTOFFD_FLOW_H
#define CUTOFFD_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/evidence.h"
#include "classifiers/http.h"
#include "daemon/address.h"
#include "daemon/clock.h"

/* Idle times after which a flow is forgotten, by what is known of it. */
#define FLOW_IDLE_TCP (300 * CLOCK_SECOND)
#define FLOW_IDLE_UDP (120 * CLOCK_SECOND)
#define FLOW_IDLE_CLOSED (10 * CLOCK_SECOND) /* TCP, after RST or both FINs */

/* DNS queries of one flow that may wait for their answers at a time. */
#define FLOW_QUESTIONS 4

struct reassembly;
struct ndpi_flow;
struct quic_flow;

/* Ports in host order. As the packet has it: source first. */
struct flow_key {
	struct address source, destination;
	uint16_t source_port, destination_port;
	uint8_t protocol;
};

/* Ordered for size: a decided flow and its place in the table take at most 192 bytes. */
struct flow {
	/* the table's own; read only for others */
	struct flow_key key; /* source is the client */
	uint64_t id;	     /* never used twice by one table, below 2^53 */
	struct wall last;

	/* the sensor's; zeroed when the flow is made */
	uint64_t client_packets, client_bytes, server_packets, server_bytes;
	struct reassembly *stream; /* client's TCP bytes, while incomplete */
	struct ndpi_flow *ndpi;
	struct quic_flow *quic;
	struct http_position http;
	uint32_t client_next;		    /* sequence number of what was not looked at yet */
	uint32_t proposed;		    /* likewise, in a connection that a SYN proposes */
	uint32_t questions[FLOW_QUESTIONS]; /* hashes of DNS queries not answered yet; 0: none */
	uint16_t field;			    /* enum field or a class */
	uint16_t spent;			    /* of the budget */
	uint16_t quic_id;		    /* quic_initial_id of the last one that was read */
	uint8_t evidence;		    /* enum evidence_kind */
	uint8_t carrier;		    /* enum carrier */
	uint8_t questions_next;		    /* the one that the next takes the place of */
	uint8_t ndpi_packets;		    /* that nDPI was asked of */
	uint8_t reported;		    /* when, as decide.c counts */
	bool start_known : 1;		    /* client_next says something */
	bool client_known : 1; /* the direction is certain (SYN, or a request was seen) */
	bool proposal : 1;     /* proposed says something */
	bool proposed_by_server : 1;
	bool syn_data : 1; /* stream has what came in the SYN, and nobody acknowledged it yet */
	bool client_fin : 1, server_fin : 1, closed : 1;
	bool ambiguous : 1;
};

struct flow_table;

/* flows_max (1 to 2^31) flows, all of their memory taken at once (untouched pages cost nothing).
 * seed: random bytes; replay gives fixed ones. release (NULL: none) is called for each flow that
 * leaves the table or is restarted, before it does. NULL when memory is out. */
struct flow_table *flow_table_new(size_t flows_max, uint64_t seed,
				  void (*release)(void *context, struct flow *flow), void *context);
void flow_table_free(struct flow_table *table);

/* The packet's flow, made when there is none or it has been idle too long; *from_client: the
 * packet's direction in it. A new flow's client is the packet's source, or its destination with
 * source_is_server (SYN-ACK). Never NULL. The flow is good until the next call that makes one, or
 * flow_expire. */
struct flow *flow_find_or_make(struct flow_table *table, const struct flow_key *key,
			       struct wall now, bool source_is_server, bool *from_client);
/* The direction was guessed wrong: client and server change places (counters too). */
void flow_turn(struct flow *flow);
/* A new connection on the same ports: forgets what was known, the id
 * included; client and server stay. */
void flow_restart(struct flow_table *table, struct flow *flow, struct wall now);
/* Lets go of flows that have been idle too long. Looks at a few of them in each call (for each
 * packet, and now and then without one). */
void flow_expire(struct flow_table *table, struct wall now);
/* Every flow that is there; the callback must not add or remove flows. */
void flow_each(struct flow_table *table, void (*visit)(void *context, struct flow *flow),
	       void *context);

size_t flow_count(const struct flow_table *table);
/* Flows that had to leave because the table was full. */
uint64_t flow_evicted(const struct flow_table *table);

#endif
