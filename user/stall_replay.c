// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "rec_walk.h"
#include "select.h"
#include "stall_record.h"

struct kept {
	struct stall_row row;
	bool over;
};

struct stall_replay {
	const struct options *options;
	const struct rec_walk *walk;
	struct stall_sample sample;
	struct kept *kept;
	size_t len, room;
};

static struct kept *find(struct stall_replay *p, const struct stall_row *row)
{
	for (size_t i = p->len; i-- > 0;)
		if (!p->kept[i].over && !stall_rows_compare(&p->kept[i].row, row))
			return &p->kept[i];
	return NULL;
}

static bool keep(struct stall_replay *p, const struct stall_row *row)
{
	size_t room = p->room ? 2 * p->room : 64;
	struct kept *kept;

	if (p->len == p->room) {
		kept = realloc(p->kept, room * sizeof(*kept));
		if (!kept)
			return false;
		p->kept = kept;
		p->room = room;
	}
	p->kept[p->len++] = (struct kept){ .row = *row };
	return true;
}

/* What is over is of interest from --since on. */
static bool recent(const struct stall_replay *p, uint64_t wall_ns)
{
	return p->options->since.kind != WHEN_NONE && wall_ns >= p->walk->since_ns;
}

static void end(struct stall_replay *p, struct kept *k, uint64_t wall_ns)
{
	if (recent(p, wall_ns))
		k->over = true;
	else
		*k = p->kept[--p->len];
}

/* false: no memory. */
static bool take_item(void *ctx, const struct ev_head *head)
{
	struct stall_replay *p = ctx;
	struct rec_stall stall = { 0 };
	struct stall_row row;
	struct record r;
	struct kept *k;

	if (head->kind != REC_ITEM_STALL)
		return true;
	memcpy(&stall, head, head->size < sizeof(stall) ? head->size : sizeof(stall));
	stall_record_from(&stall, &row, &r);
	if (r.wall_ns >= p->walk->until_ns ||
	    !select_stall(p->options, p->sample.cgroups, &row.oldest, &row.verdict))
		return true;
	k = find(p, &row);
	if (!k && r.stall_phase == STALL_END && !recent(p, r.wall_ns))
		return true;
	if (!k && !keep(p, &row))	/* of the end alone: the part before was rotated away */
		return false;
	k = k ? k : &p->kept[p->len - 1];
	k->row = row;
	if (r.stall_phase == STALL_END)
		end(p, k, r.wall_ns);
	return true;
}

/* What is told of another run of the tracer is told anew. */
static bool forget(void *ctx)
{
	struct stall_replay *p = ctx;

	for (size_t i = p->len; i-- > 0;)
		if (!p->kept[i].over)
			end(p, &p->kept[i], p->walk->since_ns);
	cgroup_close(p->sample.cgroups);
	p->sample.cgroups = cgroup_open_recorded();
	return p->sample.cgroups;
}

struct stall_replay *stall_replay_open(struct rec_walk *walk)
{
	struct stall_replay *p = calloc(1, sizeof(*p));
	struct rec_view view = { .run = forget, .item = take_item, .ctx = p };

	if (!p)
		return NULL;
	p->options = walk->options;
	p->walk = walk;
	p->sample.options = walk->options;
	p->sample.recorded = true;
	view.cgroups = &p->sample.cgroups;
	rec_walk_add(walk, &view);
	return p;
}

int stall_replay_end(struct stall_replay *p, stall_show_fn show, void *ctx)
{
	struct stall_row *rows = calloc(p->len + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->len; i++) {
		rows[i] = p->kept[i].row;
		rows[i].over = p->kept[i].over;
	}
	p->sample.rows.rows = rows;
	p->sample.rows.rows_len = p->len;
	stall_rows_sort(&p->sample.rows);
	return show(ctx, &p->sample);
}

void stall_replay_close(struct stall_replay *p)
{
	if (!p)
		return;
	stall_sample_close(&p->sample);
	free(p->kept);
	free(p);
}

/* An exit code. */
static int read_all(struct stall_replay *p, struct rec_walk *walk, stall_show_fn show)
{
	int code = rec_walk(walk), err = code ? 0 : stall_replay_end(p, show, NULL);

	if (code || !err || err == -EPIPE)
		return code ? code : walk->damaged ? EXIT_RUNTIME : EXIT_OK;
	fprintf(stderr, "tcptrail: %s: %s\n", err == -ENOMEM ? "cannot go on" : "cannot write",
		strerror(-err));
	return err == -ENOMEM ? EXIT_RUNTIME : EXIT_OUTPUT;
}

int stall_replay_run(const struct options *o, const volatile sig_atomic_t *stop, stall_show_fn show)
{
	struct rec_walk walk = { .options = o, .stop = stop };
	struct stall_replay *p = stall_replay_open(&walk);
	int code;

	if (!p) {
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
		return EXIT_RUNTIME;
	}
	code = read_all(p, &walk, show);
	stall_replay_close(p);
	return code;
}
