/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real packets through a gateway whose kernel holds the ruleset; nobody of ours runs meanwhile. */
#include "tests/ruleset/net.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/nft.h"
#include "tests/ruleset/sample_policy.h"

/* Longer than an end takes to send again what nobody acknowledged. */
#define HEARD_WITHIN 2000
/* What passes passes at once; what was refused must not come later either. */
#define NOT_WITHIN 150

#define HOUR (3600 * 1000)

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
	if (!f->nft)
		fail_msg("%s", error);
	f->conntrack = conntrack_open(error);
	if (!f->conntrack)
		fail_msg("%s", error);
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

static void apply(struct fixture *f, const struct policy *policy)
{
	struct ruleset *ruleset = ruleset_compile(policy, &sample_options);
	char error[NFT_ERROR] = "";

	if (nft_apply(f->nft, ruleset, error) != 0)
		fail_msg("%s", error);
	ruleset_free(ruleset);
}

static struct wall in_milliseconds(int64_t ms)
{
	return wall_add(clock_wall(), ms * CLOCK_MILLISECOND);
}

static void apply_sample(struct fixture *f, enum mode mode, struct wall cutoff, struct wall until)
{
	struct sample sample;

	sample_fill(&sample, mode, cutoff, until);
	apply(f, &sample.policy);
}

static void mark_flow(struct fixture *f, int client_fd, const char *client, const char *server,
		      uint16_t server_port, uint8_t protocol, uint32_t class)
{
	struct conntrack_flow flow = {
		.client_port = net_port(client_fd),
		.server_port = server_port,
		.protocol = protocol,
	};
	uint64_t before = conntrack_counters(f->conntrack)->marked;

	assert_true(address_parse(client, &flow.client));
	assert_true(address_parse(server, &flow.server));
	conntrack_mark(f->conntrack, &flow, class << SAMPLE_SHIFT, SAMPLE_MASK, clock_mono());
	assert_int_equal(conntrack_counters(f->conntrack)->marked, before + 1);
}

static struct connection marked(struct fixture *f, const char *client, const char *server,
				uint32_t class)
{
	struct connection c = net_connect(&f->net, CLIENT, client, SERVER, server);

	mark_flow(f, c.client, client, server, c.port, IPPROTO_TCP, class);
	return c;
}

static bool both_ways(const struct connection *c)
{
	return net_passes(c->client, c->server, HEARD_WITHIN) &&
	       net_passes(c->server, c->client, HEARD_WITHIN);
}

static bool neither_way(const struct connection *c)
{
	return !net_passes(c->client, c->server, NOT_WITHIN) &&
	       !net_passes(c->server, c->client, NOT_WITHIN);
}

static uint64_t counted(struct fixture *f, const char *name)
{
	struct nft_counter counters[64];
	int n = nft_counters(f->nft, counters, 64);

	assert_in_range(n, 1, 64);
	for (int i = 0; i < n; i++)
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].packets;
	fail_msg("no counter %s", name);
	return 0;
}

static bool is_latched(struct fixture *f, uint32_t number)
{
	struct nft_latch latches[64];
	int n = nft_latched(f->nft, latches, 64, NULL);

	assert_in_range(n, 0, 64);
	for (int i = 0; i < n; i++)
		if (latches[i].number == number)
			return true;
	return false;
}

/* From the cutoff on the server sends, then the client: both must hear, whoever speaks. */
static void open_connection_dies(struct fixture *f, const char *client, const char *server)
{
	struct wall cutoff;
	struct connection c;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	c = marked(f, client, server, SAMPLE_UPDATES);
	cutoff = in_milliseconds(500);
	apply_sample(f, MODE_ENFORCE, cutoff, WALL_NEVER);
	assert_true(both_ways(&c));
	assert_true(wall_before(clock_wall(), cutoff));
	assert_true(counted(f, "stage_3_before") > 0);
	assert_false(is_latched(f, 3));
	sleep_until(cutoff);
	assert_false(net_passes(c.server, c.client, NOT_WITHIN));
	assert_true(net_is_reset(c.client, HEARD_WITHIN));
	assert_true(net_is_reset(c.server, HEARD_WITHIN));
	print_message("# both ends heard within %lld ms\n",
		      (long long)((clock_wall().ns - cutoff.ns) / CLOCK_MILLISECOND));
	assert_true(is_latched(f, 3));
	assert_true(counted(f, "stage_3_refused") > 0);
	net_disconnect(&c);
}

static void test_open_connection_dies(void **state)
{
	open_connection_dies(*state, "10.77.1.2", "10.77.2.2");
}

static void test_open_connection_dies_v6(void **state)
{
	open_connection_dies(*state, "fd77:1::2", "fd77:2::2");
}

static void masquerade(struct fixture *f)
{
	net_enter(&f->net, GATEWAY);
	run("nft 'table ip nat { chain post { type nat hook postrouting priority srcnat; "
	    "oifname \"g2\" masquerade; }; }'");
}

static void test_open_connection_dies_behind_masquerade(void **state)
{
	masquerade(*state);
	open_connection_dies(*state, "10.77.1.2", "10.77.2.2");
}

/* Segmentation and checksums left to the device hide a wrong checksum: here nothing is left. */
static void offload_off(const struct net *net, enum place place, const char *interface)
{
	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq request = {.ifr_data = (char *)&value};
	int fd;

	net_enter(net, place);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_return_code(fd, errno);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_return_code(ioctl(fd, SIOCETHTOOL, &request), errno);
	close(fd);
}

static void test_reset_has_a_right_checksum(void **state)
{
	struct fixture *f = *state;

	offload_off(&f->net, CLIENT, "eth0");
	offload_off(&f->net, SERVER, "eth0");
	offload_off(&f->net, GATEWAY, "g1");
	offload_off(&f->net, GATEWAY, "g2");
	open_connection_dies(f, "10.77.1.2", "10.77.2.2");
	open_connection_dies(f, "fd77:1::2", "fd77:2::2");
}

static void test_speaking_client_is_reset(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_false(net_passes(c.client, c.server, NOT_WITHIN));
	assert_true(net_is_reset(c.client, HEARD_WITHIN));
	net_disconnect(&c);
}

static void test_drop_tells_nobody(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_TELEMETRY);
	assert_false(net_passes(c.client, c.server, NOT_WITHIN));
	assert_false(net_is_reset(c.client, NOT_WITHIN));
	assert_true(counted(f, "stage_4_refused") > 0);
	assert_true(is_latched(f, 4));
	net_disconnect(&c);
}

struct pass_case {
	const char *what, *client, *server;
	uint32_t class;
	bool want;
};

static void test_who_passes(void **state)
{
	static const struct pass_case cases[] = {
		{"a host of the scope", "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES, false},
		{"the same by IPv6", "fd77:1::2", "fd77:2::2", SAMPLE_UPDATES, false},
		{"a waived host", "10.77.1.7", "10.77.2.2", SAMPLE_UPDATES, true},
		{"a waived host by IPv6", "fd77:1::7", "fd77:2::2", SAMPLE_UPDATES, true},
		{"a waived host, another class", "10.77.1.7", "10.77.2.2", SAMPLE_TELEMETRY, false},
		{"outside of the scope", "10.77.1.200", "10.77.2.2", SAMPLE_UPDATES, true},
		{"outside by IPv6", "fd77:1:0:1::200", "fd77:2::2", SAMPLE_UPDATES, true},
		{"a destination never refused", "10.77.1.2", "10.77.2.9", SAMPLE_UPDATES, true},
		{"a class without a stage", "10.77.1.2", "10.77.2.2", SAMPLE_PERMITTED, true},
		{"clean", "10.77.1.2", "10.77.2.2", 2, true},
		{"undecided", "10.77.1.2", "10.77.2.2", 1, true},
		{"unknown", "10.77.1.2", "10.77.2.2", 3, true},
		{"plain HTTP", "10.77.1.2", "10.77.2.2", 4, true},
		{"another vendor's", "10.77.1.2", "10.77.2.2", 7, true},
		{"a number never allotted", "10.77.1.2", "10.77.2.2", 99, false},
	};
	struct fixture *f = *state;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pass_case *t = &cases[i];
		struct connection c = marked(f, t->client, t->server, t->class);

		if (!(t->want ? both_ways(&c) : neither_way(&c)))
			fail_msg("%s: %s", t->what, t->want ? "refused" : "passes");
		net_disconnect(&c);
	}
	assert_true(counted(f, "unallotted") > 0);
	assert_true(counted(f, "waiver_7_passed") > 0);
}

/* Rule of the original direction: a host of the scope that serves is in it as well. */
static void test_flow_opened_from_outside(void **state)
{
	struct fixture *f = *state;
	struct connection c = {0};

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	c = net_connect(&f->net, SERVER, "10.77.2.2", CLIENT, "10.77.1.2");
	mark_flow(f, c.client, "10.77.2.2", "10.77.1.2", c.port, IPPROTO_TCP, SAMPLE_UPDATES);
	assert_true(neither_way(&c));
	net_disconnect(&c);
	c = net_connect(&f->net, SERVER, "10.77.2.2", CLIENT, "10.77.1.200");
	mark_flow(f, c.client, "10.77.2.2", "10.77.1.200", c.port, IPPROTO_TCP, SAMPLE_UPDATES);
	assert_true(both_ways(&c));
	net_disconnect(&c);
}

static void test_the_gateways_own_flow(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	c = net_connect(&f->net, GATEWAY, "10.77.2.1", SERVER, "10.77.2.2");
	mark_flow(f, c.client, "10.77.2.1", "10.77.2.2", c.port, IPPROTO_TCP, SAMPLE_UPDATES);
	assert_true(both_ways(&c)); /* the gateway is not in the scope */
	net_disconnect(&c);
	c = net_connect(&f->net, GATEWAY, "10.77.1.1", SERVER, "10.77.2.2");
	mark_flow(f, c.client, "10.77.1.1", "10.77.2.2", c.port, IPPROTO_TCP, SAMPLE_UPDATES);
	assert_false(net_passes(c.client, c.server, NOT_WITHIN));
	assert_true(net_is_reset(c.client, HEARD_WITHIN));
	net_disconnect(&c);
}

static void test_observe_passes_and_counts(void **state)
{
	struct fixture *f = *state;
	struct connection c, odd;

	apply_sample(f, MODE_OBSERVE, in_milliseconds(-1000), WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_true(both_ways(&c));
	odd = marked(f, "10.77.1.2", "10.77.2.2", 99);
	assert_true(both_ways(&odd));
	assert_true(counted(f, "stage_3_observed") > 0);
	assert_true(counted(f, "unallotted") > 0);
	assert_int_equal(counted(f, "stage_3_refused"), 0);
	assert_false(is_latched(f, 3));
	/* The counter is no other after a change of mode. */
	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	assert_true(counted(f, "stage_3_observed") > 0);
	assert_true(neither_way(&c));
	net_disconnect(&c);
	net_disconnect(&odd);
}

/* No test sets a clock back. What it would leave is a latch whose instant is still to come, and
 * that can be written while nobody owns the table. */
static void test_latch_outlives_the_clock(void **state)
{
	struct fixture *f = *state;
	struct wall cutoff = in_milliseconds(HOUR);
	char error[NFT_ERROR];
	struct connection c, d;

	if (!nft_has_owner(f->nft))
		skip();
	apply_sample(f, MODE_ENFORCE, cutoff, WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_true(both_ways(&c));
	nft_close(f->nft);
	net_enter(&f->net, GATEWAY);
	run("nft add element inet cutoffd latched { 3 }");
	assert_true(neither_way(&c));
	f->nft = nft_open(error);
	apply_sample(f, MODE_ENFORCE, cutoff, WALL_NEVER);
	assert_true(is_latched(f, 3));
	d = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_true(neither_way(&d));
	net_disconnect(&c);
	net_disconnect(&d);
}

static void test_moved_date_forgets_the_latch(void **state)
{
	struct fixture *f = *state;
	struct wall cutoff = in_milliseconds(-1000);
	struct connection c, d;

	apply_sample(f, MODE_ENFORCE, cutoff, WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_true(neither_way(&c));
	assert_true(is_latched(f, 3));
	apply_sample(f, MODE_ENFORCE, wall_add(cutoff, -SAMPLE_DAY), WALL_NEVER);
	assert_true(is_latched(f, 3));
	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	assert_false(is_latched(f, 3));
	d = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	assert_true(both_ways(&d));
	net_disconnect(&c);
	net_disconnect(&d);
}

static void test_waiver_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct connection c;
	struct wall end;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), in_milliseconds(HOUR));
	c = marked(f, "10.77.1.7", "10.77.2.2", SAMPLE_UPDATES);
	end = in_milliseconds(500);
	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), end);
	assert_true(both_ways(&c));
	assert_true(wall_before(clock_wall(), end));
	assert_false(is_latched(f, 7));
	sleep_until(end);
	assert_false(net_passes(c.client, c.server, NOT_WITHIN));
	assert_true(net_is_reset(c.client, HEARD_WITHIN));
	assert_true(is_latched(f, 7));
	net_disconnect(&c);
}

static void test_stage_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct sample sample;
	struct connection c;
	struct wall end;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_TELEMETRY);
	end = in_milliseconds(400);
	sample_fill(&sample, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	sample.stages[2].until = end;
	apply(f, &sample.policy);
	assert_false(net_passes(c.client, c.server, 50));
	assert_true(wall_before(clock_wall(), end));
	assert_true(is_latched(f, 4));
	sleep_until(end);
	assert_true(net_passes(c.client, c.server, HEARD_WITHIN));
	net_disconnect(&c);
}

/* A rehearsal shifts the constants: what the policy has in a year is a moment away. */
static void test_rehearsal(void **state)
{
	struct fixture *f = *state;
	struct sample sample;
	struct connection c;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	c = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_UPDATES);
	sample_fill(&sample, MODE_ENFORCE, wall_add(in_milliseconds(300), 365 * SAMPLE_DAY),
		    WALL_NEVER);
	sample.policy.offset_ns = 365 * SAMPLE_DAY;
	apply(f, &sample.policy);
	assert_true(both_ways(&c));
	sleep_until(wall_add(sample.stages[0].cutoff, -365 * SAMPLE_DAY));
	assert_true(neither_way(&c));
	net_disconnect(&c);
}

static void test_datagram_gets_an_error(void **state)
{
	static const char *const ends[][2] = {{"10.77.1.2", "10.77.2.2"},
					      {"fd77:1::2", "fd77:2::2"}};
	struct fixture *f = *state;

	apply_sample(f, MODE_ENFORCE, in_milliseconds(-1000), WALL_NEVER);
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage at;
		int server = net_socket(&f->net, SERVER, SOCK_DGRAM, ends[i][1], 0);
		int client = net_socket(&f->net, CLIENT, SOCK_DGRAM, ends[i][0], 0);
		socklen_t length = net_address(ends[i][1], net_port(server), &at);
		int error = 0;
		socklen_t size = sizeof(error);

		assert_return_code(connect(client, (struct sockaddr *)&at, length), errno);
		assert_true(net_passes(client, server, HEARD_WITHIN));
		mark_flow(f, client, ends[i][0], ends[i][1], net_port(server), IPPROTO_UDP,
			  SAMPLE_UPDATES);
		assert_int_equal(send(client, "y", 1, 0), 1);
		assert_true(net_wait(client, POLLERR, HEARD_WITHIN));
		assert_return_code(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size), errno);
		/* What the kernel makes of "administratively prohibited". */
		assert_int_equal(error, i == 0 ? EHOSTUNREACH : EACCES);
		assert_false(net_wait(server, POLLIN, NOT_WITHIN));
		close(client);
		close(server);
	}
}

/* A flow that is refused by its addresses and ports, whatever its mark says. */
static void test_cut_tuple(void **state)
{
	static const struct {
		const char *client, *server, *set;
	} flows[] = {{"10.77.1.2", "10.77.2.2", "cut_v4"}, {"fd77:1::2", "fd77:2::2", "cut_v6"}};
	struct fixture *f = *state;
	char error[NFT_ERROR];

	if (!nft_has_owner(f->nft))
		skip();
	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	nft_close(f->nft);
	for (size_t i = 0; i < 2; i++) {
		struct connection c =
			net_connect(&f->net, CLIENT, flows[i].client, SERVER, flows[i].server);

		assert_true(both_ways(&c));
		net_enter(&f->net, GATEWAY);
		run("nft 'add element inet cutoffd %s { %s . %u . %s . %u . tcp timeout 60s }'",
		    flows[i].set, flows[i].client, net_port(c.client), flows[i].server, c.port);
		assert_false(net_passes(c.client, c.server, NOT_WITHIN));
		assert_true(net_is_reset(c.client, HEARD_WITHIN));
		net_disconnect(&c);
	}
	f->nft = nft_open(error);
	apply_sample(f, MODE_ENFORCE, in_milliseconds(HOUR), WALL_NEVER);
	run("nft list set inet cutoffd cut_v4 | grep -q 10.77.1.2"); /* a new ruleset keeps it */
}

/* No packet may slip through between two rulesets, and no open flow may be hurt. */
static void test_reload_under_traffic(void **state)
{
	struct fixture *f = *state;
	struct wall cutoff = in_milliseconds(-1000);
	struct sockaddr_storage at;
	int server = net_socket(&f->net, SERVER, SOCK_DGRAM, "10.77.2.2", 0);
	int client = net_socket(&f->net, CLIENT, SOCK_DGRAM, "10.77.1.2", 0);
	socklen_t length = net_address("10.77.2.2", net_port(server), &at);
	struct connection permitted;

	apply_sample(f, MODE_ENFORCE, cutoff, WALL_NEVER);
	permitted = marked(f, "10.77.1.2", "10.77.2.2", SAMPLE_PERMITTED);
	assert_return_code(connect(client, (struct sockaddr *)&at, length), errno);
	assert_true(net_passes(client, server, HEARD_WITHIN));
	mark_flow(f, client, "10.77.1.2", "10.77.2.2", net_port(server), IPPROTO_UDP,
		  SAMPLE_UPDATES);
	for (int i = 0; i < 100; i++) {
		apply_sample(f, MODE_ENFORCE, cutoff, in_milliseconds(i));
		for (int j = 0; j < 20; j++)
			(void)!send(client, "y", 1, 0);
		assert_true(both_ways(&permitted));
	}
	assert_false(net_wait(server, POLLIN, NOT_WITHIN));
	assert_true(counted(f, "stage_3_refused") >= 1000);
	net_disconnect(&permitted);
	close(client);
	close(server);
}

#define PACKET_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(test_open_connection_dies),
		PACKET_TEST(test_open_connection_dies_v6),
		PACKET_TEST(test_open_connection_dies_behind_masquerade),
		PACKET_TEST(test_reset_has_a_right_checksum),
		PACKET_TEST(test_speaking_client_is_reset),
		PACKET_TEST(test_drop_tells_nobody),
		PACKET_TEST(test_who_passes),
		PACKET_TEST(test_flow_opened_from_outside),
		PACKET_TEST(test_the_gateways_own_flow),
		PACKET_TEST(test_observe_passes_and_counts),
		PACKET_TEST(test_latch_outlives_the_clock),
		PACKET_TEST(test_moved_date_forgets_the_latch),
		PACKET_TEST(test_waiver_ends_by_itself),
		PACKET_TEST(test_stage_ends_by_itself),
		PACKET_TEST(test_rehearsal),
		PACKET_TEST(test_datagram_gets_an_error),
		PACKET_TEST(test_cut_tuple),
		PACKET_TEST(test_reload_under_traffic),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
