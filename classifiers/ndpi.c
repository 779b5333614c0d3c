/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/ndpi.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/ndpi_compat.h"

struct ndpi {
	struct ndpi_detection_module_struct *module;
};

struct ndpi_flow {
	struct ndpi_flow_struct state;
	uint8_t transport; /* that nDPI saw in the first packet; 0: none yet */
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

struct ndpi_flow *ndpi_engine_flow_new(void)
{
	return calloc(1, sizeof(struct ndpi_flow));
}

void ndpi_engine_flow_free(struct ndpi_flow *flow)
{
	if (!flow)
		return;
	ndpi_free_flow_data(&flow->state);
	free(flow);
}

static void fill(const struct ndpi *ndpi, const ndpi_protocol *protocol, struct ndpi_result *result)
{
	uint16_t master = compat_master(protocol), application = compat_application(protocol);
	const char *name, *below = "";

	memset(result, 0, sizeof(*result));
	if (application == NDPI_PROTOCOL_UNKNOWN)
		application = master;
	if (application == NDPI_PROTOCOL_UNKNOWN)
		return;
	name = ndpi_get_proto_name(ndpi->module, application);
	if (master != NDPI_PROTOCOL_UNKNOWN && master != application)
		below = ndpi_get_proto_name(ndpi->module, master);
	snprintf(result->protocol, sizeof(result->protocol), "%s%s%s", below, *below ? "." : "",
		 name);
	snprintf(result->application, sizeof(result->application), "%s", name);
	snprintf(result->category, sizeof(result->category), "%s",
		 ndpi_category_get_name(ndpi->module, protocol->category));
}

/* nDPI keeps TCP's state of a flow and UDP's in one union, and frees what hangs there by the last
 * packet's transport. It does not read all extension headers of IPv6, so that it may see another
 * one than we do: such a packet would make it leak what it has, or take it for something else. */
static bool fits(struct ndpi_flow *flow, const uint8_t *packet, uint16_t length)
{
	const uint8_t *transport_header;
	uint16_t transport_length;
	uint8_t transport;

	if (ndpi_detection_get_l4(packet, length, &transport_header, &transport_length, &transport,
				  0) != 0)
		return false;
	if (transport != IPPROTO_TCP && transport != IPPROTO_UDP)
		return false;
	if (flow->transport == 0)
		flow->transport = transport;
	return flow->transport == transport;
}

void ndpi_engine_feed(struct ndpi *ndpi, struct ndpi_flow *flow, const uint8_t *packet,
		      size_t length, bool from_client, struct wall now, struct ndpi_result *result)
{
	uint16_t size = length > UINT16_MAX ? UINT16_MAX : (uint16_t)length;
	uint64_t milliseconds = now.ns > 0 ? (uint64_t)(now.ns / CLOCK_MILLISECOND) : 0;
	ndpi_protocol protocol;

	memset(result, 0, sizeof(*result));
	if (!fits(flow, packet, size))
		return;
	protocol =
		compat_process(ndpi->module, &flow->state, packet, size, milliseconds, from_client);
	fill(ndpi, &protocol, result);
	result->decided = result->protocol[0] != '\0' &&
			  compat_is_final(ndpi->module, &flow->state, &protocol);
}

void ndpi_engine_give_up(struct ndpi *ndpi, struct ndpi_flow *flow, struct ndpi_result *result)
{
	ndpi_protocol protocol = compat_give_up(ndpi->module, &flow->state);

	fill(ndpi, &protocol, result);
	result->decided = true;
	result->guessed = flow->state.confidence != NDPI_CONFIDENCE_DPI;
}
