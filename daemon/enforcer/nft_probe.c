/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/nft.h"
#include "daemon/enforcer/ruleset_model.h"

#define PLACE "kernel"
#define SET "probe"
#define BIT 0x10000

struct feature {
	const char *what, *options; /* options: of the kernel's configuration */
	struct statement statement;
	struct set set; /* that the statement names; no name: none */
};

static const struct feature features[] = {
	{"chains of family inet", "CONFIG_NF_TABLES_INET", {.kind = STATEMENT_ACCEPT}, {0}},
	{"`ct mark`",
	 "CONFIG_NFT_CT and CONFIG_NF_CONNTRACK_MARK",
	 {.kind = STATEMENT_CT_MARK_SET, .mask = BIT, .value = BIT},
	 {0}},
	{"`ct original ip saddr` (Linux 4.17)",
	 "CONFIG_NFT_CT",
	 {.kind = STATEMENT_CT_SOURCE, .family = FAMILY_V4, .name = SET},
	 {.name = SET, .key = SET_KEY_V4, .interval = true}},
	{"`ct original ip6 saddr` (Linux 4.17)",
	 "CONFIG_NFT_CT",
	 {.kind = STATEMENT_CT_SOURCE, .family = FAMILY_V6, .name = SET},
	 {.name = SET, .key = SET_KEY_V6, .interval = true}},
	{"`meta time` (Linux 5.4)",
	 "CONFIG_NF_TABLES",
	 {.kind = STATEMENT_TIME_FROM, .instant = 1},
	 {0}},
	{"sets with timeouts",
	 "CONFIG_NF_TABLES",
	 {.kind = STATEMENT_TUPLE, .family = FAMILY_V4, .name = SET},
	 {.name = SET, .key = SET_KEY_TUPLE_V4, .timeout = true, .kept = true}},
	{"sets that rules add to",
	 "CONFIG_NF_TABLES",
	 {.kind = STATEMENT_LATCH, .number = 1},
	 {.name = RULESET_LATCHED, .key = SET_KEY_MARK, .dynamic = true, .kept = true}},
	{"verdict maps",
	 "CONFIG_NF_TABLES",
	 {.kind = STATEMENT_VMAP, .mask = BIT, .name = SET},
	 {.name = SET, .key = SET_KEY_MARK, .data = SET_DATA_VERDICT}},
	{"writes to the TCP header", "CONFIG_NF_TABLES", {.kind = STATEMENT_TURN_INTO_RESET}, {0}},
	{"`reject with tcp reset`",
	 "CONFIG_NFT_REJECT_INET",
	 {.kind = STATEMENT_REJECT_RESET},
	 {0}},
	{"`reject with icmpx`", "CONFIG_NFT_REJECT_INET", {.kind = STATEMENT_REJECT}, {0}},
};

/* The kernel takes a TCP reset only where the packet is known to be TCP. */
static int try_feature(struct nft *nft, const struct feature *feature, char error[NFT_ERROR])
{
	const struct statement statements[] = {
		{.kind = STATEMENT_PROTOCOL, .value = IPPROTO_TCP},
		feature->statement,
	};
	struct rule rule = {.statements = statements, .count = 2};
	struct chain chain = {.name = SET, .hook = HOOK_FORWARD, .rules = &rule, .count = 1};
	struct set set = feature->set;
	struct ruleset ruleset = {
		.sets = &set, .sets_count = set.name != NULL, .chains = &chain, .chains_count = 1};
	int e = nft_apply(nft, &ruleset, error), removed;

	if (e)
		return e;
	removed = nft_remove(nft, error);
	return removed < 0 ? removed : 0;
}

static void try_all(struct host *host, struct nft *nft, const struct ruleset *ruleset)
{
	char error[NFT_ERROR] = "";
	bool good = true;

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (try_feature(nft, f, error) == 0)
			continue;
		good = false;
		host_add(host, HOST_ERROR, PLACE,
			 "it lacks %s (%s); take one with %s, and the modules", f->what, error,
			 f->options);
	}
	if (good && nft_apply(nft, ruleset, error) != 0)
		host_add(host, HOST_ERROR, PLACE,
			 "it does not take the ruleset of these settings: %s; Linux 6.1 or later "
			 "does",
			 error);
	if (!nft_has_owner(nft))
		host_add(host, HOST_NOTE, PLACE,
			 "its tables have no owner: another program's `flush ruleset` takes ours "
			 "away too, until cutoffd puts it back; Linux 6.9 or later keeps it");
}

static void try_here(struct host *host, const struct ruleset *ruleset)
{
	char error[NFT_ERROR];
	struct nft *nft = nft_open(error);
	struct conntrack *conntrack;

	if (nft)
		try_all(host, nft, ruleset);
	else
		host_add(host, HOST_ERROR, PLACE, "%s", error);
	nft_close(nft);
	conntrack = conntrack_open(error);
	if (!conntrack)
		host_add(host, HOST_ERROR, PLACE, "%s", error);
	conntrack_close(conntrack);
}

void nft_probe(struct host *host, const struct ruleset *ruleset)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0 || unshare(CLONE_NEWNET) < 0) {
		host_add(
			host, HOST_NOTE, PLACE,
			"its features were not tried: no network namespace can be made for it: %s; "
			"call it as root",
			strerror(errno));
		goto out;
	}
	try_here(host, ruleset);
	if (setns(home, CLONE_NEWNET) < 0)
		host_add(host, HOST_ERROR, PLACE, "back from the probe's namespace: %s",
			 strerror(errno));
out:
	if (home >= 0)
		close(home);
}
