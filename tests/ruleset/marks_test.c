/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other programs use the rest of the marks: of packets and of flows, before our chains and behind
 * them. No bit of theirs may change, whatever becomes of the flow. */
#include "tests/ruleset/net.h"

#include <netinet/in.h>

#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/nft.h"
#include "tests/ruleset/sample_policy.h"

#define WITHIN 2000
#define NOT_WITHIN 150

#define OURS (SAMPLE_MASK | SAMPLE_TOLD)
/* What the others write: all bits of packets' marks, and of flows' those that are not ours. */
#define PACKET_MARK 0x5a6b7c8d
#define FLOW_BEFORE 0xa000b6b5
#define FLOW_BEHIND 0x4000c3c3

struct fixture {
	struct net net;
	struct nft *nft;
	struct conntrack *conntrack;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[NFT_ERROR];

	net_open(&f->net);
	net_enter(&f->net, GATEWAY);
	f->nft = nft_open(error);
	f->conntrack = conntrack_open(error);
	if (!f->nft || !f->conntrack)
		fail_msg("%s", error);
	run("nft 'table inet others { "
	    "counter seen {}; counter packet_changed {}; counter flow_changed {}; "
	    "chain before { type filter hook prerouting priority mangle - 10; "
	    "meta mark set 0x%x; ct mark set ct mark and 0x%x or 0x%x; }; "
	    "chain behind { type filter hook forward priority mangle + 10; counter name seen; "
	    "meta mark != 0x%x counter name packet_changed; "
	    "ct mark and 0x%x != 0x%x counter name flow_changed; "
	    "ct mark set ct mark and 0x%x or 0x%x; }; }'",
	    PACKET_MARK, OURS, FLOW_BEFORE, PACKET_MARK, ~OURS, FLOW_BEFORE, OURS, FLOW_BEHIND);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conntrack_close(f->conntrack);
	nft_close(f->nft);
	net_close(&f->net);
	free(f);
	return 0;
}

static void apply(struct fixture *f, int64_t milliseconds)
{
	struct sample sample;
	struct ruleset *ruleset;
	char error[NFT_ERROR];

	sample_fill(&sample, MODE_ENFORCE, wall_add(clock_wall(), milliseconds * CLOCK_MILLISECOND),
		    WALL_NEVER);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	if (nft_apply(f->nft, ruleset, error) != 0)
		fail_msg("%s", error);
	ruleset_free(ruleset);
}

static struct connection marked(struct fixture *f, const char *client, const char *server)
{
	struct connection c = net_connect(&f->net, CLIENT, client, SERVER, server);
	struct conntrack_flow flow = {
		.client_port = net_port(c.client), .server_port = c.port, .protocol = IPPROTO_TCP};

	assert_true(address_parse(client, &flow.client));
	assert_true(address_parse(server, &flow.server));
	conntrack_mark(f->conntrack, &flow, SAMPLE_UPDATES << SAMPLE_SHIFT, SAMPLE_MASK,
		       clock_mono());
	return c;
}

static uint32_t flow_mark(struct fixture *f, const char *client, uint16_t port)
{
	char command[256], line[64] = "";
	FILE *out;

	net_enter(&f->net, GATEWAY);
	snprintf(command, sizeof(command),
		 "conntrack -L -f %s -p tcp --sport %u 2>/dev/null | "
		 "sed -n 's/.* mark=\\([0-9]*\\).*/\\1/p'",
		 strchr(client, ':') ? "ipv6" : "ipv4", port);
	out = popen(command, "r");
	assert_non_null(out);
	if (!fgets(line, sizeof(line), out))
		fail_msg("no such flow: %s", command);
	pclose(out);
	return (uint32_t)strtoul(line, NULL, 10);
}

static void others_are_untouched(struct fixture *f)
{
	net_enter(&f->net, GATEWAY);
	run("! nft list counter inet others seen | grep -q 'packets 0 '");
	run("nft list counter inet others packet_changed | grep -q 'packets 0 '");
	run("nft list counter inet others flow_changed | grep -q 'packets 0 '");
}

/* By the direction of the first refused packet. */
static void refused_flow(struct fixture *f, const char *client, const char *server,
			 bool from_server)
{
	struct connection c;
	uint16_t port;
	uint32_t mark;

	apply(f, 3600 * 1000);
	c = marked(f, client, server);
	port = net_port(c.client);
	assert_true(net_passes(c.client, c.server, WITHIN));
	assert_true(net_passes(c.server, c.client, WITHIN));
	others_are_untouched(f);
	assert_int_equal(flow_mark(f, client, port), SAMPLE_UPDATES << SAMPLE_SHIFT | FLOW_BEHIND);

	apply(f, -1000);
	if (from_server)
		assert_false(net_passes(c.server, c.client, NOT_WITHIN));
	else
		assert_false(net_passes(c.client, c.server, NOT_WITHIN));
	assert_true(net_is_reset(c.client, WITHIN));
	if (from_server)
		assert_true(net_is_reset(c.server, WITHIN));
	others_are_untouched(f);
	mark = flow_mark(f, client, port);
	assert_int_equal(mark & OURS,
			 SAMPLE_UPDATES << SAMPLE_SHIFT | (from_server ? SAMPLE_TOLD : 0));
	/* What was refused last did not come to the chain behind. */
	assert_int_equal(mark & ~OURS, FLOW_BEFORE);
	net_disconnect(&c);
}

static void test_refused_in_reply_direction(void **state)
{
	refused_flow(*state, "10.77.1.2", "10.77.2.2", true);
	refused_flow(*state, "fd77:1::2", "fd77:2::2", true);
}

static void test_refused_in_original_direction(void **state)
{
	refused_flow(*state, "10.77.1.2", "10.77.2.2", false);
	refused_flow(*state, "fd77:1::2", "fd77:2::2", false);
}

#define MARKS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MARKS_TEST(test_refused_in_reply_direction),
		MARKS_TEST(test_refused_in_original_direction),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
