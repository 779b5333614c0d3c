/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1 requests → Host, the target's authority, CONNECT's target (RFC 9112 §3). Every request of
 * a connection counts, so there are two parts: the pure parser of one request head, and a small
 * state that finds the next head behind a body.
 */
#ifndef CUTOFFD_HTTP_H
#define CUTOFFD_HTTP_H

#include "classifiers/classifier.h"

/* bytes: a client's stream from the first byte of a request (empty lines before it are skipped).
 * Host and target names come without port, user part and brackets. FOUND as soon as the head is
 * complete; *consumed is the head's length. A head that is longer than 32 KiB or not of the form
 * is NOT_MINE. Several names (absolute form and Host) are all given. */
enum answer http_extract(const uint8_t *bytes, size_t length, struct finding *finding,
			 size_t *consumed);

/* Where in the client's stream the next request begins. Zeroed is the start. */
struct http_position {
	uint64_t body_left; /* bytes of a body with Content-Length that are still to come */
	uint8_t chunked;    /* inside a chunked body: the next head is found by its form */
	uint8_t tunnel;	    /* after CONNECT or an upgrade: no requests any more */
};

/* To be called with each head that http_extract found. */
void http_position_head(struct http_position *position, const uint8_t *head, size_t length);
/* How many of length bytes, from here on, belong to the body; the rest is the next request's. */
size_t http_position_body(struct http_position *position, const uint8_t *bytes, size_t length);

#endif
