/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scopes: the source networks that a measure is applied to. Inside settings/ only.
 */
#ifndef CUTOFFD_SCOPES_H
#define CUTOFFD_SCOPES_H

#include "daemon/settings/loader.h"

/* The built-in scope of all sources; always the first of settings->scopes. */
#define SCOPES_ANY "any"

void scopes_begin(struct loader *loader);
/* The key `scopes`; for a table of keys. */
void scopes_read(struct loader *loader, const struct yaml_node *value, void *field);
/* What a scope may say depends on how packets are captured. */
void scopes_check(struct loader *loader);

#endif
