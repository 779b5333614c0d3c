/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets and maps of a ruleset → messages: the set itself, and its elements as the difference from
 * what the kernel holds. An element that stays as it is is never touched. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_SETS_H
#define CUTOFFD_NFT_SETS_H

#include <stdbool.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_held.h"
#include "daemon/enforcer/ruleset_model.h"

/* Whether the kernel's set can hold what this one is to hold; else it is made anew. */
bool nft_set_fits(const struct set *desired, const struct held_set *held);

/* Of two elements with the same key. */
bool nft_element_same(const struct element *a, const struct element *b);

/* id: different for each set of the transaction. */
void nft_set_create(struct nft_batch *batch, const struct set *set, uint32_t id);
void nft_set_delete(struct nft_batch *batch, const char *name);

/* held: NULL when the set is new. */
void nft_set_fill(struct nft_batch *batch, const struct set *desired, const struct held_set *held);

/* The latch keeps the numbers that it holds in `before`, but for those that the ruleset lifts,
 * those whose instant is later in the ruleset than it was there (their date was moved), and all of
 * them where a rehearsal begins or ends; and gets those that the ruleset puts back. held: the table
 * that is changed; it is not `before` when the table is made anew. */
void nft_latch_amend(struct nft_batch *batch, const struct ruleset *desired,
		     const struct held *held, const struct held *before);

#endif
