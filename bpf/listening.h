/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listening.h - what the walk over the listening sockets writes, one struct for each.
 */
#ifndef TCPTRAIL_LISTENING_H
#define TCPTRAIL_LISTENING_H

#include "bpf/event.h"

struct listening {
	struct ev_sock sock;	/* role listener: address, owner, cookie, netns */
	__u64 drops;		/* sk_drops: at least what it refused since it was opened */
	struct ev_queues queues;
};

/* Counters of a network namespace (map `netns_counts`), summed over CPUs. */
struct netns_count {
	__u64 walk;		/* the walk that read them */
	__u64 listen_drops;
	__u64 listen_overflows;
	__u64 reqq_full_drop;
	__u64 syncookies_sent;
};

/*
 * What accept() took from a listener (map `accepts`, by its address). Waits since
 * ESTABLISHED in buckets, four an octave: bucket 4 * o + q begins at
 * (4 + q) << o >> 2 microseconds; the first also holds 0.
 */
#define WAIT_OCTAVES	32
#define WAIT_BUCKETS	(4 * WAIT_OCTAVES)

struct accept_stats {
	__u64 cookie;		/* the listener's */
	__u64 accepts;
	__u64 last_ns;		/* CLOCK_MONOTONIC */
	__u64 max_ns;		/* the longest wait */
	__u32 waits[WAIT_BUCKETS]; /* fewer than accepts: begun before the start */
};

#ifndef __bpf__
_Static_assert(sizeof(struct listening) == 128, "listening");
#endif

#endif /* TCPTRAIL_LISTENING_H */
