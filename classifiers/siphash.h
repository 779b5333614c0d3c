/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") over 64-bit words: a
 * hash with a secret key, so that nobody who picks names or addresses picks collisions too. The
 * state can be read at any word, which gives the hashes of all suffixes of a name in one pass.
 */
#ifndef CUTOFFD_SIPHASH_H
#define CUTOFFD_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
	uint64_t words[2];
};

struct siphash {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotate(s->v2, 32);
}

static inline struct siphash siphash_new(const struct siphash_key *key)
{
	return (struct siphash){
		.v0 = key->words[0] ^ UINT64_C(0x736f6d6570736575),
		.v1 = key->words[1] ^ UINT64_C(0x646f72616e646f6d),
		.v2 = key->words[0] ^ UINT64_C(0x6c7967656e657261),
		.v3 = key->words[1] ^ UINT64_C(0x7465646279746573),
	};
}

static inline void siphash_word(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

/* The last bytes before a word is full: 0 to 7. */
static inline uint64_t siphash_tail(const uint8_t *at, size_t left)
{
	uint64_t word = 0;
	unsigned int bits = 0;
	uint32_t four;
	uint16_t two;

	if (left & 4) {
		memcpy(&four, at, sizeof(four));
		word = le32toh(four);
		at += sizeof(four);
		bits = 32;
	}
	if (left & 2) {
		memcpy(&two, at, sizeof(two));
		word |= (uint64_t)le16toh(two) << bits;
		at += sizeof(two);
		bits += 16;
	}
	if (left & 1)
		word |= (uint64_t)*at << bits;
	return word;
}

/* Bytes, and how many there were (modulo 256), so that two different runs of calls with less than
 * 256 bytes each never feed the same words. */
static inline void siphash_bytes(struct siphash *s, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	size_t left = length;
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		siphash_word(s, le64toh(word));
	}
	siphash_word(s, (uint64_t)(length & 0xff) << 56 | siphash_tail(at, left));
}

/* The value so far; the state can take more words afterwards. */
static inline uint64_t siphash_value(const struct siphash *state)
{
	struct siphash s = *state;

	s.v2 ^= 0xff;
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
