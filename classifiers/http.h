/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1 requests → Host, the target's authority, CONNECT's target (RFC 9112 §3). Every request of
 * a connection counts, so there are two parts: the pure parser of one request head, and a small
 * state that finds the next head behind a body.
 */
#ifndef CUTOFFD_HTTP_H
#define CUTOFFD_HTTP_H

#include "classifiers/classifier.h"

/* As much of a head is read; what a longer one says behind it is not. */
#define HTTP_HEAD_MAX 32768

/* bytes: a client's stream from the first byte of a request (empty lines before it are skipped).
 * Host and target names come without port, user part and brackets. FOUND as soon as the head is
 * complete; *consumed is the head's length. A head that is longer than HTTP_HEAD_MAX is read as
 * far as that (and truncated). What is not of the form is NOT_MINE. Several names (absolute form
 * and Host) are all given, the target's first. */
enum answer http_extract(const uint8_t *bytes, size_t length, struct finding *finding,
			 size_t *consumed);
/* As http_extract of bytes that no more will follow: FOUND when the request line is complete. Never
 * MORE. */
enum answer http_extract_cut(const uint8_t *bytes, size_t length, struct finding *finding);

/* Where in the client's stream the next request begins. Zeroed is the start. */
struct http_position {
	uint64_t body_left; /* bytes of the body, or of its chunk, that are still to come */
	uint8_t chunked;    /* inside a chunked body: where in its framing (http_position.c) */
	uint8_t tunnel;	    /* after CONNECT or an upgrade: another protocol may follow, so every
			     * classifier is to be asked from here on, or, where the server
			     * declined, the next request */
	uint8_t lost;	    /* it is not known where: the next head is found by its form */
};

/* To be called with each head that http_extract found. */
void http_position_head(struct http_position *position, const uint8_t *head, size_t length);
/* How many of length bytes, from here on, belong to the body; the rest is the next request's.
 * While lost, what goes before the next bytes that look like a request. */
size_t http_position_body(struct http_position *position, const uint8_t *bytes, size_t length);
/* length bytes went by that nobody saw, or that need not be looked at. */
void http_position_gap(struct http_position *position, size_t length);
/* What should have been a head was none (NOT_MINE), or a connection was picked up somewhere. */
void http_position_lost(struct http_position *position);

#endif
