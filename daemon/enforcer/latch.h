/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latch that outlives everything: which stages and waivers have been seen to begin or end, and
 * the latest time that was seen while the clock was not in doubt (the mark). The kernel latches by
 * itself; here is what of it is kept over a reboot, as text (statefile.h), a line each:
 *
 *   mark NANOSECONDS
 *   clock BOOT NANOSECONDS                       wall minus time since that boot, without a doubt
 *   latch NUMBER SINCE SEEN NAME                 NAME: as in STATE/numbers
 *   suspect NUMBER SINCE SEEN NAME               made by a clock in doubt: remembered, not restored
 *
 * All instants in the policy's time. Pure, but for load and save.
 */
#ifndef CUTOFFD_LATCH_H
#define CUTOFFD_LATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/policy/numbers.h"
#include "daemon/policy/policy.h"

struct latch;

struct latch_entry {
	uint32_t number;
	bool suspect;
	struct wall since; /* the cutoff, or the waiver's end, that it was latched for */
	struct wall seen;
	const char *name;
};

struct latch *latch_new(void);
struct latch *latch_copy(const struct latch *latch);
void latch_free(struct latch *latch);

/* In ascending order by number. */
const struct latch_entry *latch_entries(const struct latch *latch, size_t *count);
/* Their numbers, with those of suspects or without, to free(); never NULL. */
uint32_t *latch_numbers(const struct latch *latch, bool suspects, size_t *count);
const struct latch_entry *latch_find(const struct latch *latch, uint32_t number);

/* ---- time ---- */

struct wall latch_mark(const struct latch *latch); /* 0: none yet */
/* Moves it forward to now. */
void latch_move_mark(struct latch *latch, struct wall now);
/* The mark itself was a wrong clock's. */
void latch_set_mark_back(struct latch *latch, struct wall now);

/* Wall minus mono of this boot, as it was without a doubt; false: not known. */
bool latch_reference(const struct latch *latch, const char *boot, int64_t *difference);
void latch_set_reference(struct latch *latch, const char *boot, int64_t difference);

/* ---- what is latched ---- */

/* The kernel has latched it: for a cutoff that had come for sure, or else a suspect. What is known
 * already stays as it is. believed: the clock is not in doubt. Whether it is new. */
bool latch_take(struct latch *latch, const struct latch_entry *entry, bool believed);
/* Every stage and waiver of the policy whose instant is not later than the mark. How many are new
 * or are suspects no more. */
size_t latch_by_mark(struct latch *latch, const struct policy *policy,
		     const struct numbers *numbers);
/* Suspects whose instant has come for sure become latches; how many. */
size_t latch_confirm(struct latch *latch, struct wall now, bool believed);
/* Forgets suspects that the kernel holds no more: numbers is all that it holds. */
void latch_forget_suspects(struct latch *latch, const uint32_t *numbers, size_t count);
/* Takes out what the policy has moved to a later date, into lifted; an earlier date is noted. */
void latch_amend(struct latch *latch, const struct policy *policy, struct latch *lifted);
/* Takes one out, into lifted. */
void latch_lift(struct latch *latch, uint32_t number, struct latch *lifted);

/* Whether an order means this entry: by its number, or by its name's first parts with slashes
 * ("us-kaspersky-2024/updates", "us-kaspersky-2024/updates/kaspersky.updates/lan", "waiver/w1"). */
bool latch_is_called(const struct latch_entry *entry, const char *text);

/* ---- text and file ---- */

/* Whether it holds anything that the file does not; a mark that moved by less than a minute is
 * nothing. */
bool latch_changed(const struct latch *latch);
/* Whether it is not exactly what the file holds, the mark included. */
bool latch_dirty(const struct latch *latch);
/* -EBADMSG: damaged; *line says where, and there is nothing then. */
int latch_parse(struct latch *latch, const char *text, size_t length, unsigned int *line)
	__attribute__((warn_unused_result));
/* As latch_parse. path missing: 0 and nothing. Another -errno: *line is 0. */
int latch_load(struct latch *latch, const char *path, unsigned int *line)
	__attribute__((warn_unused_result));
int latch_save(struct latch *latch, const char *path) __attribute__((warn_unused_result));

#endif
