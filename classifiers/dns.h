/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages → names asked for, and the addresses answered for them (RFC 1035 §4; RFC 9460 for
 * the hints of HTTPS and SVCB). Compression loops and pointers that go forward are malformed.
 */
#ifndef CUTOFFD_DNS_H
#define CUTOFFD_DNS_H

#include "classifiers/classifier.h"

/* bytes: one message (over TCP: without its length). Strict enough to be asked of any UDP payload:
 * NOT_MINE unless the header, the questions and every name fit. Never MORE. A message that ends
 * within its records is read up to there (and truncated), as stub resolvers and cut captures want
 * it. Queries, NOTIFY and UPDATE have questions; only answers to queries have addresses. An address
 * counts for a question when the chain of CNAMEs (or of HTTPS and SVCB targets) leads from there to
 * it. Bytes outside of printable ASCII, and dots and backslashes within a label, are given in
 * RFC 4343's form (\DDD, \. and \\); the root is no name. */
enum answer dns_extract(const uint8_t *bytes, size_t length, struct finding *finding);

/* bytes: one side's TCP stream, from a message's two-byte length on (RFC 7766 §8). *consumed is set
 * for a whole message that is NOT_MINE too: the stream can be followed behind it. */
enum answer dns_extract_stream(const uint8_t *bytes, size_t length, struct finding *finding,
			       size_t *consumed);

#endif
