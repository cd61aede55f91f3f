// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * emit.bpf.c - owns the ring buffer, the counters, the knobs and the licence.
 */
#include "bpf/tcptrail.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kernel_filter filter = {};
const volatile __u32 ring_size = 16 << 20;
const volatile __u32 tick_ns = 4000000;
const volatile bool want_state = true;
const volatile bool want_reset = true;
const volatile bool want_data_retransmits = false;
struct attached attached = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVC_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Atomic although per CPU: a softirq may interrupt between load and store. */
__hidden int count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);

	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

__hidden int stamp(struct ev_head *head, __u8 kind, __u8 method, __u16 size)
{
	head->ts_ns = bpf_ktime_get_ns();
	head->tai_ns = 0;
	/* Linux 6.1, c8996c98f703 ("bpf: Add BPF-helper for accessing CLOCK_TAI") */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_tai_ns))
		head->tai_ns = bpf_ktime_get_tai_ns();
	head->kind = kind;
	head->method = method;
	head->size = size;
	head->cpu = bpf_get_smp_processor_id();
	return 0;
}

/*
 * Without wake-ups (a reader woken for each record cuts the rate of short
 * connections to a quarter), but for one when the fill crosses a quarter.
 * Above three quarters only the rare kinds, which tell what is wrong, get in.
 */
__hidden int emit(struct ev_head *record, __u32 size)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 mark = ring_size / 4;
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u32 kind = record->kind & (EV_KIND_MAX - 1);

	if (used > 3 * mark && (kind == EV_STATE || kind == EV_TIMEWAIT)) {
		count(EVC_RING_FULL + kind);
		return -1;
	}
	if (used < mark && used + size + 8 >= mark)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&ring, record, size, flags)) {
		count(EVC_RING_FULL + kind);
		return -1;
	}
	count(EVC_EMITTED + kind);
	return 0;
}
