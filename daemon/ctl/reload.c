/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "daemon/ctl/client.h"

enum ctl_exit ctl_reload(int argc, char **argv)
{
	struct client_options options;
	enum ctl_exit result = client_options(argc, argv, &options);
	json_t *answer;

	if (result != CTL_OK)
		return result;
	result = client_ask(&options, "reload", &answer);
	if (result != CTL_OK)
		return result;
	if (options.json)
		result = client_print_json(answer);
	else
		puts("reload requested; the log says whether the settings were good "
		     "(journalctl -u cutoffd)");
	json_decref(answer);
	return result;
}
