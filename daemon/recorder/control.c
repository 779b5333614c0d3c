/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/recorder/peer.h"
#include "daemon/recorder/request.h"

struct client {
	struct control *control; /* NULL: a free slot */
	int fd;
	sd_event_source *io, *limit;
	bool waits;   /* for the status */
	bool ended;   /* sends no more */
	bool is_last; /* close when the answer is out */
	size_t in_length;
	char *in; /* REQUEST_MAX bytes */
	char *out;
	size_t out_length, out_sent;
};

struct control {
	sd_event *event;
	sd_event_source *listener;
	struct control_settings settings;
	struct client clients[CONTROL_CLIENTS];
};

static void client_close(struct client *client)
{
	if (!client->control)
		return;
	sd_event_source_disable_unref(client->io);
	sd_event_source_disable_unref(client->limit);
	close(client->fd);
	free(client->in);
	free(client->out);
	*client = (struct client){0};
}

/* ---- answers ---- */

/* Anew from now. */
static void set_limit(struct client *client, uint64_t usec)
{
	if (sd_event_source_set_time_relative(client->limit, usec) < 0 ||
	    sd_event_source_set_enabled(client->limit, SD_EVENT_ONESHOT) < 0)
		client->is_last = true;
}

/* Takes answer. What cannot be answered is closed. */
static void answer(struct client *client, json_t *json)
{
	size_t size = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;

	client->waits = false;
	free(client->out);
	client->out_length = client->out_sent = 0;
	client->out = size > 0 ? malloc(size + 1) : NULL;
	if (client->out) {
		json_dumpb(json, client->out, size, JSON_COMPACT);
		client->out[size] = '\n';
		client->out_length = size + 1;
	} else {
		client->is_last = true;
	}
	json_decref(json);
	set_limit(client, client->control->settings.idle_us);
}

static void answer_error(struct client *client, const char *error)
{
	answer(client, json_pack("{s:s}", "error", error));
}

/* ---- requests ---- */

static void ask_status(struct client *client)
{
	const struct control_settings *settings = &client->control->settings;

	if (settings->ask_status(settings->context) < 0) {
		answer_error(client, "the enforcer takes no question now: ask again");
		return;
	}
	client->waits = true;
	set_limit(client, settings->status_us);
}

static void reload(struct client *client)
{
	const struct control_settings *settings = &client->control->settings;

	if (settings->reload(settings->context) < 0)
		answer_error(client, "the enforcer takes no order now: ask again");
	else
		answer(client, json_pack("{s:s}", "reload", "requested"));
}

static void serve(struct client *client, const char *line, size_t length)
{
	const char *error = NULL;

	switch (request_parse(line, length, &error)) {
	case REQUEST_STATUS:
		ask_status(client);
		break;
	case REQUEST_VERSION:
		answer(client, json_pack("{s:s}", "version", CUTOFFD_VERSION));
		break;
	case REQUEST_RELOAD:
		reload(client);
		break;
	case REQUEST_BROKEN:
		answer_error(client, error);
		break;
	}
}

/* Serves one line of what was read, if there is one; the last one needs no end. */
static bool serve_line(struct client *client)
{
	char *end = memchr(client->in, '\n', client->in_length);
	size_t length = end ? (size_t)(end - client->in) : client->in_length;
	size_t taken = end ? length + 1 : length;

	if (!end && client->in_length == REQUEST_MAX) {
		client->is_last = true;
		answer_error(client, "the request is longer than 65536 bytes: send one object a "
				     "line");
		return true;
	}
	if (!end && (!client->ended || client->in_length == 0))
		return false;
	serve(client, client->in, length);
	client->in_length -= taken;
	memmove(client->in, client->in + taken, client->in_length);
	return true;
}

/* ---- clients ---- */

/* 1: all is out. 0: the client must take some first. */
static int send_answer(struct client *client)
{
	while (client->out_sent < client->out_length) {
		ssize_t n =
			send(client->fd, client->out + client->out_sent,
			     client->out_length - client->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->out_sent += (size_t)n;
	}
	return 1;
}

/* Takes the client as far as it goes without waiting, one request after the other. */
static void client_step(struct client *client)
{
	uint32_t events = EPOLLIN;
	int sent;

	while ((sent = send_answer(client)) == 1 && !client->waits && !client->is_last)
		if (!serve_line(client))
			break;
	if (sent == 0)
		events = EPOLLOUT;
	else if (client->waits)
		events = 0;
	else if (sent < 0 || client->is_last || client->ended)
		goto close;
	if (sd_event_source_set_io_events(client->io, events) == 0)
		return;
close:
	client_close(client);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct client *client = userdata;

	(void)source;
	(void)usec;
	if (!client->waits) {
		client_close(client);
		return 0;
	}
	answer_error(client, "the enforcer does not answer: see its log (journalctl -u cutoffd)");
	client_step(client);
	return 0;
}

void control_status(struct control *control, json_t *status)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->control && client->waits) {
			answer(client, json_incref(status));
			client_step(client);
		}
	}
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct client *client = userdata;
	ssize_t n;

	(void)source;
	if ((events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN)) {
		client_close(client);
		return 0;
	}
	if (events & EPOLLIN) {
		n = recv(fd, client->in + client->in_length, REQUEST_MAX - client->in_length,
			 MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0) {
			client_close(client);
			return 0;
		}
		client->ended = n == 0;
		client->in_length += (size_t)n;
	}
	client_step(client);
	return 0;
}

static struct client *free_slot(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (!control->clients[i].control)
			return &control->clients[i];
	return NULL;
}

/* line: an answer, with its end. */
static void turn_away(int fd, const char *line)
{
	/* the reason is a courtesy: whether it arrives does not matter */
	(void)send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void client_open(struct control *control, struct client *client, int fd)
{
	*client = (struct client){.control = control, .fd = fd, .in = malloc(REQUEST_MAX)};
	if (!client->in ||
	    sd_event_add_io(control->event, &client->io, fd, EPOLLIN, on_client, client) < 0 ||
	    sd_event_add_time_relative(control->event, &client->limit, CLOCK_MONOTONIC,
				       control->settings.idle_us, 0, on_limit, client) < 0)
		client_close(client);
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	struct client *slot = free_slot(control);
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (peer < 0)
		return 0;
	if (!peer_is_root_or_in(peer, control->settings.group))
		turn_away(peer, "{\"error\":\"not permitted: ask as root or as a member of group "
				"cutoffd\",\"code\":\"permission\"}\n");
	else if (!slot)
		turn_away(peer, "{\"error\":\"too many clients: ask again later\"}\n");
	else
		client_open(control, slot, peer);
	return 0;
}

int control_new(struct control **out, sd_event *event, const struct control_settings *settings)
{
	struct control *control = calloc(1, sizeof(*control));
	int error;

	*out = NULL;
	if (!control)
		return -ENOMEM;
	control->event = sd_event_ref(event);
	control->settings = *settings;
	error = sd_event_add_io(event, &control->listener, settings->listen_fd, EPOLLIN,
				on_listener, control);
	if (error < 0) {
		control_free(control);
		return error;
	}
	*out = control;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		client_close(&control->clients[i]);
	sd_event_source_disable_unref(control->listener);
	sd_event_unref(control->event);
	free(control);
}
