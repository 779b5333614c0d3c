/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket's side of the recorder: takes requests (request.h), answers them. Knows its
 * clients by the kernel's word (SO_PEERCRED, SO_PEERGROUPS): root, or who is in the group. Nothing
 * that comes in here can lift a cutoff. Clients are few, and cost little when they are slow: they
 * have time limits, and what is read and written for them is bounded.
 */
#ifndef CUTOFFD_CONTROL_H
#define CUTOFFD_CONTROL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define CONTROL_CLIENTS 16

struct control;

struct control_settings {
	int listen_fd;		     /* non-blocking; it stays the caller's */
	gid_t group;		     /* besides root; (gid_t)-1: nobody besides root */
	uint64_t idle_us, status_us; /* how long a client may be silent, and an answer may take */
	/* Asks for the status, and has the settings read again: 0 or -errno, at once. */
	int (*ask_status)(void *context);
	int (*reload)(void *context);
	void *context;
};

/* 0 or -errno. */
int control_new(struct control **out, sd_event *event, const struct control_settings *settings)
	__attribute__((warn_unused_result));
void control_free(struct control *control);

/* The status that ask_status asked for: goes to all clients that wait for one. It stays the
 * caller's. */
void control_status(struct control *control, json_t *status);

#endif
