/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/settings.h"

#include <string.h>

#include "daemon/settings/adopt.h"
#include "daemon/settings/indicators.h"
#include "daemon/settings/loader.h"
#include "daemon/settings/packs.h"
#include "daemon/settings/policy_file.h"
#include "daemon/settings/scopes.h"
#include "daemon/settings/waivers.h"

static const char *folder_of(struct loader *loader, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_string_n(loader->scratch, path, (size_t)(slash - path));
}

/* The policy file first: it says where the packs are; then what refers to them. */
static void read_all(struct loader *loader, const char *path)
{
	const struct yaml_node *root = loader_yaml(loader, path, NULL);

	if (!root)
		return;
	loader->folder = folder_of(loader, path);
	scopes_begin(loader);
	indicators_begin(loader);
	if (!policy_file_read(loader, root))
		return;
	policy_file_check(loader, root);
	packs_read(loader);
	adopt_read(loader);
	waivers_read(loader);
	indicators_check(loader);
}

static struct settings *load(struct loader *loader, const char *path)
{
	struct arena *arena = arena_new();
	struct settings *settings = arena_alloc(arena, sizeof(*settings));
	size_t errors_before = complaints_errors(loader->complaints);

	settings->arena = arena;
	settings->path = arena_string(arena, path);
	loader->arena = arena;
	loader->scratch = arena_new();
	loader->settings = settings;
	read_all(loader, path);
	arena_free(loader->scratch);
	if (complaints_errors(loader->complaints) == errors_before)
		return settings;
	settings_free(settings);
	return NULL;
}

struct settings *settings_load(const char *path, struct complaints *complaints)
{
	struct loader loader = {.complaints = complaints};

	return load(&loader, path);
}

struct settings *settings_load_memory(const struct settings_file *files, size_t count,
				      struct complaints *complaints)
{
	struct loader loader = {
		.complaints = complaints,
		.files = files,
		.files_count = count,
	};

	return load(&loader, files[0].path);
}

void settings_free(struct settings *settings)
{
	if (settings)
		arena_free(settings->arena);
}

void settings_review(const struct settings *settings, struct wall now,
		     struct complaints *complaints)
{
	for (size_t i = 0; i < settings->policy.waivers_count; i++) {
		const struct waiver *waiver = &settings->policy.waivers[i];

		if (!wall_before(now, waiver->until))
			complain_warning(
				complaints, &settings->waiver_places[i],
				"the waiver `%s` ended at %s; take it out or have it renewed",
				waiver->id, waiver->until_text);
	}
}
