/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sensor as a process of its own: the internal verb `cutoffd sensor`, started by the enforcer
 * with the descriptors of channel.h and CAP_NET_RAW. Opens its captures, takes the catalogue,
 * closes the sandbox behind itself, and only then looks at the first packet.
 */
#ifndef CUTOFFD_SENSOR_MAIN_H
#define CUTOFFD_SENSOR_MAIN_H

/* argv: INDEX PARENT-PID INTERFACE… The exit status. */
int sensor_main(int argc, char **argv);

#endif
