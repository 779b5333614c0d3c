/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one instance for a runtime directory: lock, directories, control socket, and the files by
 * which orders outlive a process. RUNTIME/cutoffd.lock is held by a POSIX lock, whose holder the
 * kernel names: no pid file that could lie.
 */
#ifndef CUTOFFD_INSTANCE_H
#define CUTOFFD_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#define INSTANCE_ERROR 512

/* Makes the directories where they are missing and takes the lock, which lasts as long as the
 * process. 0, or -errno with a text: -EBUSY names the process that holds it. */
int instance_take(const char *runtime, const char *state, char error[INSTANCE_ERROR])
	__attribute__((warn_unused_result));

/* The process that holds the lock; 0: none. */
pid_t instance_holder(const char *runtime);

/* RUNTIME/control.sock, listening, 0660 root:cutoffd (root alone where there is no such group).
 * The descriptor, or -errno with a text. */
int instance_control_socket(const char *runtime, char error[INSTANCE_ERROR])
	__attribute__((warn_unused_result));

/* STATE/disarmed: enforcement was ended by an order, and stays so until it is started again. */
int instance_disarm(const char *state) __attribute__((warn_unused_result));
int instance_arm(const char *state) __attribute__((warn_unused_result));
bool instance_is_disarmed(const char *state);

#endif
