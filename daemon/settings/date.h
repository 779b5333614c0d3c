/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dates in settings: texts → instants by their zone, with a complaint that names the remedy.
 * Inside settings/ only.
 */
#ifndef CUTOFFD_DATE_H
#define CUTOFFD_DATE_H

#include "daemon/settings/loader.h"

/* zone: of the tz database; NULL: the text must carry its own offset. */
bool date_instant(struct loader *loader, const struct yaml_node *node, const char *zone,
		  struct wall *at, enum precision *precision);

/* A text alone, or {date, source, verified}: a measure's date. false after a complaint. */
bool date_of_measure(struct loader *loader, const struct yaml_node *node, const char *zone,
		     struct measure_date *date);

/* Whether the tz database has the zone; otherwise complains. */
bool date_zone(struct loader *loader, const struct yaml_node *node, const char *zone);

/* A day, kept as text: "2026-11-22". */
void date_read_day(struct loader *loader, const struct yaml_node *value, void *field);

#endif
