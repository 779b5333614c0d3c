/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where packets come from: one interface for capture files and live interfaces.
 *
 * capture_pcap.c is the only user of libpcap: live interfaces. Files are read by capture_savefile.c
 * (pcap) and capture_pcapng.c, because libpcap refuses mixed link types and snapshot lengths, cuts
 * packets to the snapshot length that a file's header claims, and takes no packet over 256 KiB.
 * Memory is bounded whatever a file claims.
 */
#ifndef CUTOFFD_CAPTURE_H
#define CUTOFFD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/clock.h"

struct capture;

struct capture_packet {
	const uint8_t *bytes; /* good until the next call */
	uint32_t length;      /* bytes that are here */
	uint32_t wire_length; /* bytes that there were on the wire */
	int linktype;	      /* LINKTYPE_ value of the file format, DLT_ mapped to it */
	struct wall at;
};

#define CAPTURE_ERROR 512

/* A live packet's bytes from here on are left out. It is a slot of the kernel's ring, and slots are
 * of one size: longer ones, for what receive offload makes of long transfers, would be few. */
#define CAPTURE_LIVE_BYTES 16256

/* A capture file ("-": standard input). NULL with a text in error that names file and remedy. */
struct capture *capture_open_file(const char *path, char error[CAPTURE_ERROR]);
/* The same, opened already: fd becomes the capture's own, also on failure; name is for messages. */
struct capture *capture_open_fd(int fd, const char *name, char error[CAPTURE_ERROR]);
/* A live interface: both directions, promiscuous off, immediate, non-blocking.
 * Needs CAP_NET_RAW now and no longer after it. */
struct capture *capture_open_live(const char *interface, char error[CAPTURE_ERROR]);
void capture_free(struct capture *capture);

/* 1: a packet. 0: none now (live). -ENODATA: the end of the file. Another -errno, from then on: the
 * capture cannot go on; capture_error says why. -EBADMSG: the file is cut short or damaged here;
 * the whole packets before that place have been given.
 */
int capture_next(struct capture *capture, struct capture_packet *packet);
const char *capture_error(const struct capture *capture);

/* Live: for poll. Files: -1. */
int capture_fd(const struct capture *capture);
/* Files: bytes read so far and in all (0: unknown), for the progress bar. */
void capture_progress(const struct capture *capture, uint64_t *read, uint64_t *total);
/* Live: packets that the kernel dropped because nobody took them. */
uint64_t capture_dropped(struct capture *capture);

#endif
