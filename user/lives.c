// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lives.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS (2 * LIVES_MAX)
#define NONE UINT32_MAX

struct life {
	struct ev_connection c;
	uint32_t next;		/* of its bucket, or of the free ones */
	uint32_t older;		/* in the order of their coming */
	uint32_t newer;
};

struct lives {
	struct life *lives;	/* grows to LIVES_MAX */
	uint32_t room;
	uint32_t len;
	uint32_t free;
	uint32_t oldest;
	uint32_t newest;
	struct ev_connection out;
	uint32_t buckets[BUCKETS];
};

struct lives *lives_open(void)
{
	struct lives *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->free = l->oldest = l->newest = NONE;
	for (size_t i = 0; i < BUCKETS; i++)
		l->buckets[i] = NONE;
	return l;
}

void lives_close(struct lives *l)
{
	if (!l)
		return;
	free(l->lives);
	free(l);
}

static uint32_t *bucket_of(struct lives *l, uint64_t cookie)
{
	return &l->buckets[(cookie * 0x9e3779b97f4a7c15ULL >> 32) % BUCKETS];
}

static bool grow(struct lives *l)
{
	uint32_t room = l->room ? 2 * l->room : 64;
	struct life *lives;

	if (l->free != NONE)
		return true;
	if (l->room == LIVES_MAX)
		return false;
	lives = realloc(l->lives, room * sizeof(*lives));
	if (!lives)
		return false;
	l->lives = lives;
	for (uint32_t i = l->room; i < room; i++) {
		lives[i].next = l->free;
		l->free = i;
	}
	l->room = room;
	return true;
}

/* To l->out; its place is free then. */
static const struct ev_connection *take(struct lives *l, uint32_t i)
{
	struct life *life = &l->lives[i];
	uint32_t *at = bucket_of(l, life->c.end.sock.cookie);

	while (*at != i)
		at = &l->lives[*at].next;
	*at = life->next;
	*(life->older == NONE ? &l->oldest : &l->lives[life->older].newer) = life->newer;
	*(life->newer == NONE ? &l->newest : &l->lives[life->newer].older) = life->older;
	life->next = l->free;
	l->free = i;
	l->len--;
	l->out = life->c;
	return &l->out;
}

static uint32_t find(struct lives *l, uint64_t cookie)
{
	uint32_t i = *bucket_of(l, cookie);

	while (i != NONE && l->lives[i].c.end.sock.cookie != cookie)
		i = l->lives[i].next;
	return i;
}

static void put(struct lives *l, const struct ev_connection *c)
{
	uint32_t i = l->free, *bucket = bucket_of(l, c->end.sock.cookie);
	struct life *life = &l->lives[i];

	l->free = life->next;
	life->c = *c;
	life->next = *bucket;
	*bucket = i;
	life->older = l->newest;
	life->newer = NONE;
	*(l->newest == NONE ? &l->oldest : &l->lives[l->newest].newer) = i;
	l->newest = i;
	l->len++;
}

const struct ev_connection *lives_keep(struct lives *l, const struct ev_connection *c)
{
	const struct ev_connection *out = NULL;

	if (!c->end.sock.cookie || find(l, c->end.sock.cookie) != NONE)
		return c;
	if (!grow(l)) {
		if (l->oldest == NONE)
			return c;
		out = take(l, l->oldest);
	}
	put(l, c);
	return out;
}

const struct ev_connection *lives_end(struct lives *l, const struct ev_timewait *e)
{
	uint32_t i = e->from == EVS_FIN_WAIT2 ? find(l, e->sock.cookie) : NONE;
	struct ev_connection *c = &l->out;

	if (i == NONE)
		return NULL;
	take(l, i);
	/* Since the full socket's last transition: its own time there is counted. */
	if (e->head.ts_ns > c->end.head.ts_ns)
		c->in_ns[ev_life_place(EVS_FIN_WAIT2)] += e->head.ts_ns - c->end.head.ts_ns;
	c->end.head.ts_ns = e->head.ts_ns;
	c->end.head.tai_ns = e->head.tai_ns;
	c->end.head.method = e->head.method;
	c->end.to = e->to;
	c->mini = 1;
	c->mini_why = e->why;
	return c;
}

size_t lives_len(const struct lives *l)
{
	return l->len;
}
