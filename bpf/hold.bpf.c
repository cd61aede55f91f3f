// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hold.bpf.c - a program preempted half-way is skipped for every other task of
 * that CPU until it goes on, and so is its second copy when that is preempted
 * too. Tracepoints run preemptible since Linux 7.0 (3 of 400 transitions lost on
 * 7.3 with 32 processes on 2 CPUs), fentry programs always.
 *
 * Alone here: libbpf 1.1 links no kfunc that two objects name.
 */
#include "bpf/tcptrail.bpf.h"

/* Linux 6.10, fc7566ad0a82 ("bpf: Introduce bpf_preempt_[disable,enable] kfuncs") */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

const volatile bool can_hold_cpu = false;

__hidden int hold_cpu(void)
{
	if (can_hold_cpu)
		bpf_preempt_disable();
	return 0;
}

__hidden int release_cpu(void)
{
	if (can_hold_cpu)
		bpf_preempt_enable();
	return 0;
}
