/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/ndpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/ndpi_compat.h"

struct ndpi {
	struct ndpi_detection_module_struct *module;
};

struct ndpi *ndpi_engine_new(void)
{
	struct ndpi *ndpi = calloc(1, sizeof(*ndpi));

	if (!ndpi)
		return NULL;
	ndpi->module = compat_module_new();
	if (!ndpi->module) {
		free(ndpi);
		return NULL;
	}
	compat_enable_all(ndpi->module);
	ndpi_finalize_initialization(ndpi->module);
	return ndpi;
}

void ndpi_engine_free(struct ndpi *ndpi)
{
	if (!ndpi)
		return;
	ndpi_exit_detection_module(ndpi->module);
	free(ndpi);
}

const char *ndpi_engine_version(void)
{
	return ndpi_revision();
}

/* Our struct ndpi_flow is only a name for nDPI's: one allocation less for each flow. */
static struct ndpi_flow_struct *state_of(struct ndpi_flow *flow)
{
	return (struct ndpi_flow_struct *)flow;
}

struct ndpi_flow *ndpi_engine_flow_new(void)
{
	struct ndpi_flow_struct *flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);

	if (flow)
		memset(flow, 0, SIZEOF_FLOW_STRUCT);
	return (struct ndpi_flow *)flow;
}

void ndpi_engine_flow_free(struct ndpi_flow *flow)
{
	if (flow)
		ndpi_free_flow(state_of(flow));
}

static void fill(const struct ndpi *ndpi, const ndpi_protocol *protocol, struct ndpi_result *result)
{
	uint16_t master = compat_master(protocol), application = compat_application(protocol);

	memset(result, 0, sizeof(*result));
	if (application == NDPI_PROTOCOL_UNKNOWN)
		application = master;
	if (application == NDPI_PROTOCOL_UNKNOWN)
		return;
	compat_name(ndpi->module, protocol, result->protocol, sizeof(result->protocol));
	snprintf(result->application, sizeof(result->application), "%s",
		 ndpi_get_proto_name(ndpi->module, application));
	snprintf(result->category, sizeof(result->category), "%s",
		 ndpi_category_get_name(ndpi->module, protocol->category));
}

void ndpi_engine_feed(struct ndpi *ndpi, struct ndpi_flow *flow, const uint8_t *packet,
		      size_t length, bool from_client, struct wall now, struct ndpi_result *result)
{
	uint16_t size = length > UINT16_MAX ? UINT16_MAX : (uint16_t)length;
	uint64_t milliseconds = now.ns > 0 ? (uint64_t)(now.ns / CLOCK_MILLISECOND) : 0;
	ndpi_protocol protocol = compat_process(ndpi->module, state_of(flow), packet, size,
						milliseconds, from_client);

	fill(ndpi, &protocol, result);
	result->decided = compat_is_decided(ndpi->module, state_of(flow), &protocol);
}

void ndpi_engine_give_up(struct ndpi *ndpi, struct ndpi_flow *flow, struct ndpi_result *result)
{
	ndpi_protocol protocol = compat_give_up(ndpi->module, state_of(flow));

	fill(ndpi, &protocol, result);
	result->decided = true;
}
