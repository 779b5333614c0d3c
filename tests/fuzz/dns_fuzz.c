/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A DNS message as a datagram, and as the beginning of a stream. */
#include "classifiers/dns.h"
#include "tests/fuzz/finding_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finding finding;
	enum answer answer = dns_extract(data, size, &finding);
	size_t consumed;

	expect(answer != ANSWER_MORE);
	finding_check(&finding, answer);
	for (unsigned int i = 0; i < finding.answers_count; i++)
		expect(finding.answers[i].address.family == FAMILY_V4 ||
		       finding.answers[i].address.family == FAMILY_V6);

	answer = dns_extract_stream(data, size, &finding, &consumed);
	finding_check(&finding, answer);
	expect(consumed <= size);
	return 0;
}
