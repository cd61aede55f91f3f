/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mib.h - where the counters of /proc/net/netstat are in struct linux_mib. Their
 * enum has no name, so CO-RE cannot ask for them: the loader finds them in BTF.
 */
#ifndef TCPTRAIL_MIB_H
#define TCPTRAIL_MIB_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* 0: this kernel has no such counter (LINUX_MIB_NUM, never counted). */
struct mib_index {
	__u32 listen_drops;
	__u32 listen_overflows;
	__u32 reqq_full_drop;
	__u32 syncookies_sent;
};

#endif /* TCPTRAIL_MIB_H */
