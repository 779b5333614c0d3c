/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/trust.h"

#include <stdio.h>
#include <string.h>

/* A time daemon that steps the clock back by less has not found it wrong. */
#define SLACK CLOCK_SECOND

/* Since when a time daemon has held the clock where it was stepped to. */
static bool held_for_a_day(struct trust *trust, const struct clock_reading *reading)
{
	if (!trust->stepped || !reading->synchronised)
		trust->held_since = reading->mono;
	return reading->synchronised && reading->mono.ns - trust->held_since.ns >= TRUST_DAY;
}

/* How far the clock was stepped forward; 0: it was not. */
static int64_t step_of(const struct trust *trust, int64_t difference)
{
	int64_t step;

	if (__builtin_sub_overflow(difference, trust->reference, &step))
		step = INT64_MAX;
	return step > TRUST_STEP ? step : 0;
}

static void judge_step(struct trust *trust, const struct clock_reading *reading,
		       struct doubt *doubt)
{
	int64_t difference = reading->wall.ns - reading->mono.ns;

	if (trust->has_reference) {
		doubt->step_ns = step_of(trust, difference);
		doubt->stepped = doubt->step_ns > 0 && !held_for_a_day(trust, reading);
	} else {
		/* From 1970 to anywhere: a time daemon's word is needed. */
		doubt->stepped = trust->was_implausible && !reading->synchronised;
	}
	trust->stepped = doubt->stepped;
	if (doubt->stepped)
		return;
	doubt->step_ns = 0;
	if (!trust->has_reference || difference > trust->reference)
		trust->reference = difference;
	trust->has_reference = true;
}

struct doubt trust_judge(struct trust *trust, const struct clock_reading *reading, struct wall now,
			 struct wall mark, struct wall build)
{
	struct doubt doubt = {
		.before_build = wall_before(reading->wall, build),
		.before_mark = wall_before(wall_add(now, SLACK), mark),
		.unsynchronised = !reading->synchronised,
	};

	if (doubt.before_build || doubt.before_mark)
		trust->was_implausible = true;
	else
		judge_step(trust, reading, &doubt);
	return doubt;
}

bool doubt_any(const struct doubt *doubt)
{
	return doubt->before_build || doubt->before_mark || doubt->stepped;
}

bool doubt_same(const struct doubt *a, const struct doubt *b)
{
	return a->before_build == b->before_build && a->before_mark == b->before_mark &&
	       a->stepped == b->stepped && a->unsynchronised == b->unsynchronised;
}

const char *doubt_format(const struct doubt *doubt, char text[DOUBT_TEXT])
{
	char step[80] = "";
	const char *const parts[] = {
		doubt->before_build ? "it is earlier than this program" : "",
		doubt->before_mark ? "it is earlier than it has been" : "",
		step,
		doubt->unsynchronised ? "nobody synchronises it" : "",
	};
	size_t n = 0;

	if (doubt->stepped && doubt->step_ns == 0)
		snprintf(step, sizeof(step), "it was set from a time that was none");
	else if (doubt->stepped)
		snprintf(step, sizeof(step), "it was stepped forward by %lld minutes",
			 (long long)(doubt->step_ns / (60 * CLOCK_SECOND)));
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (*parts[i])
			n += (size_t)snprintf(text + n, DOUBT_TEXT - n, "%s%s", n > 0 ? "; " : "",
					      parts[i]);
	return text;
}
