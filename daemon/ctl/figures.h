/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Figures as a reader likes them, in few columns: spans of time, counts, bytes. Pure.
 */
#ifndef CUTOFFD_FIGURES_H
#define CUTOFFD_FIGURES_H

#include <stdint.h>

/* Room for each of these texts, with its NUL. */
#define FIGURE_TEXT 48

/* "2 d 3 h", "15 h 59 min", "12 s": the two largest units. ns >= 0. */
const char *figure_span(int64_t ns, char text[FIGURE_TEXT]);
/* Digits up to 999999, then "1.2 M", "3.4 G": at most 7 columns. */
const char *figure_count(uint64_t n, char text[FIGURE_TEXT]);
/* "512 B", "8.1 KiB". */
const char *figure_bytes(uint64_t n, char text[FIGURE_TEXT]);

#endif
