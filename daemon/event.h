/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events: what was decided about a flow (struct event_flow, made by a sensor) and what happened to
 * the gateway (struct event_notice, made by the enforcer), and their form as JSON lines: Suricata's
 * EVE field names, and our own under "cutoff" (config/event.schema.json).
 * Plain values of fixed size, so that they cross a process boundary as they are.
 */
#ifndef CUTOFFD_EVENT_H
#define CUTOFFD_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/classifier.h"
#include "daemon/clock.h"
#include "daemon/policy/policy.h"

#define EVENT_WORD 64	 /* a vendor's, service's, measure's or stage's id, with its NUL */
#define EVENT_NAME 256	 /* an indicator, or the name that was seen, with its NUL */
#define EVENT_TEXT 512	 /* a notice's sentence, with its NUL */
#define EVENT_LINE 65536 /* no event's JSON line is longer */

/*
 * A flow that was decided, or (carrier HTTP, DNS) one more of its requests. The names are a
 * finding's: text holds them one behind the other. Only the first
 * sizeof(struct event_flow) - EVENT_FLOW_TEXT + text_length bytes go over a channel.
 */
struct event_flow {
	struct wall at; /* packet time */
	uint64_t flow_id;
	struct address client, server; /* of the innermost flow */
	uint16_t client_port, server_port;
	uint8_t protocol; /* PROTOCOL_TCP, PROTOCOL_UDP */
	uint8_t carrier;  /* enum carrier */
	uint8_t evidence; /* enum evidence_kind */
	bool ambiguous;	  /* pair with names of several services, or segments that disagree */
	bool conflict;	  /* a foreign name at a vendor's own prefix */
	bool is_response; /* DNS: an answer */
	uint16_t field;	  /* enum field or a class */
	uint16_t text_length;
	uint8_t names_count;
	uint8_t questions_count;		      /* DNS: so many of the names were asked for */
	char vendor[EVENT_WORD], service[EVENT_WORD]; /* "": in no list */
	char indicator[EVENT_NAME], seen[EVENT_NAME];
	char app_protocol[EVENT_WORD]; /* nDPI's, "" when unknown */
	struct finding_name names[FINDING_NAMES];
	char text[FINDING_TEXT];
};

#define EVENT_FLOW_TEXT FINDING_TEXT

enum notice_kind {
	NOTICE_START,
	NOTICE_STOP,
	NOTICE_RELOAD,
	NOTICE_STAGE, /* a cutoff took effect */
	NOTICE_DRIFT,
	NOTICE_SENSOR,
	NOTICE_CLOCK,
	NOTICE_ALARM,
	NOTICE_LATCH, /* a latch was lifted, or an order to lift one was refused */
	NOTICE_KINDS,
};

struct event_notice {
	struct wall at; /* real time, also while a cutoff is rehearsed */
	enum notice_kind kind;
	char measure[EVENT_WORD], stage[EVENT_WORD]; /* NOTICE_STAGE */
	char vendor[EVENT_WORD], service[EVENT_WORD];
	struct wall cutoff;
	char text[EVENT_TEXT];
};

/* Whether all lengths, enums and offsets of a message that came over a channel are in range and
 * its strings end: nothing else may be done with it before. size: bytes that came. */
bool event_flow_valid(const struct event_flow *event, size_t size);
bool event_notice_valid(const struct event_notice *notice, size_t size);
/* Bytes of the event that carry anything. */
size_t event_flow_size(const struct event_flow *event);

/* A new reference; NULL when memory is out. policy may be NULL (no verdicts then). The verdict is
 * the policy's for the class, client and server at judged_at. */
json_t *event_flow_json(const struct event_flow *event, const struct policy *policy,
			struct wall judged_at);
json_t *event_notice_json(const struct event_notice *notice);
/* One line with its end, to free(); NULL when memory is out. */
char *event_line(const json_t *event);

#endif
