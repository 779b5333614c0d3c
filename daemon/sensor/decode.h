/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frame → addresses, ports, payload. Pure. Ethernet (802.1Q, QinQ, PPPoE inside), Linux cooked v1
 * and v2, raw IP, loopback (NULL and LOOP); IPv4, IPv6 with its extension headers; TCP, UDP.
 * A packet that cannot be used has a result of its own, under whose name the sensor counts it.
 */
#ifndef CUTOFFD_DECODE_H
#define CUTOFFD_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"

enum decode_result {
	DECODE_OK,
	DECODE_LINKTYPE,       /* a link type that is not read */
	DECODE_NOT_IP,	       /* ARP and the like */
	DECODE_TRUNCATED,      /* ends inside a header */
	DECODE_BAD_LINK,       /* link headers nested too deep, or of no form */
	DECODE_BAD_IPV4,       /* version, header length or total length that cannot be */
	DECODE_BAD_IPV6,       /* likewise, or too many extension headers */
	DECODE_FRAGMENT,       /* an IP fragment: no transport header to be trusted */
	DECODE_OTHER_PROTOCOL, /* neither TCP nor UDP */
	DECODE_BAD_TCP,
	DECODE_BAD_UDP,
	DECODE_RESULTS, /* how many there are */
};

/* "bad-ipv4": as counters are called in summaries and metrics. */
const char *decode_result_name(enum decode_result result);

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

struct packet {
	struct address source, destination;
	uint16_t source_port, destination_port;
	uint8_t protocol; /* PROTOCOL_TCP, PROTOCOL_UDP */
	uint8_t tcp_flags;
	uint32_t tcp_sequence, tcp_acknowledgement;
	const uint8_t *network; /* the IP header and what is captured behind it, without padding */
	size_t network_length;
	const uint8_t *payload; /* of TCP or UDP; NULL when there is none */
	size_t payload_length;	/* what is captured of it */
	size_t payload_wire;	/* what there was on the wire */
};

enum decode_result decode_packet(int linktype, const uint8_t *bytes, size_t length,
				 size_t wire_length, struct packet *packet);

#endif
