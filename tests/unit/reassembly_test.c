/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "classifiers/buffers.h"
#include "classifiers/reassembly.h"

#define TAKEN REASSEMBLY_TAKEN
#define NOTHING REASSEMBLY_NOTHING
#define AMBIGUOUS REASSEMBLY_AMBIGUOUS
#define FULL REASSEMBLY_FULL

struct segment {
	uint32_t offset;
	const char *bytes;
	enum reassembly_result result;
};

static void test_segments(void **state)
{
	static const struct {
		const char *what;
		struct segment segments[6];
		const char *want;
	} cases[] = {
		{"nothing yet", {{0}}, ""},
		{"in order", {{0, "abc", TAKEN}, {3, "def", TAKEN}}, "abcdef"},
		{"out of order", {{3, "def", TAKEN}, {0, "abc", TAKEN}}, "abcdef"},
		{"a gap", {{0, "abc", TAKEN}, {6, "ghi", TAKEN}}, "abc"},
		{"a gap at the start", {{1, "bc", TAKEN}}, ""},
		{"the gap filled",
		 {{0, "abc", TAKEN}, {6, "ghi", TAKEN}, {3, "def", TAKEN}},
		 "abcdefghi"},
		{"again", {{0, "abc", TAKEN}, {0, "abc", NOTHING}, {1, "b", NOTHING}}, "abc"},
		{"again in a later piece", {{3, "def", TAKEN}, {4, "e", NOTHING}}, ""},
		{"overlap in front", {{3, "def", TAKEN}, {0, "abcde", TAKEN}}, "abcdef"},
		{"overlap behind", {{0, "abc", TAKEN}, {1, "bcdef", TAKEN}}, "abcdef"},
		{"around a piece", {{2, "c", TAKEN}, {0, "abcdef", TAKEN}}, "abcdef"},
		{"over several pieces",
		 {{1, "b", TAKEN}, {3, "d", TAKEN}, {5, "f", TAKEN}, {0, "abcdefg", TAKEN}},
		 "abcdefg"},
		{"disagrees: first seen stays", {{0, "abc", TAKEN}, {0, "abX", AMBIGUOUS}}, "abc"},
		{"disagrees, and brings more",
		 {{2, "cd", TAKEN}, {0, "abXdef", AMBIGUOUS}},
		 "abcdef"},
		{"disagrees in the second of two pieces",
		 {{1, "b", TAKEN}, {3, "d", TAKEN}, {0, "abcXe", AMBIGUOUS}},
		 "abcde"},
		{"of no bytes", {{0, "abc", TAKEN}, {9, "", NOTHING}}, "abc"},
		{"beyond the limit", {{REASSEMBLY_BYTES, "x", FULL}, {UINT32_MAX, "x", FULL}}, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reassembly_pool *pool = reassembly_pool_new(BUFFER_MAX);
		struct reassembly *stream = reassembly_new(pool);
		const uint8_t *bytes;
		size_t length;

		print_message("%s\n", cases[i].what);
		for (const struct segment *s = cases[i].segments; s->bytes; s++)
			assert_int_equal(reassembly_add(pool, stream, s->offset,
							(const uint8_t *)s->bytes,
							strlen(s->bytes)),
					 s->result);
		bytes = reassembly_bytes(stream, &length);
		assert_int_equal(length, strlen(cases[i].want));
		assert_memory_equal(bytes, cases[i].want, length);
		reassembly_free(pool, stream);
		assert_int_equal(reassembly_pool_used(pool), 0);
		reassembly_pool_free(pool);
	}
}

static void test_one_byte_segments_backwards(void **state)
{
	enum { LENGTH = 600 };
	struct reassembly_pool *pool = reassembly_pool_new(BUFFER_MAX);
	struct reassembly *stream = reassembly_new(pool);
	uint8_t want[LENGTH];
	const uint8_t *bytes;
	size_t length;

	(void)state;
	for (uint32_t i = LENGTH; i > 0; i--) {
		want[i - 1] = (uint8_t)(i * 7);
		assert_int_equal(reassembly_add(pool, stream, i - 1, &want[i - 1], 1), TAKEN);
	}
	bytes = reassembly_bytes(stream, &length);
	assert_int_equal(length, LENGTH);
	assert_memory_equal(bytes, want, LENGTH);
	reassembly_pool_free(pool);
}

static void test_piece_limit(void **state)
{
	struct reassembly_pool *pool = reassembly_pool_new(BUFFER_MAX);
	struct reassembly *stream = reassembly_new(pool);
	size_t length;

	(void)state;
	for (uint32_t i = 0; i < REASSEMBLY_PIECES; i++)
		assert_int_equal(reassembly_add(pool, stream, 2 * i, (const uint8_t *)"x", 1),
				 TAKEN);
	assert_int_equal(reassembly_add(pool, stream, 1000, (const uint8_t *)"x", 1), FULL);
	/* What closes a gap is always welcome. */
	assert_int_equal(reassembly_add(pool, stream, 1, (const uint8_t *)"x", 1), TAKEN);
	assert_int_equal(reassembly_add(pool, stream, 1000, (const uint8_t *)"x", 1), TAKEN);
	reassembly_bytes(stream, &length);
	assert_int_equal(length, 3);
	reassembly_drop_pieces(stream);
	reassembly_bytes(stream, &length);
	assert_int_equal(length, 3);
	assert_int_equal(reassembly_add(pool, stream, 3, (const uint8_t *)"x", 1), TAKEN);
	reassembly_bytes(stream, &length);
	assert_int_equal(length, 4); /* what lay behind is forgotten */
	reassembly_pool_free(pool);
}

static void test_byte_limit(void **state)
{
	struct reassembly_pool *pool = reassembly_pool_new(BUFFER_MAX);
	struct reassembly *stream = reassembly_new(pool);
	static uint8_t bytes[REASSEMBLY_BYTES + 10];
	size_t length;

	(void)state;
	/* The pool cannot give the larger buffer beside the one that the stream has. */
	assert_int_equal(reassembly_add(pool, stream, 0, bytes, sizeof(bytes)), FULL);
	reassembly_pool_free(pool);
	pool = reassembly_pool_new(2 * BUFFER_MAX);
	stream = reassembly_new(pool);
	assert_int_equal(reassembly_add(pool, stream, 0, bytes, sizeof(bytes)), TAKEN);
	reassembly_bytes(stream, &length);
	assert_int_equal(length, REASSEMBLY_BYTES);
	assert_int_equal(reassembly_add(pool, stream, 5, bytes, sizeof(bytes)), NOTHING);
	reassembly_pool_free(pool);
}

/* The pool gives no more than it has, and a stream that could not grow keeps what it holds. */
static void test_pool_limit(void **state)
{
	struct reassembly_pool *pool = reassembly_pool_new(BUFFER_MAX);
	struct reassembly *streams[BUFFER_MAX / BUFFER_MIN];
	static uint8_t bytes[BUFFER_MIN + 1];
	size_t length;

	(void)state;
	for (size_t i = 0; i < BUFFER_MAX / BUFFER_MIN; i++) {
		streams[i] = reassembly_new(pool);
		assert_non_null(streams[i]);
	}
	assert_int_equal(reassembly_pool_used(pool), BUFFER_MAX);
	assert_null(reassembly_new(pool));
	assert_int_equal(reassembly_add(pool, streams[0], 0, bytes, BUFFER_MIN), TAKEN);
	assert_int_equal(reassembly_add(pool, streams[0], 0, bytes, sizeof(bytes)), FULL);
	reassembly_bytes(streams[0], &length);
	assert_int_equal(length, BUFFER_MIN);
	reassembly_free(pool, streams[2]);
	reassembly_free(pool, streams[3]);
	assert_int_equal(reassembly_add(pool, streams[0], 0, bytes, sizeof(bytes)), TAKEN);
	reassembly_free(pool, NULL);
	reassembly_pool_free(pool);
	reassembly_pool_free(NULL);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* The naive stream: a byte and whether it is known, for each offset. */
struct model {
	uint8_t bytes[REASSEMBLY_BYTES];
	bool known[REASSEMBLY_BYTES];
};

static unsigned int model_pieces(const struct model *model)
{
	unsigned int count = 0;

	for (size_t i = 0; i < REASSEMBLY_BYTES; i++)
		count += model->known[i] && (i == 0 || !model->known[i - 1]);
	return count;
}

static enum reassembly_result model_add(struct model *model, uint32_t offset, const uint8_t *bytes,
					size_t length)
{
	bool taken = false, agrees = true;

	if (offset + length > REASSEMBLY_BYTES)
		length = REASSEMBLY_BYTES - offset;
	for (size_t i = 0; i < length; i++) {
		if (model->known[offset + i])
			agrees &= model->bytes[offset + i] == bytes[i];
		else
			model->bytes[offset + i] = bytes[i];
		taken |= !model->known[offset + i];
		model->known[offset + i] = true;
	}
	return !agrees ? AMBIGUOUS : taken ? TAKEN : NOTHING;
}

static void compare(const struct model *model, const struct reassembly *stream)
{
	size_t length, want = 0;
	const uint8_t *bytes = reassembly_bytes(stream, &length);

	while (want < REASSEMBLY_BYTES && model->known[want])
		want++;
	assert_int_equal(length, want);
	assert_memory_equal(bytes, model->bytes, length);
}

static void run_stream(uint64_t *seed, uint32_t span, uint32_t length_max)
{
	struct reassembly_pool *pool = reassembly_pool_new(2 * BUFFER_MAX);
	struct reassembly *stream = reassembly_new(pool);
	static struct model model, before;
	uint8_t bytes[4096];

	model = (struct model){0};
	for (unsigned int step = 0; step < 200; step++) {
		uint32_t offset = next_random(seed) % span;
		uint32_t length = 1 + next_random(seed) % length_max;
		enum reassembly_result want, have;

		/* Mostly the bytes that the stream has there, now and then others. */
		for (uint32_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)((offset + i) * 31 / 8);
		if (next_random(seed) % 8 == 0)
			bytes[next_random(seed) % length] ^= 0x55;
		before = model;
		want = model_add(&model, offset, bytes, length);
		if (model_pieces(&model) > REASSEMBLY_PIECES) {
			model = before;
			want = FULL;
		}
		have = reassembly_add(pool, stream, offset, bytes, length);
		assert_int_equal(have, want);
		compare(&model, stream);
	}
	reassembly_free(pool, stream);
	assert_int_equal(reassembly_pool_used(pool), 0);
	reassembly_pool_free(pool);
}

static void test_same_as_naive_stream(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		run_stream(&seed, 300, 20);
		run_stream(&seed, 200, 3);
		run_stream(&seed, 6000, 1500);
		run_stream(&seed, REASSEMBLY_BYTES, 4000);
		run_stream(&seed, REASSEMBLY_BYTES, 100);
	}
}

/* Buffers never overlap, and once all are given back the largest can be had again. */
static void test_buffers(void **state)
{
	enum { BLOCKS = 4, HELD = BLOCKS * BUFFER_MAX / BUFFER_MIN, STEPS = 5000 };
	struct buffers *buffers = buffers_new(BLOCKS * BUFFER_MAX - 5);
	struct {
		uint8_t *bytes;
		size_t room;
	} held[HELD] = {0};
	size_t used = 0, room;
	uint64_t seed = 5;

	(void)state;
	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int i = next_random(&seed) % HELD;
		size_t size = (1 + next_random(&seed) % BUFFER_MAX) >> next_random(&seed) % 6;

		if (held[i].bytes) {
			for (size_t n = 0; n < held[i].room; n += 1024)
				assert_int_equal(held[i].bytes[n], i);
			buffers_give(buffers, held[i].bytes);
			used -= held[i].room;
			held[i].bytes = NULL;
		} else {
			held[i].bytes = buffers_take(buffers, size ? size : 1, &held[i].room);
			if (!held[i].bytes)
				continue;
			assert_true(held[i].room >= size && held[i].room < 2 * size + BUFFER_MIN);
			memset(held[i].bytes, (int)i, held[i].room);
			used += held[i].room;
		}
		assert_int_equal(buffers_used(buffers), used);
	}
	for (unsigned int i = 0; i < HELD; i++)
		buffers_give(buffers, held[i].bytes);
	for (unsigned int i = 0; i < BLOCKS; i++)
		assert_non_null(buffers_take(buffers, BUFFER_MAX, &room));
	assert_null(buffers_take(buffers, 1, &room));
	assert_null(buffers_take(buffers, BUFFER_MAX + 1, &room));
	buffers_free(buffers);
	buffers_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_one_byte_segments_backwards),
		cmocka_unit_test(test_piece_limit),
		cmocka_unit_test(test_byte_limit),
		cmocka_unit_test(test_pool_limit),
		cmocka_unit_test(test_same_as_naive_stream),
		cmocka_unit_test(test_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
