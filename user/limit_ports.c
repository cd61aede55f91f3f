// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_ports.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const struct limit_service *s)
{
	uint64_t h = s->rport, part;

	for (size_t i = 0; i < 16; i += 8) {
		memcpy(&part, s->laddr + i, 8);
		h = (h ^ part) * 0x9e3779b97f4a7c15ULL;
		memcpy(&part, s->raddr + i, 8);
		h = (h ^ (h >> 32) ^ part) * 0x9e3779b97f4a7c15ULL;
	}
	return h ^ h >> 29;
}

static bool same(const struct limit_service *a, const struct limit_service *b)
{
	return a->rport == b->rport && a->family == b->family &&
	       !memcmp(a->laddr, b->laddr, 16) && !memcmp(a->raddr, b->raddr, 16);
}

/* Its place, or the free one where it belongs. */
static struct limit_service *find(struct limit_service *all, size_t room,
				  const struct limit_service *s)
{
	size_t i = hash_of(s) & (room - 1);

	while (all[i].used && !same(&all[i], s))
		i = (i + 1) & (room - 1);
	return &all[i];
}

static bool grow(struct limit_ports *p)
{
	size_t room = p->room ? 2 * p->room : 256;
	struct limit_service *all;

	if (2 * (p->len + 1) <= p->room)
		return true;
	all = calloc(room, sizeof(*all));
	if (!all)
		return false;
	for (size_t i = 0; i < p->room; i++)
		if (p->all[i].used)
			*find(all, room, &p->all[i]) = p->all[i];
	free(p->all);
	p->all = all;
	p->room = room;
	return true;
}

bool limit_ports_add(struct limit_ports *p, const struct limit_service *s, bool time_wait)
{
	struct limit_service *at;

	if (!grow(p))
		return false;
	at = find(p->all, p->room, s);
	if (!at->used) {
		*at = *s;
		at->used = at->time_wait = 0;
		p->len++;
	}
	at->used++;
	at->time_wait += time_wait;
	return true;
}

size_t limit_ports_top(const struct limit_ports *p, struct limit_service *out, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < p->room; i++) {
		size_t at = len;

		if (!p->all[i].used || (len == n && out[n - 1].used >= p->all[i].used))
			continue;
		if (len < n)
			len++;
		else
			at--;	/* the last goes */
		for (; at > 0 && out[at - 1].used < p->all[i].used; at--)
			out[at] = out[at - 1];
		out[at] = p->all[i];
	}
	return len;
}

void limit_ports_free(struct limit_ports *p)
{
	free(p->all);
	*p = (struct limit_ports){ 0 };
}
