/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stalled.h - what is read of each socket that may be stuck: the kernel's own fields,
 * without its lock. Ages and times in milliseconds. Append-only, for what is behind
 * `sock`: a recording has it.
 */
#ifndef TCPTRAIL_STALLED_H
#define TCPTRAIL_STALLED_H

#include "bpf/event.h"

#define STALLED_UNKNOWN	(~0U)

/* Where a socket was found. */
enum stalled_place {
	STALLED_FILE = 0,	/* a task's file */
	STALLED_QUEUED = 1,	/* an accept queue */
	STALLED_REQUEST = 2,	/* a SYN queue: a request, no full socket yet */
	STALLED_ORPHAN = 3,	/* its process closed it, or is gone */
};

struct stalled {
	struct ev_sock sock;	/* owner: a task that holds it */
	__u32 retrans_ms;	/* since the first segment not answered (SYN-SENT: the SYN) */
	__u32 probing_ms;	/* since the first zero-window probe */
	__u32 sent_ms;		/* since data were sent, or ESTABLISHED */
	__u32 received_ms;	/* since data came */
	__u32 heard_ms;		/* since any acknowledgement came */
	__u32 timer_ms;		/* until the next retransmission or probe */
	__u32 waited_ms;	/* in the accept queue; request: since its first SYN-ACK */
	__u32 rto_ms;		/* the time that timer_ms is the rest of */
	__u32 rto_max_ms;
	__u32 user_timeout_ms;	/* TCP_USER_TIMEOUT; 0: none */
	__u32 unread;		/* bytes received and not read, the FIN among them */
	__u32 unsent;		/* bytes written and not sent yet */
	__u32 unacked;		/* sent and not acknowledged, the FIN among them */
	__u32 queued;		/* sk_wmem_queued, of sndbuf */
	__u32 sndbuf;
	__u32 rmem;		/* sk_rmem_alloc, of rcvbuf */
	__u32 rcvbuf;
	__u32 window;		/* what we still let the peer send */
	__u32 peer_window;	/* what it still lets us send */
	__u32 mss;		/* the longest segment to it */
	__u32 accept_queue;	/* listener, and what is in its queue: waiting for accept() */
	__u32 backlog;		/* its limit */
	__u32 syn_queue;	/* listener: requests */
	__u8 retransmits;
	__u8 backoff;		/* request: its timeouts */
	__u8 probes;		/* zero-window or keepalive, not answered */
	__u8 probing;		/* the timer is that of zero-window probes */
	__u8 fin_received;
	__u8 retries;		/* the most retransmissions, in this state; 0: not known */
	__u8 linear;		/* of them, those of a SYN that do not double the time */
	__u8 place;		/* enum stalled_place */
	__u8 left;		/* the last retransmission left the stack of this host */
	__u8 acked;		/* request: its final ACK came, and was not taken */
	__u8 defers;		/* listener: TCP_DEFER_ACCEPT, final ACKs alone do not count */
	__u8 locked;		/* a call had the socket locked at that moment */
	/* STALLED_BEFORE bytes so far: what is new goes behind */
	__u32 seq;		/* of the first that is not acknowledged; request: of its SYN-ACK */
	__u32 keep_ms;		/* until the next keepalive probe */
	__u32 keep_interval_ms;	/* between two that nobody answers */
	__u8 keep_probes;	/* so many end it; 0: no keepalive */
	__u8 orphan_retries;	/* tcp_orphan_retries, and one; 0: not known */
	__u8 soft_error;	/* an ICMP error came */
	__u8 defer_accept;	/* request: TCP_DEFER_ACCEPT of its listener, in timeouts */
};

/* Recordings have what is behind that in another place, and older ones none of it: 0. */
#define STALLED_BEFORE	200

/* One by its ends, of the namespace that the caller is in. */
#define STALLED_LOOK_UPS	64

#ifndef __bpf__
_Static_assert(sizeof(struct stalled) == 216, "stalled");
_Static_assert(__builtin_offsetof(struct stalled, seq) == STALLED_BEFORE, "stalled");
#endif

#endif /* TCPTRAIL_STALLED_H */
