/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What channel_receive does with a message: the check, and then whatever the recorder makes of a
 * message that passed it. */
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_line(json_t *event)
{
	char *line = event ? event_line(event) : NULL;

	if (!line || strlen(line) >= EVENT_LINE)
		abort();
	free(line);
	json_decref(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel_message *message = malloc(size ? size : 1);

	memcpy(message, data, size);
	if (channel_check(message, size)) {
		if (message->type == CHANNEL_FLOW)
			expect_line(event_flow_json(&message->u.flow, NULL, message->u.flow.at));
		if (message->type == CHANNEL_NOTICE)
			expect_line(event_notice_json(&message->u.notice));
	}
	free(message);
	return 0;
}
