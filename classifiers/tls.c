/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "classifiers/cursor.h"
#include "classifiers/tls.h"

#define RECORD_HANDSHAKE 22
/* A plaintext record holds 2^14 bytes at most; some stacks take the ciphertext's limit for it
 * (RFC 5246 §6.2.3). */
#define RECORD_MAX (16384 + 2048)

#define HANDSHAKE_CLIENT_HELLO 1
/* Version, random, no session id, one cipher suite, one compression method, no extensions. */
#define HELLO_MIN (2 + 32 + 1 + 2 + 2 + 1 + 1)
/* Each of its vectors as long as its length field can say. */
#define HELLO_MAX (2 + 32 + 1 + 32 + 2 + 65534 + 1 + 255 + 2 + 65535)
#define SESSION_ID_MAX 32
/* What is kept of a hello over several records: a name beyond it is not looked for. */
#define HELLO_KEPT 32768

#define EXTENSION_SERVER_NAME 0
#define NAME_TYPE_HOST 0

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Whether the server_name extension held a name. Its list's own length is not relied on: names
 * count as long as they fit into the extension. */
static bool names_read(struct cursor extension, enum evidence_kind kind, struct finding *finding)
{
	cursor_skip(&extension, 2);
	while (extension.left > 0) {
		uint8_t type = cursor_u8(&extension);
		struct cursor name = cursor_sub(&extension, cursor_u16(&extension));

		if (!name.bad && type == NAME_TYPE_HOST)
			finding_add_name(finding, kind, name.at, name.left);
	}
	return finding->names_count > 0;
}

/* c: the extensions, or with cut the part of them that is there. Ends at the first name: who has
 * it needs no more, and a capture may have been cut behind it. */
static enum answer extensions_read(struct cursor c, bool cut, enum evidence_kind kind,
				   struct finding *finding)
{
	while (c.left > 0) {
		uint16_t type = cursor_u16(&c);
		struct cursor extension = cursor_sub(&c, cursor_u16(&c));

		if (c.bad)
			return cut ? ANSWER_MORE : ANSWER_NOT_MINE;
		if (type == EXTENSION_SERVER_NAME && names_read(extension, kind, finding))
			return ANSWER_FOUND;
	}
	return cut ? ANSWER_MORE : ANSWER_FOUND;
}

/* Takes all that stands before the extensions; false when it cannot be so in any ClientHello. */
static bool fixed_fields_take(struct cursor *body)
{
	uint8_t major = cursor_u8(body), session_id, compressions;
	uint16_t ciphers;

	if (!body->bad && major < 3)
		return false;
	cursor_skip(body, 1 + 32);
	session_id = cursor_u8(body);
	if (session_id > SESSION_ID_MAX)
		return false;
	cursor_skip(body, session_id);
	ciphers = cursor_u16(body);
	if (!body->bad && (ciphers == 0 || ciphers % 2 != 0))
		return false;
	cursor_skip(body, ciphers);
	compressions = cursor_u8(body);
	if (!body->bad && compressions == 0)
		return false;
	cursor_skip(body, compressions);
	return true;
}

/* body: what is there of a ClientHello's body; missing: how much of it is not. */
static enum answer body_read(struct cursor body, size_t missing, enum evidence_kind kind,
			     struct finding *finding)
{
	size_t length, there;

	if (!fixed_fields_take(&body))
		return ANSWER_NOT_MINE;
	if (!body.bad && body.left == 0 && missing == 0)
		return ANSWER_FOUND; /* before TLS 1.2 a hello may have no extensions */
	length = cursor_u16(&body);
	if (body.bad)
		return missing > 0 ? ANSWER_MORE : ANSWER_NOT_MINE;
	if (length > body.left + missing)
		return ANSWER_NOT_MINE;
	there = smaller(length, body.left);
	return extensions_read(cursor_sub(&body, there), there < length, kind, finding);
}

static enum answer hello_read(struct cursor message, enum evidence_kind kind,
			      struct finding *finding)
{
	int type = cursor_peek(&message, 0);
	size_t length, there;

	if (type >= 0 && type != HANDSHAKE_CLIENT_HELLO)
		return ANSWER_NOT_MINE;
	cursor_skip(&message, 1);
	length = cursor_u24(&message);
	if (message.bad)
		return ANSWER_MORE;
	if (length < HELLO_MIN || length > HELLO_MAX)
		return ANSWER_NOT_MINE;
	there = smaller(length, message.left);
	return body_read(cursor_sub(&message, there), length - there, kind, finding);
}

enum answer tls_extract_handshake(const uint8_t *bytes, size_t length, enum evidence_kind kind,
				  struct finding *finding)
{
	finding_reset(finding, kind == EVIDENCE_QUIC_SNI ? CARRIER_QUIC : CARRIER_TLS);
	return hello_read(cursor_new(bytes, length), kind, finding);
}

/* FOUND: a handshake record's header was read, and payload is what is there of its content. */
static enum answer record_next(struct cursor *stream, struct cursor *payload)
{
	int type = cursor_peek(stream, 0), major = cursor_peek(stream, 1);
	size_t length;

	if ((type >= 0 && type != RECORD_HANDSHAKE) || (major >= 0 && major != 3))
		return ANSWER_NOT_MINE;
	cursor_skip(stream, 3);
	length = cursor_u16(stream);
	if (stream->bad)
		return ANSWER_MORE;
	if (length > RECORD_MAX)
		return ANSWER_NOT_MINE;
	*payload = cursor_sub(stream, smaller(length, stream->left));
	return ANSWER_FOUND;
}

/* The length of the handshake message that begins here, header included; that of the header alone
 * while it is not all there. */
static size_t message_length(struct cursor c)
{
	cursor_skip(&c, 1);
	return 4 + (size_t)cursor_u24(&c);
}

/* A hello over several records: their payloads are put behind each other. A function of its own so
 * that the ordinary hello does not pay for the buffer. */
static __attribute__((noinline)) enum answer spanning_read(struct cursor *stream,
							   struct finding *finding)
{
	uint8_t kept[HELLO_KEPT];
	size_t held = 0;
	enum answer records, hello;

	do {
		struct cursor payload;

		records = record_next(stream, &payload);
		if (records != ANSWER_FOUND)
			break;
		payload.left = smaller(payload.left, HELLO_KEPT - held);
		if (payload.left > 0)
			memcpy(kept + held, payload.at, payload.left);
		held += payload.left;
	} while (held < smaller(message_length(cursor_new(kept, held)), HELLO_KEPT));

	hello = hello_read(cursor_new(kept, held), EVIDENCE_TLS_SNI, finding);
	if (hello != ANSWER_MORE)
		return hello;
	if (held < HELLO_KEPT)
		return records == ANSWER_NOT_MINE ? ANSWER_NOT_MINE : ANSWER_MORE;
	finding->truncated = true;
	return ANSWER_FOUND;
}

enum answer tls_extract(const uint8_t *bytes, size_t length, struct finding *finding,
			size_t *consumed)
{
	struct cursor stream = cursor_new(bytes, length), payload;
	enum answer answer;

	*consumed = 0;
	finding_reset(finding, CARRIER_TLS);
	answer = record_next(&stream, &payload);
	if (answer != ANSWER_FOUND)
		return answer;
	if (stream.left == 0 || payload.left >= message_length(payload)) {
		answer = hello_read(payload, EVIDENCE_TLS_SNI, finding);
	} else {
		stream = cursor_new(bytes, length);
		answer = spanning_read(&stream, finding);
	}
	if (answer == ANSWER_FOUND)
		*consumed = length - stream.left;
	return answer;
}
