/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* One log for each process: the only state at file scope that changes. */
static struct {
	char role[32];
	enum log_level level;
	bool journal;
} output = {"cutoffd", LOG_LEVEL_INFO, false};

static const struct {
	const char *prefix, *word;
} levels[] = {
	[LOG_LEVEL_ERROR] = {SD_ERR, "error: "},
	[LOG_LEVEL_WARNING] = {SD_WARNING, "warning: "},
	[LOG_LEVEL_NOTICE] = {SD_NOTICE, ""},
	[LOG_LEVEL_INFO] = {SD_INFO, ""},
};

void log_open(const char *role, enum log_level level)
{
	snprintf(output.role, sizeof(output.role), "%s", role);
	output.level = level;
	output.journal = getenv("JOURNAL_STREAM") != NULL;
}

/* One write for each line: lines of several processes do not mix. */
static void write_line(enum log_level level, const char *token, const char *format, va_list args)
{
	char text[1024], line[1200];
	int n;

	if (level > output.level)
		return;
	vsnprintf(text, sizeof(text), format, args);
	n = snprintf(line, sizeof(line), "%s%s[%s]: %s%s\n",
		     output.journal ? levels[level].prefix : "", output.role, token,
		     levels[level].word, text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say so */
}

#define DEFINE_LOG(name, level)                                                                    \
	void log_##name(const char *token, const char *format, ...)                                \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		write_line(level, token, format, args);                                            \
		va_end(args);                                                                      \
	}

DEFINE_LOG(error, LOG_LEVEL_ERROR)
DEFINE_LOG(warning, LOG_LEVEL_WARNING)
DEFINE_LOG(notice, LOG_LEVEL_NOTICE)
DEFINE_LOG(info, LOG_LEVEL_INFO)
