/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The xt targets and matches of iptables-nft, and rules that nft does not write: by hand. What nft
 * writes: tests/ruleset/host_test.c. */
#include "daemon/enforcer/nft_marks.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct nft_mark_use nothing = {.mark = NFT_MARK_NONE};

static void check(const char *what, struct nft_mark_use got, struct nft_mark_use want)
{
	if (got.mark != want.mark ||
	    (want.mark != NFT_MARK_NONE && (got.act != want.act || got.bits != want.bits)))
		fail_msg("%s: mark %d act %d bits %08x", what, (int)got.mark, (int)got.act,
			 got.bits);
}

static struct nft_mark_use next(struct nft_mark_state *state, struct nftnl_expr *e)
{
	struct nft_mark_use use = nft_marks_next(state, e);

	nftnl_expr_free(e);
	return use;
}

/* libnftnl takes over what it is given. */
static struct nftnl_expr *xt(const char *kind, const char *name, uint32_t revision,
			     const void *info, size_t size)
{
	bool target = strcmp(kind, "target") == 0;
	struct nftnl_expr *e = nftnl_expr_alloc(kind);
	void *copy = malloc(size);

	memcpy(copy, info, size);
	nftnl_expr_set_str(e, target ? NFTNL_EXPR_TG_NAME : NFTNL_EXPR_MT_NAME, name);
	nftnl_expr_set_u32(e, target ? NFTNL_EXPR_TG_REV : NFTNL_EXPR_MT_REV, revision);
	nftnl_expr_set(e, target ? NFTNL_EXPR_TG_INFO : NFTNL_EXPR_MT_INFO, copy, (uint32_t)size);
	return e;
}

static void test_xt_mark(void **state)
{
	const struct xt_mark_tginfo2 set = {.mark = 0x1, .mask = 0xff};
	const struct xt_mark_tginfo2 xor = {.mark = 0x10000, .mask = 0};
	const struct xt_mark_mtinfo1 match = {.mark = 0x1, .mask = 0xff00};
	struct nft_mark_state s = {0};

	(void)state;
	check("-j MARK --set-xmark 1/0xff", next(&s, xt("target", "MARK", 2, &set, sizeof(set))),
	      (struct nft_mark_use){NFT_MARK_PACKET, NFT_MARK_SETS, 0xff});
	check("-j MARK --xor-mark 0x10000", next(&s, xt("target", "MARK", 2, &xor, sizeof(xor))),
	      (struct nft_mark_use){NFT_MARK_PACKET, NFT_MARK_SETS, 0x10000});
	check("cut short", next(&s, xt("target", "MARK", 2, &set, 4)), nothing);
	check("another revision", next(&s, xt("target", "MARK", 1, &set, sizeof(set))), nothing);
	check("another target", next(&s, xt("target", "TEE", 2, &set, sizeof(set))), nothing);
	check("-m mark", next(&s, xt("match", "mark", 1, &match, sizeof(match))),
	      (struct nft_mark_use){NFT_MARK_PACKET, NFT_MARK_COMPARES, 0xff00});
	check("-m connmark", next(&s, xt("match", "connmark", 1, &match, sizeof(match))),
	      (struct nft_mark_use){NFT_MARK_FLOW, NFT_MARK_COMPARES, 0xff00});
	check("-m connmark, cut short", next(&s, xt("match", "connmark", 1, &match, 8)), nothing);
	check("-m comment", next(&s, xt("match", "comment", 1, &match, sizeof(match))), nothing);
}

static void test_xt_connmark(void **state)
{
	const struct {
		const char *what;
		uint8_t mode;
		struct nft_mark_use want;
	} cases[] = {
		{"--set-xmark", XT_CONNMARK_SET, {NFT_MARK_FLOW, NFT_MARK_SETS, 0xf1}},
		{"--save-mark", XT_CONNMARK_SAVE, {NFT_MARK_FLOW, NFT_MARK_SETS, 0xff0}},
		{"--restore-mark", XT_CONNMARK_RESTORE, {NFT_MARK_PACKET, NFT_MARK_COPIES, 0xf0}},
		{"an unknown mode", 9, {.mark = NFT_MARK_NONE}},
	};
	struct nft_mark_state s = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct xt_connmark_tginfo1 first = {
			.ctmark = 1, .ctmask = 0xf0, .nfmask = 0xf00, .mode = cases[i].mode};
		const struct xt_connmark_tginfo2 second = {
			.ctmark = 1, .ctmask = 0xf0, .nfmask = 0xf00, .mode = cases[i].mode};

		check(cases[i].what, next(&s, xt("target", "CONNMARK", 1, &first, sizeof(first))),
		      cases[i].want);
		check(cases[i].what, next(&s, xt("target", "CONNMARK", 2, &second, sizeof(second))),
		      cases[i].want);
	}
}

static struct nftnl_expr *field(const char *name, uint16_t key_attribute, uint32_t key,
				uint16_t reg_attribute, uint32_t reg)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	nftnl_expr_set_u32(e, key_attribute, key);
	nftnl_expr_set_u32(e, reg_attribute, reg);
	return e;
}

static struct nftnl_expr *load_flow_mark(uint32_t reg)
{
	return field("ct", NFTNL_EXPR_CT_KEY, NFT_CT_MARK, NFTNL_EXPR_CT_DREG, reg);
}

static struct nftnl_expr *compare(uint32_t reg)
{
	const uint32_t value = 1;
	struct nftnl_expr *e = nftnl_expr_alloc("cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, &value, sizeof(value));
	return e;
}

static void test_registers(void **state)
{
	const struct nft_mark_use whole = {NFT_MARK_FLOW, NFT_MARK_COMPARES, UINT32_MAX};
	struct nft_mark_state s = {0};

	(void)state;
	check("nothing was loaded", next(&s, compare(NFT_REG_1)), nothing);
	next(&s, load_flow_mark(NFT_REG_2));
	check("by its other name", next(&s, compare(NFT_REG32_04)), whole);
	check("another register", next(&s, compare(NFT_REG_1)), nothing);
	next(&s, nftnl_expr_alloc("counter"));
	check("a counter writes none", next(&s, compare(NFT_REG_2)), whole);
	next(&s, field("meta", NFTNL_EXPR_META_KEY, NFT_META_LEN, NFTNL_EXPR_META_DREG, NFT_REG_2));
	check("loaded over", next(&s, compare(NFT_REG_2)), nothing);
	next(&s, load_flow_mark(NFT_REG_1));
	next(&s, nftnl_expr_alloc("hash"));
	check("what is not followed", next(&s, compare(NFT_REG_1)), nothing);
	next(&s, load_flow_mark(99));
	check("no such register", next(&s, compare(99)), nothing);
	next(&s, load_flow_mark(NFT_REG32_15));
	next(&s, field("payload", NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER,
		       NFTNL_EXPR_PAYLOAD_DREG, NFT_REG32_15));
	check("a payload over the last word", next(&s, compare(NFT_REG32_15)), nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xt_mark),
		cmocka_unit_test(test_xt_connmark),
		cmocka_unit_test(test_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
