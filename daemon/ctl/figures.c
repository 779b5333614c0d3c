/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/ctl/figures.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/clock.h"

/* From here on hours are of no interest. */
#define MANY_DAYS 100

const char *figure_span(int64_t ns, char text[FIGURE_TEXT])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	int64_t seconds = ns / CLOCK_SECOND, rest;
	size_t i = 0;

	while (i < last && seconds < units[i].seconds)
		i++;
	rest = i < last ? seconds % units[i].seconds / units[i + 1].seconds : 0;
	if (rest == 0 || seconds >= MANY_DAYS * units[0].seconds)
		snprintf(text, FIGURE_TEXT, "%" PRId64 " %s", seconds / units[i].seconds,
			 units[i].name);
	else
		snprintf(text, FIGURE_TEXT, "%" PRId64 " %s %" PRId64 " %s",
			 seconds / units[i].seconds, units[i].name, rest, units[i + 1].name);
	return text;
}

/* n in the largest of units that leaves a whole number before the point. */
static void scale(uint64_t n, unsigned int step, const char *const units[], char *text)
{
	uint64_t whole = n, rest = 0;
	size_t i = 0;

	while (whole >= step && units[i + 1]) {
		rest = whole % step;
		whole /= step;
		i++;
	}
	if (i == 0)
		snprintf(text, FIGURE_TEXT, "%" PRIu64 "%s", whole, units[0]);
	else
		snprintf(text, FIGURE_TEXT, "%" PRIu64 ".%" PRIu64 "%s", whole, rest * 10 / step,
			 units[i]);
}

const char *figure_count(uint64_t n, char text[FIGURE_TEXT])
{
	static const char *const units[] = {"", " k", " M", " G", " T", " P", " E", NULL};

	if (n < 1000000)
		snprintf(text, FIGURE_TEXT, "%" PRIu64, n);
	else
		scale(n, 1000, units, text);
	return text;
}

const char *figure_bytes(uint64_t n, char text[FIGURE_TEXT])
{
	static const char *const units[] = {" B",   " KiB", " MiB", " GiB",
					    " TiB", " PiB", " EiB", NULL};

	scale(n, 1024, units, text);
	return text;
}
