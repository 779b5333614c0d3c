/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packs: folders with vendors/ and measures/, of which a later one's file replaces an earlier
 * one's of the same name. Finds the files and has them read. Inside settings/ only.
 */
#ifndef CUTOFFD_PACKS_H
#define CUTOFFD_PACKS_H

#include "daemon/settings/loader.h"

struct packs_file {
	const char *path, *name; /* name: without ".yaml" */
};

/* All vendors, then all measures. */
void packs_read(struct loader *loader);

/* The YAML files of one folder (FOLDER/NAME), in the order of their names; none when there is no
 * such folder. Returns how many. */
size_t packs_list(struct loader *loader, const char *folder, const char *name,
		  struct packs_file **files);

#endif
