/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A site: all that comes of one reading of the settings, built whole before anything that runs is
 * touched. A reload makes a new one and, once it is in force, frees the old one.
 */
#ifndef CUTOFFD_SITE_H
#define CUTOFFD_SITE_H

#include "daemon/clock.h"
#include "daemon/enforcer/ruleset.h"
#include "daemon/policy/numbers.h"
#include "daemon/policy/policy.h"
#include "daemon/settings/settings.h"

struct site {
	struct settings *settings;
	struct policy *policy;
	struct ruleset *ruleset; /* as it was put in force; NULL before, and on a mirror port */
	int catalogue;		 /* memfd for the sensors */
	int policy_json;	 /* memfd for the recorder */
	struct wall loaded;
};

/* Settings only, with every complaint on standard error; NULL when there is an error. */
struct settings *site_settings(const char *path);

/* What a ruleset is to know of the latch. */
struct site_latch {
	const uint32_t *latched;
	size_t latched_count;
	const uint32_t *lifted;
	size_t lifted_count;
};

/* The ruleset of a policy that was compiled with these settings and numbers; for `check` too, where
 * latch is NULL. */
struct ruleset *site_ruleset(const struct settings *settings, const struct policy *policy,
			     const struct numbers *numbers, const struct site_latch *latch);

/* Compiles the settings, which it takes over; allots numbers. NULL with a line in the log. */
struct site *site_new(struct settings *settings, struct numbers *numbers, struct wall now);
void site_free(struct site *site);

/* Once it is in force: what `cutoffd restore` needs of it at the next boot, into the state
 * directory. A failure is a line in the log; the boot compiles the settings then. */
void site_keep(const struct site *site, const struct numbers *numbers);

/* Whether another day is rehearsed: its latches are no real ones. */
bool site_is_rehearsal(const struct site *site);

/* Now as the site's policy sees it: shifted while a cutoff is rehearsed. */
struct wall site_now(const struct site *site, struct wall real);

#endif
