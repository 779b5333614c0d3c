/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between the roles, over SOCK_SEQPACKET pairs that the enforcer makes: one message a
 * datagram, of a closed set of types, each with one exact size (an event_flow: with its text). Who
 * receives checks type, size and every value before use; a message that breaks the protocol ends
 * its sender. Descriptors come only with the types that carry one.
 *
 *   enforcer → sensor     CONFIGURE (with the catalogue)
 *   sensor   → enforcer   READY, REPORT, ALIVE
 *   sensor   → recorder   FLOW
 *   enforcer → recorder   POLICY (with a memfd of its JSON), NOTICE, STATUS (memfd of JSON)
 *   recorder → enforcer   READY, STATUS_WANTED, RELOAD
 */
#ifndef CUTOFFD_CHANNEL_H
#define CUTOFFD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"
#include "daemon/event.h"

/* Descriptors that a role finds open when it starts, behind 0 (null), 1, 2 (the log). */
#define CHANNEL_ENFORCER_FD 3 /* to the enforcer */
#define CHANNEL_RECORDER_FD 4 /* sensor: events to the recorder; recorder: events from sensors */
#define CHANNEL_CONTROL_FD 5  /* recorder: the listening control socket */
/* Its name in the runtime directory, for who makes it and who asks. */
#define CHANNEL_CONTROL_SOCKET "control.sock"

enum channel_type {
	CHANNEL_READY = 1,
	CHANNEL_CONFIGURE,
	CHANNEL_REPORT,
	CHANNEL_ALIVE,
	CHANNEL_FLOW,
	CHANNEL_POLICY,
	CHANNEL_NOTICE,
	CHANNEL_STATUS_WANTED,
	CHANNEL_STATUS,
	CHANNEL_RELOAD,
};

/* The flow as the sensor saw it on the wire: client to server. */
struct channel_report {
	struct address client, server;
	uint16_t client_port, server_port;
	uint8_t protocol;
	uint16_t field; /* a class, or an enum field that the kernel is to know */
};

struct channel_configure {
	uint32_t generation;   /* comes back in ALIVE */
	bool prefix_over_name; /* conflict: prefix */
	bool all_flows;	       /* an event for each flow that shows a name */
	bool report;	       /* the enforcer wants REPORTs (false on a mirror port) */
};

/* Each second and after each CONFIGURE; counters since the sensor's start. */
struct channel_alive {
	uint32_t generation;
	uint64_t packets, flows, flows_now, evicted, dropped, malformed, lost_events;
};

struct channel_message {
	uint32_t type; /* enum channel_type */
	uint32_t reserved;
	union {
		struct channel_report report;
		struct channel_configure configure;
		struct channel_alive alive;
		struct event_flow flow;
		struct event_notice notice;
	} u;
};

/* A pair of connected sockets, close-on-exec, non-blocking: 0 or -errno. */
int channel_pair(int fds[2]) __attribute__((warn_unused_result));

/* 0, -EAGAIN when the other end does not keep up, -EPIPE when it is gone, or another -errno. fd: a
 * descriptor to send along, or -1; it stays the caller's. */
int channel_send(int channel, const struct channel_message *message, int fd)
	__attribute__((warn_unused_result));
/* 1: a message that is well formed. 0: none now. -EPIPE: the other end is gone. -EPROTO: a message
 * that breaks the protocol. *fd: the descriptor that came, or -1; it is the caller's. */
int channel_receive(int channel, struct channel_message *message, int *fd)
	__attribute__((warn_unused_result));

/* Whether size bytes are one message that is well formed: what channel_receive asks. Pure; bytes
 * are aligned as a struct channel_message is, and none beyond size is read. */
bool channel_check(const void *bytes, size_t size);

/* A JSON text into a sealed memfd, and back (at most 16 MiB; NULL when it is no sealed memfd, or
 * not an object or array of JSON). The descriptor stays the caller's. */
int channel_json_fd(const json_t *json) __attribute__((warn_unused_result));
json_t *channel_json_read(int fd);

#endif
