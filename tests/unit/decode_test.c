/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/sensor/decode.h"
#include "tests/unit/hex.h"

#define NULL_LINK 0
#define ETHERNET 1
#define RAW 101
#define SLL 113
#define SLL2 276

#define MACS "020000000002 020000000001 "
#define V4(length, fragment, protocol)                                                             \
	"4500 " length " 0001 " fragment " 40 " protocol " 0000 0a000001 4d4ab40a "
#define V6(length, next)                                                                           \
	"60000000 " length " " next " 40 20010db8000000000000000000000001 "                        \
	"2a032480000000000000000000000010 "
#define UDP "3039 0035 000c 0000 "
#define TCP "3039 01bb 00000064 000000c8 5018 ffff 0000 0000 "
#define PING "70696e67 "
#define UDP_V4 V4("0020", "4000", "11") UDP PING
#define TCP_V4 V4("002c", "4000", "06") TCP PING
#define UDP_V6 V6("000c", "11") UDP PING

#define UDP_V4_WANT "10.0.0.1 12345 77.74.180.10 53 17 00 4 4"
#define TCP_V4_WANT "10.0.0.1 12345 77.74.180.10 443 6 18 4 4"
#define UDP_V6_WANT "2001:db8::1 12345 2a03:2480::10 53 17 00 4 4"

/* wire: 0 when all of the frame is there. want: source and its port, destination and its port,
 * protocol, flags, bytes of payload that are here, and on the wire. */
struct frame {
	const char *what;
	int linktype;
	const char *hex;
	size_t wire;
	enum decode_result result;
	const char *want;
};

static const struct frame link_frames[] = {
	{"Ethernet II", ETHERNET, MACS "0800" UDP_V4, 0, DECODE_OK, UDP_V4_WANT},
	{"Ethernet II with IPv6", ETHERNET, MACS "86dd" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"padding to 60 bytes", ETHERNET, MACS "0800" UDP_V4 "00000000000000000000000000", 0,
	 DECODE_OK, UDP_V4_WANT},
	{"802.3 with SNAP", ETHERNET, MACS "0028 aaaa03 000000 0800" UDP_V4 "00000000", 0,
	 DECODE_OK, UDP_V4_WANT},
	{"802.3 with a bridge's SNAP", ETHERNET, MACS "0028 aaaa03 0000f8 0800" UDP_V4, 0,
	 DECODE_OK, UDP_V4_WANT},
	{"802.3 with SNAP of a vendor", ETHERNET, MACS "0028 aaaa03 00000c 0800" UDP_V4, 0,
	 DECODE_NOT_IP, NULL},
	{"802.3 with IP's own access point", ETHERNET, MACS "0023 060603" UDP_V4, 0, DECODE_OK,
	 UDP_V4_WANT},
	{"802.3 spanning tree", ETHERNET, MACS "0026 424203 0000000000", 0, DECODE_NOT_IP, NULL},
	{"802.3 too short for LLC", ETHERNET, MACS "0002 aaaa", 0, DECODE_TRUNCATED, NULL},
	{"ARP", ETHERNET, MACS "0806 0001080006040001", 0, DECODE_NOT_IP, NULL},
	{"802.1Q", ETHERNET, MACS "8100 0064 0800" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"QinQ", ETHERNET, MACS "88a8 00c8 8100 0064 0800" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"QinQ as it was before 802.1ad", ETHERNET, MACS "9100 00c8 8100 0064 86dd" UDP_V6, 0,
	 DECODE_OK, UDP_V6_WANT},
	{"a tag before a length", ETHERNET, MACS "8100 0064 0028 aaaa03 000000 0800" UDP_V4, 0,
	 DECODE_OK, UDP_V4_WANT},
	{"seven tags", ETHERNET,
	 MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 0800" UDP_V4,
	 0, DECODE_OK, UDP_V4_WANT},
	{"eight tags", ETHERNET,
	 MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 "
	      "0800" UDP_V4,
	 0, DECODE_BAD_LINK, NULL},
	{"ends inside a tag", ETHERNET, MACS "8100 00", 0, DECODE_TRUNCATED, NULL},
	{"ends inside the addresses", ETHERNET, "0200000000", 0, DECODE_TRUNCATED, NULL},
	{"nothing", ETHERNET, "", 0, DECODE_TRUNCATED, NULL},
	{"PPPoE session", ETHERNET, MACS "8864 11 00 0001 002e 0021" TCP_V4, 0, DECODE_OK,
	 TCP_V4_WANT},
	{"PPPoE session with IPv6 and padding", ETHERNET,
	 MACS "8864 11 00 0001 0036 0057" UDP_V6 "0000", 0, DECODE_OK, UDP_V6_WANT},
	{"PPPoE, protocol in one byte", ETHERNET, MACS "8864 11 00 0001 002d 21" TCP_V4, 0,
	 DECODE_OK, TCP_V4_WANT},
	{"PPPoE in a tag", ETHERNET, MACS "8100 0064 8864 11 00 0001 002e 0021" TCP_V4, 0,
	 DECODE_OK, TCP_V4_WANT},
	{"PPPoE echo request", ETHERNET, MACS "8864 11 00 0001 000a c021 0901000800000000", 0,
	 DECODE_NOT_IP, NULL},
	{"PPPoE of version 2", ETHERNET, MACS "8864 21 00 0001 002e 0021" TCP_V4, 0,
	 DECODE_BAD_LINK, NULL},
	{"PPPoE discovery", ETHERNET, MACS "8863 11 09 0000 0004 01010000", 0, DECODE_NOT_IP, NULL},
	{"Linux cooked", SLL, "0000 0001 0006 0200000000010000 0800" TCP_V4, 0, DECODE_OK,
	 TCP_V4_WANT},
	{"Linux cooked with a tag", SLL, "0000 0001 0006 0200000000010000 8100 0064 86dd" UDP_V6, 0,
	 DECODE_OK, UDP_V6_WANT},
	{"Linux cooked with LLC", SLL, "0000 0001 0006 0200000000010000 0004 424203 00", 0,
	 DECODE_NOT_IP, NULL},
	{"Linux cooked, cut", SLL, "0000 0001 0006 0200000000010000 08", 0, DECODE_TRUNCATED, NULL},
	{"Linux cooked 2", SLL2, "0800 0000 00000002 0001 00 06 0200000000010000" TCP_V4, 0,
	 DECODE_OK, TCP_V4_WANT},
	{"Linux cooked 2 with a tag", SLL2,
	 "8100 0000 00000002 0001 00 06 0200000000010000 0064 0800" TCP_V4, 0, DECODE_OK,
	 TCP_V4_WANT},
	{"Linux cooked 2, cut", SLL2, "0800 0000 00000002 0001 00 06 02000000000100", 0,
	 DECODE_TRUNCATED, NULL},
	{"raw IPv4", RAW, TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"raw IPv6", RAW, UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"raw of neither", RAW, "00010203", 0, DECODE_NOT_IP, NULL},
	{"raw, empty", RAW, "", 0, DECODE_TRUNCATED, NULL},
	{"raw by its number in most systems", 12, TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"raw by its number in OpenBSD", 14, TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"IPv4 alone", 228, TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"IPv6 alone", 229, UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"loopback, little-endian", NULL_LINK, "02000000" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"loopback, big-endian", NULL_LINK, "00000002" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"loopback, IPv6 of NetBSD", NULL_LINK, "18000000" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"loopback, IPv6 of FreeBSD", NULL_LINK, "0000001c" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"loopback, IPv6 of macOS", NULL_LINK, "1e000000" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"loopback, another family", NULL_LINK, "07000000" UDP_V6, 0, DECODE_NOT_IP, NULL},
	{"loopback of OpenBSD", 108, "00000018" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"PPP with address and control", 9, "ff03 0021" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"PPP over HDLC, compressed", 50, "57" UDP_V6, 0, DECODE_OK, UDP_V6_WANT},
	{"PPP with direction", 204, "01 ff03 0021" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"PPPoE alone", 51, "11 00 0001 002e 0021" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"Cisco HDLC", 104, "0f00 0800" TCP_V4, 0, DECODE_OK, TCP_V4_WANT},
	{"a link type that is not read", 147, TCP_V4, 0, DECODE_LINKTYPE, NULL},
};

static const struct frame ip_frames[] = {
	{"IPv4 options", RAW, "4600 0024 0001 4000 40 11 0000 0a000001 4d4ab40a 94040000" UDP PING,
	 0, DECODE_OK, UDP_V4_WANT},
	{"total length 0: offload", RAW, V4("0000", "4000", "06") TCP PING PING, 0, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 443 6 18 8 8"},
	{"snapped", RAW, V4("0578", "4000", "06") TCP PING, 1400, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 443 6 18 4 1360"},
	{"cut by a tool that says nothing of it", RAW, V4("0578", "4000", "06") TCP PING, 0,
	 DECODE_OK, "10.0.0.1 12345 77.74.180.10 443 6 18 4 1360"},
	{"snapped before the payload", RAW, V4("0578", "4000", "06") TCP, 1400, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 443 6 18 0 1360"},
	{"version 5", RAW, "5500 0020 0001 4000 40 11 0000 0a000001 4d4ab40a" UDP PING, 0,
	 DECODE_NOT_IP, NULL},
	{"version 6 where 4 was said", 228, UDP_V6, 0, DECODE_BAD_IPV4, NULL},
	{"version 4 where 6 was said", 229, TCP_V4 PING PING, 0, DECODE_BAD_IPV6, NULL},
	{"header shorter than itself", RAW, "4400 0020 0001 4000 40 11 0000 0a000001 4d4ab40a" UDP,
	 0, DECODE_BAD_IPV4, NULL},
	{"packet shorter than its header", RAW, V4("0013", "4000", "11") UDP PING, 0,
	 DECODE_BAD_IPV4, NULL},
	{"ends inside the header", RAW, "4500 0020 0001 4000 40 11 0000 0a000001 4d4ab4", 32,
	 DECODE_TRUNCATED, NULL},
	{"ends inside the options", RAW, "4600 0024 0001 4000 40 11 0000 0a000001 4d4ab40a 9404",
	 36, DECODE_TRUNCATED, NULL},
	{"first fragment", RAW, V4("0020", "2000", "11") UDP PING, 0, DECODE_FRAGMENT, NULL},
	{"later fragment", RAW, V4("0020", "0001", "11") UDP PING, 0, DECODE_FRAGMENT, NULL},
	{"ICMP", RAW, V4("001c", "0000", "01") "0800 0000 00010001", 0, DECODE_OTHER_PROTOCOL,
	 NULL},
	{"authenticated", RAW,
	 V4("0038", "4000", "33") "11 04 0000 00000001 00000001 000000000000000000000000" UDP PING,
	 0, DECODE_OK, UDP_V4_WANT},
	{"authentication longer than the packet", RAW,
	 V4("0020", "4000", "33") "11 04 0000 00000001 00000001", 0, DECODE_BAD_IPV4, NULL},
	{"hop by hop, routing, destination", RAW,
	 V6("0024", "00") "2b 00 010400000000 3c 00 010400000000 11 00 010400000000" UDP PING, 0,
	 DECODE_OK, UDP_V6_WANT},
	{"sixteen bytes of options", RAW,
	 V6("001c", "3c") "11 01 010c 000000000000000000000000" UDP PING, 0, DECODE_OK,
	 UDP_V6_WANT},
	{"IPv6 authenticated", RAW,
	 V6("0024", "33") "11 04 0000 00000001 00000001 000000000000000000000000" UDP PING, 0,
	 DECODE_OK, UDP_V6_WANT},
	{"a fragment that is the whole", RAW, V6("0014", "2c") "11 00 0000 00000001" UDP PING, 0,
	 DECODE_OK, UDP_V6_WANT},
	{"IPv6 first fragment", RAW, V6("0014", "2c") "11 00 0001 00000001" UDP PING, 0,
	 DECODE_FRAGMENT, NULL},
	{"IPv6 later fragment", RAW, V6("0014", "2c") "11 00 0008 00000001" UDP PING, 0,
	 DECODE_FRAGMENT, NULL},
	{"payload length 0: jumbogram or offload", RAW, V6("0000", "11") UDP PING, 0, DECODE_OK,
	 UDP_V6_WANT},
	{"eight extensions", RAW,
	 V6("004c",
	    "3c") "3c000104000000003c000104000000003c000104000000003c00010400000000"
		  "3c000104000000003c000104000000003c000104000000001100010400000000" UDP PING,
	 0, DECODE_OK, UDP_V6_WANT},
	{"nine extensions", RAW,
	 V6("0054", "3c") "3c000104000000003c000104000000003c000104000000003c00010400000000"
			  "3c000104000000003c000104000000003c000104000000003c00010400000000"
			  "1100010400000000" UDP PING,
	 0, DECODE_BAD_IPV6, NULL},
	{"an extension longer than the packet", RAW,
	 V6("000c", "3c") "11 ff 0104 00000000 00000000", 0, DECODE_BAD_IPV6, NULL},
	{"an extension that was not captured whole", RAW, V6("0814", "3c") "11 ff 0104 00000000",
	 2116, DECODE_TRUNCATED, NULL},
	{"no next header", RAW, V6("0000", "3b"), 0, DECODE_OTHER_PROTOCOL, NULL},
	{"IPv6 header cut", RAW, "60000000 000c 11 40 20010db8", 52, DECODE_TRUNCATED, NULL},
};

static const struct frame transport_frames[] = {
	{"TCP options", RAW,
	 V4("0034", "4000", "06") "3039 01bb 00000064 00000000 7002 ffff 0000 0000"
				  "020405b4 01010402" PING,
	 0, DECODE_OK, "10.0.0.1 12345 77.74.180.10 443 6 02 4 4"},
	{"no payload, padded frame", ETHERNET,
	 MACS "0800" V4("0028", "4000", "06") TCP "000000000000", 0, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 443 6 18 0 0"},
	{"TCP header shorter than itself", RAW,
	 V4("002c", "4000", "06") "3039 01bb 00000064 00000000 4010 ffff 0000 0000" PING, 0,
	 DECODE_BAD_TCP, NULL},
	{"TCP header longer than the packet", RAW,
	 V4("002c", "4000", "06") "3039 01bb 00000064 00000000 f010 ffff 0000 0000" PING, 0,
	 DECODE_BAD_TCP, NULL},
	{"packet shorter than a TCP header", RAW, V4("0020", "4000", "06") UDP PING, 0,
	 DECODE_BAD_TCP, NULL},
	{"TCP header cut", RAW, V4("002c", "4000", "06") "3039 01bb 00000064", 44, DECODE_TRUNCATED,
	 NULL},
	{"TCP options cut", RAW,
	 V4("0034", "4000", "06") "3039 01bb 00000064 00000000 7002 ffff 0000 0000 0204", 52,
	 DECODE_TRUNCATED, NULL},
	{"UDP shorter than IP says", RAW, V4("0022", "4000", "11") UDP PING "ffff", 0, DECODE_OK,
	 UDP_V4_WANT},
	{"UDP longer than IP says", RAW, V4("0020", "4000", "11") "3039 0035 000d 0000" PING, 0,
	 DECODE_BAD_UDP, NULL},
	{"UDP shorter than its header", RAW, V4("0020", "4000", "11") "3039 0035 0007 0000" PING, 0,
	 DECODE_BAD_UDP, NULL},
	{"UDP length 0", RAW, V4("0020", "4000", "11") "3039 0035 0000 0000" PING, 0, DECODE_OK,
	 UDP_V4_WANT},
	{"UDP without payload", RAW, V4("001c", "4000", "11") "3039 0035 0008 0000", 0, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 53 17 00 0 0"},
	{"UDP snapped", RAW, V4("0200", "4000", "11") "3039 0035 01ec 0000" PING, 512, DECODE_OK,
	 "10.0.0.1 12345 77.74.180.10 53 17 00 4 484"},
	{"UDP header cut", RAW, V4("0020", "4000", "11") "3039 0035 000c 00", 32, DECODE_TRUNCATED,
	 NULL},
	{"packet shorter than a UDP header", RAW, V4("0018", "4000", "11") "3039 0035", 0,
	 DECODE_BAD_UDP, NULL},
};

static void summarise(const struct packet *packet, char *text, size_t size)
{
	char source[ADDRESS_TEXT], destination[ADDRESS_TEXT];

	snprintf(text, size, "%s %u %s %u %u %02x %zu %zu", address_format(&packet->source, source),
		 packet->source_port, address_format(&packet->destination, destination),
		 packet->destination_port, packet->protocol, packet->tcp_flags,
		 packet->payload_length, packet->payload_wire);
}

/* The bytes stand at the end of a piece of memory, so that a sanitizer sees a read past it. */
static enum decode_result decode(int linktype, const uint8_t *bytes, size_t length, size_t wire,
				 struct packet *packet, uint8_t **copy)
{
	*copy = malloc(length > 0 ? length : 1);
	assert_non_null(*copy);
	memcpy(*copy, bytes, length);
	return decode_packet(linktype, *copy, length, wire, packet);
}

static void check_frame(const struct frame *frame)
{
	uint8_t bytes[512], *copy;
	size_t length = hex_bytes(frame->hex, bytes, sizeof(bytes));
	struct packet packet;
	char text[256];

	print_message("%s\n", frame->what);
	assert_in_range(length, 0, sizeof(bytes));
	assert_int_equal(decode(frame->linktype, bytes, length, frame->wire ? frame->wire : length,
				&packet, &copy),
			 frame->result);
	if (frame->want) {
		summarise(&packet, text, sizeof(text));
		assert_string_equal(text, frame->want);
		assert_int_equal(packet.payload == NULL, packet.payload_length == 0);
		if (packet.payload)
			assert_memory_equal(packet.payload, "ping", 4);
	}
	free(copy);
}

#define CHECK_FRAMES(frames)                                                                       \
	for (size_t i = 0; i < sizeof(frames) / sizeof((frames)[0]); i++)                          \
	check_frame(&(frames)[i])

static void test_link(void **state)
{
	(void)state;
	CHECK_FRAMES(link_frames);
}

static void test_ip(void **state)
{
	(void)state;
	CHECK_FRAMES(ip_frames);
}

static void test_transport(void **state)
{
	(void)state;
	CHECK_FRAMES(transport_frames);
}

static void test_tcp_numbers(void **state)
{
	uint8_t bytes[128];
	size_t length = hex_bytes(TCP_V4, bytes, sizeof(bytes));
	struct packet packet;

	(void)state;
	assert_int_equal(decode_packet(RAW, bytes, length, length, &packet), DECODE_OK);
	assert_int_equal(packet.tcp_sequence, 100);
	assert_int_equal(packet.tcp_acknowledgement, 200);
	assert_int_equal(packet.tcp_flags, TCP_PSH | TCP_ACK);
}

/* nDPI gets the IP packet: from its header on, without the link's padding. */
static void test_network_is_without_padding(void **state)
{
	uint8_t bytes[128];
	size_t length = hex_bytes(MACS "8100 0064 0800" UDP_V4 "0000000000", bytes, sizeof(bytes));
	struct packet packet;

	(void)state;
	assert_int_equal(decode_packet(ETHERNET, bytes, length, length, &packet), DECODE_OK);
	assert_ptr_equal(packet.network, bytes + 18);
	assert_int_equal(packet.network_length, 32);
}

static void check_cuts(const struct frame *frame)
{
	uint8_t bytes[512], *copy;
	size_t length = hex_bytes(frame->hex, bytes, sizeof(bytes));
	struct packet packet;

	for (size_t cut = 0; cut < length; cut++) {
		enum decode_result result =
			decode(frame->linktype, bytes, cut, length, &packet, &copy);

		if (result == DECODE_OK)
			assert_true(packet.payload_length < packet.payload_wire ||
				    packet.payload_wire <= length);
		else
			assert_in_range(result, DECODE_LINKTYPE, DECODE_RESULTS - 1);
		free(copy);
	}
}

/* However a frame is cut, the answer has a name and nothing is read beyond the cut. */
static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(link_frames) / sizeof(link_frames[0]); i++)
		check_cuts(&link_frames[i]);
	for (size_t i = 0; i < sizeof(ip_frames) / sizeof(ip_frames[0]); i++)
		check_cuts(&ip_frames[i]);
}

static void test_every_result_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < DECODE_RESULTS; i++)
		assert_non_null(decode_result_name((enum decode_result)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_ip),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_tcp_numbers),
		cmocka_unit_test(test_network_is_without_padding),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_result_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
