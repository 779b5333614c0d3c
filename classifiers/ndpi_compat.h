/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What differs between nDPI 4.2 and 5.x, for ndpi.c alone: one function for each call that
 * changed, with the version that changed it.
 */
#ifndef CUTOFFD_NDPI_COMPAT_H
#define CUTOFFD_NDPI_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include <ndpi_api.h>

#define NDPI_AT_LEAST(major, minor)                                                                \
	(NDPI_MAJOR > (major) || (NDPI_MAJOR == (major) && NDPI_MINOR >= (minor)))

#if NDPI_AT_LEAST(6, 0)
#error "nDPI 6 wants to be told under which licence it is used: compat_module_new has to say"
#endif

/* What a module is made from was preferences up to 4.8, and is a context that modules may share
 * since 4.10. 0 is none of either. 5.0 has all protocols on from the start, and tells whether it
 * succeeded. */
#if NDPI_AT_LEAST(5, 0)
static inline struct ndpi_detection_module_struct *compat_module_new(void)
{
	struct ndpi_detection_module_struct *module = ndpi_init_detection_module(0);

	if (module && ndpi_finalize_initialization(module) != 0) {
		ndpi_exit_detection_module(module);
		module = NULL;
	}
	return module;
}
#else
static inline struct ndpi_detection_module_struct *compat_module_new(void)
{
	struct ndpi_detection_module_struct *module = ndpi_init_detection_module(0);
	NDPI_PROTOCOL_BITMASK all;

	if (!module)
		return NULL;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(module, &all);
	ndpi_finalize_initialization(module);
	return module;
}
#endif

/* 4.6 can be told the direction; before it guesses by ports and SYN. */
#ifdef NDPI_IN_PKT_DIR_UNKNOWN
static inline ndpi_protocol compat_process(struct ndpi_detection_module_struct *module,
					   struct ndpi_flow_struct *flow, const uint8_t *packet,
					   uint16_t length, uint64_t milliseconds, bool from_client)
{
	struct ndpi_flow_input_info info = {
		.in_pkt_dir = from_client ? NDPI_IN_PKT_DIR_C_TO_S : NDPI_IN_PKT_DIR_S_TO_C,
		.seen_flow_beginning = NDPI_FLOW_BEGINNING_UNKNOWN,
	};

	return ndpi_detection_process_packet(module, flow, packet, length, milliseconds, &info);
}
#else
static inline ndpi_protocol compat_process(struct ndpi_detection_module_struct *module,
					   struct ndpi_flow_struct *flow, const uint8_t *packet,
					   uint16_t length, uint64_t milliseconds, bool from_client)
{
	(void)from_client;
	return ndpi_detection_process_packet(module, flow, packet, length, milliseconds);
}
#endif

/* 4.10 made guessing a setting (on by default), 5.0 no longer tells of it. */
#if NDPI_AT_LEAST(5, 0)
static inline ndpi_protocol compat_give_up(struct ndpi_detection_module_struct *module,
					   struct ndpi_flow_struct *flow)
{
	return ndpi_detection_giveup(module, flow);
}
#elif NDPI_AT_LEAST(4, 10)
static inline ndpi_protocol compat_give_up(struct ndpi_detection_module_struct *module,
					   struct ndpi_flow_struct *flow)
{
	uint8_t guessed;

	return ndpi_detection_giveup(module, flow, &guessed);
}
#else
static inline ndpi_protocol compat_give_up(struct ndpi_detection_module_struct *module,
					   struct ndpi_flow_struct *flow)
{
	uint8_t guessed;

	return ndpi_detection_giveup(module, flow, 1, &guessed);
}
#endif

/* 4.12 put both numbers into a struct of their own. */
#if NDPI_AT_LEAST(4, 12)
static inline uint16_t compat_master(const ndpi_protocol *protocol)
{
	return protocol->proto.master_protocol;
}

static inline uint16_t compat_application(const ndpi_protocol *protocol)
{
	return protocol->proto.app_protocol;
}
#else
static inline uint16_t compat_master(const ndpi_protocol *protocol)
{
	return protocol->master_protocol;
}

static inline uint16_t compat_application(const ndpi_protocol *protocol)
{
	return protocol->app_protocol;
}
#endif

/* Whether what nDPI knows of the flow may still change. 5.0 says so itself, but lets some
 * dissectors look on; before, it says so as long as something is missing that it would like to
 * have, though nobody looks for it any more. 4.2 has a switch for those who look. */
#if NDPI_AT_LEAST(5, 0)
static inline bool compat_is_final(struct ndpi_detection_module_struct *module,
				   struct ndpi_flow_struct *flow, const ndpi_protocol *protocol)
{
	(void)module;
	return protocol->state == NDPI_STATE_MONITORING ||
	       (protocol->state == NDPI_STATE_CLASSIFIED && !flow->extra_packets_func);
}
#elif NDPI_AT_LEAST(4, 4)
static inline bool compat_is_final(struct ndpi_detection_module_struct *module,
				   struct ndpi_flow_struct *flow, const ndpi_protocol *protocol)
{
	(void)protocol;
	return !flow->extra_packets_func || !ndpi_extra_dissection_possible(module, flow);
}
#else
static inline bool compat_is_final(struct ndpi_detection_module_struct *module,
				   struct ndpi_flow_struct *flow, const ndpi_protocol *protocol)
{
	(void)protocol;
	return !flow->extra_packets_func || !flow->check_extra_packets ||
	       !ndpi_extra_dissection_possible(module, flow);
}
#endif

#endif
