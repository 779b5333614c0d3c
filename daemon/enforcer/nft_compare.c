/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_compare.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_change.h"
#include "daemon/enforcer/nft_expr.h"
#include "daemon/enforcer/nft_names.h"
#include "daemon/enforcer/nft_sets.h"
#include "daemon/enforcer/ruleset.h"

/* libnftnl keeps in 32 bits which attributes an expression has. */
#define EXPRESSION_ATTRIBUTES 32

/* "10.0.0.0-10.255.255.255", of IPv6 at the longest. */
#define KEY_TEXT (2 * INET6_ADDRSTRLEN)

struct comparison {
	const struct ruleset *desired;
	const struct held *held;
	char *text; /* the first difference */
	size_t size, count;
};

static void __attribute__((format(printf, 2, 3)))
note(struct comparison *c, const char *format, ...)
{
	va_list args;

	if (c->count++ > 0)
		return;
	va_start(args, format);
	vsnprintf(c->text, c->size, format, args);
	va_end(args);
}

/* ---- rules ---- */

static bool zero(const void *bytes, uint32_t length)
{
	const uint8_t *b = bytes;

	for (uint32_t i = 0; i < length; i++)
		if (b[i] != 0)
			return false;
	return length > 0;
}

/* The kernel says defaults that were not said to it, and leaves out zeroes that were. */
static bool same_attribute(const struct nftnl_expr *a, const struct nftnl_expr *b, uint16_t type)
{
	uint32_t a_length = 0, b_length = 0;
	const void *x = nftnl_expr_is_set(a, type) ? nftnl_expr_get(a, type, &a_length) : NULL;
	const void *y = nftnl_expr_is_set(b, type) ? nftnl_expr_get(b, type, &b_length) : NULL;

	if (x && y)
		return a_length == b_length && memcmp(x, y, a_length) == 0;
	if (x || y)
		return x ? zero(x, a_length) : zero(y, b_length);
	return nftnl_expr_is_set(a, type) == nftnl_expr_is_set(b, type);
}

static bool same_expression(const struct nftnl_expr *a, const struct nftnl_expr *b)
{
	if (strcmp(nftnl_expr_get_str(a, NFTNL_EXPR_NAME),
		   nftnl_expr_get_str(b, NFTNL_EXPR_NAME)) != 0)
		return false;
	for (uint16_t type = NFTNL_EXPR_BASE; type < EXPRESSION_ATTRIBUTES; type++)
		if (!same_attribute(a, b, type))
			return false;
	return true;
}

static bool same_expressions(const struct nftnl_rule *a, const struct nftnl_rule *b)
{
	struct nftnl_expr_iter *i = nft_must(nftnl_expr_iter_create(a));
	struct nftnl_expr_iter *j = nft_must(nftnl_expr_iter_create(b));
	struct nftnl_expr *x, *y;
	bool same;

	do {
		x = nftnl_expr_iter_next(i);
		y = nftnl_expr_iter_next(j);
		same = x && y ? same_expression(x, y) : x == y;
	} while (same && x);
	nftnl_expr_iter_destroy(i);
	nftnl_expr_iter_destroy(j);
	return same;
}

static bool same_rule(const struct chain *chain, size_t index, const struct nlmsghdr *message)
{
	struct nftnl_rule *desired = nft_rule_new(chain->name, &chain->rules[index]);
	struct nftnl_rule *held = nft_must(nftnl_rule_alloc());
	bool same = nftnl_rule_nlmsg_parse(message, held) == 0 && same_expressions(desired, held);

	nftnl_rule_free(held);
	nftnl_rule_free(desired);
	return same;
}

/* Between the rules that are the same at both ends of the chain. */
static void compare_rules(struct comparison *c, const struct chain *chain,
			  const struct held_chain *held)
{
	size_t first = 0, ours = chain->count, theirs = held->rules_count;

	while (first < ours && first < theirs && same_rule(chain, first, held->rules[first]))
		first++;
	while (ours > first && theirs > first &&
	       same_rule(chain, ours - 1, held->rules[theirs - 1])) {
		ours--;
		theirs--;
	}
	for (size_t i = first; i < ours || i < theirs; i++) {
		if (i >= theirs)
			note(c, "rule %zu of chain %s is gone", i + 1, chain->name);
		else if (i >= ours)
			note(c, "rule %zu of chain %s is none of ours", i + 1, chain->name);
		else
			note(c, "rule %zu of chain %s was changed", i + 1, chain->name);
	}
}

/* ---- elements ---- */

static const char *key_text(const struct set *set, const struct element *element,
			    char text[KEY_TEXT])
{
	bool v4 = set->key == SET_KEY_V4;
	char last[INET6_ADDRSTRLEN];
	uint32_t mark;

	if (set->key == SET_KEY_MARK) {
		memcpy(&mark, element->key, sizeof(mark));
		snprintf(text, KEY_TEXT, "0x%x", mark);
		return text;
	}
	inet_ntop(v4 ? AF_INET : AF_INET6, element->key, text, INET6_ADDRSTRLEN);
	if (memcmp(element->key, element->last, set_key_size(set->key)) != 0) {
		inet_ntop(v4 ? AF_INET : AF_INET6, element->last, last, sizeof(last));
		snprintf(text + strlen(text), KEY_TEXT - strlen(text), "-%s", last);
	}
	return text;
}

static void note_element(struct comparison *c, const struct set *set, const struct element *element,
			 const char *what)
{
	char key[KEY_TEXT];

	note(c, "element %s of %s %s %s", key_text(set, element, key),
	     set->data == SET_DATA_NONE ? "set" : "map", set->name, what);
}

/* Both are in ascending order. In a set that rules add to, more is no difference. */
static void compare_elements(struct comparison *c, const struct set *set,
			     const struct held_set *held)
{
	size_t i = 0, j = 0;

	while (i < set->count || j < held->count) {
		const struct element *ours = &set->elements[i], *theirs = &held->elements[j];
		int order = i == set->count    ? 1
			    : j == held->count ? -1
					       : memcmp(ours->key, theirs->key, sizeof(ours->key));

		if (order < 0)
			note_element(c, set, ours, "is gone");
		else if (order > 0 && !set->kept)
			note_element(c, set, theirs, "is none of ours");
		else if (order == 0 && !nft_element_same(ours, theirs))
			note_element(c, set, ours, "was changed");
		i += order <= 0;
		j += order >= 0;
	}
}

/* ---- objects ---- */

static void compare_chain(struct comparison *c, const struct chain *chain)
{
	const struct held_chain *held = held_chain(c->held, chain->name);

	if (!held) {
		note(c, "chain %s is gone", chain->name);
		return;
	}
	if (!nft_chain_fits(chain, held))
		note(c, "the hook of chain %s was changed", chain->name);
	else if (!nft_policy_fits(held))
		note(c, "the policy of chain %s was changed", chain->name);
	compare_rules(c, chain, held);
}

static void compare_set(struct comparison *c, const struct set *set)
{
	const char *kind = set->data == SET_DATA_NONE ? "set" : "map";
	const struct held_set *held = held_set(c->held, set->name);

	if (!held)
		note(c, "%s %s is gone", kind, set->name);
	else if (!nft_set_fits(set, held))
		note(c, "the type of %s %s was changed", kind, set->name);
	else if (held->damaged && !set->kept)
		note(c, "%s %s has elements that are none of ours", kind, set->name);
	else
		compare_elements(c, set, held);
}

/* What the table holds besides; held things begin with their name, as desired ones do. */
static void compare_strangers(struct comparison *c, const char *kind, struct nft_names ours,
			      struct nft_names theirs)
{
	for (size_t i = 0; i < theirs.count; i++)
		if (!nft_has_name(&ours, theirs.sorted[i]))
			note(c, "%s %s is none of ours", kind, theirs.sorted[i]);
}

static void compare_names(struct comparison *c)
{
	const struct ruleset *r = c->desired;
	const struct held *h = c->held;
	struct arena *arena = h->arena;

	compare_strangers(c, "chain",
			  nft_names(arena, r->chains, r->chains_count, sizeof(*r->chains)),
			  nft_names(arena, h->chains, h->chains_count, sizeof(*h->chains)));
	compare_strangers(c, "set", nft_names(arena, r->sets, r->sets_count, sizeof(*r->sets)),
			  nft_names(arena, h->sets, h->sets_count, sizeof(*h->sets)));
	compare_strangers(c, "counter",
			  nft_names(arena, r->counters, r->counters_count, sizeof(*r->counters)),
			  nft_names(arena, h->counters, h->counters_count, sizeof(*h->counters)));
}

static void compare_table(struct comparison *c, uint32_t flags)
{
	if (c->held->table_flags == flags)
		return;
	note(c, "table inet %s %s", RULESET_TABLE,
	     c->held->table_flags & NFT_TABLE_F_DORMANT ? "was made dormant"
							: "has other flags than it was made with");
}

int nft_differs(const struct ruleset *desired, const struct held *held, uint32_t table_flags,
		char *text, size_t size)
{
	struct comparison c = {.desired = desired, .held = held, .text = text, .size = size};
	size_t used;

	if (!held->table) {
		snprintf(text, size, "table inet %s is gone", RULESET_TABLE);
		return 1;
	}
	compare_table(&c, table_flags);
	for (size_t i = 0; i < desired->chains_count; i++)
		compare_chain(&c, &desired->chains[i]);
	for (size_t i = 0; i < desired->sets_count; i++)
		compare_set(&c, &desired->sets[i]);
	for (size_t i = 0; i < desired->counters_count; i++)
		if (!held_counter(held, desired->counters[i]))
			note(&c, "counter %s is gone", desired->counters[i]);
	compare_names(&c);
	used = c.count > 1 ? strlen(text) : 0;
	if (c.count > 1)
		snprintf(text + used, size - used, ", and %zu more part%s", c.count - 1,
			 c.count == 2 ? "" : "s");
	return c.count > 0;
}
