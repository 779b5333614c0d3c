/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this version needs of the kernel, tried: each feature by itself, then the whole ruleset of
 * these settings, in a network namespace that is gone afterwards. Used by host.c.
 */
#ifndef CUTOFFD_NFT_PROBE_H
#define CUTOFFD_NFT_PROBE_H

#include "daemon/enforcer/host.h"

/* Needs CAP_SYS_ADMIN for the namespace; without it that is what is found. */
void nft_probe(struct host *host, const struct ruleset *ruleset);

#endif
