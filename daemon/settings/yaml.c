/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

/* A collection that is being filled. */
struct level {
	struct yaml_node *node;
	struct yaml_node **tail;
	struct yaml_node *key; /* of a mapping: waits for its value */
};

struct builder {
	struct complaints *complaints;
	struct arena *arena;
	const struct text *text;
	struct level levels[DEPTH_MAX];
	size_t depth;
	struct yaml_node *root;
	size_t documents;
	unsigned int alias_line; /* of the last alias that was complained of */
	unsigned int last_line;	 /* of the last node */
	size_t last_offset;
	bool stop;
};

struct place yaml_place(const struct yaml_node *node)
{
	return text_place(node->source, node->offset, node->line);
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	switch (kind) {
	case YAML_NULL:
		return "nothing";
	case YAML_SCALAR:
		return "a text";
	case YAML_SEQUENCE:
		return "a list";
	case YAML_MAPPING:
		return "a mapping";
	case YAML_BROKEN:
		break;
	}
	return "something broken";
}

static struct yaml_node *node_new(struct builder *builder, enum yaml_kind kind,
				  struct fy_event *event)
{
	struct yaml_node *node = arena_alloc(builder->arena, sizeof(*node));
	const struct fy_mark *mark = fy_event_start_mark(event);

	/* What is left out (`key:` and no value) has no mark; it stands behind what was last. */
	if (mark && fy_event_get_token(event)) {
		builder->last_line = (unsigned int)mark->line + 1;
		builder->last_offset = mark->input_pos;
	}
	node->kind = kind;
	node->source = builder->text;
	node->line = builder->last_line;
	node->offset = builder->last_offset;
	return node;
}

static void complain_at(struct builder *builder, const struct yaml_node *node, const char *what)
{
	struct place place = yaml_place(node);

	complain(builder->complaints, &place, "%s", what);
}

static void attach_value(struct level *level, struct yaml_node *node)
{
	*level->tail = node;
	level->tail = &node->next;
	level->node->count++;
}

static struct yaml_node *take_key(struct builder *builder, struct yaml_node *node)
{
	struct yaml_node *broken;

	if (node->kind == YAML_SCALAR || node->kind == YAML_BROKEN)
		return node;
	complain_at(builder, node, "a key must be a text; write `KEY: VALUE`");
	broken = arena_alloc(builder->arena, sizeof(*broken));
	*broken = *node;
	broken->kind = YAML_BROKEN;
	return broken;
}

/* A key waits for the value that comes next. */
static void attach(struct builder *builder, struct yaml_node *node)
{
	struct level *level;

	if (builder->depth == 0) {
		if (!builder->root)
			builder->root = node;
		return;
	}
	level = &builder->levels[builder->depth - 1];
	if (level->node->kind == YAML_SEQUENCE) {
		attach_value(level, node);
	} else if (!level->key) {
		level->key = take_key(builder, node);
	} else {
		node->key = level->key;
		level->key = NULL;
		attach_value(level, node);
	}
}

static void open_level(struct builder *builder, struct yaml_node *node)
{
	attach(builder, node);
	if (builder->depth == DEPTH_MAX) {
		complain_at(builder, node, "nested too deeply; no setting lies that deep");
		builder->stop = true;
		return;
	}
	builder->levels[builder->depth++] = (struct level){.node = node, .tail = &node->first};
}

static int compare_keys(const void *left, const void *right)
{
	const struct yaml_node *a = *(struct yaml_node *const *)left,
			       *b = *(struct yaml_node *const *)right;
	int order = strcmp(a->key->text, b->key->text);

	if (order != 0)
		return order;
	return a->key->offset < b->key->offset ? -1 : a->key->offset > b->key->offset;
}

static void complain_duplicate(struct builder *builder, struct yaml_node *entry,
			       const struct yaml_node *first)
{
	struct place place = yaml_place(entry->key);

	complain(builder->complaints, &place,
		 "key `%s` stands twice (first in line %u); take one of the two out",
		 entry->key->text, first->key->line);
	entry->kind = YAML_BROKEN;
}

/* By sorting, so that a long mapping costs no square. */
static void find_duplicates(struct builder *builder, struct yaml_node *mapping)
{
	struct yaml_node **entries, *first;
	size_t n = 0;

	entries = arena_array(builder->arena, mapping->count + 1, sizeof(struct yaml_node *));
	for (struct yaml_node *entry = mapping->first; entry; entry = entry->next)
		if (entry->key->kind == YAML_SCALAR)
			entries[n++] = entry;
	qsort(entries, n, sizeof(entries[0]), compare_keys);
	first = n > 0 ? entries[0] : NULL;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(entries[i]->key->text, first->key->text) == 0)
			complain_duplicate(builder, entries[i], first);
		else
			first = entries[i];
	}
}

static void close_level(struct builder *builder)
{
	struct level *level;

	if (builder->depth == 0)
		return;
	level = &builder->levels[--builder->depth];
	if (level->node->kind == YAML_MAPPING)
		find_duplicates(builder, level->node);
}

static struct yaml_node *scalar(struct builder *builder, struct fy_event *event)
{
	struct yaml_node *node = node_new(builder, YAML_SCALAR, event);
	struct fy_token *token = fy_event_get_token(event);
	enum fy_node_style style = fy_event_get_node_style(event);
	size_t length = 0;
	const char *text = token ? fy_token_get_text(token, &length) : NULL;

	/* The mark of a quoted text stands behind its quote. */
	if ((style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED) && node->offset > 0)
		node->offset--;
	node->text = text ? arena_string_n(builder->arena, text, length) : "";
	if (!token || (style == FYNS_PLAIN && (length == 0 || strcmp(node->text, "~") == 0 ||
					       strcmp(node->text, "null") == 0)))
		node->kind = YAML_NULL;
	if (strlen(node->text) != length) {
		complain_at(builder, node, "a text cannot hold a NUL character; take the \\0 out");
		node->kind = YAML_BROKEN;
	}
	return node;
}

static struct yaml_node *alias(struct builder *builder, struct fy_event *event)
{
	struct yaml_node *node = node_new(builder, YAML_BROKEN, event);
	size_t length = 0;
	const char *text = fy_token_get_text(fy_event_get_token(event), &length);
	struct place place;

	/* The mark stands behind the asterisk. */
	if (node->offset > 0 && builder->text->bytes[node->offset - 1] == '*')
		node->offset--;
	/* `*.example: …` */
	if (text && length > 0 && text[length - 1] == ':')
		length--;
	builder->alias_line = node->line;
	place = yaml_place(node);
	complain(builder->complaints, &place,
		 "an unquoted `*` is an alias to YAML; write \"*%.*s\", in quotes",
		 text ? (int)length : 0, text ? text : "");
	return node;
}

static void refuse_property(struct builder *builder, struct fy_token *token, const char *what)
{
	const struct fy_mark *mark = fy_token_start_mark(token);
	struct place place =
		text_place(builder->text, mark->input_pos, (unsigned int)mark->line + 1);

	complain(builder->complaints, &place, "%s", what);
}

/* The node of a tag or anchor is taken as if it had none: one complaint is enough. */
static void refuse_properties(struct builder *builder, struct fy_event *event)
{
	struct fy_token *anchor = fy_event_get_anchor_token(event),
			*tag = fy_event_get_tag_token(event);

	if (anchor)
		refuse_property(builder, anchor,
				"an anchor (`&…`); anchors are not used here, put it in quotes if "
				"it is part of a text");
	if (tag)
		refuse_property(builder, tag,
				"a tag (`!…`); tags are not used here, put it in quotes if it is "
				"part of a text");
}

static void take_collection(struct builder *builder, struct fy_event *event, enum yaml_kind kind)
{
	struct yaml_node *node = node_new(builder, kind, event);

	refuse_properties(builder, event);
	open_level(builder, node);
}

static void take_scalar(struct builder *builder, struct fy_event *event)
{
	struct yaml_node *node = scalar(builder, event);

	refuse_properties(builder, event);
	attach(builder, node);
}

static void take_document(struct builder *builder, struct fy_event *event)
{
	const struct yaml_node *node;

	if (builder->documents++ == 0)
		return;
	node = node_new(builder, YAML_NULL, event);
	complain_at(builder, node, "a second document begins here (`---`); write one in each file");
	builder->stop = true;
}

static void take(struct builder *builder, struct fy_event *event)
{
	switch (event->type) {
	case FYET_MAPPING_START:
		take_collection(builder, event, YAML_MAPPING);
		break;
	case FYET_SEQUENCE_START:
		take_collection(builder, event, YAML_SEQUENCE);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_level(builder);
		break;
	case FYET_SCALAR:
		take_scalar(builder, event);
		break;
	case FYET_ALIAS:
		attach(builder, alias(builder, event));
		break;
	case FYET_DOCUMENT_START:
		take_document(builder, event);
		break;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
}

/* What to do about libfyaml's complaints, by a piece of their text. */
static const char *syntax_remedy(const char *message)
{
	static const struct {
		const char *piece, *remedy;
	} remedies[] = {
		{"invalid alias", "an unquoted `*` is an alias to YAML: put the pattern in quotes"},
		{"plain scalar cannot start", "put the text in quotes"},
		{"without closing quote", "close the quote"},
		{"without a closing", "close the bracket"},
		{"missing comma", "put a comma between the items, or close the bracket"},
		{"tab", "indent with spaces"},
		{"nested block mapping", "put the text in quotes, or begin a new line"},
		{"multiline plain key", "indent the line like its neighbours"},
		{"wrongly indented flow", "close the bracket that is open, or indent the line"},
		{"invalid value after mapping", "indent the line like its neighbours"},
	};

	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (strstr(message, remedies[i].piece))
			return remedies[i].remedy;
	return "look at the indentation, quotes and brackets here and in the line above";
}

static size_t line_offset(const struct text *text, unsigned int line)
{
	size_t offset = 0;

	for (unsigned int n = 1; n < line; n++) {
		const char *end = memchr(text->bytes + offset, '\n', text->length - offset);

		if (!end)
			return text->length;
		offset = (size_t)(end - text->bytes) + 1;
	}
	return offset;
}

static void complain_syntax(struct builder *builder, struct fy_diag *diag)
{
	const struct fy_diag_error *error;
	const char *message = "the parser gave up";
	unsigned int line = builder->last_line, column = 1;
	struct place place;
	void *iterator = NULL;

	error = diag ? fy_diag_errors_iterate(diag, &iterator) : NULL;
	if (error) {
		message = error->msg;
		line = error->line > 0 ? (unsigned int)error->line : 1;
		column = error->column > 0 ? (unsigned int)error->column : 1;
	}
	/* An alias in place of a key confuses the parser; the complaint about it is enough. */
	if (builder->alias_line > 0 && line <= builder->alias_line + 1)
		return;
	place = text_place(builder->text, line_offset(builder->text, line), line);
	place.column = column;
	complain(builder->complaints, &place, "not YAML: %s; %s", message, syntax_remedy(message));
}

static bool read_events(struct builder *builder, struct fy_parser *parser)
{
	struct fy_event *event;

	while (!builder->stop && (event = fy_parser_parse(parser))) {
		take(builder, event);
		fy_parser_event_free(parser, event);
	}
	return !builder->stop && !fy_parser_get_stream_error(parser);
}

static bool parse(struct builder *builder)
{
	struct fy_diag_cfg diag_config;
	struct fy_parse_cfg config = {.flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
	struct fy_parser *parser = NULL;
	bool good = false;

	fy_diag_cfg_default(&diag_config);
	diag_config.fp = NULL;
	diag_config.colorize = false;
	config.diag = fy_diag_create(&diag_config);
	if (config.diag)
		fy_diag_set_collect_errors(config.diag, true);
	parser = fy_parser_create(&config);
	if (!parser ||
	    fy_parser_set_string(parser, builder->text->bytes, builder->text->length) != 0)
		goto out;
	good = read_events(builder, parser);
out:
	if (!good && !builder->stop)
		complain_syntax(builder, config.diag);
	fy_parser_destroy(parser);
	fy_diag_destroy(config.diag);
	return good;
}

const struct yaml_node *yaml_read(struct complaints *complaints, struct arena *arena,
				  const struct text *text)
{
	struct builder builder = {
		.complaints = complaints,
		.arena = arena,
		.text = text,
		.last_line = 1,
	};
	const struct place whole = {.file = text->path};

	if (!text_check(complaints, text) || !parse(&builder))
		return NULL;
	if (!builder.root || builder.root->kind == YAML_NULL) {
		complain(complaints, &whole,
			 "holds nothing; see cutoffd.yaml(5) for what it can say");
		return NULL;
	}
	return builder.root;
}
