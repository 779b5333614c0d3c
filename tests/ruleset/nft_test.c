/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel holds after each transaction, in a namespace without any packet. */
#include "daemon/enforcer/nft.h"

#include <cap-ng.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/wait.h>

#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/ruleset_model.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"

#define LISTING "TZ=UTC nft -n list table inet cutoffd"
#define GOLDEN "tests/ruleset/sample.nft"
/* Another version words it otherwise. */
#define GOLDEN_NFT "v1.0.6"

struct fixture {
	int home;
	struct nft *nft;
	struct mnl_socket *monitor;
};

static struct wall at(const char *text)
{
	struct wall wall;

	assert_true(wall_parse(text, &wall));
	return wall;
}

static struct nft *opened(void)
{
	char error[NFT_ERROR];
	struct nft *nft = nft_open(error);

	if (!nft)
		fail_msg("%s", error);
	return nft;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int group = NFNLGRP_NFTABLES;

	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(unshare(CLONE_NEWNET), errno);
	f->nft = opened();
	f->monitor = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_non_null(f->monitor);
	assert_return_code(mnl_socket_bind(f->monitor, 0, MNL_SOCKET_AUTOPID), errno);
	assert_return_code(
		mnl_socket_setsockopt(f->monitor, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)),
		errno);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mnl_socket_close(f->monitor);
	nft_close(f->nft);
	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->home);
	free(f);
	return 0;
}

static void apply(struct nft *nft, const struct policy *policy)
{
	struct ruleset *ruleset = ruleset_compile(policy, &sample_options);
	char error[NFT_ERROR] = "";

	if (nft_apply(nft, ruleset, error) != 0 || nft_compare(nft, ruleset, error) != 0)
		fail_msg("%s", error);
	ruleset_free(ruleset);
}

static void fill(struct sample *sample)
{
	sample_fill(sample, MODE_ENFORCE, at("2024-09-29T04:00:00Z"), at("2025-01-01T00:00:00Z"));
}

static void apply_sample(struct nft *nft)
{
	struct sample sample;

	fill(&sample);
	apply(nft, &sample.policy);
}

/* All that a command says; to free(). */
static char *output_of(const char *command)
{
	FILE *pipe = popen(command, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(pipe);
	if (getdelim(&text, &size, '\0', pipe) < 0) {
		free(text);
		text = strdup("");
	}
	pclose(pipe);
	return text;
}

static void assert_says(const char *command, const char *want)
{
	char *text = output_of(command);

	assert_string_equal(text, want);
	free(text);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

/* What changed since the last question: messages of the transactions, by kind. */
struct changes {
	unsigned int rules, elements, others;
};

static struct changes changes_since(struct fixture *f)
{
	struct changes changes = {0};
	char buffer[65536];
	ssize_t n;

	while ((n = mnl_socket_recvfrom(f->monitor, buffer, sizeof(buffer))) > 0) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)buffer;
		int left = (int)n;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			int type = NFNL_MSG_TYPE(m->nlmsg_type);

			if (type == NFT_MSG_NEWRULE || type == NFT_MSG_DELRULE)
				changes.rules++;
			else if (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM)
				changes.elements++;
			else if (type != NFT_MSG_NEWGEN && type != NFT_MSG_NEWTABLE)
				changes.others++;
		}
	}
	assert_true(errno == EAGAIN);
	return changes;
}

/* nft says a constant key's bytes the other way round, and does not know its type. */
static void test_golden(void **state)
{
	struct fixture *f = *state;
	char *version = output_of("nft --version"), *want, *got;
	FILE *golden;

	if (!strstr(version, GOLDEN_NFT) || !nft_has_owner(f->nft)) {
		free(version);
		skip();
	}
	free(version);
	apply_sample(f->nft);
	got = output_of(LISTING " | sed -E 's/0x([0-9a-f]+)000000 \\[invalid type\\]/\\1/g;"
				" s/ # progname .*//'");
	if (getenv("UPDATE_GOLDEN")) {
		golden = fopen(GOLDEN, "w");
		assert_non_null(golden);
		fputs(got, golden);
		fclose(golden);
	}
	want = output_of("cat " GOLDEN);
	assert_string_equal(got, want);
	free(want);
	free(got);
}

/* What is printed for a reader is what nft can read, comments aside. */
static void test_print_is_nfts_notation(void **state)
{
	FILE *nft = popen("TZ=UTC nft -f -", "w");
	struct ruleset *ruleset;
	struct sample sample;

	(void)state;
	fill(&sample);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	assert_non_null(nft);
	ruleset_print(ruleset, nft);
	assert_int_equal(pclose(nft), 0);
	ruleset_free(ruleset);
}

static void test_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct changes changes;
	char *before, *after;

	apply_sample(f->nft);
	changes = changes_since(f);
	assert_true(changes.rules > 0 && changes.elements > 0 && changes.others > 0);
	before = output_of(LISTING);
	apply_sample(f->nft);
	after = output_of(LISTING);
	changes = changes_since(f);
	assert_int_equal(changes.elements, 0);
	assert_int_equal(changes.others, 0);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void test_only_differences_travel(void **state)
{
	struct fixture *f = *state;
	struct sample sample;
	struct changes changes;

	apply_sample(f->nft);
	changes_since(f);
	fill(&sample);
	sample.lan[3] = sample_prefix("fd77:2::/64");
	sample.stages[1].cutoff = wall_add(sample.stages[1].cutoff, SAMPLE_DAY);
	apply(f->nft, &sample.policy);
	changes = changes_since(f);
	/* Two ends of an interval go, two come; an instant goes, and comes. */
	assert_int_equal(changes.elements, 6);
	assert_int_equal(changes.others, 0);
}

/* A measure is lifted, a class, a scope and a waiver are no more. */
static void test_stale_parts_go(void **state)
{
	struct fixture *f = *state;
	struct sample sample;
	char *text;

	apply_sample(f->nft);
	fill(&sample);
	sample.policy.classes = &sample.classes[1];
	sample.policy.classes_count = 1;
	sample.policy.stages = &sample.stages[2];
	sample.policy.stages_count = 1;
	sample.policy.scopes = &sample.scopes[1];
	sample.policy.scopes_count = 1;
	sample.stages[2].scope = 0;
	sample.policy.waivers_count = 0;
	sample.policy.never_count = 0;
	apply(f->nft, &sample.policy);
	text = output_of(LISTING);
	assert_null(strstr(text, "acme_updates"));
	assert_null(strstr(text, "scope_lan"));
	assert_null(strstr(text, "waiver_7"));
	assert_null(strstr(text, "never_v4"));
	assert_null(strstr(text, "stage_3"));
	assert_contains(text, "0x00100000 : goto no_stage");
	assert_contains(text, "stage_4_refused");
	free(text);
	/* ... and back. */
	apply_sample(f->nft);
	text = output_of(LISTING);
	assert_contains(text, "0x00100000 : goto acme_updates");
	free(text);
}

static void test_removal(void **state)
{
	struct fixture *f = *state;
	char error[NFT_ERROR];

	assert_int_equal(nft_remove(f->nft, error), 0);
	apply_sample(f->nft);
	run("nft add table inet other");
	assert_int_equal(nft_remove(f->nft, error), 1);
	assert_says("nft list tables", "table inet other\n");
	assert_int_equal(nft_remove(f->nft, error), 0);
	assert_int_equal(nft_latched(f->nft, NULL, 0, NULL), 0);
	assert_int_equal(nft_counters(f->nft, NULL, 0), 0);
}

static void test_another_owner(void **state)
{
	struct fixture *f = *state;
	struct nft *other = opened();
	struct ruleset *ruleset;
	struct sample sample;
	char error[NFT_ERROR] = "";

	if (!nft_has_owner(f->nft)) {
		nft_close(other);
		skip();
	}
	fill(&sample);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	apply(f->nft, &sample.policy);
	assert_int_equal(nft_apply(other, ruleset, error), -EBUSY);
	assert_contains(error, "belongs to another running process");
	error[0] = '\0';
	assert_int_equal(nft_remove(other, error), -EBUSY);
	assert_contains(error, "belongs to another running process");
	/* The owner ends: its table stays, and is adopted. */
	nft_close(f->nft);
	f->nft = other;
	changes_since(f);
	assert_int_equal(nft_apply(other, ruleset, error), 0);
	assert_int_equal(changes_since(f).elements, 0);
	ruleset_free(ruleset);
}

static void test_strangers_flush(void **state)
{
	struct fixture *f = *state;
	char *before, *after;

	if (!nft_has_owner(f->nft))
		skip();
	run("nft add table inet other");
	apply_sample(f->nft);
	before = output_of(LISTING);
	run("nft flush ruleset");
	after = output_of(LISTING);
	assert_string_equal(before, after);
	assert_says("nft list tables", "table inet cutoffd\n");
	free(before);
	free(after);
}

/* Somebody made a table of our name, with parts of ours that are none of ours. */
static void test_foreign_table_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct nft_latch latched[2];
	char *text;

	run("nft 'table inet cutoffd { set latched { type mark; flags dynamic; elements = { 3 }; "
	    "}; "
	    "chain enforce_forward { type filter hook input priority 0; }; "
	    "chain acme_updates { ip saddr @class_of drop; }; "
	    "set class_of { type ipv4_addr; }; }'");
	apply_sample(f->nft);
	text = output_of(LISTING);
	assert_contains(text, "type filter hook forward priority -150");
	assert_null(strstr(text, "ip saddr @class_of"));
	free(text);
	assert_int_equal(nft_latched(f->nft, latched, 2, NULL), 1);
	assert_int_equal(latched[0].number, 3);
}

/* While it was an orphan. */
static void test_tampered_parts_are_mended(void **state)
{
	struct fixture *f = *state;
	char *before, *after;

	if (!nft_has_owner(f->nft))
		skip();
	apply_sample(f->nft);
	before = output_of(LISTING " | sort"); /* new parts come last */
	nft_close(f->nft);
	run("nft 'delete element inet cutoffd class_of { 0x100000 }; "
	    "add element inet cutoffd class_of { 0x100000 : accept, 0x500000 : drop }; "
	    "add element inet cutoffd scope_lan_v4 { 10.77.1.192/32 }; "
	    "delete element inet cutoffd never_v4 { 10.77.2.9 }; "
	    "add element inet cutoffd instant_of { 9 : 7 }; "
	    "insert rule inet cutoffd enforce_forward accept; "
	    "flush chain inet cutoffd acme_updates; "
	    "flush chain inet cutoffd acme_telemetry; "
	    "delete set inet cutoffd never_v4; "
	    "add set inet cutoffd never_v4 { type mark; }; "
	    "delete chain inet cutoffd enforce_output; "
	    "add chain inet cutoffd enforce_output { type filter hook input priority 0; }; "
	    "add chain inet cutoffd mine'");
	f->nft = opened();
	apply_sample(f->nft);
	after = output_of(LISTING " | sort");
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void test_refused_transaction_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct ruleset *ruleset;
	struct sample sample;
	struct statement *last;
	struct rule *rule;
	char error[NFT_ERROR] = "", *before, *after;

	apply_sample(f->nft);
	before = output_of(LISTING);
	fill(&sample);
	sample.lan[0] = sample_prefix("192.0.2.0/24");
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	rule = &ruleset->chains[ruleset->chains_count - 1].rules[2];
	last = (struct statement *)&rule->statements[rule->count - 1];
	assert_int_equal(last->kind, STATEMENT_GOTO);
	last->name = "nowhere";
	assert_int_equal(nft_apply(f->nft, ruleset, error), -ENOENT);
	assert_contains(error, "chain acme_telemetry rule 3");
	after = output_of(LISTING);
	assert_string_equal(before, after);
	ruleset_free(ruleset);
	free(before);
	free(after);
}

static void test_capability_is_missing(void **state)
{
	char error[NFT_ERROR] = "";
	int status = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			_exit(1);
		if (nft_open(error) || !strstr(error, "CAP_NET_ADMIN is missing"))
			_exit(2);
		error[0] = '\0';
		if (conntrack_open(error) || !strstr(error, "CAP_NET_ADMIN is missing"))
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Lists in the order in which one policy has them after the other: each must leave just itself,
 * whatever was there before. */
static void test_intervals(void **state)
{
	static const struct {
		const char *prefixes[4];
		const char *want;
	} steps[] = {
		{{"10.0.0.0/8"}, "10.0.0.0/8"},
		{{"10.0.0.0/9"}, "10.0.0.0/9"},
		{{"10.0.0.0/9", "10.128.0.0/9"}, "10.0.0.0/8"},
		{{"10.0.0.0/8", "10.1.0.0/16", "10.2.3.4"}, "10.0.0.0/8"},
		{{"10.0.0.0/8", "11.0.0.0/8"}, "10.0.0.0/7"},
		{{"11.0.0.0/8", "12.0.0.0/8"}, "11.0.0.0-12.255.255.255"},
		{{"12.0.0.0/8", "14.0.0.0/8"}, "12.0.0.0/8, 14.0.0.0/8"},
		{{"0.0.0.0/0"}, "0.0.0.0/0"},
		{{"0.0.0.0/32", "255.255.255.255/32"}, "0.0.0.0, 255.255.255.255"},
		{{"128.0.0.0/1"}, "128.0.0.0/1"},
		{{"0.0.0.0/1"}, "0.0.0.0/1"},
		{{"10.0.0.0/8", "240.0.0.0/4"}, "10.0.0.0/8, 240.0.0.0/4"},
		{{"10.0.0.0/8", "240.0.0.0/5"}, "10.0.0.0/8, 240.0.0.0/5"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct sample sample;
		char want[256];
		char *got;

		fill(&sample);
		sample.scopes[0].sources_count = 0;
		for (size_t j = 0; j < 4 && steps[i].prefixes[j]; j++)
			sample.lan[sample.scopes[0].sources_count++] =
				sample_prefix(steps[i].prefixes[j]);
		apply(f->nft, &sample.policy);
		snprintf(want, sizeof(want), "elements = { %s }\n", steps[i].want);
		got = output_of("nft list set inet cutoffd scope_lan_v4");
		assert_contains(got, want);
		free(got);
	}
}

#define MANY_CLASSES 4000
#define MANY_PREFIXES 3000

struct many {
	struct policy policy;
	struct policy_class classes[MANY_CLASSES];
	struct policy_stage stages[MANY_CLASSES];
	struct policy_scope scope;
	struct prefix prefixes[MANY_PREFIXES];
	char names[MANY_CLASSES][16];
};

static struct many *many_new(void)
{
	struct many *many = calloc(1, sizeof(*many));

	for (uint32_t i = 0; i < MANY_CLASSES; i++) {
		snprintf(many->names[i], sizeof(many->names[i]), "service-%u", i);
		many->classes[i] =
			(struct policy_class){(uint16_t)(16 + i), "vendor", many->names[i]};
		many->stages[i] = (struct policy_stage){.number = i + 1,
							.class = (uint16_t)(16 + i),
							.cutoff = at("2030-01-01T00:00:00Z"),
							.until = WALL_NEVER};
	}
	for (uint32_t i = 0; i < MANY_PREFIXES; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.0/25", i / 250, i % 250);
		many->prefixes[i] = sample_prefix(text);
	}
	many->scope = (struct policy_scope){
		.name = "many", .sources = many->prefixes, .sources_count = MANY_PREFIXES};
	many->policy = (struct policy){.mode = MODE_ENFORCE,
				       .classes = many->classes,
				       .classes_count = MANY_CLASSES,
				       .scopes = &many->scope,
				       .scopes_count = 1,
				       .stages = many->stages,
				       .stages_count = MANY_CLASSES};
	return many;
}

static void test_thousands(void **state)
{
	struct fixture *f = *state;
	struct many *many = many_new();
	struct nft_counter counter;
	char *text;
	int n;

	apply(f->nft, &many->policy);
	n = nft_counters(f->nft, &counter, 1);
	assert_int_equal(n, 3 * MANY_CLASSES + 1);
	text = output_of("nft list chain inet cutoffd vendor_service_3999");
	assert_contains(text, "stage_4000_refused");
	free(text);
	apply(f->nft, &many->policy);
	/* All but one go, chains, counters and elements. */
	many->policy.classes_count = many->policy.stages_count = 1;
	many->scope.sources_count = 1;
	apply(f->nft, &many->policy);
	assert_int_equal(nft_counters(f->nft, &counter, 1), 3 + 1);
	assert_says("nft list set inet cutoffd scope_many_v4 | grep elements",
		    "\t\telements = { 10.0.0.0/25 }\n");
	free(many);
}

#define NFT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NFT_TEST(test_golden),
		NFT_TEST(test_print_is_nfts_notation),
		NFT_TEST(test_again_changes_nothing),
		NFT_TEST(test_only_differences_travel),
		NFT_TEST(test_stale_parts_go),
		NFT_TEST(test_removal),
		NFT_TEST(test_another_owner),
		NFT_TEST(test_strangers_flush),
		NFT_TEST(test_foreign_table_is_made_anew),
		NFT_TEST(test_tampered_parts_are_mended),
		NFT_TEST(test_refused_transaction_changes_nothing),
		NFT_TEST(test_capability_is_missing),
		NFT_TEST(test_intervals),
		NFT_TEST(test_thousands),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
