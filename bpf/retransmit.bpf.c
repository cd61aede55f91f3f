// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * retransmit.bpf.c - segments sent again: SYN, SYN-ACK, and data on request.
 */
#include "bpf/tcptrail.bpf.h"

#define TCP_CA_OPEN	0
#define TCP_CA_LOSS	4

/* Fast recovery, or the timer (TCP_CA_Loss); with neither it was a tail loss
 * probe (tcp_send_loss_probe() sends in Open). */
static __always_inline __u8 type_of(struct sock *sk, struct tcp_sock *tp)
{
	__u8 ca;

	if (sk->__sk_common.skc_state == EVS_SYN_SENT)
		return EVX_SYN;
	ca = BPF_CORE_READ_BITFIELD_PROBED(&tp->inet_conn, icsk_ca_state);
	if (ca == TCP_CA_LOSS)
		return EVX_RTO;
	return ca == TCP_CA_OPEN ? EVX_PROBE : EVX_FAST;
}

static __always_inline void resent(struct sock *sk)
{
	struct ev_retransmit e = {};
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	e.type = type_of(sk, tp);
	if (e.type != EVX_SYN && !want_data_retransmits)
		return;
	stamp(&e.head, EV_RETRANSMIT, EVM_TP_BTF, sizeof(e));
	sock_describe(sk, tp, &e.sock);
	sock_own(sk, conn_get(sk), bpf_get_socket_cookie(sk), &e.sock);
	e.sock.state = sk->__sk_common.skc_state;
	/* The timer counts before it sends (tcp_retransmit_timer()), a fast
	 * retransmission is no timeout and counts none. */
	e.attempt = BPF_CORE_READ(tp, inet_conn.icsk_retransmits);
	e.backoff = BPF_CORE_READ(tp, inet_conn.icsk_backoff);
	e.rto_ms = (__u64)BPF_CORE_READ(tp, inet_conn.icsk_rto) * tick_ns / 1000000;
	if (sock_wanted(&e.sock, filter_event(EV_RETRANSMIT, 0)) &&
	    bucket_pass(EV_RETRANSMIT, e.type, 0, &e.sock, e.head.ts_ns))
		emit(&e.head, sizeof(e));
}

SEC("?tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk)
{
	first_of_two(TWICE_RETRANSMIT, sk);
	resent(sk);
	return 0;
}

SEC("?tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_understudy, struct sock *sk)
{
	if (left_to_second(TWICE_RETRANSMIT, sk))
		resent(sk);
	return 0;
}

/* The socket is the listener (or the child of a TFO request): the connection is
 * the request socket, which knows no owner of its own. */
static __always_inline void resent_synack(struct sock *sk, struct request_sock *req)
{
	struct ev_retransmit e = { .type = EVX_SYNACK };

	stamp(&e.head, EV_RETRANSMIT, EVM_TP_BTF, sizeof(e));
	sock_describe_common(&req->__req_common, &e.sock);
	e.sock.uid = sk->sk_uid.val;
	e.sock.role = EVR_SERVER;
	e.sock.state = EVS_SYN_RECV;
	if (!listener_find(&e.sock, BPF_CORE_READ(req, __req_common.skc_family) == AF_INET6,
			   &e.sock.owner))
		e.sock.owner.source = EVO_NONE;
	/* Called after the send, before the count goes up. */
	e.attempt = BPF_CORE_READ(req, num_retrans) + 1;
	if (sock_wanted(&e.sock, filter_event(EV_RETRANSMIT, 0)) &&
	    bucket_pass(EV_RETRANSMIT, e.type, 0, &e.sock, e.head.ts_ns))
		emit(&e.head, sizeof(e));
}

SEC("?tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack, struct sock *sk, struct request_sock *req)
{
	first_of_two(TWICE_SYNACK, req);
	resent_synack(sk, req);
	return 0;
}

SEC("?tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack_understudy, struct sock *sk, struct request_sock *req)
{
	if (left_to_second(TWICE_SYNACK, req))
		resent_synack(sk, req);
	return 0;
}
