/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_sets.h"

#include <endian.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/ruleset.h"

/* nft's numbers of data types (its enum datatypes): the kernel keeps them for who lists the set. */
#define TYPE_IPADDR 7
#define TYPE_IP6ADDR 8
#define TYPE_INET_PROTOCOL 12
#define TYPE_INET_SERVICE 13
#define TYPE_MARK 19
#define TYPE_TIME_DATE 43
#define TYPE_BITS 6

/* nft's enum byteorder. */
#define BYTEORDER_HOST 1
#define BYTEORDER_BIG 2

/* More numbers than a policy has, so that the kernel never lacks room to latch. */
#define LATCHED_SIZE 65535

/* A message holds so many elements of the longest kind in less than NFT_MESSAGE_BYTES. */
#define ELEMENTS_PER_MESSAGE 128

static uint32_t concatenated(uint32_t address)
{
	const uint32_t fields[] = {address, TYPE_INET_SERVICE, address, TYPE_INET_SERVICE,
				   TYPE_INET_PROTOCOL};
	uint32_t type = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		type = type << TYPE_BITS | fields[i];
	return type;
}

static uint32_t key_type(enum set_key key)
{
	switch (key) {
	case SET_KEY_MARK:
		return TYPE_MARK;
	case SET_KEY_V4:
		return TYPE_IPADDR;
	case SET_KEY_V6:
		return TYPE_IP6ADDR;
	case SET_KEY_TUPLE_V4:
		return concatenated(TYPE_IPADDR);
	case SET_KEY_TUPLE_V6:
		return concatenated(TYPE_IP6ADDR);
	}
	return 0;
}

static uint32_t flags_of(const struct set *set)
{
	return (set->interval ? NFT_SET_INTERVAL : 0U) | (set->dynamic ? NFT_SET_EVAL : 0U) |
	       (set->timeout ? NFT_SET_TIMEOUT : 0U) |
	       (set->data != SET_DATA_NONE ? NFT_SET_MAP : 0U);
}

static uint32_t data_type(enum set_data data)
{
	switch (data) {
	case SET_DATA_NONE:
		return 0;
	case SET_DATA_VERDICT:
		return NFT_DATA_VERDICT;
	case SET_DATA_INSTANT:
		return TYPE_TIME_DATE;
	}
	return 0;
}

bool nft_set_fits(const struct set *desired, const struct held_set *held)
{
	return held->flags == flags_of(desired) && held->key_bytes == set_key_size(desired->key) &&
	       held->data_type == data_type(desired->data);
}

static struct nftnl_set *set_new(const char *name)
{
	struct nftnl_set *s = nft_must(nftnl_set_alloc());

	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(s, NFTNL_SET_TABLE, RULESET_TABLE);
	nftnl_set_set_str(s, NFTNL_SET_NAME, name);
	return s;
}

static struct nft_label label_of(const struct set *set)
{
	return (struct nft_label){set->data == SET_DATA_NONE ? "set" : "map", set->name, 0};
}

/* For who lists the set: without it nft prints marks with their bytes reversed. */
static void put_byteorders(struct nftnl_set *s, const struct set *set)
{
	struct nftnl_udata_buf *data = nft_must(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

	nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER,
			    set->key == SET_KEY_MARK ? BYTEORDER_HOST : BYTEORDER_BIG);
	nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

void nft_set_create(struct nft_batch *batch, const struct set *set, uint32_t id)
{
	struct nlmsghdr *message =
		nft_batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, label_of(set));
	struct nftnl_set *s = set_new(set->name);

	nftnl_set_set_u32(s, NFTNL_SET_ID, id);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags_of(set));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, key_type(set->key));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, set_key_size(set->key));
	if (set->data != SET_DATA_NONE) {
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, data_type(set->data));
		nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, sizeof(int64_t));
	}
	if (set->dynamic)
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, LATCHED_SIZE);
	put_byteorders(s, set);
	nftnl_set_nlmsg_build_payload(message, s);
	nft_batch_add(batch, message);
	nftnl_set_free(s);
}

void nft_set_delete(struct nft_batch *batch, const char *name)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_DELSET, 0,
						     (struct nft_label){"removal of set", name, 0});
	struct nftnl_set *s = set_new(name);

	nftnl_set_nlmsg_build_payload(message, s);
	nft_batch_add(batch, message);
	nftnl_set_free(s);
}

/* The elements of one message in the making. */
struct filler {
	struct nft_batch *batch;
	const struct set *set;
	uint16_t type, flags;
	struct nftnl_set *elements;
	size_t count;
};

static void filler_send(struct filler *f)
{
	struct nlmsghdr *message;

	if (!f->elements)
		return;
	message = nft_batch_message(f->batch, f->type, f->flags, label_of(f->set));
	nftnl_set_elems_nlmsg_build_payload(message, f->elements);
	nft_batch_add(f->batch, message);
	nftnl_set_free(f->elements);
	f->elements = NULL;
	f->count = 0;
}

static struct nftnl_set_elem *filler_add(struct filler *f, const uint8_t *key, uint32_t size)
{
	struct nftnl_set_elem *e = nft_must(nftnl_set_elem_alloc());

	if (!f->elements)
		f->elements = set_new(f->set->name);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, size);
	nftnl_set_elem_add(f->elements, e);
	f->count++;
	return e;
}

/* An interval is two elements: its first key, and the first key behind it, unless there is none. */
static void add_interval(struct filler *f, const struct element *element)
{
	uint32_t size = set_key_size(f->set->key), i = size;
	uint8_t behind[16];

	filler_add(f, element->key, size);
	memcpy(behind, element->last, sizeof(behind));
	while (i > 0)
		if (++behind[--i] != 0) {
			nftnl_set_elem_set_u32(filler_add(f, behind, size), NFTNL_SET_ELEM_FLAGS,
					       NFT_SET_ELEM_INTERVAL_END);
			return;
		}
}

static void add_element(struct filler *f, const struct element *element)
{
	uint64_t instant = htobe64((uint64_t)element->instant); /* as nft prints it */
	struct nftnl_set_elem *e;

	if (f->count + 2 > ELEMENTS_PER_MESSAGE)
		filler_send(f);
	if (f->set->interval) {
		add_interval(f, element);
		return;
	}
	e = filler_add(f, element->key, set_key_size(f->set->key));
	if (f->set->data == SET_DATA_INSTANT)
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, &instant, sizeof(instant));
	if (f->set->data != SET_DATA_VERDICT)
		return;
	nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_VERDICT,
			       element->chain ? (uint32_t)NFT_GOTO : NF_ACCEPT);
	if (element->chain)
		nftnl_set_elem_set_str(e, NFTNL_SET_ELEM_CHAIN, element->chain);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool nft_element_same(const struct element *a, const struct element *b)
{
	return memcmp(a->last, b->last, sizeof(a->last)) == 0 && a->instant == b->instant &&
	       same_text(a->chain, b->chain);
}

/* Without elements a deletion means all of them. */
static void flush(struct nft_batch *batch, const struct set *set)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_DELSETELEM, 0, label_of(set));
	struct nftnl_set *s = set_new(set->name);

	nftnl_set_elems_nlmsg_build_payload(message, s);
	nft_batch_add(batch, message);
	nftnl_set_free(s);
}

/* Elements of one side that the other lacks, or has otherwise. */
static void each_missing(struct filler *f, const struct element *these, size_t count,
			 const struct element *those, size_t others)
{
	size_t j = 0;

	for (size_t i = 0; i < count; i++) {
		while (j < others && memcmp(those[j].key, these[i].key, sizeof(these->key)) < 0)
			j++;
		if (j == others || memcmp(those[j].key, these[i].key, sizeof(these->key)) != 0 ||
		    !nft_element_same(&these[i], &those[j]))
			add_element(f, &these[i]);
	}
	filler_send(f);
}

void nft_set_fill(struct nft_batch *batch, const struct set *desired, const struct held_set *held)
{
	struct filler deletions = {.batch = batch, .set = desired, .type = NFT_MSG_DELSETELEM};
	struct filler additions = {
		.batch = batch, .set = desired, .type = NFT_MSG_NEWSETELEM, .flags = NLM_F_CREATE};
	const struct element *elements = held ? held->elements : NULL;
	size_t count = held ? held->count : 0;

	if (desired->kept)
		return;
	if (held && held->damaged) {
		flush(batch, desired);
		count = 0;
	}
	each_missing(&deletions, elements, count, desired->elements, desired->count);
	each_missing(&additions, desired->elements, desired->count, elements, count);
}

static const struct element *find(const struct element *elements, size_t count,
				  const struct element *key)
{
	return count > 0 ? bsearch(key, elements, count, sizeof(*key), element_compare) : NULL;
}

static const struct set *set_named(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset->sets_count; i++)
		if (strcmp(ruleset->sets[i].name, name) == 0)
			return &ruleset->sets[i];
	return NULL;
}

/* What is known when the latch is amended. */
struct amendment {
	const struct ruleset *desired;
	const struct set *latched, *instants;
	const struct held_set *were; /* the held instants */
};

static bool is_lifted(const struct amendment *a, const struct element *number)
{
	const struct held_set *were = a->were;
	const struct element *was = were ? find(were->elements, were->count, number) : NULL;
	const struct element *is = find(a->instants->elements, a->instants->count, number);

	for (size_t i = 0; i < a->desired->lifted_count; i++)
		if (memcmp(&a->desired->lifted[i], number->key, sizeof(uint32_t)) == 0)
			return true;
	return was && is && is->instant > was->instant;
}

static bool is_put_back(const struct amendment *a, const struct element *number)
{
	return find(a->latched->elements, a->latched->count, number) != NULL;
}

static bool held_rehearsal(const struct held_set *instants)
{
	const struct element key = {.key = {RULESET_REHEARSAL}};

	return instants && find(instants->elements, instants->count, &key);
}

static void latch_drop(struct nft_batch *batch, const struct amendment *a,
		       const struct held_set *latched)
{
	struct filler deletions = {.batch = batch, .set = a->latched, .type = NFT_MSG_DELSETELEM};

	for (size_t i = 0; latched && i < latched->count; i++) {
		const struct element *number = &latched->elements[i];

		if (is_lifted(a, number) && !is_put_back(a, number))
			add_element(&deletions, number);
	}
	filler_send(&deletions);
}

/* fresh: the set is empty now, and gets what of it is to stay as well. */
static void latch_add(struct nft_batch *batch, const struct amendment *a,
		      const struct held_set *latched, bool fresh, bool keep)
{
	struct filler additions = {.batch = batch,
				   .set = a->latched,
				   .type = NFT_MSG_NEWSETELEM,
				   .flags = NLM_F_CREATE};
	const struct element *elements = latched ? latched->elements : NULL;
	size_t count = latched ? latched->count : 0;

	for (size_t i = 0; i < count && fresh && keep; i++)
		if (!is_lifted(a, &elements[i]) && !is_put_back(a, &elements[i]))
			add_element(&additions, &elements[i]);
	for (size_t i = 0; i < a->latched->count; i++)
		if (fresh || !find(elements, count, &a->latched->elements[i]))
			add_element(&additions, &a->latched->elements[i]);
	filler_send(&additions);
}

void nft_latch_amend(struct nft_batch *batch, const struct ruleset *desired,
		     const struct held *held, const struct held *before)
{
	const struct amendment a = {
		.desired = desired,
		.latched = set_named(desired, RULESET_LATCHED),
		.instants = set_named(desired, RULESET_INSTANT_OF),
		.were = held_set(before, RULESET_INSTANT_OF),
	};
	const struct held_set *latched = held_set(before, RULESET_LATCHED);
	bool same_time = !before->table || held_rehearsal(a.were) == desired->rehearsal;
	bool fresh;

	if (!a.latched || !a.instants)
		return; /* a ruleset without stages: a probe's */
	fresh = held != before || !latched || !nft_set_fits(a.latched, latched);
	if (!same_time && !fresh)
		flush(batch, a.latched); /* with what packets latch until then */
	else if (!fresh)
		latch_drop(batch, &a, latched);
	latch_add(batch, &a, latched, fresh || !same_time, same_time);
}
