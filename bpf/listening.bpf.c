// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * listening.bpf.c - a walk over the listening sockets of all namespaces: their
 * queues, limits and drops. They have a storage map of their own, so its cost is
 * theirs alone, and no socket lock is taken.
 */
#include "bpf/mib.bpf.h"
#include "bpf/listening.h"

#define CPUS_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} listens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);		/* netns */
	__type(value, struct netns_count);
} netns_counts SEC(".maps");

__u64 walk_number = 0;

__hidden int listening_begin(struct sock *sk)
{
	if (!bpf_sk_storage_get(&listens, sk, 0, BPF_SK_STORAGE_GET_F_CREATE))
		count(EVC_NO_STORAGE);
	return 0;
}

static __always_inline void sum_netns(struct sock *sk, __u32 netns)
{
	struct netns_count *known = bpf_map_lookup_elem(&netns_counts, &netns);
	struct netns_count sum = { .walk = walk_number };
	__u64 base, offset = 0;

	if (known && known->walk == walk_number)
		return;
	base = mib_base(sk);
	for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!mib_offset(cpu, &offset))
			break;
		sum.listen_drops += mib_read(base + offset, mib.listen_drops);
		sum.listen_overflows += mib_read(base + offset, mib.listen_overflows);
		sum.reqq_full_drop += mib_read(base + offset, mib.reqq_full_drop);
		sum.syncookies_sent += mib_read(base + offset, mib.syncookies_sent);
	}
	if (bpf_map_update_elem(&netns_counts, &netns, &sum, BPF_ANY))
		count(EVC_MAP_FULL);
}

/* Linux 6.18 counts them on both NUMA sides where a socket asks for it. */
static __always_inline __u64 drops_of(struct sock *sk)
{
	struct sock___numa_drops *numa = (void *)sk;
	struct numa_drop_counters *counters;
	__u64 n = (__u32)sk->sk_drops.counter;

	if (!bpf_core_field_exists(numa->sk_drop_counters))
		return n;
	counters = BPF_CORE_READ(numa, sk_drop_counters);
	if (counters)
		n += (__u32)BPF_CORE_READ(counters, drops0.counter) +
		     (__u32)BPF_CORE_READ(counters, drops1.counter);
	return n;
}

/* By reads that a wrong pointer cannot turn into a fault: kprobes ask, too. */
__hidden int queues_of(struct sock *sk, struct ev_queues *out)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);

	out->accept_queue = BPF_CORE_READ(sk, sk_ack_backlog);
	out->backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	out->syn_queue = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	out->somaxconn = BPF_CORE_READ(net, core.sysctl_somaxconn);
	out->max_syn_backlog = BPF_CORE_READ(net, ipv4.sysctl_max_syn_backlog);
	out->syncookies = BPF_CORE_READ(net, ipv4.sysctl_tcp_syncookies);
	out->abort_on_overflow = BPF_CORE_READ(net, ipv4.sysctl_tcp_abort_on_overflow);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int listening_walk(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct listening l = {};
	struct tcp_sock *tp;

	if (!sk || !ctx->value || sk->__sk_common.skc_state != EVS_LISTEN)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	sock_describe(sk, tp, &l.sock);
	sock_own(sk, conn_find(sk), bpf_get_socket_cookie(sk), &l.sock);
	l.sock.role = EVR_LISTENER;
	l.sock.state = EVS_LISTEN;
	l.drops = drops_of(sk);
	queues_of(sk, &l.queues);
	sum_netns(sk, l.sock.netns);
	bpf_seq_write(ctx->meta->seq, &l, sizeof(l));
	return 0;
}
