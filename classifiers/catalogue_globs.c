/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns with wildcards inside a label → for each anchor a radix tree over what stands left of
 * it, and for each pattern its rank among all of them, so that a lookup only compares numbers.
 */
#include "classifiers/catalogue_build.h"

#include <stdlib.h>
#include <string.h>

struct glob {
	const char *body;
	uint8_t length; /* of the body */
	uint8_t wild;	/* of the part left of the anchor: the tail */
	bool permitted;
	uint32_t name;
	uint32_t rank;
};

struct tree {
	const struct catalogue_builder *builder;
	struct glob *globs;
	struct built_globs *built;
};

static struct glob glob_of(const struct catalogue_builder *builder, uint32_t number)
{
	const struct built_name *name = &builder->names[number];
	size_t length;
	const char *body = built_body(builder, name, &length);

	return (struct glob){
		.body = body,
		.length = (uint8_t)length,
		.wild = (uint8_t)pattern_wild_length(body, length),
		.permitted = builder->services[name->service].permitted,
		.name = number,
	};
}

static const char *anchor_text(const struct glob *glob, size_t *length)
{
	*length = glob->wild < glob->length ? glob->length - glob->wild - 1u : 0;
	return glob->body + glob->length - *length;
}

/* The tail's characters, from the anchor to the left. */
static uint8_t tail_at(const struct glob *glob, size_t depth)
{
	return (uint8_t)glob->body[glob->wild - 1u - depth];
}

static int compare_rank(const void *left, const void *right)
{
	const struct glob *a = left, *b = right;
	int order = pattern_compare(a->body, a->length, b->body, b->length);

	if (order != 0)
		return order;
	if (a->permitted != b->permitted)
		return a->permitted ? -1 : 1;
	return a->name < b->name ? -1 : 1;
}

static int compare_anchor(const struct glob *a, const struct glob *b)
{
	size_t a_length, b_length;
	const char *a_text = anchor_text(a, &a_length), *b_text = anchor_text(b, &b_length);

	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return memcmp(a_text, b_text, a_length);
}

static int compare_place(const void *left, const void *right)
{
	const struct glob *a = left, *b = right;
	size_t shorter = a->wild < b->wild ? a->wild : b->wild;
	int order = compare_anchor(a, b);

	for (size_t i = 0; order == 0 && i < shorter; i++)
		order = tail_at(a, i) - tail_at(b, i);
	if (order == 0)
		order = a->wild - b->wild;
	return order;
}

static struct glob *globs_sorted(const struct catalogue_builder *builder, uint32_t *count)
{
	struct glob *globs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < builder->names_count; i++)
		n += builder->names[i].wild;
	globs = calloc((size_t)n + 1, sizeof(*globs));
	if (!globs)
		return NULL;
	*count = n;
	n = 0;
	for (uint32_t i = 0; i < builder->names_count; i++)
		if (builder->names[i].wild)
			globs[n++] = glob_of(builder, i);
	qsort(globs, n, sizeof(*globs), compare_rank);
	for (uint32_t i = 0; i < n; i++)
		globs[i].rank = i;
	qsort(globs, n, sizeof(*globs), compare_place);
	return globs;
}

/* Where the run of globs with the same character at depth ends. */
static uint32_t run_end(const struct tree *tree, uint32_t from, uint32_t to, size_t depth)
{
	uint8_t token = tail_at(&tree->globs[from], depth);

	while (from < to && tail_at(&tree->globs[from], depth) == token)
		from++;
	return from;
}

static bool children_reserve(const struct tree *tree, struct catalogue_node *node, uint32_t from,
			     uint32_t to)
{
	struct built_globs *built = tree->built;
	uint8_t children = 0;

	for (uint32_t i = from; i < to; i = run_end(tree, i, to, node->end))
		children++;
	if (!catalogue_reserve(&built->nodes, &built->nodes_capacity, built->nodes_count, children,
			       sizeof(*built->nodes)))
		return false;
	node->children = built->nodes_count;
	node->children_count = children;
	built->nodes_count += children;
	return true;
}

/* The node at index for the globs [from, to), whose tails agree up to depth. They are sorted, so
 * what the first and the last share is shared by all. */
static bool node_build(const struct tree *tree, uint32_t index, uint32_t from, uint32_t to,
		       uint8_t token, size_t depth)
{
	const struct glob *first = &tree->globs[from], *last = &tree->globs[to - 1];
	struct catalogue_node node = {.glob = from, .token = token};
	uint32_t run;

	while (depth < first->wild && depth < last->wild &&
	       tail_at(first, depth) == tail_at(last, depth))
		depth++;
	node.end = (uint8_t)depth;
	while (from < to && tree->globs[from].wild == depth) {
		node.globs_count++;
		from++;
	}
	if (!children_reserve(tree, &node, from, to))
		return false;
	tree->built->nodes[index] = node;
	for (uint32_t child = node.children; from < to; from = run, child++) {
		run = run_end(tree, from, to, depth);
		token = tail_at(&tree->globs[from], depth);
		if (!node_build(tree, child, from, run, token, depth))
			return false;
	}
	return true;
}

static bool anchor_build(const struct tree *tree, uint32_t from, uint32_t to)
{
	const struct glob *first = &tree->globs[from];
	struct built_globs *built = tree->built;
	struct catalogue_anchor *anchor;
	size_t length;
	const char *text = anchor_text(first, &length);

	if (!catalogue_reserve(&built->anchors, &built->anchors_capacity, built->anchors_count, 1,
			       sizeof(*built->anchors)) ||
	    !catalogue_reserve(&built->anchor_texts, &built->anchor_texts_capacity,
			       built->anchors_count, 1, sizeof(*built->anchor_texts)) ||
	    !catalogue_reserve(&built->nodes, &built->nodes_capacity, built->nodes_count, 1,
			       sizeof(*built->nodes)))
		return false;
	built->anchor_texts[built->anchors_count] = (struct built_anchor){
		.text = (uint32_t)(text - tree->builder->patterns),
		.length = (uint32_t)length,
	};
	anchor = &built->anchors[built->anchors_count++];
	anchor->length = (uint32_t)length;
	anchor->globs = from;
	anchor->globs_count = to - from;
	anchor->node = built->nodes_count++;
	return node_build(tree, anchor->node, from, to, 0, 0);
}

static bool globs_emit(const struct tree *tree)
{
	struct built_globs *built = tree->built;
	const struct catalogue_builder *builder = tree->builder;
	const struct built_name *name;

	built->globs = calloc((size_t)built->globs_count + 1, sizeof(*built->globs));
	built->text = malloc((size_t)builder->patterns_length + 1);
	if (!built->globs || !built->text)
		return false;
	for (uint32_t i = 0; i < built->globs_count; i++) {
		name = &builder->names[tree->globs[i].name];
		built->globs[i] = (struct catalogue_glob){
			.text = builder->text_length + built->text_length,
			.rank = tree->globs[i].rank,
			.service = name->service,
			.length = name->length,
			.scope = name->scope,
		};
		memcpy(built->text + built->text_length, builder->patterns + name->text,
		       name->length);
		built->text_length += name->length;
	}
	return true;
}

bool catalogue_globs_build(const struct catalogue_builder *builder, struct built_globs *built)
{
	struct tree tree = {.builder = builder, .built = built};
	uint32_t to;
	bool done = false;

	tree.globs = globs_sorted(builder, &built->globs_count);
	if (!tree.globs)
		return false;
	if (!globs_emit(&tree))
		goto out;
	for (uint32_t from = 0; from < built->globs_count; from = to) {
		for (to = from + 1; to < built->globs_count; to++)
			if (compare_anchor(&tree.globs[from], &tree.globs[to]) != 0)
				break;
		if (!anchor_build(&tree, from, to))
			goto out;
	}
	done = true;
out:
	free(tree.globs);
	return done;
}

void catalogue_globs_free(struct built_globs *built)
{
	free(built->text);
	free(built->nodes);
	free(built->anchor_texts);
	free(built->anchors);
	free(built->globs);
}
