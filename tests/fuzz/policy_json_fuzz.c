/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What calls itself a policy: whatever is taken for one can be judged by, and written again. */
#include <stdlib.h>

#include "daemon/policy/policy.h"

static void use(const struct policy *policy)
{
	static const uint8_t bytes[][4] = {{192, 168, 3, 4}, {203, 0, 113, 7}};
	struct address client = address_v4(bytes[0]), server = address_v4(bytes[1]);
	struct wall now = {INT64_MIN};

	for (int i = 0; i < 100 && now.ns != WALL_NEVER.ns; i++) {
		for (size_t c = 0; c < policy->classes_count; c++)
			policy_judge(policy, policy->classes[c].number, &client, &server, now);
		now = policy_next_change(policy, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char error[POLICY_ERROR];
	struct policy *policy = policy_from_json(json, error), *copy;
	json_t *once, *twice;

	json_decref(json);
	if (!policy)
		return 0;
	use(policy);
	once = policy_to_json(policy);
	copy = policy_from_json(once, error);
	if (!copy)
		abort();
	twice = policy_to_json(copy);
	if (!json_equal(once, twice))
		abort();
	json_decref(once);
	json_decref(twice);
	policy_free(copy);
	policy_free(policy);
	return 0;
}
