/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durations as users write them: "90s", "15m", "-30d12h", "1.5s", "250ms". Pure.
 */
#ifndef CUTOFFD_DURATION_H
#define CUTOFFD_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURATION_TEXT 48

/* Numbers with a unit each (d, h, m, s, ms), largest unit first and none twice, a sign before the
 * first; the last number may have a fraction down to a nanosecond. No months and years: they have
 * no length of their own. At most 100 years of 365 days. false: not of this form. */
bool duration_parse(const char *text, int64_t *ns);

/* The same form, canonical: "-30d12h", "0s". Returns text. */
const char *duration_format(int64_t ns, char text[DURATION_TEXT]);

#endif
