/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a replay found, for a reader: hosts and services with their verdicts, and what could not be
 * read. Bounded: hosts beyond the limit are counted together.
 */
#ifndef CUTOFFD_REPLAY_SUMMARY_H
#define CUTOFFD_REPLAY_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "daemon/event.h"
#include "daemon/sensor/sensor.h"

struct replay_summary;

/* Never NULL: memory out ends the process. */
struct replay_summary *replay_summary_new(void);
void replay_summary_free(struct replay_summary *summary);

/* json: the event's own form, for the verdict that was given. */
void replay_summary_event(struct replay_summary *summary, const struct event_flow *event,
			  const json_t *json);
void replay_summary_print(const struct replay_summary *summary,
			  const struct sensor_counters *counters, FILE *out);

#endif
