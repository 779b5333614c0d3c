/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages that turn the table that the kernel holds into the desired one. Rules are replaced,
 * chains, sets and counters that stay are kept, elements change by their difference. Used by nft.c.
 */
#ifndef CUTOFFD_NFT_CHANGE_H
#define CUTOFFD_NFT_CHANGE_H

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_held.h"
#include "daemon/enforcer/ruleset_model.h"

/* held: the table at this point of the transaction; before: as it was read, whose latches stay.
 * They are the same unless the transaction has begun with the table's removal. */
void nft_change(struct nft_batch *batch, const struct ruleset *desired, const struct held *held,
		const struct held *before);

#endif
