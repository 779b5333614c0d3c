/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of the control socket (recorder/request.h): options that the verbs share, one
 * question, one answer. Complaints go to standard error here, with what to do.
 */
#ifndef CUTOFFD_CLIENT_H
#define CUTOFFD_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/ctl/ctl.h"

struct client_options {
	const char *socket;
	bool json;
};

/* -s, --socket PATH and -j, --json. CTL_USAGE after a complaint. */
enum ctl_exit client_options(int argc, char **argv, struct client_options *options);

/* *answer: a new reference on CTL_OK, else NULL. */
enum ctl_exit client_ask(const struct client_options *options, const char *verb, json_t **answer);

/* An answer as --json shows it. */
enum ctl_exit client_print_json(const json_t *answer);

#endif
