/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The status that `cutoffctl status` shows: what is armed, what is in force, what was counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/enforcer_internal.h"

#define COUNTERS_MAX 16384

struct counters {
	struct nft_counter *list;
	size_t count;
};

static struct counters read_counters(struct enforcer *enforcer)
{
	struct counters counters = {calloc(COUNTERS_MAX, sizeof(struct nft_counter)), 0};
	int n = 0;

	if (counters.list && enforcer->nft)
		n = nft_counters(enforcer->nft, counters.list, COUNTERS_MAX);
	counters.count = n < 0 ? 0 : n > COUNTERS_MAX ? COUNTERS_MAX : (size_t)n;
	return counters;
}

struct sum {
	json_int_t packets, bytes;
};

static void add_counter(const struct counters *counters, const char *name, struct sum *sum)
{
	for (size_t i = 0; i < counters->count; i++) {
		if (strcmp(counters->list[i].name, name) != 0)
			continue;
		sum->packets += (json_int_t)counters->list[i].packets;
		sum->bytes += (json_int_t)counters->list[i].bytes;
	}
}

static json_t *refused_json(const struct counters *counters, uint32_t stage)
{
	struct sum sum = {0};
	char name[64];

	snprintf(name, sizeof(name), RULESET_COUNTER_REFUSED, stage);
	add_counter(counters, name, &sum);
	return json_pack("{s:I, s:I}", "packets", sum.packets, "bytes", sum.bytes);
}

/* What passed: before the cutoff, or because the mode is observe. */
static json_t *observed_json(const struct counters *counters, uint32_t stage)
{
	struct sum sum = {0};
	char name[64];

	snprintf(name, sizeof(name), RULESET_COUNTER_OBSERVED, stage);
	add_counter(counters, name, &sum);
	snprintf(name, sizeof(name), RULESET_COUNTER_BEFORE, stage);
	add_counter(counters, name, &sum);
	return json_pack("{s:I, s:I}", "packets", sum.packets, "bytes", sum.bytes);
}

static json_t *instant_json(struct wall at)
{
	char text[WALL_TEXT];

	return json_string(wall_format(at, text));
}

/* The kernel refuses by its latch whatever the clock shows. */
static const char *stage_state(const struct policy_stage *stage, const struct latch_entry *latch,
			       struct wall now)
{
	if (!latch && wall_before(now, stage->cutoff))
		return "armed";
	return wall_before(now, stage->until) ? "in-force" : "ended";
}

static const char *latch_word(const struct latch_entry *latch)
{
	return !latch ? "no" : latch->suspect ? "suspect" : "yes";
}

static json_t *stage_json(const struct enforcer *enforcer, const struct policy_stage *stage,
			  const struct counters *counters, struct wall now)
{
	const struct policy *policy = enforcer->site->policy;
	const struct latch_entry *latch = latching_find(enforcer, stage->number);
	const struct policy_class *class = policy_class_find(policy, stage->class);

	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:s, s:b, s:o, s:o}", "number",
			 (json_int_t)stage->number, "measure", stage->measure, "stage",
			 stage->stage, "service",
			 json_sprintf("%s.%s", class->vendor, class->service), "scope",
			 policy->scopes[stage->scope].name, "cutoff", instant_json(stage->cutoff),
			 "action", action_name(stage->action), "state",
			 stage_state(stage, latch, now), "latched", latch_word(latch), "verified",
			 stage->verified, "refused", refused_json(counters, stage->number),
			 "observed", observed_json(counters, stage->number));
}

static json_t *stages_json(struct enforcer *enforcer, struct wall now)
{
	const struct policy *policy = enforcer->site->policy;
	struct counters counters = read_counters(enforcer);
	json_t *stages = json_array();

	for (size_t i = 0; i < policy->stages_count; i++)
		json_array_append_new(stages,
				      stage_json(enforcer, &policy->stages[i], &counters, now));
	free(counters.list);
	return stages;
}

static json_t *sensor_json(const struct enforcer *enforcer)
{
	const struct settings *settings = enforcer->site->settings;
	const struct channel_alive *alive = &enforcer->sensor_alive;
	json_t *interfaces = json_array();

	for (size_t i = 0; i < settings->interfaces_count; i++)
		json_array_append_new(interfaces, json_string(settings->interfaces[i]));
	return json_pack("{s:i, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "index",
			 child_index(enforcer->sensor), "pid", (int)child_pid(enforcer->sensor),
			 "interface", interfaces, "packets", (json_int_t)alive->packets, "flows",
			 (json_int_t)alive->flows, "dropped", (json_int_t)alive->dropped,
			 "malformed", (json_int_t)alive->malformed, "lost_events",
			 (json_int_t)alive->lost_events, "restarts",
			 (json_int_t)child_restarts(enforcer->sensor));
}

static json_t *conntrack_json(const struct enforcer *enforcer)
{
	const struct conntrack_counters *counters = conntrack_counters(enforcer->conntrack);

	return json_pack("{s:I, s:I, s:I, s:I}", "marked", (json_int_t)counters->marked,
			 "not_found", (json_int_t)counters->not_found, "rewritten",
			 (json_int_t)counters->rewritten, "queue_full",
			 (json_int_t)counters->queue_full);
}

json_t *enforcer_status(struct enforcer *enforcer)
{
	const struct site *site = enforcer->site;
	struct wall now = site_now(site, clock_wall());
	json_t *status =
		json_pack("{s:s, s:o, s:o, s:s, s:s, s:{s:s, s:o}, s:o, s:[o]}", "version",
			  CUTOFFD_VERSION, "started", instant_json(enforcer->started), "now",
			  instant_json(now), "mode", mode_name(site->policy->mode), "capture",
			  site->settings->capture == CAPTURE_TAP ? "tap" : "passive", "policy",
			  "path", site->settings->path, "loaded", instant_json(site->loaded),
			  "stages", stages_json(enforcer, now), "sensors", sensor_json(enforcer));

	json_object_set_new(status, "clock", latching_clock_json(enforcer));
	if (site->settings->rehearsal)
		json_object_set_new(status, "rehearsal_offset_seconds",
				    json_real((double)site->policy->offset_ns / CLOCK_SECOND));
	if (enforcer->conntrack)
		json_object_set_new(status, "conntrack", conntrack_json(enforcer));
	if (enforcer->drift)
		json_object_set_new(status, "drift", drift_json(enforcer->drift));
	if (enforcer->nft)
		json_object_set_new(status, "kernel",
				    json_pack("{s:b}", "owner", nft_has_owner(enforcer->nft)));
	return status;
}
