/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values of the settings' files: texts, ids, numbers, choices, prefixes and lists of them. Each
 * function complains for itself; those named value_read_* fit into a table of keys. What they hand
 * out lies in the settings' arena. Inside settings/ only.
 */
#ifndef CUTOFFD_VALUE_H
#define CUTOFFD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/settings/loader.h"

struct value_texts {
	const char **items;
	size_t count;
};

struct value_prefixes {
	struct prefix *items;
	size_t count;
};

/* The text of a scalar that is not empty, or NULL. what: "a date". */
const char *value_text(struct loader *loader, const struct yaml_node *node, const char *what);
bool value_integer(struct loader *loader, const struct yaml_node *node, uint32_t least,
		   uint32_t most, uint32_t *out);
/* The index of the word among the words that are allowed; -1 when it is none. */
int value_choice(struct loader *loader, const struct yaml_node *node, const char *const *words,
		 size_t count);
/* Whether it is a list; otherwise complains. what: "prefixes". */
bool value_is_list(struct loader *loader, const struct yaml_node *node, const char *what);
bool value_prefix(struct loader *loader, const struct yaml_node *node, struct prefix *out);
/* Whether text is an id: lower-case letters, digits and hyphens, at most 48. */
bool value_id(struct loader *loader, const struct yaml_node *node, const char *text);
/* Of an item that its list has already. */
void value_complain_repeated(struct loader *loader, const struct yaml_node *item);

/* For tables of keys. */
void value_read_text(struct loader *loader, const struct yaml_node *value, void *field);
void value_read_id(struct loader *loader, const struct yaml_node *value, void *field);
void value_read_boolean(struct loader *loader, const struct yaml_node *value, void *field);
void value_read_texts(struct loader *loader, const struct yaml_node *value, void *field);
void value_read_prefixes(struct loader *loader, const struct yaml_node *value, void *field);
/* field: an id that is known, from the file's name, and that the file must repeat. */
void value_check_file_id(struct loader *loader, const struct yaml_node *value, void *field);
/* Keeps the node itself, for later. */
void value_read_node(struct loader *loader, const struct yaml_node *value, void *field);

#endif
