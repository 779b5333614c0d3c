/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Complaints about settings: each with file, line, column, the line itself and a remedy. Printed
 * as compilers do: "FILE:LINE:COLUMN: error: what; what to do", the line, a caret under the place.
 * All are counted; of errors and of warnings the first COMPLAINTS_KEPT each are kept, so that a
 * list with a million bad lines costs no memory. Everything given is copied.
 */
#ifndef CUTOFFD_COMPLAINT_H
#define CUTOFFD_COMPLAINT_H

#include <stddef.h>
#include <stdio.h>

#define COMPLAINTS_KEPT 100

struct complaints;

/* Where something stands. line and column count from 1, columns in characters; line 0: the file as
 * a whole. */
struct place {
	const char *file;
	unsigned int line, column;
	const char *text; /* the line, up to its end (a NUL or a line feed); NULL: not known */
};

struct complaints *complaints_new(void);
void complaints_free(struct complaints *complaints);

/* From here on this file counts as read: complaints are printed in the order of these calls. */
void complaints_file(struct complaints *complaints, const char *file);

/* "what; remedy". */
void complain(struct complaints *complaints, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void complain_warning(struct complaints *complaints, const struct place *place, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

size_t complaints_errors(const struct complaints *complaints);
size_t complaints_warnings(const struct complaints *complaints);
/* In the order of files as they were read, then of lines. */
void complaints_print(const struct complaints *complaints, FILE *out);

#endif
