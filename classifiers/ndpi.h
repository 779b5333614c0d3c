/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nDPI: what protocol an undecided flow speaks. The only file that includes nDPI's headers, with
 * ndpi_compat.h for what differs between 4.2 and 5.x. One for each sensor (nDPI is not
 * thread-safe); made before seccomp closes. A flow's state is some 700 bytes and goes when decided.
 * Functions are called ndpi_engine_*, since nDPI has an ndpi_free and an ndpi_flow_free itself.
 */
#ifndef CUTOFFD_NDPI_H
#define CUTOFFD_NDPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/clock.h"

struct ndpi;
struct ndpi_flow;

#define NDPI_TEXT 64

struct ndpi_result {
	char protocol[NDPI_TEXT];    /* nDPI's name ("TLS.Wikipedia"), "" while it knows none */
	char application[NDPI_TEXT]; /* its last part ("Wikipedia") */
	char category[NDPI_TEXT];
	bool decided; /* no later packet changes it; true whatever is known once given up */
	bool guessed; /* by port, address or an earlier flow, not by what the flow says */
};

/* NULL when memory is out. */
struct ndpi *ndpi_engine_new(void);
void ndpi_engine_free(struct ndpi *ndpi);
/* "4.2.0": the library that runs. */
const char *ndpi_engine_version(void);

/* NULL when memory is out. */
struct ndpi_flow *ndpi_engine_flow_new(void);
void ndpi_engine_flow_free(struct ndpi_flow *flow);

/* packet: from the IP header on, as captured. from_client: direction. What nDPI does not read as
 * the flow's transport, be it cut short or no IP at all, is passed over: the result is empty. */
void ndpi_engine_feed(struct ndpi *ndpi, struct ndpi_flow *flow, const uint8_t *packet,
		      size_t length, bool from_client, struct wall now, struct ndpi_result *result);
/* The end of the flow or of its budget: nDPI's best guess, be it only by the server's port or
 * address. */
void ndpi_engine_give_up(struct ndpi *ndpi, struct ndpi_flow *flow, struct ndpi_result *result);

#endif
