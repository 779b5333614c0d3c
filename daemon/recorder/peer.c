/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The peer's supplementary groups, to free(); NULL when there are none. */
static gid_t *supplementary(int fd, size_t *count)
{
	socklen_t size = 0;
	gid_t *groups;

	*count = 0;
	/* with no room the kernel says how much it takes */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return NULL;
	groups = malloc(size);
	if (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
		*count = size / sizeof(*groups);
	return groups;
}

bool peer_is_root_or_in(int fd, gid_t group)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	bool is_member = false;
	gid_t *groups;
	size_t count;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
		return false;
	if (peer.uid == 0)
		return true;
	if (group == (gid_t)-1)
		return false;
	if (peer.gid == group)
		return true;
	groups = supplementary(fd, &count);
	for (size_t i = 0; i < count; i++)
		is_member = is_member || groups[i] == group;
	free(groups);
	return is_member;
}
