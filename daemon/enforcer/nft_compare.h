/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The desired ruleset beside the table that the kernel holds, object by object: no text of either
 * is compared. What the kernel adds by itself (handles, defaults) is no difference, nor is what the
 * rules have counted, latched and learned. Used by nft.c.
 */
#ifndef CUTOFFD_NFT_COMPARE_H
#define CUTOFFD_NFT_COMPARE_H

#include "daemon/enforcer/nft_held.h"
#include "daemon/enforcer/ruleset_model.h"

/* held: all of the table, with its rules. 0: the same; 1: it differs, and text says in what. */
int nft_differs(const struct ruleset *desired, const struct held *held, uint32_t table_flags,
		char *text, size_t size);

#endif
