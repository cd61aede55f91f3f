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
const volatile bool want_connection = false;
const volatile bool only_failed = false;
const volatile bool want_accept = false;
const volatile __u64 accept_over_ns = 0;
const volatile bool want_waits = false;
const volatile bool want_reset = true;
const volatile bool want_drop = false;
const volatile bool want_data_retransmits = false;
const volatile bool only_listeners = false;
const volatile bool twice = false;
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

/*
 * What a CPU need not find out again for each event. CLOCK_TAI is read once a
 * millisecond: an event that near to a clock step may carry the time before it
 * (a read costs about 40 ns). The ring's fill is looked at every 64 records: the
 * reader writes that cache line all the time.
 */
#define TAI_FRESH_NS	1000000ULL
#define TAI_APART_NS	20000ULL
#define FILL_EVERY	64

struct per_cpu {
	__u64 tai_read_ns;	/* CLOCK_MONOTONIC */
	__u64 tai_offset;	/* CLOCK_TAI - CLOCK_MONOTONIC, modulo 2^64 */
	__u32 records;
	__u16 crowded;		/* above three quarters at the last look */
	__u16 woken;		/* above one quarter, and the reader was told so */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct per_cpu);
} per_cpu SEC(".maps");

/* Two reads that something came between (an interrupt, the hypervisor) say little
 * of their distance: the old one stays then. */
static __always_inline void read_tai(struct per_cpu *cpu)
{
	__u64 before = bpf_ktime_get_ns();
	__u64 tai = bpf_ktime_get_tai_ns();
	__u64 after = bpf_ktime_get_ns();

	if (cpu->tai_read_ns && after - before > TAI_APART_NS)
		return;
	cpu->tai_offset = tai - after;
	cpu->tai_read_ns = after;
}

__hidden int stamp(struct ev_head *head, __u8 kind, __u8 method, __u16 size)
{
	__u32 zero = 0;
	struct per_cpu *cpu = bpf_map_lookup_elem(&per_cpu, &zero);
	__u64 now = bpf_ktime_get_ns();

	head->ts_ns = now;
	head->tai_ns = 0;
	/* Linux 6.1, c8996c98f703 ("bpf: Add BPF-helper for accessing CLOCK_TAI") */
	if (cpu && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_tai_ns)) {
		if (now - cpu->tai_read_ns > TAI_FRESH_NS)
			read_tai(cpu);
		head->tai_ns = now + cpu->tai_offset;
	}
	head->kind = kind;
	head->method = method;
	head->size = size;
	head->cpu = bpf_get_smp_processor_id();
	return 0;
}

/*
 * Without wake-ups (a reader woken for each record cuts the rate of short
 * connections to a quarter), but for one when a quarter is full: each is an
 * interrupt, 5 us measured, so not again before the reader was down below.
 * Above three quarters only the rare kinds, which tell what is wrong, get in.
 */
static __always_inline __u64 look_at_fill(struct per_cpu *cpu)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	bool told = cpu->woken;

	cpu->crowded = used > ring_size / 4 * 3;
	cpu->woken = used > ring_size / 4;
	return cpu->woken && !told ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* false: it is kept for others. `*flags` are those of the record to come. */
static __always_inline bool room_for(bool bulk, __u64 *flags)
{
	__u32 zero = 0;
	struct per_cpu *cpu = bpf_map_lookup_elem(&per_cpu, &zero);

	*flags = BPF_RB_NO_WAKEUP;
	if (cpu && (cpu->crowded || cpu->records++ % FILL_EVERY == 0))
		*flags = look_at_fill(cpu);
	return !bulk || !cpu || !cpu->crowded;
}

/* As many as there are connections; nothing of them is a failure. */
#define BULK_KINDS (1U << EV_STATE | 1U << EV_TIMEWAIT | 1U << EV_REQUEST | 1U << EV_ACCEPT)

__hidden int emit(struct ev_head *record, __u64 size)
{
	__u32 kind = record->kind & (EV_KIND_MAX - 1);
	__u64 flags;

	if (!room_for(BULK_KINDS >> kind & 1, &flags)) {
		count(EVC_RING_FULL + kind);
		return -1;
	}
	if (bpf_ringbuf_output(&ring, record, size, flags)) {
		count(EVC_RING_FULL + kind);
		return -1;
	}
	count(EVC_EMITTED + kind);
	return 0;
}

/* Tested once, by the caller: at a second test 6.1 follows a NULL that cannot be, and
 * misses the release there (reg_type_not_null()). */
__hidden struct ev_connection *emit_begin_connection(bool bulk)
{
	__u64 flags;

	if (!room_for(bulk, &flags))
		return NULL;
	return bpf_ringbuf_reserve(&ring, sizeof(struct ev_connection), 0);
}

/* Of two transitions each, a reader is woken by the others. */
__hidden int emit_end_connection(struct ev_connection *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	count(EVC_EMITTED + EV_CONNECTION);
	return 0;
}
