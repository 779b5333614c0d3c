/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel builds its parts of a dump for up to 32 KiB of reader's buffer. */
#define BUFFER_BYTES 65536

struct nft_socket {
	struct mnl_socket *socket;
	uint32_t sequence;
	char buffer[BUFFER_BYTES];
};

struct nft_socket *nft_socket_open(void)
{
	struct nft_socket *s = calloc(1, sizeof(*s));
	int on = 1, saved;

	if (!s)
		return NULL;
	s->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!s->socket || mnl_socket_bind(s->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		saved = errno;
		nft_socket_close(s);
		errno = saved;
		return NULL;
	}
	/* Conveniences: without them errors are longer, and have no text. */
	mnl_socket_setsockopt(s->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	return s;
}

void nft_socket_close(struct nft_socket *s)
{
	if (!s)
		return;
	if (s->socket)
		mnl_socket_close(s->socket);
	free(s);
}

uint32_t nft_socket_port(const struct nft_socket *s)
{
	return mnl_socket_get_portid(s->socket);
}

uint32_t nft_socket_sequence(struct nft_socket *s)
{
	return ++s->sequence;
}

/* Bytes that came, of the kernel; -errno. */
static ssize_t receive(struct nft_socket *s, int flags)
{
	struct sockaddr_nl from = {0};
	socklen_t length = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(mnl_socket_get_fd(s->socket), s->buffer, sizeof(s->buffer), flags,
			     (struct sockaddr *)&from, &length);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	return n < 0 ? -errno : n;
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return -EBADMSG;
	return error->error;
}

struct dump {
	void (*take)(const struct nlmsghdr *message, void *data);
	void *data;
	bool interrupted, done;
	int error;
};

static void take_part(struct dump *dump, const struct nlmsghdr *message)
{
	dump->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (message->nlmsg_type == NLMSG_ERROR) {
		dump->error = error_of(message);
		dump->done = true;
	} else if (message->nlmsg_type == NLMSG_DONE) {
		dump->done = true;
	} else if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
		dump->take(message, dump->data);
	}
}

int nft_socket_dump(struct nft_socket *s, struct nlmsghdr *request,
		    void (*take)(const struct nlmsghdr *message, void *data), void *data)
{
	struct dump dump = {.take = take, .data = data};
	uint32_t sequence = nft_socket_sequence(s);

	request->nlmsg_seq = sequence;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (mnl_socket_sendto(s->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (!dump.done) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)s->buffer;
		ssize_t n = receive(s, 0);
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			if (m->nlmsg_seq == sequence)
				take_part(&dump, m);
	}
	return dump.error ? dump.error : dump.interrupted ? -EINTR : 0;
}

/* netlink(7): attributes follow the request's header where NLM_F_CAPPED says that its payload was
 * left out, else they follow the payload. */
static const char *text_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	unsigned int offset = sizeof(*error);
	const struct nlattr *attribute;

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	if (!(message->nlmsg_flags & NLM_F_CAPPED))
		offset += NLMSG_ALIGN(error->msg.nlmsg_len) - (unsigned int)sizeof(error->msg);
	if (mnl_nlmsg_get_payload_len(message) < offset)
		return "";
	mnl_attr_for_each (attribute, message, offset)
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attribute);
	return "";
}

/* A message that is longer than the socket's send buffer is refused (EMSGSIZE). Force is for who
 * has the capability where the socket was made; a container's root may have to do with the limit.
 */
static void make_room(const struct nft_socket *s, size_t size)
{
	int bytes = size > INT32_MAX / 2 ? INT32_MAX / 2 : (int)size + 4096;
	int fd = mnl_socket_get_fd(s->socket);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* nfnetlink works in the sender's own system call, so all answers wait when it returns. */
int nft_socket_transact(struct nft_socket *s, const void *bytes, size_t size,
			void (*take)(const struct nft_answer *answer, void *data), void *data)
{
	bool lost = false;

	make_room(s, size);
	if (mnl_socket_sendto(s->socket, bytes, size) < 0)
		return -errno;
	for (;;) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)s->buffer;
		ssize_t n = receive(s, MSG_DONTWAIT);
		int left = (int)n;

		if (n == -EAGAIN)
			return lost ? -ENOBUFS : 0;
		if (n == -ENOBUFS)
			lost = true;
		else if (n < 0)
			return (int)n;
		for (; n > 0 && mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			struct nft_answer answer = {m->nlmsg_seq, error_of(m), text_of(m)};

			if (m->nlmsg_type == NLMSG_ERROR)
				take(&answer, data);
		}
	}
}
