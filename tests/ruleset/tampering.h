/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What strangers do to the table, and the sentence that nft_compare has for it; for tests of how it
 * is found and of how it is put back.
 */
#ifndef CUTOFFD_TESTS_RULESET_TAMPERING_H
#define CUTOFFD_TESTS_RULESET_TAMPERING_H

#include "daemon/enforcer/nft.h"
#include "tests/ruleset/net.h"

/* The kernel refuses to give an owner to a table that was made without: so the table that nft_open
 * tries it with is one. */
#define NO_OWNER "nft add table inet cutoffd_probe"

static inline struct wall at(const char *text)
{
	struct wall wall;

	assert_true(wall_parse(text, &wall));
	return wall;
}

static inline struct nft *opened(void)
{
	char error[NFT_ERROR];
	struct nft *nft = nft_open(error);

	if (!nft)
		fail_msg("%s", error);
	return nft;
}

/* All that a command says; to free(). */
static inline char *output_of(const char *command)
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

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

/* What the rules had learned (set cut_v4): lost where the table cannot but be made anew. */
enum learned {
	KEPT,
	LOST,
};

struct tampering {
	const char *what, *command, *want;
	enum learned learned;
};

static const struct tampering tamperings[] = {
	{"everything is gone", "flush ruleset", "table inet cutoffd is gone", LOST},
	{"the table is gone", "delete table inet cutoffd", "table inet cutoffd is gone", LOST},
	{"made anew by somebody", "delete table inet cutoffd; add table inet cutoffd",
	 "chain enforce_forward is gone, and ", LOST},
	{"all rules are gone", "flush table inet cutoffd",
	 "rule 1 of chain enforce_forward is gone, and ", KEPT},
	{"a chain's rules are gone", "flush chain inet cutoffd acme_updates",
	 "rule 1 of chain acme_updates is gone, and ", KEPT},
	{"a rule before all others", "insert rule inet cutoffd enforce_forward accept",
	 "rule 1 of chain enforce_forward is none of ours", KEPT},
	{"a rule with a set of its own",
	 "insert rule inet cutoffd enforce_forward tcp dport { 80, 443 } accept",
	 "rule 1 of chain enforce_forward is none of ours, and 1 more part", KEPT},
	{"a rule with a chain of its own",
	 "add rule inet cutoffd enforce_output tcp dport 443 jump { accept; }",
	 "of chain enforce_output is none of ours", KEPT},
	{"an element is gone", "delete element inet cutoffd class_of { 0x100000 }",
	 "element 0x100000 of map class_of is gone", KEPT},
	{"an element leads elsewhere",
	 "delete element inet cutoffd class_of { 0x110000 }; "
	 "add element inet cutoffd class_of { 0x110000 : accept }",
	 "element 0x110000 of map class_of was changed", KEPT},
	{"an element too many", "add element inet cutoffd class_of { 0x500000 : drop }",
	 "map class_of has elements that are none of ours", KEPT},
	{"an element too many, like ours",
	 "add element inet cutoffd class_of { 0x500000 : goto no_stage }",
	 "element 0x500000 of map class_of is none of ours", KEPT},
	{"a network is gone", "delete element inet cutoffd scope_lan_v4 { 10.77.1.0-10.77.1.191 }",
	 "element 10.77.1.0-10.77.1.191 of set scope_lan_v4 is gone", KEPT},
	{"hosts too many", "add element inet cutoffd waiver_7_v6 { fd77:1::8 }",
	 "of set waiver_7_v6 is none of ours", KEPT},
	{"a set of no use is made", "add set inet cutoffd mine { type mark; }",
	 "set mine is none of ours", KEPT},
	{"a counter of somebody's", "add counter inet cutoffd mine", "counter mine is none of ours",
	 KEPT},
	{"a chain of somebody's, in use",
	 "add chain inet cutoffd mine; add map inet cutoffd theirs { type mark : verdict; }; "
	 "add element inet cutoffd theirs { 1 : jump mine }; "
	 "insert rule inet cutoffd acme_updates meta mark vmap @theirs",
	 "rule 1 of chain acme_updates is none of ours, and 2 more parts", KEPT},
	{"another hook",
	 "flush chain inet cutoffd enforce_output; delete chain inet cutoffd enforce_output; "
	 "add chain inet cutoffd enforce_output { type route hook output priority mangle; }",
	 "the hook of chain enforce_output was changed, and ", KEPT},
	{"ours as a target, so that no change of it is taken",
	 "flush chain inet cutoffd enforce_output; delete chain inet cutoffd enforce_output; "
	 "add chain inet cutoffd enforce_output; "
	 "add element inet cutoffd class_of { 0x500000 : goto enforce_output }",
	 "the hook of chain enforce_output was changed, and ", LOST},
	{"the policy", "add chain inet cutoffd enforce_forward { policy drop; }",
	 "the policy of chain enforce_forward was changed", KEPT},
	{"a map is gone", "delete map inet cutoffd instant_of", "map instant_of is gone", KEPT},
	{"a map of another type",
	 "delete map inet cutoffd instant_of; add map inet cutoffd instant_of { type mark : mark; "
	 "}",
	 "the type of map instant_of was changed", KEPT},
	{"asleep", "add table inet cutoffd { flags dormant; }",
	 "table inet cutoffd was made dormant", KEPT},
	{"asleep, and in pieces",
	 "add table inet cutoffd { flags dormant; }; flush chain inet cutoffd enforce_forward; "
	 "delete chain inet cutoffd enforce_forward",
	 "table inet cutoffd was made dormant, and ", KEPT},
};

#define TAMPERINGS (sizeof(tamperings) / sizeof(tamperings[0]))

#endif
