/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/keys.h"

#include <string.h>

#include "daemon/settings/nearest.h"

#define KEYS_MAX 32

static const struct key *find_row(const struct key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void complain_unknown(struct loader *loader, const struct yaml_node *entry, const char *what,
			     const struct key *keys, size_t count)
{
	const char *names[KEYS_MAX], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < count && n < KEYS_MAX; i++)
		names[n++] = keys[i].name;
	nearest = nearest_word(entry->key->text, names, n);
	if (nearest)
		loader_complain(loader, entry->key, "%s has no key `%s`; write `%s`", what,
				entry->key->text, nearest);
	else
		loader_complain(loader, entry->key,
				"%s has no key `%s`; take it out, or see cutoffd.yaml(5)", what,
				entry->key->text);
}

const struct yaml_node *keys_find(const struct yaml_node *mapping, const char *name)
{
	if (mapping->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *entry = mapping->first; entry; entry = entry->next)
		if (entry->key->kind == YAML_SCALAR && strcmp(entry->key->text, name) == 0)
			return entry;
	return NULL;
}

bool keys_read(struct loader *loader, const struct yaml_node *mapping, const char *what,
	       const struct key *keys, size_t count, void *object)
{
	bool complete = true;

	if (mapping->kind != YAML_MAPPING) {
		if (mapping->kind != YAML_BROKEN)
			loader_complain(loader, mapping, "%s is %s here; write `KEY: VALUE` lines",
					what, yaml_kind_name(mapping->kind));
		return false;
	}
	for (const struct yaml_node *entry = mapping->first; entry; entry = entry->next)
		if (entry->key->kind == YAML_SCALAR && !find_row(keys, count, entry->key->text))
			complain_unknown(loader, entry, what, keys, count);
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *value = keys_find(mapping, keys[i].name);

		if (!value && keys[i].required)
			loader_complain(loader, mapping, "%s has no `%s`; write `%s: …`", what,
					keys[i].name, keys[i].name);
		if (value && value->kind != YAML_BROKEN)
			keys[i].read(loader, value, (char *)object + keys[i].offset);
		complete = complete && (value || !keys[i].required);
	}
	return complete;
}
