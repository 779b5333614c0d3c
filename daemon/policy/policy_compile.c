/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/policy/scope.h"
#include "daemon/policy/stage.h"

/* A policy while it is made: its arrays before they become const. */
struct compiler {
	const struct policy_source *source;
	struct numbers *numbers;
	struct arena *arena;
	struct policy_class *classes;
	size_t classes_count;
	struct policy_scope *scopes;
	size_t scopes_count;
	struct policy_stage *stages;
	size_t stages_count;
};

static const struct prefix *copy_prefixes(struct arena *arena, const struct prefix *prefixes,
					  size_t count)
{
	return arena_grow(arena, prefixes, count, count, sizeof(*prefixes));
}

static const char *copy_text(struct arena *arena, const char *text)
{
	return arena_string(arena, text ? text : "");
}

/* Room for as many of each kind as there can be. */
static void make_room(struct compiler *c)
{
	size_t scopes = 0, stages = 0;

	for (size_t a = 0; a < c->source->adoptions_count; a++) {
		const struct adoption *adoption = &c->source->adoptions[a];

		scopes += adoption->scopes_count;
		for (size_t s = 0; s < adoption->stages_count; s++)
			stages += adoption->stages[s]->services_count * adoption->scopes_count;
	}
	c->classes = arena_array(c->arena, c->source->services_count, sizeof(*c->classes));
	c->scopes = arena_array(c->arena, scopes, sizeof(*c->scopes));
	c->stages = arena_array(c->arena, stages, sizeof(*c->stages));
}

/* Whether name is "VENDOR.SERVICE". */
static bool is_called(const char *name, const char *vendor, const char *service)
{
	size_t length = strlen(vendor);

	return strncmp(name, vendor, length) == 0 && name[length] == '.' &&
	       strcmp(name + length + 1, service) == 0;
}

static const struct policy_service *find_service(const struct policy_source *source,
						 const char *name)
{
	for (size_t i = 0; i < source->services_count; i++)
		if (is_called(name, source->services[i].vendor, source->services[i].service))
			return &source->services[i];
	return NULL;
}

/* The class of a service, made when it is the first stage to name it. */
static int take_class(struct compiler *c, const char *name, const struct policy_class **out)
{
	const struct policy_service *service;
	struct policy_class *class;

	for (size_t i = 0; i < c->classes_count; i++) {
		*out = &c->classes[i];
		if (is_called(name, (*out)->vendor, (*out)->service))
			return 0;
	}
	service = find_service(c->source, name);
	if (!service)
		return -EINVAL;
	class = &c->classes[c->classes_count];
	class->number = numbers_class(c->numbers, service->vendor, service->service);
	if (class->number == 0)
		return -ENOSPC;
	class->vendor = arena_string(c->arena, service->vendor);
	class->service = arena_string(c->arena, service->service);
	c->classes_count++;
	*out = class;
	return 0;
}

static int take_scope(struct compiler *c, const struct scope *scope, uint16_t *index)
{
	for (size_t i = 0; i < c->scopes_count; i++) {
		*index = (uint16_t)i;
		if (strcmp(c->scopes[i].name, scope->name) == 0)
			return 0;
	}
	if (c->scopes_count > UINT16_MAX)
		return -ENOSPC;
	*index = (uint16_t)c->scopes_count;
	c->scopes[c->scopes_count++] = (struct policy_scope){
		.name = arena_string(c->arena, scope->name),
		.any = scope_is_any(scope->sources, scope->sources_count),
		.sources = copy_prefixes(c->arena, scope->sources, scope->sources_count),
		.sources_count = scope->sources_count,
		.fail = scope->fail,
		.midstream = scope->midstream,
	};
	return 0;
}

static const struct measure_date *cutoff_of(const struct measure_stage *stage, enum counts counts)
{
	return counts == COUNTS_VENDOR && stage->vendor.set ? &stage->vendor : &stage->legal;
}

/* A stage that an earlier adoption had adopted already: the stricter of both counts. */
static void stage_merge(struct policy_stage *kept, const struct policy_stage *stage)
{
	if (stage->action == ACTION_DROP)
		kept->action = ACTION_DROP;
	if (!wall_before(stage->cutoff, kept->cutoff))
		return;
	kept->cutoff = stage->cutoff;
	kept->counts = stage->counts;
	kept->verified = stage->verified;
}

static void put_stage(struct compiler *c, const struct policy_stage *stage)
{
	for (size_t i = 0; i < c->stages_count; i++) {
		if (c->stages[i].number == stage->number) {
			stage_merge(&c->stages[i], stage);
			return;
		}
	}
	c->stages[c->stages_count++] = *stage;
}

static int take_stage(struct compiler *c, const struct adoption *adoption,
		      const struct measure_stage *from, const char *service,
		      const struct scope *scope)
{
	const struct measure_date *cutoff = cutoff_of(from, adoption->counts);
	struct policy_stage stage = {
		.measure = arena_string(c->arena, adoption->measure->id),
		.stage = arena_string(c->arena, from->id),
		.cutoff = cutoff->at,
		.until = from->until.set ? from->until.at : WALL_NEVER,
		.action = adoption->action,
		.counts = cutoff == &from->vendor ? COUNTS_VENDOR : COUNTS_LEGAL,
		.verified = cutoff->verified,
	};
	const struct policy_class *class;
	int error;

	if (!cutoff->set)
		return -EINVAL;
	error = take_class(c, service, &class);
	if (!error)
		error = take_scope(c, scope, &stage.scope);
	if (error)
		return error;
	stage.class = class->number;
	stage.number =
		numbers_stage(c->numbers, arena_printf(c->arena, "%s/%s %s %s", stage.measure,
						       stage.stage, service, scope->name));
	if (stage.number == 0)
		return -ENOSPC;
	put_stage(c, &stage);
	return 0;
}

static int take_stages(struct compiler *c, const struct adoption *adoption,
		       const struct measure_stage *stage)
{
	int error = 0;

	for (size_t v = 0; v < stage->services_count; v++)
		for (size_t p = 0; p < adoption->scopes_count && !error; p++)
			error = take_stage(c, adoption, stage, stage->services[v],
					   adoption->scopes[p]);
	return error;
}

static int take_adoptions(struct compiler *c)
{
	int error = 0;

	for (size_t a = 0; a < c->source->adoptions_count; a++) {
		const struct adoption *adoption = &c->source->adoptions[a];

		for (size_t s = 0; s < adoption->stages_count && !error; s++)
			error = take_stages(c, adoption, adoption->stages[s]);
	}
	return error;
}

static int class_compare(const void *a, const void *b)
{
	const struct policy_class *x = a, *y = b;

	return x->number - y->number;
}

static bool waiver_names(const struct waiver *waiver, const struct policy_class *class)
{
	for (size_t i = 0; i < waiver->services_count; i++)
		if (is_called(waiver->services[i], class->vendor, class->service))
			return true;
	return waiver->services_count == 0;
}

static int compile_waiver(struct compiler *c, const struct waiver *from,
			  struct policy_waiver *waiver)
{
	uint16_t *classes = arena_array(c->arena, c->classes_count, sizeof(*classes));

	*waiver = (struct policy_waiver){
		.number = numbers_stage(c->numbers, arena_printf(c->arena, "waiver %s", from->id)),
		.id = arena_string(c->arena, from->id),
		.reason = copy_text(c->arena, from->reason),
		.approver = copy_text(c->arena, from->approver),
		.hosts = copy_prefixes(c->arena, from->hosts, from->hosts_count),
		.hosts_count = from->hosts_count,
		.classes = classes,
		.until = from->until,
	};
	for (size_t i = 0; i < c->classes_count; i++)
		if (waiver_names(from, &c->classes[i]))
			classes[waiver->classes_count++] = c->classes[i].number;
	return waiver->number ? 0 : -ENOSPC;
}

static int take_waivers(struct compiler *c, struct policy_waiver *waivers)
{
	int error = 0;

	for (size_t i = 0; i < c->source->waivers_count && !error; i++)
		error = compile_waiver(c, &c->source->waivers[i], &waivers[i]);
	return error;
}

int policy_compile(const struct policy_source *source, struct numbers *numbers, struct policy **out)
{
	struct compiler c = {.source = source, .numbers = numbers, .arena = arena_new()};
	struct policy *policy = arena_alloc(c.arena, sizeof(*policy));
	struct policy_waiver *waivers =
		arena_array(c.arena, source->waivers_count, sizeof(*waivers));
	int error;

	*out = NULL;
	make_room(&c);
	error = take_adoptions(&c);
	qsort(c.classes, c.classes_count, sizeof(*c.classes), class_compare);
	qsort(c.stages, c.stages_count, sizeof(*c.stages), stage_compare);
	if (!error)
		error = take_waivers(&c, waivers);
	if (error) {
		arena_free(c.arena);
		return error;
	}
	*policy = (struct policy){
		.mode = source->mode,
		.offset_ns = source->offset_ns,
		.classes = c.classes,
		.classes_count = c.classes_count,
		.scopes = c.scopes,
		.scopes_count = c.scopes_count,
		.stages = c.stages,
		.stages_count = c.stages_count,
		.waivers = waivers,
		.waivers_count = source->waivers_count,
		.never = copy_prefixes(c.arena, source->never, source->never_count),
		.never_count = source->never_count,
		.arena = c.arena,
	};
	*out = policy;
	return 0;
}
