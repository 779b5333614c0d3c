/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/vendors.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/settings/date.h"
#include "daemon/settings/indicators.h"
#include "daemon/settings/keys.h"
#include "daemon/settings/nearest.h"
#include "daemon/settings/services.h"
#include "daemon/settings/value.h"

#define SERVICES_MAX 4000 /* classes have 12 bits of the mark */

struct draft {
	struct vendor vendor;
	const struct yaml_node *sources, *services;
	const char *folder; /* of the file: lists stand relative to it */
	size_t service;	    /* the index of the one that is being read */
};

struct ports {
	struct vendor_port *items;
	size_t count;
};

struct service_draft {
	struct vendor_service service;
	struct ports ports;
	const struct yaml_node *indicators;
};

struct group {
	bool verified;
	const char *checked, *note;
	const struct yaml_node *source, *names, *lists, *prefixes, *protocols;
};

/* ---- ports: "tcp/13000", "udp/23100-23199" ---- */

static bool read_number(const char **text, uint16_t *out)
{
	char *end;
	unsigned long number = strtoul(*text, &end, 10);

	if (**text < '1' || **text > '9' || number > UINT16_MAX)
		return false;
	*text = end;
	*out = (uint16_t)number;
	return true;
}

static bool parse_port(const char *text, struct vendor_port *port)
{
	if (strncmp(text, "tcp/", 4) != 0 && strncmp(text, "udp/", 4) != 0)
		return false;
	port->transport = text[0] == 't' ? TRANSPORT_TCP : TRANSPORT_UDP;
	text += 4;
	if (!read_number(&text, &port->first))
		return false;
	port->last = port->first;
	if (*text == '-') {
		text++;
		if (!read_number(&text, &port->last))
			return false;
	}
	return *text == '\0' && port->first <= port->last;
}

static void read_ports(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct ports *ports = field;

	if (!value_is_list(loader, value, "ports"))
		return;
	ports->items = arena_array(loader->arena, value->count, sizeof(ports->items[0]));
	for (const struct yaml_node *item = value->first; item; item = item->next) {
		const char *text = value_text(loader, item, "a port");

		if (text && parse_port(text, &ports->items[ports->count]))
			ports->count++;
		else if (text)
			loader_complain(loader, item,
					"`%s` is no port; write one like tcp/13000 or "
					"udp/15000-15001",
					text);
	}
}

/* ---- indicators ---- */

static void check_source(struct loader *loader, const struct draft *draft,
			 const struct yaml_node *source)
{
	const char *text = value_text(loader, source, "a source"), *nearest;
	const char **names;
	size_t n = 0;

	if (!text || (draft->sources && draft->sources->kind == YAML_BROKEN))
		return;
	if (draft->sources && keys_find(draft->sources, text))
		return;
	names = arena_array(loader->scratch, draft->sources ? draft->sources->count : 0,
			    sizeof(names[0]));
	if (draft->sources)
		for (const struct yaml_node *s = draft->sources->first; s; s = s->next)
			if (s->key->kind == YAML_SCALAR)
				names[n++] = s->key->text;
	nearest = nearest_word(text, names, n);
	loader_complain(loader, source, "`sources` has no `%s`; write %s%s%s", text,
			nearest ? "`" : "", nearest ? nearest : "what it is there",
			nearest ? "`" : "");
}

static void add_all(struct loader *loader, const struct draft *draft, const struct group *group,
		    enum indicator_kind kind, const struct yaml_node *list)
{
	static const char *const what[] = {"name patterns in quotes", "prefixes", "protocols"};

	if (!list || !value_is_list(loader, list, what[kind]))
		return;
	for (const struct yaml_node *item = list->first; item; item = item->next)
		indicators_add(loader, draft->service, kind, group->verified, item);
}

static void add_lists(struct loader *loader, const struct draft *draft, const struct group *group)
{
	if (!group->lists || !value_is_list(loader, group->lists, "files"))
		return;
	for (const struct yaml_node *item = group->lists->first; item; item = item->next) {
		const char *path = value_text(loader, item, "a file");
		struct place place = yaml_place(item);
		const struct text *list;

		if (!path)
			continue;
		list = loader_text(loader, loader->arena, loader_path(loader, draft->folder, path),
				   LOADER_LIST_BYTES, &place);
		if (list)
			indicators_add_list(loader, draft->service, group->verified, list);
	}
}

static void read_group(struct loader *loader, const struct draft *draft,
		       const struct yaml_node *node)
{
	static const struct key keys[] = {
		{"source", value_read_node, offsetof(struct group, source), false},
		{"checked", date_read_day, offsetof(struct group, checked), false},
		{"verified", value_read_boolean, offsetof(struct group, verified), false},
		{"note", value_read_text, offsetof(struct group, note), false},
		{"names", value_read_node, offsetof(struct group, names), false},
		{"names_from", value_read_node, offsetof(struct group, lists), false},
		{"prefixes", value_read_node, offsetof(struct group, prefixes), false},
		{"protocols", value_read_node, offsetof(struct group, protocols), false},
	};
	struct group group = {.verified = true};

	if (!keys_read(loader, node, "a group of indicators", keys, COUNT(keys), &group))
		return;
	if (group.source)
		check_source(loader, draft, group.source);
	if (!group.names && !group.lists && !group.prefixes && !group.protocols)
		loader_complain(
			loader, node,
			"this group has no indicator; write `names`, `names_from`, `prefixes` "
			"or `protocols`");
	add_all(loader, draft, &group, INDICATOR_NAME, group.names);
	add_lists(loader, draft, &group);
	add_all(loader, draft, &group, INDICATOR_PREFIX, group.prefixes);
	add_all(loader, draft, &group, INDICATOR_PROTOCOL, group.protocols);
}

/* ---- services ---- */

static struct vendor_service read_service(struct loader *loader, struct draft *draft,
					  const struct yaml_node *entry)
{
	static const struct key keys[] = {
		{"title", value_read_text, offsetof(struct service_draft, service.title), false},
		{"note", value_read_text, offsetof(struct service_draft, service.note), false},
		{"ports", read_ports, offsetof(struct service_draft, ports), false},
		{"indicators", value_read_node, offsetof(struct service_draft, indicators), false},
	};
	struct service_draft service = {.indicators = NULL};

	service.service.id = arena_string(loader->arena, entry->key->text);
	draft->service = services_add(loader, draft->vendor.id, service.service.id);
	if (keys_read(loader, entry, "a service", keys, COUNT(keys), &service) &&
	    service.indicators && value_is_list(loader, service.indicators, "groups"))
		for (const struct yaml_node *g = service.indicators->first; g; g = g->next)
			read_group(loader, draft, g);
	service.service.ports = service.ports.items;
	service.service.ports_count = service.ports.count;
	return service.service;
}

static void read_services(struct loader *loader, struct draft *draft)
{
	struct vendor_service *services;
	struct vendor *vendor = &draft->vendor;

	if (draft->services->kind != YAML_MAPPING) {
		loader->incomplete = true;
		loader_complain(loader, draft->services,
				"`services` is %s here; write a line for each, like `updates:`",
				yaml_kind_name(draft->services->kind));
		return;
	}
	services = arena_array(loader->arena, draft->services->count, sizeof(services[0]));
	for (const struct yaml_node *entry = draft->services->first; entry; entry = entry->next) {
		if (entry->kind == YAML_BROKEN || entry->key->kind == YAML_BROKEN ||
		    !value_id(loader, entry->key, entry->key->text)) {
			loader->incomplete = true;
			continue;
		}
		if (loader->settings->policy.services_count == SERVICES_MAX) {
			loader_complain(loader, entry->key,
					"more than %d services; take some packs out", SERVICES_MAX);
			break;
		}
		services[vendor->services_count++] = read_service(loader, draft, entry);
	}
	vendor->services = services;
}

static void read_sources(struct loader *loader, const struct yaml_node *value, void *field)
{
	if (value->kind == YAML_MAPPING) {
		value_read_node(loader, value, field);
		for (const struct yaml_node *s = value->first; s; s = s->next)
			value_text(loader, s, "a source");
	} else {
		loader_complain(loader, value, "`sources` is %s here; write lines like `K1: TEXT`",
				yaml_kind_name(value->kind));
	}
}

void vendors_read(struct loader *loader, const char *path, const char *id,
		  const struct yaml_node *root)
{
	static const struct key keys[] = {
		{"vendor", value_check_file_id, offsetof(struct draft, vendor.id), true},
		{"title", value_read_text, offsetof(struct draft, vendor.title), false},
		{"checked", date_read_day, offsetof(struct draft, vendor.checked), false},
		{"sources", read_sources, offsetof(struct draft, sources), false},
		{"services", value_read_node, offsetof(struct draft, services), true},
	};
	struct settings *settings = loader->settings;
	struct draft draft = {.vendor.id = arena_string(loader->arena, id)};
	size_t n = settings->vendors_count;

	draft.folder = arena_string_n(loader->scratch, path, (size_t)(strrchr(path, '/') - path));
	if (!keys_read(loader, root, "a vendor pack", keys, COUNT(keys), &draft))
		loader->incomplete = true;
	if (draft.services)
		read_services(loader, &draft);
	settings->vendors = arena_grow(loader->arena, settings->vendors, n, n + 1,
				       sizeof(settings->vendors[0]));
	settings->vendors[n] = draft.vendor;
	settings->vendors_count = n + 1;
}
