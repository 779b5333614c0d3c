/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STATE/numbers: where the allotted class and stage numbers are kept. They go to disk before any
 * of them goes to the kernel.
 */
#ifndef CUTOFFD_NUMBERS_FILE_H
#define CUTOFFD_NUMBERS_FILE_H

#include "daemon/policy/numbers.h"

/* Both: 0 or -errno, with a line in the log. */
int numbers_file_load(struct numbers *numbers, const char *state)
	__attribute__((warn_unused_result));
int numbers_file_save(struct numbers *numbers, const char *state)
	__attribute__((warn_unused_result));

#endif
