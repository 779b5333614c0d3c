/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands behind capture.h: the kinds of source, and the input that the kinds which are files
 * read from. Only capture*.c include it.
 */
#ifndef CUTOFFD_CAPTURE_SOURCE_H
#define CUTOFFD_CAPTURE_SOURCE_H

#include "classifiers/cursor.h"
#include "daemon/sensor/capture.h"

/* The longest record (pcap's packet, pcapng's block) that is held in memory. Far above what a link
 * can carry (a BIG TCP packet has 512 KiB); a longer packet is a sign of damage. */
#define CAPTURE_RECORD_MAX (2u << 20)

struct capture_input;

/* One kind of source. Its state begins with a struct capture. */
struct capture_kind {
	size_t size; /* of that state, which is zeroed when start is called */
	/* Files: whether a file that begins with these four bytes is of this kind. */
	bool (*recognise)(const uint8_t magic[4]);
	/* Files: reads the file's header. 0 or capture_fail. */
	int (*start)(struct capture *capture);
	int (*next)(struct capture *capture, struct capture_packet *packet);
	void (*stop)(struct capture *capture); /* may be NULL, as all that follow */
	int (*fd)(const struct capture *capture);
	uint64_t (*dropped)(struct capture *capture);
};

struct capture {
	const struct capture_kind *kind;
	struct capture_input *input; /* files */
	char *name;		     /* for messages */
	int failed;		     /* what capture_next said last, when there is no going on */
	char error[CAPTURE_ERROR];
};

extern const struct capture_kind capture_savefile, capture_pcapng;

/* Zeroed but for kind and name. NULL when memory is out. */
struct capture *capture_new(const struct capture_kind *kind, const char *name);
/* Keeps the text, preceded by the capture's name, for capture_error. Returns error. */
int capture_fail(struct capture *capture, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The input ended in the middle of what, or could not be read. Returns -errno. */
int capture_cut(struct capture *capture, const char *what);

/*
 * The input: a file or pipe, read once from front to end through one buffer.
 */
/* fd is the input's from then on, also when NULL comes back (memory). */
struct capture_input *capture_input_new(int fd);
void capture_input_free(struct capture_input *input);
/* The next length (at most CAPTURE_RECORD_MAX) bytes, which stay good until the next call; NULL
 * when so many are not there. peek leaves them there, take goes past them. */
const uint8_t *capture_input_peek(struct capture_input *input, size_t length);
const uint8_t *capture_input_take(struct capture_input *input, size_t length);
bool capture_input_skip(struct capture_input *input, uint64_t length);
/* Whether every byte was taken. */
bool capture_input_ended(struct capture_input *input);
/* -errno of a read that failed, or 0. */
int capture_input_error(const struct capture_input *input);
/* Bytes taken so far, and in all (0: unknown). */
uint64_t capture_input_position(const struct capture_input *input);
uint64_t capture_input_size(const struct capture_input *input);

/* Numbers of a file's header are in the byte order of the machine that wrote it. */
uint16_t capture_u16(struct cursor *cursor, bool little);
uint32_t capture_u32(struct cursor *cursor, bool little);

#endif
