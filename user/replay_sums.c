// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "replay_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monotonic.h"
#include "sink_metrics.h"
#include "summary.h"

struct replay_sums {
	const struct options *options;
	struct summary *summary;	/* NULL: not asked for */
	struct sink_metrics *metrics;	/* NULL: not asked for */
	uint64_t from_ns;		/* CLOCK_REALTIME: windows are counted from then */
	uint64_t window_ns;		/* and this one begins then; 0: not yet */
	uint64_t latest_ns;		/* record of the run */
	uint64_t due_ns;		/* CLOCK_MONOTONIC */
	uint64_t started_ns;		/* CLOCK_REALTIME: the first run */
	struct stream_totals before;	/* of the runs that are over */
};

struct replay_sums *replay_sums_open(const struct options *o)
{
	struct replay_sums *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->options = o;
	if (o->metrics_file)
		s->metrics = sink_metrics_open(o->metrics_file, 0);
	if (o->events & EVENTS_SUMMARY)
		s->summary = summary_open();
	if ((s->metrics || !o->metrics_file) && (s->summary || !(o->events & EVENTS_SUMMARY)))
		return s;
	replay_sums_close(s);
	return NULL;
}

void replay_sums_close(struct replay_sums *s)
{
	if (!s)
		return;
	summary_close(s->summary);
	sink_metrics_close(s->metrics);
	free(s);
}

void replay_sums_of(const struct replay_sums *s, struct teller_options *to)
{
	to->metrics = s->metrics;
	to->summary = s->summary;
}

void replay_sums_begin(struct replay_sums *s, const struct stream_info *info, uint64_t wall_ns)
{
	const char *text = info->made ? info->made : info->events ? info->events : "";
	uint32_t recorded = options_events_of(text, strlen(text));

	if (s->metrics)
		sink_metrics_made(s->metrics, recorded);
	if (s->summary && text[0] && !(recorded & EVENTS_CONNECTION))
		fprintf(stderr, "tcptrail: it was recorded without the kind connection: summary has %s\n",
			recorded & EVENTS_FAILED ? "what failed alone" : "nothing to sum");
	s->from_ns = wall_ns;
	s->window_ns = s->latest_ns = 0;
	if (!s->started_ns)
		s->started_ns = wall_ns;
}

/* The clock may have been set back: never before the window that is open. */
static uint64_t window_of(const struct replay_sums *s, uint64_t wall_ns)
{
	uint64_t from = s->window_ns ? s->window_ns : s->from_ns;

	if (!from || (!s->window_ns && wall_ns < from))
		return wall_ns;
	if (wall_ns < from)
		return from;
	return wall_ns - (wall_ns - from) % s->options->rollup_ns;
}

struct telling {
	struct teller *teller;
	uint64_t wall_ns;
};

static void tell(void *ctx, struct record *r, uint64_t cgroup)
{
	const struct telling *t = ctx;

	r->wall_ns = t->wall_ns;
	teller_record(t->teller, r, cgroup);
}

bool replay_sums_over(const struct replay_sums *s, uint64_t wall_ns)
{
	return s->summary && s->window_ns && window_of(s, wall_ns) != s->window_ns;
}

void replay_sums_tick(struct replay_sums *s, uint64_t wall_ns, struct teller *t)
{
	uint64_t length = s->options->rollup_ns;
	struct telling telling = { t, s->window_ns + length };

	if (!s->summary)
		return;
	if (replay_sums_over(s, wall_ns))
		summary_tell(s->summary, length, tell, &telling);
	s->window_ns = window_of(s, wall_ns);
	if (wall_ns > s->latest_ns)
		s->latest_ns = wall_ns;
}

void replay_sums_end(struct replay_sums *s, struct teller *t)
{
	struct telling telling = { t, s->latest_ns };
	uint64_t length = s->latest_ns > s->window_ns ? s->latest_ns - s->window_ns : 1;

	if (s->summary)
		summary_tell(s->summary, length, tell, &telling);
}

bool replay_sums_due(const struct replay_sums *s)
{
	return s->metrics && monotonic_ns() >= s->due_ns;
}

static void add(struct stream_totals *to, const struct stream_totals *from)
{
	uint64_t *sums = (uint64_t *)to;
	const uint64_t *more = (const uint64_t *)from;

	/* All members are uint64_t: struct stream_totals says so. */
	for (size_t i = 0; i < sizeof(*to) / sizeof(*sums); i++)
		sums[i] += more[i];
}

int replay_sums_write(struct replay_sums *s, const struct stream_info *info,
		      const struct stream_totals *totals)
{
	struct stream_totals all = s->before;
	struct metrics_own own = { .info = info && info->version ? info : NULL, .totals = &all,
				   .started_ns = s->started_ns, .recorded = true };

	if (!s->metrics)
		return 0;
	if (totals)
		add(&all, totals);
	s->due_ns = monotonic_ns() + s->options->metrics_ns;
	return sink_metrics_write(s->metrics, &own);
}

int replay_sums_write_last(struct replay_sums *s, const struct stream_info *info,
			   const struct stream_totals *totals)
{
	int err = replay_sums_write(s, info, totals);

	add(&s->before, totals);
	return err;
}
