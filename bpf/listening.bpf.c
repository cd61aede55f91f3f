// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * listening.bpf.c - a look at the listening sockets of all namespaces: their queues,
 * limits and drops. They have a table of their own, so its cost is theirs alone, and no
 * socket lock is taken. User space hands in the addresses that the table has: not
 * iter/bpf_sk_storage_map, which a security module was met that refuses.
 */
#include "bpf/mib.bpf.h"
#include "bpf/listening.h"

#define CPUS_MAX 1024

struct listens_value {
	__u64 cookie;		/* 0: not yet */
	struct ev_owner owner;	/* the snapshot's; source: written last */
	__u64 others;		/* bad segments; see drop.bpf.c */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);		/* a socket's address */
	__type(value, struct listens_value);
} listens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);		/* netns */
	__type(value, struct netns_count);
} netns_counts SEC(".maps");

/*
 * So that nothing is missing of a listener in a new namespace, however late the first look
 * comes, and of the last one that was there, however long ago the last: the counters
 * when it was opened, by its cookie, and when it was closed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct netns_ended);
} births SEC(".maps");

/* The earliest of those that a walk found. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);		/* netns */
	__type(value, struct netns_ended);	/* `now`: but for its walk, void */
} netns_births SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);		/* netns; user space takes it out */
	__type(value, struct netns_ended);
} netns_ended SEC(".maps");

__u64 walk_number = 0;

__hidden int listening_begin(struct sock *sk, const struct ev_owner *owner)
{
	static const struct listens_value blank = {};
	__u64 address = (__u64)(unsigned long)sk;
	struct listens_value *v;

	bpf_map_update_elem(&listens, &address, &blank, BPF_ANY);
	v = bpf_map_lookup_elem(&listens, &address);
	if (!v) {
		count(EVC_NO_STORAGE);
		return 0;
	}
	if (owner) {
		v->owner.pid = owner->pid;
		__builtin_memcpy(v->owner.comm, owner->comm, sizeof(owner->comm));
		v->owner.followed = owner->followed;
		v->owner.source = owner->source;
	}
	v->cookie = sk->__sk_common.skc_cookie.counter;
	return 0;
}

__hidden int listening_end(struct sock *sk)
{
	__u64 address = (__u64)(unsigned long)sk;

	bpf_map_delete_elem(&listens, &address);
	return 0;
}

__hidden int listening_other(struct sock *sk)
{
	__u64 address = (__u64)(unsigned long)sk;
	struct listens_value *v = bpf_map_lookup_elem(&listens, &address);

	if (v)
		__sync_fetch_and_add(&v->others, 1);
	return 0;
}

static __always_inline bool listens_still(struct sock *sk, __u64 cookie)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state) == EVS_LISTEN && !sock_gone(sk, cookie);
}

struct cpu_sums {
	__u64 base;
	struct netns_count sum;
};

static long sum_cpu(__u32 cpu, struct cpu_sums *s)
{
	__u64 offset = 0;

	if (!mib_offset(cpu, &offset))
		return 1;
	s->sum.listen_drops += mib_read(s->base + offset, mib.listen_drops);
	s->sum.listen_overflows += mib_read(s->base + offset, mib.listen_overflows);
	s->sum.reqq_full_drop += mib_read(s->base + offset, mib.reqq_full_drop);
	s->sum.syncookies_sent += mib_read(s->base + offset, mib.syncookies_sent);
	return 0;
}

/* Not a loop of C, which the verifier goes round as often as it can run, in each of four
 * programs: 0.6 s of every start. (Linux 5.17; mib_offset() needs 5.19.) */
static __always_inline void sum_cpus(struct cpu_sums *s)
{
	bpf_loop(CPUS_MAX, sum_cpu, s, 0);
}

/* Unless the socket, and with it perhaps its namespace, ended meanwhile. */
static __always_inline void sum_netns(struct sock *sk, __u64 base, __u32 netns, __u64 cookie)
{
	struct netns_count *known = bpf_map_lookup_elem(&netns_counts, &netns);
	struct cpu_sums s = { .base = base, .sum.walk = walk_number };

	if (known && known->walk == walk_number)
		return;
	sum_cpus(&s);
	if (!listens_still(sk, cookie))
		return;
	if (bpf_map_update_elem(&netns_counts, &netns, &s.sum, BPF_ANY))
		count(EVC_MAP_FULL);
}

/* Counters only grow: the fewer, the earlier. One that is not known is the earliest. */
static __always_inline bool earlier(const struct netns_count *a, const struct netns_count *b)
{
	return !a->walk || (b->walk && a->listen_drops < b->listen_drops);
}

static __always_inline void keep_birth(__u64 cookie, __u32 netns)
{
	struct netns_ended *known = bpf_map_lookup_elem(&netns_births, &netns);
	struct netns_ended *l = bpf_map_lookup_elem(&births, &cookie);
	struct netns_ended e = { .now = { .walk = walk_number } };

	if (l)
		e.born = l->born;
	if (known && known->now.walk == walk_number && !earlier(&e.born, &known->born))
		return;
	bpf_map_update_elem(&netns_births, &netns, &e, BPF_ANY);
}

static __always_inline struct netns_ended *kept_birth(__u64 cookie)
{
	static const struct netns_ended unknown = {};
	struct netns_ended *l = bpf_map_lookup_elem(&births, &cookie);

	if (l)
		return l;
	if (bpf_map_update_elem(&births, &cookie, &unknown, BPF_NOEXIST))
		count(EVC_MAP_FULL);
	return bpf_map_lookup_elem(&births, &cookie);
}

/*
 * Global: the verifier looks at it once, not at each place of the state program that
 * comes by. `netns` 0: it is opened.
 */
int listening_counted(__u64 base, __u64 cookie, __u32 netns)
{
	struct netns_ended *l = kept_birth(cookie), *old;
	struct cpu_sums s = { .base = base, .sum.walk = 1 };

	if (!l)
		return 0;
	sum_cpus(&s);
	if (!netns) {
		l->born = s.sum;
		return 0;
	}
	l->now = s.sum;
	old = bpf_map_lookup_elem(&netns_ended, &netns);
	if (old && earlier(&old->born, &l->born))
		l->born = old->born;
	if (bpf_map_update_elem(&netns_ended, &netns, l, BPF_ANY))
		count(EVC_MAP_FULL);
	bpf_map_delete_elem(&births, &cookie);
	return 0;
}

/*
 * Linux 6.18 counts them on both NUMA sides where a socket asks for it, in a struct
 * numa_drop_counters. Where its counters are is the loader's to say: a relocation
 * against a type that a kernel has not got makes libbpf up to 1.2 look into every
 * module's BTF, for which it needs CAP_SYS_ADMIN.
 */
const volatile __u32 numa_drops[2] = {};	/* offsets, bytes */

static __always_inline __u64 numa_drops_at(void *counters, __u32 offset)
{
	__u32 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n), counters + offset);
	return n;
}

static __always_inline __u64 drops_of(struct sock *sk)
{
	struct sock___numa_drops *numa = (void *)sk;
	void *counters;
	__u64 n = (__u32)BPF_CORE_READ(sk, sk_drops.counter);

	if (!bpf_core_field_exists(numa->sk_drop_counters))
		return n;
	counters = BPF_CORE_READ(numa, sk_drop_counters);
	if (counters)
		n += numa_drops_at(counters, numa_drops[0]) + numa_drops_at(counters, numa_drops[1]);
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

/* As sock_own(), of a socket that no register vouches for. */
static __always_inline void own(struct sock *sk, const struct listens_value *v, struct ev_sock *s)
{
	struct conn *conn = conn_find_by((__u64)(unsigned long)sk, v->cookie);
	struct ev_owner owner = {};

	if (!conn)
		s->flags |= EVSK_NO_STORAGE;
	else if (conn->lower)
		s->flags |= EVSK_LOWER;
	if (conn && conn->owner.source != EVO_NONE) {
		owner = conn->owner;
		barrier();
		if (conn->cookie != v->cookie)
			owner.source = EVO_NONE;
	} else if (v->owner.source != EVO_NONE) {
		owner = v->owner;
	} else if (!conn || conn->role == EVR_UNKNOWN) {
		listener_find(s, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6, &owner);
	}
	s->owner = owner;
}

static __always_inline void describe(struct sock *sk, struct ev_sock *s)
{
	struct tcp_sock___mptcp *tp = (void *)sk;

	sock_describe_common(&sk->__sk_common, s);
	s->role = EVR_LISTENER;
	s->state = EVS_LISTEN;
	s->uid = BPF_CORE_READ(sk, sk_uid.val);
	s->ifindex = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	s->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	if (bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp))
		s->flags |= EVSK_MPTCP;
}

/* What user space asks for, and what it gets: cookie 0 where nobody listens any more. */
__u64 listening_wanted[LISTENING_MAX] = {};
__u32 listening_len = 0;
struct listening listening_rows[LISTENING_MAX] = {};

/* Global: the verifier looks at it once, not at each turn of the loop. */
int listening_one(__u32 i)
{
	struct listening l = {};
	struct listens_value known, *v;
	__u64 address, base;
	struct sock *sk;

	if (i >= LISTENING_MAX)
		return 0;
	listening_rows[i].sock.cookie = 0;
	address = listening_wanted[i];
	v = bpf_map_lookup_elem(&listens, &address);
	if (!v || !v->cookie)
		return 0;
	known = *v;		/* it may be another listener's in a moment */
	sk = (struct sock *)(unsigned long)address;
	if (sock_gone(sk, known.cookie)) {	/* its end was not seen */
		bpf_map_delete_elem(&listens, &address);
		return 0;
	}
	describe(sk, &l.sock);
	/* In this order: the kernel counts in sk_drops before it tells us. */
	l.others = __sync_fetch_and_add(&v->others, 0);
	l.drops = drops_of(sk);
	queues_of(sk, &l.queues);
	own(sk, &known, &l.sock);
	base = mib_base(sk);
	if (!listens_still(sk, known.cookie))
		return 0;
	sum_netns(sk, base, l.sock.netns, known.cookie);
	keep_birth(known.cookie, l.sock.netns);
	listening_rows[i] = l;
	return 0;
}

/* Called by user space. */
SEC("syscall")
int listening_look(void *ctx)
{
	for (__u32 i = 0; i < LISTENING_MAX; i++) {
		if (i >= listening_len)
			break;
		listening_one(i);
	}
	return 0;
}
