/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nearest known word to one that is not known, for remedies. Pure.
 */
#ifndef CUTOFFD_NEAREST_H
#define CUTOFFD_NEAREST_H

#include <stddef.h>

/* How many characters to insert, delete, replace or swap with their neighbour (case-blind) make
 * one of the other; words longer than 63 bytes are as far as their lengths say, at least 64. */
size_t nearest_distance(const char *a, const char *b);

/* The nearest of count words, the first of equals; NULL when none is near: more than a third of
 * the word's letters would have to change. */
const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
