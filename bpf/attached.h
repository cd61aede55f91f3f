/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attached.h - which hooks are in place: the loader tells the BPF programs,
 * after it attached them one by one.
 */
#ifndef TCPTRAIL_ATTACHED_H
#define TCPTRAIL_ATTACHED_H

#ifndef __bpf__
#include <linux/types.h>
#endif

struct attached {
	__u8 notes;	/* function hooks leave notes for the state program */
	__u8 tw;	/* mini-sockets' ends are seen, and their making */
	__u8 tw_alloc;	/* their making is seen without fail (fentry) */
	__u8 abort;	/* tcp_abort() is seen */
	__u8 fin_dropped; /* the FIN that moves a FIN-WAIT-2 mini-socket is seen */
	__u8 settled;	/* the snapshot is done: who is unknown now was missed */
	__u8 connect_returns; /* connect() is seen as a system call: it asks for what failed */
	__u8 requests;	/* the SYN queue is seen, and what a final ACK does */
	__u8 netns_counts; /* the counters are read where a listener begins and ends */
	__u8 more_copies; /* of the state program: four, not two */
};

#endif /* TCPTRAIL_ATTACHED_H */
