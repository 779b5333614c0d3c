/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/compiled.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/statefile.h"

/* Of the file's form, in which the policy's is contained: another one is not read. */
#define FORM 1
#define FILE_MAX (256 * 1024 * 1024)

#define MASK_BITS 12

static int path_in(char path[PATH_MAX], const char *state)
{
	int n = snprintf(path, PATH_MAX, "%s/compiled", state);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

void compiled_free(struct compiled *compiled)
{
	if (!compiled)
		return;
	policy_free(compiled->policy);
	free(compiled->runtime);
	free(compiled);
}

/* ---- reading ---- */

/* Contiguous, of the field's width, with `told` beside it: what the ruleset's compiler expects. */
static bool marks_right(json_int_t mask, json_int_t told)
{
	const json_int_t field = (1 << MASK_BITS) - 1;

	if (mask <= 0 || mask > UINT32_MAX || told <= 0 || told > UINT32_MAX)
		return false;
	return mask == field * (mask & -mask) && (told & (told - 1)) == 0 && (told & mask) == 0;
}

static bool read_marks(struct compiled *compiled, const json_t *json)
{
	const json_t *mask = json_object_get(json, "mask"), *told = json_object_get(json, "told");

	if (!json_is_integer(mask) || !json_is_integer(told) ||
	    !marks_right(json_integer_value(mask), json_integer_value(told)))
		return false;
	compiled->options.mask = (uint32_t)json_integer_value(mask);
	compiled->options.told = (uint32_t)json_integer_value(told);
	return true;
}

/* In ascending order, so that none comes twice. */
static bool read_classes(struct compiled *compiled, const json_t *json)
{
	const json_t *array = json_object_get(json, "classes");
	json_int_t least = FIELD_CLASS;

	if (!json_is_array(array) || json_array_size(array) > FIELD_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *number = json_array_get(array, i);

		if (!json_is_integer(number) || json_integer_value(number) < least ||
		    json_integer_value(number) > FIELD_MAX)
			return false;
		compiled->classes[i] = (uint16_t)json_integer_value(number);
		least = json_integer_value(number) + 1;
	}
	compiled->options.classes_allotted = compiled->classes;
	compiled->options.classes_allotted_count = json_array_size(array);
	return true;
}

static bool read_runtime(struct compiled *compiled, const json_t *json)
{
	const json_t *text = json_object_get(json, "runtime");

	if (!json_is_string(text) || json_string_length(text) == 0 ||
	    strlen(json_string_value(text)) != json_string_length(text))
		return false;
	compiled->runtime = strdup(json_string_value(text));
	return compiled->runtime != NULL;
}

/* What is wrong with it; NULL: nothing. */
static const char *read_all(struct compiled *compiled, const json_t *json,
			    char policy_error[POLICY_ERROR])
{
	if (json_integer_value(json_object_get(json, "form")) != FORM)
		return "of another version of cutoffd";
	if (!read_marks(compiled, json))
		return "mask, told: not what the policy allows";
	if (!read_classes(compiled, json))
		return "classes: not numbers of classes in ascending order";
	if (!read_runtime(compiled, json))
		return "runtime: not a path";
	compiled->policy = policy_from_json(json_object_get(json, "policy"), policy_error);
	return compiled->policy ? NULL : policy_error;
}

struct compiled *compiled_parse(const char *text, size_t length, char error[COMPILED_ERROR])
{
	struct compiled *compiled = calloc(1, sizeof(*compiled));
	char policy_error[POLICY_ERROR] = "";
	const char *wrong = "damaged: its sum is another";
	json_t *json = NULL;

	if (compiled && statefile_sum_right(text, length)) {
		json = json_loadb(text, length - STATEFILE_SUM, JSON_REJECT_DUPLICATES, NULL);
		wrong = json ? read_all(compiled, json, policy_error) : "not JSON";
	}
	json_decref(json);
	if (compiled && !wrong)
		return compiled;
	snprintf(error, COMPILED_ERROR, "%s", compiled ? wrong : strerror(ENOMEM));
	compiled_free(compiled);
	return NULL;
}

struct compiled *compiled_load(const char *state, char error[COMPILED_ERROR])
{
	char path[PATH_MAX], wrong[COMPILED_ERROR];
	struct compiled *compiled = NULL;
	size_t length = 0;
	char *text = NULL;
	int r = path_in(path, state);

	if (r == 0)
		r = statefile_read(path, FILE_MAX, &text, &length);
	if (r == 0)
		compiled = compiled_parse(text, length, wrong);
	else
		snprintf(wrong, sizeof(wrong), "%s", strerror(-r));
	free(text);
	if (!compiled)
		snprintf(error, COMPILED_ERROR, "%.*s/compiled: %.*s", COMPILED_ERROR / 3, state,
			 COMPILED_ERROR / 2, wrong);
	return compiled;
}

/* ---- writing ---- */

static json_t *write_classes(const struct ruleset_options *options)
{
	json_t *array = json_array();

	for (size_t i = 0; i < options->classes_allotted_count; i++)
		json_array_append_new(array, json_integer(options->classes_allotted[i]));
	return array;
}

/* The line and its end, with room for the sum; to free(). */
static char *write_line(const json_t *json, size_t *length)
{
	size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *text = size > 0 ? malloc(size + 1 + STATEFILE_SUM + 1) : NULL;

	if (!text)
		return NULL;
	json_dumpb(json, text, size, JSON_COMPACT);
	text[size] = '\n';
	*length = size + 1;
	return text;
}

char *compiled_format(const struct policy *policy, const struct ruleset_options *options,
		      const char *runtime, size_t *length)
{
	json_t *json = json_pack("{s:i, s:I, s:I, s:o, s:s, s:o}", "form", FORM, "mask",
				 (json_int_t)options->mask, "told", (json_int_t)options->told,
				 "classes", write_classes(options), "runtime", runtime, "policy",
				 policy_to_json(policy));
	char *text = json ? write_line(json, length) : NULL;

	json_decref(json);
	if (!text)
		return NULL;
	statefile_sum(text, *length, text + *length);
	*length += STATEFILE_SUM;
	return text;
}

int compiled_save(const char *state, const struct policy *policy,
		  const struct ruleset_options *options, const char *runtime)
{
	char path[PATH_MAX], *text;
	size_t length = 0;
	int r = path_in(path, state);

	if (r != 0)
		return r;
	text = compiled_format(policy, options, runtime, &length);
	r = text ? statefile_save(path, text, length) : -ENOMEM;
	free(text);
	if (r != 0)
		unlink(path);
	return r;
}

int compiled_forget(const char *state)
{
	char path[PATH_MAX];
	int r = path_in(path, state);

	return r == 0 && unlink(path) != 0 && errno != ENOENT ? -errno : r;
}
