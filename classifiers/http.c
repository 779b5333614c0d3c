/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "classifiers/http.h"
#include "classifiers/http_head.h"

/* [user@]host[:port] or [user@]"["IPv6"]"[:port] (RFC 3986 §3.2) → host. An IPv6 address that lacks
 * its brackets has no port that could be told from it. */
static void authority_add(struct finding *finding, enum evidence_kind kind, struct cursor authority)
{
	const uint8_t *mark =
		authority.left > 0 ? memrchr(authority.at, '@', authority.left) : NULL;

	if (mark)
		cursor_skip(&authority, (size_t)(mark - authority.at) + 1);
	if (authority.left == 0)
		return;
	if (authority.at[0] == '[') {
		cursor_skip(&authority, 1);
		mark = memchr(authority.at, ']', authority.left);
	} else {
		mark = memchr(authority.at, ':', authority.left);
		if (mark && memrchr(authority.at, ':', authority.left) != mark)
			mark = NULL;
	}
	if (mark)
		authority = cursor_sub(&authority, (size_t)(mark - authority.at));
	finding_add_name(finding, kind, authority.at, authority.left);
}

static bool is_scheme(int c)
{
	return c >= 0 && (isalnum(c) || c == '+' || c == '-' || c == '.');
}

static bool ends_authority(int c)
{
	return c < 0 || c == '/' || c == '?' || c == '#';
}

/* scheme://authority… (RFC 9112 §3.2.2) */
static bool absolute_form(struct cursor target, struct cursor *authority)
{
	size_t n = 0;

	while (is_scheme(cursor_peek(&target, n)))
		n++;
	cursor_skip(&target, n);
	if (n == 0 || target.left < 3 || memcmp(target.at, "://", 3) != 0)
		return false;
	cursor_skip(&target, 3);
	for (n = 0; !ends_authority(cursor_peek(&target, n));)
		n++;
	*authority = cursor_sub(&target, n);
	return true;
}

static void target_add(struct finding *finding, const struct http_head *head)
{
	bool connect = http_head_is(&head->method, "CONNECT");
	struct cursor authority = head->target;

	if (absolute_form(head->target, &authority) || connect)
		authority_add(finding, connect ? EVIDENCE_HTTP_CONNECT : EVIDENCE_HTTP_HOST,
			      authority);
}

/* A Host of several words is none; servers differ in which word they take, so all are told. */
static void hosts_add(struct finding *finding, struct cursor fields)
{
	struct cursor name, value, word;

	while (http_head_field(&fields, &name, &value)) {
		if (!http_head_is(&name, "host"))
			continue;
		while (http_head_word(&value, &word))
			authority_add(finding, EVIDENCE_HTTP_HOST, word);
	}
}

static enum answer extract(const uint8_t *bytes, size_t length, bool last, struct finding *finding,
			   size_t *consumed)
{
	struct http_head head;
	enum answer answer = http_head_read(bytes, length, last, &head);

	*consumed = 0;
	finding_reset(finding, CARRIER_HTTP);
	if (answer != ANSWER_FOUND)
		return answer;
	*consumed = head.length;
	target_add(finding, &head);
	hosts_add(finding, head.fields);
	finding->truncated |= head.cut;
	return ANSWER_FOUND;
}

enum answer http_extract(const uint8_t *bytes, size_t length, struct finding *finding,
			 size_t *consumed)
{
	return extract(bytes, length, false, finding, consumed);
}

enum answer http_extract_cut(const uint8_t *bytes, size_t length, struct finding *finding)
{
	size_t consumed;

	return extract(bytes, length, true, finding, &consumed);
}
