/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A flow's entry is confirmed when its first packet leaves the gateway, and the capture may be
 * faster than that. */
#define RETRY_EVERY (CLOCK_SECOND / 2000)
#define RETRY_FOR (5 * CLOCK_MILLISECOND)
#define READ_BACK_AFTER CLOCK_MILLISECOND

/* More flows than a gateway opens in RETRY_FOR. A power of two. */
#define QUEUE_LENGTH 4096

struct task {
	struct conntrack_flow flow;
	uint32_t value, mask;
	bool cancelled; /* the flow got another mark since */
	bool reversed; /* the entry was found by server → client: the flow was seen behind a NAT */
	struct mono first, due;
};

/* In ascending order by due: all in one queue wait equally long. */
struct queue {
	size_t head, count;
	struct task tasks[QUEUE_LENGTH];
};

struct conntrack {
	struct mnl_socket *socket;
	uint32_t sequence;
	struct conntrack_counters counters;
	struct queue retries, readings;
	char buffer[8192];
};

static struct nlmsghdr *begin(struct conntrack *c, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(c->buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++c->sequence;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = family == FAMILY_V4 ? AF_INET : AF_INET6;
	header->version = NFNETLINK_V0;
	return message;
}

static void put_address(struct nlmsghdr *message, const struct address *address, bool source)
{
	uint16_t type;

	if (address->family == FAMILY_V4)
		type = source ? CTA_IP_V4_SRC : CTA_IP_V4_DST;
	else
		type = source ? CTA_IP_V6_SRC : CTA_IP_V6_DST;
	mnl_attr_put(message, type, address_size(address), address->bytes);
}

/* reversed: as the tuple of the flow's replies. */
static void put_tuple(struct nlmsghdr *message, const struct conntrack_flow *flow, bool reversed)
{
	const struct address *from = reversed ? &flow->server : &flow->client;
	const struct address *to = reversed ? &flow->client : &flow->server;
	uint16_t from_port = reversed ? flow->server_port : flow->client_port;
	uint16_t to_port = reversed ? flow->client_port : flow->server_port;
	struct nlattr *tuple = mnl_attr_nest_start(message, CTA_TUPLE_ORIG), *nest;

	nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	put_address(message, from, true);
	put_address(message, to, false);
	mnl_attr_nest_end(message, nest);
	nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, flow->protocol);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(from_port));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(to_port));
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, tuple);
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) < sizeof(*error) ? -EBADMSG : error->error;
}

static int mark_of(const struct nlmsghdr *message, uint32_t *mark)
{
	const struct nlattr *attribute;

	mnl_attr_for_each (attribute, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attribute) == CTA_MARK &&
		    mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
			*mark = ntohl(mnl_attr_get_u32(attribute));
			return 0;
		}
	*mark = 0;
	return 0;
}

/* The kernel works in the sender's own system call: the answer waits when it returns. */
static int exchange(struct conntrack *c, const struct nlmsghdr *request, uint32_t *mark)
{
	uint32_t sequence = request->nlmsg_seq;
	ssize_t n;

	if (mnl_socket_sendto(c->socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)c->buffer;
		struct sockaddr_nl from = {0};
		socklen_t length = sizeof(from);
		int left;

		n = recvfrom(mnl_socket_get_fd(c->socket), c->buffer, sizeof(c->buffer),
			     MSG_DONTWAIT, (struct sockaddr *)&from, &length);
		if (n < 0 && errno != EINTR)
			return -errno;
		left = from.nl_pid == 0 ? (int)n : 0;
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != sequence)
				continue;
			return m->nlmsg_type == NLMSG_ERROR ? error_of(m) : mark_of(m, mark);
		}
	}
}

static int write_mark(struct conntrack *c, const struct task *task, bool reversed)
{
	struct nlmsghdr *m = begin(c, IPCTNL_MSG_CT_NEW, NLM_F_ACK, task->flow.client.family);
	uint32_t ignored;

	put_tuple(m, &task->flow, reversed);
	mnl_attr_put_u32(m, CTA_MARK, htonl(task->value));
	mnl_attr_put_u32(m, CTA_MARK_MASK, htonl(task->mask));
	return exchange(c, m, &ignored);
}

static int read_mark(struct conntrack *c, const struct conntrack_flow *flow, bool reversed,
		     uint32_t *mark)
{
	struct nlmsghdr *m = begin(c, IPCTNL_MSG_CT_GET, 0, flow->client.family);

	put_tuple(m, flow, reversed);
	return exchange(c, m, mark);
}

/* Both of an entry's tuples are found as they stand on the wire before the NAT and, the other way
 * round, behind it. */
static int write_either(struct conntrack *c, struct task *task)
{
	int e;

	task->reversed = false;
	e = write_mark(c, task, false);
	if (e != -ENOENT)
		return e;
	task->reversed = true;
	return write_mark(c, task, true);
}

static void push(struct conntrack *c, struct queue *queue, const struct task *task)
{
	if (queue->count == QUEUE_LENGTH) {
		c->counters.queue_full++;
		return;
	}
	queue->tasks[(queue->head + queue->count++) % QUEUE_LENGTH] = *task;
}

static bool pop_due(struct queue *queue, struct mono now, struct task *task)
{
	if (queue->count == 0 || queue->tasks[queue->head].due.ns > now.ns)
		return false;
	*task = queue->tasks[queue->head];
	queue->head = (queue->head + 1) % QUEUE_LENGTH;
	queue->count--;
	return true;
}

static bool same_flow(const struct conntrack_flow *a, const struct conntrack_flow *b)
{
	return a->client_port == b->client_port && a->server_port == b->server_port &&
	       a->protocol == b->protocol && address_equal(&a->client, &b->client) &&
	       address_equal(&a->server, &b->server);
}

/* What waits for a flow must not undo the mark that the flow gets now. */
static void cancel(struct queue *queue, const struct conntrack_flow *flow)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct task *task = &queue->tasks[(queue->head + i) % QUEUE_LENGTH];

		task->cancelled |= same_flow(&task->flow, flow);
	}
}

static void attempt(struct conntrack *c, struct task *task, struct mono now)
{
	int e = write_either(c, task);

	if (e == 0) {
		c->counters.marked++;
		task->due.ns = now.ns + READ_BACK_AFTER;
		push(c, &c->readings, task);
	} else if (e != -ENOENT) {
		c->counters.refused++;
	} else if (now.ns - task->first.ns >= RETRY_FOR) {
		c->counters.not_found++;
	} else {
		c->counters.retried++;
		task->due.ns = now.ns + RETRY_EVERY;
		push(c, &c->retries, task);
	}
}

/* A rule that writes a mark reads and writes it in two steps: on another processor it can write
 * what it read before our write. */
static void read_back(struct conntrack *c, const struct task *task)
{
	uint32_t mark;

	if (read_mark(c, &task->flow, task->reversed, &mark) != 0 ||
	    (mark & task->mask) == task->value)
		return;
	if (write_mark(c, task, task->reversed) == 0)
		c->counters.rewritten++;
}

void conntrack_mark(struct conntrack *c, const struct conntrack_flow *flow, uint32_t value,
		    uint32_t mask, struct mono now)
{
	struct task task = {.flow = *flow, .value = value & mask, .mask = mask, .first = now};

	if (flow->client.family != flow->server.family) {
		c->counters.refused++;
		return;
	}
	cancel(&c->retries, flow);
	cancel(&c->readings, flow);
	attempt(c, &task, now);
}

void conntrack_work(struct conntrack *c, struct mono now)
{
	struct task task;

	/* Only answers to nobody: every exchange has read its own. */
	while (recv(mnl_socket_get_fd(c->socket), c->buffer, sizeof(c->buffer), MSG_DONTWAIT) > 0)
		;
	while (pop_due(&c->readings, now, &task))
		if (!task.cancelled)
			read_back(c, &task);
	while (pop_due(&c->retries, now, &task))
		if (!task.cancelled)
			attempt(c, &task, now);
}

bool conntrack_deadline(const struct conntrack *c, struct mono *at)
{
	const struct queue *queues[] = {&c->retries, &c->readings};
	bool any = false;

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		const struct mono *due = &queues[i]->tasks[queues[i]->head].due;

		if (queues[i]->count > 0 && (!any || due->ns < at->ns)) {
			*at = *due;
			any = true;
		}
	}
	return any;
}

int conntrack_fd(const struct conntrack *c)
{
	return mnl_socket_get_fd(c->socket);
}

const struct conntrack_counters *conntrack_counters(const struct conntrack *c)
{
	return &c->counters;
}

/* Asks for a flow that there cannot be: the answer says whether somebody is there to ask. */
static int probe(struct conntrack *c)
{
	const struct conntrack_flow nobody = {
		.client = {.family = FAMILY_V4},
		.server = {.family = FAMILY_V4},
		.protocol = IPPROTO_UDP,
	};
	uint32_t mark;
	int e = read_mark(c, &nobody, false, &mark);

	return e == -ENOENT ? 0 : e;
}

static void explain(int e, char error[CONNTRACK_ERROR])
{
	if (e == -EPERM)
		snprintf(error, CONNTRACK_ERROR,
			 "conntrack: the capability CAP_NET_ADMIN is missing: start cutoffd as "
			 "root, by its systemd unit");
	else if (e == -EINVAL || e == -EOPNOTSUPP || e == -EPROTONOSUPPORT)
		snprintf(error, CONNTRACK_ERROR,
			 "conntrack: ctnetlink is not there (%s): this kernel lacks "
			 "CONFIG_NF_CT_NETLINK, or the module nf_conntrack_netlink cannot be "
			 "loaded",
			 strerror(-e));
	else
		snprintf(error, CONNTRACK_ERROR, "conntrack: %s", strerror(-e));
}

struct conntrack *conntrack_open(char error[CONNTRACK_ERROR])
{
	struct conntrack *c = calloc(1, sizeof(*c));
	int e = -ENOMEM;

	if (!c)
		goto failed;
	c->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!c->socket || mnl_socket_bind(c->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		e = -errno;
		goto failed;
	}
	e = probe(c);
	if (e)
		goto failed;
	return c;
failed:
	explain(e, error);
	conntrack_close(c);
	return NULL;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	if (c->socket)
		mnl_socket_close(c->socket);
	free(c);
}
