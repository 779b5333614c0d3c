/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/escape.h"

#define VERDICTS (VERDICT_DROP + 1)
/* How far a host may lie from its place: a table made to collide costs no more than this. */
#define PROBES 32

struct row {
	char vendor[EVENT_WORD], service[EVENT_WORD];
	uint64_t flows[VERDICTS];
};

struct statistics {
	uint64_t flows, unlisted, beyond; /* beyond: of classes that had no room */
	size_t rows_count, hosts_count;
	bool hosts_full;
	struct row rows[STATISTICS_CLASSES];
	struct address hosts[STATISTICS_HOSTS]; /* open addressing; FAMILY_NONE is free */
};

struct statistics *statistics_new(void)
{
	return calloc(1, sizeof(struct statistics));
}

void statistics_free(struct statistics *statistics)
{
	free(statistics);
}

/* FNV-1a. */
static uint32_t address_hash(const struct address *address)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619u;
	return hash;
}

static void count_host(struct statistics *statistics, const struct address *host)
{
	uint32_t hash = address_hash(host);

	for (uint32_t i = 0; i < PROBES; i++) {
		struct address *slot = &statistics->hosts[(hash + i) % STATISTICS_HOSTS];

		if (address_equal(slot, host))
			return;
		if (slot->family == FAMILY_NONE) {
			*slot = *host;
			statistics->hosts_count++;
			return;
		}
	}
	statistics->hosts_full = true;
}

/* The class's row, made if it has none; NULL when there is no room. */
static struct row *find_row(struct statistics *statistics, const struct event_flow *flow)
{
	struct row *row = statistics->rows;

	for (size_t i = 0; i < statistics->rows_count; i++, row++)
		if (strcmp(row->vendor, flow->vendor) == 0 &&
		    strcmp(row->service, flow->service) == 0)
			return row;
	if (statistics->rows_count == STATISTICS_CLASSES)
		return NULL;
	statistics->rows_count++;
	memcpy(row->vendor, flow->vendor, sizeof(row->vendor));
	memcpy(row->service, flow->service, sizeof(row->service));
	return row;
}

void statistics_count(struct statistics *statistics, const struct event_flow *flow,
		      enum verdict verdict)
{
	struct row *row;

	statistics->flows++;
	if (flow->vendor[0] == '\0') {
		statistics->unlisted++;
		return;
	}
	count_host(statistics, &flow->client);
	row = find_row(statistics, flow);
	if (row)
		row->flows[verdict]++;
	else
		statistics->beyond++;
}

static json_t *word_json(const char *word)
{
	char text[ESCAPE_SIZE(EVENT_WORD)];

	escape_text(word, strlen(word), KEEP_BACKSLASH, text);
	return json_string(text);
}

static json_t *row_json(const struct row *row)
{
	json_t *json = json_pack("{s:o, s:o}", "vendor", word_json(row->vendor), "service",
				 word_json(row->service));

	for (enum verdict v = VERDICT_ALLOW; json && v <= VERDICT_DROP; v++)
		if (json_object_set_new(json, verdict_name(v),
					json_integer((json_int_t)row->flows[v])) != 0) {
			json_decref(json);
			return NULL;
		}
	return json;
}

json_t *statistics_json(const struct statistics *statistics)
{
	json_t *classes = json_array();

	for (size_t i = 0; i < statistics->rows_count; i++)
		if (json_array_append_new(classes, row_json(&statistics->rows[i])) != 0) {
			json_decref(classes);
			return NULL;
		}
	return json_pack("{s:I, s:I, s:I, s:o, s:I, s:b}", "flows", (json_int_t)statistics->flows,
			 "unlisted", (json_int_t)statistics->unlisted, "beyond",
			 (json_int_t)statistics->beyond, "classes", classes, "hosts",
			 (json_int_t)statistics->hosts_count, "hosts_full",
			 (int)statistics->hosts_full);
}
