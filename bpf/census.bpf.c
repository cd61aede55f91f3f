// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * census.bpf.c - how many sockets are followed at this moment.
 *
 * Sockets whose end is waited for, less those whose end was seen, less those
 * that are there: the rest ended while no program was called at all (a kernel
 * was measured that skips BPF for whole softirqs), which nothing else can tell.
 * What is known of those is thrown away here.
 */
#include "bpf/tcptrail.bpf.h"

__u64 census_followed = 0;

/* A child gets its cookie microseconds after its birth, or never. */
#define CHILDHOOD_NS	60000000000LL

/* Where it was is free (the cookie stays there until the next one comes), or has
 * another socket. */
static __always_inline bool gone(const struct sock *sk, const struct conn *conn)
{
	if (!conn->cookie)
		return conn->since_ns &&
		       (__s64)(bpf_ktime_get_ns() - conn->since_ns) > CHILDHOOD_NS;
	if (!BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter))
		return true;
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != conn->cookie;
}

SEC("iter/bpf_map_elem")
int census(struct bpf_iter__bpf_map_elem *ctx)
{
	struct conn *conn = ctx->value;
	const __u64 *key = ctx->key;
	struct sock *sk;

	if (!conn || !key)
		return 0;
	sk = (struct sock *)(unsigned long)*key;
	if (gone(sk, conn))
		conn_end(sk);
	else if (conn->born && !conn->ended)
		__sync_fetch_and_add(&census_followed, 1);
	return 0;
}
