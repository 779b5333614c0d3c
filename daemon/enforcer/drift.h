/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the kernel's table what it should be: compares the two when somebody else changed the
 * table, when a notification may have been lost, and on a timer; puts back what differs, in one
 * transaction, and says what it was and for how long. Somebody who keeps changing it is an alarm.
 * Where the kernel lets the table have an owner there is hardly anything to find. Reads no policy.
 */
#ifndef CUTOFFD_DRIFT_H
#define CUTOFFD_DRIFT_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "daemon/enforcer/nft.h"
#include "daemon/event.h"

struct drift;

#define DRIFT_INTERVAL_NS (60 * CLOCK_SECOND)

/* All of it stays the caller's. */
struct drift_settings {
	sd_event *loop;
	struct nft *nft;
	int64_t interval_ns; /* of the comparison that nobody asked for */
	/* What is to be in the kernel now. */
	const struct ruleset *(*desired)(void *context);
	/* Puts it there, as nft_apply does. */
	int (*apply)(void *context, char error[NFT_ERROR]);
	/* NOTICE_DRIFT or NOTICE_ALARM, a sentence. */
	void (*tell)(void *context, enum notice_kind kind, const char *text);
	void *context;
};

/* The first comparison is the loop's next step. 0, or -errno with a text. */
int drift_new(struct drift **out, const struct drift_settings *settings, char error[NFT_ERROR])
	__attribute__((warn_unused_result));
void drift_free(struct drift *drift);

/* For the status: how often something was put back, and the last time when and what. A new
 * reference. */
json_t *drift_json(const struct drift *drift);

#endif
