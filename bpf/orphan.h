/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * orphan.h - FIN-WAIT-2 of a connection without a process, where nothing but the FIN
 * is seen of it (timewait.bpf.c). User space, too, gives a place free, when it finds
 * that the mini-socket is gone.
 */
#ifndef TCPTRAIL_ORPHAN_H
#define TCPTRAIL_ORPHAN_H

#include "bpf/event.h"

#define ORPHANS 8192		/* a power of two */

struct orphan {
	__u64 cookie;		/* 0: free. By atomic operations alone */
	__u64 since_ns;		/* CLOCK_MONOTONIC when FIN-WAIT-2 began */
	struct ev_sock sock;
};

#endif /* TCPTRAIL_ORPHAN_H */
