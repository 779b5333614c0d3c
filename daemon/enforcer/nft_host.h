/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Other programs' nf_tables: rules that take packets out of conntrack or use our bits of marks,
 * flowtables, what leads packets past the hooks. Reads only. Used by host.c.
 */
#ifndef CUTOFFD_NFT_HOST_H
#define CUTOFFD_NFT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/enforcer/host.h"

struct nlmsghdr;

/* The bits that are ours. */
struct nft_host_marks {
	uint32_t mask, told;
	bool packets; /* in packets' marks too, not in flows' only */
};

/* 0; -EINTR: the ruleset changed meanwhile, and what was found is to be thrown away; -errno. */
int nft_host_look(struct host *host, const struct nft_host_marks *marks)
	__attribute__((warn_unused_result));

/* One message of a dump of flowtables: apart, since not every kernel has any to dump. */
void nft_host_flowtable(struct host *host, const struct nlmsghdr *message);

#endif
