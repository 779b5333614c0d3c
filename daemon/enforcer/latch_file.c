/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/latch_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

#define FOLDER "rehearsal"
#define NAME "latched"
#define ASIDE ".damaged"

static void path_of(char path[PATH_MAX], const char *state, bool rehearsal, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/%s" NAME "%s", state, rehearsal ? FOLDER "/" : "", suffix);
}

static void put_aside(const char *path, const char *state, bool rehearsal, unsigned int line)
{
	char aside[PATH_MAX];

	path_of(aside, state, rehearsal, ASIDE);
	log_error("latch",
		  "%s:%u: damaged; what the kernel still holds is kept, what only the file held is "
		  "lost: if the machine was started since, put a backup in its place and start "
		  "cutoffd again",
		  path, line);
	if (rename(path, aside) == 0)
		log_notice("latch", "the damaged file is %s now", aside);
	else
		log_error("latch", "%s: cannot be put aside: %s", path, strerror(errno));
}

int latch_file_load(struct latch *latch, const char *state, bool rehearsal, bool *damaged)
{
	char path[PATH_MAX];
	unsigned int line;
	int r;

	path_of(path, state, rehearsal, "");
	r = latch_load(latch, path, &line);
	*damaged = r == -EBADMSG;
	if (*damaged) {
		put_aside(path, state, rehearsal, line);
		return 0;
	}
	if (r != 0)
		log_error("latch", "%s: %s", path, strerror(-r));
	return r;
}

int latch_file_save(struct latch *latch, const char *state, bool rehearsal)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" FOLDER, state);
	if (rehearsal && mkdir(path, 0750) != 0 && errno != EEXIST) {
		r = -errno;
	} else {
		path_of(path, state, rehearsal, "");
		r = latch_save(latch, path);
	}
	if (r != 0)
		log_error("latch", "%s: cannot be written: %s", path, strerror(-r));
	return r;
}

void latch_file_end_rehearsal(const char *state)
{
	static const char *const suffixes[] = {"", ".new", ASIDE};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		path_of(path, state, true, suffixes[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/" FOLDER, state);
	if (rmdir(path) != 0 && errno != ENOENT)
		log_warning("latch", "%s: cannot be removed: %s", path, strerror(errno));
}
