/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/ctl/client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/escape.h"

#define SOCKET_PATH "/run/cutoffd/" CHANNEL_CONTROL_SOCKET
/* The daemon answers within 2 seconds, if only that it cannot. */
#define ANSWER_SECONDS 5
#define ANSWER_MAX (16 * 1024 * 1024)

enum ctl_exit client_options(int argc, char **argv, struct client_options *options)
{
	static const struct option known[] = {
		{"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {0}};
	int option;

	*options = (struct client_options){.socket = SOCKET_PATH};
	optind = 0;
	while ((option = getopt_long(argc, argv, "s:j", known, NULL)) != -1) {
		if (option == 's')
			options->socket = optarg;
		else if (option == 'j')
			options->json = true;
		else
			return CTL_USAGE;
	}
	if (optind == argc)
		return CTL_OK;
	fprintf(stderr, "%s: unexpected argument %s\n", argv[0], argv[optind]);
	return CTL_USAGE;
}

static enum ctl_exit explain(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		fprintf(stderr,
			"cutoffctl: cutoffd is not running (nobody listens at %s): start it with "
			"\"systemctl start cutoffd\", or name its socket with --socket\n",
			path);
		return CTL_NOT_RUNNING;
	case EACCES:
	case EPERM:
		fprintf(stderr,
			"cutoffctl: %s: not permitted: ask as root or as a member of group "
			"cutoffd\n",
			path);
		return CTL_PERMISSION;
	case EAGAIN:
		fprintf(stderr,
			"cutoffctl: %s: no answer within %d seconds: see \"journalctl -u "
			"cutoffd\"\n",
			path, ANSWER_SECONDS);
		return CTL_FAILURE;
	case EPIPE:
	case ECONNRESET:
		fprintf(stderr,
			"cutoffctl: %s: closed without an answer: see \"journalctl -u cutoffd\"\n",
			path);
		return CTL_FAILURE;
	default:
		fprintf(stderr, "cutoffctl: %s: %s\n", path, strerror(error));
		return CTL_FAILURE;
	}
}

/* The connected socket, or -errno. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* One line, to free(); NULL with errno. */
static char *read_line(int fd)
{
	char *line = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (length == room) {
			char *more = NULL;

			errno = EMSGSIZE;
			if (room < ANSWER_MAX)
				more = realloc(line, room += 65536);
			if (!more)
				break;
			line = more;
		}
		n = recv(fd, line + length, room - length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EPIPE : errno;
			break;
		}
		length += (size_t)n;
		if (line[length - 1] == '\n') {
			line[length - 1] = '\0';
			return line;
		}
	}
	free(line);
	return NULL;
}

static void clean_string(json_t *string)
{
	size_t length = json_string_length(string);
	char *text = malloc(ESCAPE_SIZE(length));

	/* without memory nothing is better than what may steer a terminal */
	if (!text || json_string_setn(string, text,
				      escape_text(json_string_value(string), length, KEEP_BACKSLASH,
						  text)) != 0)
		json_string_set(string, "");
	free(text);
}

/* Whoever answers may be somebody else than the recorder, or a recorder that somebody owns: no
 * text of an answer reaches a terminal as it is. */
static void clean(json_t *value)
{
	json_t *member;
	const char *key;
	size_t index;

	if (json_is_string(value))
		clean_string(value);
	json_array_foreach(value, index, member) clean(member);
	json_object_foreach(value, key, member) clean(member);
}

/* NULL with errno. */
static json_t *exchange(int fd, const char *verb)
{
	json_t *answer = NULL;
	char request[64];
	int n = snprintf(request, sizeof(request), "{\"verb\":\"%s\"}\n", verb);
	char *line;

	/* who is turned away finds the reason in the socket, although sending fails */
	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n && errno != EPIPE)
		return NULL;
	line = read_line(fd);
	if (!line)
		return NULL;
	answer = json_loads(line, 0, NULL);
	if (answer)
		clean(answer);
	else
		errno = EBADMSG;
	free(line);
	return answer;
}

enum ctl_exit client_ask(const struct client_options *options, const char *verb, json_t **answer)
{
	const char *error = NULL, *code = "";
	int fd = open_socket(options->socket);

	*answer = NULL;
	if (fd < 0)
		return explain(options->socket, -fd);
	errno = 0;
	*answer = exchange(fd, verb);
	if (!*answer) {
		int why = errno;

		close(fd);
		return explain(options->socket, why);
	}
	close(fd);
	if (json_unpack(*answer, "{s:s, s?s}", "error", &error, "code", &code) < 0)
		return CTL_OK;
	fprintf(stderr, "cutoffctl: %s\n", error);
	json_decref(*answer);
	*answer = NULL;
	return strcmp(code, "permission") == 0 ? CTL_PERMISSION : CTL_FAILURE;
}

enum ctl_exit client_print_json(const json_t *answer)
{
	if (json_dumpf(answer, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF ||
	    fflush(stdout) != 0) {
		perror("cutoffctl: standard output");
		return CTL_FAILURE;
	}
	return CTL_OK;
}
