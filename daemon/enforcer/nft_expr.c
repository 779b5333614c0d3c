/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_expr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/ruleset.h"

/* Everything but the 5-tuple is computed in one register. */
#define REGISTER NFT_REG_1

#define NF_DIRECTION_ORIGINAL 0
#define NF_DIRECTION_REPLY 1

#define TCP_FLAGS_OFFSET 13
#define TCP_CHECKSUM_OFFSET 16
#define TCP_RST 0x04
#define TCP_ACK 0x10

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nft_must(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(rule, e);
	return e;
}

static void add_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(rule, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void add_ct(struct nftnl_rule *rule, uint32_t key)
{
	struct nftnl_expr *e = add(rule, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, REGISTER);
}

static void add_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t length,
			uint32_t reg)
{
	struct nftnl_expr *e = add(rule, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void add_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t length)
{
	struct nftnl_expr *e = add(rule, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, length);
}

static void add_cmp_u8(struct nftnl_rule *rule, uint32_t op, uint8_t value)
{
	add_cmp(rule, op, &value, sizeof(value));
}

/* register = (register & mask) ^ xor */
static void add_bitwise(struct nftnl_rule *rule, const void *mask, const void * xor,
			uint32_t length)
{
	struct nftnl_expr *e = add(rule, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, length);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, length);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, xor, length);
}

static void add_constant(struct nftnl_rule *rule, uint32_t value)
{
	struct nftnl_expr *e = add(rule, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, REGISTER);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &value, sizeof(value));
}

static void add_lookup(struct nftnl_rule *rule, const char *set, bool inverted)
{
	struct nftnl_expr *e = add(rule, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, REGISTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	if (inverted)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void add_verdict(struct nftnl_rule *rule, int verdict, const char *chain)
{
	struct nftnl_expr *e = add(rule, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void add_reject(struct nftnl_rule *rule, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = add(rule, "reject");

	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
}

static void add_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
	add_meta(rule, NFT_META_L4PROTO, REGISTER);
	add_cmp_u8(rule, NFT_CMP_EQ, protocol);
}

static void add_family(struct nftnl_rule *rule, enum family family)
{
	add_meta(rule, NFT_META_NFPROTO, REGISTER);
	add_cmp_u8(rule, NFT_CMP_EQ, family == FAMILY_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* The load ends the rule where the flow is of the other family. */
static void add_ct_address(struct nftnl_rule *rule, const struct statement *s)
{
	struct nftnl_expr *e = add(rule, "ct");
	uint32_t key;

	if (s->kind == STATEMENT_CT_SOURCE)
		key = s->family == FAMILY_V4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6;
	else
		key = s->family == FAMILY_V4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, REGISTER);
	nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR,
			  s->direction == DIRECTION_ORIGINAL ? NF_DIRECTION_ORIGINAL
							     : NF_DIRECTION_REPLY);
	add_lookup(rule, s->name, s->inverted);
}

/* The kernel names registers on a 16-byte boundary by their older numbers: as it says what it
 * holds, so it is told. */
static uint32_t named(uint32_t reg)
{
	uint32_t word = reg - NFT_REG32_00;

	return word % 4 == 0 ? NFT_REG_1 + word / 4 : reg;
}

/* Each field of the key stands in registers of four bytes of its own. */
static void add_tuple(struct nftnl_rule *rule, const struct statement *s)
{
	bool v4 = s->family == FAMILY_V4;
	uint32_t length = v4 ? 4 : 16, words = length / 4, reg = NFT_REG32_00;
	struct nftnl_expr *e;

	add_family(rule, s->family);
	add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, v4 ? 12 : 8, length, named(reg));
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, named(reg += words));
	add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, v4 ? 16 : 24, length, named(++reg));
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, named(reg += words));
	add_meta(rule, NFT_META_L4PROTO, named(++reg));
	e = add(rule, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, named(NFT_REG32_00));
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, s->name);
}

/* Comparisons go byte by byte: without the byteorder step a little-endian machine would compare the
 * nanoseconds first. */
static void add_time(struct nftnl_rule *rule, uint32_t op, int64_t instant)
{
	uint64_t big_endian = htobe64((uint64_t)instant);
	struct nftnl_expr *e;

	add_meta(rule, NFT_META_TIME_NS, REGISTER);
	e = add(rule, "byteorder");
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, 8);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, 8);
	add_cmp(rule, op, &big_endian, sizeof(big_endian));
}

static void add_tcp_reset(struct nftnl_rule *rule)
{
	const uint8_t rst = TCP_RST, none = 0;

	add_protocol(rule, IPPROTO_TCP);
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1, REGISTER);
	add_bitwise(rule, &rst, &none, sizeof(rst));
	add_cmp_u8(rule, NFT_CMP_NEQ, 0);
}

static void add_icmp_type(struct nftnl_rule *rule, const struct statement *s)
{
	add_family(rule, s->family);
	add_protocol(rule, s->family == FAMILY_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, REGISTER);
	add_cmp_u8(rule, NFT_CMP_GTE, (uint8_t)s->value);
	add_cmp_u8(rule, NFT_CMP_LTE, (uint8_t)s->last);
}

static void add_ct_mark(struct nftnl_rule *rule, const struct statement *s)
{
	const uint32_t none = 0;

	add_ct(rule, NFT_CT_MARK);
	add_bitwise(rule, &s->mask, &none, sizeof(none));
	add_cmp(rule, s->inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, &s->value, sizeof(s->value));
}

/* By constants: or-ing two registers needs Linux 6.13. */
static void add_ct_mark_set(struct nftnl_rule *rule, const struct statement *s)
{
	const uint32_t keep = ~s->mask;
	struct nftnl_expr *e;

	add_ct(rule, NFT_CT_MARK);
	add_bitwise(rule, &keep, &s->value, sizeof(keep));
	e = add(rule, "ct");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, REGISTER);
}

/* Two bytes from an even offset (data offset and flags): the kernel mends the checksum by words. */
static void add_turn_into_reset(struct nftnl_rule *rule)
{
	const uint8_t keep[2] = {0xff, 0x00}, flags[2] = {0x00, TCP_RST | TCP_ACK};
	struct nftnl_expr *e;

	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET - 1, 2, REGISTER);
	add_bitwise(rule, keep, flags, sizeof(keep));
	e = add(rule, "payload");
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, TCP_FLAGS_OFFSET - 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, 2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, TCP_CHECKSUM_OFFSET);
}

static void add_vmap(struct nftnl_rule *rule, const struct statement *s)
{
	const uint32_t none = 0;
	struct nftnl_expr *e;

	add_ct(rule, NFT_CT_MARK);
	add_bitwise(rule, &s->mask, &none, sizeof(none));
	e = add(rule, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, s->name);
}

static void add_latch(struct nftnl_rule *rule, uint32_t number)
{
	struct nftnl_expr *e;

	add_constant(rule, number);
	e = add(rule, "dynset");
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_ADD);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, RULESET_LATCHED);
}

static void add_count(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = add(rule, "objref");

	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

static void add_statement(struct nftnl_rule *rule, const struct statement *s)
{
	switch (s->kind) {
	case STATEMENT_CT_SOURCE:
	case STATEMENT_CT_DESTINATION:
		return add_ct_address(rule, s);
	case STATEMENT_TUPLE:
		return add_tuple(rule, s);
	case STATEMENT_LATCHED:
		add_constant(rule, s->number);
		return add_lookup(rule, RULESET_LATCHED, s->inverted);
	case STATEMENT_TIME_FROM:
		return add_time(rule, NFT_CMP_GTE, s->instant);
	case STATEMENT_TIME_BEFORE:
		return add_time(rule, NFT_CMP_LT, s->instant);
	case STATEMENT_PROTOCOL:
		return add_protocol(rule, (uint8_t)s->value);
	case STATEMENT_TCP_RESET:
		return add_tcp_reset(rule);
	case STATEMENT_ICMP_TYPE:
		return add_icmp_type(rule, s);
	case STATEMENT_REPLY:
		add_ct(rule, NFT_CT_DIRECTION);
		return add_cmp_u8(rule, NFT_CMP_EQ, NF_DIRECTION_REPLY);
	case STATEMENT_CT_MARK:
		return add_ct_mark(rule, s);
	case STATEMENT_LATCH:
		return add_latch(rule, s->number);
	case STATEMENT_COUNT:
		return add_count(rule, s->name);
	case STATEMENT_CT_MARK_SET:
		return add_ct_mark_set(rule, s);
	case STATEMENT_TURN_INTO_RESET:
		return add_turn_into_reset(rule);
	case STATEMENT_VMAP:
		return add_vmap(rule, s);
	case STATEMENT_GOTO:
		return add_verdict(rule, NFT_GOTO, s->name);
	case STATEMENT_ACCEPT:
		return add_verdict(rule, NF_ACCEPT, NULL);
	case STATEMENT_RETURN:
		return add_verdict(rule, NFT_RETURN, NULL);
	case STATEMENT_DROP:
		return add_verdict(rule, NF_DROP, NULL);
	case STATEMENT_REJECT_RESET:
		return add_reject(rule, NFT_REJECT_TCP_RST, 0);
	case STATEMENT_REJECT:
		return add_reject(rule, NFT_REJECT_ICMPX_UNREACH,
				  NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	}
}

struct nftnl_rule *nft_rule_new(const char *chain, const struct rule *rule)
{
	struct nftnl_rule *r = nft_must(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	for (size_t i = 0; i < rule->count; i++)
		add_statement(r, &rule->statements[i]);
	return r;
}
