/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is at the other end of a unix socket, by the kernel's word: as it was when the peer
 * connected (unix(7): SO_PEERCRED; socket(7): SO_PEERGROUPS).
 */
#ifndef CUTOFFD_PEER_H
#define CUTOFFD_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the peer runs as root, or with this group as its own or a supplementary one.
 * (gid_t)-1: no group. */
bool peer_is_root_or_in(int fd, gid_t group);

#endif
