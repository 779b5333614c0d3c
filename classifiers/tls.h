/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS ClientHello → server_name (RFC 8446 §4.1.2, RFC 6066 §3). The handshake message may span
 * records, and the records any number of segments: the caller brings them in order.
 */
#ifndef CUTOFFD_TLS_H
#define CUTOFFD_TLS_H

#include "classifiers/classifier.h"

/* bytes: a client's TCP stream from its first byte. */
enum answer tls_extract(const uint8_t *bytes, size_t length, struct finding *finding,
			size_t *consumed);

/* bytes: handshake messages without record headers, as in QUIC's CRYPTO stream (RFC 9001 §4).
 * kind: what a server_name becomes (EVIDENCE_TLS_SNI or EVIDENCE_QUIC_SNI). */
enum answer tls_extract_handshake(const uint8_t *bytes, size_t length, enum evidence_kind kind,
				  struct finding *finding);

#endif
