// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * abort.bpf.c - two function hooks that tell causes apart where the socket
 * itself does not: a killed listener (ss -K), and a reset that was received
 * against one that data for a closed socket provoked.
 */
#include "bpf/tcptrail.bpf.h"

#define TCP_FLAGS_OFFSET	13	/* RFC 9293 section 3.1 */
#define TCP_FLAG_RST		0x04

SEC("?fentry/tcp_abort")
int BPF_PROG(abort_fentry, struct sock *sk)
{
	note_add((__u64)(unsigned long)sk, EVF_ABORT);
	return 0;
}

/* Nothing may stay behind for the next socket at that address. */
SEC("?fexit/tcp_abort")
int BPF_PROG(abort_fexit, struct sock *sk)
{
	note_take((__u64)(unsigned long)sk);
	return 0;
}

SEC("?kprobe/tcp_abort")
int BPF_KPROBE(abort_kprobe, struct sock *sk)
{
	note_add((__u64)(unsigned long)sk, EVF_ABORT);
	return 0;
}

/* tcp_reset() also ends a FIN-WAIT socket that got data after close(): the
 * segment's own flag decides. */
SEC("?fentry/tcp_reset")
int BPF_PROG(reset_fentry, struct sock *sk, struct sk_buff *skb)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	__u16 at = BPF_CORE_READ(skb, transport_header);
	__u8 flags = 0;

	if (bpf_probe_read_kernel(&flags, 1, head + at + TCP_FLAGS_OFFSET))
		return 0;
	note_add((__u64)(unsigned long)sk, flags & TCP_FLAG_RST ? EVF_RST_FLAG : EVF_RST_NOFLAG);
	return 0;
}
