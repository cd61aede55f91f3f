// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reset.bpf.c - RST segments, sent and received.
 */
#include "bpf/tcptrail.bpf.h"

static __always_inline void full_socket(struct sock *sk, struct ev_reset *e, __u32 fact)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct conn *conn = conn_get(sk);

	sock_describe(sk, tp, &e->sock);
	sock_own(sk, conn, bpf_get_socket_cookie(sk), &e->sock);
	e->sock.state = sk->__sk_common.skc_state;
	/* Why the transition that follows happens (user/cause.c). */
	if (conn && e->sock.state != EVS_CLOSE && e->sock.state != EVS_LISTEN)
		conn->facts |= fact;
}

static __always_inline void tell(struct ev_reset *e)
{
	/* Attached for the cause of transitions alone, it tells nothing itself. */
	if (want_reset && sock_wanted(&e->sock, filter_event(EV_RESET, 0)) &&
	    bucket_pass(EV_RESET, e->sent, e->reason, &e->sock, e->head.ts_ns))
		emit(&e->head, sizeof(*e));
}

static __always_inline void received(struct sock *sk)
{
	struct ev_reset e = {};

	stamp(&e.head, EV_RESET, EVM_TP_BTF, sizeof(e));
	full_socket(sk, &e, EVF_RST_IN);
	tell(&e);
}

SEC("?tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	first_of_two(TWICE_RESET_RECEIVED, sk);
	received(sk);
	return 0;
}

SEC("?tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received_understudy, struct sock *sk)
{
	if (left_to_second(TWICE_RESET_RECEIVED, sk))
		received(sk);
	return 0;
}

/*
 * Up to 6.9 for full sockets only. Since (19822a980e19, "trace: tcp: fully
 * support trace_tcp_send_reset") the socket may be NULL or a mini-socket, and
 * verifiers before 6.13 believe that it is never NULL and drop a test for it:
 * so nothing is read through it but by reads that fail softly, until its
 * state says that it is a full socket.
 */
static __always_inline void reset_sent_by(struct sock *sk, struct ev_reset *e)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (!state) {
		e->no_socket = 1;
		return;
	}
	if (state == EVS_TIME_WAIT || state == EVS_NEW_SYN_RECV) {
		sock_describe_common(&sk->__sk_common, &e->sock);
		e->sock.role = state == EVS_NEW_SYN_RECV ? EVR_SERVER : EVR_UNKNOWN;
		return;
	}
	full_socket(sk, e, EVF_RST_OUT);
}

SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, struct sock *sk, struct sk_buff *skb)
{
	struct ev_reset e = { .sent = 1 };

	stamp(&e.head, EV_RESET, EVM_TP_BTF, sizeof(e));
	if (sk)
		reset_sent_by(sk, &e);
	else
		e.no_socket = 1;
	tell(&e);
	return 0;
}

static __always_inline void sent_for_reason(struct sock *sk, __u32 reason)
{
	struct ev_reset e = { .sent = 1, .has_reason = 1, .reason = reason };

	stamp(&e.head, EV_RESET, EVM_TP_BTF, sizeof(e));
	if (sk)
		reset_sent_by(sk, &e);
	else
		e.no_socket = 1;
	tell(&e);
}

/* A listener answers many at a time: a segment has one RST. Without a segment
 * (tcp_send_active_reset()) it is the socket's own. */
static __always_inline const void *reset_of(struct sock *sk, struct sk_buff *skb)
{
	return skb ? (void *)skb : (void *)sk;
}

/* With the reason: a third argument since 6.10 (b533fb9cf4f7, "rstreason: make
 * it work in trace world"). */
SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_reason, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	first_of_two(TWICE_RESET_SENT, reset_of(sk, skb));
	sent_for_reason(sk, reason);
	return 0;
}

SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_understudy, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	if (left_to_second(TWICE_RESET_SENT, reset_of(sk, skb)))
		sent_for_reason(sk, reason);
	return 0;
}
