// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sock.bpf.c - the part that all records share, read from the socket itself.
 */
#include "bpf/tcptrail.bpf.h"

/* Prefixes of the filter's sets, by the loader before anything attaches. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FILTER_PREFIXES_MAX);
	__type(key, struct filter_prefix);
	__type(value, __u8);
} filter_prefixes SEC(".maps");

static __always_inline bool filter_prefix_known(const struct filter_prefix *key)
{
	return bpf_map_lookup_elem(&filter_prefixes, key);
}

/* In memory that user space has mapped: it may have given up the right to write to maps. */
struct filter_cgroup filter_cgroups[FILTER_CGROUPS] = {};

static __always_inline __u64 filter_cgroup_answers(__u64 id)
{
	for (__u32 i = 0; i < FILTER_CGROUP_TRIES; i++) {
		volatile struct filter_cgroup *c = &filter_cgroups[filter_cgroup_place(id, i)];

		if (c->id == id)
			return c->answers;
	}
	return 0;
}

#include "bpf/filter_ask.h"

/* v4-mapped (RFC 4291 section 2.5.5.2) is told as IPv4: that is on the wire. */
static __always_inline bool is_mapped(const struct in6_addr *a)
{
	return a->in6_u.u6_addr32[0] == 0 && a->in6_u.u6_addr32[1] == 0 &&
	       a->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_any(const struct in6_addr *a)
{
	return !(a->in6_u.u6_addr32[0] | a->in6_u.u6_addr32[1] | a->in6_u.u6_addr32[2] |
		 a->in6_u.u6_addr32[3]);
}

static __always_inline void addresses(__u16 family, struct ev_sock *out, __be32 l4, __be32 r4,
				      const struct in6_addr *l6, const struct in6_addr *r6)
{
	out->family = 4;
	if (family == AF_INET6) {
		/* One side may still be unset: it says nothing of the family. */
		bool mapped = is_mapped(l6) || is_mapped(r6);

		if (!mapped) {
			out->family = 6;
			__builtin_memcpy(out->laddr, l6, 16);
			__builtin_memcpy(out->raddr, r6, 16);
			return;
		}
		l4 = is_any(l6) ? 0 : l6->in6_u.u6_addr32[3];
		r4 = is_any(r6) ? 0 : r6->in6_u.u6_addr32[3];
	}
	__builtin_memcpy(out->laddr, &l4, 4);
	__builtin_memcpy(out->raddr, &r4, 4);
}

/* A full socket of TCP; tp is bpf_skc_to_tcp_sock(sk). `out` is zeroed. */
__hidden int sock_describe(struct sock *sk, struct tcp_sock *tp, struct ev_sock *out)
{
	struct in6_addr l6 = {}, r6 = {};
	__u16 family = sk->__sk_common.skc_family;
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;

	if (family == AF_INET6) {
		l6.in6_u.u6_addr32[0] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0];
		l6.in6_u.u6_addr32[1] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[1];
		l6.in6_u.u6_addr32[2] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[2];
		l6.in6_u.u6_addr32[3] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3];
		r6.in6_u.u6_addr32[0] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
		r6.in6_u.u6_addr32[1] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];
		r6.in6_u.u6_addr32[2] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
		r6.in6_u.u6_addr32[3] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3];
	}
	addresses(family, out, sk->__sk_common.skc_rcv_saddr, sk->__sk_common.skc_daddr, &l6, &r6);
	/* inet_sport, not skc_num: tcp_set_state() zeroes skc_num on its way to
	 * CLOSED, before the tracepoint. */
	if (tp)
		out->lport = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	out->rport = bpf_ntohs(sk->__sk_common.skc_dport);
	out->netns = sk->__sk_common.skc_net.net->ns.inum;
	out->ifindex = sk->__sk_common.skc_bound_dev_if;
	if (cgroup)
		out->cgroup = cgroup->kn->id;
	if (tp && bpf_core_field_exists(struct tcp_sock___mptcp, is_mptcp) &&
	    ((struct tcp_sock___mptcp *)tp)->is_mptcp)
		out->flags |= EVSK_MPTCP;
	return 0;
}

/* A request or TIME-WAIT mini-socket, or one not known to be more: by reads
 * that a wrong pointer cannot turn into a fault. `out` is zeroed. */
__hidden int sock_describe_common(struct sock_common *skc, struct ev_sock *out)
{
	struct in6_addr l6 = {}, r6 = {};
	__u16 family = BPF_CORE_READ(skc, skc_family);

	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&l6, skc, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r6, skc, skc_v6_daddr);
	}
	addresses(family, out, BPF_CORE_READ(skc, skc_rcv_saddr), BPF_CORE_READ(skc, skc_daddr),
		  &l6, &r6);
	out->lport = BPF_CORE_READ(skc, skc_num);
	out->rport = bpf_ntohs(BPF_CORE_READ(skc, skc_dport));
	out->netns = BPF_CORE_READ(skc, skc_net.net, ns.inum);
	out->cookie = BPF_CORE_READ(skc, skc_cookie.counter);
	out->state = BPF_CORE_READ(skc, skc_state);
	out->uid = (__u32)-1;
	return 0;
}

/* A listener on the local port: the connection was accepted, not opened here,
 * and until accept() returns it the listener's owner is the owner. */
static __always_inline void own_by_listener(struct sock *sk, struct conn *conn,
					    struct ev_owner *owner, struct ev_sock *out)
{
	struct ev_owner listener = {};

	if (!listener_find(out, sk->__sk_common.skc_family == AF_INET6, &listener))
		return;
	out->role = EVR_SERVER;
	if (conn)
		conn->role = EVR_SERVER;
	if (owner->source != EVO_NONE)
		return;
	if (listener.source == EVO_NONE)
		out->flags |= EVSK_MIXED;
	*owner = listener;
}

/* Owner, role and cookie of a full socket whose addresses are in `out`. */
__hidden int sock_own(struct sock *sk, struct conn *conn, __u64 cookie, struct ev_sock *out)
{
	struct ev_owner owner = {};

	out->cookie = cookie;
	out->uid = sk->sk_uid.val;
	if (!conn) {
		out->flags |= EVSK_NO_STORAGE;
		own_by_listener(sk, conn, &owner, out);
		out->owner = owner;
		return 0;
	}
	out->role = conn->role;
	if (conn->lower)
		out->flags |= EVSK_LOWER;
	if (conn->mixed)
		out->flags |= EVSK_MIXED;
	conn_owner(sk, conn, &owner);
	if (owner.source == EVO_ACCEPT)
		out->flags &= ~EVSK_MIXED;
	/* Its birth was not seen, or its listener had no port yet. */
	if (out->role == EVR_UNKNOWN ||
	    (out->role == EVR_SERVER && owner.source == EVO_NONE && !conn->mixed))
		own_by_listener(sk, conn, &owner, out);
	out->owner = owner;
	return 0;
}

/*
 * Decided in the kernel what can be; an unknown value passes. `event`: what is known beside
 * the socket, filter_event() or filter_move(). Global: its result is any
 * number to the verifier of whoever asks, so what comes behind it is always looked at. Where
 * it went into this function Linux 6.1 pruned the paths of a filter with 12 conditions as if
 * each said no, and took out what it had not seen: connection records, on one kernel of
 * four, without a word. And it follows each condition once, not at every place that asks.
 */
int sock_wanted(const struct ev_sock *s, __u64 event)
{
	return !s || filter_wants(&filter, s, event);
}
