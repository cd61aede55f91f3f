// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "check_replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_report.h"
#include "limit_replay.h"
#include "listen_replay.h"
#include "rec_walk.h"
#include "stall_replay.h"

/* The views of one walk over a recording, and what they found. */
struct replays {
	struct listen_replay *listen;
	struct stall_replay *stall;
	struct limit_replay *limit;
	struct findings findings;
	struct check_scope scope;
};

static int take_listeners(void *ctx, struct listen_sample *s, uint64_t ns)
{
	struct replays *r = ctx;

	r->scope.listeners = s->rows.len;
	r->scope.ns += ns;
	return findings_listeners(&r->findings, &s->rows) ? 0 : -ENOMEM;
}

static int take_stalls(void *ctx, const struct stall_sample *s)
{
	struct replays *r = ctx;

	for (size_t i = 0; i < s->rows.rows_len; i++)
		r->scope.connections += s->rows.rows[i].over ? 0 : s->rows.rows[i].count;
	return findings_stalls(&r->findings, &s->rows) ? 0 : -ENOMEM;
}

/* false: no memory. */
static bool collect_recorded(struct replays *r)
{
	const struct limit_rows *rows;

	if (listen_replay_end(r->listen) || stall_replay_end(r->stall, take_stalls, r))
		return false;
	rows = limit_replay_end(r->limit);
	for (size_t i = 0; rows && i < rows->len; i++)
		if (!findings_limit(&r->findings, &rows->all[i]))
			return false;
	return rows;
}

/* What was not recorded is not known to be well. */
static bool all_recorded(const struct rec_walk *walk, const struct replays *r)
{
	bool kinds = !walk->kinds || (walk->kinds & EVENTS_LIMIT && walk->kinds & EVENTS_STALL);
	bool looked = listen_replay_looked(r->listen);

	if (!kinds)
		fprintf(stderr, "tcptrail: it was recorded without the kinds limit or stall\n");
	return kinds && looked && !walk->damaged;
}

static int show_recorded(const struct rec_walk *walk, struct replays *r)
{
	int code;

	if (!collect_recorded(r))
		return check_unknown(strerror(ENOMEM));
	code = all_recorded(walk, r) ? 0 : EXIT_KERNEL;
	if (code && !r->findings.len)
		return check_unknown("nothing wrong is in the recording, which does not tell all");
	return check_report(&r->findings, walk->options, &r->scope);
}

int check_replay_run(const struct options *o, const volatile sig_atomic_t *stop)
{
	struct rec_walk walk = { .options = o, .stop = stop };
	struct replays r = { .scope.recorded = true };
	int code;

	r.listen = listen_replay_open(&walk, take_listeners, &r);
	r.stall = stall_replay_open(&walk);
	r.limit = limit_replay_open(&walk);
	if (!r.listen || !r.stall || !r.limit)
		code = check_unknown(strerror(ENOMEM));
	else
		code = rec_walk(&walk);
	if (!code)
		code = show_recorded(&walk, &r);
	else if (code == EXIT_RUNTIME)	/* which would be a warning */
		code = EXIT_KERNEL;
	limit_replay_close(r.limit);
	stall_replay_close(r.stall);
	listen_replay_close(r.listen);
	findings_free(&r.findings);
	return code;
}
