/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/host.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/arena.h"
#include "daemon/enforcer/host_system.h"
#include "daemon/enforcer/nft_host.h"
#include "daemon/enforcer/nft_probe.h"
#include "daemon/escape.h"
#include "daemon/sandbox.h"

/* A ruleset that others change all the time is not looked at for ever. */
#define LOOK_ATTEMPTS 10

struct finding {
	enum host_severity severity;
	const char *place, *message;
	uint64_t handle; /* 0: no rule */
	size_t more;	 /* rules beside that one */
};

struct host {
	struct arena *arena;
	struct finding *findings;
	size_t count;
};

struct host *host_new(void)
{
	struct arena *arena = arena_new();
	struct host *host = arena_alloc(arena, sizeof(*host));

	host->arena = arena;
	return host;
}

void host_free(struct host *host)
{
	if (host)
		arena_free(host->arena);
}

/* Names of tables, chains and devices are other people's. */
static const char *safe_copy(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	char *copy = arena_alloc(arena, ESCAPE_SIZE(length));

	escape_text(text, length, KEEP_BACKSLASH, copy);
	return copy;
}

static struct finding *find(struct host *host, const struct finding *like)
{
	for (size_t i = host->count; i > 0; i--) {
		struct finding *f = &host->findings[i - 1];

		if (f->handle > 0 && f->severity == like->severity &&
		    strcmp(f->place, like->place) == 0 && strcmp(f->message, like->message) == 0)
			return f;
	}
	return NULL;
}

__attribute__((format(printf, 5, 0))) static void add(struct host *host,
						      enum host_severity severity,
						      const char *place, uint64_t handle,
						      const char *format, va_list arguments)
{
	struct finding f = {.severity = severity, .handle = handle};
	struct finding *same;
	char message[1024];

	vsnprintf(message, sizeof(message), format, arguments);
	f.place = safe_copy(host->arena, place);
	f.message = safe_copy(host->arena, message);
	same = handle > 0 ? find(host, &f) : NULL;
	if (same) {
		same->more++;
		return;
	}
	if ((host->count & (host->count - 1)) == 0) /* room doubles */
		host->findings = arena_grow(host->arena, host->findings, host->count,
					    host->count > 0 ? 2 * host->count : 1, sizeof(f));
	host->findings[host->count++] = f;
}

void host_add(struct host *host, enum host_severity severity, const char *place, const char *format,
	      ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(host, severity, place, 0, format, arguments);
	va_end(arguments);
}

void host_add_rule(struct host *host, enum host_severity severity, const char *place,
		   uint64_t handle, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(host, severity, place, handle, format, arguments);
	va_end(arguments);
}

size_t host_count(const struct host *host, enum host_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < host->count; i++)
		count += host->findings[i].severity == severity;
	return count;
}

static void print_one(const struct finding *f, FILE *out)
{
	static const char *const words[] = {
		[HOST_NOTE] = "note", [HOST_WARNING] = "warning", [HOST_ERROR] = "error"};

	fprintf(out, "  %-8s %s", words[f->severity], f->place);
	if (f->handle > 0)
		fprintf(out, ", rule %" PRIu64, f->handle);
	if (f->more > 0)
		fprintf(out, " and %zu more", f->more);
	fprintf(out, ": %s\n", f->message);
}

void host_print(const struct host *host, FILE *out)
{
	fputs("This machine\n", out);
	for (int severity = HOST_ERROR; severity >= HOST_NOTE; severity--)
		for (size_t i = 0; i < host->count; i++)
			if ((int)host->findings[i].severity == severity)
				print_one(&host->findings[i], out);
	if (host->count == 0)
		fputs("  nothing to report\n", out);
}

/* What others have in the kernel is read first: it may have to be read again, and is then reported
 * anew. */
static struct host *look_at_rules(const struct settings *settings)
{
	const struct nft_host_marks marks = {
		.mask = settings->mask,
		.told = settings->told,
		.packets = settings->capture == CAPTURE_INLINE,
	};
	struct host *host = host_new();
	int e = nft_host_look(host, &marks);

	for (int i = 1; e == -EINTR && i < LOOK_ATTEMPTS; i++) {
		host_free(host);
		host = host_new();
		e = nft_host_look(host, &marks);
	}
	if (e)
		host_add(host, HOST_NOTE, "nf_tables", "not all of it was looked at: %s; try again",
			 strerror(-e));
	return host;
}

static struct host *look_at_kernel(const struct settings *settings, const struct ruleset *ruleset)
{
	struct host *host;

	if (sandbox_has_capability(CAP_NET_ADMIN)) {
		host = look_at_rules(settings);
		nft_probe(host, ruleset);
		return host;
	}
	host = host_new();
	host_add(host, HOST_NOTE, "nf_tables",
		 "other programs' rules and the kernel's features were not looked at: the "
		 "capability CAP_NET_ADMIN is missing; call it as root");
	return host;
}

struct host *host_look(const struct settings *settings, const struct ruleset *ruleset)
{
	struct host *host = ruleset ? look_at_kernel(settings, ruleset) : host_new();

	host_system_look(host, settings);
	return host;
}
