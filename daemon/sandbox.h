/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confinement of the roles: user, groups, capabilities, descriptors, system calls. The enforcer's
 * child calls sandbox_become between fork and exec; the role itself calls sandbox_close when
 * everything that it needs is open. The only user of libcap-ng and libseccomp.
 */
#ifndef CUTOFFD_SANDBOX_H
#define CUTOFFD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sandbox_role {
	SANDBOX_SENSOR,	  /* no files, no sockets but those that are open */
	SANDBOX_RECORDER, /* files of its own, answers on the control socket */
};

struct sandbox_user {
	uid_t uid;
	gid_t gid;
	bool fallback; /* the role's own user does not exist here: nobody */
};

/* The role's user ("cutoffd-sensor", "cutoffd-recorder"), or nobody where it was not made. */
struct sandbox_user sandbox_user(enum sandbox_role role);

/* Becomes that user, without supplementary groups, without capabilities but, if asked for,
 * CAP_NET_RAW, which outlives the exec. 0 or -errno. */
int sandbox_become(const struct sandbox_user *user, bool keep_net_raw)
	__attribute__((warn_unused_result));

/* Moves fds[i] to descriptor 3 + i (-1: leaves that one closed) and closes all others above 2;
 * 0 becomes /dev/null. Between fork and exec only. 0 or -errno. */
int sandbox_descriptors(const int *fds, size_t count) __attribute__((warn_unused_result));

/* Drops the last capability, forbids new privileges and closes the system call filter: a call that
 * the role does not need ends the process (SIGSYS). 0 or -errno. */
int sandbox_close(enum sandbox_role role) __attribute__((warn_unused_result));

/* Ends this process when its parent ends. Call first thing in a role. false: it has ended already.
 */
bool sandbox_follow_parent(pid_t parent);

/* Gives up every capability but these, for good. 0 or -errno. */
int sandbox_keep(const int *capabilities, size_t count) __attribute__((warn_unused_result));

/* Whether this process has the capability (CAP_NET_ADMIN, …) in effect. */
bool sandbox_has_capability(int capability);

#endif
