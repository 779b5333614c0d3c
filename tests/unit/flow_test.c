/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "classifiers/siphash.h"
#include "daemon/sensor/flow.h"

#define TCP 6
#define UDP 17

static struct wall seconds(int64_t s)
{
	return (struct wall){s * CLOCK_SECOND};
}

static struct flow_key key_of(const char *source, uint16_t source_port, const char *destination,
			      uint16_t destination_port, uint8_t protocol)
{
	struct flow_key key = {
		.source_port = source_port,
		.destination_port = destination_port,
		.protocol = protocol,
	};

	assert_true(address_parse(source, &key.source));
	assert_true(address_parse(destination, &key.destination));
	return key;
}

/* Made by OpenSSL: openssl mac -macopt c-rounds:1 -macopt d-rounds:3 SIPHASH. */
static void test_siphash_vectors(void **state)
{
	static const struct {
		size_t length;
		uint64_t want;
	} cases[] = {
		{0, 0xabac0158050fc4dc},  {8, 0x369095118d299a8e},  {16, 0xcc4fdd1a7d908b66},
		{24, 0xf464aeb267349c8c}, {40, 0xc1d2363299e41531},
	};
	const struct siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t bytes[40];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct siphash hash = siphash_new(&key);

		siphash_bytes(&hash, bytes, cases[i].length);
		assert_int_equal(siphash_value(&hash), cases[i].want);
	}
}

static void test_directions(void **state)
{
	const struct flow_key keys[] = {
		key_of("10.0.0.1", 40000, "77.74.180.10", 443, TCP),
		key_of("77.74.180.10", 40000, "10.0.0.1", 443, TCP),
		key_of("2001:db8::1", 40000, "2a03:2480::10", 443, UDP),
		key_of("10.0.0.1", 500, "10.0.0.1", 501, UDP),
		key_of("10.0.0.1", 501, "10.0.0.2", 501, UDP),
	};
	struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
	bool from_client;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct flow_key *k = &keys[i];
		struct flow_key back = {k->destination, k->source, k->destination_port,
					k->source_port, k->protocol};
		struct flow *flow = flow_find_or_make(table, k, seconds(1), false, &from_client);

		assert_true(from_client);
		assert_int_equal(flow->field, FIELD_UNSEEN);
		assert_ptr_equal(flow,
				 flow_find_or_make(table, &back, seconds(2), false, &from_client));
		assert_false(from_client);
		assert_ptr_equal(flow,
				 flow_find_or_make(table, &back, seconds(2), true, &from_client));
		assert_false(from_client);
		assert_int_equal(flow->last.ns, seconds(2).ns);
		assert_int_equal(flow_count(table), i + 1);
	}
	flow_table_free(table);
}

static void test_other_protocol_is_another_flow(void **state)
{
	const struct flow_key tcp = key_of("10.0.0.1", 40000, "77.74.180.10", 443, TCP);
	const struct flow_key udp = key_of("10.0.0.1", 40000, "77.74.180.10", 443, UDP);
	struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
	bool from_client;

	(void)state;
	flow_find_or_make(table, &tcp, seconds(1), false, &from_client);
	flow_find_or_make(table, &udp, seconds(1), false, &from_client);
	assert_int_equal(flow_count(table), 2);
	flow_table_free(table);
}

static void test_syn_ack_first(void **state)
{
	const struct flow_key key = key_of("77.74.180.10", 443, "10.0.0.1", 40000, TCP);
	struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
	char text[ADDRESS_TEXT];
	struct flow *flow;
	bool from_client;

	(void)state;
	flow = flow_find_or_make(table, &key, seconds(1), true, &from_client);
	assert_false(from_client);
	assert_string_equal(address_format(&flow->key.source, text), "10.0.0.1");
	assert_int_equal(flow->key.source_port, 40000);
	flow_table_free(table);
}

static void test_turn(void **state)
{
	const struct flow_key key = key_of("77.74.180.10", 443, "10.0.0.1", 40000, TCP);
	struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
	struct flow *flow;
	bool from_client;

	(void)state;
	flow = flow_find_or_make(table, &key, seconds(1), false, &from_client);
	flow->client_packets = 1;
	flow->client_bytes = 100;
	flow->server_packets = 2;
	flow->client_fin = true;
	flow_turn(flow);
	assert_int_equal(flow->key.source_port, 40000);
	assert_int_equal(flow->client_packets, 2);
	assert_int_equal(flow->server_packets, 1);
	assert_int_equal(flow->server_bytes, 100);
	assert_true(flow->server_fin);
	assert_false(flow->client_fin);
	assert_ptr_equal(flow, flow_find_or_make(table, &key, seconds(1), false, &from_client));
	assert_false(from_client);
	flow_table_free(table);
}

static void count_release(void *context, struct flow *flow)
{
	assert_true(flow->id > 0);
	(*(unsigned int *)context)++;
}

static void test_restart(void **state)
{
	const struct flow_key key = key_of("10.0.0.1", 40000, "77.74.180.10", 443, TCP);
	unsigned int released = 0;
	struct flow_table *table = flow_table_new(16, 1, count_release, &released);
	struct flow *flow;
	bool from_client;
	uint64_t id;

	(void)state;
	flow = flow_find_or_make(table, &key, seconds(1), false, &from_client);
	id = flow->id;
	flow->closed = true;
	flow->field = FIELD_CLASS;
	flow_restart(table, flow, seconds(5));
	assert_int_equal(released, 1);
	assert_int_not_equal(flow->id, id);
	assert_false(flow->closed);
	assert_int_equal(flow->field, FIELD_UNSEEN);
	assert_int_equal(flow_count(table), 1);
	flow_table_free(table);
	assert_int_equal(released, 2);
}

static void test_idle_times(void **state)
{
	static const struct {
		const char *what;
		uint8_t protocol;
		bool closed;
		int64_t idle;
	} cases[] = {
		{"TCP", TCP, false, 300},
		{"UDP", UDP, false, 120},
		{"TCP, closed", TCP, true, 10},
	};
	bool from_client;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct flow_key key =
			key_of("10.0.0.1", 40000, "77.74.180.10", 443, cases[i].protocol);
		struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
		struct flow *flow;
		uint64_t id;

		print_message("%s\n", cases[i].what);
		flow = flow_find_or_make(table, &key, seconds(1000), false, &from_client);
		id = flow->id;
		flow->closed = cases[i].closed;
		flow_expire(table, seconds(1000 + cases[i].idle));
		assert_int_equal(flow_count(table), 1);
		/* Whoever comes later than that is another flow, swept already or not. */
		flow = flow_find_or_make(table, &key, seconds(1001 + cases[i].idle), false,
					 &from_client);
		assert_int_not_equal(flow->id, id);
		assert_int_equal(flow_count(table), 1);
		flow->closed = cases[i].closed;
		flow_expire(table, seconds(1002 + 2 * cases[i].idle));
		assert_int_equal(flow_count(table), 0);
		flow_table_free(table);
	}
}

/* A closed connection goes although older, longer-lived flows stand before it in the LRU list. */
static void test_sweep_reaches_all(void **state)
{
	enum { FLOWS = 1000 };
	struct flow_table *table = flow_table_new(FLOWS, 1, NULL, NULL);
	bool from_client;

	(void)state;
	for (uint16_t i = 0; i < FLOWS; i++) {
		const struct flow_key key = key_of("10.0.0.1", i, "77.74.180.10", 443, TCP);

		flow_find_or_make(table, &key, seconds(1000), false, &from_client)->closed =
			i % 2 == 1;
	}
	for (unsigned int i = 0; i < FLOWS; i++)
		flow_expire(table, seconds(1020));
	assert_int_equal(flow_count(table), FLOWS / 2);
	flow_table_free(table);
}

static void test_packets_out_of_order(void **state)
{
	const struct flow_key key = key_of("10.0.0.1", 40000, "77.74.180.10", 443, TCP);
	struct flow_table *table = flow_table_new(16, 1, NULL, NULL);
	bool from_client;
	struct flow *flow;

	(void)state;
	flow_find_or_make(table, &key, seconds(100), false, &from_client);
	flow = flow_find_or_make(table, &key, seconds(90), false, &from_client);
	assert_int_equal(flow->last.ns, seconds(100).ns);
	flow_table_free(table);
}

static void test_eviction_is_least_recently_used(void **state)
{
	const struct flow_key keys[] = {
		key_of("10.0.0.1", 1, "77.74.180.10", 443, TCP),
		key_of("10.0.0.1", 2, "77.74.180.10", 443, TCP),
		key_of("10.0.0.1", 3, "77.74.180.10", 443, TCP),
	};
	unsigned int released = 0;
	struct flow_table *table = flow_table_new(2, 1, count_release, &released);
	uint64_t ids[3];
	bool from_client;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		ids[i] = flow_find_or_make(table, &keys[i], seconds(1), false, &from_client)->id;
	flow_find_or_make(table, &keys[0], seconds(1), false, &from_client);
	flow_find_or_make(table, &keys[2], seconds(1), false, &from_client);
	assert_int_equal(flow_evicted(table), 1);
	assert_int_equal(released, 1);
	assert_int_equal(flow_find_or_make(table, &keys[0], seconds(1), false, &from_client)->id,
			 ids[0]);
	assert_int_not_equal(
		flow_find_or_make(table, &keys[1], seconds(1), false, &from_client)->id, ids[1]);
	assert_int_equal(flow_count(table), 2);
	flow_table_free(table);
	assert_int_equal(released, 4);
}

static void test_limits(void **state)
{
	(void)state;
	assert_null(flow_table_new(0, 1, NULL, NULL));
	assert_null(flow_table_new((size_t)1 << 40, 1, NULL, NULL));
	flow_table_free(NULL);
}

/* The naive table: an array that is searched from end to end. */
enum { MODEL_FLOWS = 64, MODEL_KEYS = 200, MODEL_STEPS = 20000 };

struct model_flow {
	uint32_t number; /* of the key */
	uint64_t id, packets;
	int64_t last, used; /* used: the step */
	bool closed;
};

struct model {
	struct model_flow flows[MODEL_FLOWS];
	size_t count;
	uint64_t evicted;
};

static bool model_idle(const struct model_flow *flow, int64_t now)
{
	int64_t limit = flow->closed ? 10 : flow->number % 2 ? 120 : 300;

	return flow->last + limit < now;
}

static void model_remove(struct model *model, size_t i)
{
	model->flows[i] = model->flows[--model->count];
}

static struct model_flow *model_find_or_make(struct model *model, uint32_t number, int64_t now,
					     int64_t step)
{
	size_t oldest = 0;

	for (size_t i = 0; i < model->count; i++) {
		if (model->flows[i].number == number && model_idle(&model->flows[i], now)) {
			model_remove(model, i);
			break;
		}
		if (model->flows[i].number == number) {
			model->flows[i].used = step;
			model->flows[i].last = now;
			return &model->flows[i];
		}
	}
	for (size_t i = 0; i < model->count; i++) {
		if (model->flows[i].used < model->flows[oldest].used)
			oldest = i;
	}
	if (model->count == MODEL_FLOWS) {
		model_remove(model, oldest);
		model->evicted++;
	}
	model->flows[model->count] =
		(struct model_flow){.number = number, .last = now, .used = step};
	return &model->flows[model->count++];
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Without flow_expire, so that what is idle leaves both at the same steps. */
static void test_same_as_naive_table(void **state)
{
	struct flow_table *table = flow_table_new(MODEL_FLOWS, 7, NULL, NULL);
	struct model model = {0};
	uint64_t seed = 3;
	int64_t now = 1000;
	bool from_client;

	(void)state;
	for (int64_t step = 0; step < MODEL_STEPS; step++) {
		uint32_t number = next_random(&seed) % MODEL_KEYS;
		const struct flow_key key = key_of("10.0.0.1", (uint16_t)number, "77.74.180.10",
						   443, number % 2 ? UDP : TCP);
		struct model_flow *want;
		struct flow *have;

		now += next_random(&seed) % 8;
		want = model_find_or_make(&model, number, now, step);
		have = flow_find_or_make(table, &key, seconds(now), false, &from_client);
		if (want->packets == 0)
			want->id = have->id;
		assert_int_equal(have->client_packets, want->packets);
		assert_int_equal(have->id, want->id);
		have->client_packets = ++want->packets;
		have->closed = want->closed = next_random(&seed) % 4 == 0;
		assert_int_equal(flow_count(table), model.count);
		assert_int_equal(flow_evicted(table), model.evicted);
	}
	assert_true(model.evicted > 0);
	flow_table_free(table);
}

static void add_id(void *context, struct flow *flow)
{
	assert_true(flow->id < UINT64_C(1) << 53);
	*(uint64_t *)context += flow->id;
}

static void test_each(void **state)
{
	struct flow_table *table = flow_table_new(16, UINT64_MAX, NULL, NULL);
	uint64_t want = 0, have = 0;
	bool from_client;

	(void)state;
	for (uint16_t i = 0; i < 10; i++) {
		const struct flow_key key = key_of("10.0.0.1", i, "77.74.180.10", 443, TCP);

		want += flow_find_or_make(table, &key, seconds(1), false, &from_client)->id;
	}
	flow_each(table, add_id, &have);
	assert_int_equal(have, want);
	flow_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_vectors),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_other_protocol_is_another_flow),
		cmocka_unit_test(test_syn_ack_first),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_idle_times),
		cmocka_unit_test(test_sweep_reaches_all),
		cmocka_unit_test(test_packets_out_of_order),
		cmocka_unit_test(test_eviction_is_least_recently_used),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_same_as_naive_table),
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
