// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "listen_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "rec_walk.h"

struct listen_replay {
	const struct options *options;
	const struct rec_walk *walk;
	listen_show_fn show;
	void *ctx;
	struct listen_sample sample;
	uint64_t begun_ns;		/* of the sample; 0: at the next look */
	uint64_t left;			/* samples */
	uint64_t looks;
	struct listening *seen;		/* since the last look ended */
	size_t len, room;
	int err;
};

/* What the sample has; the next begins with what this one ends with. */
static void tell(struct listen_replay *p)
{
	uint64_t ns = p->sample.wall_ns - p->begun_ns;

	if (!p->begun_ns || !p->left)
		return;
	ns = ns ? ns : 1;
	listen_rows_hold(&p->sample.rows);	/* groups; who shares them is not recorded */
	listen_sample_end(&p->sample, ns);
	p->err = p->show(p->ctx, &p->sample, ns);
	p->begun_ns = p->sample.wall_ns;
	p->left--;
	listen_sample_begin(&p->sample);
}

/* Sockets, namespaces and cgroups of another run are others. */
static bool forget(void *ctx)
{
	struct listen_replay *p = ctx;

	tell(p);
	listen_sample_close(&p->sample);
	p->begun_ns = 0;
	p->len = 0;
	if (!listen_sample_open(&p->sample, p->options, NULL))
		return false;
	p->sample.rows.keep_gone = true;	/* looks are far from each other */
	cgroup_close(p->sample.cgroups);
	p->sample.cgroups = cgroup_open_recorded();
	return p->sample.cgroups;
}

static bool take_listening(struct listen_replay *p, const struct ev_head *head)
{
	struct rec_listening item = { 0 };
	size_t room = p->room ? 2 * p->room : 64;
	struct listening *seen;

	memcpy(&item, head, head->size < sizeof(item) ? head->size : sizeof(item));
	if (p->len == p->room) {
		seen = realloc(p->seen, room * sizeof(*seen));
		if (!seen)
			return false;
		p->seen = seen;
		p->room = room;
	}
	p->seen[p->len++] = item.listening;
	return true;
}

static void take_netns(struct listen_replay *p, const struct ev_head *head)
{
	struct rec_netns item = { 0 };

	memcpy(&item, head, head->size < sizeof(item) ? head->size : sizeof(item));
	listen_sample_netns(&p->sample, item.netns, &item.count);
}

/* A look that is whole, if it is of the time that is asked for. */
static void take_looked(struct listen_replay *p, const struct ev_head *head)
{
	struct rec_looked item = { 0 };
	size_t from;

	memcpy(&item, head, head->size < sizeof(item) ? head->size : sizeof(item));
	from = p->len >= item.listeners ? p->len - item.listeners : p->len;
	if (p->len < item.listeners || !rec_walk_in_time(p->walk, item.wall_ns)) {
		p->len = 0;
		return;
	}
	listen_rows_look(&p->sample.rows);
	for (size_t i = from; i < p->len; i++)
		listen_sample_listener(&p->sample, &p->seen[i]);
	listen_sample_looked(&p->sample);
	p->len = 0;
	p->looks++;
	p->sample.wall_ns = item.wall_ns;
	if (!p->begun_ns) {
		p->begun_ns = item.wall_ns;
		listen_sample_begin(&p->sample);
	} else if (p->options->interval_ns && item.wall_ns - p->begun_ns >= p->options->interval_ns) {
		tell(p);
	}
}

/* false: no memory. */
static bool take_item(void *ctx, const struct ev_head *head)
{
	struct listen_replay *p = ctx;

	if (head->kind == REC_ITEM_LISTENING && !take_listening(p, head))
		return false;
	if (head->kind == REC_ITEM_NETNS)
		take_netns(p, head);
	else if (head->kind == REC_ITEM_LOOKED)
		take_looked(p, head);
	return !p->sample.no_memory;
}

static bool enough(void *ctx)
{
	const struct listen_replay *p = ctx;

	return !p->left || p->err;
}

struct listen_replay *listen_replay_open(struct rec_walk *walk, listen_show_fn show, void *ctx)
{
	const struct options *o = walk->options;
	struct listen_replay *p = calloc(1, sizeof(*p));
	struct rec_view view = { .run = forget, .item = take_item, .enough = enough, .ctx = p };

	if (!p)
		return NULL;
	p->options = o;
	p->walk = walk;
	p->show = show;
	p->ctx = ctx;
	/* Of the first run alone, where it is shown as it is. */
	p->left = o->count ? o->count :
		  o->interval_ns || o->command != COMMAND_LISTENERS ? UINT64_MAX : 1;
	view.cgroups = &p->sample.cgroups;
	rec_walk_add(walk, &view);
	return p;
}

int listen_replay_end(struct listen_replay *p)
{
	/* With -i the last one is whole or not told. */
	if (!p->err && !p->options->interval_ns)
		tell(p);
	return p->err;
}

bool listen_replay_looked(const struct listen_replay *p)
{
	if (!p->looks)
		fprintf(stderr, "tcptrail: the recording has no look at the listeners in that time (there "
			"is one every 10 s)\n");
	return p->looks;
}

void listen_replay_close(struct listen_replay *p)
{
	if (!p)
		return;
	listen_sample_close(&p->sample);
	free(p->seen);
	free(p);
}

/* An exit code. */
static int read_all(struct listen_replay *p, struct rec_walk *walk)
{
	int code = rec_walk(walk), err = code ? 0 : listen_replay_end(p);

	if (err && err != -EPIPE) {
		fprintf(stderr, "tcptrail: cannot write: %s\n", strerror(-err));
		return EXIT_OUTPUT;
	}
	if (!code && !listen_replay_looked(p))
		return EXIT_RUNTIME;
	return code ? code : walk->damaged ? EXIT_RUNTIME : EXIT_OK;
}

int listen_replay_run(const struct options *o, const volatile sig_atomic_t *stop,
		      listen_show_fn show)
{
	struct rec_walk walk = { .options = o, .stop = stop };
	struct listen_replay *p = listen_replay_open(&walk, show, NULL);
	int code;

	if (!p) {
		fprintf(stderr, "tcptrail: %s\n", strerror(ENOMEM));
		return EXIT_RUNTIME;
	}
	code = read_all(p, &walk);
	listen_replay_close(p);
	return code;
}
