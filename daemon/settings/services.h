/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The services of all vendors, by the names that other files call them: "kaspersky.updates".
 * Inside settings/ only.
 */
#ifndef CUTOFFD_SERVICES_H
#define CUTOFFD_SERVICES_H

#include "daemon/settings/loader.h"
#include "daemon/settings/value.h"

/* The new service's index into settings->policy.services. */
size_t services_add(struct loader *loader, const char *vendor, const char *service);

/* The index of a service, -1 when there is none. */
long services_index(const struct loader *loader, const char *name);

/* A list of services' names, each of which must be known; unknown ones are complained of and left
 * out. */
void services_read_names(struct loader *loader, const struct yaml_node *value, void *field);

#endif
