/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture files of both formats, through the same call as `cutoffd replay FILE`.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/sensor/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned int total;
	struct capture_packet packet;
	char error[CAPTURE_ERROR];
	struct capture *capture;
	int fd = memfd_create("capture", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	capture = capture_open_fd(fd, "input", error);
	if (!capture)
		return 0;
	while (capture_next(capture, &packet) == 1) {
		if (packet.length > packet.wire_length)
			abort();
		for (uint32_t i = 0; i < packet.length; i++)
			total += packet.bytes[i];
	}
	capture_free(capture);
	return 0;
}
