/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "daemon/settings/duration.h"
#include "daemon/settings/indicators.h"
#include "daemon/settings/settings.h"

#define WIDTH 96
#define LABEL 14 /* where values begin */

/* A stage as the policy adopts it: one entry of the calendar. */
struct entry {
	const struct adoption *adoption;
	const struct measure_stage *stage;
	const struct measure_date *date;
};

struct calendar {
	struct entry *entries;
	size_t count;
	struct arena *arena;
};

/* ---- values behind labels ---- */

static void print_label(FILE *out, const char *label)
{
	fprintf(out, "    %-*s", LABEL - 4, label);
}

static void print_text(FILE *out, const char *label, const char *text)
{
	print_label(out, label);
	fprintf(out, "%s\n", text);
}

/* One word of a list that wraps. */
static void print_word(FILE *out, const char *word, size_t *column)
{
	size_t length = strlen(word);
	bool first = *column == LABEL;

	if (!first && *column + length + 3 > WIDTH) {
		fprintf(out, ",\n%*s", LABEL, "");
		*column = LABEL;
	} else if (!first) {
		fputs(", ", out);
		*column += 2;
	}
	fputs(word, out);
	*column += length;
}

static void print_words(FILE *out, const char *label, const char *const *words, size_t count)
{
	size_t column = LABEL;

	print_label(out, label);
	for (size_t i = 0; i < count; i++)
		print_word(out, words[i], &column);
	fputc('\n', out);
}

static void print_prefixes(FILE *out, const char *label, const struct prefix *prefixes,
			   size_t count)
{
	char text[PREFIX_TEXT];
	size_t column = LABEL;

	print_label(out, label);
	for (size_t i = 0; i < count; i++)
		print_word(out, prefix_format(&prefixes[i], text), &column);
	fputc('\n', out);
}

/* ---- the calendar ---- */

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = strcmp(a->adoption->measure->id, b->adoption->measure->id);

	if (a->date->at.ns != b->date->at.ns)
		return a->date->at.ns < b->date->at.ns ? -1 : 1;
	if (order == 0)
		order = strcmp(a->stage->id, b->stage->id);
	if (order == 0)
		order = a->adoption < b->adoption ? -1 : 1;
	return order;
}

static void add_adoption(struct calendar *calendar, const struct adoption *adoption)
{
	for (size_t i = 0; i < adoption->stages_count; i++) {
		const struct measure_stage *stage = adoption->stages[i];
		struct entry entry = {adoption, stage, &stage->legal};

		if (adoption->counts == COUNTS_VENDOR)
			entry.date = &stage->vendor;
		calendar->entries[calendar->count++] = entry;
	}
}

static struct calendar calendar_make(const struct policy_source *source)
{
	struct calendar calendar = {.arena = arena_new()};
	size_t room = 0;

	for (size_t i = 0; i < source->adoptions_count; i++)
		room += source->adoptions[i].stages_count;
	calendar.entries = arena_array(calendar.arena, room, sizeof(calendar.entries[0]));
	for (size_t i = 0; i < source->adoptions_count; i++)
		add_adoption(&calendar, &source->adoptions[i]);
	qsort(calendar.entries, calendar.count, sizeof(calendar.entries[0]), compare);
	return calendar;
}

static const char *state_at(const struct entry *entry, struct wall now)
{
	if (wall_before(now, entry->date->at))
		return "to come";
	if (entry->stage->until.set && !wall_before(now, entry->stage->until.at))
		return "ended";
	return "in force";
}

static void print_date(FILE *out, const char *label, const struct measure_date *date,
		       const char *zone)
{
	size_t length = strlen(date->text);
	bool local = date->precision == PRECISION_DAY || length == strlen("2024-09-29T00:00:00") ||
		     length == strlen("2024-09-29T00:00");

	print_label(out, label);
	fputs(date->text, out);
	if (local)
		fprintf(out, " %s", zone);
	if (date->precision == PRECISION_DAY)
		fputs(", from the begin of the day", out);
	if (!date->verified)
		fputs(" (not verified)", out);
	fputc('\n', out);
}

static void print_amendment(FILE *out, const struct measure_amendment *last)
{
	print_label(out, "amended");
	fprintf(out, "%s, before: %s%s%s\n", last->decided, last->from.text,
		last->source ? "; " : "", last->source ? last->source : "");
}

static void print_dates(FILE *out, const struct entry *entry)
{
	const char *zone = entry->adoption->measure->zone;
	bool vendor = entry->adoption->counts == COUNTS_VENDOR;

	print_date(out, vendor ? "vendor" : "legal", entry->date, zone);
	if (vendor)
		print_date(out, "(legal)", &entry->stage->legal, zone);
	else if (entry->stage->vendor.set)
		print_date(out, "(vendor)", &entry->stage->vendor, zone);
	if (entry->stage->amendments_count > 0)
		print_amendment(out, &entry->stage->amendments[entry->stage->amendments_count - 1]);
	if (entry->stage->until.set)
		print_date(out, "until", &entry->stage->until, zone);
	if (entry->stage->ends_when)
		print_text(out, "ends when", entry->stage->ends_when);
}

static void print_scopes(FILE *out, const struct adoption *adoption)
{
	size_t column = LABEL;

	print_label(out, "scopes");
	for (size_t i = 0; i < adoption->scopes_count; i++)
		print_word(out, adoption->scopes[i]->name, &column);
	fputc('\n', out);
}

static void print_entry(FILE *out, const struct entry *entry, enum mode mode, struct wall now)
{
	char text[WALL_TEXT];

	fprintf(out, "  %s  %s/%s: %s\n", wall_format(entry->date->at, text),
		entry->adoption->measure->id, entry->stage->id, state_at(entry, now));
	print_dates(out, entry);
	print_words(out, "services", (const char *const *)entry->stage->services,
		    entry->stage->services_count);
	print_scopes(out, entry->adoption);
	print_label(out, "action");
	fprintf(out, "%s%s\n", action_name(entry->adoption->action),
		mode == MODE_OBSERVE ? " (mode observe: counted, not refused)" : "");
}

static void print_calendar(FILE *out, const struct settings *settings, struct wall now)
{
	struct calendar calendar = calendar_make(&settings->policy);

	fputs(calendar.count > 0 ? "\nCutoffs, in order of time\n" : "\nNothing is adopted.\n",
	      out);
	for (size_t i = 0; i < calendar.count; i++)
		print_entry(out, &calendar.entries[i], settings->policy.mode, now);
	arena_free(calendar.arena);
}

/* ---- waivers ---- */

static int compare_waivers(const void *left, const void *right)
{
	const struct waiver *a = *(const struct waiver *const *)left,
			    *b = *(const struct waiver *const *)right;

	if (a->until.ns != b->until.ns)
		return a->until.ns < b->until.ns ? -1 : 1;
	return strcmp(a->id, b->id);
}

static void print_waiver(FILE *out, const struct waiver *waiver, struct wall now)
{
	char text[WALL_TEXT];

	fprintf(out, "  %s  %s: %s\n", wall_format(waiver->until, text), waiver->id,
		wall_before(now, waiver->until) ? "exempt until then" : "ended");
	print_prefixes(out, "hosts", waiver->hosts, waiver->hosts_count);
	if (waiver->services_count > 0)
		print_words(out, "services", waiver->services, waiver->services_count);
	else
		print_text(out, "services", "all");
	print_text(out, "reason", waiver->reason);
	print_text(out, "approver", waiver->approver);
}

static void print_waivers(FILE *out, const struct policy_source *source, struct wall now)
{
	size_t n = source->waivers_count;
	struct arena *arena;
	const struct waiver **sorted;

	if (n == 0)
		return;
	arena = arena_new();
	sorted = arena_array(arena, n, sizeof(sorted[0]));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &source->waivers[i];
	qsort(sorted, n, sizeof(sorted[0]), compare_waivers);
	fputs("\nWaivers\n", out);
	for (size_t i = 0; i < n; i++)
		print_waiver(out, sorted[i], now);
	arena_free(arena);
}

/* ---- scopes, exceptions, catalogue ---- */

/* Of `any` there is nothing to tell. */
static void print_scope_list(FILE *out, const struct settings *settings)
{
	if (settings->scopes_count < 2)
		return;
	fputs("\nScopes\n", out);
	for (size_t i = 1; i < settings->scopes_count; i++) {
		const struct scope *scope = &settings->scopes[i];

		fprintf(out, "  %s: fail %s, midstream %s\n", scope->name,
			scope->fail == FAIL_OPEN ? "open" : "closed",
			scope->midstream == MIDSTREAM_PASS ? "pass" : "reset");
		print_prefixes(out, "sources", scope->sources, scope->sources_count);
	}
}

static void print_never(FILE *out, const struct policy_source *source)
{
	if (source->never_count == 0)
		return;
	fputs("\nNever refused\n", out);
	print_prefixes(out, "servers", source->never, source->never_count);
}

static void print_service(FILE *out, const struct settings *settings, size_t i)
{
	const struct policy_service *service = &settings->policy.services[i];
	const struct standing *standing = &settings->standings[i];
	size_t counts[INDICATOR_KINDS], left_out;
	char name[128];

	indicators_count(settings, i, counts, &left_out);
	snprintf(name, sizeof(name), "%s.%s", service->vendor, service->service);
	fprintf(out, "  %-40s %8zu %9zu %10zu  %s", name, counts[INDICATOR_NAME],
		counts[INDICATOR_PREFIX], counts[INDICATOR_PROTOCOL],
		standing->cut	      ? "cut"
		: standing->permitted ? "permitted"
				      : "left alone");
	if (left_out > 0)
		fprintf(out, ", %zu unverified skipped", left_out);
	fputc('\n', out);
}

static void print_catalogue(FILE *out, const struct settings *settings)
{
	if (settings->policy.services_count == 0)
		return;
	fprintf(out, "\nCatalogue\n  %-40s %8s %9s %10s\n", "service", "names", "prefixes",
		"protocols");
	for (size_t i = 0; i < settings->policy.services_count; i++)
		print_service(out, settings, i);
}

static void print_head(FILE *out, const struct settings *settings, struct wall now)
{
	static const char *const captures[] = {"inline", "passive", "tap"};
	char duration[DURATION_TEXT], at[WALL_TEXT];

	fprintf(out, "%s: mode %s, capture %s", settings->path, mode_name(settings->policy.mode),
		captures[settings->capture]);
	for (size_t i = 0; i < settings->interfaces_count; i++)
		fprintf(out, "%s%s", i == 0 ? " on " : ", ", settings->interfaces[i]);
	fprintf(out, "\nSeen from %s", wall_format(now, at));
	if (settings->rehearsal)
		fprintf(out, ", a rehearsal: %s from the real time",
			duration_format(settings->policy.offset_ns, duration));
	fputc('\n', out);
}

void settings_print(const struct settings *settings, const struct policy *policy, struct wall now,
		    FILE *out)
{
	struct wall next = policy_next_change(policy, now);
	char text[WALL_TEXT];

	print_head(out, settings, now);
	print_calendar(out, settings, now);
	print_waivers(out, &settings->policy, now);
	print_scope_list(out, settings);
	print_never(out, &settings->policy);
	print_catalogue(out, settings);
	if (next.ns != WALL_NEVER.ns)
		fprintf(out, "\nNext change: %s\n", wall_format(next, text));
	else
		fputs("\nNo change to come.\n", out);
}
