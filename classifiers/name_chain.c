/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/name_chain.h"

#include <stdlib.h>
#include <string.h>

#include "classifiers/slab.h"

/* Text lies in linked blocks of 32 bytes: most chains need two. */
#define BLOCK_TEXT 28
#define BLOCKS_A_CHAIN 4
#define BLOCKS_LEAST ((NAME_CHAIN_TEXT + BLOCK_TEXT - 1) / BLOCK_TEXT)

/* The catalogue looks at no more than the last 254 bytes of a longer name, so the end of one is
 * found as the whole would be. */
#define NAME_KEPT 255

struct block {
	uint32_t next;
	uint8_t text[BLOCK_TEXT];
};

struct chain {
	uint64_t hash;
	uint32_t next;	/* in its bucket */
	uint32_t block; /* the first */
	uint32_t holders;
	uint32_t indicator;
	uint16_t service; /* SERVICE_NONE: clean */
	uint16_t length;
	uint16_t listed; /* where in the text the first listed name is */
	bool several;
};

/* Names behind each other, each with its length before it. */
struct text {
	size_t length;
	uint8_t bytes[NAME_CHAIN_TEXT];
};

struct name_chains {
	struct siphash_key key;
	struct slab chains, blocks;
	uint32_t *buckets;
	uint32_t mask;
};

struct name_chains *name_chains_new(uint32_t max, const struct siphash_key *key)
{
	struct name_chains *chains = calloc(1, sizeof(*chains));
	uint32_t buckets = 1;

	if (!chains)
		return NULL;
	while (buckets < max && buckets < UINT32_C(1) << 31)
		buckets *= 2;
	chains->key = *key;
	chains->mask = buckets - 1;
	chains->buckets = malloc(buckets * sizeof(*chains->buckets));
	if (!chains->buckets || max > UINT32_MAX / BLOCKS_A_CHAIN - BLOCKS_LEAST ||
	    !slab_init(&chains->chains, max, sizeof(struct chain)) ||
	    !slab_init(&chains->blocks, max * BLOCKS_A_CHAIN + BLOCKS_LEAST,
		       sizeof(struct block))) {
		name_chains_free(chains);
		return NULL;
	}
	memset(chains->buckets, 0xff, buckets * sizeof(*chains->buckets));
	return chains;
}

void name_chains_free(struct name_chains *chains)
{
	if (!chains)
		return;
	slab_release(&chains->blocks);
	slab_release(&chains->chains);
	free(chains->buckets);
	free(chains);
}

static struct chain *chain_at(const struct name_chains *chains, uint32_t number)
{
	return slab_at(&chains->chains, number);
}

static void text_add(struct text *text, const char *name, size_t length)
{
	if (length > NAME_KEPT) {
		name += length - NAME_KEPT;
		length = NAME_KEPT;
	}
	if (length + 1 > sizeof(text->bytes) - text->length)
		return;
	text->bytes[text->length++] = (uint8_t)length;
	memcpy(text->bytes + text->length, name, length);
	text->length += length;
}

static void text_of(struct text *text, const struct catalogue *catalogue,
		    const struct finding *response)
{
	bool first[FINDING_NAMES];
	struct catalogue_match match;
	const char *name;
	size_t length;

	text->length = 0;
	for (unsigned int i = 0; i < response->names_count; i++) {
		name = finding_name(response, i, &length);
		first[i] = i == 0 || catalogue_find_name(catalogue, name, length, &match);
		if (first[i])
			text_add(text, name, length);
	}
	for (unsigned int i = 0; i < response->names_count; i++) {
		name = finding_name(response, i, &length);
		if (!first[i])
			text_add(text, name, length);
	}
}

static void classify(struct chain *chain, const struct text *text,
		     const struct catalogue *catalogue)
{
	struct catalogue_match match;
	size_t at = 0, length;

	chain->service = SERVICE_NONE;
	chain->several = false;
	for (; at < text->length; at += 1 + length) {
		length = text->bytes[at];
		if (!catalogue_find_name(catalogue, (const char *)text->bytes + at + 1, length,
					 &match))
			continue;
		if (chain->service == SERVICE_NONE) {
			chain->service = match.service;
			chain->indicator = match.indicator;
			chain->listed = (uint16_t)at;
		} else if (chain->service != match.service) {
			chain->several = true;
		}
	}
}

static size_t piece(size_t left)
{
	return left < BLOCK_TEXT ? left : BLOCK_TEXT;
}

static void text_read(const struct name_chains *chains, const struct chain *chain,
		      struct text *text)
{
	const struct block *block;
	uint32_t number = chain->block;

	text->length = chain->length;
	for (size_t at = 0; at < text->length; at += BLOCK_TEXT, number = block->next) {
		block = slab_at(&chains->blocks, number);
		memcpy(text->bytes + at, block->text, piece(text->length - at));
	}
}

static void blocks_give_back(struct name_chains *chains, const struct chain *chain)
{
	uint32_t number = chain->block, next;

	for (size_t at = 0; at < chain->length; at += BLOCK_TEXT, number = next) {
		next = ((struct block *)slab_at(&chains->blocks, number))->next;
		slab_give_back(&chains->blocks, number);
	}
}

/* The caller has seen that there are blocks enough. */
static void text_write(struct name_chains *chains, struct chain *chain, const struct text *text)
{
	uint32_t *link = &chain->block;
	struct block *block;

	for (size_t at = 0; at < text->length; at += BLOCK_TEXT, link = &block->next) {
		*link = slab_take(&chains->blocks);
		block = slab_at(&chains->blocks, *link);
		memcpy(block->text, text->bytes + at, piece(text->length - at));
	}
	chain->length = (uint16_t)text->length;
}

static bool is_text(const struct name_chains *chains, const struct chain *chain,
		    const struct text *text)
{
	struct text there;

	text_read(chains, chain, &there);
	return there.length == text->length && memcmp(there.bytes, text->bytes, text->length) == 0;
}

static uint64_t hash_of(const struct name_chains *chains, const struct text *text)
{
	struct siphash state = siphash_new(&chains->key);

	siphash_bytes(&state, text->bytes, text->length);
	siphash_word(&state, text->length);
	return siphash_value(&state);
}

static uint32_t chain_new(struct name_chains *chains, const struct text *text, uint64_t hash)
{
	uint32_t *bucket = &chains->buckets[hash & chains->mask], number;
	struct chain *chain;

	if (slab_left(&chains->blocks) < (text->length + BLOCK_TEXT - 1) / BLOCK_TEXT)
		return NAME_CHAIN_NONE;
	number = slab_take(&chains->chains);
	if (number == SLAB_NONE)
		return NAME_CHAIN_NONE;
	chain = chain_at(chains, number);
	chain->hash = hash;
	chain->next = *bucket;
	*bucket = number;
	text_write(chains, chain, text);
	return number;
}

uint32_t name_chain_hold(struct name_chains *chains, const struct catalogue *catalogue,
			 const struct finding *response)
{
	struct text text;
	uint64_t hash;
	uint32_t number;

	text_of(&text, catalogue, response);
	hash = hash_of(chains, &text);
	number = chains->buckets[hash & chains->mask];
	while (number != NAME_CHAIN_NONE && (chain_at(chains, number)->hash != hash ||
					     !is_text(chains, chain_at(chains, number), &text)))
		number = chain_at(chains, number)->next;
	if (number == NAME_CHAIN_NONE) {
		number = chain_new(chains, &text, hash);
		if (number == NAME_CHAIN_NONE)
			return NAME_CHAIN_NONE;
		classify(chain_at(chains, number), &text, catalogue);
	}
	chain_at(chains, number)->holders++;
	return number;
}

void name_chain_hold_again(struct name_chains *chains, uint32_t chain)
{
	chain_at(chains, chain)->holders++;
}

void name_chain_drop(struct name_chains *chains, uint32_t number)
{
	struct chain *chain = chain_at(chains, number);
	uint32_t *link = &chains->buckets[chain->hash & chains->mask];

	if (--chain->holders > 0)
		return;
	while (*link != number)
		link = &chain_at(chains, *link)->next;
	*link = chain->next;
	blocks_give_back(chains, chain);
	slab_give_back(&chains->chains, number);
}

void name_chains_recatalogue(struct name_chains *chains, const struct catalogue *catalogue)
{
	struct text text;
	uint32_t number;

	for (uint32_t bucket = 0; bucket <= chains->mask; bucket++) {
		for (number = chains->buckets[bucket]; number != NAME_CHAIN_NONE;
		     number = chain_at(chains, number)->next) {
			text_read(chains, chain_at(chains, number), &text);
			classify(chain_at(chains, number), &text, catalogue);
		}
	}
}

bool name_chain_is_listed(const struct name_chains *chains, uint32_t number,
			  struct catalogue_match *match, bool *several)
{
	const struct chain *chain = chain_at(chains, number);

	if (chain->service == SERVICE_NONE)
		return false;
	match->service = chain->service;
	match->indicator = chain->indicator;
	*several = chain->several;
	return true;
}

void name_chain_listed_name(const struct name_chains *chains, uint32_t number, char name[256])
{
	const struct chain *chain = chain_at(chains, number);
	struct text text;
	size_t length;

	text_read(chains, chain, &text);
	length = text.bytes[chain->listed];
	memcpy(name, text.bytes + chain->listed + 1, length);
	name[length] = '\0';
}
