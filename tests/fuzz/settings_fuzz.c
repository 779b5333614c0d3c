/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole loader over one buffer: the policy file, then packs and waivers, each behind a line
 * `=== PATH`, as in tests/settings/cases. What loads is compiled and printed, too. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings/settings.h"

#define FILES_MAX 8
#define PATH_BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct parts {
	struct settings_file files[FILES_MAX];
	char paths[FILES_MAX][PATH_BYTES];
	size_t count;
};

static const char *next_separator(const char *at, const char *end)
{
	const char *found = at;

	while ((found = memmem(found, (size_t)(end - found), "=== ", 4)) && found > at &&
	       found[-1] != '\n')
		found += 4;
	return found ? found : end;
}

static void split(const char *at, const char *end, struct parts *parts)
{
	snprintf(parts->paths[0], PATH_BYTES, "cutoffd.yaml");
	while (parts->count < FILES_MAX) {
		const char *next = next_separator(at, end), *line;
		size_t n = parts->count++;

		parts->files[n] = (struct settings_file){parts->paths[n], at, (size_t)(next - at)};
		if (next == end || parts->count == FILES_MAX)
			return;
		line = memchr(next, '\n', (size_t)(end - next));
		at = line ? line + 1 : end;
		snprintf(parts->paths[n + 1], PATH_BYTES, "%.*s",
			 (int)(at - next - 4 - (line != NULL)), next + 4);
	}
}

static void use(const struct settings *settings, FILE *out)
{
	struct numbers *numbers = numbers_new();
	struct policy *policy = NULL;
	int fd;

	if (policy_compile(&settings->policy, numbers, &policy) == 0) {
		settings_print(settings, policy, (struct wall){0}, out);
		fd = settings_catalogue(settings, policy);
		if (fd >= 0)
			close(fd);
	}
	policy_free(policy);
	numbers_free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts parts = {.count = 0};
	struct complaints *complaints = complaints_new();
	struct settings *settings;
	FILE *out = fopen("/dev/null", "w");

	split((const char *)data, (const char *)data + size, &parts);
	settings = settings_load_memory(parts.files, parts.count, complaints);
	if (!settings && complaints_errors(complaints) == 0)
		__builtin_trap();
	if (settings && complaints_errors(complaints) > 0)
		__builtin_trap();
	if (settings)
		use(settings, out);
	complaints_print(complaints, out);
	fclose(out);
	settings_free(settings);
	complaints_free(complaints);
	return 0;
}
