/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/names_seen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "classifiers/name_chain.h"
#include "classifiers/siphash.h"
#include "classifiers/slab.h"

/* So many chains are kept for a pair; a CDN's address is given for hundreds. */
#define SIGHTINGS_A_PAIR 16
/* Sightings that the table holds for each pair that it holds, on average. */
#define SIGHTINGS_MEAN 2
/* One client gets at most this part of the table, so that it cannot drive the others out. */
#define CLIENT_PART 4

/* Every pair stands in two lists, in the order of its last use. */
enum order {
	ORDER_OF_ALL,
	ORDER_OF_CLIENT,
	ORDERS,
};

struct list {
	uint32_t newest, oldest;
};

struct client {
	struct address address;
	uint32_t next; /* in its bucket */
	uint32_t pairs_count;
	struct list pairs;
};

struct pair {
	struct address server;
	uint8_t sightings_count;
	uint32_t next; /* in its bucket */
	uint32_t client;
	uint32_t sightings; /* the newest first */
	struct {
		uint32_t newer, older;
	} links[ORDERS];
};

struct sighting {
	struct wall until;
	uint32_t chain;
	uint32_t next;
};

struct table {
	uint32_t *buckets;
	uint32_t mask;
};

struct names_seen {
	struct siphash_key key;
	struct slab clients, pairs, sightings;
	struct table clients_table, pairs_table;
	struct list all;
	uint32_t client_max;
	struct name_chains *chains;
};

/* What the live sightings of a pair say together. */
struct summary {
	bool clean, listed, several;
	uint32_t chain; /* the newest listed one */
	struct catalogue_match match;
};

static bool table_init(struct table *table, uint32_t max)
{
	uint32_t buckets = 1;

	while (buckets < max && buckets < UINT32_C(1) << 31)
		buckets *= 2;
	table->mask = buckets - 1;
	table->buckets = malloc(buckets * sizeof(*table->buckets));
	if (table->buckets)
		memset(table->buckets, 0xff, buckets * sizeof(*table->buckets));
	return table->buckets != NULL;
}

struct names_seen *names_seen_new(size_t pairs_max)
{
	struct names_seen *seen = calloc(1, sizeof(*seen));
	uint32_t max = (uint32_t)pairs_max;

	if (!seen)
		return NULL;
	seen->all = (struct list){SLAB_NONE, SLAB_NONE};
	seen->client_max = max / CLIENT_PART > 0 ? max / CLIENT_PART : 1;
	if (pairs_max == 0 || pairs_max > UINT32_MAX / SIGHTINGS_A_PAIR ||
	    getrandom(&seen->key, sizeof(seen->key), 0) != sizeof(seen->key) ||
	    !slab_init(&seen->clients, max, sizeof(struct client)) ||
	    !slab_init(&seen->pairs, max, sizeof(struct pair)) ||
	    !slab_init(&seen->sightings, max * SIGHTINGS_MEAN, sizeof(struct sighting)) ||
	    !table_init(&seen->clients_table, max) || !table_init(&seen->pairs_table, max))
		goto fail;
	seen->chains = name_chains_new(max, &seen->key);
	if (!seen->chains)
		goto fail;
	return seen;
fail:
	names_seen_free(seen);
	return NULL;
}

void names_seen_free(struct names_seen *seen)
{
	if (!seen)
		return;
	name_chains_free(seen->chains);
	free(seen->pairs_table.buckets);
	free(seen->clients_table.buckets);
	slab_release(&seen->sightings);
	slab_release(&seen->pairs);
	slab_release(&seen->clients);
	free(seen);
}

void names_seen_recatalogue(struct names_seen *seen, const struct catalogue *catalogue)
{
	name_chains_recatalogue(seen->chains, catalogue);
}

static struct client *client_at(const struct names_seen *seen, uint32_t number)
{
	return slab_at(&seen->clients, number);
}

static struct pair *pair_at(const struct names_seen *seen, uint32_t number)
{
	return slab_at(&seen->pairs, number);
}

static struct sighting *sighting_at(const struct names_seen *seen, uint32_t number)
{
	return slab_at(&seen->sightings, number);
}

static struct list *list_of(struct names_seen *seen, const struct pair *pair, enum order order)
{
	return order == ORDER_OF_ALL ? &seen->all : &client_at(seen, pair->client)->pairs;
}

static void list_put_newest(struct names_seen *seen, enum order order, uint32_t number)
{
	struct pair *pair = pair_at(seen, number);
	struct list *list = list_of(seen, pair, order);

	pair->links[order].newer = SLAB_NONE;
	pair->links[order].older = list->newest;
	if (list->newest != SLAB_NONE)
		pair_at(seen, list->newest)->links[order].newer = number;
	else
		list->oldest = number;
	list->newest = number;
}

static void list_take_out(struct names_seen *seen, enum order order, uint32_t number)
{
	const struct pair *pair = pair_at(seen, number);
	struct list *list = list_of(seen, pair, order);
	uint32_t newer = pair->links[order].newer, older = pair->links[order].older;

	if (newer != SLAB_NONE)
		pair_at(seen, newer)->links[order].older = older;
	else
		list->newest = older;
	if (older != SLAB_NONE)
		pair_at(seen, older)->links[order].newer = newer;
	else
		list->oldest = newer;
}

static void pair_used(struct names_seen *seen, uint32_t number)
{
	for (int order = 0; order < ORDERS; order++) {
		list_take_out(seen, (enum order)order, number);
		list_put_newest(seen, (enum order)order, number);
	}
}

static uint64_t hash_address(const struct names_seen *seen, const struct address *address,
			     uint64_t with)
{
	struct siphash state = siphash_new(&seen->key);

	siphash_bytes(&state, address->bytes, sizeof(address->bytes));
	siphash_word(&state, with << 8 | address->family);
	return siphash_value(&state);
}

static uint32_t *client_bucket(const struct names_seen *seen, const struct address *address)
{
	return &seen->clients_table
			.buckets[hash_address(seen, address, 0) & seen->clients_table.mask];
}

static uint32_t client_find(const struct names_seen *seen, const struct address *address)
{
	uint32_t number = *client_bucket(seen, address);

	while (number != SLAB_NONE && !address_equal(&client_at(seen, number)->address, address))
		number = client_at(seen, number)->next;
	return number;
}

static uint32_t client_new(struct names_seen *seen, const struct address *address)
{
	uint32_t *bucket = client_bucket(seen, address), number = slab_take(&seen->clients);
	struct client *client = client_at(seen, number);

	client->address = *address;
	client->pairs = (struct list){SLAB_NONE, SLAB_NONE};
	client->next = *bucket;
	*bucket = number;
	return number;
}

static void client_free(struct names_seen *seen, uint32_t number)
{
	uint32_t *link = client_bucket(seen, &client_at(seen, number)->address);

	while (*link != number)
		link = &client_at(seen, *link)->next;
	*link = client_at(seen, number)->next;
	slab_give_back(&seen->clients, number);
}

static uint32_t *pair_bucket(const struct names_seen *seen, uint32_t client,
			     const struct address *server)
{
	return &seen->pairs_table.buckets[hash_address(seen, server, (uint64_t)client + 1) &
					  seen->pairs_table.mask];
}

static uint32_t pair_find(const struct names_seen *seen, uint32_t client,
			  const struct address *server)
{
	uint32_t number = *pair_bucket(seen, client, server);

	while (number != SLAB_NONE && (pair_at(seen, number)->client != client ||
				       !address_equal(&pair_at(seen, number)->server, server)))
		number = pair_at(seen, number)->next;
	return number;
}

static uint32_t pair_new(struct names_seen *seen, uint32_t client, const struct address *server)
{
	uint32_t *bucket = pair_bucket(seen, client, server), number = slab_take(&seen->pairs);
	struct pair *pair = pair_at(seen, number);

	pair->server = *server;
	pair->client = client;
	pair->sightings = SLAB_NONE;
	pair->next = *bucket;
	*bucket = number;
	client_at(seen, client)->pairs_count++;
	list_put_newest(seen, ORDER_OF_ALL, number);
	list_put_newest(seen, ORDER_OF_CLIENT, number);
	return number;
}

/* link: what names the sighting in its pair's list. */
static void sighting_forget(struct names_seen *seen, struct pair *pair, uint32_t *link)
{
	uint32_t number = *link;

	name_chain_drop(seen->chains, sighting_at(seen, number)->chain);
	*link = sighting_at(seen, number)->next;
	slab_give_back(&seen->sightings, number);
	pair->sightings_count--;
}

/* The client goes with its last pair. */
static void pair_forget(struct names_seen *seen, uint32_t number)
{
	struct pair *pair = pair_at(seen, number);
	uint32_t *link = pair_bucket(seen, pair->client, &pair->server), client = pair->client;

	while (pair->sightings != SLAB_NONE)
		sighting_forget(seen, pair, &pair->sightings);
	while (*link != number)
		link = &pair_at(seen, *link)->next;
	*link = pair->next;
	list_take_out(seen, ORDER_OF_CLIENT, number);
	list_take_out(seen, ORDER_OF_ALL, number);
	slab_give_back(&seen->pairs, number);
	if (--client_at(seen, client)->pairs_count == 0)
		client_free(seen, client);
}

/* A client with more than its share of the table gives up its own oldest pair; else the oldest of
 * all goes. false: the table is empty. */
static bool make_room(struct names_seen *seen, const struct address *address)
{
	uint32_t number = client_find(seen, address);
	const struct client *client = number != SLAB_NONE ? client_at(seen, number) : NULL;

	if (client && client->pairs_count > seen->pairs.used / seen->clients.used)
		pair_forget(seen, client->pairs.oldest);
	else if (seen->all.oldest != SLAB_NONE)
		pair_forget(seen, seen->all.oldest);
	else
		return false;
	return true;
}

/* The pair, made when there is none, with room for one more sighting. */
static uint32_t pair_get(struct names_seen *seen, const struct address *address,
			 const struct address *server)
{
	uint32_t client, pair;

	for (;;) {
		client = client_find(seen, address);
		pair = client != SLAB_NONE ? pair_find(seen, client, server) : SLAB_NONE;
		if (slab_left(&seen->sightings) == 0 ||
		    (pair == SLAB_NONE && slab_left(&seen->pairs) == 0))
			make_room(seen, address);
		else if (pair == SLAB_NONE && client != SLAB_NONE &&
			 client_at(seen, client)->pairs_count >= seen->client_max)
			pair_forget(seen, client_at(seen, client)->pairs.oldest);
		else
			break;
	}
	if (pair != SLAB_NONE)
		return pair;
	if (client == SLAB_NONE)
		client = client_new(seen, address);
	return pair_new(seen, client, server);
}

/* Which sighting is worth least: a clean one before a listed one, then the one that ends first. */
static void forget_least(struct names_seen *seen, struct pair *pair)
{
	struct catalogue_match match;
	uint32_t *link = &pair->sightings, *least = link;
	bool listed, least_listed = true, several;
	struct sighting *sighting;

	for (; *link != SLAB_NONE; link = &sighting->next) {
		sighting = sighting_at(seen, *link);
		listed = name_chain_is_listed(seen->chains, sighting->chain, &match, &several);
		if (listed > least_listed ||
		    (listed == least_listed &&
		     !wall_before(sighting->until, sighting_at(seen, *least)->until)))
			continue;
		least = link;
		least_listed = listed;
	}
	sighting_forget(seen, pair, least);
}

/* Takes the chain out of the pair's list, if it is there; until when it held, else `until`. */
static struct wall known_until(struct names_seen *seen, struct pair *pair, uint32_t chain,
			       struct wall until)
{
	uint32_t *link = &pair->sightings;
	const struct sighting *sighting;

	for (; *link != SLAB_NONE; link = &sighting_at(seen, *link)->next) {
		sighting = sighting_at(seen, *link);
		if (sighting->chain != chain)
			continue;
		if (wall_before(until, sighting->until))
			until = sighting->until;
		sighting_forget(seen, pair, link);
		break;
	}
	return until;
}

static void learn_one(struct names_seen *seen, const struct address *client,
		      const struct finding_answer *answer, uint32_t chain, struct wall now)
{
	uint32_t ttl = answer->ttl, number, pair_number;
	struct sighting *sighting;
	struct pair *pair;
	struct wall until;

	if (ttl < NAMES_SEEN_TTL_MIN)
		ttl = NAMES_SEEN_TTL_MIN;
	if (ttl > NAMES_SEEN_TTL_MAX)
		ttl = NAMES_SEEN_TTL_MAX;
	until = wall_add(now, ((int64_t)ttl + NAMES_SEEN_GRACE) * CLOCK_SECOND);
	pair_number = pair_get(seen, client, &answer->address);
	pair = pair_at(seen, pair_number);
	pair_used(seen, pair_number);
	until = known_until(seen, pair, chain, until);
	if (pair->sightings_count == SIGHTINGS_A_PAIR)
		forget_least(seen, pair);
	name_chain_hold_again(seen->chains, chain);
	number = slab_take(&seen->sightings);
	sighting = sighting_at(seen, number);
	sighting->until = until;
	sighting->chain = chain;
	sighting->next = pair->sightings;
	pair->sightings = number;
	pair->sightings_count++;
}

void names_seen_learn(struct names_seen *seen, const struct catalogue *catalogue,
		      const struct address *client, const struct finding *response, struct wall now)
{
	uint32_t chain;

	if (!response->is_response || response->names_count == 0 || response->answers_count == 0)
		return;
	do {
		chain = name_chain_hold(seen->chains, catalogue, response);
	} while (chain == NAME_CHAIN_NONE && make_room(seen, client));
	if (chain == NAME_CHAIN_NONE)
		return;
	for (unsigned int i = 0; i < response->answers_count; i++)
		learn_one(seen, client, &response->answers[i], chain, now);
	name_chain_drop(seen->chains, chain);
}

static void summarise(const struct names_seen *seen, const struct sighting *sighting,
		      struct summary *summary)
{
	struct catalogue_match match;
	bool several;

	if (!name_chain_is_listed(seen->chains, sighting->chain, &match, &several)) {
		summary->clean = true;
		return;
	}
	summary->several |= several;
	if (!summary->listed) {
		summary->listed = true;
		summary->match = match;
		summary->chain = sighting->chain;
	} else if (summary->match.service != match.service) {
		summary->several = true;
	}
}

/* Forgets what has expired on the way. */
static struct summary live_sightings(struct names_seen *seen, struct pair *pair, struct wall now)
{
	struct summary summary = {.clean = false};
	uint32_t *link = &pair->sightings;

	while (*link != SLAB_NONE) {
		if (wall_before(now, sighting_at(seen, *link)->until)) {
			summarise(seen, sighting_at(seen, *link), &summary);
			link = &sighting_at(seen, *link)->next;
		} else {
			sighting_forget(seen, pair, link);
		}
	}
	return summary;
}

enum names_seen_result names_seen_find(struct names_seen *seen, const struct address *client,
				       const struct address *server, struct wall now,
				       struct catalogue_match *match, char name[256])
{
	uint32_t number = client_find(seen, client);
	struct summary summary;

	if (number != SLAB_NONE)
		number = pair_find(seen, number, server);
	if (number == SLAB_NONE)
		return NAMES_SEEN_NOTHING;
	summary = live_sightings(seen, pair_at(seen, number), now);
	if (!summary.clean && !summary.listed) {
		pair_forget(seen, number);
		return NAMES_SEEN_NOTHING;
	}
	pair_used(seen, number);
	if (!summary.listed)
		return NAMES_SEEN_CLEAN;
	*match = summary.match;
	name_chain_listed_name(seen->chains, summary.chain, name);
	return summary.clean || summary.several ? NAMES_SEEN_AMBIGUOUS : NAMES_SEEN_LISTED;
}
