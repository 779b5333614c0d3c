/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/drift.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/enforcer/nft_watch.h"
#include "daemon/escape.h"
#include "daemon/log.h"

/* After the first change of many comes a pause, so that it is not compared after each. It is as
 * long as a comparison takes, if that is longer: at most half of the time goes there. */
#define PAUSE_NS (5 * CLOCK_MILLISECOND)

/* Of what could not be put back. */
#define RETRY_NS CLOCK_SECOND

/* Repairs that follow each other within this time belong together: the second is an alarm, and so
 * is what still goes on after as long again. */
#define SPELL_NS (60 * CLOCK_SECOND)

/* So many of them are told of one by one, from then on one a second. */
#define TOLD_ONE_BY_ONE 10
#define TOLD_NS CLOCK_SECOND

#define WHAT_BYTES ESCAPE_SIZE(NFT_ERROR)
#define SENTENCE_BYTES (WHAT_BYTES + NFT_ERROR)

#define NEVER ((struct mono){INT64_MIN / 2})

struct drift {
	struct drift_settings settings;
	struct nft_watch *watch;
	sd_event_source *io, *timer;
	bool heard; /* of a change, and since when: not yet compared */
	struct mono heard_at;
	struct nft_touch touch; /* who it was */
	struct mono intact_at;	/* as it was compared the last time */
	struct mono not_before; /* the pause's end */
	bool failing;
	uint64_t repairs, spell, untold;
	struct mono repaired_at, told_at, alarmed_at;
	struct wall last;
	char what[WHAT_BYTES]; /* of the last repair; strangers give names, too */
};

/* ---- what is told ---- */

static void __attribute__((format(printf, 3, 4)))
tell(struct drift *drift, enum notice_kind kind, const char *format, ...)
{
	char text[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (kind == NOTICE_ALARM)
		log_error("drift", "%s", text);
	else
		log_warning("drift", "%s", text);
	drift->settings.tell(drift->settings.context, kind, text);
}

static const char *who_text(const struct nft_touch *touch, char text[NFT_WATCH_NAME + 32])
{
	text[0] = '\0';
	if (touch->process > 0)
		snprintf(text, NFT_WATCH_NAME + 32, " (by %s, process %" PRIu32 ")", touch->name,
			 touch->process);
	return text;
}

/* From the notification on, else since it was last seen whole. */
static const char *duration_text(const struct drift *drift, struct mono now, char text[64])
{
	int64_t since = drift->heard ? drift->heard_at.ns : drift->intact_at.ns;

	snprintf(text, 64, "after %s%" PRId64 " ms", drift->heard ? "" : "at most ",
		 (now.ns - since) / CLOCK_MILLISECOND);
	return text;
}

/* Those of a spell that were left out are told of with the next, or at the latest by the timer. */
static void tell_untold(struct drift *drift)
{
	if (drift->untold > 0)
		tell(drift, NOTICE_DRIFT, "put back %" PRIu64 " times more; the last time: %s",
		     drift->untold, drift->what);
	drift->untold = 0;
}

static void tell_repair(struct drift *drift, struct mono now)
{
	char who[NFT_WATCH_NAME + 32], duration[64];

	if (drift->spell > TOLD_ONE_BY_ONE && now.ns - drift->told_at.ns < TOLD_NS) {
		drift->untold++;
		return;
	}
	tell_untold(drift);
	drift->told_at = now;
	tell(drift, NOTICE_DRIFT, "%s%s; put back %s", drift->what, who_text(&drift->touch, who),
	     duration_text(drift, now, duration));
}

static void raise_alarm(struct drift *drift, struct mono now)
{
	char who[NFT_WATCH_NAME + 32];

	if (drift->spell < 2 || (drift->spell > 2 && now.ns - drift->alarmed_at.ns < SPELL_NS))
		return;
	drift->alarmed_at = now;
	tell(drift, NOTICE_ALARM,
	     "table inet " RULESET_TABLE " is changed again and again%s, and put back each time "
	     "(%" PRIu64 " times so far); the last time: %s",
	     who_text(&drift->touch, who), drift->repairs, drift->what);
}

/* ---- comparing ---- */

static void note_repair(struct drift *drift, struct mono now)
{
	drift->spell = now.ns - drift->repaired_at.ns < SPELL_NS ? drift->spell + 1 : 1;
	drift->repairs++;
	drift->repaired_at = now;
	drift->last = clock_wall();
	tell_repair(drift, now);
	raise_alarm(drift, now);
}

static void note_failure(struct drift *drift, const char *failure)
{
	if (!drift->failing)
		tell(drift, NOTICE_ALARM, "%s; tried again each second", failure);
	drift->failing = true;
}

/* 0: all is well; 1: it is again; -errno with a text. */
static int repair(struct drift *drift, char failure[SENTENCE_BYTES])
{
	const struct drift_settings *s = &drift->settings;
	char difference[NFT_ERROR] = "", error[NFT_ERROR] = "";
	int e = nft_compare(s->nft, s->desired(s->context), difference);

	if (e < 0)
		snprintf(failure, SENTENCE_BYTES,
			 "table inet " RULESET_TABLE " cannot be compared: %s", difference);
	if (e <= 0)
		return e;
	escape_text(difference, strlen(difference), KEEP_BACKSLASH, drift->what);
	e = s->apply(s->context, error);
	if (e < 0)
		snprintf(failure, SENTENCE_BYTES, "%s; it cannot be put back: %s", drift->what,
			 error);
	return e < 0 ? e : 1;
}

static void wake_at(struct drift *drift, struct mono at)
{
	int r = sd_event_source_set_time(drift->timer, (uint64_t)at.ns / 1000);

	if (r >= 0)
		r = sd_event_source_set_enabled(drift->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("drift", "no timer for the next comparison: %s", strerror(-r));
}

static void check(struct drift *drift)
{
	struct mono begun = clock_mono(), now;
	char failure[SENTENCE_BYTES] = "";
	int e = repair(drift, failure);
	int64_t took;

	now = clock_mono();
	took = now.ns - begun.ns;
	drift->not_before.ns = now.ns + (took > PAUSE_NS ? took : PAUSE_NS);
	if (e < 0) {
		note_failure(drift, failure);
		wake_at(drift, (struct mono){now.ns + RETRY_NS});
		return;
	}
	if (e > 0)
		note_repair(drift, now);
	drift->failing = drift->heard = false;
	drift->touch = (struct nft_touch){0};
	drift->intact_at = now;
	wake_at(drift, (struct mono){now.ns + drift->settings.interval_ns});
}

static int on_watch(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct drift *drift = context;
	struct mono now = clock_mono();
	struct nft_touch touch = nft_watch_read(drift->watch);

	(void)source;
	(void)fd;
	(void)events;
	if (!touch.touched && !touch.lost)
		return 0;
	if (!drift->heard)
		drift->heard_at = now;
	drift->heard = true;
	if (touch.touched)
		drift->touch = touch;
	if (now.ns < drift->not_before.ns)
		wake_at(drift, drift->not_before);
	else
		check(drift);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct drift *drift = context;

	(void)source;
	(void)usec;
	check(drift);
	if (clock_mono().ns - drift->told_at.ns >= TOLD_NS)
		tell_untold(drift);
	return 0;
}

/* ---- start and end ---- */

static int add_sources(struct drift *drift)
{
	sd_event *loop = drift->settings.loop;
	int r = sd_event_add_io(loop, &drift->io, nft_watch_fd(drift->watch), EPOLLIN, on_watch,
				drift);

	/* What was taken out of the kernel is more urgent than anything that waits. */
	if (r >= 0)
		r = sd_event_source_set_priority(drift->io, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_time(loop, &drift->timer, CLOCK_BOOTTIME, 0, 1, on_timer, drift);
	if (r >= 0)
		r = sd_event_source_set_priority(drift->timer, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : 0;
}

int drift_new(struct drift **out, const struct drift_settings *settings, char error[NFT_ERROR])
{
	struct drift *drift = calloc(1, sizeof(*drift));
	int r = -ENOMEM;

	*out = NULL;
	error[0] = '\0';
	if (!drift)
		return r;
	drift->settings = *settings;
	drift->intact_at = clock_mono();
	drift->repaired_at = drift->told_at = drift->alarmed_at = NEVER;
	drift->watch = nft_watch_open(settings->nft, error);
	r = drift->watch ? add_sources(drift) : -EIO;
	if (r == 0)
		*out = drift;
	else
		drift_free(drift);
	return r;
}

void drift_free(struct drift *drift)
{
	if (!drift)
		return;
	sd_event_source_disable_unref(drift->io);
	sd_event_source_disable_unref(drift->timer);
	nft_watch_close(drift->watch);
	free(drift);
}

json_t *drift_json(const struct drift *drift)
{
	json_t *json = json_pack("{s:I}", "repairs", (json_int_t)drift->repairs);
	char at[WALL_TEXT];

	if (json && drift->repairs > 0) {
		json_object_set_new(json, "last", json_string(wall_format(drift->last, at)));
		json_object_set_new(json, "what", json_string(drift->what));
	}
	return json;
}
