/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loader.h - the only door to the kernel: loads the BPF programs, attaches each
 * by itself, reads what they count. The one file that knows the skeleton.
 */
#ifndef TCPTRAIL_LOADER_H
#define TCPTRAIL_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "bpf/kernel_filter.h"
#include "bpf/listening.h"
#include "bpf/portfill.h"
#include "tiers.h"

struct btf;
struct loader;

struct loader_options {
	enum tier tier;			/* forced, or TIER_AUTO */
	bool no_syscalls;		/* no system call tracepoints */
	uint32_t ring_size;		/* bytes, a power of two */
	uint32_t sockets;		/* followed at a time; 0: as memory allows */
	struct kernel_filter filter;
	bool state, retransmit, data_retransmit, reset, error, drop, accept;	/* kinds wanted */
	uint64_t accept_over_ns;	/* accept: those that waited so long; 0: all */
	bool listeners;			/* loader_listeners() will be called */
	bool only_listeners;		/* and nothing else */
};

/* Why there is no tracer: one line for people, and the exit code. */
struct loader_failure {
	int exit_code;			/* 1, 3 (privilege) or 4 (kernel) */
	char what[512];
};

/* Cumulative since the attach. `vanished` is as of the last loader_census(). */
struct kernel_counters {
	uint64_t count[EVC_MAX];	/* enum ev_counter, summed over CPUs */
	uint64_t missed_1;		/* runs the kernel skipped: state program */
	uint64_t missed_2;		/* the same, understudy */
	uint64_t vanished;		/* sockets that ended while nothing was called */
	uint64_t missed_other;		/* the same, programs without an understudy */
};

/* Takes one record; false: stop here and come back (the record was taken). */
typedef bool (*loader_record_fn)(void *ctx, const void *data, size_t size);
/* One token bucket that held something back, ever. */
typedef void (*loader_bucket_fn)(void *ctx, const struct ev_bucket_key *key,
				 const struct ev_bucket *bucket);

/* Hooks first, then the snapshot of what was open. NULL: `why` says it. */
struct loader *loader_open(const struct loader_options *options, loader_record_fn fn, void *ctx,
			   struct loader_failure *why);

/* The ring's own descriptor, for epoll: woken when a quarter is full. */
int loader_fd(const struct loader *loader);

/* Hands on what the ring holds. Returns the number of records. */
size_t loader_consume(struct loader *loader);

/* Answers `len` (<= PORTFILL_MAX) slots in place. Returns 0 or -errno. */
int loader_portfill(struct loader *loader, struct portfill_slot *slots, size_t len);

void loader_counters(struct loader *loader, struct kernel_counters *out);

/* Counts the sockets that are followed; costs about 0.1 us for each. */
void loader_census(struct loader *loader);

/* Begins another round of theirs. Returns the number of the one that is over. */
uint32_t loader_round(struct loader *loader, uint64_t now_ns);
void loader_buckets(struct loader *loader, loader_bucket_fn fn, void *ctx);

/* Every listening socket now, in no order. Returns 0 or -errno. */
typedef void (*loader_listening_fn)(void *ctx, const struct listening *listening);
int loader_listeners(struct loader *loader, loader_listening_fn fn, void *ctx);

/* Counters of each namespace that has a listener, as of the last walk. */
typedef void (*loader_netns_fn)(void *ctx, uint32_t netns, const struct netns_count *count);
void loader_netns_counts(struct loader *loader, loader_netns_fn fn, void *ctx);

/* What accept() took from each listener since the start. false: not seen here. */
typedef void (*loader_accepts_fn)(void *ctx, const struct accept_stats *stats);
bool loader_accepts(struct loader *loader, loader_accepts_fn fn, void *ctx);

/* A mini-socket that ended unseen by the kernel side. */
void loader_forget(struct loader *loader, uint64_t cookie);

const struct outcome *loader_outcomes(const struct loader *loader);	/* [FACTS] */

/* The running kernel's types; owned by the loader. */
const struct btf *loader_btf(const struct loader *loader);

/* Takes every hook away; what is in the ring stays readable. */
void loader_detach(struct loader *loader);

void loader_close(struct loader *loader);

#endif /* TCPTRAIL_LOADER_H */
