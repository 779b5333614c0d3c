/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML text → a tree of nodes that know their places. The only file that includes libfyaml is
 * yaml.c. Scalars stay texts: what they mean is for who reads them. Aliases, anchors, tags and
 * second documents are complaints: an unquoted `*` in a name pattern is an alias to YAML.
 */
#ifndef CUTOFFD_YAML_H
#define CUTOFFD_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/arena.h"
#include "daemon/settings/text.h"

enum yaml_kind {
	YAML_NULL, /* nothing, or a plain `~` or `null` */
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
	YAML_BROKEN, /* a complaint was made of it; readers pass over it in silence */
};

struct yaml_node {
	enum yaml_kind kind;
	const struct text *source;
	size_t offset;	       /* of its first byte */
	unsigned int line;     /* from 1 */
	const char *text;      /* of a scalar; holds no NUL */
	struct yaml_node *key; /* of a mapping's entry: always a scalar or YAML_BROKEN */
	/* The items of a sequence, the values of a mapping's entries, in their order. */
	struct yaml_node *first, *next;
	size_t count;
};

/* The root of the one document, or NULL after a complaint: not YAML, nested too deeply, nothing in
 * it. Duplicate keys are complaints, and only the first stays. What could be read of a text with a
 * syntax error is not handed out. Nodes live as long as the arena and the text. */
const struct yaml_node *yaml_read(struct complaints *complaints, struct arena *arena,
				  const struct text *text);

struct place yaml_place(const struct yaml_node *node);

/* "nothing", "a text", "a list", "a mapping": for complaints. */
const char *yaml_kind_name(enum yaml_kind kind);

#endif
