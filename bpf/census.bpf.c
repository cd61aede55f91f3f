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
#include "bpf/conn.h"

__u64 census_wanted[CENSUS_MAX] = {};	/* addresses, of both tables */
__u32 census_len = 0;
__u64 census_followed = 0;

/* A child gets its cookie microseconds after its birth, or never. */
#define CHILDHOOD_NS	60000000000LL

static __always_inline bool gone(const struct sock *sk, const struct conn *conn)
{
	if (!conn->cookie)
		return conn->since_ns &&
		       (__s64)(bpf_ktime_get_ns() - conn->since_ns) > CHILDHOOD_NS;
	return sock_gone(sk, conn->cookie);
}

/* Global: the verifier looks at it once, not at each turn of the loop. */
int census_one(__u64 address)
{
	struct conn *conn = conn_at(address);

	if (!conn || !conn->sk)
		return 0;
	if (gone((struct sock *)(unsigned long)address, conn))
		conn_end_at(address);
	else if (conn->born && !conn->ended)
		__sync_fetch_and_add(&census_followed, 1);
	return 0;
}

/* Called by user space. Not iter/bpf_map_elem: a security module was met that refuses it
 * and allows the rest. */
SEC("syscall")
int census(void *ctx)
{
	for (__u32 i = 0; i < CENSUS_MAX; i++) {
		if (i >= census_len)
			break;
		census_one(census_wanted[i]);
	}
	return 0;
}
