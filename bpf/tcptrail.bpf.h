/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcptrail.bpf.h - what the BPF files share: the knobs, the per-socket value,
 * and one prototype for each thing that one file does for the others.
 *
 *   emit.bpf.c     ring buffer, counters, knobs, licence
 *   conn.bpf.c     what is known of a socket, and who owns it
 *   listener.bpf.c who listens on a port
 *   sock.bpf.c     the common part of a record, read from the socket
 *   bucket.bpf.c   token buckets for everything that an attacker can multiply
 *   note.bpf.c     what a function hook tells the state program
 *   state.bpf.c    transitions: the state program, its understudy, the gap check
 *   accept.bpf.c   the task that accept()ed
 *   waits.bpf.c    what accept() took from a listener, and after what wait
 *   timewait.bpf.c TIME-WAIT and FIN-WAIT-2 mini-sockets
 *   listening.bpf.c  a walk over the listening sockets
 *   drop.bpf.c     SYNs and final ACKs refused at a listener
 *   tries.bpf.c    which try of its connection that was; how many connections, peers
 *   retransmit.bpf.c reset.bpf.c error.bpf.c   one kind of record each
 *   snapshot.bpf.c sockets open before the start
 *   census.bpf.c   how many sockets are followed now
 *   portfill.bpf.c local ports chosen after the hook ran
 *
 * Cross-file functions are __hidden: the linker makes them static, so that the
 * verifier follows them with what it knows of the caller's registers. Those
 * with nothing to say return 0: it refuses a stack pointer left over in r0.
 */
#ifndef TCPTRAIL_BPF_H
#define TCPTRAIL_BPF_H

#include "vmlinux/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/event.h"
#include "bpf/attached.h"
#include "bpf/kernel_filter.h"

#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

#define AF_INET		2
#define AF_INET6	10
#define IPPROTO_TCP	6
#define S_IFMT		00170000
#define S_IFSOCK	0140000
#define PF_EXITING	0x00000004
#define PF_KTHREAD	0x00200000
#define RCV_SHUTDOWN	1
#define ECONNABORTED	103

/* enum sock_flags, bit numbers in skc_flags (include/net/sock.h) */
#define SOCK_DEAD	0
#define SOCK_DONE	1
#define SOCK_LINGER	4

/* What is known of a socket (conn.bpf.c). */
struct conn {
	__u64 cookie;		/* 0: not known yet */
	__u64 since_ns;		/* CLOCK_MONOTONIC when `state` began */
	__u64 opened_ns;	/* server: when ESTABLISHED began; 0: not seen */
	__u32 state;		/* last state seen; 0: none. 32 bits for cmpxchg */
	__u32 facts;		/* EVF_RST_IN, EVF_RST_OUT seen so far */
	__u32 data_segs_in;	/* at FIN-WAIT-1 */
	__u8 role;		/* enum ev_role */
	__u8 lower;		/* since_ns is a lower bound */
	__u8 born;		/* counted in EVC_BORN */
	__u8 ended;		/* and in EVC_ENDED */
	__u8 mixed;		/* several owners listen on its port */
	__u8 in_files;		/* the snapshot knows an owner */
	__u8 pad[6];
	struct ev_owner owner;	/* a hook's; source is written last */
};

/* Knobs, set by the loader before load, constant afterwards. */
extern const volatile struct kernel_filter filter;
extern const volatile __u32 ring_size;		/* bytes */
extern const volatile __u32 tick_ns;		/* 1e9 / CONFIG_HZ */
extern const volatile bool want_state;
extern const volatile bool want_accept;
extern const volatile __u64 accept_over_ns;	/* told from this wait on */
extern const volatile bool want_waits;	/* kept by listener */
extern const volatile bool want_reset;
extern const volatile bool want_data_retransmits;
extern const volatile bool only_listeners;

/* What attached, set by the loader afterwards. */
extern struct attached attached;

/* emit.bpf.c */
__hidden int count(__u32 counter);
__hidden int stamp(struct ev_head *head, __u8 kind, __u8 method, __u16 size);
__hidden int emit(struct ev_head *record, __u32 size);

/* conn.bpf.c */
__hidden struct conn *conn_get(struct sock *sk);
__hidden struct conn *conn_get_by(__u64 address, __u64 cookie);
__hidden struct conn *conn_find(struct sock *sk);
__hidden int conn_end(struct sock *sk);
__hidden int conn_follow(struct conn *conn);
__hidden int conn_set_owner(struct conn *conn, const struct ev_owner *owner);
__hidden int conn_own(struct conn *conn, __u8 source);
__hidden int conn_owner(struct sock *sk, struct conn *conn, struct ev_owner *owner);
__hidden bool owner_of_task(struct task_struct *task, __u8 source, struct ev_owner *owner);

/* snapshot.bpf.c: NULL where the snapshot did not see the socket */
__hidden struct ev_owner *snapshot_owner(struct sock *sk);

/* listener.bpf.c */
__hidden int listener_add(const struct ev_sock *at, const struct ev_owner *owner);
__hidden int listener_del(const struct ev_sock *at);
/* true: somebody listens there (owner->source 0 when several owners do). */
__hidden bool listener_find(const struct ev_sock *child, bool ipv6_socket,
			    struct ev_owner *owner);

/* listening.bpf.c: the walk finds it from now on; a listener's queues now */
__hidden int listening_begin(struct sock *sk);
__hidden int queues_of(struct sock *sk, struct ev_queues *out);

/* waits.bpf.c; wait_ns ~0: not known */
__hidden int wait_keep(__u64 listener, __u64 cookie, __u64 wait_ns, __u64 now);

/* sock.bpf.c */
__hidden int sock_describe(struct sock *sk, struct tcp_sock *tp, struct ev_sock *out);
__hidden int sock_describe_common(struct sock_common *skc, struct ev_sock *out);
__hidden int sock_own(struct sock *sk, struct conn *conn, __u64 cookie, struct ev_sock *out);
__hidden bool sock_wanted(const struct ev_sock *s);

/* bucket.bpf.c: 0: within the rate; else held back, and counted in that round */
__hidden __u32 bucket_held(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock,
			   __u64 now);
/* Of an event held back in that round: the bits of tries_of(). */
__hidden int bucket_figures(const struct ev_drop *e, __u32 round, __u32 bits);

static __always_inline bool bucket_pass(__u8 kind, __u8 sub, __u16 reason,
					const struct ev_sock *sock, __u64 now)
{
	return !bucket_held(kind, sub, reason, sock, now);
}

/* tries.bpf.c */
struct tries_key {
	__u8 laddr[16];		/* the segment's own, not the listener's */
	__u8 raddr[16];
	__u32 netns;
	__u32 family;
	__u16 lport;
	__u16 rport;
};

#define TRY_NEW_CONNECTION	0x1	/* not yet counted in that round */
#define TRY_NEW_PEER		0x2
#define TRY_UNKNOWN		0x4	/* the tables are too full to tell */

/* Fills e->tries. `isn`: of the SYN, host order; `round`: what bucket_held() said. */
__hidden __u32 tries_of(struct ev_drop *e, const struct tries_key *key, __u32 isn, __u32 round);

/* note.bpf.c */
__hidden int note_add(__u64 sk, __u32 facts);
__hidden __u32 note_take(__u64 sk);

/* timewait.bpf.c; true: FIN-WAIT-2 is over already, and nobody told */
__hidden bool timewait_begin(const struct ev_sock *s, __u64 since_ns, __u8 state);

#endif /* TCPTRAIL_BPF_H */
