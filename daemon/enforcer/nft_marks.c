/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_marks.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define ALL_BITS UINT32_MAX
#define WORDS 16
#define REGISTER_WORDS 4

static const struct nft_mark_use no_use = {.mark = NFT_MARK_NONE};

static struct nft_mark_use use_of(enum nft_mark mark, enum nft_mark_act act, uint32_t bits)
{
	return (struct nft_mark_use){mark, act, bits};
}

/* NFT_REG_1..4 are the same store as NFT_REG32_00..15. NULL: the verdict's, or none. */
static struct nft_mark_value *word(struct nft_mark_state *state, uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return &state->words[(reg - NFT_REG_1) * REGISTER_WORDS];
	if (reg >= NFT_REG32_00 && reg < NFT_REG32_00 + WORDS)
		return &state->words[reg - NFT_REG32_00];
	return NULL;
}

static void forget(struct nft_mark_state *state)
{
	memset(state, 0, sizeof(*state));
}

static void put(struct nft_mark_state *state, uint32_t reg, struct nft_mark_value value)
{
	struct nft_mark_value *w = word(state, reg);

	if (w)
		*w = value;
}

static struct nft_mark_value get(struct nft_mark_state *state, uint32_t reg)
{
	const struct nft_mark_value *w = word(state, reg);

	return w ? *w : (struct nft_mark_value){.mark = NFT_MARK_NONE};
}

/* What a write of this value to a mark does to it. */
static struct nft_mark_use write_of(enum nft_mark to, struct nft_mark_value value)
{
	if (value.mark == to)
		return use_of(to, NFT_MARK_SETS, ~value.mask | value.xor);
	if (value.mark == NFT_MARK_FLOW)
		return use_of(to, NFT_MARK_COPIES, value.mask);
	return use_of(to, NFT_MARK_SETS, ALL_BITS);
}

/* meta and ct: a load into a register, or a write from one. */
static struct nft_mark_use follow_field(struct nft_mark_state *state, const struct nftnl_expr *e,
					enum nft_mark mark, uint16_t dreg, uint16_t sreg)
{
	if (nftnl_expr_is_set(e, sreg))
		return mark == NFT_MARK_NONE
			       ? no_use
			       : write_of(mark, get(state, nftnl_expr_get_u32(e, sreg)));
	put(state, nftnl_expr_get_u32(e, dreg), (struct nft_mark_value){mark, ALL_BITS, 0});
	return no_use;
}

static bool word_of(const struct nftnl_expr *e, uint16_t attribute, uint32_t *out)
{
	uint32_t length = 0;
	const void *data = nftnl_expr_get(e, attribute, &length);

	if (!data || length != sizeof(*out))
		return false;
	memcpy(out, data, sizeof(*out));
	return true;
}

/* Newer kernels' operations on two registers, and shifts, are followed no further. */
static void follow_bitwise(struct nft_mark_state *state, const struct nftnl_expr *e)
{
	struct nft_mark_value value = get(state, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG));
	uint32_t mask, xor;

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL &&
	    word_of(e, NFTNL_EXPR_BITWISE_MASK, &mask) &&
	    word_of(e, NFTNL_EXPR_BITWISE_XOR, &xor)) {
		value.mask &= mask;
		value.xor = (value.xor &mask) ^ xor;
	} else {
		value = (struct nft_mark_value){.mark = NFT_MARK_NONE};
	}
	put(state, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG), value);
}

static struct nft_mark_use follow_comparison(struct nft_mark_state *state,
					     const struct nftnl_expr *e, uint16_t sreg)
{
	struct nft_mark_value value = get(state, nftnl_expr_get_u32(e, sreg));

	return value.mark == NFT_MARK_NONE ? no_use
					   : use_of(value.mark, NFT_MARK_COMPARES, value.mask);
}

static struct nft_mark_use follow_lookup(struct nft_mark_state *state, const struct nftnl_expr *e)
{
	struct nft_mark_use use = follow_comparison(state, e, NFTNL_EXPR_LOOKUP_SREG);

	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
	    word(state, nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG)))
		forget(state);
	return use;
}

static struct nft_mark_use use_of_connmark(const struct xt_connmark_tginfo1 *info, uint8_t mode)
{
	switch (mode) {
	case XT_CONNMARK_SET:
		return use_of(NFT_MARK_FLOW, NFT_MARK_SETS, info->ctmask | info->ctmark);
	case XT_CONNMARK_SAVE:
		return use_of(NFT_MARK_FLOW, NFT_MARK_SETS, info->ctmask | info->nfmask);
	case XT_CONNMARK_RESTORE:
		return use_of(NFT_MARK_PACKET, NFT_MARK_COPIES, info->ctmask);
	}
	return no_use;
}

/* The xt targets of iptables-nft: kernel's net/netfilter/xt_mark.c, xt_connmark.c. */
static struct nft_mark_use follow_target(const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME);
	uint32_t revision = nftnl_expr_get_u32(e, NFTNL_EXPR_TG_REV), length = 0;
	const void *bytes = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &length);
	struct xt_connmark_tginfo2 shifted = {0};
	struct xt_connmark_tginfo1 flow = {0};
	struct xt_mark_tginfo2 packet;

	if (!name || !bytes)
		return no_use;
	if (strcmp(name, "MARK") == 0 && revision == 2 && length >= sizeof(packet)) {
		memcpy(&packet, bytes, sizeof(packet));
		return use_of(NFT_MARK_PACKET, NFT_MARK_SETS, packet.mask | packet.mark);
	}
	if (strcmp(name, "CONNMARK") != 0)
		return no_use;
	if (revision == 1 && length >= sizeof(flow)) {
		memcpy(&flow, bytes, sizeof(flow));
		return use_of_connmark(&flow, flow.mode);
	}
	if (revision == 2 && length >= sizeof(shifted)) {
		memcpy(&shifted, bytes, sizeof(shifted));
		memcpy(&flow, bytes, offsetof(struct xt_connmark_tginfo1, mode));
		return use_of_connmark(&flow, shifted.mode);
	}
	return no_use;
}

/* Both matches have the same form: xt_mark_mtinfo1, xt_connmark_mtinfo1. */
static struct nft_mark_use follow_match(const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	uint32_t length = 0;
	const void *bytes = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &length);
	struct xt_mark_mtinfo1 info;

	if (!name || !bytes || length < sizeof(info) ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_MT_REV) != 1)
		return no_use;
	memcpy(&info, bytes, sizeof(info));
	if (strcmp(name, "mark") == 0)
		return use_of(NFT_MARK_PACKET, NFT_MARK_COMPARES, info.mask);
	if (strcmp(name, "connmark") == 0)
		return use_of(NFT_MARK_FLOW, NFT_MARK_COMPARES, info.mask);
	return no_use;
}

/* Those that write no register. */
static bool leaves_registers(const char *name)
{
	static const char *const names[] = {"counter", "limit",	  "log",       "quota",
					    "objref",  "notrack", "connlimit", "last"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void follow_other(struct nft_mark_state *state, const struct nftnl_expr *e, const char *name)
{
	const struct nft_mark_value nothing = {.mark = NFT_MARK_NONE};

	if (strcmp(name, "payload") == 0 && nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG)) {
		/* An address takes four words at most. */
		for (uint32_t i = 0; i < REGISTER_WORDS; i++) {
			struct nft_mark_value *w =
				word(state, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG));

			if (w && w + i < state->words + WORDS)
				w[i] = nothing;
		}
	} else if (!leaves_registers(name)) {
		forget(state);
	}
}

static enum nft_mark mark_if(bool is, enum nft_mark mark)
{
	return is ? mark : NFT_MARK_NONE;
}

struct nft_mark_use nft_marks_next(struct nft_mark_state *state, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (strcmp(name, "meta") == 0)
		return follow_field(
			state, e,
			mark_if(nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) == NFT_META_MARK,
				NFT_MARK_PACKET),
			NFTNL_EXPR_META_DREG, NFTNL_EXPR_META_SREG);
	if (strcmp(name, "ct") == 0)
		return follow_field(state, e,
				    mark_if(nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_MARK,
					    NFT_MARK_FLOW),
				    NFTNL_EXPR_CT_DREG, NFTNL_EXPR_CT_SREG);
	if (strcmp(name, "cmp") == 0)
		return follow_comparison(state, e, NFTNL_EXPR_CMP_SREG);
	if (strcmp(name, "range") == 0)
		return follow_comparison(state, e, NFTNL_EXPR_RANGE_SREG);
	if (strcmp(name, "dynset") == 0)
		return follow_comparison(state, e, NFTNL_EXPR_DYNSET_SREG_KEY);
	if (strcmp(name, "lookup") == 0)
		return follow_lookup(state, e);
	if (strcmp(name, "target") == 0)
		return follow_target(e);
	if (strcmp(name, "match") == 0)
		return follow_match(e);
	if (strcmp(name, "bitwise") == 0)
		follow_bitwise(state, e);
	else
		follow_other(state, e, name);
	return no_use;
}
