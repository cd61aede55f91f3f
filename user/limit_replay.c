// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "limit_replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "limit_calls.h"
#include "limit_listeners.h"
#include "rec_walk.h"
#include "select.h"

struct limit_replay {
	const struct rec_walk *walk;
	struct limit_calls *calls;	/* of the run that is read; NULL: none yet */
	struct limit_rows rows;		/* of the runs before it; at the end of all */
};

/* Of each run rows of their own: processes and namespaces of another boot are others.
 * false: no memory. */
static bool join(struct limit_replay *p)
{
	struct limit_rows rows = { 0 };
	bool ok = !p->calls || limit_calls_join(p->calls, &rows);

	for (size_t i = 0; ok && i < rows.len; i++)
		ok = limit_rows_add(&p->rows, &rows.all[i]);
	limit_rows_free(&rows);
	limit_calls_close(p->calls);
	p->calls = NULL;
	return ok;
}

static bool begin_run(void *ctx)
{
	struct limit_replay *p = ctx;

	if (!join(p))
		return false;
	p->calls = limit_calls_open(false);
	return p->calls;
}

static bool take_item(void *ctx, const struct ev_head *head)
{
	struct limit_replay *p = ctx;

	limit_calls_item(p->calls, p->walk, head);
	return true;
}

struct limit_replay *limit_replay_open(struct rec_walk *walk)
{
	struct limit_replay *p = calloc(1, sizeof(*p));
	struct rec_view view = { .run = begin_run, .item = take_item, .ctx = p };

	if (!p)
		return NULL;
	p->walk = walk;
	rec_walk_add(walk, &view);
	return p;
}

void limit_replay_close(struct limit_replay *p)
{
	if (!p)
		return;
	limit_calls_close(p->calls);
	limit_rows_free(&p->rows);
	free(p);
}

/* Both queues, at their fullest. */
static bool add_queues(struct limit_replay *p, const struct listen_row *l)
{
	const struct ev_queues *queues = &l->now.queues;
	const struct ev_sock *s = &l->now.sock;
	struct limit_row row = { .kind = LIMIT_ACCEPT_QUEUE, .use = l->peak,
				 .max = queues->backlog, .netns = s->netns };

	row.set_by = limit_backlog_set_by(queues->backlog, queues->somaxconn);
	limit_listener_scope(&row, s);
	limit_owner(s, l->processes, row.user, sizeof(row.user));
	if (!limit_rows_add(&p->rows, &row))
		return false;
	return !limit_syn_queue(&row, queues, l->syn_peak) || limit_rows_add(&p->rows, &row);
}

bool limit_replay_queues(struct limit_replay *p, const struct listen_rows *listeners)
{
	for (size_t i = 0; i < listeners->len; i++)
		if (!add_queues(p, &listeners->rows[i]))
			return false;
	return true;
}

const struct limit_rows *limit_replay_end(struct limit_replay *p)
{
	size_t n = 0;

	if (!join(p))
		return NULL;
	for (size_t i = 0; i < p->rows.len; i++)
		if (select_limit(p->walk->options, &p->rows.all[i]))
			p->rows.all[n++] = p->rows.all[i];
	p->rows.len = n;
	limit_rows_sort(&p->rows);
	return &p->rows;
}
