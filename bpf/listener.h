/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listener.h - who listens on a port (map `listeners`), for both sides.
 */
#ifndef TCPTRAIL_LISTENER_H
#define TCPTRAIL_LISTENER_H

#include "bpf/event.h"

struct listener_key {
	__u32 netns;
	__u16 port;
	__u8 family;		/* 4 or 6 */
	__u8 pad;
	__u8 addr[16];		/* all zero: any */
};

struct listener {
	struct ev_owner owner;
	__u32 sockets;
	__u32 mixed;		/* several owners: nobody's word is taken */
	/* while user space asks for it */
	__u64 accepts;		/* connections accept() took */
	__u64 syns;		/* that came; a function hook counts them */
};

#endif /* TCPTRAIL_LISTENER_H */
