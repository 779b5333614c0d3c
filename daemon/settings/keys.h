/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mappings by tables: a row for each key that a mapping can have. Unknown and missing keys are
 * complained of here, so that no reader has to. Inside settings/ only.
 */
#ifndef CUTOFFD_KEYS_H
#define CUTOFFD_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings/loader.h"

/* Of the rows of a table, or of words to choose from. */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct key {
	const char *name;
	/* Reads value into the field at offset of the object; complains for itself. */
	void (*read)(struct loader *loader, const struct yaml_node *value, void *field);
	size_t offset;
	bool required;
};

/* Reads each key of the mapping that the table has, in the table's order. what: "a scope", for
 * complaints. false: it is no mapping, or a required key is missing or empty. */
bool keys_read(struct loader *loader, const struct yaml_node *mapping, const char *what,
	       const struct key *keys, size_t count, void *object);

/* The value of a key; NULL when there is none, or no mapping. */
const struct yaml_node *keys_find(const struct yaml_node *mapping, const char *name);

#endif
