/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd check`: reads the settings as `run` would and prints what would be in force, or every
 * complaint. Touches nothing and needs no privilege.
 */
#ifndef CUTOFFD_CHECK_H
#define CUTOFFD_CHECK_H

/* argv[0] is the verb. The exit status: 0 when the settings are good, 1 otherwise. */
int check_main(int argc, char **argv);

#endif
