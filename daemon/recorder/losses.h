/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the recorder could not write or would not read: counted under its name, and told in the log
 * at once, but at most once a minute.
 */
#ifndef CUTOFFD_LOSSES_H
#define CUTOFFD_LOSSES_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "daemon/recorder/event_file.h"

enum loss {
	LOSS_FILE,   /* a line that the event file did not take */
	LOSS_MEMORY, /* an event that memory was missing for */
	LOSS_BROKEN, /* a sensor's message that broke the protocol */
	LOSSES,
};

struct losses;

/* file: whose lost lines are LOSS_FILE; it outlives the losses. 0 or -errno. */
int losses_new(struct losses **out, sd_event *event, const struct event_file *file)
	__attribute__((warn_unused_result));
/* Tells what was not told yet. */
void losses_free(struct losses *losses);

void losses_count(struct losses *losses, enum loss loss);
/* To be called when the file may have lost a line. */
void losses_check(struct losses *losses);
uint64_t losses_of(const struct losses *losses, enum loss loss);

#endif
