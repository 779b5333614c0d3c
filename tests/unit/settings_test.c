/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings from memory → structs and catalogue; YAML → nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "classifiers/catalogue.h"
#include "classifiers/evidence.h"
#include "daemon/settings/settings.h"
#include "daemon/settings/yaml.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct settings_file file(const char *path, const char *text)
{
	return (struct settings_file){path, text, strlen(text)};
}

static const char vendor[] =
	"vendor: acme\n"
	"services:\n"
	"  updates: {indicators: [{names: ['**.acme.example', '*.geo.acme.example']},\n"
	"                         {verified: false, names: [maybe.acme.test]}]}\n"
	"  permitted: {ports: [tcp/443, udp/10-20],\n"
	"              indicators: [{verified: false, names: [tip.acme.example],\n"
	"                            prefixes: ['192.0.2.0/24']}]}\n"
	"  other: {indicators: [{verified: false, names: [other.acme.test]}]}\n";
static const char measure[] = "measure: m\n"
			      "title: t\n"
			      "zone: Europe/Berlin\n"
			      "permits: [acme.permitted]\n"
			      "stages: [{id: s, services: [acme.updates], legal: 2026-12-01}]\n";

struct loaded {
	struct settings *settings;
	struct policy *policy;
	struct catalogue *catalogue;
};

static struct loaded load(const char *policy_text)
{
	const struct settings_file files[] = {
		file("cutoffd.yaml", policy_text),
		file("vendors/acme.yaml", vendor),
		file("measures/m.yaml", measure),
	};
	struct complaints *complaints = complaints_new();
	struct numbers *numbers = numbers_new();
	struct loaded loaded = {.settings = settings_load_memory(files, 3, complaints)};
	int fd;

	complaints_print(complaints, stderr);
	assert_non_null(loaded.settings);
	assert_int_equal(policy_compile(&loaded.settings->policy, numbers, &loaded.policy), 0);
	fd = settings_catalogue(loaded.settings, loaded.policy);
	assert_true(fd >= 0);
	loaded.catalogue = catalogue_map(fd);
	assert_non_null(loaded.catalogue);
	close(fd);
	numbers_free(numbers);
	complaints_free(complaints);
	return loaded;
}

static void unload(struct loaded *loaded)
{
	catalogue_free(loaded->catalogue);
	policy_free(loaded->policy);
	settings_free(loaded->settings);
}

static const char *service_of(const struct loaded *loaded, const char *name, uint16_t *field)
{
	struct catalogue_match match;
	struct catalogue_service service;

	*field = 0;
	if (!catalogue_find_name(loaded->catalogue, name, strlen(name), &match))
		return "none";
	service = catalogue_service(loaded->catalogue, match.service);
	*field = service.field;
	return service.service;
}

static void test_defaults(void **state)
{
	struct loaded loaded = load("adopt: [{measure: m}]\ninterfaces: [lan0]\n");
	const struct settings *s = loaded.settings;

	(void)state;
	assert_int_equal(s->policy.mode, MODE_OBSERVE);
	assert_int_equal(s->capture, CAPTURE_PASSIVE);
	assert_int_equal(s->unknown, VERDICT_ALLOW);
	assert_int_equal(s->conflict, CONFLICT_NAME);
	assert_string_equal(s->state, "/var/lib/cutoffd");
	assert_string_equal(s->runtime, "/run/cutoffd");
	assert_string_equal(s->events, "/var/lib/cutoffd/events.json");
	assert_int_equal(s->mask, 0x0fff0000);
	assert_int_equal(s->told, 0x10000000);
	assert_int_equal(s->queue_base, 4700);
	assert_int_equal(s->log_group, 47);
	assert_false(s->rehearsal);
	assert_false(s->unverified);
	assert_int_equal(s->policy.offset_ns, 0);
	assert_int_equal(s->policy.adoptions_count, 1);
	assert_string_equal(s->policy.adoptions[0].scopes[0]->name, "any");
	assert_int_equal(s->policy.adoptions[0].action, ACTION_REJECT);
	assert_int_equal(s->policy.adoptions[0].counts, COUNTS_LEGAL);
	assert_int_equal(loaded.policy->stages[0].cutoff.ns, INT64_C(1796079600) * CLOCK_SECOND);
	assert_true(loaded.policy->scopes[0].any);
	unload(&loaded);
}

static void test_values(void **state)
{
	struct loaded loaded = load("mode: enforce\n"
				    "capture: passive\n"
				    "interfaces: [lan0, lan1]\n"
				    "adopt: [{measure: m, action: drop, scopes: [office]}]\n"
				    "scopes: {office: {sources: [10.0.0.0/8], midstream: reset}}\n"
				    "conflict: prefix\n"
				    "unknown: allow\n"
				    "proxy_ports: [3128, 8080]\n"
				    "events: '-'\n"
				    "mask: 0xfff\n"
				    "told: 4096\n"
				    "rehearse: {offset: -1h}\n");
	const struct settings *s = loaded.settings;
	const struct adoption *adoption = &s->policy.adoptions[0];

	(void)state;
	assert_int_equal(s->policy.mode, MODE_ENFORCE);
	assert_int_equal(s->interfaces_count, 2);
	assert_string_equal(s->interfaces[1], "lan1");
	assert_int_equal(s->conflict, CONFLICT_PREFIX);
	assert_int_equal(s->unknown, VERDICT_ALLOW);
	assert_int_equal(s->proxy_ports_count, 2);
	assert_int_equal(s->proxy_ports[1], 8080);
	assert_string_equal(s->events, "-");
	assert_int_equal(s->mask, 0xfff);
	assert_int_equal(s->told, 0x1000);
	assert_true(s->rehearsal);
	assert_int_equal(s->policy.offset_ns, -3600 * CLOCK_SECOND);
	assert_int_equal(adoption->action, ACTION_DROP);
	assert_ptr_equal(adoption->measure, &s->measures[0]);
	assert_string_equal(adoption->scopes[0]->name, "office");
	assert_int_equal(adoption->scopes[0]->midstream, MIDSTREAM_RESET);
	unload(&loaded);
}

static void test_ports(void **state)
{
	struct loaded loaded = load("adopt: [{measure: m}]\n");
	const struct vendor_service *permitted = &loaded.settings->vendors[0].services[1];

	(void)state;
	assert_string_equal(permitted->id, "permitted");
	assert_int_equal(permitted->ports_count, 2);
	assert_int_equal(permitted->ports[0].transport, TRANSPORT_TCP);
	assert_int_equal(permitted->ports[0].last, 443);
	assert_int_equal(permitted->ports[1].transport, TRANSPORT_UDP);
	assert_int_equal(permitted->ports[1].first, 10);
	assert_int_equal(permitted->ports[1].last, 20);
	unload(&loaded);
}

/* Nothing is cut by what nobody verified, but what nobody verified is permitted and known. */
static void test_unverified(void **state)
{
	static const struct {
		const char *name, *skipped, *used;
		bool cut;
	} table[] = {
		{"acme.example", "updates", "updates", true},
		{"x.acme.example", "updates", "updates", true},
		{"maybe.acme.test", "none", "updates", true},
		{"tip.acme.example", "permitted", "permitted", false},
		{"other.acme.test", "other", "other", false},
		{"acme.test", "none", "none", false},
	};
	struct loaded skip = load("adopt: [{measure: m}]\n");
	struct loaded use = load("adopt: [{measure: m}]\nunverified: use\n");
	uint16_t field;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		print_message("# %s\n", table[i].name);
		assert_string_equal(service_of(&skip, table[i].name, &field), table[i].skipped);
		assert_string_equal(service_of(&use, table[i].name, &field), table[i].used);
		if (strcmp(table[i].used, "none") != 0)
			assert_int_equal(field >= FIELD_CLASS, table[i].cut);
	}
	unload(&skip);
	unload(&use);
}

static void test_standings(void **state)
{
	struct loaded loaded = load("adopt: [{measure: m}]\n"), nothing = load("adopt: []\n");

	(void)state;
	assert_true(loaded.settings->standings[0].cut);
	assert_false(loaded.settings->standings[0].permitted);
	assert_true(loaded.settings->standings[1].permitted);
	assert_false(loaded.settings->standings[2].cut || loaded.settings->standings[2].permitted);
	for (size_t i = 0; i < 3; i++)
		assert_false(nothing.settings->standings[i].cut ||
			     nothing.settings->standings[i].permitted);
	unload(&loaded);
	unload(&nothing);
}

/* ---- YAML ---- */

static const char *key_text(const struct yaml_node *key)
{
	return key->kind == YAML_SCALAR ? key->text : "?";
}

static void write_node(FILE *out, const struct yaml_node *node)
{
	fprintf(out, "%u", node->line);
	if (node->key)
		fprintf(out, " %s:", key_text(node->key));
	if (node->kind == YAML_SCALAR)
		fprintf(out, " '%s'", node->text);
	else if (node->kind == YAML_NULL)
		fputs(" null", out);
	else if (node->kind == YAML_BROKEN)
		fputs(" broken", out);
	if (node->kind != YAML_SEQUENCE && node->kind != YAML_MAPPING)
		return;
	fputs(node->kind == YAML_SEQUENCE ? " [" : " {", out);
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		write_node(out, n);
		fputs(n->next ? ", " : "", out);
	}
	fputc(node->kind == YAML_SEQUENCE ? ']' : '}', out);
}

/* "-": no tree. */
static char *tree_of(const char *text, size_t *errors)
{
	struct complaints *complaints = complaints_new();
	struct arena *arena = arena_new();
	const struct yaml_node *root =
		yaml_read(complaints, arena, text_from_memory(arena, "f", text, strlen(text)));
	char *tree = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&tree, &size);

	assert_non_null(out);
	if (root)
		write_node(out, root);
	else
		fputc('-', out);
	assert_int_equal(fclose(out), 0);
	*errors = complaints_errors(complaints);
	arena_free(arena);
	complaints_free(complaints);
	return tree;
}

static void test_yaml(void **state)
{
	static const struct {
		const char *what, *in, *want;
		size_t errors;
	} table[] = {
		{"mapping", "a: 1\nb: x y\n", "1 {1 a: '1', 2 b: 'x y'}", 0},
		{"sequence", "- 1\n- - 2\n  - 3\n", "1 [1 '1', 2 [2 '2', 3 '3']]", 0},
		{"flow", "{a: [1, 2], b: {}}", "1 {1 a: [1 '1', 1 '2'], 1 b: {}}", 0},
		{"quotes", "a: \"1\\t2\"\nb: 'it''s'\nc: ''\n",
		 "1 {1 a: '1\t2', 2 b: 'it's', 3 c: ''}", 0},
		{"nothing", "a:\nb: ~\nc: null\nd: 'null'\n",
		 "1 {1 a: null, 2 b: null, 3 c: null, 4 d: 'null'}", 0},
		{"folded: its place is that of its text", "a: >-\n  one\n  two\nb: 1\n",
		 "1 {2 a: 'one two', 4 b: '1'}", 0},
		{"comments", "# x\na: 1 # y\n", "2 {2 a: '1'}", 0},
		{"carriage returns", "a: 1\r\nb: 2\r\n", "1 {1 a: '1', 2 b: '2'}", 0},
		{"duplicate", "a: 1\na: 2\n", "1 {1 a: '1', 2 a: broken}", 1},
		{"aliases go on", "a: [*.x, **.y]\nb: 1\n",
		 "1 {1 a: [1 broken, 1 broken], 2 b: '1'}", 2},
		{"a NUL", "a: \"x\\0y\"\nb: 1\n", "1 {1 a: broken, 2 b: '1'}", 1},
		{"a key that is a list", "? [a, b]\n: c\nd: e\n", "1 {2 ?: 'c', 3 d: 'e'}", 1},
		{"syntax", "a: [\n", "-", 1},
		{"empty", "", "-", 1},
		{"not UTF-8", "a: \xff\n", "-", 1},
		{"overlong UTF-8", "a: \xc0\xaf\n", "-", 1},
		{"a surrogate", "a: \xed\xa0\x80\n", "-", 1},
		{"cut UTF-8", "a: \xe2\x82", "-", 1},
		{"two documents", "a: 1\n---\nb: 2\n", "-", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		size_t errors;
		char *tree = tree_of(table[i].in, &errors);

		print_message("# %s\n", table[i].what);
		assert_string_equal(tree, table[i].want);
		assert_int_equal(errors, table[i].errors);
		free(tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_values),
		cmocka_unit_test(test_ports),	  cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_standings), cmocka_unit_test(test_yaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
