/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the latch is kept: STATE/latched, and STATE/rehearsal/latched while a cutoff is rehearsed.
 * The two never meet, and the second goes with the rehearsal.
 */
#ifndef CUTOFFD_LATCH_FILE_H
#define CUTOFFD_LATCH_FILE_H

#include "daemon/enforcer/latch.h"

/* 0, or -errno with a line in the log. A damaged file is no reason to enforce nothing: it is put
 * aside as latched.damaged, *damaged is set, and what the kernel still holds is all there is. */
int latch_file_load(struct latch *latch, const char *state, bool rehearsal, bool *damaged)
	__attribute__((warn_unused_result));

/* 0, or -errno with a line in the log. */
int latch_file_save(struct latch *latch, const char *state, bool rehearsal)
	__attribute__((warn_unused_result));

/* Removes STATE/rehearsal. */
void latch_file_end_rehearsal(const char *state);

#endif
