/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the clock may be believed. A latch outlives everything, so one that a wrong clock made
 * must be told from one that the law made. Pure: readings come as arguments, oldest first.
 *
 * In doubt is a clock that is earlier than this program or than the latest time that was seen while
 * there was no doubt, and one that was stepped forward by more than an hour against the time since
 * the machine booted: until it is stepped back, or a time daemon has held it there for a day, or
 * the machine boots anew. A clock that nobody synchronises is a warning and no doubt by itself: a
 * gateway without a time daemon would else keep no latch at all.
 */
#ifndef CUTOFFD_TRUST_H
#define CUTOFFD_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"

#define TRUST_STEP (3600 * CLOCK_SECOND)
#define TRUST_DAY (24 * TRUST_STEP)

struct trust {
	bool has_reference;
	int64_t reference; /* wall minus mono, the most that was seen without a doubt */
	bool was_implausible;
	bool stepped;
	struct mono held_since; /* stepped: a time daemon has held it from here on */
};

struct doubt {
	bool before_build, before_mark, stepped;
	bool unsynchronised; /* a warning, not a doubt */
	int64_t step_ns;     /* stepped: how far; 0: from a time that was none */
};

/* now, mark: in the policy's time; mark 0: none yet. */
struct doubt trust_judge(struct trust *trust, const struct clock_reading *reading, struct wall now,
			 struct wall mark, struct wall build);

bool doubt_any(const struct doubt *doubt);
bool doubt_same(const struct doubt *a, const struct doubt *b);

#define DOUBT_TEXT 200
/* What is wrong, for a reader; "" when nothing is. */
const char *doubt_format(const struct doubt *doubt, char text[DOUBT_TEXT]);

#endif
