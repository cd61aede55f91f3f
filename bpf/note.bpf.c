// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * note.bpf.c - what a function hook saw just before the state program runs for
 * the same socket. A hash by address, not sk_storage: kprobe programs may not
 * use that, and a note lives for microseconds with the socket held.
 */
#include "bpf/tcptrail.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} notes SEC(".maps");

__hidden int note_add(__u64 sk, __u32 facts)
{
	__u32 *old = bpf_map_lookup_elem(&notes, &sk);

	if (old)
		facts |= *old;
	if (bpf_map_update_elem(&notes, &sk, &facts, BPF_ANY))
		count(EVC_MAP_FULL);
	return 0;
}

__hidden __u32 note_take(__u64 sk)
{
	__u32 *facts = bpf_map_lookup_elem(&notes, &sk);
	__u32 taken;

	if (!facts)
		return 0;
	taken = *facts;
	bpf_map_delete_elem(&notes, &sk);
	return taken;
}
