/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the enforcer's files share: enforcer.c (start order, loop, end), roles.c (what sensors and
 * recorder say, and are told), reload.c, status.c.
 */
#ifndef CUTOFFD_ENFORCER_INTERNAL_H
#define CUTOFFD_ENFORCER_INTERNAL_H

#include <systemd/sd-event.h>

#include "daemon/channel.h"
#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/drift.h"
#include "daemon/enforcer/latching.h"
#include "daemon/enforcer/nft.h"
#include "daemon/enforcer/site.h"
#include "daemon/enforcer/supervise.h"

struct enforcer {
	const char *config;
	sd_event *loop;
	struct site *site;
	struct numbers *numbers;
	struct nft *nft; /* NULL on a mirror port */
	struct latching *latching;
	struct conntrack *conntrack; /* likewise */
	struct drift *drift;	     /* likewise */
	struct child *sensor, *recorder;
	int events[2]; /* sensors write to [1], the recorder reads from [0] */
	int control_socket;
	uint32_t generation; /* of the site, for sensors */
	bool sensor_ready, recorder_ready, told_ready;
	bool disarmed; /* it ends because of stop-enforcing */
	struct mono sensor_alive_at;
	struct channel_alive sensor_alive; /* the last that it said */
	uint64_t reports, reports_refused; /* refused: never-list, or no class of this policy */
	struct wall started, stages_seen;  /* real; cutoffs up to stages_seen were told of */
	sd_event_source *stage_timer, *conntrack_io, *conntrack_timer, *second_timer, *reload_timer;
	bool status_wanted;		/* by the recorder, in this round of its messages */
	struct mono reloaded_at;	/* the last reload that the recorder asked for */
	struct channel_message message; /* scratch */
};

/* ---- roles.c ---- */

int roles_start(struct enforcer *enforcer);
void roles_stop(struct enforcer *enforcer);
/* The sensor gets the site's catalogue, the recorder its policy. */
void roles_configure(struct enforcer *enforcer);
/* Something happened to the gateway: to the recorder, which writes it down. stage: its stage, or
 * NULL. */
void roles_notice(struct enforcer *enforcer, enum notice_kind kind,
		  const struct policy_stage *stage, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The recorder opens its file anew: the old one may have been moved away. */
void roles_reopen_events(struct enforcer *enforcer);
/* Ends a sensor that has not been heard of for too long. */
void roles_check(struct enforcer *enforcer, struct mono now);

/* ---- enforcer.c ---- */

/* Waits for the next instant at which the policy changes. */
void enforcer_arm_stage_timer(struct enforcer *enforcer);
void enforcer_arm_conntrack_timer(struct enforcer *enforcer);
/* Tells the service manager once that everything runs. */
void enforcer_tell_ready(struct enforcer *enforcer);

/* ---- reload.c ---- */

/* A new site from the same file; on any error the old one stays in force. */
void enforcer_reload(struct enforcer *enforcer);
/* The same for the recorder, which serves everybody in group cutoffd: however often it asks, one
 * reload a second at most, between other work. */
void enforcer_reload_soon(struct enforcer *enforcer);

/* ---- status.c ---- */

/* What `cutoffctl status` shows. A new reference. */
json_t *enforcer_status(struct enforcer *enforcer);

#endif
