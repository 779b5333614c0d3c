/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/measures.h"

#include <string.h>

#include "daemon/settings/date.h"
#include "daemon/settings/keys.h"
#include "daemon/settings/services.h"
#include "daemon/settings/value.h"

struct draft {
	struct measure measure;
	struct value_texts permits;
	const struct yaml_node *zone, *stages;
	bool zone_good;
};

struct stage_draft {
	struct measure_stage stage;
	struct value_texts services;
	const struct yaml_node *legal, *vendor, *until, *services_node, *amendments;
};

struct amendment_draft {
	struct measure_amendment amendment;
	const struct yaml_node *from, *to;
};

static void read_date(struct loader *loader, const struct draft *draft,
		      const struct yaml_node *node, struct measure_date *date)
{
	/* Without its zone no local time can be judged; the zone was complained of. */
	if (node && draft->zone_good)
		date_of_measure(loader, node, draft->measure.zone, date);
}

/* ---- amendments ---- */

static void read_amendment(struct loader *loader, const struct draft *draft,
			   const struct yaml_node *node, struct measure_amendment *amendment)
{
	static const struct key keys[] = {
		{"decided", date_read_day, offsetof(struct amendment_draft, amendment.decided),
		 true},
		{"from", value_read_node, offsetof(struct amendment_draft, from), true},
		{"to", value_read_node, offsetof(struct amendment_draft, to), true},
		{"source", value_read_text, offsetof(struct amendment_draft, amendment.source),
		 false},
	};
	struct amendment_draft a = {.from = NULL};

	if (keys_read(loader, node, "an amendment", keys, COUNT(keys), &a)) {
		read_date(loader, draft, a.from, &a.amendment.from);
		read_date(loader, draft, a.to, &a.amendment.to);
	}
	*amendment = a.amendment;
}

/* Each must begin where the one before ended, and the last end at the stage's legal date. */
static void check_amendments(struct loader *loader, const struct stage_draft *draft)
{
	const struct measure_stage *stage = &draft->stage;
	const struct yaml_node *node = draft->amendments->first;

	for (size_t i = 0; i < stage->amendments_count; i++, node = node->next) {
		const struct measure_amendment *a = &stage->amendments[i];
		const struct measure_date *next = i + 1 < stage->amendments_count
							  ? &stage->amendments[i + 1].from
							  : &stage->legal;

		if (a->to.set && next->set && a->to.at.ns != next->at.ns)
			loader_complain(
				loader, node,
				"this amendment moves the date to %s, but what follows is %s; "
				"list them in their order, and let `legal` be the last",
				a->to.text, next->text);
	}
}

static void read_amendments(struct loader *loader, const struct draft *draft,
			    struct stage_draft *stage)
{
	size_t n = 0;

	if (!stage->amendments || !value_is_list(loader, stage->amendments, "amendments"))
		return;
	stage->stage.amendments = arena_array(loader->arena, stage->amendments->count,
					      sizeof(stage->stage.amendments[0]));
	for (const struct yaml_node *a = stage->amendments->first; a; a = a->next)
		read_amendment(loader, draft, a, &stage->stage.amendments[n++]);
	stage->stage.amendments_count = n;
	check_amendments(loader, stage);
}

/* ---- stages ---- */

static void check_permits(struct loader *loader, const struct draft *draft,
			  const struct stage_draft *stage)
{
	for (const struct yaml_node *s = stage->services_node->first; s; s = s->next)
		for (size_t i = 0; s->kind == YAML_SCALAR && i < draft->permits.count; i++)
			if (strcmp(s->text, draft->permits.items[i]) == 0)
				loader_complain(
					loader, s,
					"this measure permits `%s`; take it out of `services` or "
					"of `permits`",
					s->text);
}

static void check_until(struct loader *loader, const struct stage_draft *draft)
{
	const struct measure_stage *stage = &draft->stage;

	if (stage->until.set && stage->legal.set && stage->until.at.ns <= stage->legal.at.ns)
		loader_complain(
			loader, draft->until,
			"the stage would end (%s) before it begins (%s); mend one of the dates",
			stage->until.text, stage->legal.text);
}

static bool id_is_taken(struct loader *loader, const struct draft *draft,
			const struct yaml_node *node, const char *id)
{
	for (size_t i = 0; i < draft->measure.stages_count; i++) {
		const char *other = draft->measure.stages[i].id;

		if (!other || strcmp(other, id) != 0)
			continue;
		loader_complain(loader, node,
				"this measure has a stage `%s` already; give each its id", id);
		return true;
	}
	return false;
}

static void read_stage(struct loader *loader, struct draft *measure, const struct yaml_node *node)
{
	static const struct key keys[] = {
		{"id", value_read_id, offsetof(struct stage_draft, stage.id), true},
		{"title", value_read_text, offsetof(struct stage_draft, stage.title), false},
		{"services", value_read_node, offsetof(struct stage_draft, services_node), true},
		{"legal", value_read_node, offsetof(struct stage_draft, legal), true},
		{"vendor", value_read_node, offsetof(struct stage_draft, vendor), false},
		{"until", value_read_node, offsetof(struct stage_draft, until), false},
		{"ends_when", value_read_text, offsetof(struct stage_draft, stage.ends_when),
		 false},
		{"on_request", value_read_boolean, offsetof(struct stage_draft, stage.on_request),
		 false},
		{"note", value_read_text, offsetof(struct stage_draft, stage.note), false},
		{"amendments", value_read_node, offsetof(struct stage_draft, amendments), false},
	};
	struct stage_draft draft = {.legal = NULL};
	bool complete = keys_read(loader, node, "a stage", keys, COUNT(keys), &draft);

	if (draft.services_node) {
		services_read_names(loader, draft.services_node, &draft.services);
		check_permits(loader, measure, &draft);
	}
	read_date(loader, measure, draft.legal, &draft.stage.legal);
	read_date(loader, measure, draft.vendor, &draft.stage.vendor);
	read_date(loader, measure, draft.until, &draft.stage.until);
	read_amendments(loader, measure, &draft);
	check_until(loader, &draft);
	draft.stage.services = draft.services.items;
	draft.stage.services_count = draft.services.count;
	if (complete && draft.stage.id && !id_is_taken(loader, measure, node, draft.stage.id))
		measure->measure.stages[measure->measure.stages_count++] = draft.stage;
}

static void read_stages(struct loader *loader, struct draft *draft)
{
	if (!draft->stages || !value_is_list(loader, draft->stages, "stages"))
		return;
	if (draft->stages->count == 0)
		loader_complain(loader, draft->stages,
				"a measure without stages; write at least one");
	draft->measure.stages =
		arena_array(loader->arena, draft->stages->count, sizeof(draft->measure.stages[0]));
	for (const struct yaml_node *stage = draft->stages->first; stage; stage = stage->next)
		read_stage(loader, draft, stage);
}

/* ---- measures ---- */

static void read_zone(struct loader *loader, struct draft *draft)
{
	const char *zone = draft->zone ? value_text(loader, draft->zone, "a zone") : NULL;

	if (!zone)
		return;
	draft->measure.zone = arena_string(loader->arena, zone);
	draft->zone_good = date_zone(loader, draft->zone, zone);
}

void measures_read(struct loader *loader, const char *id, const struct yaml_node *root)
{
	static const struct key keys[] = {
		{"measure", value_check_file_id, offsetof(struct draft, measure.id), true},
		{"title", value_read_text, offsetof(struct draft, measure.title), true},
		{"authority", value_read_text, offsetof(struct draft, measure.authority), false},
		{"citation", value_read_text, offsetof(struct draft, measure.citation), false},
		{"jurisdiction", value_read_text, offsetof(struct draft, measure.jurisdiction),
		 false},
		{"zone", value_read_node, offsetof(struct draft, zone), true},
		{"source", value_read_text, offsetof(struct draft, measure.source), false},
		{"checked", date_read_day, offsetof(struct draft, measure.checked), false},
		{"permits", services_read_names, offsetof(struct draft, permits), false},
		{"stages", value_read_node, offsetof(struct draft, stages), true},
	};
	struct settings *settings = loader->settings;
	struct draft draft = {.measure.id = arena_string(loader->arena, id)};
	size_t n = settings->measures_count;

	keys_read(loader, root, "a measure", keys, COUNT(keys), &draft);
	read_zone(loader, &draft);
	read_stages(loader, &draft);
	draft.measure.permits = draft.permits.items;
	draft.measure.permits_count = draft.permits.count;
	settings->measures = arena_grow(loader->arena, settings->measures, n, n + 1,
					sizeof(settings->measures[0]));
	settings->measures[n] = draft.measure;
	settings->measures_count = n + 1;
}
