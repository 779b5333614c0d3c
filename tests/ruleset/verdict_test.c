/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's verdict is the policy's: random policies, flows and instants, each flow with real
 * packets in both directions. The instants lie around the present, which nobody shifts. SEED=N
 * repeats what a failure names; POLICIES=N tries so many.
 */
#include "tests/ruleset/net.h"

#include <netinet/in.h>

#include "daemon/enforcer/conntrack.h"
#include "daemon/enforcer/nft.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stage.h"
#include "tests/ruleset/sample_policy.h"

#define POLICIES 120
#define FLOWS 6

#define CLASSES 4 /* allotted: 16 to 19 */
#define SCOPES 4
#define STAGES 6
#define WAIVERS 3
#define PREFIXES 4

static const char *const inside[] = {"10.77.1.2", "10.77.1.7", "10.77.1.200",
				     "fd77:1::2", "fd77:1::7", "fd77:1:0:1::200"};
static const char *const outside[] = {"10.77.2.2", "10.77.2.9", "fd77:2::2"};
static const uint16_t allotted[CLASSES] = {16, 17, 18, 19};

struct fixture {
	struct net net;
	struct nft *nft;
	struct conntrack *conntrack;
	uint64_t random;
	uint32_t number; /* of the next stage or waiver: none is used twice */
	unsigned int seen[VERDICT_DROP + 1];
};

struct made {
	struct policy policy;
	struct policy_class classes[CLASSES];
	struct policy_scope scopes[SCOPES];
	struct policy_stage stages[STAGES];
	struct policy_waiver waivers[WAIVERS];
	struct prefix prefixes[SCOPES + WAIVERS + 1][PREFIXES];
	uint16_t waived[WAIVERS][CLASSES];
};

struct flow {
	int client, server;
	const char *client_text, *server_text;
	struct conntrack_flow conntrack;
};

/* xorshift64 */
static uint32_t below(struct fixture *f, uint32_t n)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)(f->random >> 33) % n;
}

static const char *host(struct fixture *f)
{
	return below(f, 3) ? inside[below(f, 6)] : outside[below(f, 3)];
}

/* Around one of the hosts, from all addresses to it alone. */
static struct prefix prefix_around(struct fixture *f)
{
	struct prefix p = {0};
	size_t bits;

	assert_true(address_parse(host(f), &p.address));
	bits = 8 * address_size(&p.address);
	p.length = (uint8_t)(below(f, 8) ? bits - below(f, below(f, 2) ? 9 : 70) % bits : 0);
	for (size_t bit = p.length; bit < bits; bit++)
		p.address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

static size_t prefixes_around(struct fixture *f, struct prefix *prefixes, uint32_t least)
{
	size_t n = least + below(f, PREFIXES + 1 - least);

	for (size_t i = 0; i < n; i++)
		prefixes[i] = prefix_around(f);
	return n;
}

/* Minutes or years away from now, so that nothing comes about during the test; past: of four. */
static struct wall instant_around(struct fixture *f, const struct policy *policy, uint32_t past)
{
	static const int64_t distances[] = {60, 3600, 86400, 400LL * 86400};
	int64_t distance = distances[below(f, 4)] * CLOCK_SECOND;
	struct wall now = wall_add(clock_wall(), policy->offset_ns);

	return wall_add(now, below(f, 4) < past ? -distance : distance);
}

static void make_stages(struct fixture *f, struct made *m)
{
	m->policy.stages = m->stages;
	m->policy.stages_count = 1 + below(f, STAGES);
	for (size_t i = 0; i < m->policy.stages_count; i++) {
		struct policy_stage *s = &m->stages[i];

		s->number = f->number++;
		s->class = m->classes[below(f, (uint32_t)m->policy.classes_count)].number;
		s->scope = (uint16_t)below(f, SCOPES);
		s->cutoff = instant_around(f, &m->policy, 3);
		s->until = below(f, 3) ? WALL_NEVER : instant_around(f, &m->policy, 1);
		s->action = below(f, 3) ? ACTION_REJECT : ACTION_DROP;
	}
	qsort(m->stages, m->policy.stages_count, sizeof(m->stages[0]), stage_compare);
}

static void make_waivers(struct fixture *f, struct made *m)
{
	m->policy.waivers = m->waivers;
	m->policy.waivers_count = below(f, WAIVERS + 1);
	for (size_t i = 0; i < m->policy.waivers_count; i++) {
		struct policy_waiver *w = &m->waivers[i];

		w->number = f->number++;
		w->hosts = m->prefixes[SCOPES + i];
		w->hosts_count = prefixes_around(f, m->prefixes[SCOPES + i], 1);
		w->classes = m->waived[i];
		for (uint16_t j = 0; j < CLASSES; j++)
			if (below(f, 2))
				m->waived[i][w->classes_count++] = allotted[j];
		w->until = instant_around(f, &m->policy, 2);
	}
}

static void make_policy(struct fixture *f, struct made *m)
{
	*m = (struct made){.policy = {.mode = below(f, 4) ? MODE_ENFORCE : MODE_OBSERVE}};
	m->policy.offset_ns = below(f, 2) ? 0 : ((int64_t)below(f, 2000) - 1000) * SAMPLE_DAY;
	m->policy.classes = m->classes;
	m->policy.classes_count = 1 + below(f, CLASSES);
	for (size_t i = 0; i < m->policy.classes_count; i++)
		m->classes[i] = (struct policy_class){allotted[i], "acme", i % 2 ? "a-b" : "a_b"};
	m->policy.scopes = m->scopes;
	m->policy.scopes_count = SCOPES;
	for (size_t i = 0; i < SCOPES; i++)
		m->scopes[i] = (struct policy_scope){.name = i % 2 ? "a b" : "a.b",
						     .any = below(f, 4) == 0,
						     .sources = m->prefixes[i],
						     .sources_count =
							     prefixes_around(f, m->prefixes[i], 1)};
	make_stages(f, m);
	make_waivers(f, m);
	m->policy.never = m->prefixes[SCOPES + WAIVERS];
	if (below(f, 3) == 0)
		m->policy.never_count = prefixes_around(f, m->prefixes[SCOPES + WAIVERS], 0);
}

static void apply(struct fixture *f, const struct made *made)
{
	const struct ruleset_options options = {.mask = SAMPLE_MASK,
						.told = SAMPLE_TOLD,
						.classes_allotted = allotted,
						.classes_allotted_count = CLASSES};
	struct ruleset *ruleset = ruleset_compile(&made->policy, &options);
	char error[NFT_ERROR];

	if (nft_apply(f->nft, ruleset, error) != 0 || nft_compare(f->nft, ruleset, error) != 0)
		fail_msg("%s", error);
	ruleset_free(ruleset);
}

/* Opened from inside or, one in three, from outside; its first packet finds nobody who knows. */
static struct flow open_flow(struct fixture *f)
{
	const char *in = inside[below(f, 6)];
	const char *out = strchr(in, ':') ? outside[2] : outside[below(f, 2)];
	bool from_inside = below(f, 3) != 0;
	struct flow flow = {.client_text = from_inside ? in : out,
			    .server_text = from_inside ? out : in};
	struct sockaddr_storage at;
	socklen_t length;

	flow.client =
		net_socket(&f->net, from_inside ? CLIENT : SERVER, SOCK_DGRAM, flow.client_text, 0);
	flow.server =
		net_socket(&f->net, from_inside ? SERVER : CLIENT, SOCK_DGRAM, flow.server_text, 0);
	flow.conntrack = (struct conntrack_flow){.client_port = net_port(flow.client),
						 .server_port = net_port(flow.server),
						 .protocol = IPPROTO_UDP};
	assert_true(address_parse(flow.client_text, &flow.conntrack.client));
	assert_true(address_parse(flow.server_text, &flow.conntrack.server));
	length = net_address(flow.server_text, flow.conntrack.server_port, &at);
	assert_return_code(connect(flow.client, (struct sockaddr *)&at, length), errno);
	length = net_address(flow.client_text, flow.conntrack.client_port, &at);
	assert_return_code(connect(flow.server, (struct sockaddr *)&at, length), errno);
	assert_true(net_passes(flow.client, flow.server, 2000));
	return flow;
}

static uint64_t counted(struct fixture *f, const char *format, uint32_t number)
{
	struct nft_counter counters[64];
	int n = nft_counters(f->nft, counters, 64);
	char name[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(name, sizeof(name), format, number);
#pragma GCC diagnostic pop
	assert_in_range(n, 0, 64);
	for (int i = 0; i < n; i++)
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].packets;
	return 0;
}

/* An ICMP error is not what is looked for here: it is taken off the socket. */
static bool arrives(int from, int to, bool wanted)
{
	int error;
	socklen_t size = sizeof(error);

	getsockopt(from, SOL_SOCKET, SO_ERROR, &error, &size);
	getsockopt(to, SOL_SOCKET, SO_ERROR, &error, &size);
	return net_passes(from, to, wanted ? 2000 : 15);
}

static void try_flow(struct fixture *f, const struct made *made, uint64_t seed)
{
	struct flow flow = open_flow(f);
	uint32_t classes = below(f, 4) ? (uint32_t)made->policy.classes_count : CLASSES;
	uint16_t class = allotted[below(f, classes)];
	struct wall now = wall_add(clock_wall(), made->policy.offset_ns);
	struct decision want = policy_judge(&made->policy, class, &flow.conntrack.client,
					    &flow.conntrack.server, now);
	bool passes = want.verdict == VERDICT_ALLOW || want.verdict == VERDICT_OBSERVE;
	const char *format = want.verdict == VERDICT_OBSERVE ? RULESET_COUNTER_OBSERVED
							     : RULESET_COUNTER_REFUSED;
	uint32_t stage = want.stage ? want.stage->number : 0;
	uint64_t before = counted(f, format, stage);
	bool there, back;

	conntrack_mark(f->conntrack, &flow.conntrack, (uint32_t) class << SAMPLE_SHIFT, SAMPLE_MASK,
		       clock_mono());
	there = arrives(flow.client, flow.server, passes);
	back = arrives(flow.server, flow.client, passes);
	if (there != passes || back != passes)
		fail_msg("SEED=%llu: class %u, %s to %s: the policy says %s, the kernel %s %s",
			 (unsigned long long)seed, class, flow.client_text, flow.server_text,
			 verdict_name(want.verdict), there ? "passes" : "refuses",
			 back ? "passes" : "refuses");
	if (counted(f, format, stage) - before != (want.verdict == VERDICT_ALLOW ? 0 : 2))
		fail_msg("SEED=%llu: class %u, %s to %s: stage %u did not count the verdict %s",
			 (unsigned long long)seed, class, flow.client_text, flow.server_text, stage,
			 verdict_name(want.verdict));
	f->seen[want.verdict]++;
	close(flow.client);
	close(flow.server);
}

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
	f->number = 1;
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

static void test_verdicts_equal(void **state)
{
	const char *given = getenv("SEED"), *many = getenv("POLICIES");
	uint64_t policies = given ? 1 : many ? strtoull(many, NULL, 10) : POLICIES;
	uint64_t first = given ? strtoull(given, NULL, 10) : 1;
	struct fixture *f = *state;

	for (uint64_t seed = first; seed < first + policies; seed++) {
		struct made made;

		f->random = seed * UINT64_C(0x9e3779b97f4a7c15);
		make_policy(f, &made);
		apply(f, &made);
		for (int i = 0; i < FLOWS; i++)
			try_flow(f, &made, seed);
	}
	for (int i = VERDICT_ALLOW; !given && i <= VERDICT_DROP; i++)
		assert_true(f->seen[i] > policies * FLOWS / 50);
	print_message("# allow %u, observe %u, reject %u, drop %u\n", f->seen[VERDICT_ALLOW],
		      f->seen[VERDICT_OBSERVE], f->seen[VERDICT_REJECT], f->seen[VERDICT_DROP]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_verdicts_equal, setup, teardown),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
