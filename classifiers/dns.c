/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/dns.h"
#include "classifiers/cursor.h"
#include "classifiers/dns_name.h"

/* A name of one byte, type and class. */
#define QUESTION_MIN 5
/* Likewise, with TTL and the length of no data. */
#define RECORD_MIN 11

#define FLAG_RESPONSE 0x8000
#define OPCODE(flags) ((flags) >> 11 & 15)
#define OPCODE_QUERY 0
#define OPCODE_NOTIFY 4
#define OPCODE_UPDATE 5

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_AAAA 28
#define TYPE_SVCB 64
#define TYPE_HTTPS 65
#define CLASS_IN 1
/* Multicast DNS has a flag of its own in the class (RFC 6762 §5.4, §10.2). */
#define CLASS_MASK 0x7fff

#define PARAMETER_IPV4_HINT 4
#define PARAMETER_IPV6_HINT 6

/* A chain is followed in at most so many passes; it is in order nearly always, which needs one. */
#define PASSES_MAX 8

struct header {
	uint16_t id, flags, questions, answers, authorities, additionals;
};

/* A name that a question asks for, or that the chain leads to. */
struct link {
	uint16_t name;
	uint32_t ttl;
};

struct record {
	uint16_t name, type, class;
	uint32_t ttl;
	struct cursor data;
};

struct reading {
	struct dns_message message;
	struct header header;
	struct cursor records; /* behind the questions */
	struct finding *finding;
	struct link links[FINDING_NAMES];
	unsigned int links_count;
	bool has_aliases;
};

/* Whether a message of this length can have this header. */
static bool header_read(struct cursor *c, size_t length, struct header *header)
{
	size_t records;

	*header = (struct header){.id = cursor_u16(c)};
	header->flags = cursor_u16(c);
	header->questions = cursor_u16(c);
	header->answers = cursor_u16(c);
	header->authorities = cursor_u16(c);
	header->additionals = cursor_u16(c);
	if (c->bad)
		return false;
	switch (OPCODE(header->flags)) {
	case OPCODE_QUERY:
	case OPCODE_NOTIFY:
	case OPCODE_UPDATE:
		break;
	default:
		return false;
	}
	if (header->questions == 0 && !(header->flags & FLAG_RESPONSE && header->answers > 0))
		return false;
	records = (size_t)header->answers + header->authorities + header->additionals;
	return DNS_HEADER + (size_t)header->questions * QUESTION_MIN <= length &&
	       records * RECORD_MIN <= UINT16_MAX;
}

static bool is_class(uint16_t class)
{
	switch (class & CLASS_MASK) {
	case CLASS_IN:
	case 3:	  /* CHAOS */
	case 4:	  /* Hesiod */
	case 254: /* none: RFC 2136 */
	case 255: /* any */
		return true;
	default:
		return false;
	}
}

static void link_add(struct reading *r, uint16_t name, uint32_t ttl)
{
	uint8_t text[DNS_NAME_TEXT];

	if (r->links_count == FINDING_NAMES) {
		r->finding->truncated = true;
		return;
	}
	r->links[r->links_count++] = (struct link){.name = name, .ttl = ttl};
	finding_add_name(r->finding, EVIDENCE_DNS, text, dns_name_text(&r->message, name, text));
}

static const struct link *link_find(struct reading *r, uint16_t name)
{
	for (unsigned int i = 0; i < r->links_count; i++)
		if (r->links[i].name == name)
			return &r->links[i];
	for (unsigned int i = 0; i < r->links_count; i++)
		if (dns_name_equal(&r->message, r->links[i].name, name))
			return &r->links[i];
	return NULL;
}

static bool questions_read(struct reading *r)
{
	struct cursor *c = &r->records;

	for (unsigned int i = 0; i < r->header.questions; i++) {
		uint16_t name;

		if (!dns_name_take(&r->message, c, &name))
			return false;
		cursor_skip(c, 2);
		if (!is_class(cursor_u16(c)))
			return false;
		link_add(r, name, UINT32_MAX);
	}
	r->finding->questions_count = r->finding->names_count;
	return true;
}

/* False when the record is malformed, or (then c is bad) not all there. */
static bool record_take(struct dns_message *message, struct cursor *c, struct record *record)
{
	if (!dns_name_take(message, c, &record->name))
		return false;
	record->type = cursor_u16(c);
	record->class = cursor_u16(c);
	record->ttl = cursor_u32(c);
	if (record->ttl > INT32_MAX)
		record->ttl = 0; /* RFC 2181 §8 */
	record->data = cursor_sub(c, cursor_u16(c));
	return !c->bad;
}

static bool is_service(const struct record *record)
{
	return record->type == TYPE_SVCB || record->type == TYPE_HTTPS;
}

/* Whether the record leads on to another name, and to which. An alias whose name is malformed is
 * not one; *malformed tells. */
static bool alias_target(struct dns_message *message, const struct record *record, uint16_t *target,
			 bool *malformed)
{
	struct cursor data = record->data;

	*malformed = false;
	if ((record->type != TYPE_CNAME && !is_service(record)) || data.left == 0)
		return false;
	if (is_service(record))
		cursor_skip(&data, 2);
	*malformed = !dns_name_take(message, &data, target);
	/* a service's "." is its owner: RFC 9460 §2.5 */
	return !*malformed && message->bytes[*target] != 0;
}

/* Every record, once: false when one is malformed. Messages that end early are read as far as
 * they go, as stub resolvers do. */
static bool records_check(struct reading *r)
{
	size_t count = (size_t)r->header.answers + r->header.authorities + r->header.additionals;
	struct cursor c = r->records;
	struct record record;
	uint16_t target;
	bool malformed;

	for (size_t i = 0; i < count; i++) {
		if (!record_take(&r->message, &c, &record)) {
			r->finding->truncated = true;
			return c.bad;
		}
		if (alias_target(&r->message, &record, &target, &malformed))
			r->has_aliases = true;
		if (malformed)
			return false;
	}
	return true;
}

/* One pass over the answers: whether the chain has grown. */
static bool aliases_follow(struct reading *r)
{
	unsigned int before = r->links_count;
	struct cursor c = r->records;
	struct record record;
	uint16_t target;
	bool malformed;

	for (size_t i = 0; i < r->header.answers && record_take(&r->message, &c, &record); i++) {
		const struct link *from;

		if (!alias_target(&r->message, &record, &target, &malformed))
			continue;
		from = link_find(r, record.name);
		if (from && !link_find(r, target))
			link_add(r, target, from->ttl < record.ttl ? from->ttl : record.ttl);
	}
	return r->links_count > before;
}

static void answer_add(struct finding *finding, const uint8_t *bytes, size_t size, uint32_t ttl)
{
	if (finding->answers_count == FINDING_ANSWERS) {
		finding->truncated = true;
		return;
	}
	finding->answers[finding->answers_count++] = (struct finding_answer){
		.address = size == 4 ? address_v4(bytes) : address_v6(bytes),
		.ttl = ttl,
	};
}

/* The address hints of a service in ServiceMode (RFC 9460 §7.3). */
static void hints_add(struct reading *r, struct cursor data, uint32_t ttl)
{
	uint16_t priority = cursor_u16(&data), target;

	if (priority == 0 || !dns_name_take(&r->message, &data, &target))
		return;
	while (data.left > 0) {
		uint16_t key = cursor_u16(&data);
		struct cursor value = cursor_sub(&data, cursor_u16(&data));
		size_t size = key == PARAMETER_IPV4_HINT ? 4 : key == PARAMETER_IPV6_HINT ? 16 : 0;

		while (size > 0 && value.left >= size)
			answer_add(r->finding, cursor_take(&value, size), size, ttl);
	}
}

static void record_answer(struct reading *r, const struct record *record)
{
	size_t size = record->type == TYPE_A ? 4 : record->type == TYPE_AAAA ? 16 : 0;
	bool is_address = size > 0 && record->data.left == size;
	const struct link *link;
	uint32_t ttl;

	if ((record->class & CLASS_MASK) != CLASS_IN || (!is_address && !is_service(record)))
		return;
	link = link_find(r, record->name);
	if (!link)
		return;
	ttl = link->ttl < record->ttl ? link->ttl : record->ttl;
	if (is_address)
		answer_add(r->finding, record->data.at, size, ttl);
	else
		hints_add(r, record->data, ttl);
}

/* Additional records count too: a service's addresses come there. */
static void addresses_read(struct reading *r)
{
	size_t count = (size_t)r->header.answers + r->header.authorities + r->header.additionals;
	size_t first_additional = count - r->header.additionals;
	struct cursor c = r->records;
	struct record record;

	for (size_t i = 0; i < count && record_take(&r->message, &c, &record); i++)
		if (i < r->header.answers || i >= first_additional)
			record_answer(r, &record);
}

enum answer dns_extract(const uint8_t *bytes, size_t length, struct finding *finding)
{
	struct reading r;

	finding_reset(finding, CARRIER_DNS);
	if (length < DNS_HEADER || length > UINT16_MAX)
		return ANSWER_NOT_MINE;
	r.records = cursor_new(bytes, length);
	if (!header_read(&r.records, length, &r.header))
		return ANSWER_NOT_MINE;
	r.message = (struct dns_message){.bytes = bytes, .length = length};
	r.finding = finding;
	r.links_count = 0;
	r.has_aliases = false;
	if (!questions_read(&r) || !records_check(&r))
		return ANSWER_NOT_MINE;
	finding->message_id = r.header.id;
	finding->is_response = r.header.flags & FLAG_RESPONSE;
	if (!finding->is_response || OPCODE(r.header.flags) != OPCODE_QUERY)
		return ANSWER_FOUND;
	for (unsigned int pass = 0; r.has_aliases && pass < PASSES_MAX && aliases_follow(&r);)
		pass++;
	addresses_read(&r);
	if (dns_name_spent(&r.message))
		finding->truncated = true;
	return ANSWER_FOUND;
}

enum answer dns_extract_stream(const uint8_t *bytes, size_t length, struct finding *finding,
			       size_t *consumed)
{
	struct cursor c = cursor_new(bytes, length), start;
	size_t message = cursor_u16(&c);
	struct header header;

	*consumed = 0;
	finding_reset(finding, CARRIER_DNS);
	if (c.bad)
		return ANSWER_MORE;
	if (message < DNS_HEADER)
		return ANSWER_NOT_MINE;
	start = c;
	if (!header_read(&start, message, &header))
		return start.bad ? ANSWER_MORE : ANSWER_NOT_MINE;
	if (c.left < message)
		return ANSWER_MORE;
	*consumed = 2 + message;
	return dns_extract(c.at, message, finding);
}
