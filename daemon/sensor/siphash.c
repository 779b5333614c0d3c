/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sensor/siphash.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

struct siphash_key siphash_key(uint64_t seed)
{
	/* Any two different, fixed texts would do. */
	static const uint64_t zero, one = 1;
	const struct siphash_key key = {seed, ~seed};

	return (struct siphash_key){siphash(&key, &zero, 1), siphash(&key, &one, 1)};
}

uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t count)
{
	struct state s = {
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};

	for (size_t i = 0; i < count; i++)
		sip_word(&s, words[i]);
	sip_word(&s, (uint64_t)(count * 8) << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
