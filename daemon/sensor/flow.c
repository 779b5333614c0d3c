/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sensor/flow.h"

#include <stdlib.h>
#include <string.h>

#include "classifiers/siphash.h"
#include "daemon/sensor/decode.h"

#define FLOW_IDS (UINT64_C(1) << 53)
#define FLOWS_LIMIT (UINT32_C(1) << 31)

/* How many slots one call of flow_expire looks at in passing, and the most that it takes from the
 * idle end of the LRU list. */
#define SWEEP_SLOTS 2
#define SWEEP_IDLE 8

/* Slots are numbered from 1; 0 ends a list. Slot 0 is the LRU list's head: next is the most,
 * previous the least recently used. */
struct slot {
	struct flow flow; /* id 0: free */
	uint32_t next, previous;
	uint32_t chain; /* the next in its bucket, or in the free list */
};

_Static_assert(sizeof(struct slot) + 2 * sizeof(uint32_t) <= 192, "a decided flow's budget");

struct flow_table {
	struct slot *slots;
	uint32_t *buckets;
	uint32_t buckets_mask;
	uint32_t slots_max;
	uint32_t slots_used; /* slots above it were never touched */
	uint32_t free;
	uint32_t hand; /* the slot that the sweep looked at last */
	size_t count;
	uint64_t evicted;
	uint64_t next_id;
	struct siphash_key key;
	void (*release)(void *context, struct flow *flow);
	void *context;
};

static uint64_t hash(const struct siphash_key *key, const uint64_t *words, size_t count)
{
	struct siphash state = siphash_new(key);

	siphash_bytes(&state, words, count * sizeof(*words));
	return siphash_value(&state);
}

/* Both halves of a key, and a first id, from one random word. */
static void set_key(struct flow_table *table, uint64_t seed)
{
	const struct siphash_key key = {{seed, ~seed}};
	uint64_t which = 0;

	table->key.words[0] = hash(&key, &which, 1);
	which++;
	table->key.words[1] = hash(&key, &which, 1);
	which++;
	/* Tables of other sensors, and of the one before a restart, should have other ids. */
	table->next_id = hash(&key, &which, 1) % (FLOW_IDS / 2);
}

struct flow_table *flow_table_new(size_t flows_max, uint64_t seed,
				  void (*release)(void *context, struct flow *flow), void *context)
{
	struct flow_table *table = calloc(1, sizeof(*table));
	size_t buckets = 1;

	if (!table || flows_max == 0 || flows_max > FLOWS_LIMIT)
		goto fail;
	while (buckets < flows_max)
		buckets *= 2;
	table->slots = calloc(flows_max + 1, sizeof(*table->slots));
	table->buckets = calloc(buckets, sizeof(*table->buckets));
	if (!table->slots || !table->buckets)
		goto fail;
	table->buckets_mask = (uint32_t)(buckets - 1);
	table->slots_max = (uint32_t)flows_max;
	set_key(table, seed);
	table->release = release;
	table->context = context;
	return table;

fail:
	flow_table_free(table);
	return NULL;
}

static uint32_t *bucket_of(struct flow_table *table, const struct flow_key *key)
{
	uint64_t words[5] = {0}, a[2], b[2];
	uint32_t ports[2] = {key->source_port, key->destination_port};
	int order = memcmp(&key->source, &key->destination, sizeof(key->source));
	bool swap = order > 0 || (order == 0 && ports[0] > ports[1]);

	/* Both directions are one flow: the smaller end comes first. */
	memcpy(a, swap ? key->destination.bytes : key->source.bytes, sizeof(a));
	memcpy(b, swap ? key->source.bytes : key->destination.bytes, sizeof(b));
	words[0] = (uint64_t)ports[swap] << 32 | ports[!swap] << 16 | key->protocol;
	words[1] = a[0];
	words[2] = b[0];
	words[3] = a[1];
	words[4] = b[1];
	return &table->buckets[hash(&table->key, words, key->source.family == FAMILY_V4 ? 3 : 5) &
			       table->buckets_mask];
}

static bool same_end(const struct address *a, uint16_t a_port, const struct address *b,
		     uint16_t b_port)
{
	return a_port == b_port && memcmp(a, b, sizeof(*a)) == 0;
}

static bool same_direction(const struct flow_key *a, const struct flow_key *b)
{
	return a->protocol == b->protocol &&
	       same_end(&a->source, a->source_port, &b->source, b->source_port) &&
	       same_end(&a->destination, a->destination_port, &b->destination, b->destination_port);
}

static struct flow_key reversed(const struct flow_key *key)
{
	return (struct flow_key){
		.source = key->destination,
		.destination = key->source,
		.source_port = key->destination_port,
		.destination_port = key->source_port,
		.protocol = key->protocol,
	};
}

static void lru_remove(struct flow_table *table, struct slot *slot)
{
	table->slots[slot->previous].next = slot->next;
	table->slots[slot->next].previous = slot->previous;
}

static void lru_insert(struct flow_table *table, uint32_t index)
{
	struct slot *head = &table->slots[0], *slot = &table->slots[index];

	slot->previous = 0;
	slot->next = head->next;
	table->slots[head->next].previous = index;
	head->next = index;
}

static bool is_idle(const struct flow *flow, struct wall now)
{
	int64_t limit = flow->closed			     ? FLOW_IDLE_CLOSED
			: flow->key.protocol == PROTOCOL_TCP ? FLOW_IDLE_TCP
							     : FLOW_IDLE_UDP;

	return wall_before(wall_add(flow->last, limit), now);
}

static void remove_slot(struct flow_table *table, uint32_t index)
{
	struct slot *slot = &table->slots[index];
	uint32_t *link = bucket_of(table, &slot->flow.key);

	if (table->release)
		table->release(table->context, &slot->flow);
	while (*link != index)
		link = &table->slots[*link].chain;
	*link = slot->chain;
	lru_remove(table, slot);
	slot->flow.id = 0;
	slot->chain = table->free;
	table->free = index;
	table->count--;
}

static uint32_t take_slot(struct flow_table *table)
{
	uint32_t index;

	if (!table->free && table->slots_used == table->slots_max) {
		remove_slot(table, table->slots[0].previous);
		table->evicted++;
	}
	if (!table->free)
		return ++table->slots_used;
	index = table->free;
	table->free = table->slots[index].chain;
	return index;
}

static void begin(struct flow_table *table, struct flow *flow, const struct flow_key *key,
		  struct wall now)
{
	*flow = (struct flow){
		.key = *key,
		.id = ++table->next_id,
		.last = now,
	};
}

static struct flow *make(struct flow_table *table, const struct flow_key *key, uint32_t *bucket,
			 struct wall now)
{
	uint32_t index = take_slot(table);
	struct slot *slot = &table->slots[index];

	begin(table, &slot->flow, key, now);
	slot->chain = *bucket;
	*bucket = index;
	lru_insert(table, index);
	table->count++;
	return &slot->flow;
}

static uint32_t find(const struct flow_table *table, uint32_t index, const struct flow_key *key,
		     const struct flow_key *reverse, bool *forward)
{
	for (; index; index = table->slots[index].chain) {
		const struct flow_key *have = &table->slots[index].flow.key;

		*forward = same_direction(have, key);
		if (*forward || same_direction(have, reverse))
			return index;
	}
	return 0;
}

struct flow *flow_find_or_make(struct flow_table *table, const struct flow_key *key,
			       struct wall now, bool source_is_server, bool *from_client)
{
	const struct flow_key reverse = reversed(key);
	uint32_t *bucket = bucket_of(table, key);
	uint32_t index = find(table, *bucket, key, &reverse, from_client);
	struct slot *slot = &table->slots[index];

	if (index && is_idle(&slot->flow, now)) {
		remove_slot(table, index);
		index = 0;
	}
	if (!index) {
		*from_client = !source_is_server;
		return make(table, source_is_server ? &reverse : key, bucket, now);
	}
	if (wall_before(slot->flow.last, now))
		slot->flow.last = now;
	lru_remove(table, slot);
	lru_insert(table, index);
	return &slot->flow;
}

void flow_turn(struct flow *flow)
{
	uint64_t packets = flow->client_packets, bytes = flow->client_bytes;
	bool fin = flow->client_fin;

	flow->key = reversed(&flow->key);
	flow->client_packets = flow->server_packets;
	flow->client_bytes = flow->server_bytes;
	flow->client_fin = flow->server_fin;
	flow->server_packets = packets;
	flow->server_bytes = bytes;
	flow->server_fin = fin;
}

void flow_restart(struct flow_table *table, struct flow *flow, struct wall now)
{
	const struct flow_key key = flow->key;

	if (table->release)
		table->release(table->context, flow);
	begin(table, flow, &key, now);
}

void flow_expire(struct flow_table *table, struct wall now)
{
	/* The idle end of the list is enough for the longest idle time; the sweep over all slots
	 * finds those with a shorter one behind it. */
	for (unsigned int i = 0; i < SWEEP_IDLE && table->count > 0; i++) {
		uint32_t oldest = table->slots[0].previous;

		if (!is_idle(&table->slots[oldest].flow, now))
			break;
		remove_slot(table, oldest);
	}
	for (unsigned int i = 0; i < SWEEP_SLOTS && table->slots_used > 0; i++) {
		table->hand = table->hand % table->slots_used + 1;
		if (table->slots[table->hand].flow.id &&
		    is_idle(&table->slots[table->hand].flow, now))
			remove_slot(table, table->hand);
	}
}

void flow_each(struct flow_table *table, void (*visit)(void *context, struct flow *flow),
	       void *context)
{
	for (uint32_t i = table->slots[0].next; i; i = table->slots[i].next)
		visit(context, &table->slots[i].flow);
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	if (table->slots && table->release)
		flow_each(table, table->release, table->context);
	free(table->buckets);
	free(table->slots);
	free(table);
}

size_t flow_count(const struct flow_table *table)
{
	return table->count;
}

uint64_t flow_evicted(const struct flow_table *table)
{
	return table->evicted;
}
