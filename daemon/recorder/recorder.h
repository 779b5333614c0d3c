/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recorder: the process that writes down what sensors decided and what the enforcer reports,
 * and that answers on the control socket. It has no capability and needs none. Started by the
 * enforcer with the descriptors that channel.h names (CHANNEL_CONTROL_FD may be missing); ends
 * when the enforcer's channel ends, after the events that were still on their way. SIGHUP: the
 * event file is opened anew. SIGTERM and SIGINT are left to the enforcer.
 */
#ifndef CUTOFFD_RECORDER_H
#define CUTOFFD_RECORDER_H

#include <stdbool.h>
#include <sys/types.h>

/* argv: PARENT-PID --events PATH|-. The end of the enforcer's channel is its end too, so that it
 * needs no parent's id. Returns the exit status. */
int recorder_main(int argc, char **argv);

struct recorder_settings {
	const char *events;  /* a file, or "-" */
	gid_t control_group; /* who may ask besides root; (gid_t)-1: nobody */
	bool confined;	     /* behind the system call filter */
};

/* The recorder itself, with its descriptors in place. Returns the exit status. */
int recorder_run(const struct recorder_settings *settings);

#endif
