/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What names each client was given for each server address, by DNS answers seen on the way,
 * whichever resolver it asked. Keyed by (client, server): a shared address cuts nobody else off.
 * A bounded table; the least recently used pair goes first. `now` is packet time.
 */
#ifndef CUTOFFD_NAMES_SEEN_H
#define CUTOFFD_NAMES_SEEN_H

#include "classifiers/catalogue.h"
#include "classifiers/classifier.h"
#include "daemon/clock.h"

/* An answer counts for its TTL, but at least NAMES_SEEN_TTL_MIN, and a grace beyond: clients keep
 * addresses longer than they should. Seconds. */
#define NAMES_SEEN_TTL_MIN 60
#define NAMES_SEEN_TTL_MAX 86400
#define NAMES_SEEN_GRACE 300

struct names_seen;

enum names_seen_result {
	NAMES_SEEN_NOTHING,   /* this client got this address for no name that was seen */
	NAMES_SEEN_CLEAN,     /* only for names that no list holds */
	NAMES_SEEN_LISTED,    /* only for names of one service */
	NAMES_SEEN_AMBIGUOUS, /* for names of several services, or listed and clean ones */
};

struct names_seen *names_seen_new(size_t pairs_max);
void names_seen_free(struct names_seen *seen);
/* A new catalogue: indexes of the old one mean nothing any more; names are looked up anew. */
void names_seen_recatalogue(struct names_seen *seen, const struct catalogue *catalogue);

/* Takes a response's answers for the client that it was sent to. Every name of the chain is looked
 * up; a listed name anywhere in the chain makes the pair listed. */
void names_seen_learn(struct names_seen *seen, const struct catalogue *catalogue,
		      const struct address *client, const struct finding *response,
		      struct wall now);

/* On LISTED and AMBIGUOUS *match and name (the listed one, NUL-terminated) are filled. */
enum names_seen_result names_seen_find(struct names_seen *seen, const struct address *client,
				       const struct address *server, struct wall now,
				       struct catalogue_match *match, char name[256]);

#endif
