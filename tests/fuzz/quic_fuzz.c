/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client's datagrams, each behind a byte of flags and its length in two bytes. With FLAG_SEAL it
 * is the frames of a packet, which is sealed here, or no mutation would ever come behind the
 * authentication; with FLAG_OTHER_ID the packet bears another connection id, FLAG_OTHER_FLOW sends
 * it as a second client.
 */
#include "classifiers/cursor.h"
#include "classifiers/quic.h"
#include "tests/fuzz/finding_check.h"
#include "tests/quic_seal.h"

#define FLAG_SEAL 1
#define FLAG_OTHER_ID 2
#define FLAG_OTHER_KEYS 4
#define FLAG_OTHER_FLOW 8
#define FRAMES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t frames_seal(uint8_t flags, uint64_t number, const uint8_t *frames, size_t length,
			  uint8_t *out)
{
	static const uint8_t ids[2][8] = {{1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1}};
	const struct quic_seal seal = {
		.key_id = ids[flags & FLAG_OTHER_KEYS ? 1 : 0],
		.key_id_length = 8,
		.id = ids[flags & FLAG_OTHER_ID ? 1 : 0],
		.id_length = 8,
		.source_id_length = flags >> 4,
		.number = number,
		.number_length = 2,
	};

	return quic_seal_initial(&seal, frames, length, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finding finding;
	static uint8_t sealed[FRAMES_MAX + 200];
	struct cursor c = cursor_new(data, size);
	struct quic *quic = quic_new(1); /* so that the second client finds the pool empty */
	struct quic_flow *flows[2] = {NULL};

	for (uint64_t number = 0; quic && c.left > 0 && number < 100; number++) {
		uint8_t flags = cursor_u8(&c);
		size_t length = cursor_u16(&c);
		struct cursor bytes = cursor_sub(&c, length < c.left ? length : c.left);
		struct quic_flow **flow = &flows[flags & FLAG_OTHER_FLOW ? 1 : 0];
		enum answer answer;

		if (flags & FLAG_SEAL && bytes.left <= FRAMES_MAX)
			bytes = cursor_new(
				sealed, frames_seal(flags, number, bytes.at, bytes.left, sealed));
		answer = quic_extract(quic, flow, bytes.at, bytes.left, &finding);
		finding_check(&finding, answer);
		if (answer != ANSWER_MORE)
			quic_flow_free(quic, flow);
	}
	if (quic) {
		quic_flow_free(quic, &flows[0]);
		quic_flow_free(quic, &flows[1]);
	}
	quic_free(quic);
	return 0;
}
