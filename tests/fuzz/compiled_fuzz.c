/* SPDX-License-Identifier: GPL-3.0-or-later */
/* STATE/compiled, as it is and with a sum that is right: whatever is taken compiles to a ruleset,
 * and is the same when it is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/compiled.h"
#include "daemon/statefile.h"

static void compare(const struct compiled *compiled)
{
	char error[COMPILED_ERROR], *once, *twice;
	struct compiled *again;
	size_t length, other;

	once = compiled_format(compiled->policy, &compiled->options, compiled->runtime, &length);
	again = once ? compiled_parse(once, length, error) : NULL;
	if (!again)
		abort();
	twice = compiled_format(again->policy, &again->options, again->runtime, &other);
	if (!twice || length != other || memcmp(once, twice, length) != 0)
		abort();
	compiled_free(again);
	free(twice);
	free(once);
}

static void parse(const char *text, size_t length)
{
	char error[COMPILED_ERROR];
	struct compiled *compiled = compiled_parse(text, length, error);

	if (!compiled)
		return;
	ruleset_free(ruleset_compile(compiled->policy, &compiled->options));
	compare(compiled);
	compiled_free(compiled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + STATEFILE_SUM + 1);

	if (!text)
		abort();
	parse((const char *)data, size);
	if (size > 0)
		memcpy(text, data, size);
	statefile_sum(text, size, text + size);
	parse(text, size + STATEFILE_SUM);
	free(text);
	return 0;
}
