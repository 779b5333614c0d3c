/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings: the YAML files that users write (policy, waivers, vendor packs, measures) → structs.
 * Reads everything, collects every complaint with its place, the line itself and a remedy; what
 * has an error is never handed out. cutoffd.yaml(5) describes the keys. Reads no clock.
 */
#ifndef CUTOFFD_SETTINGS_H
#define CUTOFFD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/address.h"
#include "daemon/arena.h"
#include "daemon/policy/policy.h"
#include "daemon/settings/complaint.h"

enum capture_mode {
	CAPTURE_INLINE,
	CAPTURE_PASSIVE,
	CAPTURE_TAP,
};

enum conflict {
	CONFLICT_NAME,	 /* a foreign name at a vendor's own prefix: the name counts */
	CONFLICT_PREFIX, /* the prefix counts */
};

enum transport {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
};

struct vendor_port {
	enum transport transport;
	uint16_t first, last;
};

struct vendor_service {
	const char *id, *title;
	const char *note;
	const struct vendor_port *ports; /* where it listens, as far as that is known */
	size_t ports_count;
};

struct vendor {
	const char *id, *title;
	const char *checked; /* the day on which somebody compared it with its sources */
	const struct vendor_service *services;
	size_t services_count;
};

/* What an adopted measure makes of a service. */
struct standing {
	bool cut;	/* an adopted stage names it */
	bool permitted; /* not cut, and an adopted measure permits it expressly */
};

struct settings {
	const char *path;
	enum capture_mode capture;
	const char **interfaces;
	size_t interfaces_count;
	const char *state, *runtime; /* directories */
	const char *events;	     /* a file, or "-" */
	enum conflict conflict;
	enum verdict
		unknown; /* what becomes of flows that show no name: VERDICT_ALLOW or a refusal */
	uint16_t proxy_ports[16];
	size_t proxy_ports_count;
	uint32_t mask, told;
	uint16_t queue_base, log_group;
	bool rehearsal;
	bool unverified; /* services are cut by indicators, too, whose source nobody saw */

	struct vendor *vendors;
	size_t vendors_count;
	struct measure *measures; /* all that the packs hold, adopted or not */
	size_t measures_count;
	struct scope *scopes;
	size_t scopes_count;
	struct policy_source policy;
	const struct standing *standings;  /* beside policy.services */
	const struct place *waiver_places; /* beside policy.waivers */

	struct indicators *indicators; /* opaque: for settings_catalogue */
	struct arena *arena;
};

/* NULL when there is any error; the complaints hold errors and warnings either way. */
struct settings *settings_load(const char *path, struct complaints *complaints);
void settings_free(struct settings *settings);

/* A file in memory. */
struct settings_file {
	const char *path;
	const char *bytes;
	size_t length;
};

/* The same without a disk: the first file is the policy; packs are those whose paths begin with
 * "vendors/" and "measures/", waivers those with "waivers.d/". */
struct settings *settings_load_memory(const struct settings_file *files, size_t count,
				      struct complaints *complaints);

/* Warnings about what is past at now: waivers that have ended. */
void settings_review(const struct settings *settings, struct wall now,
		     struct complaints *complaints);

/* Compiles the catalogue of these settings: a service that the policy has a class for gets its
 * number, every other FIELD_OTHER. The sealed memfd, or -errno. */
int settings_catalogue(const struct settings *settings, const struct policy *policy);

/* What would be in force, in order of time, for a reader: the text of `cutoffd check`. */
void settings_print(const struct settings *settings, const struct policy *policy, struct wall now,
		    FILE *out);

#endif
