/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the recorder has counted since its start, for `status`: flows by class and verdict, and how
 * many hosts spoke to a listed service. Bounded: hostile traffic fills the tables, not the memory,
 * and status says that they are full. In memory only.
 */
#ifndef CUTOFFD_STATISTICS_H
#define CUTOFFD_STATISTICS_H

#include <jansson.h>

#include "daemon/event.h"

#define STATISTICS_CLASSES 128
#define STATISTICS_HOSTS 65536

struct statistics;

/* NULL when memory is out. */
struct statistics *statistics_new(void);
void statistics_free(struct statistics *statistics);

void statistics_count(struct statistics *statistics, const struct event_flow *flow,
		      enum verdict verdict);
/* A new reference; NULL when memory is out. */
json_t *statistics_json(const struct statistics *statistics);

#endif
