/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/waivers.h"

#include <string.h>

#include "daemon/settings/date.h"
#include "daemon/settings/keys.h"
#include "daemon/settings/packs.h"
#include "daemon/settings/services.h"
#include "daemon/settings/value.h"

struct draft {
	struct waiver waiver;
	const struct yaml_node *id, *until, *zone, *services_node, *hosts_node;
	struct value_prefixes hosts;
	struct value_texts services;
};

struct waivers {
	struct waiver *items;
	struct place *places;
	size_t count;
};

static void read_until(struct loader *loader, struct draft *draft)
{
	const char *zone = draft->zone ? value_text(loader, draft->zone, "a zone") : NULL;
	enum precision precision = PRECISION_INSTANT;

	if (draft->zone && (!zone || !date_zone(loader, draft->zone, zone)))
		return;
	if (!date_instant(loader, draft->until, zone, &draft->waiver.until, &precision))
		return;
	draft->waiver.until_text = arena_string(loader->arena, draft->until->text);
	if (precision == PRECISION_DAY)
		loader_complain(loader, draft->until,
				"`%s`: is that day still waived or not? write the instant, like "
				"\"%.10sT18:00:00+01:00\"",
				draft->until->text, draft->until->text);
}

static bool id_is_taken(struct loader *loader, const struct waivers *waivers,
			const struct draft *draft)
{
	for (size_t i = 0; i < waivers->count; i++) {
		if (strcmp(waivers->items[i].id, draft->waiver.id) != 0)
			continue;
		loader_complain(loader, draft->id,
				"there is a waiver `%s` already (%s:%u); give each its id",
				draft->waiver.id, waivers->places[i].file, waivers->places[i].line);
		return true;
	}
	return false;
}

/* What ends is complained of long after the load. */
static struct place keep_place(struct loader *loader, const struct yaml_node *node)
{
	struct place place = yaml_place(node);

	place.file = arena_string(loader->arena, place.file);
	place.text = arena_string_n(loader->arena, place.text, strcspn(place.text, "\r\n"));
	return place;
}

static void add(struct loader *loader, struct waivers *waivers, const struct draft *draft)
{
	size_t n = waivers->count;

	if (id_is_taken(loader, waivers, draft))
		return;
	waivers->items =
		arena_grow(loader->arena, waivers->items, n, n + 1, sizeof(waivers->items[0]));
	waivers->places =
		arena_grow(loader->arena, waivers->places, n, n + 1, sizeof(waivers->places[0]));
	waivers->items[n] = draft->waiver;
	waivers->places[n] = keep_place(loader, draft->until);
	waivers->count = n + 1;
}

static void complain_empty(struct loader *loader, const struct yaml_node *list, const char *what)
{
	if (list && list->kind == YAML_SEQUENCE && list->count == 0)
		loader_complain(loader, list, "this list is empty; %s", what);
}

static void read_waiver(struct loader *loader, const struct yaml_node *node,
			struct waivers *waivers)
{
	static const struct key keys[] = {
		{"id", value_read_node, offsetof(struct draft, id), true},
		{"reason", value_read_text, offsetof(struct draft, waiver.reason), true},
		{"approver", value_read_text, offsetof(struct draft, waiver.approver), true},
		{"hosts", value_read_prefixes, offsetof(struct draft, hosts), true},
		{"services", services_read_names, offsetof(struct draft, services), false},
		{"until", value_read_node, offsetof(struct draft, until), true},
		{"zone", value_read_node, offsetof(struct draft, zone), false},
	};
	struct draft draft = {.id = NULL};
	bool complete = keys_read(loader, node, "a waiver", keys, COUNT(keys), &draft);

	if (node->kind == YAML_MAPPING) {
		complain_empty(loader, keys_find(node, "hosts"), "name the hosts that are exempt");
		complain_empty(loader, keys_find(node, "services"),
			       "name the services, or leave the key out for all of them");
	}
	if (draft.id)
		value_read_id(loader, draft.id, &draft.waiver.id);
	if (draft.until)
		read_until(loader, &draft);
	draft.waiver.hosts = draft.hosts.items;
	draft.waiver.hosts_count = draft.hosts.count;
	draft.waiver.services = draft.services.items;
	draft.waiver.services_count = draft.services.count;
	if (complete && draft.waiver.id)
		add(loader, waivers, &draft);
}

static void read_list(struct loader *loader, const struct yaml_node *list, struct waivers *waivers)
{
	if (!value_is_list(loader, list, "waivers"))
		return;
	for (const struct yaml_node *node = list->first; node; node = node->next)
		read_waiver(loader, node, waivers);
}

static void read_file(struct loader *loader, const char *path, struct waivers *waivers)
{
	static const struct key keys[] = {
		{"waivers", value_read_node, 0, true},
	};
	const struct yaml_node *root = loader_yaml(loader, path, NULL), *list = NULL;

	if (root && keys_read(loader, root, "a file of waivers", keys, COUNT(keys), &list) && list)
		read_list(loader, list, waivers);
}

void waivers_read(struct loader *loader)
{
	struct waivers waivers = {NULL, NULL, 0};
	struct packs_file *files;
	size_t count = packs_list(loader, loader->folder, "waivers.d", &files);

	if (loader->waivers)
		read_list(loader, loader->waivers, &waivers);
	for (size_t i = 0; i < count; i++)
		read_file(loader, files[i].path, &waivers);
	loader->settings->policy.waivers = waivers.items;
	loader->settings->policy.waivers_count = waivers.count;
	loader->settings->waiver_places = waivers.places;
}
