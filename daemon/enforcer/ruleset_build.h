/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the compiler from policy to ruleset share: the half-built ruleset and the names
 * that sets, chains and counters got. Included by ruleset*.c only.
 */
#ifndef CUTOFFD_RULESET_BUILD_H
#define CUTOFFD_RULESET_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/enforcer/ruleset.h"
#include "daemon/enforcer/ruleset_model.h"

#define CHAIN_REFUSE_REJECT "refuse_reject"
#define CHAIN_REFUSE_DROP "refuse_drop"
#define CHAIN_NO_STAGE "no_stage"
#define SET_CUT_V4 "cut_v4"
#define SET_CUT_V6 "cut_v6"

/* The two sets of a list of prefixes; NULL: no prefix of that family. */
struct set_pair {
	const char *v4, *v6;
};

struct build {
	struct ruleset *ruleset;
	const struct policy *policy;
	const struct ruleset_options *options;
	struct set_pair *scopes;  /* by index in policy->scopes; both NULL when it is any */
	struct set_pair *waivers; /* by index in policy->waivers */
	struct set_pair never;
	const char **class_chains; /* by index in policy->classes */
};

/* An instant of the policy in the kernel's time; never before 1970, which the kernel's unsigned
 * comparison would take for the far future. */
int64_t build_instant(const struct build *build, struct wall at);
/* A field's number where the mark holds it. */
uint32_t build_mark(const struct build *build, uint32_t field);

/* ruleset_names.c: each text with what nft's grammar does not take replaced; those that are then
 * equal, reserved or too long are told apart by ".NUMBER". */
const char **ruleset_names(struct arena *arena, const char *const *texts, const uint32_t *numbers,
			   size_t count);

/* ruleset_sets.c: all sets and maps but class_of, and the names of those of prefixes. */
void ruleset_build_sets(struct build *build);
/* ... and class_of, when the class chains have their names. */
void ruleset_build_class_of(struct build *build);

/* ruleset_chains.c: base, refuse and class chains. */
void ruleset_build_chains(struct build *build);

#endif
