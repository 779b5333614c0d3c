/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client, a gateway and a server, each in a network namespace that only this process holds: they
 * go with it. A socket belongs to the namespace in which it was made.
 *
 *   client 10.77.1.2 .7 .200, fd77:1::2 ::7 ── 10.77.1.1 gateway 10.77.2.1 ── 10.77.2.2 .9 server
 *                                              fd77:1::1         fd77:2::1    fd77:2::2
 */
#ifndef CUTOFFD_TESTS_RULESET_NET_H
#define CUTOFFD_TESTS_RULESET_NET_H

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "daemon/address.h"
#include "daemon/clock.h"
#include "tests/ruleset/namespace.h"

enum place {
	CLIENT,
	GATEWAY,
	SERVER,
	PLACES,
};

struct net {
	int home;
	int places[PLACES];
};

static inline void net_enter(const struct net *net, enum place place)
{
	assert_return_code(setns(net->places[place], CLONE_NEWNET), errno);
}

static inline void net_link(const struct net *net, enum place end, int subnet)
{
	net_enter(net, GATEWAY);
	run("ip link add g%d type veth peer name eth0 netns /proc/%d/fd/%d", subnet, getpid(),
	    net->places[end]);
	run("ip addr add 10.77.%d.1/24 dev g%d", subnet, subnet);
	run("ip -6 addr add fd77:%d::1/64 dev g%d nodad", subnet, subnet);
	run("ip link set g%d up", subnet);
	net_enter(net, end);
	run("ip link set eth0 up");
	run("ip addr add 10.77.%d.2/24 dev eth0", subnet);
	run("ip -6 addr add fd77:%d::2/64 dev eth0 nodad", subnet);
	run("ip route add default via 10.77.%d.1", subnet);
	run("ip -6 route add default via fd77:%d::1", subnet);
}

static inline void net_open(struct net *net)
{
	net->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(net->home, errno);
	for (int i = 0; i < PLACES; i++)
		net->places[i] = net_namespace();
	net_enter(net, GATEWAY);
	run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
	    "net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
	net_link(net, CLIENT, 1);
	net_link(net, SERVER, 2);
	net_enter(net, CLIENT);
	run("ip addr add 10.77.1.7/24 dev eth0; ip addr add 10.77.1.200/24 dev eth0; "
	    "ip -6 addr add fd77:1::7/64 dev eth0 nodad; "
	    "ip -6 addr add fd77:1:0:1::200/64 dev eth0 nodad");
	net_enter(net, SERVER);
	run("ip addr add 10.77.2.9/24 dev eth0");
	net_enter(net, GATEWAY);
	run("ip -6 route add fd77:1:0:1::/64 dev g1");
}

static inline void net_close(struct net *net)
{
	assert_return_code(setns(net->home, CLONE_NEWNET), errno);
	for (int i = 0; i < PLACES; i++)
		close(net->places[i]);
	close(net->home);
}

static inline socklen_t net_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct address address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	assert_true(address_parse(text, &address));
	memset(out, 0, sizeof(*out));
	if (address.family == FAMILY_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address.bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address.bytes, 16);
	return sizeof(*v6);
}

/* type: SOCK_STREAM or SOCK_DGRAM, non-blocking. */
static inline int net_socket(const struct net *net, enum place place, int type, const char *address,
			     uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t length = net_address(address, port, &at);
	int fd, on = 1;

	net_enter(net, place);
	fd = socket(at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_return_code(fd, errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_return_code(bind(fd, (struct sockaddr *)&at, length), errno);
	return fd;
}

static inline uint16_t net_port(int fd)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);

	assert_return_code(getsockname(fd, (struct sockaddr *)&at, &length), errno);
	return ntohs(((struct sockaddr_in *)&at)->sin_port); /* in6's stands at the same place */
}

/* The events, and errors, that came within so many milliseconds. */
static inline short net_wait(int fd, short events, int milliseconds)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, milliseconds) > 0 ? p.revents : 0;
}

struct connection {
	int client, server;
	uint16_t port;
};

static inline struct connection net_connect(const struct net *net, enum place from,
					    const char *client, enum place to, const char *server)
{
	struct sockaddr_storage at;
	int listener = net_socket(net, to, SOCK_STREAM, server, 0);
	socklen_t length = net_address(server, net_port(listener), &at);
	struct connection c = {.port = net_port(listener)};

	assert_return_code(listen(listener, 1), errno);
	c.client = net_socket(net, from, SOCK_STREAM, client, 0);
	if (connect(c.client, (struct sockaddr *)&at, length) < 0)
		assert_int_equal(errno, EINPROGRESS);
	assert_true(net_wait(listener, POLLIN, 3000));
	c.server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_return_code(c.server, errno);
	close(listener);
	return c;
}

static inline void net_disconnect(struct connection *c)
{
	close(c->client);
	close(c->server);
}

/* Whether what one end sends reaches the other. */
static inline bool net_passes(int from, int to, int milliseconds)
{
	char byte = 'x';

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1)
		return false;
	if (net_wait(to, POLLIN, milliseconds) != POLLIN) /* an error is left for who asks */
		return false;
	return recv(to, &byte, 1, 0) == 1;
}

/* Whether the end hears of a reset within so many milliseconds. */
static inline bool net_is_reset(int fd, int milliseconds)
{
	char byte;

	return net_wait(fd, 0, milliseconds) && recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET;
}

static inline void sleep_until(struct wall at)
{
	struct timespec t = {at.ns / CLOCK_SECOND, at.ns % CLOCK_SECOND};

	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

#endif
