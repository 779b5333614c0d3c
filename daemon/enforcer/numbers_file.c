/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/numbers_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"

static void path_in(char path[PATH_MAX], const char *state)
{
	snprintf(path, PATH_MAX, "%s/numbers", state);
}

int numbers_file_load(struct numbers *numbers, const char *state)
{
	char path[PATH_MAX];
	unsigned int line = 0;
	int r;

	path_in(path, state);
	r = numbers_load(numbers, path, &line);
	if (r == -EBADMSG)
		log_error("numbers",
			  "%s:%u: damaged; restore it from a backup, or remove it after `cutoffd "
			  "stop-enforcing` to allot anew",
			  path, line);
	else if (r != 0)
		log_error("numbers", "%s: %s", path, strerror(-r));
	return r;
}

int numbers_file_save(struct numbers *numbers, const char *state)
{
	char path[PATH_MAX];
	int r;

	if (!numbers_changed(numbers))
		return 0;
	path_in(path, state);
	r = numbers_save(numbers, path);
	if (r != 0)
		log_error("numbers", "%s: cannot be written: %s", path, strerror(-r));
	return r;
}
