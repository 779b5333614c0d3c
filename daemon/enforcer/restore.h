/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd restore`: at boot, before the network is up, the table that was in force last, from
 * STATE/compiled, without settings or any other process. Where that file is missing or damaged the
 * settings are compiled anew. The table stays in the kernel for the next `run` to take over.
 */
#ifndef CUTOFFD_RESTORE_H
#define CUTOFFD_RESTORE_H

/* The exit status. */
int restore_main(int argc, char **argv);

#endif
