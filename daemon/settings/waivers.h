/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waivers: time-limited exemptions, inline in the policy file and in waivers.d/ beside it.
 * Inside settings/ only.
 */
#ifndef CUTOFFD_WAIVERS_H
#define CUTOFFD_WAIVERS_H

#include "daemon/settings/loader.h"

/* Packs have been read before. */
void waivers_read(struct loader *loader);

#endif
