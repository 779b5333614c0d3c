/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key `adopt`: which measures this site applies, to whom and how. Inside settings/ only.
 */
#ifndef CUTOFFD_ADOPT_H
#define CUTOFFD_ADOPT_H

#include "daemon/settings/loader.h"

/* Packs and scopes have been read before. Fills the policy's adoptions and the standings. */
void adopt_read(struct loader *loader);

#endif
