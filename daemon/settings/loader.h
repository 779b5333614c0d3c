/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One load of the settings: what all readers of settings/ share while it lasts. Inside settings/
 * only.
 */
#ifndef CUTOFFD_LOADER_H
#define CUTOFFD_LOADER_H

#include "daemon/arena.h"
#include "daemon/settings/complaint.h"
#include "daemon/settings/settings.h"
#include "daemon/settings/text.h"
#include "daemon/settings/yaml.h"

/* No YAML file that a person writes is longer; a list of names can be. */
#define LOADER_YAML_BYTES (4 << 20)
#define LOADER_LIST_BYTES (1 << 30)

struct loader {
	struct complaints *complaints;
	struct arena *arena;   /* what the settings keep */
	struct arena *scratch; /* texts and trees: until the load ends */
	struct settings *settings;
	const struct settings_file *files; /* in memory, in place of the disk; NULL: the disk */
	size_t files_count;
	const char *folder; /* of the policy file */

	/* Parts of the policy file that can be read only when others have been. */
	const struct yaml_node *packs, *adopt, *waivers;
	const struct yaml_node *mode, *capture; /* for their places */
	const struct yaml_node **scope_nodes;	/* beside settings->scopes; NULL: built in */

	struct policy_service *services;
	const char **service_names; /* "kaspersky.updates", beside services */
	struct place *indicator_places;
	size_t indicator_places_room;
	bool incomplete; /* a pack could not be read: what is unknown may stand there */
};

/* A text by its path: from the disk or from the files in memory. NULL after a complaint. */
const struct text *loader_text(struct loader *loader, struct arena *arena, const char *path,
			       size_t limit, const struct place *asked_by);
/* The tree of a YAML file, or NULL after a complaint. */
const struct yaml_node *loader_yaml(struct loader *loader, const char *path,
				    const struct place *asked_by);

/* path as it stands in a file of that folder. */
const char *loader_path(struct loader *loader, const char *folder, const char *path);

/* complain at a node. */
void loader_complain(struct loader *loader, const struct yaml_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void loader_warn(struct loader *loader, const struct yaml_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
