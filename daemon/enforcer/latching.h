/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latch at work: reads what the kernel has latched, judges the clock by which it did, writes
 * to disk before anything else, and takes every ruleset to the kernel, so that no transaction ever
 * loses a latch. Called by the enforcer's files only.
 */
#ifndef CUTOFFD_LATCHING_H
#define CUTOFFD_LATCHING_H

#include <jansson.h>

#include "daemon/enforcer/latch.h"
#include "daemon/enforcer/nft.h"

struct enforcer;
struct latching;
struct site;

/* Reads the file. 0, or -errno with a line in the log. */
int latching_open(struct enforcer *enforcer) __attribute__((warn_unused_result));
/* Timer and signal, when the recorder can be told; carries out an order that waits. 0 or -errno. */
int latching_start(struct enforcer *enforcer) __attribute__((warn_unused_result));
/* Writes the mark. */
void latching_close(struct enforcer *enforcer);

/* Reads and writes what is new: the clock, the kernel's latches, the mark. */
void latching_sync(struct enforcer *enforcer);

/* The site's ruleset, made with the latches, into the kernel (if there is one to tell): the only
 * way there, for start, reload and repair. A failure changes nothing. 0, or -errno with a text. */
int latching_apply(struct enforcer *enforcer, struct site *site, char error[NFT_ERROR])
	__attribute__((warn_unused_result));

/* What came of it, to log and recorder: once the site is the enforcer's. */
void latching_tell(struct enforcer *enforcer);

/* Lifts what text names, in kernel and file. false: it cannot be, and answer says why. */
bool latching_lift(struct enforcer *enforcer, const char *text, const char *reason, char *answer,
		   size_t size);

/* NULL: not latched. */
const struct latch_entry *latching_find(const struct enforcer *enforcer, uint32_t number);
/* What `status` says of the clock. A new reference. */
json_t *latching_clock_json(const struct enforcer *enforcer);

#endif
