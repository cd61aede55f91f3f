// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accept_rates.h"
#include "btfnames.h"
#include "cgroup.h"
#include "droppoll.h"
#include "failed_calls.h"
#include "filter_push.h"
#include "fold.h"
#include "gauges.h"
#include "lives.h"
#include "monotonic.h"
#include "portfill.h"
#include "queue.h"
#include "recorder.h"
#include "ringfill.h"
#include "rollup.h"
#include "sink_metrics.h"
#include "stall_watch.h"
#include "stream.h"
#include "summary.h"
#include "teller.h"
#include "twpoll.h"

#define SECOND_NS	1000000000ULL
#define HEARTBEAT_NS	(60 * SECOND_NS)
#define LOOK_NS		(10 * SECOND_NS)
/* Records taken from the ring before they are told, so that they are still in the cache
 * then: 64k of them at once cost a tenth more (tools/bench --replay). */
#define BITE		1024
#define BITES_MAX	64	/* before something else is looked at */

struct pipeline {
	const struct options *options;
	struct loader *loader;
	struct queue *queue;
	size_t bite;			/* the queue's length to stop at */
	struct rollup *rollup;
	struct droppoll *droppoll;	/* NULL: hooks tell it, or nobody asked */
	uint64_t droppoll_ns;		/* CLOCK_MONOTONIC: the last look, and the next */
	uint64_t droppoll_due_ns;
	struct stall_watch *stalls;	/* NULL: nobody asked, or it cannot be seen */
	struct lives *lives;
	struct failed_calls *failed_calls;
	struct accept_rates *accept_rates;
	bool folds;			/* connect() without ports, for people */
	struct twpoll *twpoll;		/* NULL: hooks tell it, or nobody asked */
	struct cgroups *cgroups;
	struct btfnames *reasons;
	struct output *out;
	struct recorder *recorder;	/* NULL: none */
	uint64_t look_ns;		/* CLOCK_MONOTONIC: when listeners are recorded next */
	struct teller *teller;
	struct stream_counts *counts;	/* the teller's */
	struct stream *stream;
	struct stream_totals told;	/* when the last `lost` record went out */
	uint64_t started_ns;		/* CLOCK_MONOTONIC, as the next two */
	struct sink_metrics *metrics;	/* NULL: not asked for */
	struct summary *summary;	/* NULL: not asked for */
	uint64_t summary_ns;		/* CLOCK_MONOTONIC: when its window began */
	struct ringfill ringfill;
	double fill;			/* highest since the file was written */
	struct gauges gauges;
	uint64_t metrics_ns;		/* CLOCK_MONOTONIC: when it is written next */
	int metrics_err;		/* of the last try; told when it changes */
	uint64_t second_ns;
	uint64_t heartbeat_ns;
};

static uint64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static const char *reset_reason(void *ctx, uint32_t reason)
{
	struct pipeline *p = ctx;

	return p->reasons ? btfnames_get(p->reasons, reason) : NULL;
}

static void tell(struct pipeline *p, const struct ev_head *head)
{
	teller_event(p->teller, head);
}

/* What a mini-socket's move says of the connection that it was. */
static void end_life(struct pipeline *p, const struct ev_timewait *ev)
{
	const struct ev_connection *c = lives_end(p->lives, ev);

	if (c)
		tell(p, &c->end.head);
}

static void tell_polled(void *ctx, const struct ev_timewait *ev)
{
	struct pipeline *p = ctx;

	if (ev->from == EVS_FIN_WAIT2)
		loader_forget(p->loader, ev->sock.cookie);
	tell(p, &ev->head);
	end_life(p, ev);
}

static void tell_timewait(struct pipeline *p, const struct ev_timewait *ev)
{
	if (p->twpoll && ev->to == EVS_TIME_WAIT)
		twpoll_moved(p->twpoll, ev);
	tell(p, &ev->head);
	end_life(p, ev);
}

/* Its last transition was told; unless a mini-socket goes on in FIN-WAIT-2. */
static void tell_connection(struct pipeline *p, const struct ev_connection *c)
{
	if (!cause_of_state(&c->end).silent) {
		tell(p, &c->end.head);
		return;
	}
	if (p->twpoll && !(p->options->made & EVENTS_STATE))
		twpoll_begin(p->twpoll, &c->end, EVS_FIN_WAIT2);
	c = lives_keep(p->lives, c);
	if (c)
		tell(p, &c->end.head);
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

/* The kernel's hook saw it: the counters are not to tell it again. */
static void seen_drop(struct pipeline *p, const struct ev_drop *e)
{
	if (p->droppoll && e->reason != EVD_COOKIE)
		droppoll_told(p->droppoll, e->sock.cookie, e->sock.netns, e->reason, 1);
}

bool pipeline_take(void *ctx, const void *data, size_t size)
{
	struct pipeline *p = ctx;

	if (!queue_push(p->queue, data, size))
		p->counts->malformed++;
	else if (((const struct ev_head *)data)->kind == EV_DROP)
		seen_drop(p, data);
	else if (portfill_listens(data))
		p->bite = QUEUE_RECORDS_MAX;	/* with what is behind it */
	return queue_len(p->queue) < p->bite;
}

/* At most so many, or what the queue (the oldest may wait for its port) has room for:
 * what the ring hands on is gone from it. Returns how many came. */
static size_t consume(struct pipeline *p, size_t most)
{
	size_t before = queue_len(p->queue), room = QUEUE_RECORDS_MAX - before;

	p->bite = before + (most < room ? most : room);
	if (room)
		loader_consume(p->loader);
	return queue_len(p->queue) - before;
}

/* In the middle of something that takes long: the ring's room is given back. */
static void breathe(void *ctx)
{
	consume(ctx, QUEUE_RECORDS_MAX);
}

static int ask_ports(void *ctx, struct portfill_slot *slots, size_t len)
{
	struct pipeline *p = ctx;

	return loader_portfill(p->loader, slots, len);
}

/* Unless something was lost: it may be the very record that had the port. */
static bool refuses(const struct pipeline *p)
{
	return p->options->filter.atoms_len && !p->told.lost;
}

static bool no_port_told(void *ctx, uint32_t pid)
{
	struct pipeline *p = ctx;

	return failed_calls_no_port(p->failed_calls, pid, realtime_ns());
}

static void release(struct pipeline *p, size_t n)
{
	struct fold_made made = {
		.states = p->options->made & EVENTS_STATE,
		.lives = p->options->made & (EVENTS_CONNECTION | EVENTS_FAILED),
	};

	if (p->folds)
		fold_no_ports(p->queue, n, made, no_port_told, p);
	for (size_t i = 0; i < n; i++) {
		struct ev_head *head = queue_at(p->queue, i);

		if (!head->kind)
			p->counts->deselected++;
		else if (head->kind == EV_STATE)
			tell_state(p, (const void *)head);
		else if (head->kind == EV_TIMEWAIT)
			tell_timewait(p, (const void *)head);
		else if (head->kind == EV_CONNECTION)
			tell_connection(p, (const void *)head);
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
	p->counts->held_back += r.count;
	if (p->droppoll && r.kind == REC_DROP)
		droppoll_told(p->droppoll, r.cookie, r.netns, r.drop.reason, r.count);
	r.wall_ns = realtime_ns();
	teller_sum(p->teller, &r, key->kind == EV_LIMIT ? bucket->sock.cgroup : 0, key->reason);
}

void pipeline_totals(struct pipeline *p, struct stream_totals *out, uint64_t *uptime_ns)
{
	struct kernel_counters kernel;

	loader_counters(p->loader, &kernel);
	p->counts->refused = output_lines_lost(p->out);
	if (p->recorder)
		p->counts->refused += recorder_lost(p->recorder);
	p->counts->untracked = p->twpoll ? twpoll_unseen(p->twpoll) : 0;
	totals_of(&kernel, p->counts, out);
	*uptime_ns = monotonic_ns() - p->started_ns;
}

static void tell_stream(struct pipeline *p, enum record_kind kind,
			const struct stream_totals *totals, uint64_t uptime_ns)
{
	struct record r = {
		.kind = kind, .count = 1, .totals = totals, .uptime_ns = uptime_ns,
		.wall_ns = realtime_ns(), .info = stream_info(p->stream),
	};

	teller_stream(p->teller, &r);
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

	pipeline_totals(p, &totals, &uptime);
	teller_budget(p->teller, realtime_ns(), totals.lost);
}

static void tell_held_back(struct pipeline *p, uint64_t now)
{
	rollup_begin(p->rollup, loader_round(p->loader, now), now);
	loader_buckets(p->loader, tell_bucket, p);
}

/* No hook sees listen() on a listener: two looks do. */
static void tell_relisten(struct pipeline *p, const struct listening *l, uint32_t before)
{
	const struct way *way = loader_outcomes(p->loader)[FACT_RELISTEN].way;
	struct ev_listener e = {
		.head = { .ts_ns = monotonic_ns(), .kind = EV_LISTENER, .method = EVM_POLL,
			  .size = sizeof(e) },
		.sock = l->sock, .backlog = l->queues.backlog, .before = before,
		.accept_queue = l->queues.accept_queue,
	};

	if (before != l->queues.backlog && way && way->method == EVM_POLL)
		teller_event(p->teller, &e.head);
}

static void polled_listener(void *ctx, const struct listening *l)
{
	struct pipeline *p = ctx;

	tell_relisten(p, l, droppoll_backlog(p->droppoll, l->sock.cookie, l->queues.backlog));
	/* Without memory it is not followed: what it refuses is told without it. */
	droppoll_listener(p->droppoll, l);
}

static void polled_netns(void *ctx, uint32_t netns, const struct netns_count *count,
			 const struct netns_count *born)
{
	struct pipeline *p = ctx;

	droppoll_netns(p->droppoll, netns, count, born);
}

static void polled_end(void *ctx, uint32_t netns, const struct netns_count *count,
		       const struct netns_count *born)
{
	struct pipeline *p = ctx;

	droppoll_ended(p->droppoll, netns, count, born);
}

static void tell_made(void *ctx, struct record *r, uint64_t cgroup)
{
	struct pipeline *p = ctx;

	r->wall_ns = realtime_ns();
	teller_sum(p->teller, r, cgroup, 0);
}

/* A look takes about 4 us a listener: at most a hundredth of the time. */
static void poll_drops(struct pipeline *p, uint64_t now)
{
	uint64_t took;

	droppoll_look(p->droppoll);
	if (loader_listeners(p->loader, polled_listener, p))
		return;
	loader_netns_counts(p->loader, polled_netns, p);
	loader_netns_ended(p->loader, polled_end, p);
	took = monotonic_ns() - now;
	droppoll_looked(p->droppoll, now - p->droppoll_ns, tell_made, p);
	p->droppoll_ns = now;
	p->droppoll_due_ns = now + (100 * took > p->options->poll_ns ? 100 * took :
								     p->options->poll_ns);
}

static void tell_sum(void *ctx, struct record *r, uint64_t cgroup)
{
	struct pipeline *p = ctx;

	r->wall_ns = realtime_ns();
	teller_record(p->teller, r, cgroup);
}

static void tell_summary(struct pipeline *p, uint64_t now)
{
	summary_tell(p->summary, now - p->summary_ns, tell_sum, p);
	p->summary_ns = now;
}

static void record_listener(void *ctx, const struct listening *l)
{
	struct pipeline *p = ctx;

	recorder_listening(p->recorder, l);
}

static void record_netns(void *ctx, uint32_t netns, const struct netns_count *count,
			 const struct netns_count *born)
{
	struct pipeline *p = ctx;

	(void)born;
	recorder_netns(p->recorder, netns, count);
}

/* For the listeners command: at most a hundredth of the time, too. */
static void record_look(struct pipeline *p, uint64_t now)
{
	uint64_t took;

	/* One that broke off is no look: it is not ended as one. */
	p->look_ns = now + LOOK_NS;
	if (loader_listeners(p->loader, record_listener, p))
		return;
	loader_netns_counts(p->loader, record_netns, p);
	recorder_looked(p->recorder, realtime_ns());
	took = monotonic_ns() - now;
	if (100 * took > LOOK_NS)
		p->look_ns = now + 100 * took;
}

/* 0 or -errno. */
static int write_metrics(struct pipeline *p, uint64_t now)
{
	struct stream_totals totals;
	struct metrics_own own = { .totals = &totals, .ring_fill = p->fill };
	uint64_t uptime;

	gauges_look(&p->gauges, breathe, p);
	own.gauges = &p->gauges;
	pipeline_totals(p, &totals, &uptime);
	own.info = stream_info(p->stream);
	own.started_ns = realtime_ns() - uptime;
	p->metrics_ns = now + p->options->metrics_ns;
	p->fill = 0;
	return sink_metrics_write(p->metrics, &own);
}

/* One that cannot be written later must not end the trace. */
static void renew_metrics(struct pipeline *p, uint64_t now)
{
	int err = write_metrics(p, now);

	if (err && err != p->metrics_err)
		fprintf(stderr, "tcptrail: cannot write %.256s: %s\n", p->options->metrics_file,
			strerror(-err));
	p->metrics_err = err;
}

static void look_at_fill(struct pipeline *p)
{
	double fill = ringfill_now(&p->ringfill);

	if (p->metrics && (fill > p->fill || fill < 0))
		p->fill = fill;
}

static void every_second(struct pipeline *p, uint64_t now)
{
	tell_held_back(p, now);
	tell_lost(p);
	tell_budget(p);
	if (now >= p->heartbeat_ns) {
		p->heartbeat_ns = now + HEARTBEAT_NS;
		loader_census(p->loader);
		tell_totals(p, REC_HEARTBEAT);
	}
	if (p->summary && now >= p->summary_ns + p->options->rollup_ns)
		tell_summary(p, now);
	if (p->metrics && now >= p->metrics_ns)
		renew_metrics(p, now);
}

/* Takes and tells; true: there may be more. Then no record has waited long enough for
 * its port, however old it is: what says it may be in the ring. */
static bool take_bite(struct pipeline *p)
{
	bool more = consume(p, BITE) >= BITE, full = queue_full(p->queue);
	uint64_t now = more && !full ? 0 : monotonic_ns();

	release(p, portfill_run(p->queue, ask_ports, p, now, refuses(p)));
	return more || full;
}

/* Takes what the ring has. Returns up to when all that happened is told (CLOCK_MONOTONIC);
 * 0: there is too much. */
static uint64_t take(struct pipeline *p)
{
	uint64_t began = monotonic_ns();
	int bites = 0;

	while (take_bite(p))
		if (++bites == BITES_MAX)
			return 0;
	return queue_len(p->queue) ? queue_at(p->queue, 0)->ts_ns : began;
}

void pipeline_turn(struct pipeline *p)
{
	uint64_t now, told;

	wallclock_refresh(teller_clock(p->teller));
	look_at_fill(p);
	told = take(p);
	now = monotonic_ns();
	if (p->twpoll)
		twpoll_tick(p->twpoll, now, told);
	if (now >= p->second_ns) {
		p->second_ns = now + SECOND_NS;
		every_second(p, now);
	}
	/* After the ring and the buckets: what hooks told is known by then. */
	if (p->droppoll && now >= p->droppoll_due_ns) {
		tell_held_back(p, monotonic_ns());
		poll_drops(p, now);
	}
	if (p->stalls)
		stall_watch_tick(p->stalls, now, tell_made, p);
	if (p->recorder && now >= p->look_ns)
		record_look(p, now);
	if (p->recorder)
		recorder_tick(p->recorder, now);
	output_flush(p->out);
}

void pipeline_stop(struct pipeline *p)
{
	loader_census(p->loader);
	if (p->recorder)
		record_look(p, monotonic_ns());
	/* Twice: the patient tell a look's drops at the next. */
	for (int i = 0; p->droppoll && i < 2; i++) {
		pipeline_turn(p);
		tell_held_back(p, monotonic_ns());
		poll_drops(p, monotonic_ns());
	}
}

/* All that the ring has left: what waits for a port may have it from what is behind, and
 * goes as it is when nothing is. */
static void take_rest(struct pipeline *p)
{
	size_t came, ready;
	bool full;

	do {
		came = consume(p, QUEUE_RECORDS_MAX);
		full = queue_full(p->queue);
		ready = portfill_run(p->queue, ask_ports, p, full ? monotonic_ns() : 0, refuses(p));
		release(p, full ? queue_len(p->queue) : ready);
	} while (came || full);
	portfill_run(p->queue, ask_ports, p, monotonic_ns(), refuses(p));
	release(p, queue_len(p->queue));
}

void pipeline_finish(struct pipeline *p)
{
	wallclock_refresh(teller_clock(p->teller));
	take_rest(p);
	if (p->twpoll)
		twpoll_last(p->twpoll);
	/* Twice: a program of the round before may have counted after it was read. */
	tell_held_back(p, monotonic_ns());
	tell_held_back(p, monotonic_ns());
	if (p->summary)
		tell_summary(p, monotonic_ns());
	tell_lost(p);
	tell_totals(p, REC_STOP);
	if (p->metrics)
		renew_metrics(p, monotonic_ns());
	if (p->recorder)
		recorder_flush(p->recorder);
	output_flush(p->out);
}

bool pipeline_enters_netns(const struct pipeline *p)
{
	return p->twpoll;
}

bool pipeline_done(const struct pipeline *p)
{
	return teller_done(p->teller);
}

void pipeline_record(struct pipeline *p, uint32_t stream, const char *host)
{
	struct recorder_run run = {
		.stream = stream, .wall_ns = realtime_ns(), .host = host,
		.info = stream_info(p->stream), .clock = teller_clock(p->teller),
		.cgroups = p->cgroups, .reset_reason = reset_reason, .ctx = p,
	};

	recorder_begin(p->recorder, &run);
}

int pipeline_start(struct pipeline *p)
{
	struct stream_totals none = { 0 };
	int err = p->metrics ? write_metrics(p, p->started_ns) : 0;

	if (err)
		return err;
	tell_stream(p, REC_START, &none, 0);
	output_flush(p->out);
	return 0;
}

static bool by_kprobe(const struct pipeline *p)
{
	const struct way *way = loader_outcomes(p->loader)[FACT_DROP_SYN].way;

	return way && way->method == EVM_KPROBE;
}

/* No hook sees a refused SYN, or one that may be skipped; what a filter left out there
 * the counters have as well. */
static bool polls_drops(const struct pipeline *p)
{
	const struct outcome *outcomes = loader_outcomes(p->loader);
	char unused[OPTIONS_FILTER_LEN];

	if (!(p->options->made & EVENTS_DROP) || !outcomes[FACT_LISTENERS].way)
		return false;
	return by_kprobe(p) ? !options_filter_text(p->options, unused) :
			      !outcomes[FACT_DROP_SYN].way;
}

bool pipeline_attach(struct pipeline *p, struct loader *loader)
{
	const struct outcome *outcomes = loader_outcomes(loader);
	const struct way *left = outcomes[FACT_TW_LEFT].way;

	p->folds = !strcmp(p->options->output, "text") && p->options->events & EVENTS_LIMIT &&
		   outcomes[FACT_LIMIT_CONNECT].way && !p->recorder && !p->options->metrics_file &&
		   !(p->options->made & EVENTS_SUMMARY);
	p->loader = loader;
	p->started_ns = monotonic_ns();
	p->second_ns = p->started_ns + SECOND_NS;
	p->heartbeat_ns = p->started_ns + HEARTBEAT_NS;
	p->summary_ns = p->started_ns;
	rollup_begin(p->rollup, 0, p->started_ns);
	if (p->metrics)
		ringfill_open(&p->ringfill, loader_fd(loader), p->options->ring_size);
	wallclock_refresh(teller_clock(p->teller));
	p->reasons = btfnames_open(loader_btf(loader), "sk_rst_reason", "SK_RST_REASON_");
	p->stream = stream_open(p->options, outcomes);
	if (left && left->method == EVM_POLL &&
	    p->options->made & (EVENTS_STATE | EVENTS_CONNECTION | EVENTS_FAILED)) {
		p->twpoll = twpoll_open(tell_polled, breathe, p);
		if (!p->twpoll)
			return false;
	}
	if (polls_drops(p)) {
		p->droppoll = droppoll_open(by_kprobe(p));
		if (!p->droppoll)
			return false;
		loader_netns_watch(loader);
		poll_drops(p, p->started_ns);
	}
	if (p->options->made & EVENTS_STALL && outcomes[FACT_STALLS].way) {
		p->stalls = stall_watch_open(p->options, loader, breathe, p);
		if (!p->stalls)
			return false;
	}
	return p->stream;
}

/* What sees more than is told. */
static bool open_sums(struct pipeline *p, struct teller_options *to)
{
	const struct options *o = p->options;

	if (o->metrics_file)
		p->metrics = sink_metrics_open(o->metrics_file, o->made);
	if (o->events & EVENTS_SUMMARY)
		p->summary = summary_open();
	to->metrics = p->metrics;
	to->summary = p->summary;
	return (p->metrics || !o->metrics_file) && (p->summary || !(o->events & EVENTS_SUMMARY));
}

static void seen_cgroup(void *ctx, uint64_t id, const struct cgroup_info *cgroup)
{
	struct pipeline *p = ctx;

	filter_push_seen(&p->options->where, &p->options->filter, loader_cgroups(p->loader), id, cgroup);
}

static bool accepts_at(void *ctx, const struct listener_key *at, uint64_t until_ns,
		       struct accept_counts *counts)
{
	struct pipeline *p = ctx;

	return p->loader && loader_accepts_at(p->loader, at, until_ns, counts);
}

struct pipeline *pipeline_open(const struct options *o, struct output *out,
			       const struct sink_ops *ops, struct sink *sink,
			       struct recorder *recorder, bool budgeted)
{
	struct teller_options to = { .options = o, .out = out, .ops = ops, .sink = sink,
				     .recorder = recorder, .budgeted = budgeted };
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->options = o;
	p->out = out;
	p->recorder = recorder;
	p->queue = queue_open();
	p->rollup = rollup_open();
	p->cgroups = cgroup_open();
	p->lives = lives_open();
	p->failed_calls = failed_calls_open(true);
	p->accept_rates = accept_rates_open(accepts_at, p);
	to.cgroups = p->cgroups;
	to.failed_calls = p->failed_calls;
	to.accept_rates = p->accept_rates;
	to.seen_cgroup = o->filter.asks_cgroup ? seen_cgroup : NULL;
	to.seen_ctx = p;
	if (p->failed_calls && p->accept_rates && p->lives && p->queue && p->rollup && p->cgroups && open_sums(p, &to))
		p->teller = teller_open(&to);
	if (p->teller) {
		p->counts = teller_counts(p->teller);
		teller_reasons(p->teller, reset_reason, p);
		return p;
	}
	pipeline_close(p);
	return NULL;
}

void pipeline_close(struct pipeline *p)
{
	if (!p)
		return;
	teller_close(p->teller);
	sink_metrics_close(p->metrics);
	gauges_free(&p->gauges);
	summary_close(p->summary);
	ringfill_close(&p->ringfill);
	queue_close(p->queue);
	rollup_close(p->rollup);
	lives_close(p->lives);
	failed_calls_close(p->failed_calls);
	accept_rates_close(p->accept_rates);
	twpoll_close(p->twpoll);
	droppoll_close(p->droppoll);
	stall_watch_close(p->stalls);
	cgroup_close(p->cgroups);
	btfnames_close(p->reasons);
	stream_close(p->stream);
	free(p);
}
