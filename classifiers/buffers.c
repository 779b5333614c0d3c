/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/buffers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 5 /* BUFFER_MIN << 0 to BUFFER_MIN << 4 */
#define NONE UINT32_MAX

_Static_assert(BUFFER_MIN << (LEVELS - 1) == BUFFER_MAX, "levels and sizes agree");

/* A unit is BUFFER_MIN bytes. What is said here of a buffer stands in its first unit. */
struct unit {
	uint32_t next, previous; /* in the list of free ones of its level */
	uint8_t level;
	bool free;
};

struct buffers {
	uint8_t *memory;
	struct unit *units;
	uint32_t free[LEVELS];
	size_t used;
};

static void list_insert(struct buffers *buffers, uint32_t index, uint8_t level)
{
	uint32_t *head = &buffers->free[level];

	buffers->units[index] = (struct unit){
		.next = *head,
		.previous = NONE,
		.level = level,
		.free = true,
	};
	if (*head != NONE)
		buffers->units[*head].previous = index;
	*head = index;
}

static void list_remove(struct buffers *buffers, uint32_t index)
{
	struct unit *unit = &buffers->units[index];

	if (unit->previous == NONE)
		buffers->free[unit->level] = unit->next;
	else
		buffers->units[unit->previous].next = unit->next;
	if (unit->next != NONE)
		buffers->units[unit->next].previous = unit->previous;
	unit->free = false;
}

struct buffers *buffers_new(size_t bytes)
{
	struct buffers *buffers = calloc(1, sizeof(*buffers));
	size_t blocks = bytes / BUFFER_MAX + (bytes % BUFFER_MAX > 0);
	const size_t units_in_block = BUFFER_MAX / BUFFER_MIN;

	if (!buffers || blocks >= NONE / units_in_block)
		goto fail;
	buffers->memory = calloc(blocks, BUFFER_MAX);
	buffers->units = calloc(blocks * units_in_block, sizeof(*buffers->units));
	if (!buffers->memory || !buffers->units)
		goto fail;
	for (size_t i = 0; i < LEVELS; i++)
		buffers->free[i] = NONE;
	for (size_t i = blocks; i > 0; i--)
		list_insert(buffers, (uint32_t)((i - 1) * units_in_block), LEVELS - 1);
	return buffers;

fail:
	buffers_free(buffers);
	return NULL;
}

void buffers_free(struct buffers *buffers)
{
	if (!buffers)
		return;
	free(buffers->units);
	free(buffers->memory);
	free(buffers);
}

static uint8_t level_for(size_t size)
{
	uint8_t level = 0;

	while ((size_t)BUFFER_MIN << level < size)
		level++;
	return level;
}

uint8_t *buffers_take(struct buffers *buffers, size_t size, size_t *room)
{
	const uint8_t wanted = level_for(size);
	uint8_t level = wanted;
	uint32_t index;

	while (level < LEVELS && buffers->free[level] == NONE)
		level++;
	if (level >= LEVELS)
		return NULL;
	index = buffers->free[level];
	list_remove(buffers, index);
	for (; level > wanted; level--)
		list_insert(buffers, index + (1u << (level - 1)), (uint8_t)(level - 1));
	buffers->units[index].level = wanted;
	*room = (size_t)BUFFER_MIN << wanted;
	buffers->used += *room;
	return buffers->memory + (size_t)index * BUFFER_MIN;
}

void buffers_give(struct buffers *buffers, const uint8_t *buffer)
{
	uint32_t index, buddy;
	uint8_t level;

	if (!buffer)
		return;
	index = (uint32_t)((size_t)(buffer - buffers->memory) / BUFFER_MIN);
	level = buffers->units[index].level;
	buffers->used -= (size_t)BUFFER_MIN << level;
	for (; level < LEVELS - 1; level++) {
		buddy = index ^ 1u << level;
		if (!buffers->units[buddy].free || buffers->units[buddy].level != level)
			break;
		list_remove(buffers, buddy);
		index &= ~(1u << level);
	}
	list_insert(buffers, index, level);
}

size_t buffers_used(const struct buffers *buffers)
{
	return buffers->used;
}
