/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the whole sensor share: one with two listed names, and packets for it.
 */
#ifndef CUTOFFD_TESTS_SENSOR_BENCH_H
#define CUTOFFD_TESTS_SENSOR_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sensor/sensor.h"

#define BANNED "s07.upd.kaspersky.com"
#define CLASS 16
#define OTHER_BANNED "ksn1-12.kaspersky-labs.com"
#define OTHER_CLASS 17
#define LINKTYPE_RAW 101
#define START 1000 /* the client's initial sequence number */

struct bench {
	struct sensor *sensor;
	struct wall now;
	unsigned int events, reports;
	struct event_flow event;      /* the last */
	struct channel_report report; /* likewise */
};

/* ---- a sensor with two listed names ---- */

static inline void take_event(void *context, const struct event_flow *event)
{
	struct bench *bench = context;

	bench->events++;
	memcpy(&bench->event, event, event_flow_size(event));
}

static inline void take_report(void *context, const struct channel_report *report)
{
	struct bench *bench = context;

	bench->reports++;
	bench->report = *report;
}

static inline struct catalogue *make_catalogue(void)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	struct catalogue_conflict conflict;
	struct catalogue *catalogue;
	uint16_t service;
	int fd;

	assert_int_equal(
		catalogue_add_service(builder, "kaspersky", "updates", CLASS, false, &service),
		CATALOGUE_OK);
	assert_int_equal(
		catalogue_add_name(builder, service, "s##.upd.kaspersky.com", 21, 1, &conflict),
		CATALOGUE_OK);
	assert_int_equal(catalogue_add_service(builder, "kaspersky", "telemetry", OTHER_CLASS,
					       false, &service),
			 CATALOGUE_OK);
	assert_int_equal(catalogue_add_name(builder, service, OTHER_BANNED, strlen(OTHER_BANNED), 2,
					    &conflict),
			 CATALOGUE_OK);
	fd = catalogue_seal(builder);
	assert_true(fd >= 0);
	catalogue = catalogue_map(fd);
	assert_non_null(catalogue);
	close(fd);
	catalogue_builder_free(builder);
	return catalogue;
}

static inline void bench_open(struct bench *bench, size_t flows_max)
{
	const struct sensor_options options = {.seed = 1, .flows_max = flows_max};
	const struct sensor_sink sink = {take_event, take_report, bench};

	memset(bench, 0, sizeof(*bench));
	bench->now = (struct wall){1727582400 * CLOCK_SECOND};
	bench->sensor = sensor_new(&options, make_catalogue(), &sink);
	assert_non_null(bench->sensor);
}

/* ---- packets ---- */

static inline void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static const uint8_t client_address[4] = {10, 20, 0, 5}, server_address[4] = {192, 0, 2, 1};

/* A packet of these ends; room for transport header and payload stands behind the first 20 bytes.
 */
static inline void send_ip(struct bench *bench, uint8_t *bytes, size_t length, uint8_t protocol,
			   const uint8_t *source, const uint8_t *destination)
{
	struct capture_packet packet = {.bytes = bytes,
					.linktype = LINKTYPE_RAW,
					.length = (uint32_t)length,
					.wire_length = (uint32_t)length};

	bytes[0] = 0x45;
	put16(bytes + 2, (unsigned int)length);
	bytes[8] = 64;
	bytes[9] = protocol;
	memcpy(bytes + 12, source, 4);
	memcpy(bytes + 16, destination, 4);
	bench->now = wall_add(bench->now, CLOCK_MILLISECOND);
	packet.at = bench->now;
	sensor_packet(bench->sensor, &packet);
}

/* A segment of the connection from the client's port to the server's 443. */
struct segment {
	bool from_server;
	uint16_t port;
	uint8_t flags;
	uint32_t sequence, acknowledgement;
	const void *payload;
	size_t length;
};

static inline void send_segment(struct bench *bench, const struct segment *s)
{
	uint8_t bytes[2048] = {0};
	const uint8_t *ends[2] = {client_address, server_address};

	put16(bytes + 20, s->from_server ? 443 : s->port);
	put16(bytes + 22, s->from_server ? s->port : 443);
	put32(bytes + 24, s->sequence);
	put32(bytes + 28, s->acknowledgement);
	bytes[32] = 0x50;
	bytes[33] = s->flags;
	if (s->length > 0)
		memcpy(bytes + 40, s->payload, s->length);
	send_ip(bench, bytes, 40 + s->length, PROTOCOL_TCP, ends[s->from_server],
		ends[!s->from_server]);
}

static inline void send_tcp(struct bench *bench, uint16_t port, uint8_t flags, uint32_t sequence,
			    const uint8_t *payload, size_t length)
{
	send_segment(bench, &(struct segment){.port = port,
					      .flags = flags,
					      .sequence = sequence,
					      .payload = payload,
					      .length = length});
}

static inline void send_syn(struct bench *bench, uint16_t port)
{
	send_tcp(bench, port, TCP_SYN, START, NULL, 0);
}

/* A ClientHello of 1,800 bytes, as with a post-quantum key share: it fills no single segment. */
static inline size_t client_hello(uint8_t *out, const char *name)
{
	size_t name_length = strlen(name), sni = name_length + 9, padding = 1700, at = 0;
	size_t extensions = sni + 4 + padding, body = 2 + 32 + 1 + 2 + 2 + 2 + 2 + extensions;

	memset(out, 0, 4096);
	out[at++] = 22;
	put16(out + at, 0x0301);
	put16(out + at + 2, (unsigned int)(body + 4));
	at += 4;
	put32(out + at, (uint32_t)(1 << 24 | body));
	at += 4;
	put16(out + at, 0x0303);
	at += 2 + 32 + 1;
	put16(out + at, 2);
	put16(out + at + 2, 0x1301);
	put16(out + at + 4, 0x0100);
	put16(out + at + 6, (unsigned int)extensions);
	at += 8;
	put16(out + at, 21); /* padding first: the name stands in the second segment */
	put16(out + at + 2, (unsigned int)padding);
	at += 4 + padding;
	put16(out + at, 0);
	put16(out + at + 2, (unsigned int)(sni - 4));
	put16(out + at + 4, (unsigned int)(sni - 6));
	put16(out + at + 7, (unsigned int)name_length);
	memcpy(out + at + 9, name, name_length);
	return at + sni;
}

static inline void assert_banned_once(const struct bench *bench)
{
	assert_int_equal(bench->events, 1);
	assert_int_equal(bench->reports, 1);
	assert_int_equal(bench->report.field, CLASS);
	assert_int_equal(bench->event.evidence, EVIDENCE_TLS_SNI);
	assert_string_equal(bench->event.seen, BANNED);
	assert_string_equal(bench->event.indicator, "s##.upd.kaspersky.com");
}

#endif
