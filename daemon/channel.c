/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_BYTES_MAX (16 * 1024 * 1024)
#define JSON_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

#define HEADER_SIZE offsetof(struct channel_message, u)

/* How many flows may wait for a slow recorder. Beyond the system's limit it is less. */
#define BUFFER_BYTES (1024 * 1024)

/* ---- what is well formed ---- */

static bool carries_descriptor(uint32_t type)
{
	return type == CHANNEL_CONFIGURE || type == CHANNEL_POLICY || type == CHANNEL_STATUS;
}

/* The size of a message, 0 for a type that there is none of. A flow's depends on its text. */
static size_t message_size(const struct channel_message *message)
{
	switch ((enum channel_type)message->type) {
	case CHANNEL_READY:
	case CHANNEL_POLICY:
	case CHANNEL_STATUS_WANTED:
	case CHANNEL_STATUS:
	case CHANNEL_RELOAD:
		return HEADER_SIZE;
	case CHANNEL_CONFIGURE:
		return HEADER_SIZE + sizeof(message->u.configure);
	case CHANNEL_REPORT:
		return HEADER_SIZE + sizeof(message->u.report);
	case CHANNEL_ALIVE:
		return HEADER_SIZE + sizeof(message->u.alive);
	case CHANNEL_FLOW:
		return HEADER_SIZE + event_flow_size(&message->u.flow);
	case CHANNEL_NOTICE:
		return HEADER_SIZE + sizeof(message->u.notice);
	}
	return 0;
}

static bool bool_valid(const bool *value)
{
	uint8_t byte;

	memcpy(&byte, value, 1);
	return byte <= 1;
}

static bool configure_valid(const struct channel_configure *configure)
{
	return bool_valid(&configure->prefix_over_name) && bool_valid(&configure->all_flows) &&
	       bool_valid(&configure->report);
}

static bool report_valid(const struct channel_report *report)
{
	if (!address_valid(&report->client) || !address_valid(&report->server) ||
	    report->client.family != report->server.family)
		return false;
	if (report->protocol != IPPROTO_TCP && report->protocol != IPPROTO_UDP)
		return false;
	return (report->field > FIELD_UNSEEN && report->field <= FIELD_OTHER) ||
	       (report->field >= FIELD_CLASS && report->field <= FIELD_MAX);
}

bool channel_check(const void *bytes, size_t size)
{
	const struct channel_message *message = bytes;

	if (size < HEADER_SIZE || message->reserved != 0)
		return false;
	if (message->type == CHANNEL_FLOW)
		return event_flow_valid(&message->u.flow, size - HEADER_SIZE);
	if (size != message_size(message))
		return false;
	if (message->type == CHANNEL_CONFIGURE)
		return configure_valid(&message->u.configure);
	if (message->type == CHANNEL_REPORT)
		return report_valid(&message->u.report);
	if (message->type == CHANNEL_NOTICE)
		return event_notice_valid(&message->u.notice, size - HEADER_SIZE);
	return true;
}

/* ---- sockets ---- */

int channel_pair(int fds[2])
{
	int size = BUFFER_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static int send_error(int error)
{
	if (error == EWOULDBLOCK)
		return -EAGAIN;
	return error == ECONNRESET || error == ENOTCONN ? -EPIPE : -error;
}

int channel_send(int channel, const struct channel_message *message, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part = {(void *)message, message_size(message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (!channel_check(message, part.iov_len) || (fd >= 0) != carries_descriptor(message->type))
		return -EINVAL;
	if (fd >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	do
		n = sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? send_error(errno) : 0;
}

/* Takes the descriptors out of a received message: the first one, the others closed. Returns how
 * many came. */
static unsigned int take_descriptors(struct msghdr *header, int *first)
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count++ == 0)
				*first = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* Nothing was read: an end, or a message of no bytes, which looks the same. */
static int empty_read(int channel)
{
	struct pollfd end = {.fd = channel, .events = POLLRDHUP};

	if (poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLRDHUP | POLLERR)))
		return -EPIPE;
	return -EPROTO;
}

static int receive_error(int error)
{
	if (error == EAGAIN)
		return 0;
	return error == ECONNRESET ? -EPIPE : -error;
}

int channel_receive(int channel, struct channel_message *message, int *fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	unsigned int descriptors;
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return receive_error(errno);
	descriptors = take_descriptors(&header, fd);
	if (n == 0 && descriptors == 0)
		return empty_read(channel);
	if (!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && channel_check(message, (size_t)n) &&
	    descriptors == (carries_descriptor(message->type) ? 1 : 0))
		return 1;
	if (descriptors > 0)
		close(*fd);
	*fd = -1;
	return -EPROTO;
}

/* ---- JSON in a memfd ---- */

int channel_json_fd(const json_t *json)
{
	int fd = memfd_create("cutoffd-json", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	errno = ENOMEM;
	if (json_dumpfd(json, fd, JSON_COMPACT) == 0 &&
	    fcntl(fd, F_ADD_SEALS, JSON_SEALS | F_SEAL_SEAL) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* Only what can neither change nor shrink while it is read. */
static ssize_t sealed_size(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;

	if (seals < 0 || (seals & JSON_SEALS) != JSON_SEALS || fstat(fd, &status) < 0)
		return -1;
	return status.st_size <= JSON_BYTES_MAX ? status.st_size : -1;
}

json_t *channel_json_read(int fd)
{
	ssize_t size = sealed_size(fd);
	json_t *json = NULL;
	char *text;

	if (size <= 0)
		return NULL;
	text = malloc((size_t)size);
	if (text && pread(fd, text, (size_t)size, 0) == size)
		json = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return json;
}
