/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scopes as a compiled policy has them: which flows they hold for. Pure.
 */
#ifndef CUTOFFD_SCOPE_H
#define CUTOFFD_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/policy/policy.h"

/* Whether these prefixes hold every address of both families by their length alone. */
bool scope_is_any(const struct prefix *sources, size_t count);
/* Whether one of its hosts opened the flow, or it was opened towards one of them. */
bool scope_holds(const struct policy_scope *scope, const struct address *client,
		 const struct address *server);

#endif
