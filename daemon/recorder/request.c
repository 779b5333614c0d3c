/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/request.h"

#include <jansson.h>
#include <string.h>

static const char *const verbs[REQUEST_BROKEN] = {
	[REQUEST_STATUS] = "status",
	[REQUEST_VERSION] = "version",
	[REQUEST_RELOAD] = "reload",
};

static enum request find_verb(const json_t *json, const char **error)
{
	const char *verb = json_string_value(json_object_get(json, "verb"));

	*error = "a request has the one key \"verb\": {\"verb\":\"status\"}";
	if (!verb || json_object_size(json) != 1)
		return REQUEST_BROKEN;
	for (enum request request = REQUEST_STATUS; request < REQUEST_BROKEN; request++)
		if (strcmp(verb, verbs[request]) == 0)
			return request;
	*error = "unknown verb: use status, version or reload";
	return REQUEST_BROKEN;
}

enum request request_parse(const char *line, size_t length, const char **error)
{
	json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	enum request request = REQUEST_BROKEN;

	if (json)
		request = find_verb(json, error);
	else
		*error = "not JSON: send one object a line, as {\"verb\":\"status\"}";
	json_decref(json);
	return request;
}
