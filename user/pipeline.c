// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "btfnames.h"
#include "budget.h"
#include "cgroup.h"
#include "decode.h"
#include "droppoll.h"
#include "portfill.h"
#include "queue.h"
#include "rollup.h"
#include "select.h"
#include "stream.h"
#include "twpoll.h"
#include "wallclock.h"

#define SECOND_NS	1000000000ULL
#define HEARTBEAT_NS	(60 * SECOND_NS)

struct pipeline {
	const struct options *options;
	struct loader *loader;
	struct queue *queue;
	struct rollup *rollup;
	struct droppoll *droppoll;	/* NULL: hooks tell it, or nobody asked */
	uint64_t droppoll_ns;		/* CLOCK_MONOTONIC: the last look, and the next */
	uint64_t droppoll_due_ns;
	struct twpoll *twpoll;		/* NULL: hooks tell it, or nobody asked */
	struct cgroups *cgroups;
	struct btfnames *reasons;
	struct wallclock clock;
	struct decode_env env;
	struct output *out;
	const struct sink_ops *ops;
	struct sink *sink;
	bool budgeted;
	struct budget budget;
	struct stream_counts counts;
	struct stream *stream;
	struct stream_totals told;	/* when the last `lost` record went out */
	uint64_t wanted;		/* -c, records left; UINT64_MAX: no limit */
	uint64_t started_ns;		/* CLOCK_MONOTONIC, as the next two */
	uint64_t second_ns;
	uint64_t heartbeat_ns;
};

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static uint64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static uint64_t env_wall_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	struct pipeline *p = ctx;

	return wallclock_ns(&p->clock, mono_ns, tai_ns);
}

static const char *env_reset_reason(void *ctx, uint32_t reason)
{
	struct pipeline *p = ctx;

	return p->reasons ? btfnames_get(p->reasons, reason) : NULL;
}

static void write_record(struct pipeline *p, const struct record *r)
{
	if (p->ops->write(p->sink, r) && r->kind < REC_START)
		p->counts.printed += 1;
}

/* Enrich, select, tell. */
static void deliver(struct pipeline *p, struct record *r, uint64_t cgroup)
{
	if (!p->wanted)
		return;
	if (!select_record(p->options, r)) {
		p->counts.deselected++;
		return;
	}
	if (cgroup)
		r->cgroup = cgroup_find(p->cgroups, cgroup);
	if (r->cgroup)
		r->has |= HAS_CGROUP;
	if (r->kind == REC_STATE && r->cause == CAUSE_UNKNOWN)
		p->counts.unknown_cause++;
	if (p->budgeted && !budget_show(&p->budget, r)) {
		p->counts.hidden++;
		return;
	}
	write_record(p, r);
	if (p->wanted != UINT64_MAX)
		p->wanted--;
}

static void tell(struct pipeline *p, const struct ev_head *head)
{
	struct record r;

	if (decode(head, &p->env, &r))
		deliver(p, &r, ((const struct ev_state *)head)->sock.cgroup);
}

static void tell_polled(void *ctx, const struct ev_timewait *ev)
{
	struct pipeline *p = ctx;

	if (ev->from == EVS_FIN_WAIT2)
		loader_forget(p->loader, ev->sock.cookie);
	tell(p, &ev->head);
}

static void tell_timewait(struct pipeline *p, const struct ev_timewait *ev)
{
	if (p->twpoll && ev->to == EVS_TIME_WAIT)
		twpoll_moved(p->twpoll, ev);
	tell(p, &ev->head);
}

/* What the poller of mini-sockets has to know: a connection that takes over the
 * addresses before it is told, a mini-socket that begins after. */
static void tell_state(struct pipeline *p, const struct ev_state *e)
{
	struct cause_verdict v;

	if (!p->twpoll) {
		tell(p, &e->head);
		return;
	}
	if (e->to == EVS_SYN_SENT || e->to == EVS_ESTABLISHED)
		twpoll_reused(p->twpoll, e);
	tell(p, &e->head);
	if (e->to != EVS_CLOSE)
		return;
	v = cause_of_state(e);
	if (v.silent)
		twpoll_begin(p->twpoll, e, EVS_FIN_WAIT2);
	else if (v.to == EVS_TIME_WAIT)
		twpoll_begin(p->twpoll, e, EVS_TIME_WAIT);
}

bool pipeline_take(void *ctx, const void *data, size_t size)
{
	struct pipeline *p = ctx;

	if (!queue_push(p->queue, data, size))
		p->counts.malformed++;
	return !queue_full(p->queue);
}

/* In the middle of something that takes long: the ring's room is given back. */
static void breathe(void *ctx)
{
	struct pipeline *p = ctx;

	if (!queue_full(p->queue))
		loader_consume(p->loader);
}

static int ask_ports(void *ctx, struct portfill_slot *slots, size_t len)
{
	struct pipeline *p = ctx;

	return loader_portfill(p->loader, slots, len);
}

/* The kernel's hook told it: the counters are not to tell it again. */
static void tell_drop(struct pipeline *p, const struct ev_drop *e)
{
	if (p->droppoll && e->reason != EVD_COOKIE)
		droppoll_told(p->droppoll, e->sock.cookie, e->sock.netns, 1);
	tell(p, &e->head);
}

static void release(struct pipeline *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ev_head *head = queue_at(p->queue, i);

		if (head->kind == EV_STATE)
			tell_state(p, (const void *)head);
		else if (head->kind == EV_TIMEWAIT)
			tell_timewait(p, (const void *)head);
		else if (head->kind == EV_DROP)
			tell_drop(p, (const void *)head);
		else
			tell(p, head);
	}
	queue_drop(p->queue, n);
}

static void tell_bucket(void *ctx, const struct ev_bucket_key *key,
			const struct ev_bucket *bucket)
{
	struct pipeline *p = ctx;
	struct record r;

	if (!rollup_bucket(p->rollup, key, bucket, &r))
		return;
	p->counts.held_back += r.count;
	if (p->droppoll && r.kind == REC_DROP)
		droppoll_told(p->droppoll, r.cookie, r.netns, r.count);
	r.wall_ns = realtime_ns();
	if (key->kind == EV_RESET && key->reason)
		r.reason = env_reset_reason(p, key->reason);
	if (r.reason)
		r.has |= HAS_REASON;
	deliver(p, &r, 0);
}

void pipeline_totals(struct pipeline *p, struct stream_totals *out, uint64_t *uptime_ns)
{
	struct kernel_counters kernel;

	loader_counters(p->loader, &kernel);
	p->counts.refused = output_lines_lost(p->out);
	p->counts.untracked = p->twpoll ? twpoll_unseen(p->twpoll) : 0;
	totals_of(&kernel, &p->counts, out);
	*uptime_ns = monotonic_ns() - p->started_ns;
}

static void tell_stream(struct pipeline *p, enum record_kind kind,
			const struct stream_totals *totals, uint64_t uptime_ns)
{
	struct record r = {
		.kind = kind, .count = 1, .totals = totals, .uptime_ns = uptime_ns,
		.wall_ns = realtime_ns(), .info = stream_info(p->stream),
	};

	write_record(p, &r);
}

static void tell_totals(struct pipeline *p, enum record_kind kind)
{
	struct stream_totals totals;
	uint64_t uptime;

	pipeline_totals(p, &totals, &uptime);
	tell_stream(p, kind, &totals, uptime);
}

/* At most one `lost` a second, with what was lost since the last. */
static void tell_lost(struct pipeline *p)
{
	struct stream_totals now, since;
	uint64_t uptime;

	pipeline_totals(p, &now, &uptime);
	totals_since(&now, &p->told, &since);
	if (!since.lost)
		return;
	tell_stream(p, REC_LOST, &since, uptime);
	p->told = now;
}

static void tell_budget(struct pipeline *p)
{
	struct stream_totals totals;
	uint64_t uptime;
	char line[256];
	char *room;
	int n;

	pipeline_totals(p, &totals, &uptime);
	if (!budget_summary(&p->budget, realtime_ns(), totals.lost, line, sizeof(line)))
		return;
	room = output_reserve(p->out, sizeof(line) + 32);
	if (!room)
		return;
	n = snprintf(room, sizeof(line) + 32, "%22s%s\n", "", line);
	output_commit(p->out, n);
}

static void tell_held_back(struct pipeline *p, uint64_t now)
{
	rollup_begin(p->rollup, loader_round(p->loader, now), now);
	loader_buckets(p->loader, tell_bucket, p);
}

static void polled_listener(void *ctx, const struct listening *l)
{
	struct pipeline *p = ctx;

	/* Without memory it is not followed: what it refuses is told without it. */
	droppoll_listener(p->droppoll, l);
}

static void polled_netns(void *ctx, uint32_t netns, const struct netns_count *count)
{
	struct pipeline *p = ctx;

	droppoll_netns(p->droppoll, netns, count);
}

static void tell_polled_drop(void *ctx, struct record *r, uint64_t cgroup)
{
	struct pipeline *p = ctx;

	r->wall_ns = realtime_ns();
	deliver(p, r, cgroup);
}

/* A look takes about 4 us a listener: at most a hundredth of the time. */
static void poll_drops(struct pipeline *p, uint64_t now)
{
	uint64_t took;

	droppoll_look(p->droppoll);
	if (loader_listeners(p->loader, polled_listener, p))
		return;
	loader_netns_counts(p->loader, polled_netns, p);
	took = monotonic_ns() - now;
	droppoll_looked(p->droppoll, now - p->droppoll_ns, tell_polled_drop, p);
	p->droppoll_ns = now;
	p->droppoll_due_ns = now + (100 * took > p->options->poll_ns ? 100 * took :
								     p->options->poll_ns);
}

static void every_second(struct pipeline *p, uint64_t now)
{
	tell_held_back(p, now);
	tell_lost(p);
	if (p->budgeted)
		tell_budget(p);
	if (now >= p->heartbeat_ns) {
		p->heartbeat_ns = now + HEARTBEAT_NS;
		loader_census(p->loader);
		tell_totals(p, REC_HEARTBEAT);
	}
}

void pipeline_turn(struct pipeline *p)
{
	uint64_t now;

	wallclock_refresh(&p->clock);
	do {
		loader_consume(p->loader);
		now = monotonic_ns();
		release(p, portfill_run(p->queue, ask_ports, p, now));
	} while (queue_full(p->queue));
	if (p->twpoll)
		twpoll_tick(p->twpoll, now);
	if (now >= p->second_ns) {
		p->second_ns = now + SECOND_NS;
		every_second(p, now);
	}
	/* After the ring and the buckets: what hooks told is known by then. */
	if (p->droppoll && now >= p->droppoll_due_ns) {
		tell_held_back(p, now);
		poll_drops(p, now);
	}
	output_flush(p->out);
}

void pipeline_stop(struct pipeline *p)
{
	loader_census(p->loader);
	if (p->droppoll) {
		pipeline_turn(p);
		tell_held_back(p, monotonic_ns());
		poll_drops(p, monotonic_ns());
	}
}

void pipeline_finish(struct pipeline *p)
{
	wallclock_refresh(&p->clock);
	while (loader_consume(p->loader)) {
		portfill_run(p->queue, ask_ports, p, monotonic_ns());
		release(p, queue_len(p->queue));
	}
	release(p, queue_len(p->queue));
	/* Twice: a program of the round before may have counted after it was read. */
	tell_held_back(p, monotonic_ns());
	tell_held_back(p, monotonic_ns());
	tell_lost(p);
	tell_totals(p, REC_STOP);
	output_flush(p->out);
}

bool pipeline_done(const struct pipeline *p)
{
	return !p->wanted;
}

void pipeline_start(struct pipeline *p)
{
	struct stream_totals none = { 0 };

	tell_stream(p, REC_START, &none, 0);
	output_flush(p->out);
}

/* No hook sees a refused SYN. */
static bool polls_drops(const struct pipeline *p)
{
	const struct outcome *outcomes = loader_outcomes(p->loader);

	return p->options->events & EVENTS_DROP && !outcomes[FACT_DROP_SYN].way &&
	       outcomes[FACT_LISTENERS].way;
}

bool pipeline_attach(struct pipeline *p, struct loader *loader)
{
	const struct outcome *outcomes = loader_outcomes(loader);
	const struct way *left = outcomes[FACT_TW_LEFT].way;

	p->loader = loader;
	p->started_ns = monotonic_ns();
	p->second_ns = p->started_ns + SECOND_NS;
	p->heartbeat_ns = p->started_ns + HEARTBEAT_NS;
	rollup_begin(p->rollup, 0, p->started_ns);
	wallclock_refresh(&p->clock);
	p->reasons = btfnames_open(loader_btf(loader), "sk_rst_reason", "SK_RST_REASON_");
	p->stream = stream_open(p->options, outcomes);
	if (left && left->method == EVM_POLL && p->options->events & EVENTS_STATE) {
		p->twpoll = twpoll_open(tell_polled, breathe, p);
		if (!p->twpoll)
			return false;
	}
	if (polls_drops(p)) {
		p->droppoll = droppoll_open();
		if (!p->droppoll)
			return false;
		poll_drops(p, p->started_ns);
	}
	return p->stream;
}

struct pipeline *pipeline_open(const struct options *o, struct output *out,
			       const struct sink_ops *ops, struct sink *sink, bool budgeted)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->options = o;
	p->out = out;
	p->ops = ops;
	p->sink = sink;
	p->budgeted = budgeted;
	p->wanted = o->count ? o->count : UINT64_MAX;
	p->env = (struct decode_env){ env_wall_ns, env_reset_reason, p };
	p->queue = queue_open();
	p->rollup = rollup_open();
	p->cgroups = cgroup_open();
	if (p->queue && p->rollup && p->cgroups)
		return p;
	pipeline_close(p);
	return NULL;
}

void pipeline_close(struct pipeline *p)
{
	if (!p)
		return;
	queue_close(p->queue);
	rollup_close(p->rollup);
	twpoll_close(p->twpoll);
	droppoll_close(p->droppoll);
	cgroup_close(p->cgroups);
	btfnames_close(p->reasons);
	stream_close(p->stream);
	free(p);
}
