/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "classifiers/cursor.h"
#include "classifiers/quic.h"
#include "classifiers/quic_frames.h"
#include "classifiers/quic_keys.h"
#include "classifiers/tls.h"

#define LONG_HEADER 0x80
#define FIXED_BIT 0x40
#define TYPE(first) ((first) >> 4 & 3)
/* RFC 9000 §17.2; versions to come may have longer ones, no known one has. */
#define CONNECTION_ID_MAX 20
/* A client's datagram with an Initial is at least this long (RFC 9000 §14.1). */
#define DATAGRAM_MIN 1200
#define DATAGRAM_MAX 65535

/* Initials of one datagram that keys are derived for. Senders put one there, or two in a rare case;
 * RFC 9000 §12.2 wants those with other ids to be ignored. */
#define DERIVATIONS_MAX 4

struct quic_flow {
	struct quic_flow *next;	 /* while free */
	struct quic_flow *other; /* a second connection on the same ports, or NULL */
	const struct quic_version *version;
	struct quic_secrets secrets;
	uint64_t next_number; /* behind the largest packet number that was opened */
	struct quic_stream stream;
};

struct quic {
	struct quic_keys *keys;
	struct quic_flow *flows; /* all of them */
	size_t flows_count,
		fresh;		/* those from fresh on were never used: their pages cost nothing */
	struct quic_flow *free; /* those given back */
	struct quic_flow
		*spare; /* a new flow is read into it; it leaves only when it must be kept */
	unsigned int derivations; /* for this datagram */
	uint8_t plain[DATAGRAM_MAX];
};

/* A long-header packet: its parts as far as they are not protected. */
struct packet {
	uint8_t first;
	uint32_t version_number;
	const struct quic_version *version; /* NULL: not known */
	struct cursor connection_id;	    /* destination */
	const uint8_t *start;
	size_t header_length; /* up to the packet number */
	struct cursor sealed; /* packet number and payload */
};

struct quic *quic_new(size_t flows_max)
{
	struct quic *quic = calloc(1, sizeof(*quic));

	if (!quic)
		return NULL;
	quic->keys = quic_keys_new();
	quic->flows = calloc(flows_max + 1, sizeof(*quic->flows));
	if (!quic->keys || !quic->flows) {
		quic_free(quic);
		return NULL;
	}
	quic->flows_count = flows_max + 1;
	quic->spare = &quic->flows[quic->fresh++];
	return quic;
}

void quic_free(struct quic *quic)
{
	if (!quic)
		return;
	free(quic->flows);
	quic_keys_free(quic->keys);
	free(quic);
}

static void give(struct quic *quic, struct quic_flow *flow)
{
	flow->next = quic->free;
	quic->free = flow;
}

void quic_flow_free(struct quic *quic, struct quic_flow **flow)
{
	if (!*flow)
		return;
	if ((*flow)->other)
		give(quic, (*flow)->other);
	give(quic, *flow);
	*flow = NULL;
}

/* What every version has (RFC 8999 §5.1). */
static bool header_take(struct cursor *c, struct packet *packet)
{
	uint8_t length;

	packet->start = c->at;
	packet->first = cursor_u8(c);
	packet->version_number = cursor_u32(c);
	packet->version = quic_version_find(packet->version_number);
	length = cursor_u8(c);
	packet->connection_id = cursor_sub(c, length);
	if (c->bad || !(packet->first & LONG_HEADER) || length > CONNECTION_ID_MAX)
		return false;
	length = cursor_u8(c);
	cursor_skip(c, length);
	if (c->bad || length > CONNECTION_ID_MAX || packet->version_number == 0)
		return false;
	/* a known version is enough: RFC 9287 lets clients clear the bit */
	return packet->version || packet->first & FIXED_BIT;
}

/* Takes what stands behind the header of a packet of a known version; false when it is not an
 * Initial that is all there. */
static bool initial_take(struct cursor *c, struct packet *packet)
{
	bool initial = TYPE(packet->first) == packet->version->initial;
	uint64_t length;

	if (TYPE(packet->first) == packet->version->retry) {
		cursor_skip(c, c->left);
		return false;
	}
	if (initial) {
		length = quic_varint(c);
		cursor_skip(c, length < c->left ? (size_t)length : c->left);
	}
	length = quic_varint(c);
	packet->header_length = (size_t)(c->at - packet->start);
	if (length > c->left) {
		cursor_skip(c, c->left);
		return false;
	}
	packet->sealed = cursor_sub(c, (size_t)length);
	return initial && !c->bad && length >= QUIC_NUMBER_MAX + QUIC_SAMPLE;
}

/* RFC 9000 §A.3 */
static uint64_t number_decode(uint64_t truncated, size_t bytes, uint64_t expected)
{
	uint64_t window = UINT64_C(1) << 8 * bytes, half = window / 2;
	uint64_t number = (expected & ~(window - 1)) | truncated;

	if (number + half <= expected && number < (UINT64_C(1) << 62) - window)
		return number + window;
	if (number > expected + half && number >= window)
		return number - window;
	return number;
}

/* Opens an Initial with these keys; *length: of the frames in quic->plain. */
static bool initial_open(struct quic *quic, const struct packet *packet,
			 const struct quic_secrets *secrets, uint64_t *next_number, size_t *length)
{
	struct quic_sealed sealed = {.number = 0};
	uint8_t mask[1 + QUIC_NUMBER_MAX];
	struct cursor c = packet->sealed;

	cursor_skip(&c, QUIC_NUMBER_MAX);
	if (!quic_keys_mask(quic->keys, secrets, c.at, mask))
		return false;
	c = packet->sealed;
	sealed.first = packet->first ^ (mask[0] & 0x0f);
	sealed.middle = packet->start + 1;
	sealed.middle_length = packet->header_length - 1;
	sealed.number_length = 1 + (sealed.first & 3U);
	for (size_t i = 0; i < sealed.number_length; i++) {
		sealed.number_bytes[i] = cursor_u8(&c) ^ mask[1 + i];
		sealed.number = sealed.number << 8 | sealed.number_bytes[i];
	}
	sealed.number = number_decode(sealed.number, sealed.number_length, *next_number);
	sealed.payload = c.at;
	sealed.payload_length = c.left;
	if (c.left < QUIC_TAG || !quic_keys_open(quic->keys, secrets, &sealed, quic->plain))
		return false;
	if (sealed.number >= *next_number)
		*next_number = sealed.number + 1;
	*length = c.left - QUIC_TAG;
	return true;
}

/* A later Initial bears the server's connection id, but the keys are still those of the first. */
static bool opens_as_before(struct quic *quic, struct quic_flow *flow, const struct packet *packet,
			    size_t *length)
{
	return flow->version == packet->version &&
	       initial_open(quic, packet, &flow->secrets, &flow->next_number, length);
}

/* NULL: all are in use. */
static struct quic_flow *flow_take(struct quic *quic)
{
	struct quic_flow *flow = quic->free;

	if (flow)
		quic->free = flow->next;
	else if (quic->fresh < quic->flows_count)
		flow = &quic->flows[quic->fresh++];
	if (flow)
		flow->other = NULL;
	return flow;
}

/* Where a connection that begins is read. One that is half read stays, as long as there are no more
 * than two: anybody can send an Initial of his own between those of another. */
static struct quic_flow *place_for(struct quic *quic, struct quic_flow *flow)
{
	if (!flow->version)
		return flow;
	if (!flow->other) {
		flow->other = flow_take(quic);
		return flow->other ? flow->other : flow;
	}
	return flow->stream.known < flow->other->stream.known ? flow : flow->other;
}

static struct quic_flow *opens_anew(struct quic *quic, struct quic_flow *flow,
				    const struct packet *packet, size_t *length)
{
	struct quic_secrets secrets;
	uint64_t next_number = 0;

	if (quic->derivations++ >= DERIVATIONS_MAX ||
	    !quic_keys_derive(quic->keys, packet->version, packet->connection_id.at,
			      packet->connection_id.left, &secrets) ||
	    !initial_open(quic, packet, &secrets, &next_number, length))
		return NULL;
	flow = place_for(quic, flow);
	flow->version = packet->version;
	flow->secrets = secrets;
	flow->next_number = next_number;
	quic_stream_reset(&flow->stream);
	return flow;
}

static enum answer initial_read(struct quic *quic, struct quic_flow *flow,
				const struct packet *packet, struct finding *finding)
{
	struct quic_flow *into = flow;
	struct quic_crypto_frame frame;
	struct cursor frames;
	enum answer answer;
	size_t length;

	while (into && !opens_as_before(quic, into, packet, &length))
		into = into->other;
	if (!into)
		into = opens_anew(quic, flow, packet, &length);
	if (!into)
		return ANSWER_MORE;
	frames = cursor_new(quic->plain, length);
	while (quic_frames_next(&frames, &frame))
		quic_stream_add(&into->stream, &frame);
	answer = tls_extract_handshake(into->stream.bytes, into->stream.known, EVIDENCE_QUIC_SNI,
				       finding);
	if (answer == ANSWER_FOUND)
		into->version = NULL; /* is done */
	return answer;
}

/* Reads the packets of one datagram into flow. */
static enum answer datagram_read(struct quic *quic, struct quic_flow *flow, struct cursor c,
				 struct finding *finding)
{
	/* what comes between the datagrams of a flow that is QUIC does not end it */
	enum answer answer = flow->version ? ANSWER_MORE : ANSWER_NOT_MINE;
	size_t length = c.left;
	struct packet packet;

	while (c.left > 0 && header_take(&c, &packet)) {
		if (!packet.version)
			return answer == ANSWER_MORE || length >= DATAGRAM_MIN ? ANSWER_MORE
									       : ANSWER_NOT_MINE;
		answer = ANSWER_MORE;
		if (!initial_take(&c, &packet))
			continue;
		answer = initial_read(quic, flow, &packet, finding);
		if (answer != ANSWER_MORE)
			return answer;
	}
	return answer;
}

/* The spare flow holds something that must be kept, and another takes its place. */
static void spare_keep(struct quic *quic, struct quic_flow **flow)
{
	struct quic_flow *other = flow_take(quic);

	if (!other)
		return;
	*flow = quic->spare;
	quic->spare = other;
}

enum answer quic_extract(struct quic *quic, struct quic_flow **flow, const uint8_t *bytes,
			 size_t length, struct finding *finding)
{
	struct quic_flow *into = *flow ? *flow : quic->spare;
	enum answer answer;

	finding_reset(finding, CARRIER_QUIC);
	if (length > DATAGRAM_MAX)
		return ANSWER_NOT_MINE;
	if (!*flow)
		into->version = NULL;
	quic->derivations = 0;
	answer = datagram_read(quic, into, cursor_new(bytes, length), finding);
	if (!*flow && answer == ANSWER_MORE && into->version)
		spare_keep(quic, flow);
	if (quic->spare->other) {
		give(quic, quic->spare->other);
		quic->spare->other = NULL;
	}
	return answer;
}

struct quic_flow *quic_flow_other(struct quic_flow **flow)
{
	struct quic_flow *one = *flow, *other = one ? one->other : NULL;

	if (!other)
		return NULL;
	one->other = NULL;
	if (!one->version)
		return other;
	*flow = other;
	return one;
}

bool quic_initial_id(const uint8_t *bytes, size_t length, uint16_t *id)
{
	struct cursor c = cursor_new(bytes, length);
	uint32_t hash = 2166136261; /* FNV-1a */
	struct packet packet;

	if (length < DATAGRAM_MIN || !(bytes[0] & LONG_HEADER) || !header_take(&c, &packet) ||
	    !packet.version || TYPE(packet.first) != packet.version->initial)
		return false;
	for (size_t i = 0; i < packet.connection_id.left; i++)
		hash = (hash ^ packet.connection_id.at[i]) * 16777619;
	*id = (uint16_t)(hash >> 16 ^ hash);
	return true;
}
