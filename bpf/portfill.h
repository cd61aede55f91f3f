/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * portfill.h - the question that user space asks portfill.bpf.c: which local
 * port has this socket now?
 */
#ifndef TCPTRAIL_PORTFILL_H
#define TCPTRAIL_PORTFILL_H

#include "bpf/event.h"

#define PORTFILL_MAX 256

enum portfill_answer {
	PORTFILL_GONE = 0,	/* the socket is another one now, or none */
	PORTFILL_NONE = 1,	/* it has no port yet */
	PORTFILL_PORT = 2,
};

struct portfill_slot {
	__u64 sk;		/* in: ev_state.sk */
	__u64 cookie;		/* in: must be the socket's, or it is gone */
	struct ev_owner owner;	/* in: as the record has it */
	__u16 port;		/* out: host order */
	__u8 answer;		/* out: enum portfill_answer */
	__u8 pad[5];
};

#endif /* TCPTRAIL_PORTFILL_H */
