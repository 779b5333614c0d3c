/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "classifiers/names_seen.h"

#define CLIENT "192.0.2.1"
#define OTHER_CLIENT "192.0.2.2"
#define SERVER "198.51.100.1"
#define OTHER_SERVER "2001:db8::1"

enum service {
	UPDATES,
	TELEMETRY,
};

struct indicator {
	enum service service;
	const char *pattern;
};

static const struct indicator usual[] = {
	{UPDATES, "*.upd.example"},
	{TELEMETRY, "*.ksn.example"},
	{UPDATES, NULL},
};

static struct catalogue *catalogue_of(const struct indicator *indicators)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	struct catalogue_conflict conflict;
	struct catalogue *catalogue;
	uint16_t service;
	int fd;

	assert_non_null(builder);
	catalogue_add_service(builder, "vendor", "updates", 16, false, &service);
	catalogue_add_service(builder, "vendor", "telemetry", 17, false, &service);
	for (; indicators->pattern; indicators++)
		assert_int_equal(catalogue_add_name(builder, (uint16_t)indicators->service,
						    indicators->pattern,
						    strlen(indicators->pattern), 0, &conflict),
				 CATALOGUE_OK);
	fd = catalogue_seal(builder);
	catalogue = catalogue_map(fd);
	assert_non_null(catalogue);
	close(fd);
	catalogue_builder_free(builder);
	return catalogue;
}

static struct address address_of(const char *text)
{
	struct address address;

	assert_true(address_parse(text, &address));
	return address;
}

static struct wall at(int64_t seconds)
{
	return (struct wall){seconds * CLOCK_SECOND};
}

/* names: separated by spaces, the one asked for first. */
static void fill(struct finding *response, const char *names, const char *server, uint32_t ttl)
{
	size_t length;

	memset(response, 0, sizeof(*response));
	response->carrier = CARRIER_DNS;
	response->is_response = true;
	response->questions_count = 1;
	for (; *names; names += length + (names[length] == ' ')) {
		length = strcspn(names, " ");
		memcpy(response->text + response->text_length, names, length);
		response->names[response->names_count++] = (struct finding_name){
			.kind = EVIDENCE_DNS,
			.offset = (uint16_t)response->text_length,
			.length = (uint16_t)length,
		};
		response->text_length += (unsigned int)length;
	}
	response->answers_count = 1;
	response->answers[0].address = address_of(server);
	response->answers[0].ttl = ttl;
}

static void learn(struct names_seen *seen, const struct catalogue *catalogue, const char *client,
		  const char *names, const char *server, uint32_t ttl, int64_t seconds)
{
	struct address to = address_of(client);
	struct finding response;

	fill(&response, names, server, ttl);
	names_seen_learn(seen, catalogue, &to, &response, at(seconds));
}

static enum names_seen_result find(struct names_seen *seen, const char *client, const char *server,
				   int64_t seconds, struct catalogue_match *match, char name[256])
{
	struct address from = address_of(client), to = address_of(server);

	match->service = SERVICE_NONE;
	strcpy(name, "-");
	return names_seen_find(seen, &from, &to, at(seconds), match, name);
}

/* Each row is a step: an answer that is seen (names), or else a question. */
struct step {
	int64_t seconds;
	const char *client, *server;
	const char *names;
	uint32_t ttl;
	enum names_seen_result want;
	const char *want_name;
};

static void run(const struct step *steps)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(64);
	struct catalogue_match match, want;
	char name[256];

	assert_non_null(seen);
	for (; steps->client; steps++) {
		if (steps->names) {
			learn(seen, catalogue, steps->client, steps->names, steps->server,
			      steps->ttl, steps->seconds);
			continue;
		}
		assert_int_equal(
			find(seen, steps->client, steps->server, steps->seconds, &match, name),
			steps->want);
		assert_string_equal(name, steps->want_name ? steps->want_name : "-");
		if (!steps->want_name)
			continue;
		assert_true(catalogue_find_name(catalogue, steps->want_name,
						strlen(steps->want_name), &want));
		assert_int_equal(match.service, want.service);
		assert_int_equal(match.indicator, want.indicator);
	}
	names_seen_free(seen);
	catalogue_free(catalogue);
}

#define LEARN(seconds, client, server, names, ttl)                                                 \
	{                                                                                          \
		seconds, client, server, names, ttl, NAMES_SEEN_NOTHING, NULL                      \
	}
#define FIND(seconds, client, server, want, name)                                                  \
	{                                                                                          \
		seconds, client, server, NULL, 0, want, name                                       \
	}
#define END                                                                                        \
	{                                                                                          \
		0, NULL, NULL, NULL, 0, NAMES_SEEN_NOTHING, NULL                                   \
	}

static void test_names_belong_to_a_client_and_a_server(void **state)
{
	static const struct step steps[] = {
		FIND(0, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		LEARN(0, CLIENT, SERVER, "s1.upd.example", 300),
		LEARN(0, OTHER_CLIENT, SERVER, "www.clean.example", 300),
		LEARN(0, OTHER_CLIENT, OTHER_SERVER, "a.ksn.example", 300),
		FIND(1, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		FIND(1, OTHER_CLIENT, SERVER, NAMES_SEEN_CLEAN, NULL),
		FIND(1, OTHER_CLIENT, OTHER_SERVER, NAMES_SEEN_LISTED, "a.ksn.example"),
		FIND(1, CLIENT, OTHER_SERVER, NAMES_SEEN_NOTHING, NULL),
		END,
	};

	(void)state;
	run(steps);
}

static void test_a_listed_name_anywhere_in_the_chain(void **state)
{
	static const struct step steps[] = {
		LEARN(0, CLIENT, SERVER, "www.clean.example s1.upd.example edge.cdn.example", 300),
		FIND(1, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		LEARN(0, CLIENT, OTHER_SERVER, "s1.upd.example edge.cdn.example", 300),
		FIND(1, CLIENT, OTHER_SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		LEARN(2, CLIENT, OTHER_SERVER, "s2.upd.example x.ksn.example", 300),
		FIND(3, CLIENT, OTHER_SERVER, NAMES_SEEN_AMBIGUOUS, "s2.upd.example"),
		END,
	};

	(void)state;
	run(steps);
}

static void test_answers_end_with_ttl_and_grace(void **state)
{
	static const struct step steps[] = {
		LEARN(0, CLIENT, SERVER, "s1.upd.example", 0),
		FIND(359, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		FIND(360, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		LEARN(1000, CLIENT, SERVER, "s1.upd.example", 100),
		FIND(1399, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		FIND(1400, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		LEARN(2000, CLIENT, SERVER, "s1.upd.example", UINT32_MAX),
		FIND(2000 + 86400 + 299, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		FIND(2000 + 86400 + 300, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		END,
	};

	(void)state;
	run(steps);
}

static void test_a_later_answer_shortens_nothing(void **state)
{
	static const struct step steps[] = {
		LEARN(0, CLIENT, SERVER, "s1.upd.example", 1000),
		LEARN(10, CLIENT, SERVER, "s1.upd.example", 60),
		FIND(1299, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		LEARN(1299, CLIENT, SERVER, "s1.upd.example", 60),
		FIND(1650, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		FIND(1659, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		END,
	};

	(void)state;
	run(steps);
}

static void test_ambiguous_while_both_live(void **state)
{
	static const struct step steps[] = {
		LEARN(0, CLIENT, SERVER, "s1.upd.example", 60),
		LEARN(0, CLIENT, SERVER, "www.clean.example", 3600),
		FIND(1, CLIENT, SERVER, NAMES_SEEN_AMBIGUOUS, "s1.upd.example"),
		FIND(360, CLIENT, SERVER, NAMES_SEEN_CLEAN, NULL),
		FIND(3900, CLIENT, SERVER, NAMES_SEEN_NOTHING, NULL),
		LEARN(5000, CLIENT, SERVER, "www.clean.example", 60),
		LEARN(5000, CLIENT, SERVER, "s1.upd.example", 3600),
		FIND(5001, CLIENT, SERVER, NAMES_SEEN_AMBIGUOUS, "s1.upd.example"),
		FIND(5360, CLIENT, SERVER, NAMES_SEEN_LISTED, "s1.upd.example"),
		END,
	};

	(void)state;
	run(steps);
}

static void test_ambiguous_between_services(void **state)
{
	static const struct step steps[] = {
		LEARN(0, CLIENT, SERVER, "s1.upd.example", 3600),
		LEARN(1, CLIENT, SERVER, "s2.upd.example", 3600),
		FIND(2, CLIENT, SERVER, NAMES_SEEN_LISTED, "s2.upd.example"),
		LEARN(3, CLIENT, SERVER, "a.ksn.example", 60),
		FIND(4, CLIENT, SERVER, NAMES_SEEN_AMBIGUOUS, "a.ksn.example"),
		FIND(363, CLIENT, SERVER, NAMES_SEEN_LISTED, "s2.upd.example"),
		END,
	};

	(void)state;
	run(steps);
}

/* More clean names than a pair keeps do not push the listed one out. */
static void test_many_names_at_one_address(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(64);
	struct catalogue_match match;
	char name[256];

	(void)state;
	learn(seen, catalogue, CLIENT, "s1.upd.example", SERVER, 600, 0);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "site-%d.clean.example", i);
		learn(seen, catalogue, CLIENT, name, SERVER, 3600, 1);
	}
	assert_int_equal(find(seen, CLIENT, SERVER, 2, &match, name), NAMES_SEEN_AMBIGUOUS);
	assert_string_equal(name, "s1.upd.example");
	assert_int_equal(find(seen, CLIENT, SERVER, 900, &match, name), NAMES_SEEN_CLEAN);
	names_seen_free(seen);
	catalogue_free(catalogue);
}

static void test_what_is_no_answer_teaches_nothing(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(4);
	struct address client = address_of(CLIENT);
	struct catalogue_match match;
	struct finding response;
	char name[256];

	(void)state;
	fill(&response, "s1.upd.example", SERVER, 300);
	response.is_response = false;
	names_seen_learn(seen, catalogue, &client, &response, at(0));
	fill(&response, "s1.upd.example", SERVER, 300);
	response.answers_count = 0;
	names_seen_learn(seen, catalogue, &client, &response, at(0));
	fill(&response, "", SERVER, 300);
	names_seen_learn(seen, catalogue, &client, &response, at(0));
	assert_int_equal(find(seen, CLIENT, SERVER, 1, &match, name), NAMES_SEEN_NOTHING);
	names_seen_free(seen);
	names_seen_free(NULL);
	assert_null(names_seen_new(0));
	catalogue_free(catalogue);
}

static void test_every_address_of_an_answer(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(1000);
	struct address client = address_of(CLIENT);
	struct catalogue_match match;
	struct finding response;
	char name[256], server[32];

	(void)state;
	fill(&response, "s1.upd.example", SERVER, 300);
	response.answers_count = FINDING_ANSWERS;
	for (int i = 0; i < FINDING_ANSWERS; i++) {
		snprintf(server, sizeof(server), "198.51.100.%d", i);
		response.answers[i].address = address_of(server);
		response.answers[i].ttl = 60;
	}
	names_seen_learn(seen, catalogue, &client, &response, at(0));
	for (int i = 0; i < FINDING_ANSWERS; i++) {
		snprintf(server, sizeof(server), "198.51.100.%d", i);
		assert_int_equal(find(seen, CLIENT, server, 1, &match, name), NAMES_SEEN_LISTED);
	}
	names_seen_free(seen);
	catalogue_free(catalogue);
}

static void test_least_recently_used_goes_first(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(8);
	struct catalogue_match match;
	char name[256], client[32];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(client, sizeof(client), "192.0.2.%d", i);
		learn(seen, catalogue, client, "s1.upd.example", SERVER, 300, 0);
	}
	assert_int_equal(find(seen, "192.0.2.0", SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	learn(seen, catalogue, "192.0.2.100", "s1.upd.example", SERVER, 300, 1);
	assert_int_equal(find(seen, "192.0.2.0", SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	assert_int_equal(find(seen, "192.0.2.1", SERVER, 1, &match, name), NAMES_SEEN_NOTHING);
	assert_int_equal(find(seen, "192.0.2.2", SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	assert_int_equal(find(seen, "192.0.2.100", SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	names_seen_free(seen);
	catalogue_free(catalogue);
}

/* Long chains of ever new names, so that every part of the table runs out. */
static void flood(struct names_seen *seen, const struct catalogue *catalogue)
{
	char names[3000], server[32], label[64];
	size_t length;

	memset(label, 'x', 60);
	label[60] = '\0';
	for (int i = 0; i < 5000; i++) {
		snprintf(server, sizeof(server), "10.1.%d.%d", i / 250 % 250, i % 250);
		length = 0;
		for (int k = 0; k < 10; k++)
			length += (size_t)snprintf(names + length, sizeof(names) - length,
						   "%s%d-%d.%s.%s.example", k ? " " : "", i, k,
						   label, label);
		learn(seen, catalogue, OTHER_CLIENT, names, server, 3600, 1);
	}
}

static void test_a_flood_drives_out_its_own(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(64);
	struct catalogue_match match;
	char name[256], client[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(client, sizeof(client), "192.0.2.%d", 10 + i);
		learn(seen, catalogue, client, "s1.upd.example", SERVER, 3600, 0);
	}
	flood(seen, catalogue);
	for (int i = 0; i < 10; i++) {
		snprintf(client, sizeof(client), "192.0.2.%d", 10 + i);
		assert_int_equal(find(seen, client, SERVER, 2, &match, name), NAMES_SEEN_LISTED);
	}
	assert_int_equal(find(seen, OTHER_CLIENT, "10.1.19.249", 2, &match, name),
			 NAMES_SEEN_CLEAN);
	names_seen_free(seen);
	catalogue_free(catalogue);
}

static void test_a_new_catalogue_judges_anew(void **state)
{
	static const struct indicator changed[] = {
		{TELEMETRY, "www.clean.example"},
		{UPDATES, "edge.cdn.example"},
		{UPDATES, NULL},
	};
	struct catalogue *catalogue = catalogue_of(usual), *next = catalogue_of(changed);
	struct names_seen *seen = names_seen_new(64);
	struct catalogue_match match;
	char name[256];

	(void)state;
	learn(seen, catalogue, CLIENT, "www.clean.example", SERVER, 300, 0);
	learn(seen, catalogue, CLIENT, "s1.upd.example", OTHER_SERVER, 300, 0);
	learn(seen, catalogue, CLIENT, "a.example b.example edge.cdn.example", "10.0.0.1", 300, 0);
	names_seen_recatalogue(seen, next);
	assert_int_equal(find(seen, CLIENT, SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	assert_string_equal(name, "www.clean.example");
	assert_int_equal(match.service, TELEMETRY);
	assert_int_equal(find(seen, CLIENT, OTHER_SERVER, 1, &match, name), NAMES_SEEN_CLEAN);
	assert_int_equal(find(seen, CLIENT, "10.0.0.1", 1, &match, name), NAMES_SEEN_LISTED);
	assert_string_equal(name, "edge.cdn.example");
	names_seen_free(seen);
	catalogue_free(next);
	catalogue_free(catalogue);
}

/* DNS gives names of up to 1,000 bytes in its escaped form. */
static void test_long_names(void **state)
{
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(4);
	struct catalogue_match match;
	char names[1200], name[256];

	(void)state;
	memset(names, 'a', sizeof(names));
	memcpy(names + 1000, ".upd.example", 13);
	learn(seen, catalogue, CLIENT, names, SERVER, 300, 0);
	assert_int_equal(find(seen, CLIENT, SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	assert_int_equal(strlen(name), 255);
	assert_string_equal(name + 255 - 12, ".upd.example");
	names_seen_recatalogue(seen, catalogue);
	assert_int_equal(find(seen, CLIENT, SERVER, 1, &match, name), NAMES_SEEN_LISTED);
	names_seen_free(seen);
	catalogue_free(catalogue);
}

/* ---- random answers, against a list of all of them ---- */

struct told {
	unsigned int client, server, name;
	int64_t until;
};

static unsigned int random_below(uint64_t *seed, unsigned int limit)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(*seed >> 33) % limit;
}

static enum names_seen_result naive_find(const struct told *told, unsigned int count,
					 unsigned int client, unsigned int server, int64_t now)
{
	bool clean = false, updates = false, telemetry = false;

	for (unsigned int i = 0; i < count; i++) {
		if (told[i].client != client || told[i].server != server || told[i].until <= now)
			continue;
		clean |= told[i].name % 3 == 0;
		updates |= told[i].name % 3 == 1;
		telemetry |= told[i].name % 3 == 2;
	}
	if (updates + telemetry == 0)
		return clean ? NAMES_SEEN_CLEAN : NAMES_SEEN_NOTHING;
	return clean + updates + telemetry == 1 ? NAMES_SEEN_LISTED : NAMES_SEEN_AMBIGUOUS;
}

static void random_walk(size_t pairs_max, bool compare)
{
	static const char *const zones[] = {"clean", "upd", "ksn"};
	struct catalogue *catalogue = catalogue_of(usual);
	struct names_seen *seen = names_seen_new(pairs_max);
	struct told *told = calloc(20000, sizeof(*told));
	unsigned int counts[4] = {0}, count = 0;
	uint64_t seed = pairs_max;
	struct catalogue_match match;
	enum names_seen_result result;
	char client[32], server[32], name[256];
	uint32_t ttl;

	assert_non_null(told);
	for (int64_t now = 0; now < 20000; now++) {
		struct told t = {random_below(&seed, 6), random_below(&seed, 6),
				 random_below(&seed, 12), 0};

		snprintf(client, sizeof(client), "192.0.2.%u", t.client);
		snprintf(server, sizeof(server), "2001:db8::%u", t.server);
		if (random_below(&seed, 24) == 0) {
			ttl = random_below(&seed, 400);
			t.until = now + (ttl < 60 ? 60 : ttl) + 300;
			told[count++] = t;
			snprintf(name, sizeof(name), "h%u.%s.example", t.name, zones[t.name % 3]);
			learn(seen, catalogue, client, name, server, ttl, now);
			continue;
		}
		result = find(seen, client, server, now, &match, name);
		if (compare)
			assert_int_equal(result, naive_find(told, count, t.client, t.server, now));
		counts[result]++;
	}
	for (unsigned int i = 0; compare && i < 4; i++)
		assert_true(counts[i] > 100);
	free(told);
	names_seen_free(seen);
	catalogue_free(catalogue);
}

static void test_random_answers(void **state)
{
	(void)state;
	random_walk(1000, true);
	random_walk(7, false);
	random_walk(1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_belong_to_a_client_and_a_server),
		cmocka_unit_test(test_a_listed_name_anywhere_in_the_chain),
		cmocka_unit_test(test_answers_end_with_ttl_and_grace),
		cmocka_unit_test(test_a_later_answer_shortens_nothing),
		cmocka_unit_test(test_ambiguous_while_both_live),
		cmocka_unit_test(test_ambiguous_between_services),
		cmocka_unit_test(test_many_names_at_one_address),
		cmocka_unit_test(test_what_is_no_answer_teaches_nothing),
		cmocka_unit_test(test_every_address_of_an_answer),
		cmocka_unit_test(test_least_recently_used_goes_first),
		cmocka_unit_test(test_a_flood_drives_out_its_own),
		cmocka_unit_test(test_a_new_catalogue_judges_anew),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_random_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
