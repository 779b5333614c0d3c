/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/services.h"

#include <string.h>

#include "daemon/settings/nearest.h"

size_t services_add(struct loader *loader, const char *vendor, const char *service)
{
	struct policy_source *policy = &loader->settings->policy;
	size_t n = policy->services_count;

	if ((n & (n - 1)) == 0) {
		size_t room = n ? 2 * n : 1;

		loader->services = arena_grow(loader->arena, loader->services, n, room,
					      sizeof(loader->services[0]));
		loader->service_names = arena_grow(loader->scratch, loader->service_names, n, room,
						   sizeof(loader->service_names[0]));
	}
	loader->services[n] = (struct policy_service){vendor, service};
	loader->service_names[n] = arena_printf(loader->scratch, "%s.%s", vendor, service);
	policy->services = loader->services;
	policy->services_count = n + 1;
	return n;
}

long services_index(const struct loader *loader, const char *name)
{
	for (size_t i = 0; i < loader->settings->policy.services_count; i++)
		if (strcmp(loader->service_names[i], name) == 0)
			return (long)i;
	return -1;
}

/* "updates" → "kaspersky.updates". */
static const char *find_by_id(const struct loader *loader, const char *service)
{
	for (size_t i = 0; i < loader->settings->policy.services_count; i++)
		if (strcmp(loader->services[i].service, service) == 0)
			return loader->service_names[i];
	return NULL;
}

static void complain_unknown(struct loader *loader, const struct yaml_node *node)
{
	const char *const *names = (const char *const *)loader->service_names;
	size_t count = loader->settings->policy.services_count;
	const char *nearest = find_by_id(loader, node->text);

	if (loader->incomplete)
		return;
	if (!nearest)
		nearest = nearest_word(node->text, names, count);
	if (nearest)
		loader_complain(loader, node, "no vendor pack has the service `%s`; write `%s`",
				node->text, nearest);
	else
		loader_complain(
			loader, node,
			"no vendor pack has the service `%s`; write VENDOR.SERVICE as a file in "
			"a pack's vendors/ names them",
			node->text);
}

void services_read_names(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct value_texts *texts = field, all = {NULL, 0};
	const struct yaml_node *item = value->first;

	value_read_texts(loader, value, &all);
	texts->items = arena_array(loader->arena, all.count, sizeof(const char *));
	for (size_t i = 0; i < all.count; i++) {
		if (services_index(loader, all.items[i]) >= 0) {
			texts->items[texts->count++] = all.items[i];
			continue;
		}
		while (item->kind != YAML_SCALAR || strcmp(item->text, all.items[i]) != 0)
			item = item->next;
		complain_unknown(loader, item);
	}
}
