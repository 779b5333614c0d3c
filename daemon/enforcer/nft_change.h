/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages that turn the table that the kernel holds into the desired one. Rules are replaced,
 * chains, sets and counters that stay are kept, elements change by their difference. Used by nft.c.
 */
#ifndef CUTOFFD_NFT_CHANGE_H
#define CUTOFFD_NFT_CHANGE_H

#include <stdbool.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_held.h"
#include "daemon/enforcer/ruleset_model.h"

/* Whether the kernel's chain can stay; else it is made anew. */
bool nft_chain_fits(const struct chain *desired, const struct held_chain *held);
/* What of a chain that fits is changed in place. */
bool nft_policy_fits(const struct held_chain *held);

/* held: the table at this point of the transaction; before: as it was read, whose latches
 * and counts stay. They are the same unless the transaction has begun with the table's removal. */
void nft_change(struct nft_batch *batch, const struct ruleset *desired, const struct held *held,
		const struct held *before);

#endif
