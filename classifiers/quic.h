/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QUIC v1 Initial → server_name (RFC 9000 §17.2.2, RFC 9001 §5). Keys come from the client's first
 * Destination Connection ID, by libcrypto; no other classifier uses it. The CRYPTO stream
 * may span frames and datagrams in any order: it is put together in a reassembly.
 */
#ifndef CUTOFFD_QUIC_H
#define CUTOFFD_QUIC_H

#include "classifiers/classifier.h"
#include "classifiers/reassembly.h"

struct quic;	  /* what all flows share: cipher contexts */
struct quic_flow; /* one flow's connection id and CRYPTO stream, from the pool of quic */

/* flows_max: the most flows that may be waiting for more datagrams at a time. */
struct quic *quic_new(size_t flows_max, struct reassembly_pool *pool);
void quic_free(struct quic *quic);

/* bytes: one UDP payload that the client sent. *flow starts as NULL; it is made when more is
 * needed, and freed by quic_flow_free, which the caller owes after FOUND and NOT_MINE too. */
enum answer quic_extract(struct quic *quic, struct quic_flow **flow, const uint8_t *bytes,
			 size_t length, struct finding *finding);
void quic_flow_free(struct quic *quic, struct quic_flow **flow);

/* Whether these bytes begin like a long-header QUIC packet (to tell the client's side of a flow
 * whose start nobody saw, and to leave other UDP alone). */
bool quic_is_long_header(const uint8_t *bytes, size_t length);

#endif
