/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy → the desired ruleset of table `inet cutoffd`: chains of rules made of a small closed set
 * of statements, named sets and maps, named counters. Pure: no kernel, no clock, no libnftnl; nft.c
 * turns it into netlink messages.
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
};

/* Cutoffs become kernel time: instant - policy->offset_ns. Never NULL (memory out ends the
 * process). */
struct ruleset *ruleset_compile(const struct policy *policy, const struct ruleset_options *options);
void ruleset_free(struct ruleset *ruleset);

#endif
