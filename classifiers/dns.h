/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages → names asked for, and the addresses answered for them (RFC 1035 §4; RFC 9460 for
 * the hints of HTTPS and SVCB). Compression loops and pointers that go forward are malformed.
 */
#ifndef CUTOFFD_DNS_H
#define CUTOFFD_DNS_H

#include "classifiers/classifier.h"

/* bytes: one message (over TCP: without its length). Strict enough to be asked of any UDP payload:
 * NOT_MINE unless the header, the counts and every name fit. Never MORE. An address counts for a
 * question when the chain of CNAMEs leads from it there. Answer names longer than 253 octets or
 * with bytes outside of printable ASCII are given in RFC 4343's \DDD form. */
enum answer dns_extract(const uint8_t *bytes, size_t length, struct finding *finding);

/* bytes: one side's TCP stream, from a message's two-byte length on (RFC 7766 §8). */
enum answer dns_extract_stream(const uint8_t *bytes, size_t length, struct finding *finding,
			       size_t *consumed);

#endif
