/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Children: one process each for a role, started by fork and exec of this program, with the
 * descriptors that it needs and no others, as its own user. When one ends and nobody ordered it, it
 * is started again: at once, or later and later where it does not live long.
 */
#ifndef CUTOFFD_SUPERVISE_H
#define CUTOFFD_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/clock.h"
#include "daemon/sandbox.h"

#define CHILD_ARGUMENTS 40

struct child;

struct child_handler {
	/* Just started; channel is the parent's end, owned by the child. */
	void (*started)(void *context, struct child *child, int channel);
	/* A message waits on the channel. */
	void (*readable)(void *context, struct child *child, int channel);
	/* It ended; why is a sentence ("killed by signal 11"). crashing: time and again. */
	void (*ended)(void *context, struct child *child, const char *why, bool crashing);
	void *context;
};

struct child_spec {
	enum sandbox_role role;
	const char *verb;	      /* the internal verb: "sensor" */
	const char *const *arguments; /* behind verb, index and parent's pid; NULL-terminated */
	int index;		      /* which of its kind */
	bool keep_net_raw;
	int64_t priority; /* of its messages, as sd-event counts: 0 normal, lower first */
	/* Behind the channel, which is always the first. -1: none. Stay the caller's. */
	int descriptors[2];
};

/* Starts it. NULL with a line in the log when even the first start cannot be tried. The spec's
 * arguments are copied. */
struct child *child_new(sd_event *loop, const struct child_spec *spec,
			const struct child_handler *handler);
/* Orders it to end (closes its channel), waits for patience_ms, then kills it. */
void child_free(struct child *child, int patience_ms);

/* Breaks it off: it broke the protocol, or hangs. It is started again. */
void child_kill(struct child *child);

void child_signal(struct child *child, int signal);

pid_t child_pid(const struct child *child);
int child_channel(const struct child *child); /* -1 while it does not run */
int child_index(const struct child *child);
unsigned int child_restarts(const struct child *child);

#endif
