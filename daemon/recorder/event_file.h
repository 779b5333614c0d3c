/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of events: takes whole lines, keeps them for a moment, writes them. A full disk or a
 * reader that does not keep up costs lines, which are counted, and never stops or blocks the
 * caller; a line is never torn but where the file is changed in the middle of it.
 * Used by recorder.c, which flushes it on a timer.
 */
#ifndef CUTOFFD_EVENT_FILE_H
#define CUTOFFD_EVENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Written at once when so much has come together, otherwise by event_file_flush. */
#define EVENT_FILE_FLUSH 65536
/* So much may wait while the file takes nothing. */
#define EVENT_FILE_WAITING 1048576

struct event_file;

struct event_file_counters {
	uint64_t written, lost, waiting; /* lines */
	int error; /* errno of the last failure; 0: the last write went well */
};

/* path: made with mode 0640 and appended to; "-": standard output. 0 or -errno. */
int event_file_open(struct event_file **out, const char *path) __attribute__((warn_unused_result));
/* Writes what waits, if the file takes it. */
void event_file_close(struct event_file *file);

/* line: with its end. */
void event_file_write(struct event_file *file, const char *line, size_t length);
/* Lines taken before an event_file_flush that returned true are in the file. */
bool event_file_flush(struct event_file *file);
/* The end: writes what the file still takes; what it does not is lost, and counted. */
void event_file_give_up(struct event_file *file);
/* The path anew, after somebody moved the old file away (SIGHUP). On an error the old one stays in
 * use. 0 or -errno. */
int event_file_reopen(struct event_file *file) __attribute__((warn_unused_result));

struct event_file_counters event_file_counters(const struct event_file *file);

#endif
