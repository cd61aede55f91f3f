// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * request.bpf.c - the SYN queue: a connection from its SYN until it has a full
 * socket, or none. No tracepoint tells of it, so these are function hooks.
 *
 * Nothing is kept of a request: it knows itself when its SYN-ACK was first sent,
 * and its cookie, made here, goes with it to the child and on to TIME-WAIT
 * (inet_csk_clone_lock(), inet_twsk_alloc()). A kprobe cannot make one.
 */
#include "bpf/tcptrail.bpf.h"

#define TCP_FLAGS_OFFSET	13	/* RFC 9293 section 3.1 */
#define TCP_FLAG_RST		0x04

/* tcp_make_synack(): microseconds of CLOCK_MONOTONIC. 0: not sent yet, or a cookie. */
static __always_inline __u64 since_of(struct request_sock *req)
{
	return BPF_CORE_READ((struct tcp_request_sock *)req, snt_synack) * 1000;
}

__hidden int request_child(struct conn *conn)
{
	struct window *w = window_here();
	__u64 since;

	if (!w || !w->req)
		return 0;
	w->child = 1;
	since = since_of((struct request_sock *)(unsigned long)w->req);
	if (!since || since > conn->since_ns)
		return 0;
	conn->since_ns = since;
	if (want_connection)
		conn->began_ns = since;
	return 0;
}

/* true: told already, as the listener's, in a sum of its own. */
static __noinline bool held(struct sock *listener, const struct ev_request *e)
{
	struct ev_sock at = {};

	if (e->to == EVS_SYN_RECV && bucket_request(e->head.ts_ns))
		return false;
	sock_describe_common(&listener->__sk_common, &at);
	at.uid = e->sock.uid;
	at.cgroup = e->sock.cgroup;
	at.role = EVR_LISTENER;
	at.owner = e->sock.owner;
	if (at.owner.source)
		at.owner.source = EVO_LISTEN;
	if (e->to == EVS_SYN_RECV)
		bucket_hold(EV_REQUEST, e->to, e->why, &at);
	else
		return bucket_held(EV_REQUEST, e->to, e->why, &at, e->head.ts_ns);
	return true;
}

static __always_inline bool is_mptcp(struct request_sock *req)
{
	struct tcp_request_sock___mptcp *mptcp = (void *)req;

	return bpf_core_field_exists(mptcp->is_mptcp) && BPF_CORE_READ(mptcp, is_mptcp);
}

/* What is known of a listener, which only typed arguments reach. */
static __always_inline void own(struct sock *listener, struct ev_request *e)
{
	struct conn *conn = conn_find(listener);

	if (conn)
		conn_owner(listener, conn, &e->sock.owner);
}

static __always_inline void tell(struct sock *listener, struct request_sock *req,
				 struct ev_request *e, __u8 method)
{
	stamp(&e->head, EV_REQUEST, method, sizeof(*e));
	sock_describe_common(&req->__req_common, &e->sock);
	e->sock.uid = BPF_CORE_READ(listener, sk_uid.val);
	e->sock.cgroup = BPF_CORE_READ(listener, sk_cgrp_data.cgroup, kn, id);
	e->sock.role = EVR_SERVER;
	e->sock.state = e->to;
	if (is_mptcp(req))
		e->sock.flags |= EVSK_MPTCP;
	if (e->sock.owner.source)
		e->sock.owner.source = EVO_LISTENER;
	else if (listener_find(&e->sock, BPF_CORE_READ(req, __req_common.skc_family) == AF_INET6,
			       &e->sock.owner) && !e->sock.owner.source)
		e->sock.flags |= EVSK_MIXED;
	if (!sock_wanted(&e->sock, filter_told(EV_REQUEST, e->from, e->to, 0)))
		count(EVC_FILTERED);
	else if (!held(listener, e))
		emit(&e->head, sizeof(*e));
}

static __always_inline __u8 flags_of(const struct window *w)
{
	struct sk_buff *skb = (struct sk_buff *)(unsigned long)w->skb;
	unsigned char *head = BPF_CORE_READ(skb, head);
	__u8 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags),
			      head + BPF_CORE_READ(skb, transport_header) + TCP_FLAGS_OFFSET);
	return flags;
}

/* Its listener is gone, or it went to another of its SO_REUSEPORT group
 * (tcp_migrate_req): then this is no end. */
static __always_inline __u8 without_listener(struct sock *listener)
{
	struct net *net = BPF_CORE_READ(listener, __sk_common.skc_net.net);

	if (bpf_core_field_exists(net->ipv4.sysctl_tcp_migrate_req) &&
	    BPF_CORE_READ(net, ipv4.sysctl_tcp_migrate_req))
		return EVQ_UNKNOWN;
	return EVQ_LISTENER_CLOSED;
}

/* Who calls __inet_csk_reqsk_queue_drop(): tcp_check_req() for a segment, the timer,
 * tcp_abort(), tcp_v4_rcv() where the listener is none any more, tcp_req_err(). */
static __always_inline __u8 why_of(struct sock *listener, struct request_sock *req,
				   const struct window *w, bool by_timer)
{
	bool listens = BPF_CORE_READ(listener, __sk_common.skc_state) == EVS_LISTEN;

	if (w)
		return flags_of(w) & TCP_FLAG_RST ? EVQ_RST :
		       window_overflowed(w) ? EVQ_OVERFLOW_RST : EVQ_UNKNOWN;
	if (!listens)
		return without_listener(listener);
	if (by_timer)
		return EVQ_EXPIRED;
	return attached.abort && note_take((__u64)(unsigned long)req) & EVF_ABORT ? EVQ_KILLED :
										    EVQ_UNKNOWN;
}

/* false: it has become a connection, or nobody wants to know. */
static __always_inline bool ended(struct sock *listener, struct request_sock *req, bool by_timer,
				  struct ev_request *e)
{
	struct window *w = window_here();

	if (w && w->req != (__u64)(unsigned long)req)
		w = NULL;
	if (w && w->child) {
		bucket_repay();
		return false;
	}
	/* Without a hook on its final ACK one that was established looks like any other. */
	if (!want_state || (!attached.requests && !by_timer))
		return false;
	e->why = why_of(listener, req, w, by_timer);
	e->since_ns = since_of(req);
	return true;
}

static __always_inline bool is_tcp(struct sock *listener)
{
	return BPF_CORE_READ(listener, sk_protocol) == IPPROTO_TCP;
}

SEC("?fentry/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(request_queued_fentry, struct sock *sk, struct request_sock *req)
{
	struct ev_request e = { .from = EVS_LISTEN, .to = EVS_SYN_RECV };

	if (!is_tcp(sk))
		return 0;
	count(EVC_REQUESTS);
	bpf_get_socket_cookie(req);
	if (!want_state)
		return 0;
	own(sk, &e);
	tell(sk, req, &e, EVM_FENTRY);
	return 0;
}

SEC("?fentry/__inet_csk_reqsk_queue_drop")
int BPF_PROG(request_left_fentry, struct sock *sk, struct request_sock *req, bool from_timer)
{
	struct ev_request e = { .from = EVS_SYN_RECV, .to = EVS_CLOSE };

	if (!is_tcp(sk))
		return 0;
	/* Without a cookie it was there before us. */
	if (BPF_CORE_READ(req, __req_common.skc_cookie.counter))
		count(EVC_REQUESTS_LEFT);
	if (!ended(sk, req, from_timer, &e))
		return 0;
	own(sk, &e);
	tell(sk, req, &e, EVM_FENTRY);
	return 0;
}

SEC("?kprobe/inet_csk_reqsk_queue_hash_add")
int BPF_KPROBE(request_queued_kprobe, struct sock *sk, struct request_sock *req)
{
	struct ev_request e = { .from = EVS_LISTEN, .to = EVS_SYN_RECV };

	if (!is_tcp(sk))
		return 0;
	count(EVC_REQUESTS);
	if (want_state)
		tell(sk, req, &e, EVM_KPROBE);
	return 0;
}

SEC("?kprobe/__inet_csk_reqsk_queue_drop")
int BPF_KPROBE(request_left_kprobe, struct sock *sk, struct request_sock *req, bool from_timer)
{
	struct ev_request e = { .from = EVS_SYN_RECV, .to = EVS_CLOSE };

	if (!is_tcp(sk))
		return 0;
	count(EVC_REQUESTS_LEFT);
	if (!ended(sk, req, from_timer, &e))
		return 0;
	/* Unknown: the kprobe that saw its segment, or its child, may have been skipped. */
	if (e.why != EVQ_UNKNOWN)
		tell(sk, req, &e, EVM_KPROBE);
	return 0;
}
