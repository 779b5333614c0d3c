/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/scopes.h"

#include <string.h>

#include "daemon/settings/keys.h"
#include "daemon/settings/value.h"

struct draft {
	struct scope scope;
	struct value_prefixes sources;
};

static void read_fail(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"open", "closed"};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice >= 0)
		*(enum fail *)field = choice == 0 ? FAIL_OPEN : FAIL_CLOSED;
}

static void read_midstream(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"pass", "reset"};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice >= 0)
		*(enum midstream *)field = choice == 0 ? MIDSTREAM_PASS : MIDSTREAM_RESET;
}

static void add(struct loader *loader, struct scope scope, const struct yaml_node *node)
{
	struct settings *settings = loader->settings;
	size_t n = settings->scopes_count;

	settings->scopes =
		arena_grow(loader->arena, settings->scopes, n, n + 1, sizeof(settings->scopes[0]));
	loader->scope_nodes = arena_grow(loader->scratch, loader->scope_nodes, n, n + 1,
					 sizeof(loader->scope_nodes[0]));
	settings->scopes[n] = scope;
	loader->scope_nodes[n] = node;
	settings->scopes_count = n + 1;
}

void scopes_begin(struct loader *loader)
{
	struct prefix *all = arena_array(loader->arena, 2, sizeof(*all));

	all[0].address.family = FAMILY_V4;
	all[1].address.family = FAMILY_V6;
	add(loader, (struct scope){.name = SCOPES_ANY, .sources = all, .sources_count = 2}, NULL);
}

static void read_scope(struct loader *loader, const struct yaml_node *entry)
{
	static const struct key keys[] = {
		{"sources", value_read_prefixes, offsetof(struct draft, sources), true},
		{"fail", read_fail, offsetof(struct draft, scope.fail), false},
		{"midstream", read_midstream, offsetof(struct draft, scope.midstream), false},
	};
	struct draft draft = {.sources = {NULL, 0}};

	if (!value_id(loader, entry->key, entry->key->text))
		return;
	if (strcmp(entry->key->text, SCOPES_ANY) == 0) {
		loader_complain(
			loader, entry->key,
			"the scope `any` is built in (all sources); give yours another name");
		return;
	}
	draft.scope.name = arena_string(loader->arena, entry->key->text);
	if (keys_read(loader, entry, "a scope", keys, COUNT(keys), &draft) &&
	    keys_find(entry, "sources")->kind == YAML_SEQUENCE &&
	    keys_find(entry, "sources")->count == 0)
		loader_complain(loader, entry,
				"a scope without sources; write at least one prefix");
	draft.scope.sources = draft.sources.items;
	draft.scope.sources_count = draft.sources.count;
	add(loader, draft.scope, entry);
}

void scopes_read(struct loader *loader, const struct yaml_node *value, void *field)
{
	(void)field;
	if (value->kind != YAML_MAPPING) {
		loader_complain(loader, value,
				"`scopes` is %s here; write `NAME: {sources: […]}` lines",
				yaml_kind_name(value->kind));
		return;
	}
	for (const struct yaml_node *entry = value->first; entry; entry = entry->next)
		if (entry->kind != YAML_BROKEN && entry->key->kind != YAML_BROKEN)
			read_scope(loader, entry);
}

void scopes_check(struct loader *loader)
{
	const struct settings *settings = loader->settings;

	if (settings->capture == CAPTURE_INLINE)
		return;
	for (size_t i = 0; i < settings->scopes_count; i++)
		if (settings->scopes[i].fail == FAIL_CLOSED)
			loader_complain(
				loader, keys_find(loader->scope_nodes[i], "fail"),
				"`fail: closed` needs packets to be held, and this capture only "
				"watches them; write `fail: open`");
}
