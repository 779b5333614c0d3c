/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is found on a machine whose other programs' rules could defeat the enforcement. */
#include "daemon/enforcer/host.h"

#include "tests/ruleset/namespace.h"

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/flowtable.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/mount.h>

#include "daemon/enforcer/nft_host.h"
#include "tests/ruleset/sample_policy.h"

struct fixture {
	int home, mounts;
	char folder[32], events[64];
	const char *interfaces[2];
	struct settings settings;
	struct ruleset *ruleset;
};

/* A namespace that looks as a gateway should. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sample sample;

	f->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	f->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	assert_return_code(f->home, errno);
	assert_return_code(f->mounts, errno);
	close(net_namespace());
	assert_return_code(unshare(CLONE_NEWNS), errno);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	assert_return_code(mount("sysfs", "/sys", "sysfs", 0, NULL), errno);
	run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
	run("ip link add lan0 type veth peer name wan0; ip link set lan0 up; ip link set wan0 up");
	strcpy(f->folder, "/tmp/cutoffd-host.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->events, sizeof(f->events), "%s/events.json", f->folder);
	f->interfaces[0] = "lan0";
	f->interfaces[1] = "wan0";
	f->settings = (struct settings){
		.capture = CAPTURE_PASSIVE,
		.interfaces = f->interfaces,
		.interfaces_count = 2,
		.state = f->folder,
		.runtime = f->folder,
		.events = f->events,
		.mask = SAMPLE_MASK,
		.told = SAMPLE_TOLD,
	};
	sample_fill(&sample, MODE_ENFORCE, (struct wall){0}, WALL_NEVER);
	f->ruleset = ruleset_compile(&sample.policy, &sample_options);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rmdir(f->folder);
	ruleset_free(f->ruleset);
	assert_return_code(setns(f->mounts, CLONE_NEWNS), errno);
	assert_return_code(setns(f->home, CLONE_NEWNET), errno);
	close(f->mounts);
	close(f->home);
	free(f);
	return 0;
}

static char *printed(const struct host *host)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	host_print(host, out);
	fclose(out);
	return text;
}

static char *look(struct fixture *f)
{
	struct host *host = host_look(&f->settings, f->ruleset);
	char *text = printed(host);

	assert_int_equal(host_count(host, HOST_ERROR), 0);
	host_free(host);
	return text;
}

/* The lines that begin so; the last one in line. */
static size_t lines(const char *text, const char *beginning, char line[1024])
{
	size_t count = 0, length = strlen(beginning);

	line[0] = '\0';
	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, beginning, length) == 0) {
			count++;
			snprintf(line, 1024, "%.*s", (int)strcspn(text, "\n"), text);
		}
		if (*text == '\0')
			break;
	}
	return count;
}

struct rule_case {
	const char *what;
	const char *family;
	const char *hook;
	const char *rule;
	bool inline_capture;
	const char *severity; /* NULL: nothing is found */
	const char *words;
};

static const struct rule_case rule_cases[] = {
	{"notrack", "ip", "prerouting priority raw", "udp dport 53 notrack", false, "warning ",
	 "out of conntrack"},
	{"notrack in IPv6", "ip6", "output priority raw", "notrack", false, "warning ",
	 "out of conntrack"},
	{"a conntrack zone", "inet", "prerouting priority raw", "ct zone set 5", false, "warning ",
	 "conntrack zone"},
	{"fwd", "netdev", "ingress device lan0 priority 0", "fwd to wan0", false, "warning ",
	 "another device"},
	{"tproxy", "ip", "prerouting priority mangle", "tcp dport 80 tproxy to 127.0.0.1:80", false,
	 "note    ", "a scope has to name that"},

	{"the whole flow mark is written", "inet", "forward priority 0", "ct mark set 1", false,
	 "warning ", "writes bits 0xffffffff"},
	{"the flow mark from the packet's", "inet", "forward priority 0", "ct mark set meta mark",
	 false, "warning ", "writes bits 0xffffffff"},
	{"some of our bits", "inet", "forward priority 0",
	 "ct mark set ct mark and 0xff00ffff or 0x00010000", false, "warning ",
	 "keeps the class (0x00ff0000)"},
	{"the bit `told`", "inet", "forward priority 0", "ct mark set ct mark or 0x10000000", false,
	 "warning ", "keeps the class (0x10000000)"},
	{"others' bits", "inet", "forward priority 0", "ct mark set ct mark and 0xffff0000 or 0x05",
	 false, NULL, NULL},
	{"others' bits, or-ed", "inet", "forward priority 0", "ct mark set ct mark or 0x05", false,
	 NULL, NULL},

	{"the whole flow mark is compared", "inet", "forward priority 0", "ct mark 1 accept", false,
	 "warning ", "compares bits 0xffffffff"},
	{"some of our bits are compared", "inet", "forward priority 0",
	 "ct mark and 0x00ff0000 != 0 accept", false, "warning ", "compares bits 0x00ff0000"},
	{"others' bits are compared", "inet", "forward priority 0", "ct mark and 0xff == 1 accept",
	 false, NULL, NULL},
	{"in a map", "inet", "forward priority 0", "ct mark vmap { 1 : accept, 2 : drop }", false,
	 "warning ", "compares bits 0xffffffff"},
	{"in a key of several fields", "inet", "forward priority 0",
	 "ct mark . ip saddr { 5 . 10.0.0.1 } accept", false, "warning ",
	 "compares bits 0xffffffff"},

	{"the flow's mark into the packet", "inet", "prerouting priority mangle",
	 "meta mark set ct mark", false, "note    ", "copies bits 0xffffffff"},
	{"others' bits into the packet", "inet", "prerouting priority mangle",
	 "meta mark set ct mark and 0xff", false, NULL, NULL},
	{"the packet's mark, not ours in passive mode", "inet", "prerouting priority mangle",
	 "meta mark set 0x00010000", false, NULL, NULL},
	{"the packet's mark", "inet", "prerouting priority mangle", "meta mark set 0x00010000",
	 true, "warning ", "writes bits 0xffffffff of packets' marks"},
	{"the packet's mark compared", "inet", "prerouting priority mangle",
	 "meta mark 0x00010000 drop", true, "warning ", "compares bits 0xffffffff of packets'"},
	{"the packet's mark, others' bits", "inet", "prerouting priority mangle",
	 "meta mark set meta mark and 0xffffff00 or 0x01", true, NULL, NULL},

	{"an accept that comes first skips none of ours", "inet", "forward priority -300", "accept",
	 true, NULL, NULL},
	{"a mark behind an address", "inet", "forward priority 0",
	 "ip saddr 10.0.0.1 ct mark and 0xff == 1 accept", true, NULL, NULL},
};

static void test_rules(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rule_cases) / sizeof(rule_cases[0]); i++) {
		const struct rule_case *t = &rule_cases[i];
		char place[128], line[1024], *text;
		size_t n;

		run("nft 'table %s others { chain c { type filter hook %s; %s; }; }'", t->family,
		    t->hook, t->rule);
		f->settings.capture = t->inline_capture ? CAPTURE_INLINE : CAPTURE_PASSIVE;
		text = look(f);
		snprintf(place, sizeof(place), "  %s table %s others, chain c, rule ",
			 t->severity ? t->severity : "", t->family);
		n = lines(text, place, line);
		if (!t->severity && strstr(text, "others, chain"))
			fail_msg("%s: something is found:\n%s", t->what, text);
		if (t->severity && (n != 1 || !strstr(line, t->words)))
			fail_msg("%s: \"%s\" is not found:\n%s", t->what, t->words, text);
		free(text);
		run("nft delete table %s others", t->family);
	}
}

static void test_many_rules_are_one_line(void **state)
{
	char line[1024], *text;

	run("nft 'table ip raw { chain a { type filter hook prerouting priority raw; "
	    "udp dport 1 notrack; udp dport 2 notrack; udp dport 3 notrack; }; "
	    "chain b { notrack; }; }'");
	text = look(*state);
	assert_int_equal(lines(text, "  warning  table ip raw, chain a", line), 1);
	assert_non_null(strstr(line, " and 2 more: "));
	assert_int_equal(lines(text, "  warning  table ip raw, chain b", line), 1);
	assert_null(strstr(line, " more: "));
	free(text);
}

static void test_our_own_table_is_no_finding(void **state)
{
	char *text;

	run("nft 'table inet cutoffd { chain c { type filter hook forward priority 0; "
	    "ct mark set 0x00100000; }; }; table ip cutoffd { chain c { notrack; }; }'");
	text = look(*state);
	assert_null(strstr(text, "table inet cutoffd"));
	assert_non_null(strstr(text, "table ip cutoffd"));
	free(text);
	run("nft list table inet cutoffd | grep -q 0x00100000"); /* looked at, and left alone */
}

static void test_looking_leaves_nothing(void **state)
{
	free(look(*state));
	run("test -z \"$(nft list ruleset)\"");
}

static void test_good_gateway(void **state)
{
	char line[1024], *text = look(*state);

	assert_int_equal(lines(text, "  warning  interface", line), 0);
	assert_int_equal(lines(text, "  warning  sysctl", line), 0);
	assert_int_equal(lines(text, "  warning  directory", line), 0);
	assert_int_equal(lines(text, "  warning  table", line), 0);
	assert_int_equal(lines(text, "  note     sysctl", line), 0);
	free(text);
}

static void test_system(void **state)
{
	struct fixture *f = *state;
	char line[1024], *text;

	run("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0");
	run("ip link set lan0 down");
	f->interfaces[1] = "wan7";
	text = look(f);
	assert_int_equal(lines(text, "  warning  sysctl net.ipv4.ip_forward:", line), 1);
	assert_int_equal(lines(text, "  note     sysctl net.ipv6.conf.all.forwarding:", line), 1);
	assert_int_equal(lines(text, "  warning  interface lan0: it is down", line), 1);
	assert_int_equal(lines(text, "  warning  interface wan7: there is none", line), 1);
	free(text);
}

static void test_mirror_port_needs_neither_rules_nor_forwarding(void **state)
{
	struct fixture *f = *state;
	struct host *host;
	char *text;

	run("sysctl -qw net.ipv4.ip_forward=0; "
	    "nft 'table ip raw { chain c { notrack; }; }'");
	f->settings.capture = CAPTURE_TAP;
	host = host_look(&f->settings, NULL);
	text = printed(host);
	assert_null(strstr(text, "ip_forward"));
	assert_null(strstr(text, "notrack"));
	free(text);
	host_free(host);
}

static void test_loose(void **state)
{
	char line[1024], *text;

	if (access("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", W_OK) != 0)
		skip();
	run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0");
	text = look(*state);
	assert_int_equal(
		lines(text, "  warning  sysctl net.netfilter.nf_conntrack_tcp_loose", line), 1);
	free(text);
}

static void test_bridge(void **state)
{
	static const char *const calls[] = {"/proc/sys/net/bridge/bridge-nf-call-iptables",
					    "/proc/sys/net/bridge/bridge-nf-call-ip6tables"};
	char line[1024], *text;

	if (system("ip link add br0 type bridge 2>/dev/null") != 0)
		skip();
	run("ip link set lan0 master br0");
	for (size_t i = 0; i < 2; i++)
		if (access(calls[i], W_OK) == 0)
			run("echo 0 >%s", calls[i]);
	text = look(*state);
	assert_int_equal(
		lines(text, "  warning  interface lan0: IPv4 packets that are bridged", line), 1);
	assert_int_equal(
		lines(text, "  warning  interface lan0: IPv6 packets that are bridged", line), 1);
	assert_int_equal(lines(text, "  warning  interface wan0", line), 0);
	free(text);
	if (access(calls[0], W_OK) != 0 || access(calls[1], W_OK) != 0)
		return;
	run("echo 1 >%s; echo 1 >%s", calls[0], calls[1]);
	text = look(*state);
	assert_null(strstr(text, "that are bridged"));
	free(text);
}

static void test_directories(void **state)
{
	struct fixture *f = *state;
	char missing[64], deep[64];
	struct host *host;
	char *text;

	snprintf(missing, sizeof(missing), "%s/made-later", f->folder);
	snprintf(deep, sizeof(deep), "%s/no/such", f->folder);
	f->settings.state = missing;
	free(look(f)); /* cutoffd makes it */
	f->settings.state = deep;
	f->settings.runtime = "/proc/version";
	host = host_look(&f->settings, f->ruleset);
	text = printed(host);
	assert_int_equal(host_count(host, HOST_ERROR), 2);
	assert_non_null(strstr(text, "/no: No such file"));
	assert_non_null(strstr(text, "/proc/version: it is no directory"));
	free(text);
	host_free(host);

	assert_return_code(mount("tmpfs", f->folder, "tmpfs", MS_RDONLY, NULL), errno);
	f->settings.state = f->settings.runtime = f->folder;
	host = host_look(&f->settings, f->ruleset);
	assert_in_range(host_count(host, HOST_ERROR), 1, 2);
	host_free(host);
	assert_return_code(umount(f->folder), errno);
}

/* As the kernel would tell of it: few test machines have flowtables. */
static void test_flowtable(void **state)
{
	struct nftnl_flowtable *flowtable = nftnl_flowtable_alloc();
	const char *devices[] = {"lan0", "wan\33[31m", NULL};
	struct host *host = host_new();
	char buffer[4096], *text;
	struct nlmsghdr *message =
		nftnl_nlmsg_build_hdr(buffer, NFT_MSG_NEWFLOWTABLE, NFPROTO_INET, 0, 0);

	(void)state;
	nftnl_flowtable_set_str(flowtable, NFTNL_FLOWTABLE_TABLE, "filter");
	nftnl_flowtable_set_str(flowtable, NFTNL_FLOWTABLE_NAME, "fast");
	nftnl_flowtable_set_u32(flowtable, NFTNL_FLOWTABLE_HOOKNUM, 0);
	nftnl_flowtable_set_s32(flowtable, NFTNL_FLOWTABLE_PRIO, 0);
	nftnl_flowtable_set_u32(flowtable, NFTNL_FLOWTABLE_FLAGS, NFT_FLOWTABLE_HW_OFFLOAD);
	nftnl_flowtable_set_array(flowtable, NFTNL_FLOWTABLE_DEVICES, devices);
	nftnl_flowtable_nlmsg_build_payload(message, flowtable);
	nftnl_flowtable_free(flowtable);
	nft_host_flowtable(host, message);
	text = printed(host);
	assert_non_null(strstr(text, "warning  table inet filter, flowtable fast: "));
	assert_non_null(strstr(text, "(devices lan0, wan\\x1b[31m), in the devices themselves"));
	free(text);
	host_free(host);
}

static void test_nothing_to_report(void **state)
{
	struct host *host = host_new();
	char *text = printed(host);

	(void)state;
	assert_string_equal(text, "This machine\n  nothing to report\n");
	free(text);
	host_free(host);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_rules),
		HOST_TEST(test_many_rules_are_one_line),
		HOST_TEST(test_our_own_table_is_no_finding),
		HOST_TEST(test_looking_leaves_nothing),
		HOST_TEST(test_good_gateway),
		HOST_TEST(test_system),
		HOST_TEST(test_mirror_port_needs_neither_rules_nor_forwarding),
		HOST_TEST(test_loose),
		HOST_TEST(test_bridge),
		HOST_TEST(test_directories),
		cmocka_unit_test(test_flowtable),
		cmocka_unit_test(test_nothing_to_report),
	};

	return net_may() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
