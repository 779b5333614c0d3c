/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "daemon/ctl/client.h"

enum ctl_exit ctl_version(int argc, char **argv)
{
	struct client_options options;
	enum ctl_exit result = client_options(argc, argv, &options);
	const char *version = "?";
	json_t *answer;

	if (result != CTL_OK)
		return result;
	if (!options.json) {
		printf("cutoffctl %s\n", CUTOFFD_VERSION);
		fflush(stdout);
	}
	result = client_ask(&options, "version", &answer);
	if (result != CTL_OK)
		return result;
	if (options.json) {
		result = client_print_json(answer);
	} else {
		json_unpack(answer, "{s:s}", "version", &version);
		printf("cutoffd   %s\n", version);
	}
	json_decref(answer);
	return result;
}
