/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hears of everybody's changes to nftables (NFNLGRP_NFTABLES) through a socket of its own, and says
 * when table `inet cutoffd` was changed by somebody else than ourselves. Changes nothing. What
 * rules do (latch, learn) is not told by the kernel. Beside nft.c.
 */
#ifndef CUTOFFD_NFT_WATCH_H
#define CUTOFFD_NFT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/enforcer/nft.h"

struct nft_watch;

#define NFT_WATCH_NAME 64

struct nft_touch {
	bool touched; /* the table was changed */
	bool lost;    /* the kernel had more to say than the socket holds: it may have been */
	/* who did it last: the process's name, escaped, and its id as the whole machine counts;
	 * "" and 0 when the kernel did not say */
	char name[NFT_WATCH_NAME];
	uint32_t process;
};

/* NULL, with a text in error. Changes through nft are ours. */
struct nft_watch *nft_watch_open(const struct nft *nft, char error[NFT_ERROR]);
void nft_watch_close(struct nft_watch *watch);

/* Readable when there is something to read. Not blocking. */
int nft_watch_fd(const struct nft_watch *watch);

/* Reads all that waits. A transaction counts when the kernel has told all of it. */
struct nft_touch nft_watch_read(struct nft_watch *watch);

#endif
