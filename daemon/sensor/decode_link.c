/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Link headers, as tcpdump.org/linktypes.html describes them.
 */
#include "daemon/sensor/decode_layers.h"

#define LINKTYPE_NULL 0
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_PPP 9
#define LINKTYPE_PPP_HDLC 50
#define LINKTYPE_PPP_ETHER 51
#define LINKTYPE_RAW 101
#define LINKTYPE_C_HDLC 104
#define LINKTYPE_LOOP 108
#define LINKTYPE_LINUX_SLL 113
#define LINKTYPE_PPP_WITH_DIR 204
#define LINKTYPE_IPV4 228
#define LINKTYPE_IPV6 229
#define LINKTYPE_LINUX_SLL2 276
/* What some systems wrote for LINKTYPE_RAW: their own DLT_RAW. */
#define DLT_RAW_MOST 12
#define DLT_RAW_OPENBSD 14

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_QINQ_OLD 0x9100
#define ETHERTYPE_PPPOE_SESSION 0x8864
#define ETHERTYPE_MIN 0x0600 /* below it the field is a length (IEEE 802.3 §3.2.6) */

#define SLL_PROTOCOL_LLC 0x0004

#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

static enum decode_result decode_ethertype(uint16_t type, struct layers *layers);

/* Behind a length in place of a type: SNAP, or IP's own service access point. */
static enum decode_result decode_llc(struct layers *layers)
{
	struct cursor *rest = &layers->rest;
	uint16_t access_points = cursor_u16(rest);
	uint8_t control = cursor_u8(rest);
	uint32_t organisation;
	uint16_t type;

	if (rest->bad)
		return DECODE_TRUNCATED;
	if (access_points == 0x0606 && control == 0x03)
		return decode_ipv4(layers);
	if (access_points != 0xaaaa || control != 0x03)
		return DECODE_NOT_IP;
	organisation = cursor_u24(rest);
	type = cursor_u16(rest);
	if (rest->bad)
		return DECODE_TRUNCATED;
	/* RFC 1042, and bridges' 0x0000f8 (IEEE 802.1H) */
	if (organisation != 0 && organisation != 0x0000f8)
		return DECODE_NOT_IP;
	return decode_ethertype(type, layers);
}

static enum decode_result decode_type_or_length(struct layers *layers)
{
	uint16_t type = cursor_u16(&layers->rest);

	if (layers->rest.bad)
		return DECODE_TRUNCATED;
	if (type >= ETHERTYPE_MIN)
		return decode_ethertype(type, layers);
	layers_limit(layers, type);
	return decode_llc(layers);
}

/* RFC 1661 §2: address and control, and the protocol's first byte, may be left out. */
static enum decode_result decode_ppp(struct layers *layers)
{
	struct cursor *rest = &layers->rest;
	uint16_t protocol;

	if (cursor_peek(rest, 0) == 0xff && cursor_peek(rest, 1) == 0x03)
		cursor_skip(rest, 2);
	protocol = cursor_u8(rest);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | cursor_u8(rest));
	if (rest->bad)
		return DECODE_TRUNCATED;
	if (protocol == PPP_IPV4)
		return decode_ipv4(layers);
	if (protocol == PPP_IPV6)
		return decode_ipv6(layers);
	return DECODE_NOT_IP;
}

/* RFC 2516 §4. */
static enum decode_result decode_pppoe(struct layers *layers)
{
	uint8_t version_type = cursor_u8(&layers->rest);
	uint8_t code = cursor_u8(&layers->rest);
	uint16_t length;

	cursor_skip(&layers->rest, 2); /* session */
	length = cursor_u16(&layers->rest);
	if (layers->rest.bad)
		return DECODE_TRUNCATED;
	if (version_type != 0x11 || code != 0)
		return DECODE_BAD_LINK;
	layers_limit(layers, length);
	return decode_ppp(layers);
}

static enum decode_result decode_vlan(struct layers *layers)
{
	cursor_skip(&layers->rest, 2); /* priority and number */
	return decode_type_or_length(layers);
}

static enum decode_result decode_ethertype(uint16_t type, struct layers *layers)
{
	if (++layers->depth > LAYERS_DEPTH_MAX)
		return DECODE_BAD_LINK;
	switch (type) {
	case ETHERTYPE_IPV4:
		return decode_ipv4(layers);
	case ETHERTYPE_IPV6:
		return decode_ipv6(layers);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_OLD:
		return decode_vlan(layers);
	case ETHERTYPE_PPPOE_SESSION:
		return decode_pppoe(layers);
	default:
		return DECODE_NOT_IP;
	}
}

static enum decode_result decode_ethernet(struct layers *layers)
{
	cursor_skip(&layers->rest, 12);
	return decode_type_or_length(layers);
}

static enum decode_result decode_sll(struct layers *layers)
{
	uint16_t protocol;

	cursor_skip(&layers->rest, 14);
	protocol = cursor_u16(&layers->rest);
	if (layers->rest.bad)
		return DECODE_TRUNCATED;
	return protocol == SLL_PROTOCOL_LLC ? decode_llc(layers)
					    : decode_ethertype(protocol, layers);
}

static enum decode_result decode_sll2(struct layers *layers)
{
	uint16_t protocol = cursor_u16(&layers->rest);

	if (!cursor_skip(&layers->rest, 18))
		return DECODE_TRUNCATED;
	return protocol == SLL_PROTOCOL_LLC ? decode_llc(layers)
					    : decode_ethertype(protocol, layers);
}

/* A family in the writer's byte order, or for LOOP in network order; its number for IPv6 is
 * different in each BSD, 10 in Linux. */
static enum decode_result decode_loopback(struct layers *layers)
{
	uint32_t family = cursor_u32(&layers->rest);

	if (layers->rest.bad)
		return DECODE_TRUNCATED;
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
		return decode_ipv4(layers);
	case 10:
	case 24:
	case 28:
	case 30:
		return decode_ipv6(layers);
	default:
		return DECODE_NOT_IP;
	}
}

static enum decode_result decode_ppp_with_direction(struct layers *layers)
{
	cursor_skip(&layers->rest, 1);
	return decode_ppp(layers);
}

static enum decode_result decode_cisco_hdlc(struct layers *layers)
{
	uint16_t type;

	cursor_skip(&layers->rest, 2); /* address, control */
	type = cursor_u16(&layers->rest);
	return layers->rest.bad ? DECODE_TRUNCATED : decode_ethertype(type, layers);
}

static const struct link {
	int linktype;
	enum decode_result (*decode)(struct layers *layers);
} links[] = {
	{LINKTYPE_ETHERNET, decode_ethernet},
	{LINKTYPE_RAW, decode_ip},
	{DLT_RAW_MOST, decode_ip},
	{DLT_RAW_OPENBSD, decode_ip},
	{LINKTYPE_IPV4, decode_ipv4},
	{LINKTYPE_IPV6, decode_ipv6},
	{LINKTYPE_LINUX_SLL, decode_sll},
	{LINKTYPE_LINUX_SLL2, decode_sll2},
	{LINKTYPE_NULL, decode_loopback},
	{LINKTYPE_LOOP, decode_loopback},
	{LINKTYPE_PPP, decode_ppp},
	{LINKTYPE_PPP_HDLC, decode_ppp},
	{LINKTYPE_PPP_WITH_DIR, decode_ppp_with_direction},
	{LINKTYPE_PPP_ETHER, decode_pppoe},
	{LINKTYPE_C_HDLC, decode_cisco_hdlc},
};

enum decode_result decode_link(int linktype, struct layers *layers)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].linktype == linktype)
			return links[i].decode(layers);
	}
	return DECODE_LINKTYPE;
}
