/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy → the desired ruleset of table `inet cutoffd`: chains of rules made of a small closed set
 * of statements, named sets and maps, named counters. Pure: no kernel, no clock, no libnftnl; nft.c
 * turns it into netlink messages. What stands in it: ruleset_model.h.
 */
#ifndef CUTOFFD_RULESET_H
#define CUTOFFD_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/policy/policy.h"

#define RULESET_TABLE "cutoffd"

struct ruleset;

struct ruleset_options {
	uint32_t mask; /* where the field stands in the mark: contiguous, 12 bits */
	uint32_t told; /* one bit outside of mask */
	/* every class number ever allotted: those without a stage lead to a chain that accepts */
	const uint16_t *classes_allotted;
	size_t classes_allotted_count;
	/* numbers of stages and waivers that are latched whatever the clock says: put back into the
	 * kernel where it has lost them */
	const uint32_t *latched;
	size_t latched_count;
	/* numbers whose latch was lifted: taken out of the kernel. It does so by itself where it
	 * knows that a date was moved to a later one */
	const uint32_t *lifted;
	size_t lifted_count;
};

/* A field where it stands in the mark. */
static inline uint32_t ruleset_mark(uint32_t mask, uint32_t field)
{
	return field << __builtin_ctz(mask);
}

/* Cutoffs become kernel time: instant - policy->offset_ns; a policy with an offset is a rehearsal,
 * whose latches never meet those of one without. Never NULL (memory out ends the
 * process). The policy may be freed afterwards. */
struct ruleset *ruleset_compile(const struct policy *policy, const struct ruleset_options *options);
void ruleset_free(struct ruleset *ruleset);

/* In nft's notation, for a reader: instants in UTC, and as comments what nft's grammar lacks. */
void ruleset_print(const struct ruleset *ruleset, FILE *out);

/* Names of counters, for who reads nft_counters: packets of the stage that were refused, that would
 * have been (mode observe), that came before its cutoff; packets that a waiver let pass. */
#define RULESET_COUNTER_REFUSED "stage_%u_refused"
#define RULESET_COUNTER_OBSERVED "stage_%u_observed"
#define RULESET_COUNTER_BEFORE "stage_%u_before"
#define RULESET_COUNTER_WAIVED "waiver_%u_passed"
/* Packets of flows whose mark holds a class that was never allotted. */
#define RULESET_COUNTER_UNALLOTTED "unallotted"

#endif
