/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mib.bpf.h - reads the counters of /proc/net/netstat, CPU by CPU.
 */
#ifndef TCPTRAIL_MIB_BPF_H
#define TCPTRAIL_MIB_BPF_H

#include "bpf/tcptrail.bpf.h"
#include "bpf/mib.h"

extern const volatile struct mib_index mib;

/* mib.bpf.c: how far a CPU's copy of a per-CPU variable is from its address. false:
 * there is no such CPU (the argument is -1: this one). */
__hidden bool mib_offset(__s32 cpu, __u64 *offset);

static __always_inline __u64 mib_base(struct sock *sk)
{
	return (__u64)(unsigned long)BPF_CORE_READ(sk, __sk_common.skc_net.net, mib.net_statistics);
}

/* `base` is mib_base() plus mib_offset(); 0 where there is no such counter. */
static __always_inline __u64 mib_read(__u64 base, __u32 at)
{
	__u64 n = 0;

	if (at)
		bpf_probe_read_kernel(&n, sizeof(n), (void *)(unsigned long)(base + at * sizeof(n)));
	return n;
}

#endif /* TCPTRAIL_MIB_BPF_H */
