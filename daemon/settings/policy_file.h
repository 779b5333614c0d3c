/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of the policy file itself. Inside settings/ only.
 */
#ifndef CUTOFFD_POLICY_FILE_H
#define CUTOFFD_POLICY_FILE_H

#include "daemon/settings/loader.h"

/* Fills in defaults and reads all keys but `adopt`, `waivers` and `packs`, which wait in the
 * loader. false: it is no mapping at all. */
bool policy_file_read(struct loader *loader, const struct yaml_node *root);
/* What keys say about each other. */
void policy_file_check(struct loader *loader, const struct yaml_node *root);

#endif
