/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy: what this site adopts, compiled to numbers, and the pure function that the kernel's
 * ruleset must equal: (class, client, server, instant) → verdict. Knows nothing of packets,
 * processes and YAML. A compiled policy is one arena and never changes.
 */
#ifndef CUTOFFD_POLICY_H
#define CUTOFFD_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"
#include "daemon/arena.h"
#include "daemon/clock.h"
#include "daemon/policy/measure.h"
#include "daemon/policy/numbers.h"

enum verdict {
	VERDICT_ALLOW,
	VERDICT_OBSERVE, /* would be refused, but the mode is observe */
	VERDICT_REJECT,
	VERDICT_DROP,
};

enum mode {
	MODE_OBSERVE,
	MODE_ENFORCE,
};

enum action {
	ACTION_REJECT,
	ACTION_DROP,
};

enum fail {
	FAIL_OPEN,
	FAIL_CLOSED,
};

enum midstream {
	MIDSTREAM_PASS,
	MIDSTREAM_RESET,
};

enum counts {
	COUNTS_LEGAL,
	COUNTS_VENDOR,
};

const char *verdict_name(enum verdict verdict); /* "allow", "observe", "reject", "drop" */
const char *mode_name(enum mode mode);		/* "observe", "enforce" */
const char *action_name(enum action action);	/* "reject", "drop" */

/* ---- what a site writes (filled by settings/) ---- */

struct scope {
	const char *name;
	const struct prefix *sources;
	size_t sources_count;
	enum fail fail;
	enum midstream midstream;
};

struct adoption {
	const struct measure *measure;
	const struct measure_stage *const
		*stages; /* all that are not on_request, when none named */
	size_t stages_count;
	const struct scope *const *scopes;
	size_t scopes_count;
	enum action action;
	enum counts counts;
};

struct waiver {
	const char *id, *reason, *approver;
	const struct prefix *hosts;
	size_t hosts_count;
	const char *const *services; /* "kaspersky.updates"; none: all services */
	size_t services_count;
	struct wall until; /* the first instant at which it holds no more */
	const char *until_text;
};

/* A service of the catalogue, as policy sees it. */
struct policy_service {
	const char *vendor, *service;
};

struct policy_source {
	enum mode mode;
	int64_t offset_ns; /* rehearsal: now as the policy sees it = real time + offset */
	const struct policy_service *services;
	size_t services_count;
	const struct adoption *adoptions;
	size_t adoptions_count;
	const struct waiver *waivers;
	size_t waivers_count;
	const struct prefix *never; /* destinations that are never refused */
	size_t never_count;
};

/* ---- compiled ---- */

/* A service that a stage of an adopted measure names. */
struct policy_class {
	uint16_t number; /* FIELD_CLASS .. FIELD_MAX */
	const char *vendor, *service;
};

struct policy_scope {
	const char *name;
	bool any; /* 0.0.0.0/0 and ::/0: matches whatever the source */
	const struct prefix *sources;
	size_t sources_count;
	enum fail fail;
	enum midstream midstream;
};

/*
 * One stage of one measure for one class in one scope: what the kernel latches. Its number belongs
 * to the name "MEASURE/STAGE VENDOR.SERVICE SCOPE", without dates, sources or action: an amended
 * stage is the same one, and who moves its date lifts its latch. One that several adoptions adopt
 * has the earliest of their cutoffs and the stricter of their actions.
 */
struct policy_stage {
	uint32_t number; /* allotted once, never used again; > 0 */
	uint16_t class;
	uint16_t scope; /* index into scopes */
	const char *measure, *stage;
	struct wall cutoff; /* in the policy's time (not shifted by the rehearsal's offset) */
	struct wall until;  /* the first instant at which it refuses no more; WALL_NEVER: no end */
	enum action action;
	enum counts counts; /* the date that is the cutoff: legal where there is no vendor's */
	bool verified;	    /* that date's */
};

struct policy_waiver {
	uint32_t number; /* from the same numbers as stages, for the name "waiver ID" */
	const char *id, *reason, *approver;
	const struct prefix *hosts;
	size_t hosts_count;
	const uint16_t *classes; /* numbers, ascending */
	size_t classes_count;
	struct wall until;
};

/* stages are in the order of being asked, for each class: drop before reject, then by cutoff, then
 * by number; classes by number. */
struct policy {
	enum mode mode;
	int64_t offset_ns;
	const struct policy_class *classes;
	size_t classes_count;
	const struct policy_scope *scopes;
	size_t scopes_count;
	const struct policy_stage *stages;
	size_t stages_count;
	const struct policy_waiver *waivers;
	size_t waivers_count;
	const struct prefix *never;
	size_t never_count;
	struct arena *arena;
};

struct decision {
	enum verdict verdict;
	enum verdict would; /* what mode enforce would say */
	/* that decided or, if a waiver exempts, would have; else the next to come; NULL: none */
	const struct policy_stage *stage;
	const struct policy_waiver *waiver; /* that exempts from a stage in force, or NULL */
};

/* Allots numbers for what has none yet. Settings have checked everything: it cannot fail but for
 * numbers running out (-ENOSPC) or a bug there: a stage without a date, or with a service that is
 * not among the source's (-EINVAL). *out is NULL then. */
int policy_compile(const struct policy_source *source, struct numbers *numbers, struct policy **out)
	__attribute__((warn_unused_result));
void policy_free(struct policy *policy);

const struct policy_class *policy_class_find(const struct policy *policy, uint16_t number);
const struct policy_class *policy_class_by_name(const struct policy *policy, const char *vendor,
						const char *service);

/* now: in the policy's time. client and server as the original direction has them; scopes and
 * waivers hold for flows that one of their hosts opened, and for those opened from outside towards
 * it. A server in never is never refused. */
struct decision policy_judge(const struct policy *policy, uint16_t class_number,
			     const struct address *client, const struct address *server,
			     struct wall now);

/* The instant at which anything changes next after now; WALL_NEVER when nothing will. */
struct wall policy_next_change(const struct policy *policy, struct wall now);

#define POLICY_ERROR 160

/* The same policy in another process: the recorder judges by what is in force. A new reference;
 * NULL when memory is out or a text is not UTF-8. */
json_t *policy_to_json(const struct policy *policy);
/* Nothing in json is trusted. NULL, and a text in error, when it is not a policy. */
struct policy *policy_from_json(const json_t *json, char error[POLICY_ERROR]);

#endif
