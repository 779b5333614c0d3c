/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/date.h"

#include <stdio.h>
#include <string.h>

#include "daemon/settings/keys.h"
#include "daemon/settings/value.h"

bool date_instant(struct loader *loader, const struct yaml_node *node, const char *zone,
		  struct wall *at, enum precision *precision)
{
	const char *text = value_text(loader, node, "a date");
	enum instant_error error;

	if (!text)
		return false;
	error = instant_compile(text, zone, at, precision);
	if (error == INSTANT_NO_ZONE && !zone)
		loader_complain(loader, node,
				"`%s`: no zone; write the offset from UTC behind the time, like "
				"\"2026-12-31T18:00:00+01:00\", or the key `zone`",
				text);
	else if (error != INSTANT_OK)
		loader_complain(loader, node, "`%s`: %s", text, instant_error_text(error));
	return error == INSTANT_OK;
}

struct date_draft {
	const struct yaml_node *date;
	const char *source;
	bool verified;
};

bool date_of_measure(struct loader *loader, const struct yaml_node *node, const char *zone,
		     struct measure_date *date)
{
	static const struct key keys[] = {
		{"date", value_read_node, offsetof(struct date_draft, date), true},
		{"source", value_read_text, offsetof(struct date_draft, source), false},
		{"verified", value_read_boolean, offsetof(struct date_draft, verified), false},
	};
	struct date_draft draft = {.date = node, .verified = true};

	if (node->kind == YAML_MAPPING &&
	    !keys_read(loader, node, "a date", keys, COUNT(keys), &draft))
		return false;
	if (!date_instant(loader, draft.date, zone, &date->at, &date->precision))
		return false;
	date->set = true;
	date->verified = draft.verified;
	date->text = arena_string(loader->arena, draft.date->text);
	date->source = draft.source;
	return true;
}

bool date_zone(struct loader *loader, const struct yaml_node *node, const char *zone)
{
	enum precision precision;
	struct wall at;

	if (instant_compile("2000-01-01", zone, &at, &precision) == INSTANT_OK)
		return true;
	if (instant_compile("2000-01-01", "Etc/UTC", &at, &precision) == INSTANT_OK)
		loader_complain(loader, node,
				"the tz database has no zone `%s`; write one of its names, like "
				"`America/New_York`",
				zone);
	else
		loader_complain(
			loader, node,
			"`%s` cannot be looked up: this machine has no tz database; install "
			"the package tzdata",
			zone);
	return false;
}

void date_read_day(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "a day");
	char instant[64];
	struct wall at;

	if (!text)
		return;
	snprintf(instant, sizeof(instant), "%sT00:00:00Z", text);
	if (strlen(text) == strlen("2026-11-22") && wall_parse(instant, &at))
		*(const char **)field = arena_string(loader->arena, text);
	else
		loader_complain(loader, value, "`%s` is no day; write one like 2026-11-22", text);
}
