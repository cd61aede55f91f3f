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
	__u64 syncookies_sent;
};

#ifndef __bpf__
_Static_assert(sizeof(struct listening) == 128, "listening");
#endif

#endif /* TCPTRAIL_LISTENING_H */
