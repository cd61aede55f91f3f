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
	__u32 accept_queue;	/* connections waiting for accept() */
	__u32 backlog;		/* sk_max_ack_backlog, the limit of both queues */
	__u32 syn_queue;	/* requests waiting for the final ACK */
	__u32 somaxconn;
	__u32 max_syn_backlog;
	__u32 syncookies;	/* the sysctl */
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
