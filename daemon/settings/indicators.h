/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The indicators of all services, as the packs state them, and their places while they are loaded.
 * Turned into the catalogue by settings_catalogue. Inside settings/ only.
 */
#ifndef CUTOFFD_INDICATORS_H
#define CUTOFFD_INDICATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings/loader.h"

enum indicator_kind {
	INDICATOR_NAME,
	INDICATOR_PREFIX,
	INDICATOR_PROTOCOL,
};

#define INDICATOR_KINDS 3

/* None yet. */
void indicators_begin(struct loader *loader);

void indicators_add(struct loader *loader, size_t service, enum indicator_kind kind, bool verified,
		    const struct yaml_node *node);
/* A list of names; its text must live as long as the settings. */
void indicators_add_list(struct loader *loader, size_t service, bool verified,
			 const struct text *list);

/* Complains of bad patterns and prefixes and of what stands in two services or twice in one. */
void indicators_check(struct loader *loader);

/* How many of each kind a service has; *left_out: those that are not in the catalogue because
 * nobody saw their source. */
void indicators_count(const struct settings *settings, size_t service,
		      size_t counts[INDICATOR_KINDS], size_t *left_out);

#endif
