/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

struct wall clock_wall(void)
{
	return (struct wall){read_clock(CLOCK_REALTIME)};
}

struct mono clock_mono(void)
{
	return (struct mono){read_clock(CLOCK_BOOTTIME)};
}

bool clock_synchronised(void)
{
	struct timex state = {.modes = 0}; /* asks, and sets nothing */
	int answer = adjtimex(&state);

	return answer >= 0 && answer != TIME_ERROR && !(state.status & STA_UNSYNC);
}

struct clock_reading clock_read(void)
{
	return (struct clock_reading){clock_wall(), clock_mono(), clock_synchronised()};
}

struct wall clock_build(void)
{
	return (struct wall){BUILD_TIME * CLOCK_SECOND};
}

const char *clock_boot(char text[CLOCK_BOOT])
{
	FILE *file = fopen(BOOT_ID, "re");

	if (!file || !fgets(text, CLOCK_BOOT, file))
		text[0] = '\0';
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

struct wall wall_add(struct wall a, int64_t ns)
{
	int64_t sum;

	if (a.ns == WALL_NEVER.ns)
		return a;
	if (__builtin_add_overflow(a.ns, ns, &sum))
		sum = ns > 0 ? INT64_MAX : INT64_MIN;
	return (struct wall){sum};
}

/* Exactly n digits at *text, which moves behind them; false when there are fewer. */
static bool take_digits(const char **text, int n, int *value)
{
	*value = 0;
	for (int i = 0; i < n; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return false;
		*value = *value * 10 + (**text - '0');
	}
	return true;
}

static bool take_char(const char **text, const char *choice)
{
	if (**text == '\0' || !strchr(choice, **text))
		return false;
	(*text)++;
	return true;
}

static bool take_date_time(const char **text, struct tm *tm)
{
	return take_digits(text, 4, &tm->tm_year) && take_char(text, "-") &&
	       take_digits(text, 2, &tm->tm_mon) && take_char(text, "-") &&
	       take_digits(text, 2, &tm->tm_mday) && take_char(text, "Tt ") &&
	       take_digits(text, 2, &tm->tm_hour) && take_char(text, ":") &&
	       take_digits(text, 2, &tm->tm_min) && take_char(text, ":") &&
	       take_digits(text, 2, &tm->tm_sec);
}

static bool take_fraction(const char **text, int64_t *ns)
{
	int64_t unit = CLOCK_SECOND / 10;

	*ns = 0;
	if (!take_char(text, "."))
		return true;
	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		*ns += unit * (**text - '0');
	return true;
}

static bool take_zone(const char **text, int64_t *offset_ns)
{
	int hours, minutes;
	bool west = **text == '-';

	*offset_ns = 0;
	if (take_char(text, "Zz"))
		return true;
	if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
		return false;
	take_char(text, ":");
	if (!take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset_ns = (hours * 60 + minutes) * 60 * CLOCK_SECOND;
	if (west)
		*offset_ns = -*offset_ns;
	return true;
}

/* timegm() makes the 31st of February a day in March: a day that changes was none. */
static bool tm_to_seconds(struct tm *tm, int64_t *seconds)
{
	struct tm same;

	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	same = *tm;
	*seconds = timegm(&same);
	return same.tm_mon == tm->tm_mon && same.tm_mday == tm->tm_mday &&
	       same.tm_hour == tm->tm_hour && same.tm_min == tm->tm_min &&
	       same.tm_sec == tm->tm_sec;
}

bool wall_parse(const char *text, struct wall *out)
{
	struct tm tm = {0};
	int64_t seconds, fraction, offset;

	if (!take_date_time(&text, &tm) || !take_fraction(&text, &fraction) ||
	    !take_zone(&text, &offset) || *text != '\0' || !tm_to_seconds(&tm, &seconds))
		return false;
	if (__builtin_mul_overflow(seconds, CLOCK_SECOND, &out->ns))
		return false;
	return !__builtin_add_overflow(out->ns, fraction - offset, &out->ns);
}

/* Seconds since 1970, and what is left, for instants before 1970 too. */
static void split(struct wall at, struct tm *tm, int64_t *ns)
{
	time_t seconds = at.ns / CLOCK_SECOND;

	*ns = at.ns % CLOCK_SECOND;
	if (*ns < 0) {
		*ns += CLOCK_SECOND;
		seconds--;
	}
	gmtime_r(&seconds, tm);
}

const char *wall_format(struct wall at, char text[WALL_TEXT])
{
	struct tm tm;
	int64_t ns;

	if (at.ns == WALL_NEVER.ns) {
		snprintf(text, WALL_TEXT, "never");
		return text;
	}
	split(at, &tm, &ns);
	strftime(text, WALL_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

const char *wall_format_event(struct wall at, char text[WALL_TEXT])
{
	struct tm tm;
	int64_t ns;
	size_t n;

	split(at, &tm, &ns);
	n = strftime(text, WALL_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, WALL_TEXT - n, ".%06d+0000", (int)(ns / 1000));
	return text;
}
