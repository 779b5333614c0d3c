/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/ctl/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/figures.h"

#define COLUMNS 80
#define OFFSET_MAX 9e9 /* seconds: so many nanoseconds fit in 64 bits */

struct page {
	FILE *out;
	bool colour;
	bool has_now;
	struct wall now; /* the policy's */
};

/* ---- values that may be missing ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *count_of(const json_t *object, const char *key, char text[FIGURE_TEXT])
{
	return figure_count(number_of(object, key), text);
}

/* ---- lines ---- */

static const char *colour_of(const char *word)
{
	static const struct {
		const char *word, *code;
	} colours[] = {
		{"in-force", "\033[1;31m"}, {"armed", "\033[33m"},	 {"ended", "\033[2m"},
		{"enforce", "\033[1m"},	    {"REHEARSAL", "\033[1;35m"}, {"IN DOUBT", "\033[1;31m"},
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].code;
	return "";
}

static void print_word(const struct page *page, const char *word)
{
	const char *code = page->colour ? colour_of(word) : "";

	fprintf(page->out, "%s%s%s", code, word, *code ? "\033[0m" : "");
}

/* One line of at most 80 columns; a longer text ends in "...". */
static void __attribute__((format(printf, 2, 3)))
print_line(const struct page *page, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (strlen(line) > COLUMNS)
		memcpy(line + COLUMNS - 3, "...", 4);
	fprintf(page->out, "%s\n", line);
}

/* text, cut to columns: into cut, which has columns + 1 bytes. */
static const char *cut_text(const char *text, size_t columns, char *cut)
{
	if (strlen(text) > columns)
		snprintf(cut, columns + 1, "%.*s...", (int)columns - 3, text);
	else
		snprintf(cut, columns + 1, "%s", text);
	return cut;
}

/* "in 2 d 3 h", "5 min ago". */
static void format_distance(const struct page *page, const char *instant,
			    char text[FIGURE_TEXT + 8])
{
	char span[FIGURE_TEXT];
	struct wall at;
	int64_t ns;

	snprintf(text, FIGURE_TEXT + 8, "?");
	if (!page->has_now || !wall_parse(instant, &at) ||
	    __builtin_sub_overflow(at.ns, page->now.ns, &ns) || ns == INT64_MIN)
		return;
	if (ns > 0)
		snprintf(text, FIGURE_TEXT + 8, "in %s", figure_span(ns, span));
	else
		snprintf(text, FIGURE_TEXT + 8, "%s ago", figure_span(-ns, span));
}

/* ---- parts ---- */

static void print_head(const struct page *page, const json_t *status)
{
	const json_t *policy = json_object_get(status, "policy");
	char distance[FIGURE_TEXT + 8];

	fprintf(page->out, "cutoffd %s, mode ", text_of(status, "version"));
	print_word(page, text_of(status, "mode"));
	fprintf(page->out, ", capture %s\n", text_of(status, "capture"));
	print_line(page, "Now        %s (UTC)", text_of(status, "now"));
	/* in a rehearsal, now is the policy's and the start was by the clock */
	if (json_object_get(status, "rehearsal_offset_seconds"))
		snprintf(distance, sizeof(distance), "by the clock");
	else
		format_distance(page, text_of(status, "started"), distance);
	print_line(page, "Started    %s, %s", text_of(status, "started"), distance);
	if (policy) {
		print_line(page, "Policy     %s", text_of(policy, "path"));
		print_line(page, "           loaded %s", text_of(policy, "loaded"));
	}
}

static void print_clock(const struct page *page, const json_t *clock)
{
	bool believed = !json_is_false(json_object_get(clock, "believed"));
	bool synchronised = !json_is_false(json_object_get(clock, "synchronised"));
	const char *mark = json_string_value(json_object_get(clock, "mark"));

	if (!clock)
		return;
	if (!believed)
		print_word(page, "IN DOUBT");
	print_line(page, "%s%s%s%s", believed ? "Clock      " : "   the clock: ",
		   !believed	  ? text_of(clock, "doubt")
		   : synchronised ? "synchronised"
				  : "not synchronised: run a time daemon",
		   mark ? "; seen up to " : "", mark ? mark : "");
}

static void print_rehearsal(const struct page *page, const json_t *status)
{
	const json_t *offset = json_object_get(status, "rehearsal_offset_seconds");
	char span[FIGURE_TEXT];
	double seconds = json_number_value(offset), size;

	if (!json_is_number(offset))
		return;
	size = seconds < 0 ? -seconds : seconds;
	figure_span((int64_t)((size < OFFSET_MAX ? size : OFFSET_MAX) * 1e9), span);
	print_word(page, "REHEARSAL");
	fprintf(page->out, "  the policy's time is %s %s the clock\n", span,
		seconds < 0 ? "behind" : "ahead of");
}

static void print_refusals(const struct page *page, const json_t *stage)
{
	static const char *const kinds[] = {"refused", "observed"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const json_t *counter = json_object_get(stage, kinds[i]);
		char packets[FIGURE_TEXT], bytes[FIGURE_TEXT];

		fprintf(page->out, "%s%s %s packets (%s)", i > 0 ? ", " : "      ", kinds[i],
			count_of(counter, "packets", packets),
			figure_bytes(number_of(counter, "bytes"), bytes));
	}
	fputc('\n', page->out);
}

static const char *latch_text(const json_t *stage)
{
	const char *latched = text_of(stage, "latched");

	return strcmp(latched, "yes") == 0	 ? ", latched"
	       : strcmp(latched, "suspect") == 0 ? ", latched by a clock in doubt"
						 : "";
}

static void print_stage(const struct page *page, const json_t *stage)
{
	bool unverified = json_is_false(json_object_get(stage, "verified"));
	const char *cutoff = text_of(stage, "cutoff");
	char service[27], when[21], distance[FIGURE_TEXT + 8];

	format_distance(page, cutoff, distance);
	fprintf(page->out, "%4" PRIu64 "  %-26s %-20s  %-16s ", number_of(stage, "number"),
		cut_text(text_of(stage, "service"), 26, service), cut_text(cutoff, 20, when),
		distance);
	print_word(page, text_of(stage, "state"));
	fputc('\n', page->out);
	print_line(page, "      %s/%s, scope %s, %s%s%s", text_of(stage, "measure"),
		   text_of(stage, "stage"), text_of(stage, "scope"), text_of(stage, "action"),
		   latch_text(stage), unverified ? ", date not verified" : "");
	print_refusals(page, stage);
}

static void print_stages(const struct page *page, const json_t *stages)
{
	fputc('\n', page->out);
	if (json_array_size(stages) == 0) {
		print_line(page, "No stage is adopted: nothing will be cut (adopt: in the policy)");
		return;
	}
	print_line(page, "   #  %-26s %-20s  %-16s STATE", "SERVICE", "CUTOFF", "");
	for (size_t i = 0; i < json_array_size(stages); i++)
		print_stage(page, json_array_get(stages, i));
}

/* The interfaces' names, with commas. */
static void join(const json_t *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		if (n + 1 < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", i > 0 ? "," : "",
					      json_is_string(item) ? json_string_value(item) : "?");
	}
}

static void print_sensors(const struct page *page, const json_t *sensors)
{
	char interfaces[256], cut[23], n[4][FIGURE_TEXT];

	if (json_array_size(sensors) == 0)
		return;
	fputc('\n', page->out);
	print_line(page, "SENSOR  %8s  %-22s %8s %8s %8s %8s", "PID", "INTERFACE", "PACKETS",
		   "FLOWS", "DROPPED", "RESTARTS");
	for (size_t i = 0; i < json_array_size(sensors); i++) {
		const json_t *sensor = json_array_get(sensors, i);

		join(json_object_get(sensor, "interface"), interfaces, sizeof(interfaces));
		print_line(page, "%6" PRIu64 "  %8" PRIu64 "  %-22s %8s %8s %8s %8s",
			   number_of(sensor, "index"), number_of(sensor, "pid"),
			   cut_text(interfaces, 22, cut), count_of(sensor, "packets", n[0]),
			   count_of(sensor, "flows", n[1]), count_of(sensor, "dropped", n[2]),
			   count_of(sensor, "restarts", n[3]));
	}
}

static void print_classes(const struct page *page, const json_t *recorder)
{
	const json_t *classes = json_object_get(recorder, "classes");
	char name[300], cut[41], n[4][FIGURE_TEXT];

	if (json_array_size(classes) == 0)
		return;
	fputc('\n', page->out);
	print_line(page, "%-40s %9s %9s %9s %9s", "FLOWS OF", "ALLOWED", "OBSERVED", "REJECTED",
		   "DROPPED");
	for (size_t i = 0; i < json_array_size(classes); i++) {
		const json_t *class = json_array_get(classes, i);

		snprintf(name, sizeof(name), "%s.%s", text_of(class, "vendor"),
			 text_of(class, "service"));
		print_line(page, "%-40s %9s %9s %9s %9s", cut_text(name, 40, cut),
			   count_of(class, "allow", n[0]), count_of(class, "observe", n[1]),
			   count_of(class, "reject", n[2]), count_of(class, "drop", n[3]));
	}
}

static void print_recorder(const struct page *page, const json_t *recorder)
{
	bool full = json_is_true(json_object_get(recorder, "hosts_full"));
	char n[4][FIGURE_TEXT];

	if (!recorder)
		return;
	print_line(page, "Recorder   %s events written, %s wait, %s lost, %s broken messages",
		   count_of(recorder, "events_written", n[0]),
		   count_of(recorder, "events_waiting", n[1]),
		   count_of(recorder, "events_lost", n[2]),
		   count_of(recorder, "messages_broken", n[3]));
	print_line(page,
		   "Seen       %s flows, %s of them in no list; %s%s hosts of listed services",
		   count_of(recorder, "flows", n[0]), count_of(recorder, "unlisted", n[1]),
		   full ? "more than " : "", count_of(recorder, "hosts", n[2]));
}

static void print_drift(const struct page *page, const json_t *drift)
{
	char n[FIGURE_TEXT];

	if (!drift)
		return;
	if (number_of(drift, "repairs") == 0) {
		print_line(page, "Drift      none: the kernel holds what it should");
		return;
	}
	print_line(page, "Drift      repairs %s, the last at %s (by the clock):",
		   count_of(drift, "repairs", n), text_of(drift, "last"));
	print_line(page, "           %s", text_of(drift, "what"));
}

static void print_kernel(const struct page *page, const json_t *status)
{
	const json_t *conntrack = json_object_get(status, "conntrack");
	const json_t *owner = json_object_get(json_object_get(status, "kernel"), "owner");
	char n[2][FIGURE_TEXT];

	fputc('\n', page->out);
	if (conntrack)
		print_line(page, "Conntrack  %s flows marked, %s not found",
			   count_of(conntrack, "marked", n[0]),
			   count_of(conntrack, "not_found", n[1]));
	if (json_is_boolean(owner))
		print_line(page, "Kernel     %s",
			   json_is_true(owner) ? "table inet cutoffd is owned: no one else can "
						 "change it"
					       : "table inet cutoffd has no owner (Linux before "
						 "6.9): it is watched");
}

void status_print(const json_t *status, bool colour, FILE *out)
{
	struct page page = {.out = out, .colour = colour};

	page.has_now = wall_parse(text_of(status, "now"), &page.now);
	print_head(&page, status);
	print_clock(&page, json_object_get(status, "clock"));
	print_rehearsal(&page, status);
	print_stages(&page, json_object_get(status, "stages"));
	print_sensors(&page, json_object_get(status, "sensors"));
	print_classes(&page, json_object_get(status, "recorder"));
	print_kernel(&page, status);
	print_drift(&page, json_object_get(status, "drift"));
	print_recorder(&page, json_object_get(status, "recorder"));
}

/* https://no-color.org */
static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no_colour || no_colour[0] == '\0');
}

enum ctl_exit ctl_status(int argc, char **argv)
{
	struct client_options options;
	enum ctl_exit result = client_options(argc, argv, &options);
	json_t *answer;

	if (result != CTL_OK)
		return result;
	result = client_ask(&options, "status", &answer);
	if (result != CTL_OK)
		return result;
	if (options.json)
		result = client_print_json(answer);
	else
		status_print(answer, wants_colour(), stdout);
	json_decref(answer);
	return result;
}
