/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the state directory: written whole or not at all, and with a last line that tells
 * whether they are still what was written. What stands in them is their owners' business.
 */
#ifndef CUTOFFD_STATEFILE_H
#define CUTOFFD_STATEFILE_H

#include <stdbool.h>
#include <stddef.h>

/* The last line's length: "sum ", the SHA-256 of all before it in hexadecimal, a line's end. */
#define STATEFILE_SUM 69

void statefile_sum(const char *text, size_t length, char line[STATEFILE_SUM + 1]);
/* Whether the last line is that of what stands before it. */
bool statefile_sum_right(const char *text, size_t length);

/* The whole file, to free(). 0; -EBADMSG: no plain file, or one of more than max bytes; -errno. */
int statefile_read(const char *path, size_t max, char **text, size_t *length)
	__attribute__((warn_unused_result));
/* Atomic (a new file PATH.new, fsync, rename, fsync of the folder), mode 0640. 0 or -errno. */
int statefile_save(const char *path, const char *text, size_t length)
	__attribute__((warn_unused_result));

#endif
