/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures as the packs state them: one legal act with its stages, dates, permits and the history
 * of its amendments. Plain values, filled by settings/ from YAML, compiled by policy.c. Pure.
 */
#ifndef CUTOFFD_MEASURE_H
#define CUTOFFD_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/clock.h"

enum precision {
	PRECISION_INSTANT,
	PRECISION_DAY, /* begins with the day in the measure's zone */
};

/* A date as its author wrote it and as it was compiled in the measure's zone. */
struct measure_date {
	bool set;
	bool verified; /* false: the source was not seen; shown wherever the date is */
	enum precision precision;
	struct wall at;
	const char *text;
	const char *source;
};

struct measure_amendment {
	const char *decided; /* a day, as text */
	struct measure_date from, to;
	const char *source;
};

struct measure_stage {
	const char *id, *title;
	struct measure_date legal, vendor; /* vendor: when the vendor itself stops */
	struct measure_date until;	   /* not set: no end */
	const char *ends_when;		   /* a condition that a person must declare, or NULL */
	const char **services;		   /* "kaspersky.updates" */
	size_t services_count;
	bool on_request; /* adopted only where a policy names the stage */
	const char *note;
	struct measure_amendment *amendments;
	size_t amendments_count;
};

struct measure {
	const char *id, *title, *authority, *citation, *jurisdiction;
	const char *zone; /* tz database */
	const char *source, *checked;
	struct measure_stage *stages;
	size_t stages_count;
	const char **permits; /* "kaspersky.threat-intelligence" */
	size_t permits_count;
};

enum instant_error {
	INSTANT_OK,
	INSTANT_FORM,	  /* neither a day, a local time, nor an instant with a zone */
	INSTANT_NO_ZONE,  /* the tz database has no such zone (or is not installed) */
	INSTANT_SKIPPED,  /* the zone's clocks skip this local time */
	INSTANT_REPEATED, /* the zone's clocks show it twice: write the offset */
	INSTANT_OUT_OF_RANGE,
};

/* "2024-09-29" (PRECISION_DAY), "2024-09-29T00:00:00" (local time of zone) or either with "Z" or
 * an offset → UTC by the tz database. A day begins at the first instant that it has there. */
enum instant_error instant_compile(const char *text, const char *zone, struct wall *at,
				   enum precision *precision);
const char *instant_error_text(enum instant_error error);

#endif
