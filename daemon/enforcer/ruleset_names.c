/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/ruleset_build.h"

/* Half of what the kernel takes (NFT_NAME_MAXLEN, 256): room for what is put around a name. */
#define NAME_LENGTH 128

/* What the table's own chains are called or will be: a class cannot have such a name. */
static const char *const reserved[] = {
	"enforce_forward", "enforce_output", "inspect_forward",	  "inspect_input",
	"inspect_output",  CHAIN_NO_STAGE,   CHAIN_REFUSE_REJECT, CHAIN_REFUSE_DROP,
	"unseen",	   "refuse",
};

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static char *plain(struct arena *arena, const char *text)
{
	char *name = arena_printf(arena, "%s%.*s", isalpha((unsigned char)text[0]) ? "" : "_",
				  NAME_LENGTH, text);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return name;
}

struct named {
	char *name;
	size_t index;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* A dot is what no plain name has, so a name with a number can equal no other. All of those that
 * are equal get one: a name does not depend on who else was there first. */
const char **ruleset_names(struct arena *arena, const char *const *texts, const uint32_t *numbers,
			   size_t count)
{
	struct named *sorted = arena_array(arena, count, sizeof(*sorted));
	const char **names = arena_array(arena, count, sizeof(*names));

	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct named){plain(arena, texts[i]), i};
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < count; i++) {
		const struct named *n = &sorted[i];
		bool same = (i > 0 && by_name(n - 1, n) == 0) ||
			    (i + 1 < count && by_name(n, n + 1) == 0);

		if (same || is_reserved(n->name) || strlen(texts[n->index]) > NAME_LENGTH)
			names[n->index] = arena_printf(arena, "%s.%u", n->name, numbers[n->index]);
		else
			names[n->index] = n->name;
	}
	return names;
}
