/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A vendor pack: vendors/ID.yaml → the vendor, its services and their indicators.
 * Inside settings/ only.
 */
#ifndef CUTOFFD_VENDORS_H
#define CUTOFFD_VENDORS_H

#include "daemon/settings/loader.h"

/* id: the file's name without ".yaml". */
void vendors_read(struct loader *loader, const char *path, const char *id,
		  const struct yaml_node *root);

#endif
