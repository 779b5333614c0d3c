/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers' file, as it is and with a sum that is right; what it holds must be usable. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/policy/numbers.h"

static void parse(const char *text, size_t length)
{
	struct numbers *numbers = numbers_new();
	uint16_t classes[4096];
	unsigned int line = 0;

	if (numbers_parse(numbers, text, length, &line) == 0) {
		size_t count = numbers_classes(numbers, classes, 4096);
		uint32_t stage = numbers_stage(numbers, "a new one");

		if (count > 4080 || numbers_stage(numbers, "a new one") != stage)
			abort();
		for (size_t i = 1; i < count; i++)
			if (classes[i - 1] >= classes[i])
				abort();
	} else if (line == 0 || numbers_classes(numbers, NULL, 0) != 0) {
		abort();
	}
	numbers_free(numbers);
}

static void parse_with_sum(const uint8_t *data, size_t size)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char *text = malloc(size + 80);
	unsigned int hash_size;
	size_t n = size;

	EVP_Digest(data, size, hash, &hash_size, EVP_sha256(), NULL);
	if (size > 0)
		memcpy(text, data, size);
	n += (size_t)snprintf(text + n, 5, "sum ");
	for (unsigned int i = 0; i < hash_size; i++)
		n += (size_t)snprintf(text + n, 3, "%02x", hash[i]);
	text[n++] = '\n';
	parse(text, n);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse((const char *)data, size);
	parse_with_sum(data, size);
	return 0;
}
