/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * teller.h - what becomes of one event: decode -> enrich -> select -> sinks. The
 * same whether it comes from the ring (pipeline.h) or from a recording.
 */
#ifndef TCPTRAIL_TELLER_H
#define TCPTRAIL_TELLER_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "sink.h"
#include "totals.h"
#include "wallclock.h"

struct accept_rates;
struct cgroups;
struct failed_calls;
struct recorder;
struct sink_metrics;
struct summary;
struct teller;

struct teller_options {
	const struct options *options;
	struct output *out;		/* the sink's */
	const struct sink_ops *ops;
	struct sink *sink;
	struct recorder *recorder;	/* NULL: none */
	struct cgroups *cgroups;
	struct failed_calls *failed_calls;
	struct accept_rates *accept_rates;
	bool budgeted;			/* what a terminal bears, budget.h */
	/* Of each record with a cgroup, where the filter asks for it; NULL: nobody listens. */
	void (*seen_cgroup)(void *ctx, uint64_t id, const struct cgroup_info *cgroup);
	void *seen_ctx;
	/* See what -e, --sample and a terminal do not show; NULL: none. */
	struct sink_metrics *metrics;
	struct summary *summary;
};

/* All that `to` points to stays the caller's, and outlives it. NULL: no memory. */
struct teller *teller_open(const struct teller_options *to);
void teller_close(struct teller *t);

/* The clock that times of events are turned into a person's by. */
struct wallclock *teller_clock(struct teller *t);

/* The name of a reset reason on the kernel that the events are of, or NULL. */
typedef const char *(*teller_reason_fn)(void *ctx, uint32_t reason);
void teller_reasons(struct teller *t, teller_reason_fn fn, void *ctx);

/* One event, as queue_push() takes it. */
void teller_event(struct teller *t, const struct ev_head *head);

/* One that no event was: what was held back, or polled, or is stuck. `cgroup` is an id, `reason` the
 * number of a reset's, 0: none. */
void teller_sum(struct teller *t, struct record *r, uint64_t cgroup, uint32_t reason);

/* One that was made of others: it was selected, and is not recorded. */
void teller_record(struct teller *t, struct record *r, uint64_t cgroup);

/* Of the stream itself: start, heartbeat, lost, stop. */
void teller_stream(struct teller *t, const struct record *r);

/* The line of what a terminal was spared, once a second. */
void teller_budget(struct teller *t, uint64_t wall_ns, uint64_t lost);

/* What it counts; the rest of it is the caller's to count. */
struct stream_counts *teller_counts(struct teller *t);

/* -c: that many records were told. */
bool teller_done(const struct teller *t);

#endif /* TCPTRAIL_TELLER_H */
