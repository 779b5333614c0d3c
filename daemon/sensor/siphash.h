/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-1-3 over 64-bit words: a hash that nobody without the key can find collisions for
 * (Aumasson and Bernstein, 2012; one round a word and three at the end, as in hash tables
 * elsewhere).
 */
#ifndef CUTOFFD_SIPHASH_H
#define CUTOFFD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* Both halves of a key from one random word. */
struct siphash_key siphash_key(uint64_t seed);
/* The same as SipHash-1-3 of the words' bytes in little-endian order. */
uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t count);

#endif
