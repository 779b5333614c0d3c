/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings/nearest.h"

#define ID_MAX 48

const char *value_text(struct loader *loader, const struct yaml_node *node, const char *what)
{
	if (node->kind == YAML_SCALAR && node->text[0])
		return node->text;
	if (node->kind == YAML_SCALAR)
		loader_complain(loader, node, "an empty text is not %s; write one", what);
	else if (node->kind != YAML_BROKEN)
		loader_complain(loader, node, "%s is expected here, not %s; write one", what,
				yaml_kind_name(node->kind));
	return NULL;
}

bool value_integer(struct loader *loader, const struct yaml_node *node, uint32_t least,
		   uint32_t most, uint32_t *out)
{
	const char *text = value_text(loader, node, "a number");
	unsigned long long number;
	char *end;

	if (!text)
		return false;
	errno = 0;
	number = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	if (*end || end == text || strchr("+- \t", text[0])) {
		loader_complain(loader, node,
				"`%s` is no number; write digits, or 0x and hex digits", text);
		return false;
	}
	if (errno || number < least || number > most) {
		loader_complain(loader, node, "%s is out of range; write one from %u to %u", text,
				least, most);
		return false;
	}
	*out = (uint32_t)number;
	return true;
}

static const char *join_words(struct loader *loader, const char *const *words, size_t count)
{
	const char *joined = arena_printf(loader->scratch, "`%s`", words[0]);

	for (size_t i = 1; i < count; i++)
		joined = arena_printf(loader->scratch, "%s%s`%s`", joined,
				      i + 1 < count ? ", " : " or ", words[i]);
	return joined;
}

int value_choice(struct loader *loader, const struct yaml_node *node, const char *const *words,
		 size_t count)
{
	const char *text = value_text(loader, node, "a word"), *nearest;

	if (!text)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	nearest = nearest_word(text, words, count);
	if (nearest)
		loader_complain(loader, node, "`%s` is not one of %s; write `%s`", text,
				join_words(loader, words, count), nearest);
	else
		loader_complain(loader, node, "`%s` is not possible here; write %s", text,
				join_words(loader, words, count));
	return -1;
}

bool value_is_list(struct loader *loader, const struct yaml_node *node, const char *what)
{
	if (node->kind == YAML_SEQUENCE)
		return true;
	if (node->kind == YAML_SCALAR)
		loader_complain(loader, node,
				"a list of %s is expected here, not a text; write [%s]", what,
				node->text);
	else if (node->kind != YAML_BROKEN)
		loader_complain(loader, node, "a list of %s is expected here, not %s; write [ … ]",
				what, yaml_kind_name(node->kind));
	return false;
}

/* ::ffff:0:0/96 stands for IPv4 inside of programs; on the wire no packet has such an address. */
static bool is_mapped(const struct prefix *prefix)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return prefix->address.family == FAMILY_V6 && prefix->length >= 96 &&
	       memcmp(prefix->address.bytes, mapped, sizeof(mapped)) == 0;
}

bool value_prefix(struct loader *loader, const struct yaml_node *node, struct prefix *out)
{
	const char *text = value_text(loader, node, "a prefix");
	char canonical[PREFIX_TEXT];

	if (!text)
		return false;
	switch (prefix_parse(text, out)) {
	case PREFIX_OK:
		if (!is_mapped(out))
			return true;
		loader_complain(loader, node,
				"`%s` is on no wire; write the IPv4 address that it stands for",
				text);
		return false;
	case PREFIX_NOT_AN_ADDRESS:
		loader_complain(loader, node,
				"`%s` is no prefix; write one like \"192.0.2.0/24\", "
				"\"2001:db8::/32\" or a single address",
				text);
		return false;
	case PREFIX_BAD_LENGTH:
		loader_complain(
			loader, node,
			"`%s` has no valid length; write /0 to /32 for IPv4, /0 to /128 for "
			"IPv6",
			text);
		return false;
	case PREFIX_HOST_BITS:
		loader_complain(
			loader, node,
			"`%s` has bits beyond its length; write \"%s\", or the address alone "
			"for one host",
			text, prefix_format(out, canonical));
		return false;
	}
	return false;
}

bool value_id(struct loader *loader, const struct yaml_node *node, const char *text)
{
	size_t length = strlen(text);

	if (length > 0 && length <= ID_MAX && text[0] != '-' &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length)
		return true;
	loader_complain(loader, node,
			"`%s` is no id; write lower-case letters, digits and hyphens, at most %d",
			text, ID_MAX);
	return false;
}

void value_read_text(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "a text");

	if (text)
		*(const char **)field = arena_string(loader->arena, text);
}

void value_read_id(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "an id");

	if (text && value_id(loader, value, text))
		*(const char **)field = arena_string(loader->arena, text);
}

void value_check_file_id(struct loader *loader, const struct yaml_node *value, void *field)
{
	const char *text = value_text(loader, value, "an id"), *id = *(const char **)field;

	if (text && strcmp(text, id) != 0)
		loader_complain(
			loader, value,
			"a file is named after what it holds; write `%s` here, or call the file "
			"%s.yaml",
			id, text);
}

void value_read_boolean(struct loader *loader, const struct yaml_node *value, void *field)
{
	static const char *const words[] = {"false", "true"};
	int choice = value_choice(loader, value, words, 2);

	if (choice >= 0)
		*(bool *)field = choice == 1;
}

void value_complain_repeated(struct loader *loader, const struct yaml_node *item)
{
	loader_complain(loader, item, "`%s` stands twice in this list; take one out", item->text);
}

static bool is_repeated(struct loader *loader, const struct yaml_node *item,
			const struct value_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		if (strcmp(texts->items[i], item->text) != 0)
			continue;
		value_complain_repeated(loader, item);
		return true;
	}
	return false;
}

void value_read_texts(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct value_texts *texts = field;

	if (!value_is_list(loader, value, "texts"))
		return;
	texts->items = arena_array(loader->arena, value->count, sizeof(const char *));
	for (const struct yaml_node *item = value->first; item; item = item->next) {
		const char *text = value_text(loader, item, "a text");

		if (text && !is_repeated(loader, item, texts))
			texts->items[texts->count++] = arena_string(loader->arena, text);
	}
}

static bool prefix_is_repeated(struct loader *loader, const struct yaml_node *item,
			       const struct value_prefixes *prefixes, const struct prefix *prefix)
{
	for (size_t i = 0; i < prefixes->count; i++) {
		if (prefixes->items[i].length != prefix->length ||
		    !address_equal(&prefixes->items[i].address, &prefix->address))
			continue;
		value_complain_repeated(loader, item);
		return true;
	}
	return false;
}

void value_read_prefixes(struct loader *loader, const struct yaml_node *value, void *field)
{
	struct value_prefixes *prefixes = field;
	struct prefix prefix;

	if (!value_is_list(loader, value, "prefixes"))
		return;
	prefixes->items = arena_array(loader->arena, value->count, sizeof(struct prefix));
	for (const struct yaml_node *item = value->first; item; item = item->next)
		if (value_prefix(loader, item, &prefix) &&
		    !prefix_is_repeated(loader, item, prefixes, &prefix))
			prefixes->items[prefixes->count++] = prefix;
}

void value_read_node(struct loader *loader, const struct yaml_node *value, void *field)
{
	(void)loader;
	*(const struct yaml_node **)field = value;
}
