/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/packs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings/measures.h"
#include "daemon/settings/value.h"
#include "daemon/settings/vendors.h"

struct folders {
	const char **paths;
	size_t count;
};

struct files {
	struct packs_file *items;
	size_t count;
};

static bool ends_in(const char *name, const char *ending)
{
	size_t length = strlen(name), n = strlen(ending);

	return name[0] != '.' && length > n && strcmp(name + length - n, ending) == 0;
}

static void warn_of_other_ending(struct loader *loader, const char *path, const char *name)
{
	const struct place whole = {.file = arena_printf(loader->scratch, "%s/%s", path, name)};

	complain_warning(loader->complaints, &whole, "is not read; let its name end in .yaml");
}

/* Replaces the file of the same name, if there is one. */
static void add(struct loader *loader, struct files *files, const char *path, const char *base)
{
	const char *name = arena_string_n(loader->scratch, base, strlen(base) - 5);
	size_t n = files->count;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(files->items[i].name, name) == 0) {
			files->items[i].path = path;
			return;
		}
	}
	files->items = arena_grow(loader->scratch, files->items, n, n + 1, sizeof(files->items[0]));
	files->items[n] = (struct packs_file){path, name};
	files->count = n + 1;
}

static void list_disk(struct loader *loader, const char *path, struct files *files)
{
	const struct place whole = {.file = path};
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory && errno != ENOENT)
		complain(loader->complaints, &whole, "cannot be read: %s; it must be a folder",
			 strerror(errno));
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (ends_in(entry->d_name, ".yaml"))
			add(loader, files,
			    arena_printf(loader->scratch, "%s/%s", path, entry->d_name),
			    entry->d_name);
		else if (ends_in(entry->d_name, ".yml"))
			warn_of_other_ending(loader, path, entry->d_name);
	}
	closedir(directory);
}

static void list_memory(struct loader *loader, const char *folder, struct files *files)
{
	size_t length = strlen(folder);

	for (size_t i = 1; i < loader->files_count; i++) {
		const char *path = loader->files[i].path;

		if (strncmp(path, folder, length) == 0 && path[length] == '/' &&
		    ends_in(path + length + 1, ".yaml"))
			add(loader, files, path, path + length + 1);
	}
}

static int compare(const void *left, const void *right)
{
	const struct packs_file *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static void list(struct loader *loader, const char *folder, const char *name, struct files *files)
{
	if (loader->files)
		list_memory(loader, name, files);
	else
		list_disk(loader, loader_path(loader, folder, name), files);
	if (files->count > 0)
		qsort(files->items, files->count, sizeof(files->items[0]), compare);
}

size_t packs_list(struct loader *loader, const char *folder, const char *name,
		  struct packs_file **files)
{
	struct files found = {NULL, 0};

	list(loader, folder, name, &found);
	*files = found.items;
	return found.count;
}

static void add_folder(struct folders *folders, const char *path)
{
	folders->paths[folders->count++] = path;
}

static struct folders default_folders(struct loader *loader)
{
	struct folders folders = {arena_array(loader->scratch, 2, sizeof(const char *)), 0};

	if (!loader->files)
		add_folder(&folders, PREFIX "/share/cutoffd");
	add_folder(&folders, loader->folder);
	return folders;
}

static struct folders named_folders(struct loader *loader)
{
	const struct yaml_node *packs = loader->packs;
	struct folders folders = {arena_array(loader->scratch, packs->count, sizeof(const char *)),
				  0};

	if (!value_is_list(loader, packs, "folders"))
		return folders;
	for (const struct yaml_node *item = packs->first; item; item = item->next) {
		const char *text = value_text(loader, item, "a folder"), *path;

		if (!text)
			continue;
		path = loader_path(loader, loader->folder, text);
		if (loader->files || access(path, R_OK | X_OK) == 0)
			add_folder(&folders, path);
		else
			loader_complain(loader, item,
					"`%s` cannot be read: %s; name a folder with "
					"vendors/ and measures/",
					path, strerror(errno));
	}
	return folders;
}

static void list_all(struct loader *loader, const struct folders *folders, const char *name,
		     struct files *files)
{
	for (size_t i = 0; i < folders->count; i++)
		list(loader, folders->paths[i], name, files);
}

void packs_read(struct loader *loader)
{
	struct folders folders = loader->packs ? named_folders(loader) : default_folders(loader);
	struct files vendors = {NULL, 0}, measures = {NULL, 0};

	list_all(loader, &folders, "vendors", &vendors);
	list_all(loader, &folders, "measures", &measures);
	for (size_t i = 0; i < vendors.count; i++) {
		const struct yaml_node *root = loader_yaml(loader, vendors.items[i].path, NULL);

		if (root)
			vendors_read(loader, vendors.items[i].path, vendors.items[i].name, root);
		else
			loader->incomplete = true;
	}
	for (size_t i = 0; i < measures.count; i++) {
		const struct yaml_node *root = loader_yaml(loader, measures.items[i].path, NULL);

		if (root)
			measures_read(loader, measures.items[i].name, root);
		else
			loader->incomplete = true;
	}
}
