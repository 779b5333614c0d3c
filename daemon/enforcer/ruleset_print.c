/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/enforcer/ruleset.h"
#include "daemon/enforcer/ruleset_model.h"

static const char *key_type(enum set_key key)
{
	switch (key) {
	case SET_KEY_MARK:
		return "mark";
	case SET_KEY_V4:
		return "ipv4_addr";
	case SET_KEY_V6:
		return "ipv6_addr";
	case SET_KEY_TUPLE_V4:
		return "ipv4_addr . inet_service . ipv4_addr . inet_service . inet_proto";
	case SET_KEY_TUPLE_V6:
		return "ipv6_addr . inet_service . ipv6_addr . inet_service . inet_proto";
	}
	return "";
}

/* As nft writes it, where its user's time zone is UTC. */
static const char *instant_text(int64_t ns, char text[WALL_TEXT])
{
	wall_format((struct wall){ns < INT64_MAX ? ns : INT64_MAX - 1}, text);
	text[strcspn(text, "T")] = ' ';
	text[strcspn(text, "Z")] = '\0';
	return text;
}

static void print_flags(const struct set *set, FILE *out)
{
	if (set->interval)
		fputs("\t\tflags interval\n", out);
	if (set->dynamic)
		fputs("\t\tflags dynamic\n", out);
	if (set->timeout)
		fputs("\t\tflags timeout\n", out);
}

static struct address address_of(const struct set *set, const uint8_t *key)
{
	return set->key == SET_KEY_V4 ? address_v4(key) : address_v6(key);
}

/* An interval that is no single prefix is written as a range, as nft does. */
static void print_interval(const struct set *set, const struct element *element, FILE *out)
{
	size_t bits = 8 * set_key_size(set->key), length = bits;
	struct address first = address_of(set, element->key);
	struct address last = address_of(set, element->last);
	struct prefix prefix = {.address = first};
	uint8_t end[16];
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT], text[PREFIX_TEXT];

	memcpy(end, element->key, sizeof(end));
	while (length > 0 && memcmp(end, element->last, bits / 8) < 0) {
		uint8_t bit = (uint8_t)(0x80 >> (length - 1) % 8);

		if (end[(length - 1) / 8] & bit)
			break;
		end[--length / 8] |= bit;
	}
	prefix.length = (uint8_t)length;
	if (memcmp(end, element->last, bits / 8) != 0)
		fprintf(out, "%s-%s", address_format(&first, a), address_format(&last, b));
	else if (length == bits)
		fputs(address_format(&first, a), out);
	else
		fputs(prefix_format(&prefix, text), out);
}

static void print_element(const struct set *set, const struct element *element, FILE *out)
{
	char text[WALL_TEXT];
	uint32_t mark;

	if (set->interval) {
		print_interval(set, element, out);
		return;
	}
	memcpy(&mark, element->key, sizeof(mark));
	if (set->data == SET_DATA_INSTANT)
		fprintf(out, "%" PRIu32 " : \"%s\"", mark, instant_text(element->instant, text));
	else if (element->chain)
		fprintf(out, "0x%08" PRIx32 " : goto %s", mark, element->chain);
	else
		fprintf(out, "0x%08" PRIx32 " : accept", mark);
}

static void print_set(const struct set *set, FILE *out)
{
	fprintf(out, "\t%s %s {\n", set->data == SET_DATA_NONE ? "set" : "map", set->name);
	if (set->data == SET_DATA_INSTANT)
		fputs("\t\ttypeof ct mark : meta time\n", out);
	else
		fprintf(out, "\t\ttype %s%s\n", key_type(set->key),
			set->data == SET_DATA_VERDICT ? " : verdict" : "");
	print_flags(set, out);
	if (set->kept)
		fputs("\t\t# its elements are the kernel's own: a new ruleset keeps them\n", out);
	for (size_t i = 0; i < set->count; i++) {
		fputs(i == 0 ? "\t\telements = { " : ",\n\t\t\t     ", out);
		print_element(set, &set->elements[i], out);
	}
	fputs(set->count > 0 ? " }\n\t}\n\n" : "\t}\n\n", out);
}

static const char *family_word(enum family family)
{
	return family == FAMILY_V4 ? "ip" : "ip6";
}

static void print_address_match(const struct statement *s, const char *field, FILE *out)
{
	fprintf(out, "ct %s %s %s%s @%s", s->direction == DIRECTION_ORIGINAL ? "original" : "reply",
		family_word(s->family), field, s->inverted ? " !=" : "", s->name);
}

static void print_tuple(const struct statement *s, FILE *out)
{
	const char *ip = family_word(s->family);

	fprintf(out, "%s saddr . th sport . %s daddr . th dport . meta l4proto @%s", ip, ip,
		s->name);
}

static void print_time(const struct statement *s, FILE *out)
{
	char text[WALL_TEXT];

	fprintf(out, "meta time %s \"%s\"", s->kind == STATEMENT_TIME_FROM ? ">=" : "<",
		instant_text(s->instant, text));
}

/* false: it is no action. */
static bool print_action(const struct statement *s, FILE *out)
{
	static const char *const words[] = {
		[STATEMENT_TURN_INTO_RESET] = "tcp flags set rst | ack",
		[STATEMENT_ACCEPT] = "accept",
		[STATEMENT_RETURN] = "return",
		[STATEMENT_DROP] = "drop",
		[STATEMENT_REJECT_RESET] = "reject with tcp reset",
		[STATEMENT_REJECT] = "reject with icmpx type admin-prohibited",
	};

	if (s->kind == STATEMENT_LATCH)
		fprintf(out, "add @%s { %" PRIu32 " }", RULESET_LATCHED, s->number);
	else if (s->kind == STATEMENT_COUNT)
		fprintf(out, "counter name \"%s\"", s->name);
	else if (s->kind == STATEMENT_CT_MARK_SET)
		fprintf(out, "ct mark set ct mark & 0x%08" PRIx32 " | 0x%08" PRIx32, ~s->mask,
			s->value);
	else if (s->kind == STATEMENT_VMAP)
		fprintf(out, "ct mark & 0x%08" PRIx32 " vmap @%s", s->mask, s->name);
	else if (s->kind == STATEMENT_GOTO)
		fprintf(out, "goto %s", s->name);
	else if (s->kind < sizeof(words) / sizeof(words[0]) && words[s->kind])
		fputs(words[s->kind], out);
	else
		return false;
	return true;
}

static void print_match(const struct statement *s, FILE *out)
{
	if (s->kind == STATEMENT_CT_SOURCE)
		print_address_match(s, "saddr", out);
	else if (s->kind == STATEMENT_CT_DESTINATION)
		print_address_match(s, "daddr", out);
	else if (s->kind == STATEMENT_TUPLE)
		print_tuple(s, out);
	else if (s->kind == STATEMENT_LATCHED)
		fprintf(out, "%" PRIu32 "%s @%s", s->number, s->inverted ? " !=" : "",
			RULESET_LATCHED);
	else if (s->kind == STATEMENT_TIME_FROM || s->kind == STATEMENT_TIME_BEFORE)
		print_time(s, out);
	else if (s->kind == STATEMENT_PROTOCOL)
		fprintf(out, "meta l4proto %s", s->value == IPPROTO_TCP ? "tcp" : "udp");
	else if (s->kind == STATEMENT_TCP_RESET)
		fputs("tcp flags rst", out);
	else if (s->kind == STATEMENT_ICMP_TYPE)
		fprintf(out, "%s type %" PRIu32 "-%" PRIu32,
			s->family == FAMILY_V4 ? "icmp" : "icmpv6", s->value, s->last);
	else if (s->kind == STATEMENT_REPLY)
		fputs("ct direction reply", out);
	else if (s->kind == STATEMENT_CT_MARK)
		fprintf(out, "ct mark & 0x%08" PRIx32 " %s 0x%08" PRIx32, s->mask,
			s->inverted ? "!=" : "==", s->value);
}

static void print_statement(const struct statement *s, FILE *out)
{
	if (!print_action(s, out))
		print_match(s, out);
}

/* nft's grammar has no constant as the key of a lookup; the kernel has. */
static bool nft_can_say(const struct rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->statements[i].kind == STATEMENT_LATCHED)
			return false;
	return true;
}

static void print_chain(const struct chain *chain, FILE *out)
{
	fprintf(out, "\tchain %s {\n", chain->name);
	if (chain->hook != HOOK_NONE)
		fprintf(out, "\t\ttype filter hook %s priority mangle; policy accept;\n",
			chain->hook == HOOK_FORWARD ? "forward" : "output");
	for (size_t i = 0; i < chain->count; i++) {
		const struct rule *rule = &chain->rules[i];

		fputs(nft_can_say(rule) ? "\t\t" : "\t\t# ", out);
		for (size_t j = 0; j < rule->count; j++) {
			if (j > 0)
				fputc(' ', out);
			print_statement(&rule->statements[j], out);
		}
		fputc('\n', out);
	}
	fputs("\t}\n", out);
}

void ruleset_print(const struct ruleset *ruleset, FILE *out)
{
	fprintf(out,
		"table inet %s {\n\t# flags owner, persist where the kernel takes them; "
		"instants in UTC\n",
		RULESET_TABLE);
	for (size_t i = 0; i < ruleset->counters_count; i++)
		fprintf(out, "\tcounter %s {\n\t}\n\n", ruleset->counters[i]);
	for (size_t i = 0; i < ruleset->sets_count; i++)
		print_set(&ruleset->sets[i], out);
	for (size_t i = 0; i < ruleset->chains_count; i++) {
		if (i > 0)
			fputc('\n', out);
		print_chain(&ruleset->chains[i], out);
	}
	fputs("}\n", out);
}
