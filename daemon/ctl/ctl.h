/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cutoffctl's verbs, a file each, and its exit statuses. argv[0] is the verb.
 */
#ifndef CUTOFFD_CTL_H
#define CUTOFFD_CTL_H

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILURE = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,
	CTL_PERMISSION = 4,
};

enum ctl_exit ctl_status(int argc, char **argv);
enum ctl_exit ctl_version(int argc, char **argv);
enum ctl_exit ctl_reload(int argc, char **argv);

#endif
