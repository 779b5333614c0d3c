/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client's stream, whole and as much of it as its first byte says: the answers must agree. */
#include "classifiers/tls.h"
#include "tests/fuzz/finding_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finding finding, part_finding;
	enum answer answer, part;
	size_t consumed, cut;

	if (size == 0)
		return 0;
	cut = (size - 1) * data[0] / 255;
	data++;
	size--;
	answer = tls_extract(data, size, &finding, &consumed);
	finding_check(&finding, answer);
	expect(consumed <= size && (consumed > 0) == (answer == ANSWER_FOUND));
	part = tls_extract(data, cut, &part_finding, &consumed);
	answers_check(part, &part_finding, answer, &finding);

	answer = tls_extract_handshake(data, size, EVIDENCE_QUIC_SNI, &finding);
	finding_check(&finding, answer);
	part = tls_extract_handshake(data, cut, EVIDENCE_QUIC_SNI, &part_finding);
	answers_check(part, &part_finding, answer, &finding);
	return 0;
}
