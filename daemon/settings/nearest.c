/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX 63

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

/* Optimal string alignment, row by row; a swap looks two rows back. */
size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return n > m ? n : m;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
				       same(a[i - 2], b[j - 1]);

			row[j] = least(row[j - 1] + 1, above[j] + 1,
				       above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (swapped && rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}
	return rows[n % 3][m];
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
	size_t best = (strlen(word) + 2) / 3;
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = nearest_distance(word, words[i]);

		if (distance < best || (distance == best && !found)) {
			best = distance;
			found = words[i];
		}
	}
	return found;
}
