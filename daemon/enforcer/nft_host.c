/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_host.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <string.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_marks.h"
#include "daemon/enforcer/nft_socket.h"

#define PLACE_BYTES 512

#define IPTABLES_V4 "/proc/net/ip_tables_names"
#define IPTABLES_V6 "/proc/net/ip6_tables_names"

struct look {
	struct host *host;
	const struct nft_host_marks *marks;
	size_t unread; /* rules with what this libnftnl does not know */
	/* the rule in hand */
	char place[PLACE_BYTES];
	uint64_t handle;
};

static const char *family_name(uint32_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	}
	return "?";
}

static bool is_ours(uint32_t family, const char *table)
{
	return family == NFPROTO_INET && strcmp(table, RULESET_TABLE) == 0;
}

static void report_flow_mark(struct look *look, const struct nft_mark_use *use, uint32_t bits)
{
	if (use->act == NFT_MARK_COMPARES)
		host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
			      "compares bits 0x%08x of flows' marks, where cutoffd keeps the class "
			      "(0x%08x): it matches no more once a flow has one; compare under "
			      "another mask, or choose other bits by `mask:` and `told:`",
			      use->bits, bits);
	else
		host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
			      "writes bits 0x%08x of flows' marks, where cutoffd keeps the class "
			      "(0x%08x): a flow that loses it passes; write under another mask, or "
			      "choose other bits by `mask:` and `told:`",
			      use->bits, bits);
}

static void report_packet_mark(struct look *look, const struct nft_mark_use *use, uint32_t bits)
{
	if (use->act == NFT_MARK_COPIES)
		host_add_rule(
			look->host, HOST_NOTE, look->place, look->handle,
			"copies bits 0x%08x of flows' marks into packets, the class (0x%08x) "
			"included: rules and `ip rule fwmark` that compare a whole mark match "
			"no more; copy under another mask",
			use->bits, bits);
	else if (look->marks->packets)
		host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
			      "%s bits 0x%08x of packets' marks, which cutoffd uses (0x%08x); use "
			      "another mask, or choose other bits by `mask:` and `told:`",
			      use->act == NFT_MARK_SETS ? "writes" : "compares", use->bits, bits);
}

static void look_at_mark(struct look *look, const struct nft_mark_use *use)
{
	uint32_t bits = use->bits & (look->marks->mask | look->marks->told);

	if (use->mark == NFT_MARK_NONE || bits == 0)
		return;
	if (use->mark == NFT_MARK_FLOW)
		report_flow_mark(look, use, bits);
	else
		report_packet_mark(look, use, bits);
}

static void report_notrack(struct look *look)
{
	host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
		      "takes packets out of conntrack (notrack): their flows have no class and "
		      "pass; leave the clients' traffic out of this rule");
}

static void report_tproxy(struct look *look)
{
	host_add_rule(look->host, HOST_NOTE, look->place, look->handle,
		      "hands packets to a proxy on this machine (tproxy): what it asks for on "
		      "behalf of a client leaves from its own address; a scope has to name that");
}

static void look_at_target(struct look *look, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME);
	uint32_t length = 0;
	const void *bytes = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &length);
	uint16_t flags = 0;

	if (!name)
		return;
	if (bytes && length >= sizeof(flags)) /* the first field of each of its revisions */
		memcpy(&flags, bytes, sizeof(flags));
	if (strcmp(name, "NOTRACK") == 0 ||
	    (strcmp(name, "CT") == 0 && flags & (XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS)))
		report_notrack(look);
	else if (strcmp(name, "TPROXY") == 0)
		report_tproxy(look);
}

static void look_at_expression(struct look *look, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (strcmp(name, "notrack") == 0)
		report_notrack(look);
	else if (strcmp(name, "tproxy") == 0)
		report_tproxy(look);
	else if (strcmp(name, "target") == 0)
		look_at_target(look, e);
	else if (strcmp(name, "fwd") == 0)
		host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
			      "sends packets on to another device before any hook of ours (fwd): "
			      "they are not judged; leave the clients' traffic out of this rule");
	else if (strcmp(name, "ct") == 0 && nftnl_expr_is_set(e, NFTNL_EXPR_CT_SREG) &&
		 nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_ZONE)
		host_add_rule(look->host, HOST_WARNING, look->place, look->handle,
			      "puts flows into a conntrack zone, where this version does not find "
			      "them to set their class; leave the clients' traffic out of this "
			      "rule");
}

static int take_expression(struct nftnl_expr *e, void *data)
{
	struct look *look = ((void **)data)[0];
	struct nft_mark_state *state = ((void **)data)[1];
	struct nft_mark_use use = nft_marks_next(state, e);

	look_at_mark(look, &use);
	look_at_expression(look, e);
	return 0;
}

static void take_rule(const struct nlmsghdr *message, void *data)
{
	struct nftnl_rule *rule = nft_must(nftnl_rule_alloc());
	struct look *look = data;
	struct nft_mark_state state = {0};
	void *both[] = {look, &state};
	uint32_t family;
	const char *table;

	if (nftnl_rule_nlmsg_parse(message, rule) < 0) {
		look->unread++;
		goto out;
	}
	family = nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY);
	table = nftnl_rule_get_str(rule, NFTNL_RULE_TABLE);
	if (is_ours(family, table))
		goto out;
	snprintf(look->place, sizeof(look->place), "table %s %s, chain %s", family_name(family),
		 table, nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	look->handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
	nftnl_expr_foreach(rule, take_expression, both);
out:
	nftnl_rule_free(rule);
}

static void list_devices(const struct nftnl_flowtable *flowtable, char *text, size_t size)
{
	const char *const *devices = nftnl_flowtable_get_array(flowtable, NFTNL_FLOWTABLE_DEVICES);
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; devices && devices[i] && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
					 devices[i]);
}

void nft_host_flowtable(struct host *host, const struct nlmsghdr *message)
{
	struct nftnl_flowtable *flowtable = nft_must(nftnl_flowtable_alloc());
	char place[PLACE_BYTES], devices[256];
	uint32_t family;

	if (nftnl_flowtable_nlmsg_parse(message, flowtable) < 0)
		goto out;
	family = nftnl_flowtable_get_u32(flowtable, NFTNL_FLOWTABLE_FAMILY);
	snprintf(place, sizeof(place), "table %s %s, flowtable %s", family_name(family),
		 nftnl_flowtable_get_str(flowtable, NFTNL_FLOWTABLE_TABLE),
		 nftnl_flowtable_get_str(flowtable, NFTNL_FLOWTABLE_NAME));
	list_devices(flowtable, devices, sizeof(devices));
	host_add(host, HOST_WARNING, place,
		 "forwards packets of the flows in it past the forward hook%s%s%s%s: no cutoff "
		 "reaches them; leave the clients' traffic out of `flow add`, or take it away",
		 devices[0] ? " (devices " : "", devices, devices[0] ? ")" : "",
		 nftnl_flowtable_get_u32(flowtable, NFTNL_FLOWTABLE_FLAGS) &
				 NFT_FLOWTABLE_HW_OFFLOAD
			 ? ", in the devices themselves"
			 : "");
out:
	nftnl_flowtable_free(flowtable);
}

static void take_flowtable(const struct nlmsghdr *message, void *data)
{
	const struct look *look = data;

	nft_host_flowtable(look->host, message);
}

/* The old iptables keeps its rules elsewhere, and names its tables in files that are empty, or not
 * there, while it has none. */
static void look_for_iptables(struct host *host, const char *path)
{
	char tables[256] = "";
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(tables, 1, sizeof(tables) - 1, file) : 0;

	if (file)
		fclose(file);
	for (size_t i = 0; i < n; i++)
		if (tables[i] == '\n')
			tables[i] = i + 1 < n ? ' ' : '\0';
	if (n > 0)
		host_add(host, HOST_NOTE, path,
			 "rules of the old iptables (tables %s) were not looked at; see "
			 "iptables-legacy-save for NOTRACK, MARK and CONNMARK",
			 tables);
}

static int dump(struct nft_socket *socket, uint16_t type,
		void (*take)(const struct nlmsghdr *message, void *data), struct look *look)
{
	char buffer[4096];

	return nft_socket_dump(socket,
			       nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_UNSPEC, NLM_F_DUMP, 0),
			       take, look);
}

int nft_host_look(struct host *host, const struct nft_host_marks *marks)
{
	struct look look = {.host = host, .marks = marks};
	struct nft_socket *socket = nft_socket_open();
	int e = socket ? dump(socket, NFT_MSG_GETRULE, take_rule, &look) : -errno;

	if (!e)
		e = dump(socket, NFT_MSG_GETFLOWTABLE, take_flowtable, &look);
	nft_socket_close(socket);
	if (look.unread > 0)
		host_add(host, HOST_NOTE, "nf_tables",
			 "%zu rule%s of other programs could not be read by this libnftnl; see "
			 "`nft list ruleset` for notrack and mark",
			 look.unread, look.unread == 1 ? "" : "s");
	look_for_iptables(host, IPTABLES_V4);
	look_for_iptables(host, IPTABLES_V6);
	return e;
}
