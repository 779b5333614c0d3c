/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/latching.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/enforcer_internal.h"
#include "daemon/enforcer/latch_file.h"
#include "daemon/enforcer/trust.h"
#include "daemon/enforcer/unlatch.h"
#include "daemon/log.h"

#define PERIOD_US (60 * UINT64_C(1000000))
#define LATCHES_MAX 65536 /* more than the kernel's set holds */

/* What the recorder is to hear once it can. */
struct news {
	struct news *next;
	enum notice_kind kind;
	uint32_t number; /* 0: of no stage */
	char text[EVENT_TEXT];
};

struct latching {
	struct latch *latch;
	bool rehearsal; /* whose latch it is */
	bool save_failed;
	char boot[CLOCK_BOOT];
	struct trust trust;
	struct doubt doubt;
	struct news *news;
	struct nft_latch *held; /* scratch: what the kernel holds */
	sd_event_source *timer, *order;
};

/* ---- what is told ---- */

static void __attribute__((format(printf, 4, 5)))
add_news(struct latching *l, enum notice_kind kind, uint32_t number, const char *format, ...)
{
	struct news *news = calloc(1, sizeof(*news)), **last = &l->news;
	va_list args;

	if (!news)
		abort();
	news->kind = kind;
	news->number = number;
	va_start(args, format);
	vsnprintf(news->text, sizeof(news->text), format, args);
	va_end(args);
	while (*last)
		last = &(*last)->next;
	*last = news;
	if (kind == NOTICE_ALARM)
		log_error("latch", "%s", news->text);
	else
		log_notice("latch", "%s", news->text);
}

static const struct policy_stage *stage_of(const struct policy *policy, uint32_t number)
{
	for (size_t i = 0; i < policy->stages_count; i++)
		if (policy->stages[i].number == number)
			return &policy->stages[i];
	return NULL;
}

void latching_tell(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	struct news *news = l->news;

	if (!enforcer->recorder)
		return;
	for (l->news = NULL; news;) {
		struct news *next = news->next;

		roles_notice(enforcer, news->kind, stage_of(enforcer->site->policy, news->number),
			     "%s", news->text);
		free(news);
		news = next;
	}
}

static void tell_clock(struct latching *l, const struct doubt *was)
{
	char text[DOUBT_TEXT];

	if (doubt_same(&l->doubt, was))
		return;
	if (doubt_any(&l->doubt))
		add_news(l, NOTICE_CLOCK, 0,
			 "the clock is in doubt: %s; what is latched by it is not kept until it "
			 "is right",
			 doubt_format(&l->doubt, text));
	else if (l->doubt.unsynchronised)
		add_news(l, NOTICE_CLOCK, 0,
			 "the clock is believed, though nobody synchronises it: run a time daemon");
	else
		add_news(l, NOTICE_CLOCK, 0, "the clock is synchronised and believed");
}

static void tell_suspect(struct latching *l, const struct latch_entry *entry)
{
	char doubt[DOUBT_TEXT], since[WALL_TEXT];

	doubt_format(&l->doubt, doubt);
	add_news(l, NOTICE_ALARM, entry->number,
		 "%s is latched, and by the clock's fault: its instant is %s, and %s. It is not "
		 "kept over a reboot. If it is wrong, set the clock right, then: cutoffd unlatch "
		 "%" PRIu32 " --reason TEXT",
		 entry->name, wall_format(entry->since, since),
		 doubt_any(&l->doubt) ? doubt : "that is still to come", entry->number);
}

static void tell_lifted(struct latching *l, const struct latch *lifted, const char *why)
{
	size_t count;
	const struct latch_entry *entries = latch_entries(lifted, &count);
	char since[WALL_TEXT];

	for (size_t i = 0; i < count; i++)
		add_news(l, NOTICE_LATCH, entries[i].number, "%s is lifted, latched for %s: %s",
			 entries[i].name, wall_format(entries[i].since, since), why);
}

/* ---- clock, kernel, file ---- */

static struct wall judge_clock(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	struct clock_reading reading = clock_read();
	struct wall now = l->rehearsal ? site_now(enforcer->site, reading.wall) : reading.wall;
	struct doubt was = l->doubt;

	l->doubt = trust_judge(&l->trust, &reading, now, latch_mark(l->latch), clock_build());
	tell_clock(l, &was);
	return now;
}

/* How many are in l->held; -errno, with a line in the log. */
static int read_kernel(struct enforcer *enforcer, bool *rehearsal)
{
	struct latching *l = enforcer->latching;
	int n;

	*rehearsal = l->rehearsal;
	if (!enforcer->nft)
		return 0;
	n = nft_latched(enforcer->nft, l->held, LATCHES_MAX, rehearsal);
	if (n < 0)
		log_error("latch", "what the kernel has latched cannot be read: %s", strerror(-n));
	return n > LATCHES_MAX ? LATCHES_MAX : n;
}

/* Without an instant it is of a stage that no policy names now: it had come when it was seen. */
static void take_kernel(struct enforcer *enforcer, int count, struct wall now)
{
	struct latching *l = enforcer->latching;
	uint32_t *numbers = calloc((size_t)count + 1, sizeof(*numbers));

	for (int i = 0; i < count && numbers; i++) {
		const struct nft_latch *held = &l->held[i];
		const char *name = numbers_stage_name(enforcer->numbers, held->number);
		const struct latch_entry entry = {
			.number = held->number,
			.since = held->dated ? held->since : now,
			.seen = now,
			.name = name ? name : "unknown",
		};

		numbers[i] = held->number;
		if (latch_take(l->latch, &entry, !doubt_any(&l->doubt)) &&
		    latch_find(l->latch, held->number)->suspect)
			tell_suspect(l, &entry);
	}
	if (numbers && enforcer->nft)
		latch_forget_suspects(l->latch, numbers, (size_t)count);
	free(numbers);
}

/* The alarm comes once for each row of failures. */
static int save(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	const char *state = enforcer->site->settings->state;
	int r = latch_file_save(l->latch, state, l->rehearsal);

	if (r != 0 && !l->save_failed)
		add_news(l, NOTICE_ALARM, 0,
			 "what is latched cannot be kept: %s: %s; until it can, a reboot with a "
			 "wrong clock may lift it",
			 state, strerror(-r));
	l->save_failed = r != 0;
	return r;
}

/* On a mirror port and in mode observe no cutoff is ever held. */
static bool is_enforced(const struct enforcer *enforcer, const struct site *site)
{
	return enforcer->nft && site->policy->mode == MODE_ENFORCE;
}

static void sync_with(struct enforcer *enforcer, int held, struct wall now)
{
	struct latching *l = enforcer->latching;
	bool believed = !doubt_any(&l->doubt);

	take_kernel(enforcer, held, now);
	if (believed) {
		latch_move_mark(l->latch, now);
		latch_set_reference(l->latch, l->boot, l->trust.reference);
	}
	latch_confirm(l->latch, now, believed);
	if (is_enforced(enforcer, enforcer->site) &&
	    l->rehearsal == site_is_rehearsal(enforcer->site))
		latch_by_mark(l->latch, enforcer->site->policy, enforcer->numbers);
	if (latch_changed(l->latch))
		save(enforcer);
}

void latching_sync(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	struct wall now = judge_clock(enforcer);
	bool rehearsal;
	int held = read_kernel(enforcer, &rehearsal);

	/* What is not ours to judge (no table yet, or another's) is left to the transaction. */
	if (held >= 0 && rehearsal == l->rehearsal)
		sync_with(enforcer, held, now);
	latching_tell(enforcer);
}

/* ---- transactions ---- */

static struct ruleset *compile(const struct enforcer *enforcer, const struct site *site,
			       const struct latch *latch, const struct latch *lifted)
{
	struct site_latch numbers;
	struct ruleset *ruleset;

	numbers.latched = latch_numbers(latch, false, &numbers.latched_count);
	numbers.lifted = latch_numbers(lifted, true, &numbers.lifted_count);
	ruleset = site_ruleset(site->settings, site->policy, enforcer->numbers, &numbers);
	free((void *)numbers.latched);
	free((void *)numbers.lifted);
	return ruleset;
}

/* Kernel first, then memory and file: what is lifted may be lifted again, what is latched comes
 * back by the next reading. */
static int put_in_force(struct enforcer *enforcer, struct site *site, struct latch *next,
			const struct latch *lifted, char error[NFT_ERROR])
{
	struct latching *l = enforcer->latching;
	struct ruleset *ruleset = NULL;
	int r = 0;

	if (enforcer->nft) {
		ruleset = compile(enforcer, site, next, lifted);
		r = nft_apply(enforcer->nft, ruleset, error);
	}
	if (r != 0) {
		ruleset_free(ruleset);
		latch_free(next);
		return r;
	}
	ruleset_free(site->ruleset);
	site->ruleset = ruleset;
	latch_free(l->latch);
	l->latch = next;
	if (site->policy->offset_ns != enforcer->site->policy->offset_ns)
		l->trust.was_implausible = false; /* it was the rehearsal's day, not the clock */
	l->rehearsal = site_is_rehearsal(site);
	return 0;
}

/* The latch that the site starts from: a copy of what is, or the other one's file. */
static struct latch *latch_for(struct enforcer *enforcer, const struct site *site)
{
	struct latching *l = enforcer->latching;
	struct latch *latch;
	bool damaged;

	if (l->rehearsal == site_is_rehearsal(site))
		return latch_copy(l->latch);
	latch = latch_new();
	if (latch_file_load(latch, site->settings->state, !l->rehearsal, &damaged) != 0) {
		latch_free(latch);
		return NULL;
	}
	return latch;
}

int latching_apply(struct enforcer *enforcer, struct site *site, char error[NFT_ERROR])
{
	struct latch *next, *lifted = latch_new();
	bool is_enforcers = site == enforcer->site;
	int r = -EIO;

	latching_sync(enforcer);
	next = latch_for(enforcer, site);
	if (!next) {
		snprintf(error, NFT_ERROR, "what is latched cannot be read (see the log)");
		goto out;
	}
	latch_amend(next, site->policy, lifted);
	if (is_enforced(enforcer, site))
		latch_by_mark(next, site->policy, enforcer->numbers);
	r = put_in_force(enforcer, site, next, lifted, error);
	if (r != 0)
		goto out;
	tell_lifted(enforcer->latching, lifted, "its date was moved to a later one");
	if (latch_changed(next))
		save(enforcer);
	if (!site_is_rehearsal(site))
		latch_file_end_rehearsal(site->settings->state);
	if (is_enforcers)
		latching_tell(enforcer);
out:
	latch_free(lifted);
	return r;
}

/* ---- unlatch ---- */

/* What the clock says has come would be latched again by the next packet. */
static bool may_lift(const struct latch_entry *entry, struct wall now, char *answer, size_t size)
{
	char since[WALL_TEXT];

	if (wall_before(now, entry->since))
		return true;
	snprintf(answer, size,
		 "%s stays latched: its instant, %s, has come by the clock, so it would be latched "
		 "again at once; set a wrong clock right first, or write a waiver",
		 entry->name, wall_format(entry->since, since));
	return false;
}

/* How many were lifted; -1: one of them may not be. */
static int lift_all(struct enforcer *enforcer, const char *text, struct latch *next,
		    struct latch *lifted, char *answer, size_t size)
{
	struct wall now = site_now(enforcer->site, clock_wall());
	size_t count;
	const struct latch_entry *entries = latch_entries(enforcer->latching->latch, &count);
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!latch_is_called(&entries[i], text))
			continue;
		if (!may_lift(&entries[i], now, answer, size))
			return -1;
		latch_lift(next, entries[i].number, lifted);
		if (!wall_before(latch_mark(next), entries[i].since))
			latch_set_mark_back(next, now);
		n++;
	}
	if (n == 0)
		snprintf(answer, size, "nothing that is called %s is latched", text);
	return n;
}

bool latching_lift(struct enforcer *enforcer, const char *text, const char *reason, char *answer,
		   size_t size)
{
	struct latch *next, *lifted = latch_new();
	char error[NFT_ERROR], why[EVENT_TEXT];
	int n;

	latching_sync(enforcer);
	next = latch_copy(enforcer->latching->latch);
	n = lift_all(enforcer, text, next, lifted, answer, size);
	if (n <= 0) {
		latch_free(next);
	} else if (put_in_force(enforcer, enforcer->site, next, lifted, error) != 0) {
		snprintf(answer, size, "%s", error);
		n = -1;
	} else {
		snprintf(why, sizeof(why), "by root's order: %.400s", reason);
		tell_lifted(enforcer->latching, lifted, why);
		snprintf(answer, size, "%d lifted%s", n,
			 save(enforcer) == 0 ? "" : ", but not on disk: see the log");
		latching_tell(enforcer);
	}
	latch_free(lifted);
	return n > 0;
}

/* ---- start and end ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	latching_sync(context);
	sd_event_source_set_time(source, usec + PERIOD_US);
	return 0;
}

static int on_order(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	unlatch_carry_out(context);
	return 0;
}

static int load(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	bool damaged = false;
	int r = latch_file_load(l->latch, enforcer->site->settings->state, l->rehearsal, &damaged);

	if (damaged)
		add_news(l, NOTICE_ALARM, 0,
			 "the file of what is latched was damaged and is put aside; what the "
			 "kernel holds is kept");
	l->trust.has_reference = latch_reference(l->latch, l->boot, &l->trust.reference);
	return r;
}

/* A table that another start left behind may be a rehearsal's where this is none, or the other way
 * round: then what it holds goes to its own file first, or, if it is the rehearsal's, away. */
int latching_open(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching = calloc(1, sizeof(*l));
	bool is_rehearsal = site_is_rehearsal(enforcer->site), rehearsal;
	int held, r;

	if (!l)
		return -ENOMEM;
	l->latch = latch_new();
	l->held = calloc(LATCHES_MAX, sizeof(*l->held));
	if (!l->held)
		return -ENOMEM;
	clock_boot(l->boot);
	held = read_kernel(enforcer, &rehearsal);
	if (held < 0)
		return held;
	l->rehearsal = held > 0 && !rehearsal ? false : is_rehearsal;
	r = load(enforcer);
	return r;
}

int latching_start(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;
	int r;

	latching_sync(enforcer); /* there is a table now, whoever's it was before */
	unlatch_carry_out(enforcer);
	r = sd_event_add_time_relative(enforcer->loop, &l->timer, CLOCK_BOOTTIME, PERIOD_US, 1000,
				       on_timer, enforcer);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_add_signal(enforcer->loop, &l->order, UNLATCH_SIGNAL, on_order,
					enforcer);
	return r < 0 ? r : 0;
}

void latching_close(struct enforcer *enforcer)
{
	struct latching *l = enforcer->latching;

	if (!l)
		return;
	sd_event_source_disable_unref(l->timer);
	sd_event_source_disable_unref(l->order);
	if (enforcer->told_ready) {
		latching_sync(enforcer);
		if (latch_dirty(l->latch))
			save(enforcer);
	}
	while (l->news) {
		struct news *next = l->news->next;

		free(l->news);
		l->news = next;
	}
	latch_free(l->latch);
	free(l->held);
	free(l);
}

/* ---- status ---- */

const struct latch_entry *latching_find(const struct enforcer *enforcer, uint32_t number)
{
	return latch_find(enforcer->latching->latch, number);
}

json_t *latching_clock_json(const struct enforcer *enforcer)
{
	const struct latching *l = enforcer->latching;
	struct wall mark = latch_mark(l->latch);
	char instant[WALL_TEXT], text[DOUBT_TEXT];
	json_t *clock =
		json_pack("{s:b, s:b, s:s}", "synchronised", !l->doubt.unsynchronised, "believed",
			  !doubt_any(&l->doubt), "doubt", doubt_format(&l->doubt, text));

	if (mark.ns > 0)
		json_object_set_new(clock, "mark", json_string(wall_format(mark, instant)));
	return clock;
}
