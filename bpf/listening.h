/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listening.h - what the look at the listening sockets writes, one struct for each.
 */
#ifndef TCPTRAIL_LISTENING_H
#define TCPTRAIL_LISTENING_H

#include "bpf/event.h"

#define LISTENING_MAX	64	/* looked at in one call */

struct listening {
	struct ev_sock sock;	/* role listener: address, owner, cookie, netns */
	__u64 drops;		/* sk_drops: at least what it refused since it was opened */
	struct ev_queues queues;
	__u64 others;		/* of `drops`, those that are known to be no refusals */
};

/* Counters of a network namespace (map `netns_counts`), summed over CPUs. */
struct netns_count {
	__u64 walk;		/* the walk that read them; as a birth: 0 if not known */
	__u64 listen_drops;
	__u64 listen_overflows;
	__u64 reqq_full_drop;
	__u64 syncookies_sent;
};

/* A namespace of which a listener was closed (map `netns_ended`). */
struct netns_ended {
	struct netns_count born;	/* when the first of these was opened */
	struct netns_count now;		/* when the last was closed */
};

/*
 * What came to a listener, and what accept() took from it (map `accepts`, by its address). Waits since
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
	__u64 syns;		/* that came to it; a function hook counts them */
	__u32 waits[WAIT_BUCKETS]; /* fewer than accepts: begun before the start */
};

#ifndef __bpf__
_Static_assert(sizeof(struct listening) == 136, "listening");
#endif

#endif /* TCPTRAIL_LISTENING_H */
