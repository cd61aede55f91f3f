// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * twice.bpf.c - programs with a second copy that keep no state to see by what the
 * first did: resets, errors, retransmits, calls that fail at a limit.
 *
 * Only where tracepoints are preemptible (Linux 7): a task preempted in a program
 * keeps it from all others of its CPU, softirqs included (up to 3 of some 300 such
 * events skipped on 7.3, emulated). The first copy leaves a mark, the second takes
 * it; where there is none the first was skipped.
 */
#include "bpf/tcptrail.bpf.h"

/* One table for all CPUs: between its two copies a task may move to another one.
 * LRU: the mark of a second copy that was skipped stays behind. */
struct mark_key {
	__u64 of;		/* the socket, request or segment that the event is about */
	__u64 what;		/* enum twice */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mark_key);
	__type(value, __u32);
} marks SEC(".maps");

__hidden int twice_mark(__u32 what, __u64 of)
{
	struct mark_key key = { .of = of, .what = what };
	__u32 one = 1;

	return bpf_map_update_elem(&marks, &key, &one, BPF_ANY);
}

__hidden bool twice_skipped(__u32 what, __u64 of)
{
	struct mark_key key = { .of = of, .what = what };

	if (!bpf_map_delete_elem(&marks, &key))
		return false;
	count(EVC_RECOVERED_OTHER);
	return true;
}

/*
 * The same of a call, which is in one task: nearly all calls succeed, and a hash costs
 * each of them more than the call's hook does. Where another task's mark is in the way, the
 * hash it is.
 */
#define CALLS 4096		/* a power of two */

__u64 call_marks[CALLS] = {};

static __always_inline __u64 call_id(__u32 what)
{
	return (__u64)(__u32)bpf_get_current_pid_tgid() << 8 | (what + 1);
}

static __always_inline __u64 *place_of(__u64 id)
{
	return &call_marks[id >> 8 & (CALLS - 1)];
}

__hidden int call_mark(__u32 what)
{
	__u64 id = call_id(what), *place = place_of(id);
	__u64 there = __sync_val_compare_and_swap(place, 0, id);

	return there && there != id ? twice_mark(what, id) : 0;
}

__hidden bool call_skipped(__u32 what)
{
	__u64 id = call_id(what), *place = place_of(id);

	if (__sync_val_compare_and_swap(place, id, 0) == id)
		return false;
	return twice_skipped(what, id);
}
