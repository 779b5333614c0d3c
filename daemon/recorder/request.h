/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The language of the control socket: one JSON object a line each way. {"verb":"status"} asks for
 * the state of the gateway, {"verb":"version"} for the version, {"verb":"reload"} has the settings
 * read again. An answer with "error" says what was wrong, and what to do; its "code" is
 * "permission" when another user might ask. Pure.
 */
#ifndef CUTOFFD_REQUEST_H
#define CUTOFFD_REQUEST_H

#include <stddef.h>

/* The longest line of a request, with its end. */
#define REQUEST_MAX 65536

enum request {
	REQUEST_STATUS,
	REQUEST_VERSION,
	REQUEST_RELOAD,
	REQUEST_BROKEN,
};

/* line: untrusted, without its end. On REQUEST_BROKEN *error is the complaint with its remedy. */
enum request request_parse(const char *line, size_t length, const char **error);

#endif
