/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/measure.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOUR 3600
#define DAY (24 * HOUR)

/* No zone was ever further from UTC (Manila before 1845: 15:56:08 behind). */
#define OFFSET_MAX (16 * HOUR)

/* struct wall holds no year but these whole. */
#define YEAR_MIN 1678
#define YEAR_MAX 2261

#define DATE_LENGTH 10

/* A date in its parts, the time of day completed to its seconds. */
struct written {
	char date[DATE_LENGTH + 1];
	char time[24]; /* "T00:00:00" */
	char zone[8];  /* "": local */
	enum precision precision;
};

static bool split(const char *text, struct written *written)
{
	size_t length = strlen(text), time;
	const char *rest = text + DATE_LENGTH;
	bool day, no_seconds;

	if (length < DATE_LENGTH)
		return false;
	time = strcspn(rest, "Zz+-");
	day = time == 0;
	no_seconds = time == strlen("T00:00");
	if (time > sizeof(written->time) - sizeof(":00") ||
	    length - DATE_LENGTH - time >= sizeof(written->zone))
		return false;
	snprintf(written->date, sizeof(written->date), "%.*s", DATE_LENGTH, text);
	snprintf(written->time, sizeof(written->time), "%.*s%s", day ? 9 : (int)time,
		 day ? "T00:00:00" : rest, no_seconds ? ":00" : "");
	snprintf(written->zone, sizeof(written->zone), "%s", rest + time);
	written->precision = day ? PRECISION_DAY : PRECISION_INSTANT;
	return true;
}

static bool year_in_range(const char *date)
{
	int year = 0;

	for (int i = 0; i < 4; i++) {
		if (!isdigit((unsigned char)date[i]))
			return true; /* wall_parse says what it is */
		year = year * 10 + (date[i] - '0');
	}
	return year >= YEAR_MIN && year <= YEAR_MAX;
}

static bool parse(const char *date, const struct written *written, struct wall *at)
{
	char text[sizeof(*written)];

	snprintf(text, sizeof(text), "%.*s%s%s", DATE_LENGTH, date, written->time,
		 written->zone[0] ? written->zone : "Z");
	return wall_parse(text, at);
}

/* The form of an impossible year is judged by that of a possible one. */
static enum instant_error read_written(const struct written *written, struct wall *at)
{
	char possible[DATE_LENGTH + 1];

	if (year_in_range(written->date))
		return parse(written->date, written, at) ? INSTANT_OK : INSTANT_FORM;
	snprintf(possible, sizeof(possible), "2000%s", written->date + 4);
	return parse(possible, written, at) ? INSTANT_OUT_OF_RANGE : INSTANT_FORM;
}

/* "right/" counts leap seconds and "localtime" is the host's own: neither is a zone of a law. */
static bool zone_name_valid(const char *zone)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";

	return zone && isalpha((unsigned char)zone[0]) && zone[strspn(zone, allowed)] == '\0' &&
	       strncmp(zone, "right/", 6) != 0 && strcmp(zone, "localtime") != 0;
}

/* libc takes a zone that it does not know for UTC, without a word: look before it does. */
static bool zone_exists(const char *zone)
{
	const char *folder = getenv("TZDIR");
	char path[4096], magic[4];
	bool found;
	int fd, n;

	if (!zone_name_valid(zone))
		return false;
	n = snprintf(path, sizeof(path), "%s/%s",
		     folder && folder[0] ? folder : "/usr/share/zoneinfo", zone);
	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	found = read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
	close(fd);
	return found;
}

/* What clocks in libc's zone show at this instant, as if they showed UTC. */
static int64_t face_at(int64_t instant)
{
	time_t t = instant;
	struct tm tm;

	return localtime_r(&t, &tm) ? instant + tm.tm_gmtoff : instant;
}

/* The instants at which clocks show this face: none, one, or the first and last of several. Each
 * offset from UTC that is in use about then gives a candidate. */
static bool find_instants(int64_t face, int64_t *first, int64_t *last)
{
	bool found = false;

	for (int64_t probe = face - OFFSET_MAX; probe <= face + OFFSET_MAX; probe += HOUR) {
		int64_t candidate = face - (face_at(probe) - probe);

		if (face_at(candidate) != face)
			continue;
		if (!found || candidate < *first)
			*first = candidate;
		if (!found || candidate > *last)
			*last = candidate;
		found = true;
	}
	return found;
}

/* Clocks that skip midnight begin the day with the first instant after the gap. */
static int64_t first_instant_not_before(int64_t face)
{
	int64_t low = face - OFFSET_MAX, high = face + OFFSET_MAX;

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (face_at(middle) < face)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static enum instant_error find_day(int64_t midnight, int64_t *instant)
{
	int64_t last;

	if (find_instants(midnight, instant, &last))
		return INSTANT_OK;
	*instant = first_instant_not_before(midnight);
	return face_at(*instant) < midnight + DAY ? INSTANT_OK : INSTANT_SKIPPED;
}

static enum instant_error find_time(int64_t face, int64_t *instant)
{
	int64_t last;

	if (!find_instants(face, instant, &last))
		return INSTANT_SKIPPED;
	return *instant == last ? INSTANT_OK : INSTANT_REPEATED;
}

static bool set_tz(const char *zone)
{
	int failed = zone ? setenv("TZ", zone, 1) : unsetenv("TZ");

	tzset();
	return failed == 0;
}

/* libc knows one zone at a time, the process's own: it is borrowed and given back. */
static enum instant_error local_compile(struct wall face, const char *zone,
					enum precision precision, struct wall *at)
{
	enum instant_error error = INSTANT_NO_ZONE;
	int64_t fraction = face.ns % CLOCK_SECOND, seconds, instant;
	const char *tz = getenv("TZ");
	char *before = tz ? strdup(tz) : NULL;

	if (fraction < 0)
		fraction += CLOCK_SECOND;
	seconds = (face.ns - fraction) / CLOCK_SECOND;
	if ((tz && !before) || !zone_exists(zone))
		goto out;
	if (set_tz(zone))
		error = precision == PRECISION_DAY ? find_day(seconds, &instant)
						   : find_time(seconds, &instant);
	if (error == INSTANT_OK)
		at->ns = instant * CLOCK_SECOND + fraction;
	if (!set_tz(before))
		abort(); /* every later local time would be wrong */
out:
	free(before);
	return error;
}

enum instant_error instant_compile(const char *text, const char *zone, struct wall *at,
				   enum precision *precision)
{
	struct written written;
	enum instant_error error;
	struct wall face;

	if (!split(text, &written))
		return INSTANT_FORM;
	error = read_written(&written, &face);
	if (error == INSTANT_OK && written.zone[0])
		*at = face;
	else if (error == INSTANT_OK)
		error = local_compile(face, zone, written.precision, at);
	if (error == INSTANT_OK)
		*precision = written.precision;
	return error;
}

const char *instant_error_text(enum instant_error error)
{
	switch (error) {
	case INSTANT_OK:
		return "no error";
	case INSTANT_FORM:
		return "neither a day nor a time; write 2024-09-29, 2024-09-29T00:00:00 or "
		       "2024-09-29T04:00:00Z";
	case INSTANT_NO_ZONE:
		return "the tz database has no such zone; write one like America/New_York, and see "
		       "that tzdata is installed";
	case INSTANT_SKIPPED:
		return "the zone's clocks skip this time; write one that they show";
	case INSTANT_REPEATED:
		return "the zone's clocks show this time twice; write its offset from UTC, like "
		       "2026-11-01T01:30:00-04:00";
	case INSTANT_OUT_OF_RANGE:
		return "no year between 1678 and 2261; write one";
	}
	return "unknown error";
}
