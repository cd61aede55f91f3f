/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dropped.h - segments of a connection that this host threw away itself: the last of each,
 * and the kernel's reason (dropped.bpf.c).
 */
#ifndef TCPTRAIL_DROPPED_H
#define TCPTRAIL_DROPPED_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define DROPPED_MAX	4096	/* connections; the oldest are forgotten */

/* Of a recording, too: append-only. */
enum dropped_where {
	DROPPED_NOT = 0,
	DROPPED_OUT = 1,	/* ours, on its way out */
	DROPPED_LOOPED = 2,	/* our SYN, where loopback brought it in again */
	DROPPED_IN = 3,		/* a SYN-ACK, on its way in */
	DROPPED_WHERES = 4,
};

/* The connection, as its socket on this host has it. */
struct dropped_key {
	__u8 laddr[16];		/* as of struct ev_sock */
	__u8 raddr[16];
	__u32 netns;
	__u16 lport;
	__u16 rport;
	__u32 family;
};

struct dropped {
	__u64 ts_ns;		/* CLOCK_MONOTONIC */
	__u32 seq;		/* of ours; of a SYN-ACK: of the SYN that it answers */
	__u32 reason;		/* enum skb_drop_reason of that kernel */
	__u32 where;		/* enum dropped_where */
	__u32 pad;
};

#endif /* TCPTRAIL_DROPPED_H */
