/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalogue: all indicators of all vendors, compiled once into one read-only block without
 * pointers, so that every sensor maps the same pages (a sealed memfd). Lookup costs a number of
 * steps that grows with the labels of the name asked for, not with the names in the catalogue.
 *
 * Patterns (pattern.h): `host.example` exactly that, `*.example` everything under it,
 * `**.example` it and everything under it; inside a label `*` is any run of characters and `#`
 * one digit. Which wins: exact; then more labels; then a literal over `#` over `*`; then a
 * permitted service; then the pattern that was added first.
 *
 * Writers (settings) build, readers (sensors, replay) map. A reader treats the block as trusted:
 * only the enforcer makes one, and it is sealed.
 */
#ifndef CUTOFFD_CATALOGUE_H
#define CUTOFFD_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"

/* ---- building ---- */

struct catalogue_builder;

enum catalogue_error {
	CATALOGUE_OK,
	CATALOGUE_BAD_PATTERN, /* pattern_error_text(conflict->pattern_error) says what is wrong */
	CATALOGUE_DUPLICATE,   /* the same pattern or prefix in this very service */
	CATALOGUE_CONFLICT,    /* the same pattern or prefix in another service */
	CATALOGUE_FULL,	       /* more than the block's limits (4 GiB of names, 65,534 services), or
				  memory is out */
};

/* Filled on CATALOGUE_BAD_PATTERN, _DUPLICATE and _CONFLICT. */
struct catalogue_conflict {
	int pattern_error; /* enum pattern_error */
	uint16_t service;  /* whose pattern stood there first */
	uint32_t place;	   /* the place that was given with it */
};

/* NULL when memory is out. */
struct catalogue_builder *catalogue_builder_new(void);
void catalogue_builder_free(struct catalogue_builder *builder);

/* field: FIELD_OTHER, or the class's number. permitted: wins a tie. Strings are copied. */
enum catalogue_error catalogue_add_service(struct catalogue_builder *builder, const char *vendor,
					   const char *service, uint16_t field, bool permitted,
					   uint16_t *index);
/* place is the caller's own number for where the pattern stands; it comes back in conflicts. */
enum catalogue_error catalogue_add_name(struct catalogue_builder *builder, uint16_t service,
					const char *pattern, size_t length, uint32_t place,
					struct catalogue_conflict *conflict);
enum catalogue_error catalogue_add_prefix(struct catalogue_builder *builder, uint16_t service,
					  const struct prefix *prefix, uint32_t place,
					  struct catalogue_conflict *conflict);
/* An nDPI protocol by the name that nDPI prints ("Cybersec"), compared case-blind. */
enum catalogue_error catalogue_add_protocol(struct catalogue_builder *builder, uint16_t service,
					    const char *protocol, uint32_t place,
					    struct catalogue_conflict *conflict);

/* Compiles to a sealed memfd (F_SEAL_SHRINK|GROW|WRITE|SEAL). The descriptor (close-on-exec), or
 * -errno. The builder can be freed afterwards. */
int catalogue_seal(const struct catalogue_builder *builder) __attribute__((warn_unused_result));

/* ---- reading ---- */

struct catalogue;

struct catalogue_match {
	uint16_t service;   /* index, for catalogue_service */
	uint32_t indicator; /* for catalogue_indicator: the pattern, prefix or protocol as text */
};

struct catalogue_service {
	const char *vendor, *service;
	uint16_t field; /* FIELD_OTHER or a class */
	bool permitted;
};

/* Maps the block (the descriptor may be closed then); NULL with errno set when it is not a
 * catalogue of this build's version or is cut short. */
struct catalogue *catalogue_map(int fd);
void catalogue_free(struct catalogue *catalogue);

/* name: any bytes. Case-blind, one final dot ignored. false: no list holds it. Of a name longer
 * than 253 bytes only the last 254 count, and no pattern for a single host matches it. */
bool catalogue_find_name(const struct catalogue *catalogue, const char *name, size_t length,
			 struct catalogue_match *match);
/* Longest prefix. */
bool catalogue_find_address(const struct catalogue *catalogue, const struct address *address,
			    struct catalogue_match *match);
bool catalogue_find_protocol(const struct catalogue *catalogue, const char *protocol,
			     struct catalogue_match *match);

uint16_t catalogue_service_count(const struct catalogue *catalogue);
struct catalogue_service catalogue_service(const struct catalogue *catalogue, uint16_t index);
/* The indicator in canonical form (lower case, no final dot; a prefix as prefix_format writes it; a
 * protocol as it was added). Writes at most size bytes with the final NUL, returns text. */
const char *catalogue_indicator(const struct catalogue *catalogue, uint32_t indicator, char *text,
				size_t size);

#endif
