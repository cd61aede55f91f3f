// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mib.bpf.c - where a CPU's copy of a per-CPU variable is.
 *
 * The kernel's own this_cpu_off would tell, but is an x86 symbol and not in
 * /proc/kallsyms without CONFIG_KALLSYMS_ALL. A per-CPU array of ours tells as
 * well: the address of its element on a CPU, less the per-CPU pointer to it.
 */
#include "bpf/mib.bpf.h"

const volatile struct mib_index mib = {};

struct place {
	__u64 self;		/* written to be read back as a number */
	__u64 map;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct place);
} places SEC(".maps");

__hidden bool mib_offset(__s32 cpu, __u64 *offset)
{
	__u32 zero = 0;
	volatile struct place *p;
	__u64 pointer = 0;

	if (cpu < 0)
		p = bpf_map_lookup_elem(&places, &zero);
	else
		p = bpf_map_lookup_percpu_elem(&places, &zero, cpu);
	if (!p)
		return false;
	p->self = (__u64)(unsigned long)p;
	p->map = (__u64)(unsigned long)&places;
	bpf_probe_read_kernel(&pointer, sizeof(pointer),
			      (void *)(unsigned long)(p->map + bpf_core_field_offset(struct bpf_array,
										     pptrs)));
	*offset = p->self - pointer;
	return pointer;
}
