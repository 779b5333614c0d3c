/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_change.h"

#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "daemon/enforcer/nft_expr.h"
#include "daemon/enforcer/nft_names.h"
#include "daemon/enforcer/nft_sets.h"
#include "daemon/enforcer/ruleset.h"

#define CHAIN_TYPE "filter"

static struct nftnl_chain *chain_new(const char *name)
{
	struct nftnl_chain *c = nft_must(nftnl_chain_alloc());

	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, RULESET_TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	return c;
}

static uint32_t hook_number(enum hook hook)
{
	return hook == HOOK_FORWARD ? NF_INET_FORWARD : NF_INET_LOCAL_OUT;
}

static void add_chain(struct nft_batch *batch, const struct chain *chain)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
						     (struct nft_label){"chain", chain->name, 0});
	struct nftnl_chain *c = chain_new(chain->name);

	if (chain->hook != HOOK_NONE) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, CHAIN_TYPE);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook_number(chain->hook));
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, NF_IP_PRI_MANGLE);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(message, c);
	nft_batch_add(batch, message);
	nftnl_chain_free(c);
}

static void delete_chain(struct nft_batch *batch, const char *name)
{
	struct nlmsghdr *message = nft_batch_message(
		batch, NFT_MSG_DELCHAIN, 0, (struct nft_label){"removal of chain", name, 0});
	struct nftnl_chain *c = chain_new(name);

	nftnl_chain_nlmsg_build_payload(message, c);
	nft_batch_add(batch, message);
	nftnl_chain_free(c);
}

bool nft_chain_fits(const struct chain *desired, const struct held_chain *held)
{
	if (desired->hook == HOOK_NONE)
		return !held->base && !held->binding;
	return held->base && held->hook == hook_number(desired->hook) &&
	       held->priority == NF_IP_PRI_MANGLE && strcmp(held->type, CHAIN_TYPE) == 0;
}

bool nft_policy_fits(const struct held_chain *held)
{
	return !held->base || held->policy == NF_ACCEPT;
}

/* counted: what a new one begins with; NULL: nothing. */
static void change_counter(struct nft_batch *batch, uint16_t type, const char *name,
			   const struct held_counter *counted)
{
	bool create = type == NFT_MSG_NEWOBJ;
	struct nlmsghdr *message = nft_batch_message(
		batch, type, create ? NLM_F_CREATE : 0,
		(struct nft_label){create ? "counter" : "removal of counter", name, 0});
	struct nftnl_obj *o = nft_must(nftnl_obj_alloc());

	nftnl_obj_set_u32(o, NFTNL_OBJ_FAMILY, NFPROTO_INET);
	nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, RULESET_TABLE);
	nftnl_obj_set_str(o, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (create) {
		nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_PKTS, counted ? counted->packets : 0);
		nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_BYTES, counted ? counted->bytes : 0);
	}
	nftnl_obj_nlmsg_build_payload(message, o);
	nft_batch_add(batch, message);
	nftnl_obj_free(o);
}

/* A deletion that names no chain empties all of them. */
static void flush_rules(struct nft_batch *batch)
{
	struct nlmsghdr *message = nft_batch_message(
		batch, NFT_MSG_DELRULE, 0, (struct nft_label){"emptying table", RULESET_TABLE, 0});
	struct nftnl_rule *r = nft_must(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_nlmsg_build_payload(message, r);
	nft_batch_add(batch, message);
	nftnl_rule_free(r);
}

static void add_rules(struct nft_batch *batch, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		struct nlmsghdr *message =
			nft_batch_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
					  (struct nft_label){"chain", chain->name, i + 1});
		struct nftnl_rule *r = nft_rule_new(chain->name, &chain->rules[i]);

		nftnl_rule_nlmsg_build_payload(message, r);
		nft_batch_add(batch, message);
		nftnl_rule_free(r);
	}
}

/* What stands where something else must stand, when no rule refers to it any more. */
static void delete_misfits(struct nft_batch *batch, const struct ruleset *desired,
			   const struct held *held)
{
	for (size_t i = 0; i < desired->chains_count; i++) {
		const struct chain *c = &desired->chains[i];
		const struct held_chain *h = held_chain(held, c->name);

		if (h && !nft_chain_fits(c, h))
			delete_chain(batch, c->name);
	}
	for (size_t i = 0; i < desired->sets_count; i++) {
		const struct set *s = &desired->sets[i];
		const struct held_set *h = held_set(held, s->name);

		if (h && !nft_set_fits(s, h))
			nft_set_delete(batch, s->name);
	}
}

static void create_missing(struct nft_batch *batch, const struct ruleset *desired,
			   const struct held *held, const struct held *before)
{
	for (size_t i = 0; i < desired->counters_count; i++)
		if (!held_counter(held, desired->counters[i]))
			change_counter(batch, NFT_MSG_NEWOBJ, desired->counters[i],
				       held_counter(before, desired->counters[i]));
	for (size_t i = 0; i < desired->chains_count; i++) {
		const struct chain *c = &desired->chains[i];
		const struct held_chain *h = held_chain(held, c->name);

		if (!h || !nft_chain_fits(c, h) || !nft_policy_fits(h))
			add_chain(batch, c);
	}
	for (size_t i = 0; i < desired->sets_count; i++) {
		const struct set *s = &desired->sets[i];
		const struct held_set *h = held_set(held, s->name);

		if (!h || !nft_set_fits(s, h))
			nft_set_create(batch, s, (uint32_t)i + 1);
	}
}

static void fill_sets(struct nft_batch *batch, const struct ruleset *desired,
		      const struct held *held)
{
	for (size_t i = 0; i < desired->sets_count; i++) {
		const struct set *s = &desired->sets[i];
		const struct held_set *h = held_set(held, s->name);

		nft_set_fill(batch, s, h && nft_set_fits(s, h) ? h : NULL);
	}
}

/* Sets of no name of their own went with the rules that they belong to, and so did such chains. */
static void delete_stale_sets(struct nft_batch *batch, const struct ruleset *desired,
			      const struct held *held)
{
	struct nft_names sets =
		nft_names(held->arena, desired->sets, desired->sets_count, sizeof(*desired->sets));

	for (size_t i = 0; i < held->sets_count; i++) {
		const struct held_set *s = &held->sets[i];

		if (!(s->flags & NFT_SET_ANONYMOUS) && !nft_has_name(&sets, s->name))
			nft_set_delete(batch, s->name);
	}
}

static void delete_stale(struct nft_batch *batch, const struct ruleset *desired,
			 const struct held *held)
{
	struct nft_names chains = nft_names(held->arena, desired->chains, desired->chains_count,
					    sizeof(*desired->chains));
	struct nft_names counters = nft_names(held->arena, desired->counters,
					      desired->counters_count, sizeof(*desired->counters));

	for (size_t i = 0; i < held->chains_count; i++) {
		const struct held_chain *c = &held->chains[i];

		if (!c->binding && !nft_has_name(&chains, c->name))
			delete_chain(batch, c->name);
	}
	for (size_t i = 0; i < held->counters_count; i++)
		if (!nft_has_name(&counters, held->counters[i].name))
			change_counter(batch, NFT_MSG_DELOBJ, held->counters[i].name, NULL);
}

/* The order is what the kernel's references ask for: it refuses to delete what is referred to, and
 * to refer to what is not there yet. */
void nft_change(struct nft_batch *batch, const struct ruleset *desired, const struct held *held,
		const struct held *before)
{
	if (held->chains_count > 0)
		flush_rules(batch);
	delete_stale_sets(batch, desired, held);
	delete_misfits(batch, desired, held);
	create_missing(batch, desired, held, before);
	fill_sets(batch, desired, held);
	nft_latch_amend(batch, desired, held, before);
	for (size_t i = 0; i < desired->chains_count; i++)
		add_rules(batch, &desired->chains[i]);
	delete_stale(batch, desired, held);
}
