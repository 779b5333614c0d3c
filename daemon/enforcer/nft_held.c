/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_held.h"

#include <endian.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/ruleset.h"

/* A dump that is interrupted by others' transactions is begun anew, not for ever. */
#define DUMP_ATTEMPTS 50

/* Stands in an element's instant until pair_up: sets of intervals have no instants. */
#define INTERVAL_START 0
#define INTERVAL_END (-1)

static struct nlmsghdr *request(char *buffer, uint16_t type)
{
	return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, NLM_F_DUMP, 0);
}

/* Room doubles where the count is a power of two. */
static void *grown(struct arena *arena, void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return arena_grow(arena, array, count, count > 0 ? 2 * count : 1, size);
}

static void take_table(const struct nlmsghdr *message, void *data)
{
	struct nftnl_table *table = nft_must(nftnl_table_alloc());
	struct held *held = data;

	if (nftnl_table_nlmsg_parse(message, table) == 0 &&
	    strcmp(nftnl_table_get_str(table, NFTNL_TABLE_NAME), RULESET_TABLE) == 0) {
		held->table = true;
		held->table_flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
		if (nftnl_table_is_set(table, NFTNL_TABLE_OWNER))
			held->owner = nftnl_table_get_u32(table, NFTNL_TABLE_OWNER);
	}
	nftnl_table_free(table);
}

static void take_chain(const struct nlmsghdr *message, void *data)
{
	struct nftnl_chain *chain = nft_must(nftnl_chain_alloc());
	struct held *held = data;
	struct held_chain c = {0};

	if (nftnl_chain_nlmsg_parse(message, chain) == 0 &&
	    strcmp(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE), RULESET_TABLE) == 0) {
		c.name = arena_string(held->arena, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
		c.binding = nftnl_chain_is_set(chain, NFTNL_CHAIN_FLAGS) &&
			    nftnl_chain_get_u32(chain, NFTNL_CHAIN_FLAGS) & NFT_CHAIN_BINDING;
		c.base = nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM);
		if (c.base) {
			c.type = arena_string(held->arena,
					      nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE));
			c.policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY);
			c.hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
			c.priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
		}
		held->chains = grown(held->arena, held->chains, held->chains_count, sizeof(c));
		held->chains[held->chains_count++] = c;
	}
	nftnl_chain_free(chain);
}

static void take_set(const struct nlmsghdr *message, void *data)
{
	struct nftnl_set *set = nft_must(nftnl_set_alloc());
	struct held *held = data;
	struct held_set s = {0};

	if (nftnl_set_nlmsg_parse(message, set) == 0 &&
	    strcmp(nftnl_set_get_str(set, NFTNL_SET_TABLE), RULESET_TABLE) == 0) {
		s.name = arena_string(held->arena, nftnl_set_get_str(set, NFTNL_SET_NAME));
		s.flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
		s.key_bytes = nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN);
		s.data_type = nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE);
		s.data_bytes = nftnl_set_get_u32(set, NFTNL_SET_DATA_LEN);
		held->sets = grown(held->arena, held->sets, held->sets_count, sizeof(s));
		held->sets[held->sets_count++] = s;
	}
	nftnl_set_free(set);
}

static void take_counter(const struct nlmsghdr *message, void *data)
{
	struct nftnl_obj *object = nft_must(nftnl_obj_alloc());
	struct held *held = data;
	struct held_counter c = {0};

	if (nftnl_obj_nlmsg_parse(message, object) == 0 &&
	    nftnl_obj_get_u32(object, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER &&
	    strcmp(nftnl_obj_get_str(object, NFTNL_OBJ_TABLE), RULESET_TABLE) == 0) {
		c.name = arena_string(held->arena, nftnl_obj_get_str(object, NFTNL_OBJ_NAME));
		c.packets = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS);
		c.bytes = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_BYTES);
		held->counters =
			grown(held->arena, held->counters, held->counters_count, sizeof(c));
		held->counters[held->counters_count++] = c;
	}
	nftnl_obj_free(object);
}

/* Rules as they come, chain by chain, until they are shared out. */
struct rules {
	struct held *held;
	const struct nlmsghdr **list;
	const char **chains; /* of each */
	size_t count;
};

static void take_rule(const struct nlmsghdr *message, void *data)
{
	struct nftnl_rule *rule = nft_must(nftnl_rule_alloc());
	struct rules *to = data;
	struct arena *arena = to->held->arena;

	if (nftnl_rule_nlmsg_parse(message, rule) == 0 &&
	    strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), RULESET_TABLE) == 0) {
		to->list = grown(arena, to->list, to->count, sizeof(*to->list));
		to->chains = grown(arena, to->chains, to->count, sizeof(*to->chains));
		to->list[to->count] =
			arena_grow(arena, message, message->nlmsg_len, message->nlmsg_len, 1);
		to->chains[to->count++] =
			arena_string(arena, nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	}
	nftnl_rule_free(rule);
}

struct elements {
	struct held *held;
	struct held_set *set;
};

static void take_element(struct elements *to, struct nftnl_set_elem *from)
{
	struct held_set *set = to->set;
	struct arena *arena = to->held->arena;
	struct element e = {0};
	uint32_t length = 0;
	uint64_t instant;
	const void *bytes = nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY, &length);

	if (!bytes || length > sizeof(e.key)) {
		set->damaged = true;
		return;
	}
	memcpy(e.key, bytes, length);
	memcpy(e.last, bytes, length);
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_CHAIN))
		e.chain = arena_string(arena, nftnl_set_elem_get_str(from, NFTNL_SET_ELEM_CHAIN));
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_VERDICT))
		set->damaged |= nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_VERDICT) !=
				(e.chain ? (uint32_t)NFT_GOTO : NF_ACCEPT);
	bytes = nftnl_set_elem_get(from, NFTNL_SET_ELEM_DATA, &length);
	if (bytes && length == sizeof(instant)) {
		memcpy(&instant, bytes, length);
		e.instant = (int64_t)be64toh(instant);
	}
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_FLAGS) &&
	    nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END)
		e.instant = INTERVAL_END;
	set->elements = grown(arena, set->elements, set->count, sizeof(e));
	set->elements[set->count++] = e;
}

static void take_elements(const struct nlmsghdr *message, void *data)
{
	struct nftnl_set *set = nft_must(nftnl_set_alloc());
	struct nftnl_set_elems_iter *iterator;
	struct nftnl_set_elem *element;

	if (nftnl_set_elems_nlmsg_parse(message, set) == 0) {
		iterator = nft_must(nftnl_set_elems_iter_create(set));
		while ((element = nftnl_set_elems_iter_next(iterator)))
			take_element(data, element);
		nftnl_set_elems_iter_destroy(iterator);
	}
	nftnl_set_free(set);
}

/* Where one interval ends another may begin: the end comes first. */
static int by_bound(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int order = element_compare(a, b);

	return order != 0 ? order : (x->instant > y->instant) - (x->instant < y->instant);
}

static void predecessor(uint8_t key[16], size_t size)
{
	while (size > 0)
		if (key[--size]-- != 0)
			return;
}

/* The kernel's starts and ends → intervals. Ends are the first key that is outside; the last start
 * may have none. nft puts an end at key 0 where nothing begins there. */
static void pair_up(struct held_set *set)
{
	size_t n = 0;
	bool open = false;

	for (size_t i = 0; i < set->count; i++) {
		struct element e = set->elements[i];

		if (e.instant == INTERVAL_START) {
			set->damaged |= open;
			open = true;
			memset(e.last, 0xff, set->key_bytes);
			set->elements[n++] = e;
		} else if (open) {
			predecessor(e.key, set->key_bytes);
			memcpy(set->elements[n - 1].last, e.key, sizeof(e.key));
			open = false;
		} else {
			set->damaged |= i > 0;
		}
	}
	set->count = n;
}

/* A hash table that the kernel resizes while it is dumped (rhashtable) shows elements twice. */
static void drop_repeated(struct held_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++)
		if (kept == 0 || by_bound(&set->elements[kept - 1], &set->elements[i]) != 0)
			set->elements[kept++] = set->elements[i];
	set->count = kept;
}

static int read_elements(struct nft_socket *socket, struct held *held, struct held_set *set)
{
	struct nftnl_set *asked = nft_must(nftnl_set_alloc());
	struct elements to = {held, set};
	char buffer[4096];
	struct nlmsghdr *message = request(buffer, NFT_MSG_GETSETELEM);
	int e;

	nftnl_set_set_str(asked, NFTNL_SET_TABLE, RULESET_TABLE);
	nftnl_set_set_str(asked, NFTNL_SET_NAME, set->name);
	nftnl_set_elems_nlmsg_build_payload(message, asked);
	nftnl_set_free(asked);
	e = nft_socket_dump(socket, message, take_elements, &to);
	if (e)
		return e;
	if (set->count > 0)
		qsort(set->elements, set->count, sizeof(*set->elements), by_bound);
	drop_repeated(set);
	if (set->flags & NFT_SET_INTERVAL)
		pair_up(set);
	return 0;
}

static int read_some(struct nft_socket *socket, struct held *held, uint16_t type,
		     void (*take)(const struct nlmsghdr *message, void *data))
{
	char buffer[4096];
	int e = nft_socket_dump(socket, request(buffer, type), take, held);

	return e == -ENOENT ? 0 : e;
}

/* Chains must have been read, and sorted. A rule of a chain that came later makes the dump one that
 * was interrupted. */
static int read_rules(struct nft_socket *socket, struct held *held)
{
	struct nftnl_rule *asked = nft_must(nftnl_rule_alloc());
	struct rules rules = {.held = held};
	char buffer[4096];
	struct nlmsghdr *message = request(buffer, NFT_MSG_GETRULE);
	int e;

	nftnl_rule_set_str(asked, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_nlmsg_build_payload(message, asked);
	nftnl_rule_free(asked);
	e = nft_socket_dump(socket, message, take_rule, &rules);
	for (size_t i = 0; i < rules.count && !e; i++) {
		struct held_chain *chain = (struct held_chain *)held_chain(held, rules.chains[i]);

		if (!chain)
			return -EINTR;
		if (chain->rules_count++ == 0)
			chain->rules = &rules.list[i];
	}
	return e;
}

/* Whether its elements are compared with the ruleset's, or read for their own sake. */
static bool wants_elements(const struct ruleset *desired, const char *name)
{
	if (strcmp(name, RULESET_LATCHED) == 0 || strcmp(name, RULESET_INSTANT_OF) == 0)
		return true;
	for (size_t i = 0; desired && i < desired->sets_count; i++)
		if (strcmp(desired->sets[i].name, name) == 0)
			return !desired->sets[i].kept;
	return false;
}

static int read_sets(struct nft_socket *socket, const struct ruleset *desired, struct held *held)
{
	int e = read_some(socket, held, NFT_MSG_GETSET, take_set);

	for (size_t i = 0; i < held->sets_count && !e; i++)
		if (wants_elements(desired, held->sets[i].name))
			e = read_elements(socket, held, &held->sets[i]);
	return e;
}

/* Chains, sets and counters begin with their name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(void *array, size_t count, size_t size)
{
	if (count > 0)
		qsort(array, count, size, by_name);
}

static int read_once(struct nft_socket *socket, unsigned int what, const struct ruleset *desired,
		     struct held *held)
{
	int e = read_some(socket, held, NFT_MSG_GETTABLE, take_table);

	if (e || !held->table)
		return e;
	if (what & HELD_CHAINS)
		e = read_some(socket, held, NFT_MSG_GETCHAIN, take_chain);
	if (!e && what & HELD_SETS)
		e = read_sets(socket, desired, held);
	if (!e && what & HELD_COUNTERS)
		e = read_some(socket, held, NFT_MSG_GETOBJ, take_counter);
	sort(held->chains, held->chains_count, sizeof(*held->chains));
	sort(held->sets, held->sets_count, sizeof(*held->sets));
	sort(held->counters, held->counters_count, sizeof(*held->counters));
	return !e && what & HELD_RULES ? read_rules(socket, held) : e;
}

/* What changed while it was read is read anew; a set that went away meanwhile is such a change. */
int held_read(struct nft_socket *socket, unsigned int what, const struct ruleset *desired,
	      struct held **out)
{
	int e = -EINTR;

	*out = NULL;
	for (int i = 0; i < DUMP_ATTEMPTS && (e == -EINTR || e == -ENOENT || e == -ENOBUFS); i++) {
		struct arena *arena = arena_new();
		struct held *held = arena_alloc(arena, sizeof(*held));

		held->arena = arena;
		e = read_once(socket, what, desired, held);
		if (!e)
			*out = held;
		else
			arena_free(arena);
	}
	return e;
}

void held_free(struct held *held)
{
	if (held)
		arena_free(held->arena);
}

static const void *find(const void *array, size_t count, size_t size, const char *name)
{
	return count > 0 ? bsearch(&name, array, count, size, by_name) : NULL;
}

const struct held_chain *held_chain(const struct held *held, const char *name)
{
	return find(held->chains, held->chains_count, sizeof(*held->chains), name);
}

const struct held_set *held_set(const struct held *held, const char *name)
{
	return find(held->sets, held->sets_count, sizeof(*held->sets), name);
}

const struct held_counter *held_counter(const struct held *held, const char *name)
{
	return find(held->counters, held->counters_count, sizeof(*held->counters), name);
}
