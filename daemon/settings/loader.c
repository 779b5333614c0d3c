/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 1024

const struct text *loader_text(struct loader *loader, struct arena *arena, const char *path,
			       size_t limit, const struct place *asked_by)
{
	const struct place whole = {.file = path};

	if (!loader->files)
		return text_read(loader->complaints, arena, path, limit, asked_by);
	for (size_t i = 0; i < loader->files_count; i++) {
		const struct settings_file *file = &loader->files[i];

		if (strcmp(file->path, path) == 0)
			return text_from_memory(arena, path, file->bytes, file->length);
	}
	complain(loader->complaints, asked_by ? asked_by : &whole, "no such file; mend the path");
	return NULL;
}

const struct yaml_node *loader_yaml(struct loader *loader, const char *path,
				    const struct place *asked_by)
{
	const struct text *text =
		loader_text(loader, loader->scratch, path, LOADER_YAML_BYTES, asked_by);

	return text ? yaml_read(loader->complaints, loader->scratch, text) : NULL;
}

const char *loader_path(struct loader *loader, const char *folder, const char *path)
{
	if (path[0] == '/' || strcmp(folder, ".") == 0)
		return path;
	if (strcmp(path, ".") == 0)
		return folder;
	return arena_printf(loader->scratch, "%s/%s", folder, path);
}

/* say: complain or complain_warning. */
static void __attribute__((format(printf, 4, 0)))
say_at(struct loader *loader, const struct yaml_node *node,
       void (*say)(struct complaints *complaints, const struct place *place, const char *format,
		   ...),
       const char *format, va_list arguments)
{
	struct place place = yaml_place(node);
	char message[MESSAGE_BYTES];

	vsnprintf(message, sizeof(message), format, arguments);
	say(loader->complaints, &place, "%s", message);
}

void loader_complain(struct loader *loader, const struct yaml_node *node, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_at(loader, node, complain, format, arguments);
	va_end(arguments);
}

void loader_warn(struct loader *loader, const struct yaml_node *node, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_at(loader, node, complain_warning, format, arguments);
	va_end(arguments);
}
