/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "classifiers/evidence.h"
#include "daemon/policy/scope.h"
#include "daemon/policy/stage.h"

/* How enums are spelled, in their order. */
static const char *const mode_words[] = {"observe", "enforce", NULL};
static const char *const action_words[] = {"reject", "drop", NULL};
static const char *const fail_words[] = {"open", "closed", NULL};
static const char *const midstream_words[] = {"pass", "reset", NULL};
static const char *const counts_words[] = {"legal", "vendor", NULL};

/* ---- writing ---- */

/* An array of what item makes of each index; NULL when one could not be made. */
static json_t *write_list(const void *list, size_t count,
			  json_t *(*item)(const void *list, size_t index))
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, item(list, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *write_prefix(const void *list, size_t index)
{
	const struct prefix *prefixes = list;
	char text[PREFIX_TEXT];

	return json_string(prefix_format(&prefixes[index], text));
}

static json_t *write_end(struct wall until)
{
	return until.ns == WALL_NEVER.ns ? json_null() : json_integer(until.ns);
}

static json_t *write_class(const void *list, size_t index)
{
	const struct policy_class *class = (const struct policy_class *)list + index;

	return json_pack("{s:i, s:s, s:s}", "number", class->number, "vendor", class->vendor,
			 "service", class->service);
}

static json_t *write_scope(const void *list, size_t index)
{
	const struct policy_scope *scope = (const struct policy_scope *)list + index;

	return json_pack("{s:s, s:o, s:s, s:s}", "name", scope->name, "sources",
			 write_list(scope->sources, scope->sources_count, write_prefix), "fail",
			 fail_words[scope->fail], "midstream", midstream_words[scope->midstream]);
}

static json_t *write_stage(const void *list, size_t index)
{
	const struct policy_stage *stage = (const struct policy_stage *)list + index;

	return json_pack("{s:I, s:i, s:i, s:s, s:s, s:I, s:o, s:s, s:s, s:b}", "number",
			 (json_int_t)stage->number, "class", stage->class, "scope", stage->scope,
			 "measure", stage->measure, "stage", stage->stage, "cutoff",
			 (json_int_t)stage->cutoff.ns, "until", write_end(stage->until), "action",
			 action_words[stage->action], "counts", counts_words[stage->counts],
			 "verified", stage->verified);
}

static json_t *write_number(const void *list, size_t index)
{
	return json_integer(((const uint16_t *)list)[index]);
}

static json_t *write_waiver(const void *list, size_t index)
{
	const struct policy_waiver *waiver = (const struct policy_waiver *)list + index;

	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o}", "number",
			 (json_int_t)waiver->number, "id", waiver->id, "reason", waiver->reason,
			 "approver", waiver->approver, "hosts",
			 write_list(waiver->hosts, waiver->hosts_count, write_prefix), "classes",
			 write_list(waiver->classes, waiver->classes_count, write_number), "until",
			 write_end(waiver->until));
}

json_t *policy_to_json(const struct policy *policy)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "mode", mode_words[policy->mode],
			 "offset_ns", (json_int_t)policy->offset_ns, "classes",
			 write_list(policy->classes, policy->classes_count, write_class), "scopes",
			 write_list(policy->scopes, policy->scopes_count, write_scope), "stages",
			 write_list(policy->stages, policy->stages_count, write_stage), "waivers",
			 write_list(policy->waivers, policy->waivers_count, write_waiver), "never",
			 write_list(policy->never, policy->never_count, write_prefix));
}

/* ---- reading ---- */

/* The first fault is kept: readers go on and yield zeroes, so that nobody checks in between. */
struct reader {
	struct policy *policy; /* as far as it has been read */
	struct arena *arena;
	const char *list; /* what is read now, for the text: "stages", "" for the whole */
	size_t index;
	bool failed;
	char *error;
};

static void fault(struct reader *r, const char *key, const char *what)
{
	if (r->failed)
		return;
	r->failed = true;
	if (r->list[0])
		snprintf(r->error, POLICY_ERROR, "%s[%zu].%s: %s", r->list, r->index, key, what);
	else
		snprintf(r->error, POLICY_ERROR, "%s: %s", key, what);
}

static int64_t read_integer(struct reader *r, const json_t *object, const char *key, int64_t min,
			    int64_t max)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value) && json_integer_value(value) >= min &&
	    json_integer_value(value) <= max)
		return json_integer_value(value);
	fault(r, key, "not an integer in its range");
	return min;
}

static bool read_bool(struct reader *r, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		fault(r, key, "neither true nor false");
	return json_is_true(value);
}

static const char *read_text(struct reader *r, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
		return arena_string(r->arena, json_string_value(value));
	fault(r, key, "not a text");
	return "";
}

/* The enum whose words these are. */
static int read_word(struct reader *r, const json_t *object, const char *key,
		     const char *const *words)
{
	const char *text = json_string_value(json_object_get(object, key));

	for (int i = 0; words[i]; i++)
		if (text && strcmp(text, words[i]) == 0)
			return i;
	fault(r, key, "none of its words");
	return 0;
}

static struct wall read_end(struct reader *r, const json_t *object, const char *key)
{
	if (json_is_null(json_object_get(object, key)))
		return WALL_NEVER;
	return (struct wall){read_integer(r, object, key, INT64_MIN, INT64_MAX)};
}

/* An array in the arena, its elements zero. */
static void *read_array(struct reader *r, const json_t *object, const char *key, size_t size,
			const json_t **array, size_t *count)
{
	*array = json_object_get(object, key);
	*count = json_array_size(*array);
	if (!json_is_array(*array))
		fault(r, key, "not a list");
	return arena_array(r->arena, *count, size);
}

static const struct prefix *read_prefixes(struct reader *r, const json_t *object, const char *key,
					  size_t *count)
{
	const json_t *array;
	struct prefix *prefixes = read_array(r, object, key, sizeof(*prefixes), &array, count);

	for (size_t i = 0; i < *count; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (!text || prefix_parse(text, &prefixes[i]) != PREFIX_OK)
			fault(r, key, "not a list of prefixes");
	}
	return prefixes;
}

static bool class_known(const struct reader *r, json_int_t number)
{
	return number >= FIELD_CLASS && number <= FIELD_MAX &&
	       policy_class_find(r->policy, (uint16_t)number);
}

static uint16_t read_class_number(struct reader *r, const json_t *object, const char *key)
{
	int64_t number = read_integer(r, object, key, FIELD_CLASS, FIELD_MAX);

	if (!class_known(r, number))
		fault(r, key, "no such class");
	return (uint16_t)number;
}

static void read_class(struct reader *r, const json_t *object, void *list)
{
	struct policy_class *class = (struct policy_class *)list + r->index;

	class->number = (uint16_t)read_integer(r, object, "number", FIELD_CLASS, FIELD_MAX);
	class->vendor = read_text(r, object, "vendor");
	class->service = read_text(r, object, "service");
	if (r->index > 0 && class[-1].number >= class->number)
		fault(r, "number", "not in ascending order");
}

static void read_scope(struct reader *r, const json_t *object, void *list)
{
	struct policy_scope *scope = (struct policy_scope *)list + r->index;

	scope->name = read_text(r, object, "name");
	scope->sources = read_prefixes(r, object, "sources", &scope->sources_count);
	scope->any = scope_is_any(scope->sources, scope->sources_count);
	scope->fail = (enum fail)read_word(r, object, "fail", fail_words);
	scope->midstream = (enum midstream)read_word(r, object, "midstream", midstream_words);
}

static void read_stage(struct reader *r, const json_t *object, void *list)
{
	struct policy_stage *stage = (struct policy_stage *)list + r->index;

	stage->number = (uint32_t)read_integer(r, object, "number", 1, UINT32_MAX);
	stage->class = read_class_number(r, object, "class");
	stage->scope = (uint16_t)read_integer(r, object, "scope", 0, UINT16_MAX);
	stage->measure = read_text(r, object, "measure");
	stage->stage = read_text(r, object, "stage");
	stage->cutoff.ns = read_integer(r, object, "cutoff", INT64_MIN, INT64_MAX);
	stage->until = read_end(r, object, "until");
	stage->action = (enum action)read_word(r, object, "action", action_words);
	stage->counts = (enum counts)read_word(r, object, "counts", counts_words);
	stage->verified = read_bool(r, object, "verified");
	if (stage->scope >= r->policy->scopes_count)
		fault(r, "scope", "no such scope");
	if (r->index > 0 && stage_compare(stage - 1, stage) >= 0)
		fault(r, "number", "not in the order of being asked");
}

static const uint16_t *read_class_numbers(struct reader *r, const json_t *object, const char *key,
					  size_t *count)
{
	const json_t *array;
	uint16_t *numbers = read_array(r, object, key, sizeof(*numbers), &array, count);

	for (size_t i = 0; i < *count; i++) {
		const json_t *value = json_array_get(array, i);

		numbers[i] = (uint16_t)json_integer_value(value);
		if (!json_is_integer(value) || !class_known(r, json_integer_value(value)) ||
		    (i > 0 && numbers[i - 1] >= numbers[i]))
			fault(r, key, "not a list of classes in ascending order");
	}
	return numbers;
}

static void read_waiver(struct reader *r, const json_t *object, void *list)
{
	struct policy_waiver *waiver = (struct policy_waiver *)list + r->index;

	waiver->number = (uint32_t)read_integer(r, object, "number", 1, UINT32_MAX);
	waiver->id = read_text(r, object, "id");
	waiver->reason = read_text(r, object, "reason");
	waiver->approver = read_text(r, object, "approver");
	waiver->hosts = read_prefixes(r, object, "hosts", &waiver->hosts_count);
	waiver->classes = read_class_numbers(r, object, "classes", &waiver->classes_count);
	waiver->until = read_end(r, object, "until");
}

/* An array of what item reads; it finds its own place, and those before, by the reader's index. */
static void *read_list(struct reader *r, const json_t *object, const char *key, size_t size,
		       size_t *count,
		       void (*item)(struct reader *r, const json_t *object, void *list))
{
	const json_t *array;
	void *list = read_array(r, object, key, size, &array, count);

	r->list = key;
	for (r->index = 0; r->index < *count && !r->failed; r->index++)
		item(r, json_array_get(array, r->index), list);
	r->list = "";
	return list;
}

static void read_policy(struct reader *r, const json_t *json)
{
	struct policy *policy = r->policy;

	policy->mode = (enum mode)read_word(r, json, "mode", mode_words);
	policy->offset_ns = read_integer(r, json, "offset_ns", INT64_MIN, INT64_MAX);
	policy->classes = read_list(r, json, "classes", sizeof(*policy->classes),
				    &policy->classes_count, read_class);
	policy->scopes = read_list(r, json, "scopes", sizeof(*policy->scopes),
				   &policy->scopes_count, read_scope);
	policy->stages = read_list(r, json, "stages", sizeof(*policy->stages),
				   &policy->stages_count, read_stage);
	policy->waivers = read_list(r, json, "waivers", sizeof(*policy->waivers),
				    &policy->waivers_count, read_waiver);
	policy->never = read_prefixes(r, json, "never", &policy->never_count);
}

struct policy *policy_from_json(const json_t *json, char error[POLICY_ERROR])
{
	struct arena *arena = arena_new();
	struct reader reader = {
		.policy = arena_alloc(arena, sizeof(struct policy)),
		.arena = arena,
		.list = "",
		.error = error,
	};

	reader.policy->arena = arena;
	read_policy(&reader, json);
	if (!reader.failed)
		return reader.policy;
	arena_free(arena);
	return NULL;
}
