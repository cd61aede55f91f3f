// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_track.h"

#include <stdlib.h>

#define MINUTE_NS	60000000000ULL
#define GROWTH_LEAST_NS	10000000000ULL
#define DOUBLED_LEAST	10	/* from one to two is no news */

struct sample {
	uint64_t ns;		/* 0: none */
	uint32_t count;
};

struct group {
	struct stall_row row;	/* as it was seen last */
	struct sample older;	/* the begins of this minute and the one before */
	struct sample newer;
	uint64_t told_ns;	/* 0: not told yet */
	uint32_t told_count;
};

struct stall_track {
	struct group *groups;	/* in order of stall_rows_compare() */
	size_t len;
};

/* One look. */
struct look {
	uint64_t now_ns;
	stall_track_fn fn;
	void *ctx;
	struct stall_row **rows;	/* in the same order */
	size_t n;
	struct group *groups;	/* what becomes of the tracker's */
};

const char *stall_phase_name(enum stall_phase phase)
{
	static const char *const names[STALL_PHASES] = { "start", "ongoing", "end" };

	return phase < STALL_PHASES ? names[phase] : "unknown";
}

struct stall_track *stall_track_open(void)
{
	return calloc(1, sizeof(struct stall_track));
}

void stall_track_close(struct stall_track *t)
{
	if (!t)
		return;
	free(t->groups);
	free(t);
}

static int by_group(const void *a, const void *b)
{
	return stall_rows_compare(*(struct stall_row *const *)a, *(struct stall_row *const *)b);
}

static void grow(struct group *g, uint64_t now)
{
	const struct sample *since = g->older.ns ? &g->older : &g->newer;
	int64_t more = (int64_t)g->row.count - since->count;

	if (now - since->ns >= GROWTH_LEAST_NS) {
		g->row.has_growth = true;
		g->row.growth_per_min = more * (int64_t)MINUTE_NS / (int64_t)(now - since->ns);
	}
	if (now - g->newer.ns >= MINUTE_NS) {
		g->older = g->newer;
		g->newer = (struct sample){ now, g->row.count };
	}
}

static void begin(struct look *l, struct group *g, const struct stall_row *row)
{
	*g = (struct group){ .row = *row, .newer = { l->now_ns, row->count } };
}

static void go_on(struct look *l, struct group *g, const struct group *before, struct stall_row *row)
{
	*g = *before;
	g->row = *row;
	grow(g, l->now_ns);
	row->has_growth = g->row.has_growth;
	row->growth_per_min = g->row.growth_per_min;
}

static void end(struct look *l, const struct group *g)
{
	if (l->fn && g->told_ns)
		l->fn(l->ctx, &g->row, STALL_END);
}

/* Both in the same order: each row is a group that goes on or a new one, each group
 * without a row is over. */
static void merge(const struct stall_track *t, struct look *l)
{
	size_t i = 0;

	for (size_t k = 0; k < l->n; k++) {
		int c = -1;

		while (i < t->len && (c = stall_rows_compare(&t->groups[i].row, l->rows[k])) < 0)
			end(l, &t->groups[i++]);
		if (i < t->len && !c)
			go_on(l, &l->groups[k], &t->groups[i++], l->rows[k]);
		else
			begin(l, &l->groups[k], l->rows[k]);
	}
	while (i < t->len)
		end(l, &t->groups[i++]);
}

static void told(struct look *l, struct group *g, enum stall_phase phase)
{
	g->told_ns = l->now_ns;
	g->told_count = g->row.count;
	l->fn(l->ctx, &g->row, phase);
}

static int most_first(const void *a, const void *b)
{
	uint32_t x = (*(struct group *const *)a)->row.count, y = (*(struct group *const *)b)->row.count;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* `room`: for all of them. */
static void tell(struct look *l, struct group **room)
{
	size_t starts = 0;

	for (size_t k = 0; k < l->n; k++) {
		struct group *g = &l->groups[k];

		if (!g->told_ns)
			room[starts++] = g;
		else if (l->now_ns - g->told_ns >= MINUTE_NS ||
			 g->row.count >= 2 * g->told_count + DOUBLED_LEAST)
			told(l, g, STALL_ONGOING);
	}
	qsort(room, starts, sizeof(*room), most_first);
	for (size_t k = 0; k < starts && k < STALL_STARTS_MAX; k++)
		told(l, room[k], STALL_START);
}

bool stall_track_look(struct stall_track *t, struct stall_row *rows, size_t n, uint64_t now_ns,
		      stall_track_fn fn, void *ctx)
{
	struct look l = { .now_ns = now_ns, .fn = fn, .ctx = ctx, .n = n };
	void *room = malloc((n + 1) * sizeof(void *));

	l.rows = malloc((n + 1) * sizeof(*l.rows));
	l.groups = malloc((n + 1) * sizeof(*l.groups));
	if (!room || !l.rows || !l.groups) {
		free(room);
		free(l.rows);
		free(l.groups);
		return false;
	}
	for (size_t k = 0; k < n; k++)
		l.rows[k] = &rows[k];
	qsort(l.rows, n, sizeof(*l.rows), by_group);
	merge(t, &l);
	free(t->groups);
	t->groups = l.groups;
	t->len = n;
	if (fn)
		tell(&l, room);
	free(room);
	free(l.rows);
	return true;
}
