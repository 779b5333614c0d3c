/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A measure's file: measures/ID.yaml → the legal act, its stages, permits and amendments.
 * Inside settings/ only.
 */
#ifndef CUTOFFD_MEASURES_H
#define CUTOFFD_MEASURES_H

#include "daemon/settings/loader.h"

/* id: the file's name without ".yaml". All vendors have been read before. */
void measures_read(struct loader *loader, const char *id, const struct yaml_node *root);

#endif
