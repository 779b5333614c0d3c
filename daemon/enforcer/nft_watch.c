/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/escape.h"

/* The kernel fills notifications up to a page or two. */
#define BUFFER_BYTES 65536

/* What others do in one go, thousands of rules, is told in one go. */
#define QUEUE_BYTES (4 << 20)

/* Every message about a part of a table names it in this attribute: NFTA_TABLE_NAME,
 * NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE. */
#define ATTRIBUTE_TABLE 1

#define PROCESS_NAME 15

struct nft_watch {
	struct mnl_socket *socket;
	uint32_t ours;
	bool touched; /* in the transaction that is being told */
	char buffer[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int join(struct nft_watch *watch)
{
	int group = NFNLGRP_NFTABLES, bytes = QUEUE_BYTES, fd;

	watch->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->socket || mnl_socket_bind(watch->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(watch->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (mnl_socket_setsockopt(watch->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

struct nft_watch *nft_watch_open(const struct nft *nft, char error[NFT_ERROR])
{
	struct nft_watch *watch = nft_must(calloc(1, sizeof(*watch)));
	int e = join(watch);

	watch->ours = nft_port(nft);
	if (e) {
		snprintf(error, NFT_ERROR, "listening to nftables' notifications: %s",
			 strerror(-e));
		nft_watch_close(watch);
		return NULL;
	}
	return watch;
}

void nft_watch_close(struct nft_watch *watch)
{
	if (!watch)
		return;
	if (watch->socket)
		mnl_socket_close(watch->socket);
	free(watch);
}

int nft_watch_fd(const struct nft_watch *watch)
{
	return mnl_socket_get_fd(watch->socket);
}

static const char *string_of(const struct nlattr *attribute)
{
	return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attribute)
								      : "";
}

static bool names_our_table(const struct nlmsghdr *message)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*head) ||
	    head->nfgen_family != NFPROTO_INET)
		return false;
	mnl_attr_for_each (attribute, message, sizeof(*head)) {
		if (mnl_attr_get_type(attribute) == ATTRIBUTE_TABLE)
			return strcmp(string_of(attribute), RULESET_TABLE) == 0;
	}
	return false;
}

static void take_process(const struct nlmsghdr *message, struct nft_touch *touch)
{
	const struct nlattr *attribute;
	const char *name;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return;
	mnl_attr_for_each (attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_PID &&
		    mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			touch->process = ntohl(mnl_attr_get_u32(attribute));
		if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME) {
			name = string_of(attribute);
			escape_text(name, strnlen(name, PROCESS_NAME), ESCAPE_BACKSLASH,
				    touch->name);
		}
	}
}

_Static_assert(ESCAPE_SIZE(PROCESS_NAME) <= NFT_WATCH_NAME, "room for every process's name");

/* The kernel ends what it tells of a transaction with the ruleset's new generation. */
static void take(struct nft_watch *watch, const struct nlmsghdr *message, struct nft_touch *touch)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    message->nlmsg_pid == watch->ours)
		return;
	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWGEN) {
		watch->touched |= names_our_table(message);
		return;
	}
	if (!watch->touched)
		return;
	watch->touched = false;
	touch->touched = true;
	take_process(message, touch);
}

/* Bytes that came, of the kernel; 0: nothing waits; -errno. */
static ssize_t receive(struct nft_watch *watch)
{
	struct sockaddr_nl from = {0};
	socklen_t length = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(nft_watch_fd(watch), watch->buffer, sizeof(watch->buffer), 0,
			     (struct sockaddr *)&from, &length);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

struct nft_touch nft_watch_read(struct nft_watch *watch)
{
	struct nft_touch touch = {0};
	ssize_t n;

	while ((n = receive(watch)) != 0) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)watch->buffer;
		int left = (int)n;

		if (n < 0)
			touch.lost = true;
		if (n < 0 && n != -ENOBUFS)
			break;
		for (; n > 0 && mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			take(watch, m, &touch);
	}
	return touch;
}
