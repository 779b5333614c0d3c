/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's log: lines on standard error with sd-daemon's priority prefixes where standard
 * error is the journal, plain text elsewhere. Never a line per packet. The first argument is the
 * module's token ("sensor", "nft"), so that a log can be filtered by it.
 */
#ifndef CUTOFFD_LOG_H
#define CUTOFFD_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
};

/* role stands before each line ("sensor 0"); lines less important than level are left out. */
void log_open(const char *role, enum log_level level);

void log_error(const char *token, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *token, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_notice(const char *token, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *token, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
