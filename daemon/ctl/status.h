/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer to `status`, for a reader: at most 80 columns, instants in UTC and how far off they
 * are by the policy's time. What an older or newer daemon does not say is shown as "?" or left
 * out. Pure.
 */
#ifndef CUTOFFD_STATUS_H
#define CUTOFFD_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

void status_print(const json_t *status, bool colour, FILE *out);

#endif
