/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands on this machine that could defeat or disturb the enforcement: findings, each with its
 * place, what it means and a remedy. Looks, and changes nothing: what it tries of the kernel, it
 * tries in a network namespace that it makes for itself. Called by `cutoffd check --host`.
 */
#ifndef CUTOFFD_HOST_H
#define CUTOFFD_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/enforcer/ruleset.h"
#include "daemon/settings/settings.h"

enum host_severity {
	HOST_NOTE,    /* good to know, or not looked at */
	HOST_WARNING, /* some traffic could pass, or another program be disturbed */
	HOST_ERROR,   /* these settings cannot be enforced here */
};

struct host;

/* ruleset: of these settings; NULL on a mirror port, where nothing is enforced. */
struct host *host_look(const struct settings *settings, const struct ruleset *ruleset);
void host_free(struct host *host);

size_t host_count(const struct host *host, enum host_severity severity);
/* Errors first, then warnings, then notes; a line each. */
void host_print(const struct host *host, FILE *out);

/* ---- for those who look: host_system.c, nft_host.c, nft_probe.c ---- */

struct host *host_new(void);
/* The message is "what it means; remedy". Texts are copied, and made safe to show. */
void host_add(struct host *host, enum host_severity severity, const char *place, const char *format,
	      ...) __attribute__((format(printf, 4, 5)));
/* For a rule: those of one chain that deserve the same words are one finding. handle: as in
 * `nft -a list ruleset`. */
void host_add_rule(struct host *host, enum host_severity severity, const char *place,
		   uint64_t handle, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
