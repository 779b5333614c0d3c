/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers of classes and stages: allotted once for each name, never used again, because conntrack
 * entries and the kernel's latch outlive reloads and upgrades. Kept as a text in the state
 * directory: a line "class 16 kaspersky.updates" or "stage 3 us-kaspersky-2024/updates …" each, in
 * ascending order, and a last line "sum HEX" with the SHA-256 of all before it.
 * Pure, but for load and save.
 */
#ifndef CUTOFFD_NUMBERS_H
#define CUTOFFD_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbers;

struct numbers *numbers_new(void);
void numbers_free(struct numbers *numbers);

/* The number of this name, allotted now if it has none; 0: none left, or a name that is empty or
 * has control characters, which no line can hold. */
uint16_t numbers_class(struct numbers *numbers, const char *vendor, const char *service);
uint32_t numbers_stage(struct numbers *numbers, const char *name);
/* NULL: it was never allotted. Valid until the numbers are loaded anew or freed. */
const char *numbers_stage_name(const struct numbers *numbers, uint32_t number);

/* Every class number ever allotted, in ascending order; returns how many, fills at most max. */
size_t numbers_classes(const struct numbers *numbers, uint16_t *out, size_t max);
/* Whether anything was allotted since they were loaded or saved. */
bool numbers_changed(const struct numbers *numbers);

/* The text of a file. -EBADMSG: damaged; *line says where, and there are no numbers then. */
int numbers_parse(struct numbers *numbers, const char *text, size_t length, unsigned int *line)
	__attribute__((warn_unused_result));
/* As numbers_parse. path missing: 0 and no numbers. Another -errno: *line is 0. */
int numbers_load(struct numbers *numbers, const char *path, unsigned int *line)
	__attribute__((warn_unused_result));
/* Atomic (a new file PATH.new, fsync, rename, fsync of the folder), mode 0640. */
int numbers_save(struct numbers *numbers, const char *path) __attribute__((warn_unused_result));

#endif
