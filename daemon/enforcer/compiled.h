/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STATE/compiled: all that the ruleset in force was compiled from, so that `cutoffd restore` makes
 * the very same one again without settings: policy, place of the mark's field, allotted classes. A
 * line of JSON and a last line with its sum. Whether latches were kept is not its business.
 */
#ifndef CUTOFFD_COMPILED_H
#define CUTOFFD_COMPILED_H

#include "classifiers/evidence.h"
#include "daemon/enforcer/ruleset.h"
#include "daemon/policy/policy.h"

#define COMPILED_ERROR 320

struct compiled {
	struct policy *policy;
	struct ruleset_options options; /* its classes are those below */
	uint16_t classes[FIELD_MAX];
	char *runtime; /* the directory with the instance's lock */
};

void compiled_free(struct compiled *compiled);

/* The text of a file. NULL, with what is wrong in error: nothing in it is trusted. */
struct compiled *compiled_parse(const char *text, size_t length, char error[COMPILED_ERROR]);
/* To free(); NULL when memory is out or a text is not UTF-8. */
char *compiled_format(const struct policy *policy, const struct ruleset_options *options,
		      const char *runtime, size_t *length);

/* NULL, with the path and what is wrong in error. */
struct compiled *compiled_load(const char *state, char error[COMPILED_ERROR]);
/* 0 or -errno. When it fails no file is left: an older one would put an older policy in force. */
int compiled_save(const char *state, const struct policy *policy,
		  const struct ruleset_options *options, const char *runtime)
	__attribute__((warn_unused_result));
/* Nothing is enforced here: there is nothing to restore. 0 or -errno. */
int compiled_forget(const char *state) __attribute__((warn_unused_result));

#endif
