/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcptrail.bpf.h - what the BPF files share: the knobs, the per-socket value,
 * and one prototype for each thing that one file does for the others.
 *
 *   emit.bpf.c     ring buffer, counters, knobs, licence
 *   conn.bpf.c     what is known of a socket, and who owns it
 *   follow.bpf.c   a program and its children
 *   listener.bpf.c who listens on a port
 *   sock.bpf.c     the common part of a record, read from the socket
 *   bucket.bpf.c   token buckets for everything that an attacker can multiply
 *   note.bpf.c     what a function hook tells the state program
 *   state.bpf.c    transitions: the state program, its understudy, the gap check
 *   life.bpf.c     a connection's whole life, told at its end
 *   accept.bpf.c   the task that accept()ed
 *   waits.bpf.c    what accept() took from a listener, and after what wait
 *   timewait.bpf.c TIME-WAIT and FIN-WAIT-2 mini-sockets
 *   listening.bpf.c  a look at the listening sockets
 *   drop.bpf.c     SYNs and final ACKs refused at a listener
 *   dropped.bpf.c  what this host throws away of connections that wait
 *   tries.bpf.c    which try of its connection that was; how many connections, peers
 *   relisten.bpf.c listen() again, with another backlog
 *   request.bpf.c  connections in the SYN queue: SYN-RECEIVED before the final ACK
 *   retransmit.bpf.c reset.bpf.c error.bpf.c   one kind of record each
 *   twice.bpf.c    which of their two copies tells an event
 *   snapshot.bpf.c sockets open before the start
 *   census.bpf.c   how many sockets are followed now
 *   buffers.bpf.c  whose buffers fill up, who holds local ports
 *   limit.bpf.c    calls that fail at a limit, or are cut to one
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
#include "bpf/orphan.h"

#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
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
#define SOCK_KEEPOPEN	3
#define SOCK_LINGER	4

/* What is known of a socket (conn.bpf.c): the most used first, a cache line. */
struct conn {
	__u64 sk;		/* its address; 0: a free place */
	__u64 cookie;		/* 0: not known yet */
	__u64 since_ns;		/* CLOCK_MONOTONIC when `state` began */
	__u64 opened_ns;	/* server: when ESTABLISHED began; 0: not seen */
	__u64 began_ns;		/* first transition seen; 0: none */
	__u32 state;		/* last state seen; 0: none. 32 bits for cmpxchg */
	__u32 facts;		/* EVF_RST_IN, EVF_RST_OUT seen so far */
	__u32 data_segs_in;	/* at FIN-WAIT-1 */
	__u32 syns_resent;	/* at ESTABLISHED: SYNs, or SYN-ACKs */
	__u8 role;		/* enum ev_role */
	__u8 lower;		/* since_ns is a lower bound */
	__u8 born;		/* counted in EVC_BORN */
	__u8 ended;		/* and in EVC_ENDED */
	__u8 mixed;		/* several owners listen on its port */
	__u8 in_files;		/* the snapshot knows an owner */
	__u8 first_close;	/* EVS_FIN_WAIT1 or EVS_CLOSE_WAIT; 0: neither yet */
	__u8 began_lower;	/* began_ns: open before the start */
	struct ev_owner owner;	/* a hook's; source is written last */
	__u64 accepted_ns;	/* accept() took it; 0: not seen */
	__u64 in_ns[EV_LIFE_STATES];	/* time in each state, by ev_life_place() */
};

/* Is something else at this address by now? It comes again, a cookie does not; what is free
 * keeps its last one. By reads that a wrong pointer cannot turn into a fault. */
static __always_inline bool sock_gone(const struct sock *sk, __u64 cookie)
{
	return !BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter) ||
	       (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != cookie;
}

/* As if nothing were known of it yet. */
static __always_inline void conn_blank(struct conn *conn)
{
	__builtin_memset(&conn->cookie, 0, sizeof(*conn) - offsetof(struct conn, cookie));
}

/* Knobs, set by the loader before load, constant afterwards. */
extern const volatile struct kernel_filter filter;
extern const volatile __u32 ring_size;		/* bytes */
extern const volatile __u32 tick_ns;		/* 1e9 / CONFIG_HZ */
extern const volatile bool want_state;
extern const volatile bool want_connection;
extern const volatile bool only_failed;	/* connections that may have */
extern const volatile bool want_accept;
extern const volatile __u64 accept_over_ns;	/* told from this wait on */
extern const volatile bool want_waits;	/* kept by listener */
extern const volatile bool want_reset;
extern const volatile bool want_drop;
extern const volatile bool want_data_retransmits;
extern const volatile bool only_listeners;
extern const volatile bool twice;	/* second copies of twice.bpf.c's are loaded */

/* What attached, set by the loader afterwards. */
extern struct attached attached;

/* emit.bpf.c */
__hidden int count(__u32 counter);
__hidden int stamp(struct ev_head *head, __u8 kind, __u8 method, __u16 size);
__hidden int emit(struct ev_head *record, __u64 size);
/* In the ring itself, for what the stack has no room for. `bulk`: among the first
 * to go when the ring fills up. NULL: no room, which the caller counts. */
__hidden struct ev_connection *emit_begin_connection(bool bulk);
__hidden int emit_end_connection(struct ev_connection *record);

/* conn.bpf.c */
__hidden struct conn *conn_get(struct sock *sk);
__hidden struct conn *conn_get_by(__u64 address, __u64 cookie);
__hidden struct conn *conn_find(struct sock *sk);
__hidden struct conn *conn_find_by(__u64 address, __u64 cookie);
__hidden struct conn *conn_at(__u64 address);
__hidden int conn_end(struct sock *sk);
__hidden int conn_end_at(__u64 address);
__hidden int conn_follow(struct conn *conn);
__hidden int conn_set_owner(struct conn *conn, const struct ev_owner *owner);
__hidden int conn_own(struct conn *conn, __u8 source);
__hidden int conn_owner(struct sock *sk, struct conn *conn, struct ev_owner *owner);
__hidden bool owner_of_task(struct task_struct *task, __u8 source, struct ev_owner *owner);

/* life.bpf.c: a transition, before `conn` forgets the state it leaves; the end. */
__hidden int life_step(struct conn *conn, struct tcp_sock *tp, const struct ev_state *e);
__hidden int life_tell(struct conn *conn, struct tcp_sock *tp, const struct ev_state *e);

/* follow.bpf.c */
__hidden bool follows(__u32 tgid);

/* snapshot.bpf.c: NULL where the snapshot did not see the socket */
__hidden struct ev_owner *snapshot_owner(struct sock *sk);

/* listener.bpf.c */
__hidden int listener_add(const struct ev_sock *at, const struct ev_owner *owner);
__hidden int listener_del(const struct ev_sock *at);
/* true: somebody listens there (owner->source 0 when several owners do). */
__hidden bool listener_find(const struct ev_sock *child, bool ipv6_socket,
			    struct ev_owner *owner);
/* Up to then (CLOCK_MONOTONIC, by user space) SYNs and what accept() takes are counted. */
extern __u64 accepts_until_ns;
__hidden int listener_syn(const struct ev_sock *at);
__hidden int listener_accepted(const struct ev_sock *child, bool ipv6_socket);

/* listening.bpf.c: a look finds it from now on (`owner`: who the snapshot found, or NULL),
 * no more; a listener's queues now */
__hidden int listening_begin(struct sock *sk, const struct ev_owner *owner);
__hidden int listening_end(struct sock *sk);
__hidden int listening_other(struct sock *sk);	/* counted in sk_drops, and no refusal */
/* The counters of its namespace (mib_base()) when it is opened (`netns` 0), or closed:
 * what it refused later, and up to its end. */
int listening_counted(__u64 base, __u64 cookie, __u32 netns);
__hidden int queues_of(struct sock *sk, struct ev_queues *out);

/* waits.bpf.c; wait_ns ~0: not known */
__hidden int wait_keep(__u64 listener, __u64 cookie, __u64 wait_ns, __u64 now);

/* sock.bpf.c */
__hidden int sock_describe(struct sock *sk, struct tcp_sock *tp, struct ev_sock *out);
__hidden int sock_describe_common(struct sock_common *skc, struct ev_sock *out);
__hidden int sock_own(struct sock *sk, struct conn *conn, __u64 cookie, struct ev_sock *out);
int sock_wanted(const struct ev_sock *s, __u64 event);

/* A transition, or the end that it is: no work where no filter asks for it. */
static __always_inline int move_wanted(const struct ev_state *e, __u8 kind)
{
	return sock_wanted(&e->sock, filter.asks_event ? filter_move(kind, e) : 0);
}

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

/* The rate of requests that are told one by one. false: hold it. What becomes a
 * connection gives its share back: the unfinished alone are limited. */
__hidden bool bucket_request(__u64 now);
__hidden int bucket_repay(void);
__hidden int bucket_hold(__u8 kind, __u8 sub, __u16 reason, const struct ev_sock *sock);

/* drop.bpf.c: the segment that may be refused, while this CPU looks at it */
struct counted {
	__u64 drops;
	__u64 overflows;
	__u64 syn_queue_full;
	__u64 cookies;
};

struct window {
	__u64 sk;		/* the listener; 0: none */
	__u64 skb;
	__u64 req;		/* final ACK: its request; 0: a SYN, or none */
	__u32 isn;		/* of its SYN, as the request knows it */
	__u32 child;		/* one was made of the request */
	struct counted before;
};

__hidden struct window *window_here(void);
__hidden bool window_overflowed(const struct window *w);

/* request.bpf.c: a child is born; in SYN-RECEIVED it has been since its SYN. */
__hidden int request_child(struct conn *conn);

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

/* limit.bpf.c: connect() of this task chose no port, and sent nothing */
__hidden int limit_no_port(const struct ev_sock *sock);

/* note.bpf.c */
__hidden int note_add(__u64 sk, __u32 facts);
__hidden __u32 note_take(__u64 sk);

/* twice.bpf.c; `of`: what the event is about, by its address */
enum twice {
	TWICE_RESET_RECEIVED,
	TWICE_RESET_SENT,
	TWICE_ERROR,
	TWICE_RETRANSMIT,
	TWICE_SYNACK,
	TWICE_ACCEPT,		/* calls from here on */
	TWICE_SOCKET,
	TWICE_CONNECT,
	TWICE_BIND,
	TWICE_LISTEN,
};

__hidden int twice_mark(__u32 what, __u64 of);
__hidden bool twice_skipped(__u32 what, __u64 of);

/* In the first copy, before its work; in the second: is the work to be done? */
static __always_inline void first_of_two(enum twice what, const void *of)
{
	if (twice)
		twice_mark(what, (__u64)(unsigned long)of);
}

static __always_inline bool left_to_second(enum twice what, const void *of)
{
	return twice_skipped(what, (__u64)(unsigned long)of);
}

__hidden int call_mark(__u32 what);
__hidden bool call_skipped(__u32 what);

/* The same of a call, by the task that is in it. */
static __always_inline void first_of_calls(enum twice what)
{
	if (twice)
		call_mark(what);
}

static __always_inline bool call_left_to_second(enum twice what)
{
	return attached.settled && call_skipped(what);
}

/* timewait.bpf.c; true: FIN-WAIT-2 is over already, and nobody told */
__hidden bool timewait_begin(const struct ev_sock *s, __u64 since_ns, __u8 state);
__hidden bool timewait_orphan(const struct ev_sock *s, __u64 since_ns);

#endif /* TCPTRAIL_BPF_H */
