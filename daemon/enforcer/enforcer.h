/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The enforcer: the main process of `cutoffd run`. Owns the kernel's ruleset and conntrack marks,
 * starts sensors and recorder, reads no packet. When it ends, its table stays in the kernel.
 */
#ifndef CUTOFFD_ENFORCER_H
#define CUTOFFD_ENFORCER_H

/* Runs until SIGTERM or SIGINT; SIGHUP reloads. The exit status. */
int enforcer_run(const char *config);

/* `cutoffd stop-enforcing`: ends a running enforcer, removes the table, and remembers the order.
 * The exit status. */
int enforcer_stop(const char *config);

/* `cutoffd unlatch`: has what stage names lifted, and the reason recorded. The exit status. */
int enforcer_unlatch(const char *config, const char *stage, const char *reason);

#endif
