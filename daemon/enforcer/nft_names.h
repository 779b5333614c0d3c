/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names that a ruleset has of one kind (chains, sets, counters), sorted, so that thousands can
 * be looked for: what else the table holds is none of ours. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_NAMES_H
#define CUTOFFD_NFT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/arena.h"

struct nft_names {
	const char **sorted;
	size_t count;
};

/* Of an array of count elements of so many bytes, each of which begins with its name. The names
 * stay the caller's. */
struct nft_names nft_names(struct arena *arena, const void *array, size_t count, size_t size);
bool nft_has_name(const struct nft_names *names, const char *name);

#endif
