// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "teller.h"

#include <stdio.h>
#include <stdlib.h>

#include "accept_rates.h"
#include "budget.h"
#include "cgroup.h"
#include "decode.h"
#include "failed_calls.h"
#include "monotonic.h"
#include "rec_codec.h"
#include "recorder.h"
#include "sample.h"
#include "select.h"
#include "sink_metrics.h"
#include "stall_record.h"
#include "summary.h"

struct teller {
	struct teller_options to;
	struct wallclock clock;
	teller_reason_fn reason;
	void *reason_ctx;
	struct decode_env env;
	struct budget budget;
	struct stream_counts counts;
	bool filtered;			/* there is a filter, of which user space does a part */
	bool raw;			/* recorded and nothing else: nobody looks into it */
	uint64_t wanted;		/* -c, records left; UINT64_MAX: no limit */
};

static uint64_t env_wall_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	struct teller *t = ctx;

	return wallclock_ns(&t->clock, mono_ns, tai_ns);
}

static const char *env_reset_reason(void *ctx, uint32_t reason)
{
	struct teller *t = ctx;

	return t->reason ? t->reason(t->reason_ctx, reason) : NULL;
}

struct teller *teller_open(const struct teller_options *to)
{
	char unused[OPTIONS_FILTER_LEN];
	struct teller *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->to = *to;
	t->filtered = options_filter_text(to->options, unused);
	t->raw = to->recorder && !t->filtered && !to->metrics &&
		 !to->summary && to->ops == &sink_none;
	t->wanted = to->options->count ? to->options->count : UINT64_MAX;
	t->env = (struct decode_env){ env_wall_ns, env_reset_reason, t };
	return t;
}

void teller_close(struct teller *t)
{
	free(t);
}

struct wallclock *teller_clock(struct teller *t)
{
	return &t->clock;
}

void teller_reasons(struct teller *t, teller_reason_fn fn, void *ctx)
{
	t->reason = fn;
	t->reason_ctx = ctx;
}

void teller_stream(struct teller *t, const struct record *r)
{
	if (t->to.recorder)
		recorder_stream(t->to.recorder, r);
	t->to.ops->write(t->to.sink, r);
}

/* What is found out elsewhere: a recording has it. */
static void complete(struct teller *t, struct record *r)
{
	if (r->kind == REC_LIMIT)
		failed_calls_complete(t->to.failed_calls, r);
	else if (r->kind == REC_DROP)
		accept_rates_complete(t->to.accept_rates, r, monotonic_ns());
}

static void record_completed(struct teller *t, const struct record *r, const struct ev_head *head)
{
	if (r->kind == REC_LIMIT)
		recorder_limit(t->to.recorder, &r->limit);
	else if (r->kind == REC_DROP)
		recorder_accepts(t->to.recorder, &r->drop, r->has & HAS_SYNS);
	recorder_event(t->to.recorder, head);
}

static void enrich(struct teller *t, struct record *r, uint64_t cgroup)
{
	if (cgroup)
		r->cgroup = cgroup_find(t->to.cgroups, cgroup);
	if (r->cgroup)
		r->has |= HAS_CGROUP;
}

static bool passes(struct teller *t, struct record *r, uint64_t cgroup)
{
	/* Else what is left out costs less. */
	if (select_needs_cgroup(t->to.options))
		enrich(t, r, cgroup);
	if (t->to.seen_cgroup && r->cgroup)
		t->to.seen_cgroup(t->to.seen_ctx, cgroup, r->cgroup);
	if (select_filter(t->to.options, r))
		return true;
	t->counts.deselected++;
	return false;
}

static void told(struct teller *t)
{
	t->counts.printed++;
	if (t->wanted != UINT64_MAX)
		t->wanted--;
}

/* What passes the filter: enrich, select its kind, tell. */
static void deliver(struct teller *t, struct record *r, uint64_t cgroup)
{
	if (!r->cgroup)
		enrich(t, r, cgroup);
	if (t->to.metrics)
		sink_metrics_take(t->to.metrics, r);
	if (t->to.summary)
		summary_take(t->to.summary, r, cgroup);
	if (!select_kind(t->to.options, r) || !sample_record(r, t->to.options->sample)) {
		t->counts.deselected++;
		return;
	}
	if (r->kind == REC_STATE && r->cause == CAUSE_UNKNOWN)
		t->counts.unknown_cause++;
	if (t->to.budgeted && !budget_show(&t->budget, r)) {
		t->counts.hidden++;
		return;
	}
	if (t->to.ops->write(t->to.sink, r))
		told(t);
	else if (t->wanted != UINT64_MAX)
		t->wanted--;
}

/* A recording has what the kernel side sent; with a filter, what passes it. */
void teller_event(struct teller *t, const struct ev_head *head)
{
	uint64_t cgroup = ((const struct ev_state *)head)->sock.cgroup;
	/* Rare, and completed from what is elsewhere: that is recorded before it. */
	bool rare = head->kind == EV_LIMIT || head->kind == EV_DROP;
	struct record r;

	if (!t->wanted)
		return;
	if (t->to.recorder && !t->filtered && !rare)
		recorder_event(t->to.recorder, head);
	if (t->raw && !rare) {
		told(t);
		return;
	}
	if (!decode(head, &t->env, &r) || !passes(t, &r, cgroup))
		return;
	complete(t, &r);
	if (t->to.recorder && (t->filtered || rare))
		record_completed(t, &r, head);
	if (r.kind == REC_DROP)
		failed_calls_explain(t->to.failed_calls, &r);
	deliver(t, &r, cgroup);
}

void teller_record(struct teller *t, struct record *r, uint64_t cgroup)
{
	if (t->wanted)
		deliver(t, r, cgroup);
}

static void record_stall(struct teller *t, const struct record *r)
{
	struct rec_stall stall;

	stall_record_to(r, &stall);
	recorder_stall(t->to.recorder, &stall);
}

void teller_sum(struct teller *t, struct record *r, uint64_t cgroup, uint32_t reason)
{
	struct rec_sum sum;

	if (!t->wanted)
		return;
	if (r->kind == REC_RESET && reason)
		r->reason = env_reset_reason(t, reason);
	if (r->reason)
		r->has |= HAS_REASON;
	if (!passes(t, r, cgroup))
		return;
	complete(t, r);
	if (t->to.recorder && r->kind == REC_STALL)
		record_stall(t, r);
	else if (t->to.recorder && rec_sum_of(r, reason, cgroup, &sum))
		recorder_sum(t->to.recorder, &sum);
	if (r->kind == REC_DROP)
		failed_calls_explain(t->to.failed_calls, r);
	deliver(t, r, cgroup);
}

void teller_budget(struct teller *t, uint64_t wall_ns, uint64_t lost)
{
	char line[256];
	char *room;
	int n;

	if (!t->to.budgeted || !budget_summary(&t->budget, wall_ns, lost, line, sizeof(line)))
		return;
	room = output_reserve(t->to.out, sizeof(line) + 32);
	if (!room)
		return;
	n = snprintf(room, sizeof(line) + 32, "%22s%s\n", "", line);
	output_commit(t->to.out, n);
}

struct stream_counts *teller_counts(struct teller *t)
{
	return &t->counts;
}

bool teller_done(const struct teller *t)
{
	return !t->wanted;
}
