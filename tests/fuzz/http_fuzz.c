/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client's stream: its first head whole and cut, then all its requests, in segments of the size
 * that its first byte says, with a gap here and there. */
#include "classifiers/http.h"
#include "tests/fuzz/finding_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From done on, as far as the bytes that are there go. */
static size_t requests_read(struct http_position *position, const uint8_t *data, size_t done,
			    size_t there)
{
	static struct finding finding;
	size_t consumed, steps = 0;

	while (done < there) {
		size_t body = http_position_body(position, data + done, there - done);
		enum answer answer;

		expect(body <= there - done);
		done += body;
		answer = http_extract(data + done, there - done, &finding, &consumed);
		finding_check(&finding, answer);
		expect(consumed <= there - done && (consumed > 0) == (answer == ANSWER_FOUND));
		if (answer == ANSWER_FOUND)
			http_position_head(position, data + done, consumed);
		else if (answer == ANSWER_NOT_MINE)
			http_position_lost(position);
		else
			break;
		done += consumed;
		expect(steps++ <= 2 * there); /* it gets on */
	}
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finding finding, part_finding;
	struct http_position position = {0};
	enum answer answer, part;
	size_t consumed, segment, done = 0;

	if (size == 0)
		return 0;
	segment = 1 + data[0];
	data++;
	size--;
	answer = http_extract(data, size, &finding, &consumed);
	finding_check(&finding, answer);
	part = http_extract(data, size * segment / 256, &part_finding, &consumed);
	answers_check(part, &part_finding, answer, &finding);

	for (size_t there = 0; there < size;) {
		there = there + segment < size ? there + segment : size;
		done = requests_read(&position, data, done, there);
		if (done == there && segment % 16 == 1 && there + 3 <= size) {
			http_position_gap(&position, 3);
			done = there += 3;
		}
	}
	return 0;
}
