// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * relisten.bpf.c - listen() on a socket that listens already: its queues get another
 * limit, and no state changes. In the caller's context, before the change.
 */
#include "bpf/tcptrail.bpf.h"

/* Softly: to a kprobe all of it is numbers. */
static __always_inline struct sock *changes(struct socket *socket, int backlog)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != EVS_LISTEN ||
	    BPF_CORE_READ(sk, sk_max_ack_backlog) == (__u32)backlog)
		return NULL;
	return sk;
}

static __always_inline void tell(struct sock *sk, int backlog, __u8 method)
{
	struct ev_listener e = { .backlog = backlog };
	struct ev_owner owner = {};

	stamp(&e.head, EV_LISTENER, method, sizeof(e));
	sock_describe_common(&sk->__sk_common, &e.sock);
	e.sock.uid = BPF_CORE_READ(sk, sk_uid.val);
	e.sock.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	e.sock.role = EVR_LISTENER;
	if (owner_of_task(bpf_get_current_task_btf(), EVO_CALL, &owner))
		e.sock.owner = owner;
	e.before = BPF_CORE_READ(sk, sk_max_ack_backlog);
	e.accept_queue = BPF_CORE_READ(sk, sk_ack_backlog);
	if (sock_wanted(&e.sock, filter_event(EV_LISTENER, 0)))
		emit(&e.head, sizeof(e));
}

SEC("?fentry/inet_listen")
int BPF_PROG(relisten_fentry, struct socket *socket, int backlog)
{
	struct sock *sk = changes(socket, backlog);

	if (sk)
		tell(sk, backlog, EVM_FENTRY);
	return 0;
}

SEC("?kprobe/inet_listen")
int BPF_KPROBE(relisten_kprobe, struct socket *socket, int backlog)
{
	struct sock *sk = changes(socket, backlog);

	if (sk)
		tell(sk, backlog, EVM_KPROBE);
	return 0;
}
