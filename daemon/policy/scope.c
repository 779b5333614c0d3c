/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/scope.h"

bool scope_is_any(const struct prefix *sources, size_t count)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < count; i++) {
		v4 |= sources[i].address.family == FAMILY_V4 && sources[i].length == 0;
		v6 |= sources[i].address.family == FAMILY_V6 && sources[i].length == 0;
	}
	return v4 && v6;
}

bool scope_holds(const struct policy_scope *scope, const struct address *client,
		 const struct address *server)
{
	return scope->any || prefix_any_contains(scope->sources, scope->sources_count, client) ||
	       prefix_any_contains(scope->sources, scope->sources_count, server);
}
