/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks of real entries; the instants are made up, so that nothing waits. */
#include "daemon/enforcer/conntrack.h"

#include <netinet/in.h>

#include "daemon/enforcer/nft.h"
#include "tests/ruleset/net.h"
#include "tests/ruleset/sample_policy.h"

#define MARK_16 0x00100000U
#define MARK_17 0x00110000U

struct fixture {
	struct net net;
	struct nft *nft;
	struct conntrack *conntrack, *stranger;
	int client, server;
	struct conntrack_flow flow;
};

/* The kernel tracks from when a rule asks for a flow's mark. */
static void apply(struct fixture *f)
{
	struct sample sample;
	struct ruleset *ruleset;
	char error[NFT_ERROR];

	sample_fill(&sample, MODE_OBSERVE, WALL_NEVER, WALL_NEVER);
	ruleset = ruleset_compile(&sample.policy, &sample_options);
	if (nft_apply(f->nft, ruleset, error) != 0)
		fail_msg("%s", error);
	ruleset_free(ruleset);
}

static void make_flow(struct fixture *f, const char *client, const char *server)
{
	struct sockaddr_storage at;
	socklen_t length;

	f->server = net_socket(&f->net, SERVER, SOCK_DGRAM, server, 0);
	f->client = net_socket(&f->net, CLIENT, SOCK_DGRAM, client, 0);
	length = net_address(server, net_port(f->server), &at);
	assert_return_code(connect(f->client, (struct sockaddr *)&at, length), errno);
	f->flow = (struct conntrack_flow){.client_port = net_port(f->client),
					  .server_port = net_port(f->server),
					  .protocol = IPPROTO_UDP};
	assert_true(address_parse(client, &f->flow.client));
	assert_true(address_parse(server, &f->flow.server));
	net_enter(&f->net, GATEWAY);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[NFT_ERROR];

	net_open(&f->net);
	net_enter(&f->net, GATEWAY);
	f->nft = nft_open(error);
	f->conntrack = conntrack_open(error);
	f->stranger = conntrack_open(error);
	if (!f->nft || !f->conntrack || !f->stranger)
		fail_msg("%s", error);
	apply(f);
	make_flow(f, "10.77.1.2", "10.77.2.2");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->client);
	close(f->server);
	conntrack_close(f->stranger);
	conntrack_close(f->conntrack);
	nft_close(f->nft);
	net_close(&f->net);
	free(f);
	return 0;
}

static void send_one(struct fixture *f)
{
	assert_true(net_passes(f->client, f->server, 2000));
}

/* Of the one UDP flow that there is. */
static uint32_t mark_now(const char *family)
{
	char command[128], line[512] = "";
	const char *mark;
	FILE *pipe;

	snprintf(command, sizeof(command), "conntrack -L -f %s -p udp 2>/dev/null", family);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	mark = strstr(line, "mark=");
	assert_non_null(mark);
	return (uint32_t)strtoul(mark + strlen("mark="), NULL, 10);
}

static struct mono ms(double milliseconds)
{
	return (struct mono){CLOCK_SECOND + (int64_t)(milliseconds * 1e6)};
}

/* As a rule does that writes all of the mark. */
static void overwrite(struct fixture *f, uint32_t mark)
{
	conntrack_mark(f->stranger, &f->flow, mark, UINT32_MAX, ms(0));
	assert_int_equal(mark_now("ipv4"), mark);
}

static const struct conntrack_counters *counters(const struct fixture *f)
{
	return conntrack_counters(f->conntrack);
}

static void test_marks_and_keeps_other_bits(void **state)
{
	struct fixture *f = *state;

	send_one(f);
	overwrite(f, 0x40550001);
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	assert_int_equal(mark_now("ipv4"), 0x40000001U | MARK_16);
	assert_int_equal(counters(f)->marked, 1);
	conntrack_mark(f->conntrack, &f->flow, 0xffffffff, SAMPLE_MASK, ms(0));
	assert_int_equal(mark_now("ipv4"), 0x4fff0001U);
}

static void test_marks_v6(void **state)
{
	struct fixture *f = *state;

	close(f->client);
	close(f->server);
	make_flow(f, "fd77:1::2", "fd77:2::2");
	send_one(f);
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	assert_int_equal(mark_now("ipv6"), MARK_16);
}

static void test_either_side_of_a_masquerade(void **state)
{
	struct fixture *f = *state;
	struct conntrack_flow outside = f->flow;

	run("nft 'table ip nat { chain post { type nat hook postrouting priority srcnat; "
	    "oifname \"g2\" meta l4proto udp masquerade to :40000; }; }'");
	send_one(f);
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	assert_int_equal(mark_now("ipv4"), MARK_16);
	assert_true(address_parse("10.77.2.1", &outside.client));
	outside.client_port = 40000;
	conntrack_mark(f->conntrack, &outside, MARK_17, SAMPLE_MASK, ms(0));
	assert_int_equal(mark_now("ipv4"), MARK_17);
	assert_int_equal(counters(f)->marked, 2);
	/* ... and is read back there. */
	overwrite(f, 0);
	conntrack_work(f->conntrack, ms(1));
	assert_int_equal(counters(f)->rewritten, 2);
}

static void test_entry_comes_later(void **state)
{
	struct fixture *f = *state;
	struct mono due;

	assert_false(conntrack_deadline(f->conntrack, &due));
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	assert_int_equal(counters(f)->marked, 0);
	assert_int_equal(counters(f)->retried, 1);
	assert_true(conntrack_deadline(f->conntrack, &due));
	assert_in_range(due.ns, ms(0).ns + 1, ms(1).ns);
	send_one(f);
	conntrack_work(f->conntrack, due);
	assert_int_equal(counters(f)->marked, 1);
	assert_int_equal(mark_now("ipv4"), MARK_16);
}

static void test_entry_never_comes(void **state)
{
	struct fixture *f = *state;
	struct mono due = ms(0);
	int rounds = 0;

	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, due);
	while (conntrack_deadline(f->conntrack, &due) && rounds++ < 1000)
		conntrack_work(f->conntrack, due);
	assert_int_equal(counters(f)->not_found, 1);
	assert_int_equal(counters(f)->marked, 0);
	assert_in_range(due.ns, ms(4.9).ns, ms(5.5).ns);
}

static void test_lost_write_is_repeated(void **state)
{
	struct fixture *f = *state;
	struct mono due;

	send_one(f);
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	overwrite(f, 0x1);
	conntrack_work(f->conntrack, ms(0.9));
	assert_int_equal(mark_now("ipv4"), 1);
	conntrack_work(f->conntrack, ms(1));
	assert_int_equal(mark_now("ipv4"), MARK_16 | 1);
	assert_int_equal(counters(f)->rewritten, 1);
	assert_false(conntrack_deadline(f->conntrack, &due));
}

static void test_what_waits_does_not_undo_what_is_new(void **state)
{
	struct fixture *f = *state;

	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	send_one(f);
	conntrack_mark(f->conntrack, &f->flow, MARK_17, SAMPLE_MASK, ms(0.1));
	conntrack_work(f->conntrack, ms(10));
	assert_int_equal(mark_now("ipv4"), MARK_17);
	assert_int_equal(counters(f)->marked, 1);
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(20));
	conntrack_mark(f->conntrack, &f->flow, MARK_17, SAMPLE_MASK, ms(20));
	conntrack_work(f->conntrack, ms(30));
	assert_int_equal(mark_now("ipv4"), MARK_17);
	assert_int_equal(counters(f)->rewritten, 0);
}

static void test_queue_has_an_end(void **state)
{
	struct fixture *f = *state;
	struct mono due;

	for (uint32_t i = 0; i < 5000; i++) {
		f->flow.client_port = (uint16_t)(1024 + i);
		conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	}
	assert_int_equal(counters(f)->queue_full, 5000 - 4096);
	while (conntrack_deadline(f->conntrack, &due))
		conntrack_work(f->conntrack, due);
	assert_int_equal(counters(f)->not_found, 4096);
}

static void test_families_that_differ(void **state)
{
	struct fixture *f = *state;

	assert_true(address_parse("fd77:2::2", &f->flow.server));
	conntrack_mark(f->conntrack, &f->flow, MARK_16, SAMPLE_MASK, ms(0));
	assert_int_equal(counters(f)->refused, 1);
}

#define CONNTRACK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONNTRACK_TEST(test_marks_and_keeps_other_bits),
		CONNTRACK_TEST(test_marks_v6),
		CONNTRACK_TEST(test_either_side_of_a_masquerade),
		CONNTRACK_TEST(test_entry_comes_later),
		CONNTRACK_TEST(test_entry_never_comes),
		CONNTRACK_TEST(test_lost_write_is_repeated),
		CONNTRACK_TEST(test_what_waits_does_not_undo_what_is_new),
		CONNTRACK_TEST(test_queue_has_an_end),
		CONNTRACK_TEST(test_families_that_differ),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
