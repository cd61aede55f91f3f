// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * error.bpf.c - errors that the kernel reported to a socket (Linux 5.15).
 */
#include "bpf/tcptrail.bpf.h"

static __always_inline void reported(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct ev_error e = {};

	/* tcp_disconnect() reports a zero. */
	if (!tp || !sk->sk_err)
		return;
	stamp(&e.head, EV_ERROR, EVM_TP_BTF, sizeof(e));
	e.err = sk->sk_err;
	sock_describe(sk, tp, &e.sock);
	sock_own(sk, conn_get(sk), bpf_get_socket_cookie(sk), &e.sock);
	e.sock.state = sk->__sk_common.skc_state;
	if (sock_wanted(&e.sock, filter_event(EV_ERROR, e.err)) &&
	    bucket_pass(EV_ERROR, 0, e.err, &e.sock, e.head.ts_ns))
		emit(&e.head, sizeof(e));
}

SEC("?tp_btf/inet_sk_error_report")
int BPF_PROG(error, struct sock *sk)
{
	first_of_two(TWICE_ERROR, sk);
	reported(sk);
	return 0;
}

SEC("?tp_btf/inet_sk_error_report")
int BPF_PROG(error_understudy, struct sock *sk)
{
	if (left_to_second(TWICE_ERROR, sk))
		reported(sk);
	return 0;
}
