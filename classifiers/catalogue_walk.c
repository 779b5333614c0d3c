/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name against all globs below one anchor at once: the radix tree is walked from the anchor to
 * the left with the set of all places in it that the bytes so far can lead to. A step costs what
 * really matches so far, however many globs there are.
 */
#include "classifiers/catalogue_read.h"

/* So few globs are compared one by one, and so are all when more places than this match at once
 * (which takes as many globs that overlap in one name). */
#define FEW 8
#define PLACES_MAX 256

struct place {
	uint32_t node;
	uint32_t depth; /* so many characters of its text have matched */
};

struct places {
	unsigned int count;
	bool overflow;
	struct place at[PLACES_MAX];
};

struct walk {
	const struct catalogue *catalogue;
	size_t anchor_length; /* with its dot */
	const char *name;
	size_t rest;
	bool cut;
	uint32_t best;
};

static uint8_t token_at(const struct walk *walk, const struct catalogue_node *node, size_t depth)
{
	const struct catalogue_glob *glob = &walk->catalogue->globs[node->glob];

	return (uint8_t)
		walk->catalogue->text[glob->text + glob->length - walk->anchor_length - 1 - depth];
}

/* Where a token leads from a place; false: nowhere. */
static bool advance(const struct walk *walk, struct place from, uint8_t token, struct place *to)
{
	const struct catalogue_node *node = &walk->catalogue->nodes[from.node];
	uint32_t low = node->children, high = low + node->children_count, middle;

	*to = (struct place){.node = from.node, .depth = from.depth + 1};
	if (from.depth < node->end)
		return token_at(walk, node, from.depth) == token;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (walk->catalogue->nodes[middle].token < token)
			low = middle + 1;
		else
			high = middle;
	}
	to->node = low;
	return low < node->children + node->children_count &&
	       walk->catalogue->nodes[low].token == token;
}

static void put(struct places *places, struct place place)
{
	if (places->count == PLACES_MAX)
		places->overflow = true;
	else
		places->at[places->count++] = place;
}

/* A place and, since a star may stand for nothing, the one behind a star that follows it. That one
 * may be there already, as one of the first `loops`; no other place can be reached twice. */
static void arrive(const struct walk *walk, struct places *places, struct place place,
		   unsigned int loops)
{
	struct place behind;

	put(places, place);
	if (!advance(walk, place, '*', &behind))
		return;
	for (unsigned int i = 0; i < loops; i++)
		if (places->at[i].node == behind.node && places->at[i].depth == behind.depth)
			return;
	put(places, behind);
}

static bool is_behind_star(const struct walk *walk, struct place place)
{
	const struct catalogue_node *node = &walk->catalogue->nodes[place.node];

	return place.depth > 0 && token_at(walk, node, place.depth - 1) == '*';
}

static void step(const struct walk *walk, const struct places *from, struct places *to,
		 uint8_t byte)
{
	struct place next;
	unsigned int loops;

	to->count = 0;
	for (unsigned int i = 0; byte != '.' && i < from->count; i++)
		if (is_behind_star(walk, from->at[i]))
			put(to, from->at[i]);
	loops = to->count;
	for (unsigned int i = 0; i < from->count; i++) {
		if (byte != '*' && byte != '#' && advance(walk, from->at[i], byte, &next))
			arrive(walk, to, next, loops);
		if (byte >= '0' && byte <= '9' && advance(walk, from->at[i], '#', &next))
			arrive(walk, to, next, loops);
	}
}

static void take(struct walk *walk, uint32_t glob)
{
	const struct catalogue_glob *globs = walk->catalogue->globs;

	if (walk->best == CATALOGUE_NONE || globs[glob].rank < globs[walk->best].rank)
		walk->best = glob;
}

/* The globs that end where so many bytes are consumed. */
static void accept(struct walk *walk, const struct places *places, size_t consumed)
{
	bool whole = consumed == walk->rest && !walk->cut;
	bool dot = consumed < walk->rest && walk->name[walk->rest - 1 - consumed] == '.';
	const struct catalogue_node *node;
	uint8_t scope;

	for (unsigned int i = 0; (whole || dot) && i < places->count; i++) {
		node = &walk->catalogue->nodes[places->at[i].node];
		if (places->at[i].depth != node->end)
			continue;
		for (uint32_t k = node->glob; k < node->glob + node->globs_count; k++) {
			scope = walk->catalogue->globs[k].scope;
			if ((whole && scope != PATTERN_UNDER) || (dot && scope != PATTERN_HOST))
				take(walk, k);
		}
	}
}

/* false: too many places at once. */
static bool walk_tree(struct walk *walk, uint32_t root)
{
	struct places sets[2], *now = &sets[0], *next = &sets[1], *swap;
	size_t consumed = 0;

	sets[0].count = 0;
	sets[0].overflow = sets[1].overflow = false;
	arrive(walk, now, (struct place){.node = root}, 0);
	accept(walk, now, consumed);
	while (consumed < walk->rest && now->count > 0) {
		step(walk, now, next, (uint8_t)walk->name[walk->rest - 1 - consumed]);
		consumed++;
		if (next->overflow)
			return false;
		accept(walk, next, consumed);
		swap = now;
		now = next;
		next = swap;
	}
	return true;
}

static void walk_each(struct walk *walk, const struct catalogue_anchor *anchor, size_t length)
{
	const struct catalogue_glob *glob;
	enum pattern_scope scope;
	size_t marker;

	for (uint32_t i = anchor->globs; i < anchor->globs + anchor->globs_count; i++) {
		glob = &walk->catalogue->globs[i];
		scope = (enum pattern_scope)glob->scope;
		marker = pattern_marker(scope);
		if (walk->cut && scope == PATTERN_HOST)
			continue;
		if (pattern_matches(walk->catalogue->text + glob->text + marker,
				    glob->length - marker, walk->cut ? PATTERN_UNDER : scope,
				    walk->name, length))
			take(walk, i);
	}
}

uint32_t catalogue_walk(const struct catalogue *catalogue, const struct catalogue_anchor *anchor,
			const char *name, size_t length, size_t rest, bool cut)
{
	struct walk walk = {
		.catalogue = catalogue,
		.anchor_length = anchor->length ? anchor->length + 1 : 0,
		.name = name,
		.rest = rest,
		.cut = cut,
		.best = CATALOGUE_NONE,
	};

	if (anchor->globs_count > FEW && walk_tree(&walk, anchor->node))
		return walk.best;
	walk_each(&walk, anchor, length);
	return walk.best;
}
