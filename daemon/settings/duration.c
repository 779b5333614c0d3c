/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/duration.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"

#define DURATION_MAX (INT64_C(36500) * 86400 * CLOCK_SECOND)

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{"d", 86400 * CLOCK_SECOND}, {"h", 3600 * CLOCK_SECOND}, {"m", 60 * CLOCK_SECOND},
	{"s", CLOCK_SECOND},	     {"ms", CLOCK_MILLISECOND},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

/* Digits → *value; how many, 0 when there is none or they exceed what a duration can be. */
static size_t read_digits(const char *text, int64_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; isdigit((unsigned char)text[i]); i++) {
		*value = *value * 10 + (text[i] - '0');
		if (*value > DURATION_MAX / CLOCK_MILLISECOND)
			return 0;
	}
	return i;
}

/* The digits behind a point, as nanoseconds of one unit. */
static bool read_fraction(const char *text, size_t length, int64_t unit, int64_t *ns)
{
	int64_t share = unit;

	*ns = 0;
	for (size_t i = 0; i < length; i++) {
		if (share % 10 != 0)
			return false;
		share /= 10;
		*ns += (text[i] - '0') * share;
	}
	return true;
}

static const struct unit *find_unit(const char *text, size_t length)
{
	for (size_t i = 0; i < UNITS; i++)
		if (strlen(units[i].name) == length && memcmp(units[i].name, text, length) == 0)
			return &units[i];
	return NULL;
}

/* One number with its unit; *last becomes that unit, which must be smaller than before. */
static bool read_part(const char **text, const struct unit **last, int64_t *total)
{
	const char *at = *text, *fraction = NULL;
	const struct unit *unit;
	int64_t value, ns, rest = 0;
	size_t digits = read_digits(at, &value), fraction_length = 0, unit_length;

	if (digits == 0)
		return false;
	at += digits;
	if (*at == '.') {
		fraction = ++at;
		fraction_length = strspn(at, "0123456789");
		at += fraction_length;
	}
	unit_length = strspn(at, "abcdefghijklmnopqrstuvwxyz");
	unit = find_unit(at, unit_length);
	at += unit_length;
	if (!unit || (*last && unit <= *last))
		return false;
	if (fraction && (fraction_length == 0 || *at ||
			 !read_fraction(fraction, fraction_length, unit->ns, &rest)))
		return false;
	if (__builtin_mul_overflow(value, unit->ns, &ns) || ns > DURATION_MAX)
		return false;
	*total += ns + rest;
	*last = unit;
	*text = at;
	return *total <= DURATION_MAX;
}

bool duration_parse(const char *text, int64_t *ns)
{
	bool negative = *text == '-';
	const struct unit *last = NULL;
	int64_t total = 0;

	if (*text == '-' || *text == '+')
		text++;
	do {
		if (!read_part(&text, &last, &total))
			return false;
	} while (*text);
	*ns = negative ? -total : total;
	return true;
}

/* What is left of a second or less: "s" with a fraction. */
static int format_seconds(int64_t ns, char *text, size_t size)
{
	int n = snprintf(text, size, "%lld.%09lld", (long long)(ns / CLOCK_SECOND),
			 (long long)(ns % CLOCK_SECOND));

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	text[n++] = 's';
	text[n] = '\0';
	return n;
}

const char *duration_format(int64_t ns, char text[DURATION_TEXT])
{
	int64_t left = ns < 0 ? -ns : ns;
	int n = 0;

	if (ns < 0)
		text[n++] = '-';
	for (size_t i = 0; units[i].ns > CLOCK_SECOND; i++) {
		if (left >= units[i].ns)
			n += snprintf(text + n, DURATION_TEXT - (size_t)n, "%lld%s",
				      (long long)(left / units[i].ns), units[i].name);
		left %= units[i].ns;
	}
	if (left > 0 || ns == 0)
		format_seconds(left, text + n, DURATION_TEXT - (size_t)n);
	return text;
}
