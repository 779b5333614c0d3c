/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_names.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct nft_names nft_names(struct arena *arena, const void *array, size_t count, size_t size)
{
	struct nft_names names = {arena_array(arena, count, sizeof(char *)), count};

	for (size_t i = 0; i < count; i++)
		memcpy(&names.sorted[i], (const char *)array + i * size, sizeof(char *));
	if (count > 0)
		qsort(names.sorted, count, sizeof(char *), by_name);
	return names;
}

bool nft_has_name(const struct nft_names *names, const char *name)
{
	return names->count > 0 &&
	       bsearch(&name, names->sorted, names->count, sizeof(char *), by_name);
}
