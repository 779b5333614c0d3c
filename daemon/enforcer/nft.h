/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's nf_tables: the only user of libnftnl. Owns one netlink socket, through which the
 * table is owned (flags owner, persist). Touches table `inet cutoffd` and no other. Every
 * acknowledgement of a batch is collected; an overrun leads to a dump, which is an ordinary path.
 */
#ifndef CUTOFFD_NFT_H
#define CUTOFFD_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/enforcer/ruleset.h"

struct nft;

#define NFT_ERROR 512

/* NULL, with a text in error that says what is missing (CAP_NET_ADMIN, nf_tables) and the remedy.
 */
struct nft *nft_open(char error[NFT_ERROR]);
void nft_close(struct nft *nft);

/* Whether the kernel takes table flags owner and persist (Linux 6.9 on). */
bool nft_has_owner(const struct nft *nft);

/* What the kernel knows our changes by: a notification's netlink port. */
uint32_t nft_port(const struct nft *nft);

/* One transaction from what the kernel holds to what is desired: named sets and maps by element
 * deltas, chains kept and their rules replaced, base chains never deleted, latches and counters
 * kept. What somebody else left in the table may make the kernel refuse that: then the table is
 * made anew, in one transaction, with its latches and counts. 0, or -errno with a text that says
 * which part the kernel refused (nothing has changed then). -EBUSY: another living process owns the
 * table. */
int nft_apply(struct nft *nft, const struct ruleset *desired, char error[NFT_ERROR])
	__attribute__((warn_unused_result));

/* Whether the kernel holds what is desired, beside latches, counts and what rules learn. 0: yes; 1:
 * no, with a text that names the first part that is gone, changed or somebody else's, and how many
 * more there are; -errno with a text. */
int nft_compare(struct nft *nft, const struct ruleset *desired, char difference[NFT_ERROR])
	__attribute__((warn_unused_result));

/* Removes the table: 1, or 0 when there is none. -EBUSY: a living process owns it. */
int nft_remove(struct nft *nft, char error[NFT_ERROR]) __attribute__((warn_unused_result));

/* A number in set `latched`. */
struct nft_latch {
	uint32_t number;
	bool dated;	   /* a stage or waiver of the ruleset that is in force */
	struct wall since; /* its instant there, in the policy's time */
};

/* What the kernel has latched: how many (at most max are filled), or -errno. rehearsal: whether the
 * table is a rehearsal's; may be NULL. */
int nft_latched(struct nft *nft, struct nft_latch *latches, size_t max, bool *rehearsal);

struct nft_counter {
	char name[64]; /* as in the ruleset: "stage_3_refused" */
	uint64_t packets, bytes;
};

/* The table's named counters: how many (at most max are filled), or -errno. */
int nft_counters(struct nft *nft, struct nft_counter *counters, size_t max);

#endif
