/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rule of another program does with the bits of marks: its expressions are followed one by
 * one, with what each register holds of a mark. What cannot be followed counts as no mark, so that
 * nothing is said that is not so. Used by nft_host.c.
 */
#ifndef CUTOFFD_NFT_MARKS_H
#define CUTOFFD_NFT_MARKS_H

#include <stdint.h>
#include <stdio.h> /* libnftnl/expr.h lacks it */

#include <libnftnl/expr.h>

enum nft_mark {
	NFT_MARK_NONE,
	NFT_MARK_PACKET, /* meta mark */
	NFT_MARK_FLOW,	 /* ct mark */
};

enum nft_mark_act {
	NFT_MARK_SETS,
	NFT_MARK_COMPARES,
	NFT_MARK_COPIES, /* the flow's bits into the packet's mark */
};

struct nft_mark_use {
	enum nft_mark mark; /* NFT_MARK_NONE: the expression does nothing of these */
	enum nft_mark_act act;
	uint32_t bits;
};

/* A register: (mark & mask) ^ xor. */
struct nft_mark_value {
	enum nft_mark mark;
	uint32_t mask, xor;
};

/* The kernel's sixteen words of registers; all zero at a rule's beginning. */
struct nft_mark_state {
	struct nft_mark_value words[16];
};

struct nft_mark_use nft_marks_next(struct nft_mark_state *state, const struct nftnl_expr *expr);

#endif
