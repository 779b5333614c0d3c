/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "daemon/recorder/request.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *error = NULL;
	enum request request = request_parse((const char *)data, size, &error);

	/* who is told that something is wrong is told what */
	if (request > REQUEST_BROKEN || (request == REQUEST_BROKEN && !error))
		abort();
	return 0;
}
