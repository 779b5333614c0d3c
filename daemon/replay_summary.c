/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/replay_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 4096
#define SLOTS (2 * ROWS_MAX) /* a power of two */

/* One host and service. */
struct row {
	struct address host;
	char service[2 * EVENT_WORD];
	uint64_t events, verdicts[VERDICT_DROP + 1];
};

struct replay_summary {
	struct row *rows;
	size_t rows_count;
	uint16_t slots[SLOTS];	 /* hash of host and service → number of the row, from 1 */
	uint64_t events, beyond; /* beyond: events of hosts for which there was no row left */
};

struct replay_summary *replay_summary_new(void)
{
	struct replay_summary *summary = calloc(1, sizeof(*summary));

	if (summary)
		summary->rows = calloc(ROWS_MAX, sizeof(*summary->rows));
	if (!summary || !summary->rows)
		abort();
	return summary;
}

void replay_summary_free(struct replay_summary *summary)
{
	if (!summary)
		return;
	free(summary->rows);
	free(summary);
}

/* FNV-1a: a replay's hosts are no attackers of its summary. */
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619;
	return hash;
}

static struct row *find_row(struct replay_summary *summary, const struct event_flow *event)
{
	char service[2 * EVENT_WORD];
	int length = snprintf(service, sizeof(service), "%s.%s", event->vendor, event->service);
	uint32_t slot = hash_bytes(2166136261, &event->client, sizeof(event->client));
	struct row *row;

	slot = hash_bytes(slot, service, (size_t)length) % SLOTS;
	for (; summary->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
		row = &summary->rows[summary->slots[slot] - 1];
		if (address_equal(&row->host, &event->client) && strcmp(row->service, service) == 0)
			return row;
	}
	if (summary->rows_count == ROWS_MAX)
		return NULL;
	row = &summary->rows[summary->rows_count++];
	summary->slots[slot] = (uint16_t)summary->rows_count;
	row->host = event->client;
	memcpy(row->service, service, (size_t)length + 1);
	return row;
}

static enum verdict event_verdict(const json_t *json)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(json, "cutoff"), "verdict"));

	for (int v = VERDICT_ALLOW; text && v <= VERDICT_DROP; v++)
		if (strcmp(text, verdict_name((enum verdict)v)) == 0)
			return (enum verdict)v;
	return VERDICT_ALLOW;
}

void replay_summary_event(struct replay_summary *summary, const struct event_flow *event,
			  const json_t *json)
{
	struct row *row;

	summary->events++;
	if (event->vendor[0] == '\0')
		return;
	row = find_row(summary, event);
	if (!row) {
		summary->beyond++;
		return;
	}
	row->events++;
	row->verdicts[event_verdict(json)]++;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(&x->host, &y->host, sizeof(x->host));

	return order != 0 ? order : strcmp(x->service, y->service);
}

static void print_rows(const struct replay_summary *summary, FILE *out)
{
	char host[ADDRESS_TEXT];

	if (summary->rows_count == 0) {
		fputs("no traffic of a listed service\n", out);
		return;
	}
	qsort(summary->rows, summary->rows_count, sizeof(*summary->rows), compare_rows);
	fprintf(out, "%-24s %-32s %7s %7s %7s %7s %7s\n", "host", "service", "events", "allow",
		"observe", "reject", "drop");
	for (size_t i = 0; i < summary->rows_count; i++) {
		const struct row *row = &summary->rows[i];

		fprintf(out, "%-24s %-32s %7" PRIu64, address_format(&row->host, host),
			row->service, row->events);
		for (int v = VERDICT_ALLOW; v <= VERDICT_DROP; v++)
			fprintf(out, " %7" PRIu64, row->verdicts[v]);
		fputc('\n', out);
	}
	if (summary->beyond > 0)
		fprintf(out, "and %" PRIu64 " events of further hosts\n", summary->beyond);
}

static void print_counter(const char *name, uint64_t value, FILE *out)
{
	if (value > 0)
		fprintf(out, "  %s: %" PRIu64 "\n", name, value);
}

void replay_summary_print(const struct replay_summary *summary,
			  const struct sensor_counters *counters, FILE *out)
{
	fprintf(out,
		"%" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " names, %" PRIu64 " events\n",
		counters->packets, counters->flows, counters->names, summary->events);
	print_rows(summary, out);
	if (counters->decoded[DECODE_OK] == counters->packets && counters->reassembly_full == 0 &&
	    counters->no_memory == 0)
		return;
	fputs("not looked into, or given up:\n", out);
	for (int i = DECODE_OK + 1; i < DECODE_RESULTS; i++)
		print_counter(decode_result_name((enum decode_result)i), counters->decoded[i], out);
	print_counter("reassembly-full", counters->reassembly_full, out);
	print_counter("no-memory", counters->no_memory, out);
}
