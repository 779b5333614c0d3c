/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the shipped packs must never do: shadow a permitted name, or hold a third party's address.
 * Judged by the compiled catalogue, with every stage of every measure adopted and every indicator
 * used. Run from the top of the tree. */
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

struct loaded {
	struct settings *settings;
	struct policy *policy;
	struct catalogue *catalogue;
};

static struct loaded compile(struct settings *settings)
{
	struct numbers *numbers = numbers_new();
	struct loaded loaded = {.settings = settings};
	int fd;

	assert_int_equal(policy_compile(&settings->policy, numbers, &loaded.policy), 0);
	fd = settings_catalogue(settings, loaded.policy);
	assert_true(fd >= 0);
	loaded.catalogue = catalogue_map(fd);
	assert_non_null(loaded.catalogue);
	close(fd);
	numbers_free(numbers);
	return loaded;
}

static struct settings *load_file(const char *path)
{
	struct complaints *complaints = complaints_new();
	struct settings *settings = settings_load(path, complaints);

	complaints_print(complaints, stderr);
	complaints_free(complaints);
	assert_non_null(settings);
	return settings;
}

/* The shipped packs under a policy of these lines. */
static struct loaded load(const char *lines)
{
	char path[] = "/tmp/shipped_test.XXXXXX", *here = getcwd(NULL, 0);
	int fd = mkstemp(path);
	struct settings *settings;

	assert_true(fd >= 0);
	assert_non_null(here);
	assert_true(dprintf(fd, "packs: [%s/config]\ninterfaces: [lan0]\n%s", here, lines) > 0);
	close(fd);
	settings = load_file(path);
	unlink(path);
	free(here);
	return compile(settings);
}

static void unload(struct loaded *loaded)
{
	catalogue_free(loaded->catalogue);
	policy_free(loaded->policy);
	settings_free(loaded->settings);
}

static const char adopt_us[] =
	"adopt:\n"
	"  - {measure: us-kaspersky-2024, stages: [new-agreements, updates]}\n"
	"unverified: use\n";
static const char adopt_nl[] = "adopt:\n"
			       "  - {measure: nl-kaspersky-2018, stages: [updates, telemetry]}\n"
			       "unverified: use\n";

/* ---- permitted names ---- */

static const struct yaml_node *find(const struct yaml_node *mapping, const char *key)
{
	for (const struct yaml_node *n = mapping ? mapping->first : NULL; n; n = n->next)
		if (strcmp(n->key->text, key) == 0)
			return n;
	return NULL;
}

static void assert_permitted(const struct loaded *loaded, const char *name, const char *service)
{
	struct catalogue_match match;
	struct catalogue_service found;

	print_message("# %s\n", name);
	assert_true(catalogue_find_name(loaded->catalogue, name, strlen(name), &match));
	found = catalogue_service(loaded->catalogue, match.service);
	assert_string_equal(found.service, service);
	assert_int_equal(found.field, FIELD_OTHER);
	assert_true(found.permitted);
}

/* Names that the pattern stands for: itself and what is under it. */
static void assert_pattern_permitted(const struct loaded *loaded, const char *pattern,
				     const char *service)
{
	const char *body = pattern + strspn(pattern, "*.");
	char name[256];

	assert_null(strpbrk(body, "*#"));
	if (pattern[0] != '*' || pattern[1] == '*')
		assert_permitted(loaded, body, service);
	if (pattern[0] != '*')
		return;
	for (size_t i = 0; i < 3; i++) {
		static const char *const under[] = {"www", "a.b", "s00.upd"};

		snprintf(name, sizeof(name), "%s.%s", under[i], body);
		assert_permitted(loaded, name, service);
	}
}

static size_t assert_service_permitted(const struct loaded *loaded,
				       const struct yaml_node *services, const char *service)
{
	const struct yaml_node *groups = find(find(services, service), "indicators");
	size_t n = 0;

	for (const struct yaml_node *g = groups ? groups->first : NULL; g; g = g->next)
		for (const struct yaml_node *name = find(g, "names")->first; name;
		     name = name->next, n++)
			assert_pattern_permitted(loaded, name->text, service);
	return n;
}

static void assert_no_permit_shadowed(const char *lines)
{
	struct complaints *complaints = complaints_new();
	struct arena *arena = arena_new();
	const struct yaml_node *root = yaml_read(
		complaints, arena,
		text_read(complaints, arena, "config/vendors/kaspersky.yaml", 1 << 20, NULL));
	struct loaded loaded = load(lines);
	const struct measure *measure = loaded.settings->policy.adoptions[0].measure;

	assert_non_null(root);
	assert_true(measure->permits_count > 0);
	for (size_t i = 0; i < measure->permits_count; i++) {
		const char *service = strchr(measure->permits[i], '.') + 1;

		assert_true(assert_service_permitted(&loaded, find(root, "services"), service) > 0);
	}
	unload(&loaded);
	arena_free(arena);
	complaints_free(complaints);
}

static void test_no_permit_shadowed_us(void **state)
{
	(void)state;
	assert_no_permit_shadowed(adopt_us);
}

static void test_no_permit_shadowed_nl(void **state)
{
	(void)state;
	assert_no_permit_shadowed(adopt_nl);
}

/* ---- which service a name belongs to ---- */

static const char *service_of(const struct loaded *loaded, const char *name)
{
	struct catalogue_match match;

	if (!catalogue_find_name(loaded->catalogue, name, strlen(name), &match))
		return "none";
	return catalogue_service(loaded->catalogue, match.service).service;
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *want;
	} table[] = {
		{"downloads.upd.kaspersky.com", "updates"},
		{"s00.upd.kaspersky.com", "updates"},
		{"S19.UPD.Kaspersky.com.", "updates"},
		{"p07.upd.kaspersky.com", "updates"},
		{"dnl-05.geo.kaspersky.com", "updates"},
		{"dnl-5.geo.kaspersky.com", "none"},
		{"edge.geo.kaspersky.com", "updates"},
		{"cm.k.kaspersky-labs.com", "updates"},
		{"downloads3.kaspersky-labs.com", "updates"},
		{"dc1.ksn.kaspersky-labs.com", "telemetry"},
		{"ksn-url-geo.kaspersky-labs.com", "telemetry"},
		{"ksn-crypto-wifiplus-geo.kaspersky-labs.com", "telemetry"},
		{"ksn-verdict.geoksn.kaspersky.com", "telemetry"},
		{"activation-v2.geo.kaspersky.com", "licensing"},
		{"activation-v2.kaspersky.com", "licensing"},
		{"abc.ksc.kaspersky.com", "console"},
		{"touch.kaspersky.com", "infrastructure"},
		{"crl.kaspersky.com", "infrastructure"},
		{"kaspersky.com", "sales"},
		{"www.kaspersky.com", "sales"},
		{"www.kaspersky.co.uk", "sales"},
		{"support.kaspersky.com", "none"},
		{"upd.kaspersky.com", "none"},
		{"kaspersky-labs.com", "none"},
		{"upd.kaspersky.com.example", "none"},
		{"opentip.kaspersky.com", "threat-intelligence"},
		{"securelist.com", "threat-intelligence"},
		{"education.kaspersky.com", "training"},
	};
	struct loaded loaded = load(adopt_us);

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		print_message("# %s\n", table[i].name);
		assert_string_equal(service_of(&loaded, table[i].name), table[i].want);
	}
	unload(&loaded);
}

/* The shipped policy observes, and cuts nothing by what nobody verified. */
static void test_policy(void **state)
{
	struct loaded loaded = compile(load_file("config/cutoffd.yaml"));
	const struct policy_stage *stage = &loaded.policy->stages[0];

	(void)state;
	assert_int_equal(loaded.settings->policy.mode, MODE_OBSERVE);
	assert_int_equal(loaded.policy->stages_count, 2);
	assert_int_equal(stage->cutoff.ns, INT64_C(1727582400) * CLOCK_SECOND);
	assert_true(loaded.policy->scopes[stage->scope].any);
	assert_string_equal(service_of(&loaded, "s00.upd.kaspersky.com"), "updates");
	assert_string_equal(service_of(&loaded, "ds.kaspersky.com"), "none");
	assert_string_equal(service_of(&loaded, "rthosts.kaspersky-labs.com"), "none");
	assert_string_equal(service_of(&loaded, "tip.kaspersky.com"), "threat-intelligence");
	unload(&loaded);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	static const struct {
		const char *what, *address, *want;
	} table[] = {
		{"AS200107", "77.74.183.255", "infrastructure"},
		{"AS200107", "82.202.185.1", "infrastructure"},
		{"AS200107", "2a03:2480::1", "infrastructure"},
		{"AS209030 carries third parties", "82.202.188.0", "none"},
		{"AS209030 carries third parties", "82.202.191.255", "none"},
		{"AS209030 carries third parties", "2a13:c80:6::1", "none"},
		{"AS209030 carries third parties", "2a13:c80:7:ffff::1", "none"},
		{"a public resolver", "8.8.8.8", "none"},
	};
	struct loaded loaded = load(adopt_us);
	struct catalogue_match match;
	struct address address;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *got = "none";

		print_message("# %s %s\n", table[i].what, table[i].address);
		assert_true(address_parse(table[i].address, &address));
		if (catalogue_find_address(loaded.catalogue, &address, &match))
			got = catalogue_service(loaded.catalogue, match.service).service;
		assert_string_equal(got, table[i].want);
	}
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_permit_shadowed_us),
		cmocka_unit_test(test_no_permit_shadowed_nl),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
