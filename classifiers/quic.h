/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QUIC Initial → server_name (RFC 9000 §17.2.2, RFC 9001 §5). The CRYPTO stream may span frames,
 * packets and datagrams in any order and any number of pieces; each flow that waits for more of it
 * holds a buffer from a pool that is taken once. quic_keys.c has the versions and the cryptography.
 */
#ifndef CUTOFFD_QUIC_H
#define CUTOFFD_QUIC_H

#include "classifiers/classifier.h"

struct quic;	  /* what all flows share: cipher contexts, the pool */
struct quic_flow; /* one flow's keys and CRYPTO stream, from the pool of quic */

/* flows_max: the most flows that may wait for more datagrams at a time (17 KiB each, of which only
 * what was touched is resident). Beyond, a hello is found only when one datagram holds it.
 * NULL when memory is out. To be made before seccomp closes. */
struct quic *quic_new(size_t flows_max);
void quic_free(struct quic *quic);

/* bytes: one UDP payload that the client sent. *flow starts as NULL; it is made when more is
 * needed, and freed by quic_flow_free, which the caller owes after FOUND and NOT_MINE too.
 *
 * NOT_MINE, while *flow is NULL, speaks of this datagram only: a later one may still be QUIC.
 * MORE is also the answer to what looks like QUIC but cannot be opened: an Initial that does not
 * authenticate (its server drops it as well, so it must not end the search), another packet type,
 * a version that is not known (the server may ask for another). No state is kept for those; the
 * caller's budget ends them. Keys are those of the first Destination Connection ID that opened
 * an Initial; an Initial that only opens by its own (after Retry, or of another connection) begins
 * a stream of its own, beside the one before. */
enum answer quic_extract(struct quic *quic, struct quic_flow **flow, const uint8_t *bytes,
			 size_t length, struct finding *finding);
void quic_flow_free(struct quic *quic, struct quic_flow **flow);

/* After FOUND: takes out of flow what is half read of another connection on the same ports. NULL
 * when there is none. */
struct quic_flow *quic_flow_other(struct quic_flow **flow);

/* Whether a datagram begins with a client's Initial of a known version, by its clear bytes; *id
 * tells its Destination Connection ID from most others. For flows that are decided: cheap. */
bool quic_initial_id(const uint8_t *bytes, size_t length, uint16_t *id);

#endif
