/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stall_rules.h - is a connection stuck, and on what: one verdict each, from the
 * kernel's fields alone. Pure.
 */
#ifndef TCPTRAIL_STALL_RULES_H
#define TCPTRAIL_STALL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/stalled.h"

enum stall {
	STALL_NONE = 0,
	STALL_SYN,		/* SYN not answered */
	STALL_SYN_ACK,		/* nor a SYN-ACK of ours */
	STALL_FINAL_ACK,	/* it was, and that ACK ignored: the accept queue was full */
	STALL_ACCEPT,		/* established, and nobody accept()s it */
	STALL_LOCKED,		/* a call sleeps with the socket locked: nothing moves */
	STALL_ZERO_WINDOW,	/* the peer's window is closed */
	STALL_DROPPED_HERE,	/* it is open, and nothing leaves this host */
	STALL_NOT_READING,	/* our application does not read, our window is closed */
	STALL_RETRANSMITTING,
	STALL_SEND_BUFFER,	/* full, and nothing was sent for long */
	STALL_CLOSE_WAIT_UNREAD, /* the peer closed; our application did not even read that */
	STALL_CLOSE_WAIT,	/* it read that, and did not close: many are a leak */
	STALL_FIN,		/* FIN not acknowledged */
	STALL_ORPHAN,		/* the same, without a process any more */
	STALL_PEER_OPEN,	/* we are done, the peer does not close */
	STALL_KEEPALIVE,	/* keepalive probes unanswered */
	STALLS,
};

/* How long is too long. */
struct stall_limits {
	uint32_t syn_ms;	/* SYN, SYN-ACK */
	uint32_t accept_ms;	/* accept queue, and final ACKs before it */
	uint32_t window_ms;	/* zero window, not reading, send buffer */
	uint32_t close_wait_ms;
	uint32_t fin_ms;
	uint32_t fin_wait_2_ms;
	uint32_t backoff;	/* retransmissions of one segment */
	uint32_t keepalive;	/* probes that nobody answers */
	uint32_t leak;		/* CLOSE-WAIT of one owner and service */
};

/* Those of the manual page. */
extern const struct stall_limits stall_defaults;

struct stall_verdict {
	enum stall stall;
	uint32_t age_ms;
	bool lower;		/* at least: the kernel has no stamp of its begin */
};

struct stall_verdict stall_of(const struct stalled *s, const struct stall_limits *limits);

/* "syn-no-answer"; static. */
const char *stall_name(enum stall stall);

/* The evidence of one connection, in words: 160 bytes. Returns buf. */
const char *stall_evidence(enum stall stall, const struct stalled *s, char *buf, size_t len);

/* What to try, with its owner and addresses: 512 bytes. Returns buf. */
const char *stall_advice(enum stall stall, const struct stalled *s, char *buf, size_t len);

#endif /* TCPTRAIL_STALL_RULES_H */
