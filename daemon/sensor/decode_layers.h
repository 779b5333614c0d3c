/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How decode.c's parts hand a packet on to each other: each takes its own header off the front and
 * calls the next. Only decode*.c include it.
 */
#ifndef CUTOFFD_DECODE_LAYERS_H
#define CUTOFFD_DECODE_LAYERS_H

#include "classifiers/cursor.h"
#include "daemon/sensor/decode.h"

/* Headers that may stand inside one of their own kind (tags, sessions) before a frame is called
 * malformed. Real ones have two or three. */
#define LAYERS_DEPTH_MAX 8

struct layers {
	struct cursor rest;
	size_t missing; /* bytes behind rest that were on the wire and were not captured */
	unsigned int depth;
	struct packet *packet;
};

/* What follows is length bytes long, as a header says: drops padding behind it. */
void layers_limit(struct layers *layers, size_t length);

enum decode_result decode_link(int linktype, struct layers *layers);
/* Of whichever version the first byte tells. */
enum decode_result decode_ip(struct layers *layers);
enum decode_result decode_ipv4(struct layers *layers);
enum decode_result decode_ipv6(struct layers *layers);
enum decode_result decode_transport(uint8_t protocol, struct layers *layers);

#endif
