/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel_filter.h - what of a filter the BPF programs decide before they make a
 * record; 0: does not care. An unknown value passes: user space decides again
 * (filter.c) with what it learnt since, so this only saves work.
 */
#ifndef TCPTRAIL_KERNEL_FILTER_H
#define TCPTRAIL_KERNEL_FILTER_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define FILTER_PIDS_MAX 16

struct kernel_filter {
	__u32 netns;			/* inode number */
	__u32 pids[FILTER_PIDS_MAX];	/* thread group ids */
	__u32 pids_len;
	__u16 lport;			/* host order */
	__u16 rport;
	__u16 port;			/* either side */
	__u8 family;			/* 4 or 6 */
	__u8 pad;
};

#endif /* TCPTRAIL_KERNEL_FILTER_H */
