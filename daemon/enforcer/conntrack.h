/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A flow's class into its conntrack entry, through ctnetlink (libmnl): mark with mask, no other
 * bit touched. The entry may not be there yet (retried for 5 ms), the flow may have been seen on
 * either side of a NAT (both tuples are tried), and a write can be lost to a rule that writes the
 * mark on another processor (read back once after 1 ms, written again if lost).
 */
#ifndef CUTOFFD_CONNTRACK_H
#define CUTOFFD_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"
#include "daemon/clock.h"

struct conntrack;

#define CONNTRACK_ERROR 512

/* A flow as it was seen: client to server, ports in host order. */
struct conntrack_flow {
	struct address client, server;
	uint16_t client_port, server_port;
	uint8_t protocol;
};

struct conntrack_counters {
	uint64_t marked, retried, rewritten, not_found, refused, queue_full;
};

/* NULL, with a text that says what is missing (CAP_NET_ADMIN, nf_conntrack_netlink). */
struct conntrack *conntrack_open(char error[CONNTRACK_ERROR]);
void conntrack_close(struct conntrack *conntrack);

/* For the event loop: call conntrack_work when it is readable and at conntrack_deadline. */
int conntrack_fd(const struct conntrack *conntrack);
/* The instant of the next retry or read-back; false: none is waiting. */
bool conntrack_deadline(const struct conntrack *conntrack, struct mono *at);
void conntrack_work(struct conntrack *conntrack, struct mono now);

/* Sends at once, comes back at once; what fails is retried by conntrack_work, at last counted. */
void conntrack_mark(struct conntrack *conntrack, const struct conntrack_flow *flow, uint32_t value,
		    uint32_t mask, struct mono now);

const struct conntrack_counters *conntrack_counters(const struct conntrack *conntrack);

#endif
