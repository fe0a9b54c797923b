/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/numbers.h"

enum {
	ROOM_FIRST = 64,
};

/* Where it is, or would be. The upper bits of the product depend on all of the number. */
static struct numbers_slot *slot_of(const struct numbers_map *m, uint64_t number)
{
	size_t i = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->room - 1);

	while (m->slots[i].number && m->slots[i].number != number)
		i = (i + 1) & (m->room - 1);
	return &m->slots[i];
}

ssize_t numbers_find(const struct numbers_map *m, uint64_t number)
{
	const struct numbers_slot *slot = m->n && number ? slot_of(m, number) : NULL;

	return slot && slot->number ? (ssize_t)slot->place : -1;
}

static int grow(struct numbers_map *m)
{
	struct numbers_map grown = { .n = m->n, .room = m->room ? m->room * 2 : ROOM_FIRST };

	grown.slots = calloc(grown.room, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->room; i++)
		if (m->slots[i].number)
			*slot_of(&grown, m->slots[i].number) = m->slots[i];
	free(m->slots);
	*m = grown;
	return 0;
}

int numbers_add(struct numbers_map *m, uint64_t number, size_t place)
{
	struct numbers_slot *slot;

	if (!number)
		return 0;
	if (m->n * 4 >= m->room * 3 && grow(m) < 0)
		return -ENOMEM;
	slot = slot_of(m, number);
	if (slot->number)
		return 0;
	*slot = (struct numbers_slot){ number, place };
	m->n++;
	return 1;
}

void numbers_clear(struct numbers_map *m)
{
	free(m->slots);
	*m = (struct numbers_map){ 0 };
}
