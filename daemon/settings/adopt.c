/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/adopt.h"

#include <string.h>

#include "daemon/settings/indicators.h"
#include "daemon/settings/keys.h"
#include "daemon/settings/nearest.h"
#include "daemon/settings/services.h"
#include "daemon/settings/value.h"

struct draft {
	struct adoption adoption;
	const struct yaml_node *measure, *stages, *scopes, *counts;
};

struct adoptions {
	struct adoption *items;
	size_t count;
};

static void read_action(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"reject", "drop"};
	int choice = value_choice(loader, value, words, COUNT(words));

	if (choice >= 0)
		*(enum action *)field = choice == 0 ? ACTION_REJECT : ACTION_DROP;
}

static void complain_unknown(struct loader *loader, const struct yaml_node *node, const char *what,
			     const char *const *names, size_t count)
{
	const char *nearest = nearest_word(node->text, names, count);

	if (nearest)
		loader_complain(loader, node, "%s `%s`; write `%s`", what, node->text, nearest);
	else if (count > 0)
		loader_complain(loader, node, "%s `%s`; there %s %zu, the first is `%s`", what,
				node->text, count == 1 ? "is" : "are", count, names[0]);
	else
		loader_complain(loader, node, "%s `%s`, and no other; look at `packs`", what,
				node->text);
}

static const struct measure *find_measure(struct loader *loader, const struct yaml_node *node)
{
	const struct settings *settings = loader->settings;
	const char *id = value_text(loader, node, "a measure");
	const char **names;

	if (!id)
		return NULL;
	for (size_t i = 0; i < settings->measures_count; i++)
		if (strcmp(settings->measures[i].id, id) == 0)
			return &settings->measures[i];
	if (loader->incomplete)
		return NULL;
	names = arena_array(loader->scratch, settings->measures_count, sizeof(names[0]));
	for (size_t i = 0; i < settings->measures_count; i++)
		names[i] = settings->measures[i].id;
	complain_unknown(loader, node, "no pack has the measure", names, settings->measures_count);
	return NULL;
}

static const struct measure_stage *find_stage(struct loader *loader, const struct measure *measure,
					      const struct yaml_node *node)
{
	const char *id = value_text(loader, node, "a stage");
	const char **names;

	if (!id)
		return NULL;
	for (size_t i = 0; i < measure->stages_count; i++)
		if (strcmp(measure->stages[i].id, id) == 0)
			return &measure->stages[i];
	names = arena_array(loader->scratch, measure->stages_count, sizeof(names[0]));
	for (size_t i = 0; i < measure->stages_count; i++)
		names[i] = measure->stages[i].id;
	complain_unknown(loader, node, "the measure has no stage", names, measure->stages_count);
	return NULL;
}

static const struct scope *find_scope(struct loader *loader, const struct yaml_node *node)
{
	const struct settings *settings = loader->settings;
	const char *name = value_text(loader, node, "a scope");
	const char **names;

	if (!name)
		return NULL;
	for (size_t i = 0; i < settings->scopes_count; i++)
		if (strcmp(settings->scopes[i].name, name) == 0)
			return &settings->scopes[i];
	names = arena_array(loader->scratch, settings->scopes_count, sizeof(names[0]));
	for (size_t i = 0; i < settings->scopes_count; i++)
		names[i] = settings->scopes[i].name;
	complain_unknown(loader, node, "`scopes` has no", names, settings->scopes_count);
	return NULL;
}

static void warn_of_stage(struct loader *loader, const struct draft *draft,
			  const struct measure_stage *stage, const struct yaml_node *node)
{
	const struct measure_date *date =
		draft->adoption.counts == COUNTS_VENDOR ? &stage->vendor : &stage->legal;

	if (draft->adoption.counts == COUNTS_VENDOR && !date->set)
		loader_complain(loader, draft->counts,
				"stage `%s` has no `vendor` date; write `counts: legal`",
				stage->id);
	if (date->set && !date->verified)
		loader_warn(
			loader, node,
			"the date of stage `%s` (%s) is not verified; compare it with its source "
			"before you enforce it",
			stage->id, date->text);
	if (stage->ends_when)
		loader_warn(
			loader, node,
			"stage `%s` has no last day, it ends when: %s; take it out of `adopt` then",
			stage->id, stage->ends_when);
}

static bool has_scope(const struct adoption *adoption, const struct scope *scope)
{
	for (size_t i = 0; i < adoption->scopes_count; i++)
		if (adoption->scopes[i] == scope)
			return true;
	return false;
}

static bool has_stage(const struct adoption *adoption, const struct measure_stage *stage)
{
	for (size_t i = 0; i < adoption->stages_count; i++)
		if (adoption->stages[i] == stage)
			return true;
	return false;
}

static void take_default_stages(struct loader *loader, struct draft *draft)
{
	const struct measure *measure = draft->adoption.measure;
	const struct measure_stage **stages =
		arena_array(loader->arena, measure->stages_count, sizeof(stages[0]));
	size_t n = 0;

	for (size_t i = 0; i < measure->stages_count; i++) {
		if (measure->stages[i].on_request)
			continue;
		stages[n++] = &measure->stages[i];
		warn_of_stage(loader, draft, &measure->stages[i], draft->measure);
	}
	if (n == 0 && measure->stages_count > 0)
		loader_complain(
			loader, draft->measure,
			"all stages of `%s` are adopted on request only; name them in `stages`",
			measure->id);
	draft->adoption.stages = stages;
	draft->adoption.stages_count = n;
}

static void take_named_stages(struct loader *loader, struct draft *draft)
{
	struct adoption *adoption = &draft->adoption;
	const struct measure_stage **stages, *stage;

	if (!value_is_list(loader, draft->stages, "stages"))
		return;
	if (draft->stages->count == 0)
		loader_complain(loader, draft->stages,
				"no stage is named; name one or leave the key out");
	stages = arena_array(loader->arena, draft->stages->count, sizeof(stages[0]));
	adoption->stages = stages;
	for (const struct yaml_node *node = draft->stages->first; node; node = node->next) {
		stage = find_stage(loader, adoption->measure, node);
		if (!stage)
			continue;
		if (has_stage(adoption, stage)) {
			value_complain_repeated(loader, node);
			continue;
		}
		warn_of_stage(loader, draft, stage, node);
		stages[adoption->stages_count++] = stage;
	}
}

static void take_scopes(struct loader *loader, struct draft *draft)
{
	struct adoption *adoption = &draft->adoption;
	const struct scope **scopes, *scope;

	if (!value_is_list(loader, draft->scopes, "scopes"))
		return;
	if (draft->scopes->count == 0)
		loader_complain(loader, draft->scopes,
				"no scope is named; name one or leave the key out");
	scopes = arena_array(loader->arena, draft->scopes->count, sizeof(scopes[0]));
	adoption->scopes = scopes;
	for (const struct yaml_node *node = draft->scopes->first; node; node = node->next) {
		scope = find_scope(loader, node);
		if (scope && has_scope(adoption, scope))
			value_complain_repeated(loader, node);
		else if (scope)
			scopes[adoption->scopes_count++] = scope;
	}
}

static void take_default_scope(struct loader *loader, struct draft *draft)
{
	const struct scope **scopes = arena_array(loader->arena, 1, sizeof(scopes[0]));

	scopes[0] = &loader->settings->scopes[0];
	draft->adoption.scopes = scopes;
	draft->adoption.scopes_count = 1;
}

static const struct scope *shared_scope(const struct adoption *a, const struct adoption *b)
{
	for (size_t i = 0; i < a->scopes_count; i++)
		if (has_scope(b, a->scopes[i]))
			return a->scopes[i];
	return NULL;
}

/* A stage has one cutoff and one action in a scope. */
static void check_repeated(struct loader *loader, const struct adoptions *before,
			   const struct adoption *adoption, const struct yaml_node *node)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct scope *scope = shared_scope(adoption, &before->items[i]);

		for (size_t k = 0; scope && k < adoption->stages_count; k++)
			if (has_stage(&before->items[i], adoption->stages[k]))
				loader_complain(
					loader, node,
					"%s/%s is adopted twice for the scope `%s`; take one "
					"out",
					adoption->measure->id, adoption->stages[k]->id,
					scope->name);
	}
}

static void read_counts(struct loader *loader, struct draft *draft)
{
	static const char *const words[] = {"legal", "vendor"};

	if (draft->counts && value_choice(loader, draft->counts, words, COUNT(words)) == 1)
		draft->adoption.counts = COUNTS_VENDOR;
}

static void read_adoption(struct loader *loader, const struct yaml_node *node,
			  struct adoptions *adoptions)
{
	static const struct key keys[] = {
		{"measure", value_read_node, offsetof(struct draft, measure), true},
		{"stages", value_read_node, offsetof(struct draft, stages), false},
		{"scopes", value_read_node, offsetof(struct draft, scopes), false},
		{"action", read_action, offsetof(struct draft, adoption.action), false},
		{"counts", value_read_node, offsetof(struct draft, counts), false},
	};
	struct draft draft = {.measure = NULL};

	if (!keys_read(loader, node, "an adoption", keys, COUNT(keys), &draft))
		return;
	read_counts(loader, &draft);
	if (draft.scopes)
		take_scopes(loader, &draft);
	else
		take_default_scope(loader, &draft);
	draft.adoption.measure = draft.measure ? find_measure(loader, draft.measure) : NULL;
	if (!draft.adoption.measure)
		return;
	if (draft.stages)
		take_named_stages(loader, &draft);
	else
		take_default_stages(loader, &draft);
	check_repeated(loader, adoptions, &draft.adoption, draft.measure);
	adoptions->items[adoptions->count++] = draft.adoption;
}

/* ---- what becomes of each service ---- */

static void mark(struct loader *loader, struct standing *standings, const char *service, bool cut)
{
	long i = services_index(loader, service);

	if (i < 0)
		return;
	standings[i].cut = standings[i].cut || cut;
	standings[i].permitted = !standings[i].cut && (standings[i].permitted || !cut);
}

static void mark_adoption(struct loader *loader, struct standing *standings,
			  const struct adoption *adoption)
{
	const struct measure *measure = adoption->measure;

	for (size_t i = 0; i < measure->permits_count; i++)
		mark(loader, standings, measure->permits[i], false);
	for (size_t i = 0; i < adoption->stages_count; i++)
		for (size_t k = 0; k < adoption->stages[i]->services_count; k++)
			mark(loader, standings, adoption->stages[i]->services[k], true);
}

/* A stage that cannot be seen on the wire is not cut, whatever the calendar says. */
static void warn_of_unseen(struct loader *loader, const struct standing *standings)
{
	size_t counts[INDICATOR_KINDS], left_out;

	for (size_t i = 0; i < loader->settings->policy.services_count; i++) {
		if (!standings[i].cut)
			continue;
		indicators_count(loader->settings, i, counts, &left_out);
		if (counts[INDICATOR_NAME] + counts[INDICATOR_PREFIX] +
			    counts[INDICATOR_PROTOCOL] ==
		    left_out)
			loader_warn(
				loader, loader->adopt,
				"`%s` is to be cut, but no %sindicator gives it away; add some to "
				"its vendor's pack%s",
				loader->service_names[i], left_out > 0 ? "verified " : "",
				left_out > 0 ? ", or write `unverified: use`" : "");
	}
}

void adopt_read(struct loader *loader)
{
	struct policy_source *policy = &loader->settings->policy;
	struct standing *standings =
		arena_array(loader->arena, policy->services_count + 1, sizeof(standings[0]));
	struct adoptions adoptions = {NULL, 0};

	loader->settings->standings = standings;
	if (!loader->adopt || !value_is_list(loader, loader->adopt, "adoptions"))
		return;
	adoptions.items =
		arena_array(loader->arena, loader->adopt->count, sizeof(adoptions.items[0]));
	if (loader->adopt->count == 0)
		loader_warn(loader, loader->adopt,
			    "no measure is adopted: nothing will be cut; name one if that is not "
			    "meant");
	for (const struct yaml_node *a = loader->adopt->first; a; a = a->next)
		read_adoption(loader, a, &adoptions);
	for (size_t i = 0; i < adoptions.count; i++)
		mark_adoption(loader, standings, &adoptions.items[i]);
	policy->adoptions = adoptions.items;
	policy->adoptions_count = adoptions.count;
	if (complaints_errors(loader->complaints) == 0)
		warn_of_unseen(loader, standings);
}
