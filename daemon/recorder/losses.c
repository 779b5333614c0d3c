/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/losses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

#define TELL_EVERY_US 60000000

struct losses {
	const struct event_file *file;
	sd_event_source *minute; /* runs while nothing more is to be told */
	uint64_t counted[LOSSES], told[LOSSES];
	int told_error; /* of the file, while its lines wait */
};

uint64_t losses_of(const struct losses *losses, enum loss loss)
{
	return loss == LOSS_FILE ? event_file_counters(losses->file).lost : losses->counted[loss];
}

static void tell_one(const struct losses *losses, enum loss loss, uint64_t n)
{
	int error = event_file_counters(losses->file).error;

	switch (loss) {
	case LOSS_FILE:
		log_error("events",
			  "%" PRIu64 " events lost (%s): make room, or name another file "
			  "(events:)",
			  n, error ? strerror(error) : "the file was too slow");
		break;
	case LOSS_MEMORY:
		log_error("events", "%" PRIu64 " events lost: out of memory", n);
		break;
	case LOSS_BROKEN:
		log_warning("channel", "messages of sensors that broke the protocol: %" PRIu64, n);
		break;
	case LOSSES:
		break;
	}
}

/* Lines that wait are not lost yet: there is time to make room. */
static bool tell_waiting(struct losses *losses)
{
	struct event_file_counters counters = event_file_counters(losses->file);
	bool news = counters.error != losses->told_error;

	losses->told_error = counters.error;
	if (!news || counters.error == 0 || counters.error == EAGAIN)
		return false;
	log_error("events", "%" PRIu64 " events wait for their file: %s; make room",
		  counters.waiting, strerror(counters.error));
	return true;
}

/* Whether there was anything to tell. */
static bool tell(struct losses *losses)
{
	bool any = tell_waiting(losses);

	for (enum loss loss = LOSS_FILE; loss < LOSSES; loss++) {
		uint64_t now = losses_of(losses, loss);

		if (now == losses->told[loss])
			continue;
		tell_one(losses, loss, now - losses->told[loss]);
		losses->told[loss] = now;
		any = true;
	}
	return any;
}

void losses_check(struct losses *losses)
{
	if (sd_event_source_get_enabled(losses->minute, NULL) > 0 || !tell(losses))
		return;
	if (sd_event_source_set_time_relative(losses->minute, TELL_EVERY_US) < 0 ||
	    sd_event_source_set_enabled(losses->minute, SD_EVENT_ONESHOT) < 0)
		log_error("events", "no timer: losses are told each time");
}

void losses_count(struct losses *losses, enum loss loss)
{
	losses->counted[loss]++;
	losses_check(losses);
}

static int on_minute(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	losses_check(userdata);
	return 0;
}

int losses_new(struct losses **out, sd_event *event, const struct event_file *file)
{
	struct losses *losses = calloc(1, sizeof(*losses));
	int error;

	*out = NULL;
	if (!losses)
		return -ENOMEM;
	losses->file = file;
	error = sd_event_add_time_relative(event, &losses->minute, CLOCK_MONOTONIC, 0, 0, on_minute,
					   losses);
	if (error >= 0)
		error = sd_event_source_set_enabled(losses->minute, SD_EVENT_OFF);
	if (error < 0) {
		losses_free(losses);
		return error;
	}
	*out = losses;
	return 0;
}

void losses_free(struct losses *losses)
{
	if (!losses)
		return;
	tell(losses);
	sd_event_source_disable_unref(losses->minute);
	free(losses);
}
