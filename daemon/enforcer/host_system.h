/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What files and system calls show of the machine: forwarding, bridges, interfaces, users,
 * directories, the clock. Needs no privilege. Used by host.c.
 */
#ifndef CUTOFFD_HOST_SYSTEM_H
#define CUTOFFD_HOST_SYSTEM_H

#include "daemon/enforcer/host.h"

void host_system_look(struct host *host, const struct settings *settings);

#endif
