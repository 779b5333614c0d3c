/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every name extractor has in common. An extractor reads untrusted bytes, keeps no pointer
 * into them, allocates nothing, and answers with names. It knows no dates, no processes and no
 * catalogue. registry.c holds the table of them; README.md says how to add one.
 */
#ifndef CUTOFFD_CLASSIFIER_H
#define CUTOFFD_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/evidence.h"
#include "daemon/address.h"

enum answer {
	ANSWER_NOT_MINE, /* these bytes are another protocol */
	ANSWER_MORE,	 /* it may be mine: ask again with more bytes from the same start */
	ANSWER_FOUND,	 /* mine and complete: finding holds what there is (maybe no name) */
};

/* What the names were carried in; becomes the event_type. */
enum carrier {
	CARRIER_NONE,
	CARRIER_TLS,
	CARRIER_QUIC,
	CARRIER_HTTP,
	CARRIER_DNS,
};

#define FINDING_NAMES 32
#define FINDING_TEXT 4096
#define FINDING_ANSWERS 64

/* Names of one finding stand behind each other in text, lower case, a final dot removed, no NUL
 * between them; other bytes as they were seen. */
struct finding_name {
	enum evidence_kind kind;
	uint16_t offset, length;
};

/* An address that a DNS answer gave, for the name asked for. */
struct finding_answer {
	struct address address;
	uint32_t ttl; /* seconds: the smallest on the way through the CNAME chain */
};

struct finding {
	enum carrier carrier;
	unsigned int names_count;
	struct finding_name names[FINDING_NAMES];
	unsigned int text_length;
	char text[FINDING_TEXT];
	bool truncated; /* more names or answers than there was room for */

	/* DNS only: names are the questions' (kind EVIDENCE_DNS), then the CNAMEs of the chain */
	bool is_response;
	uint16_t message_id;	      /* the one that a query and its answer share */
	unsigned int questions_count; /* the first so many of names */
	unsigned int answers_count;
	struct finding_answer answers[FINDING_ANSWERS];
};

void finding_reset(struct finding *finding, enum carrier carrier);
/* Adds a name in its canonical form; false (and truncated) when there is no room. */
bool finding_add_name(struct finding *finding, enum evidence_kind kind, const uint8_t *bytes,
		      size_t length);
/* Name i, not NUL-terminated. */
const char *finding_name(const struct finding *finding, unsigned int i, size_t *length);

/*
 * An extractor of names from the client's byte stream (TCP). Pure: always called with the bytes
 * from where its message begins; as many as are there. On ANSWER_FOUND *consumed is the message's
 * length as far as it matters to whoever looks for the next one.
 */
struct stream_classifier {
	const char *name;
	enum answer (*extract)(const uint8_t *bytes, size_t length, struct finding *finding,
			       size_t *consumed);
};

/* The rows, in the order to ask; ended by a row without a name. */
extern const struct stream_classifier stream_classifiers[];

#endif
