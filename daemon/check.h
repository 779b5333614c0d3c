/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd check`: reads the settings as `run` would and prints what would be in force, or every
 * complaint. Touches nothing and needs no privilege; with --host it also looks at the machine, of
 * which root sees more.
 */
#ifndef CUTOFFD_CHECK_H
#define CUTOFFD_CHECK_H

/* argv[0] is the verb. The exit status: 0 when the settings are good (and, with --host, can be
 * enforced here: warnings and notes do not count), 1 otherwise. */
int check_main(int argc, char **argv);

#endif
