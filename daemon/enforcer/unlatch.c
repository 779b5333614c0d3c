/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/unlatch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/enforcer/enforcer.h"
#include "daemon/enforcer/enforcer_internal.h"
#include "daemon/enforcer/instance.h"
#include "daemon/log.h"
#include "daemon/statefile.h"

#define ORDER "unlatch"
#define ANSWER "unlatch.answer"
#define ORDER_TEXT 400
#define FILE_MAX 4096
#define POLL_MS 20
#define ANSWER_POLLS 500 /* ten seconds */

struct order {
	char stage[ORDER_TEXT], reason[ORDER_TEXT];
};

static void path_in(char path[PATH_MAX], const char *state, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", state, name);
}

static bool text_valid(const char *text)
{
	if (*text == '\0' || strlen(text) >= ORDER_TEXT)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* "WORD TEXT" and its end; moves *text behind it. */
static bool take_line(const char **text, const char *word, char out[ORDER_TEXT])
{
	size_t length = strlen(word);
	const char *end = strchr(*text, '\n');

	if (!end || strncmp(*text, word, length) != 0 ||
	    (size_t)(end - *text) >= length + ORDER_TEXT)
		return false;
	snprintf(out, ORDER_TEXT, "%.*s", (int)(end - *text - (ptrdiff_t)length), *text + length);
	*text = end + 1;
	return text_valid(out);
}

/* The body, with its sum behind it. */
static int write_text(const char *path, const char *body)
{
	char text[2048];
	size_t length = (size_t)snprintf(text, sizeof(text) - STATEFILE_SUM, "%s", body);

	if (length >= sizeof(text) - STATEFILE_SUM)
		return -EFBIG;
	statefile_sum(body, length, text + length);
	return statefile_save(path, text, length + STATEFILE_SUM);
}

/* The body of a text whose sum is right, to free(). */
static int read_text(const char *path, char **text)
{
	size_t length;
	int r = statefile_read(path, FILE_MAX, text, &length);

	if (r == 0 && !statefile_sum_right(*text, length)) {
		free(*text);
		*text = NULL;
		r = -EBADMSG;
	}
	if (r == 0)
		(*text)[length - STATEFILE_SUM] = '\0';
	return r;
}

static bool is_roots(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* 0 and no stage: no order waits. */
static int read_order(const char *path, struct order *order)
{
	const char *next;
	char *text = NULL;
	int r;

	*order = (struct order){.stage = ""};
	if (access(path, F_OK) != 0)
		return 0;
	if (!is_roots(path))
		return -EPERM;
	r = read_text(path, &text);
	next = text;
	if (r == 0 && (!take_line(&next, "stage ", order->stage) ||
		       !take_line(&next, "reason ", order->reason)))
		r = -EBADMSG;
	free(text);
	return r;
}

/* ---- the enforcer's side ---- */

static void answer_with(const char *state, bool done, const char *text)
{
	char path[PATH_MAX], body[NFT_ERROR + 16];
	int r;

	snprintf(body, sizeof(body), "%s %s\n", done ? "done" : "refused", text);
	path_in(path, state, ANSWER);
	r = write_text(path, body);
	if (r != 0)
		log_error("unlatch", "%s: %s", path, strerror(-r));
}

void unlatch_carry_out(struct enforcer *enforcer)
{
	const char *state = enforcer->site->settings->state;
	char path[PATH_MAX], answer[NFT_ERROR] = "";
	struct order order;
	bool done;
	int r;

	path_in(path, state, ORDER);
	r = read_order(path, &order);
	if (r == 0 && order.stage[0] == '\0')
		return;
	unlink(path); /* once only, whatever comes of it */
	if (r != 0) {
		log_error("unlatch", "%s: not carried out: %s", path, strerror(-r));
		answer_with(state, false, "the order's file is damaged or not root's");
		return;
	}
	done = latching_lift(enforcer, order.stage, order.reason, answer, sizeof(answer));
	if (!done) {
		log_warning("unlatch", "%s: %s", order.stage, answer);
		roles_notice(enforcer, NOTICE_LATCH, NULL, "unlatch %s is refused: %.400s",
			     order.stage, answer);
	}
	answer_with(state, done, answer);
}

/* ---- the command's side ---- */

static int write_order(const char *state, const char *stage, const char *reason)
{
	char path[PATH_MAX], body[2 * ORDER_TEXT + 32];

	snprintf(body, sizeof(body), "stage %s\nreason %s\n", stage, reason);
	path_in(path, state, ANSWER);
	unlink(path);
	path_in(path, state, ORDER);
	return write_text(path, body);
}

static int wait_for_answer(const char *state)
{
	char path[PATH_MAX], *text = NULL;
	int r = -ENOENT;
	bool done;

	path_in(path, state, ANSWER);
	for (int i = 0; i < ANSWER_POLLS && r == -ENOENT; i++) {
		r = read_text(path, &text);
		if (r == -ENOENT)
			poll(NULL, 0, POLL_MS);
	}
	unlink(path);
	if (r != 0) {
		fprintf(stderr, "cutoffd: the running cutoffd does not answer (see its log): %s\n",
			strerror(-r));
		return EXIT_FAILURE;
	}
	done = strncmp(text, "done ", 5) == 0;
	fprintf(done ? stdout : stderr, "cutoffd: unlatch: %s", text);
	free(text);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int give_order(const struct settings *settings, const char *stage, const char *reason)
{
	int r = write_order(settings->state, stage, reason);
	pid_t holder;

	if (r != 0) {
		fprintf(stderr, "cutoffd: %s/" ORDER ": %s\n", settings->state, strerror(-r));
		return EXIT_FAILURE;
	}
	holder = instance_holder(settings->runtime);
	if (holder > 0 && kill(holder, UNLATCH_SIGNAL) == 0)
		return wait_for_answer(settings->state);
	printf("cutoffd: unlatch: no cutoffd runs; the order waits in %s/" ORDER
	       " and is carried out when it starts\n",
	       settings->state);
	return EXIT_SUCCESS;
}

int enforcer_unlatch(const char *config, const char *stage, const char *reason)
{
	struct settings *settings;
	int r;

	if (geteuid() != 0) {
		fputs("cutoffd: unlatch is root's order only\n", stderr);
		return EXIT_FAILURE;
	}
	if (!text_valid(stage) || !text_valid(reason)) {
		fprintf(stderr,
			"cutoffd: unlatch: a stage and a reason are needed, each one line of less "
			"than %d bytes\n",
			ORDER_TEXT);
		return EXIT_FAILURE;
	}
	settings = site_settings(config);
	if (!settings)
		return EXIT_FAILURE;
	r = give_order(settings, stage, reason);
	settings_free(settings);
	return r;
}
