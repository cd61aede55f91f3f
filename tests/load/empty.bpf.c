// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * empty.bpf.c - programs that do nothing, where a tracer of transitions that loses none
 * has to be, twice each (bpf/state.bpf.c says why): what the hooks alone cost.
 */
#include "vmlinux/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(empty_state, struct sock *sk, int from, int to)
{
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(empty_state_understudy, struct sock *sk, int from, int to)
{
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(empty_end, struct sock *sk)
{
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(empty_end_understudy, struct sock *sk)
{
	return 0;
}
