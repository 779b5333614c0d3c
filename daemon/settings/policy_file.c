/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/policy_file.h"

#include <net/if.h>
#include <string.h>

#include "daemon/settings/duration.h"
#include "daemon/settings/keys.h"
#include "daemon/settings/scopes.h"
#include "daemon/settings/value.h"

#define PORTS_MAX (sizeof(((struct settings *)NULL)->proxy_ports) / sizeof(uint16_t))

/* Room for the queues of as many sensors as a machine can have processors. */
#define QUEUE_BASE_MAX 65000

struct draft {
	struct settings settings;
	const struct yaml_node *mode, *capture, *adopt, *waivers, *packs, *mask, *told;
	struct value_texts interfaces;
	struct value_prefixes never;
};

static void read_mode(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"observe", "enforce"};
	struct draft *draft = field;
	int choice = value_choice(loader, value, words, COUNT(words));

	draft->mode = value;
	if (choice >= 0)
		draft->settings.policy.mode = choice == 0 ? MODE_OBSERVE : MODE_ENFORCE;
}

static void read_capture(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"inline", "passive", "tap"};
	struct draft *draft = field;
	int choice = value_choice(loader, value, words, COUNT(words));

	draft->capture = value;
	if (choice == CAPTURE_INLINE)
		loader_complain(loader, value,
				"this version does not hold packets yet; write `capture: passive`");
	if (choice >= 0)
		draft->settings.capture = (enum capture_mode)choice;
}

static void read_interfaces(struct loader *loader, const struct yaml_node *value, void *field)
{
	value_read_texts(loader, value, field);
	if (value->kind != YAML_SEQUENCE)
		return;
	for (const struct yaml_node *item = value->first; item; item = item->next)
		if (item->kind == YAML_SCALAR &&
		    (strlen(item->text) >= IF_NAMESIZE || strpbrk(item->text, "/ \t")))
			loader_complain(
				loader, item,
				"`%s` is no interface's name; `ip link` lists those that there "
				"are",
				item->text);
}

static void read_folder(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "a folder");

	if (text && text[0] != '/')
		loader_complain(loader, value,
				"`%s` is no absolute path; write one that begins with /", text);
	else if (text)
		*(const char **)field = arena_string(loader->arena, text);
}

static void read_events(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "a file");

	if (text && text[0] != '/' && strcmp(text, "-") != 0)
		loader_complain(
			loader, value,
			"`%s` is no absolute path; write one that begins with /, or \"-\" for "
			"standard output",
			text);
	else if (text)
		*(const char **)field = arena_string(loader->arena, text);
}

static void read_conflict(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"name", "prefix"};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice >= 0)
		*(enum conflict *)field = choice == 0 ? CONFLICT_NAME : CONFLICT_PREFIX;
}

static void read_unknown(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"allow", "reject", "drop"};
	static const enum verdict verdicts[] = {VERDICT_ALLOW, VERDICT_REJECT, VERDICT_DROP};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice > 0)
		loader_complain(
			loader, value,
			"flows without a name are refused only where packets are held until "
			"one is found, and this capture only watches them; write `unknown: "
			"allow`");
	if (choice >= 0)
		*(enum verdict *)field = verdicts[choice];
}

static void read_unverified(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"skip", "use"};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice >= 0)
		*(bool *)field = choice == 1;
}

static void read_port(struct loader *loader, const struct yaml_node *item,
		      struct settings *settings)
{
	uint32_t port;

	if (!value_integer(loader, item, 1, UINT16_MAX, &port))
		return;
	for (size_t i = 0; i < settings->proxy_ports_count; i++)
		if (settings->proxy_ports[i] == port) {
			loader_complain(loader, item, "port %u stands twice; take one out", port);
			return;
		}
	if (settings->proxy_ports_count < PORTS_MAX)
		settings->proxy_ports[settings->proxy_ports_count++] = (uint16_t)port;
}

static void read_ports(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct draft *draft = field;

	if (!value_is_list(loader, value, "ports"))
		return;
	if (value->count > PORTS_MAX)
		loader_complain(loader, value, "%zu ports; at most %zu are possible", value->count,
				PORTS_MAX);
	for (const struct yaml_node *item = value->first; item; item = item->next)
		read_port(loader, item, &draft->settings);
}

static void read_mask(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct draft *draft = field;
	uint32_t mask;

	draft->mask = value;
	if (!value_integer(loader, value, 0, UINT32_MAX, &mask))
		return;
	if (__builtin_popcount(mask) != 12 || (mask >> __builtin_ctz(mask)) != 0xfff)
		loader_complain(
			loader, value,
			"the field needs 12 bits side by side, `%s` has others; write one like "
			"0x0fff0000",
			value->text);
	else
		draft->settings.mask = mask;
}

static void read_told(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct draft *draft = field;
	uint32_t told;

	draft->told = value;
	if (!value_integer(loader, value, 0, UINT32_MAX, &told))
		return;
	if (__builtin_popcount(told) != 1)
		loader_complain(loader, value,
				"`told` is one bit, `%s` is not; write one like 0x10000000",
				value->text);
	else
		draft->settings.told = told;
}

static void read_queue_base(struct loader *loader, const struct yaml_node *value, void *field)
{
	uint32_t number;

	if (value_integer(loader, value, 0, QUEUE_BASE_MAX, &number))
		*(uint16_t *)field = (uint16_t)number;
}

static void read_log_group(struct loader *loader, const struct yaml_node *value, void *field)
{
	uint32_t number;

	if (value_integer(loader, value, 1, UINT16_MAX, &number))
		*(uint16_t *)field = (uint16_t)number;
}

static void read_offset(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "a duration");

	if (text && (!duration_parse(text, field) || *(int64_t *)field == 0))
		loader_complain(
			loader, value,
			"`%s` is no offset; write one like -30d12h, 90m or 1.5s (d, h, m, s, "
			"ms)",
			text);
}

static void read_rehearse(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const struct key keys[] = {
		{"offset", read_offset, 0, true},
	};
	struct draft *draft = field;

	draft->settings.rehearsal = keys_read(loader, value, "`rehearse`", keys, COUNT(keys),
					      &draft->settings.policy.offset_ns);
}

static void take(struct loader *loader, struct draft *draft)
{
	struct settings *settings = &draft->settings;

	settings->interfaces = draft->interfaces.items;
	settings->interfaces_count = draft->interfaces.count;
	settings->policy.never = draft->never.items;
	settings->policy.never_count = draft->never.count;
	if (!settings->events)
		settings->events = arena_printf(loader->arena, "%s/events.json", settings->state);
	loader->mode = draft->mode;
	loader->capture = draft->capture;
	loader->adopt = draft->adopt;
	loader->waivers = draft->waivers;
	loader->packs = draft->packs;
	*loader->settings = *settings;
}

static void check_marks(struct loader *loader, const struct draft *draft)
{
	const struct yaml_node *place = draft->told ? draft->told : draft->mask;

	if (place && (draft->settings.mask & draft->settings.told))
		loader_complain(
			loader, place,
			"the bit `told` (0x%08x) lies inside `mask` (0x%08x); write one outside "
			"of it",
			draft->settings.told, draft->settings.mask);
}

static void fill_in_defaults(struct settings *settings)
{
	settings->capture = CAPTURE_PASSIVE;
	settings->state = "/var/lib/cutoffd";
	settings->runtime = "/run/cutoffd";
	settings->mask = 0x0fff0000;
	settings->told = 0x10000000;
	settings->queue_base = 4700;
	settings->log_group = 47;
}

bool policy_file_read(struct loader *loader, const struct yaml_node *root)
{
	static const struct key keys[] = {
		{"mode", read_mode, 0, false},
		{"capture", read_capture, 0, false},
		{"interfaces", read_interfaces, offsetof(struct draft, interfaces), false},
		{"packs", value_read_node, offsetof(struct draft, packs), false},
		{"adopt", value_read_node, offsetof(struct draft, adopt), true},
		{"scopes", scopes_read, 0, false},
		{"waivers", value_read_node, offsetof(struct draft, waivers), false},
		{"unknown", read_unknown, offsetof(struct draft, settings.unknown), false},
		{"conflict", read_conflict, offsetof(struct draft, settings.conflict), false},
		{"unverified", read_unverified, offsetof(struct draft, settings.unverified), false},
		{"never", value_read_prefixes, offsetof(struct draft, never), false},
		{"proxy_ports", read_ports, 0, false},
		{"state", read_folder, offsetof(struct draft, settings.state), false},
		{"runtime", read_folder, offsetof(struct draft, settings.runtime), false},
		{"events", read_events, offsetof(struct draft, settings.events), false},
		{"rehearse", read_rehearse, 0, false},
		{"mask", read_mask, 0, false},
		{"told", read_told, 0, false},
		{"queue_base", read_queue_base, offsetof(struct draft, settings.queue_base), false},
		{"log_group", read_log_group, offsetof(struct draft, settings.log_group), false},
	};
	struct draft draft = {.settings = *loader->settings};

	fill_in_defaults(&draft.settings);
	keys_read(loader, root, "the policy", keys, COUNT(keys), &draft);
	check_marks(loader, &draft);
	draft.settings.scopes = loader->settings->scopes;
	draft.settings.scopes_count = loader->settings->scopes_count;
	take(loader, &draft);
	return root->kind == YAML_MAPPING;
}

static void check_interfaces(struct loader *loader, const struct yaml_node *root)
{
	const struct settings *settings = loader->settings;
	const struct yaml_node *interfaces = keys_find(root, "interfaces");

	if (settings->capture == CAPTURE_INLINE || settings->interfaces_count > 0)
		return;
	if (interfaces && interfaces->kind == YAML_SEQUENCE && interfaces->count == 0)
		loader_complain(loader, interfaces,
				"no interface is named; name those that clients are behind");
	else if (!interfaces && loader->capture)
		loader_complain(
			loader, loader->capture,
			"this capture needs interfaces; write `interfaces: [eth0]` with those "
			"that clients are behind");
	else if (!interfaces)
		loader_warn(
			loader, root,
			"no `interfaces`: this policy can be replayed but not run; name those that "
			"clients are behind");
}

void policy_file_check(struct loader *loader, const struct yaml_node *root)
{
	const struct settings *settings = loader->settings;

	check_interfaces(loader, root);
	if (settings->capture == CAPTURE_TAP && settings->policy.mode == MODE_ENFORCE)
		loader_complain(
			loader, loader->mode,
			"a mirror port can refuse nothing; write `mode: observe`, or `capture: "
			"passive` on the gateway itself");
	scopes_check(loader);
}
