/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of DNS answers, each chain (the name asked for and its CNAMEs) kept once however many
 * clients were given it, with what the catalogue says of it. Clean chains are kept too: the next
 * catalogue may list them. Used by names_seen.c alone.
 */
#ifndef CUTOFFD_NAME_CHAIN_H
#define CUTOFFD_NAME_CHAIN_H

#include "classifiers/catalogue.h"
#include "classifiers/classifier.h"
#include "classifiers/siphash.h"

/* Names of a chain are kept up to so many bytes in all: the first asked for, then listed ones,
 * then the others. */
#define NAME_CHAIN_TEXT 1024
#define NAME_CHAIN_NONE UINT32_MAX

struct name_chains;

/* Room for max chains. NULL when memory is out. */
struct name_chains *name_chains_new(uint32_t max, const struct siphash_key *key);
void name_chains_free(struct name_chains *chains);

/* The chain of this response's names, which the caller holds until it drops it as often.
 * NAME_CHAIN_NONE when there is no room. */
uint32_t name_chain_hold(struct name_chains *chains, const struct catalogue *catalogue,
			 const struct finding *response);
void name_chain_hold_again(struct name_chains *chains, uint32_t chain);
void name_chain_drop(struct name_chains *chains, uint32_t chain);

/* Looks all names up anew. */
void name_chains_recatalogue(struct name_chains *chains, const struct catalogue *catalogue);

/* false: no list holds any of its names. *several: it has names of several services; match is the
 * first one's. */
bool name_chain_is_listed(const struct name_chains *chains, uint32_t chain,
			  struct catalogue_match *match, bool *several);
/* The first listed name; of one longer than 255 bytes the end. */
void name_chain_listed_name(const struct name_chains *chains, uint32_t chain, char name[256]);

#endif
