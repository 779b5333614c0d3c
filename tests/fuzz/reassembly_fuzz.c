/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments in any order over two streams that share a small pool: five bytes say which stream,
 * where, how long, and what the bytes are. The first stream is compared with a naive one.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/cursor.h"
#include "classifiers/reassembly.h"

struct model {
	uint8_t bytes[REASSEMBLY_BYTES];
	uint8_t known[REASSEMBLY_BYTES];
	size_t run; /* known from the start on */
};

static void model_add(struct model *model, size_t offset, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && offset + i < REASSEMBLY_BYTES; i++) {
		if (!model->known[offset + i])
			model->bytes[offset + i] = bytes[i];
		model->known[offset + i] = 1;
	}
	while (model->run < REASSEMBLY_BYTES && model->known[model->run])
		model->run++;
}

static void compare(const struct model *model, const struct reassembly *stream)
{
	size_t length;
	const uint8_t *bytes = reassembly_bytes(stream, &length);

	if (length != model->run || memcmp(bytes, model->bytes, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reassembly_pool *pool = reassembly_pool_new(2 * REASSEMBLY_BYTES);
	struct reassembly *streams[2] = {reassembly_new(pool), reassembly_new(pool)};
	struct cursor input = cursor_new(data, size);
	static struct model model;
	uint8_t bytes[4096];

	memset(&model, 0, sizeof(model));
	while (input.left >= 5) {
		uint8_t choice = cursor_u8(&input);
		uint16_t offset = cursor_u16(&input);
		size_t length = (choice >> 1) * 32u + cursor_u8(&input) % 32u;

		memset(bytes, cursor_u8(&input), length);
		if (reassembly_add(pool, streams[choice & 1], offset, bytes, length) !=
			    REASSEMBLY_FULL &&
		    (choice & 1) == 0)
			model_add(&model, offset, bytes, length);
		compare(&model, streams[0]);
	}
	reassembly_free(pool, streams[0]);
	reassembly_free(pool, streams[1]);
	if (reassembly_pool_used(pool) != 0)
		abort();
	reassembly_pool_free(pool);
	return 0;
}
