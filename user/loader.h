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

#include "bpf/buffered.h"
#include "bpf/dropped.h"
#include "bpf/event.h"
#include "bpf/kernel_filter.h"
#include "bpf/listener.h"
#include "bpf/listening.h"
#include "bpf/stalled.h"
#include "bpf/portfill.h"
#include "tiers.h"

struct accept_counts;		/* accept_rates.h */
struct btf;
struct loader;

struct loader_options {
	enum tier tier;			/* forced, or TIER_AUTO */
	bool no_syscalls;		/* no system call tracepoints */
	uint32_t ring_size;		/* bytes, a power of two */
	uint32_t sockets;		/* followed at a time; 0: as memory allows */
	struct kernel_filter filter;	/* pids: with their children */
	const struct filter_prefixes *prefixes;	/* of its sets; NULL: it has none */
	bool state, connection, only_failed, retransmit, data_retransmit, reset, error, drop, accept, limit;	/* kinds wanted */
	uint64_t accept_over_ns;	/* accept: those that waited so long; 0: all */
	bool listeners;			/* loader_listeners() will be called */
	bool stalls;			/* loader_stalls() will be called */
	bool syns;			/* doctor: how many come is asked, too */
	bool only_listeners;		/* and nothing else */
	bool only_stalls;		/* loader_stalls() alone will be called */
	bool buffers;			/* loader_buffers() will be called */
	bool only_limits;		/* it, and calls that fail at a limit alone are wanted */
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
	uint64_t missed_accepts;	/* the same, accept(): some had nothing to tell */
	uint64_t missed_other;		/* the same of all others; EVC_RECOVERED_OTHER: found */
};

/* Takes one record; false: stop here and come back (the record was taken). */
typedef bool (*loader_record_fn)(void *ctx, const void *data, size_t size);
/* One token bucket that held something back, ever. */
typedef void (*loader_bucket_fn)(void *ctx, const struct ev_bucket_key *key,
				 const struct ev_bucket *bucket);

/* Hooks first, then the snapshot of what was open. NULL: `why` says it. */
struct loader *loader_open(const struct loader_options *options, loader_record_fn fn, void *ctx,
			   struct loader_failure *why);

/* May this process, as it is now, use what it loaded? */
bool loader_readable(const struct loader *l);

/* For filter_push_seen(): what the kernel side knows of cgroups. */
struct filter_cgroup *loader_cgroups(struct loader *l);

/* The ring's own descriptor, for epoll: woken when a quarter is full. */
int loader_fd(const struct loader *loader);

/* Hands on what the ring holds, until its function says to stop. */
void loader_consume(struct loader *loader);

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

/* Connections that may be stuck, and every listener, once for each descriptor; *seen:
 * descriptors of connections. Returns 0 or -errno. */
typedef void (*loader_stalled_fn)(void *ctx, const struct stalled *stalled);
int loader_stalls(struct loader *loader, loader_stalled_fn fn, void *ctx, uint64_t *seen);

/* Looks up `len` (<= STALLED_LOOK_UPS) connections of the calling thread's network
 * namespace by their ends, which are all that `slots` needs: answered in place, state 0
 * where nothing is there. Returns 0 or -errno. */
int loader_stalls_look_up(struct loader *loader, struct stalled *slots, size_t len);

/* Segments that this host threw away, the last of each connection. Returns 0 or -errno. */
typedef void (*loader_dropped_fn)(void *ctx, const struct dropped_key *key,
				  const struct dropped *what);
int loader_dropped(struct loader *loader, loader_dropped_fn fn, void *ctx);

/* Descriptors of sockets whose buffers are half full at least; and, for each process that
 * has connections to one of these services, how many. Returns 0 or -errno. */
typedef void (*loader_buffered_fn)(void *ctx, const struct buffered *buffered);
typedef void (*loader_port_user_fn)(void *ctx, size_t service, uint32_t pid, uint32_t n);
int loader_buffers(struct loader *loader, const struct port_service *services, size_t len,
		   loader_buffered_fn fn, loader_port_user_fn users, void *ctx);

/* Counters of each namespace that has a listener, as of the last walk. */
/* `born`: as they were when the first listener that is there now was opened; NULL: before
 * the start. */
typedef void (*loader_netns_fn)(void *ctx, uint32_t netns, const struct netns_count *count,
				const struct netns_count *born);
void loader_netns_counts(struct loader *loader, loader_netns_fn fn, void *ctx);

/* From now on they are read, too, whenever a listener is opened or closed. */
void loader_netns_watch(struct loader *loader);

/* Those of each namespace in which a listener was closed, as they were then; once each.
 * `born`: when the first of these was opened. */
void loader_netns_ended(struct loader *loader, loader_netns_fn fn, void *ctx);

/* This process and its children from now on (filter.follow). 0 or -errno. */
int loader_follow(struct loader *loader, uint32_t pid);

/* What accept() took from each listener since the start. false: not seen here. */
typedef void (*loader_accepts_fn)(void *ctx, const struct accept_stats *stats);
bool loader_accepts(struct loader *loader, loader_accepts_fn fn, void *ctx);

/* What accept() took at an address and port while it was asked for, and the SYNs: counted from this
 * question until then (CLOCK_MONOTONIC). false: nobody listens there, or it is not seen. */
bool loader_accepts_at(struct loader *loader, const struct listener_key *at, uint64_t until_ns,
		       struct accept_counts *counts);

/* Do these say how many SYNs came? */
bool loader_sees_syns(const struct loader *loader);

/* A mini-socket that ended unseen by the kernel side. */
void loader_forget(struct loader *loader, uint64_t cookie);

const struct outcome *loader_outcomes(const struct loader *loader);	/* [FACTS] */

/* The running kernel's types; owned by the loader. */
const struct btf *loader_btf(const struct loader *loader);

/* Takes every hook away; what is in the ring stays readable. */
void loader_detach(struct loader *loader);

void loader_close(struct loader *loader);

#endif /* TCPTRAIL_LOADER_H */
