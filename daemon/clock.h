/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time. The only module that reads a clock; everywhere else `now` is an argument.
 *
 * struct wall is UTC in nanoseconds since 1970 (CLOCK_REALTIME), struct mono is CLOCK_BOOTTIME.
 * They are different types so that no one subtracts one from the other.
 */
#ifndef CUTOFFD_CLOCK_H
#define CUTOFFD_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wall {
	int64_t ns;
};

struct mono {
	int64_t ns;
};

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)

/* Later than every instant: "has no end". */
#define WALL_NEVER ((struct wall){INT64_MAX})

/* Room for every text that wall_format and wall_format_event write, with the final NUL. */
#define WALL_TEXT 40

struct wall clock_wall(void);
struct mono clock_mono(void);
/* Whether the kernel holds CLOCK_REALTIME for synchronised (adjtimex(2)). */
bool clock_synchronised(void);

/* Both clocks at one moment, and what the kernel says of the first. */
struct clock_reading {
	struct wall wall;
	struct mono mono;
	bool synchronised; /* as clock_synchronised says */
};

struct clock_reading clock_read(void);

/* When this program was made: no clock that is right shows an earlier time. */
struct wall clock_build(void);

/* The kernel's name of this boot, of which struct mono counts; "" where it has none. */
#define CLOCK_BOOT 40
const char *clock_boot(char text[CLOCK_BOOT]);

static inline bool wall_before(struct wall a, struct wall b)
{
	return a.ns < b.ns;
}

/* a + ns, held at the ends of the range instead of wrapping; WALL_NEVER stays WALL_NEVER. */
struct wall wall_add(struct wall a, int64_t ns);

/* "2024-09-29T04:00:00Z", "2024-09-29T00:00:00-04:00", fractions of a second allowed (RFC 3339).
 * false when it is not of that form or there is no such day; a zone is required. */
bool wall_parse(const char *text, struct wall *out);

/* "2024-09-29T04:00:00Z"; WALL_NEVER is "never". Returns text. */
const char *wall_format(struct wall at, char text[WALL_TEXT]);

/* As Suricata's EVE writes it: "2024-09-29T04:00:00.000000+0000". Returns text. */
const char *wall_format_event(struct wall at, char text[WALL_TEXT]);

#endif
