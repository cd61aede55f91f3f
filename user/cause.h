/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cause.h - why a transition happened, in one word of a closed list.
 *
 * Never guessed: where the facts do not decide, CAUSE_UNKNOWN. Pure.
 */
#ifndef TCPTRAIL_CAUSE_H
#define TCPTRAIL_CAUSE_H

#include <stdbool.h>

#include "bpf/event.h"

enum cause {
	CAUSE_UNKNOWN = 0,
	CAUSE_CONNECT,
	CAUSE_LISTEN,
	CAUSE_SYN_RECEIVED,
	CAUSE_SYN_ACK_RECEIVED,
	CAUSE_HANDSHAKE_ACKED,
	CAUSE_FIN_ACKED,
	CAUSE_CLOSE,
	CAUSE_SHUTDOWN,
	CAUSE_PROCESS_EXIT,
	CAUSE_FIN_RECEIVED,
	CAUSE_RST_RECEIVED,
	CAUSE_ABORT_LINGER,
	CAUSE_ABORT_UNREAD_DATA,
	CAUSE_ABORT_MEMORY,
	CAUSE_OVERFLOW_RST,
	CAUSE_TIMEOUT,
	CAUSE_KEEPALIVE_TIMEOUT,
	CAUSE_USER_TIMEOUT,
	CAUSE_ICMP_ERROR,
	CAUSE_CONNECT_FAILED,
	CAUSE_CANCELLED,
	CAUSE_KILLED,
	CAUSE_LISTENER_CLOSED,
	CAUSE_FIN_WAIT_2_TIMEOUT,
	CAUSE_TIME_WAIT_EXPIRED,
	CAUSE_TIME_WAIT_REUSED,
	CAUSE_TIME_WAIT_KILLED,
	CAUSE_TIME_WAIT_OVERFLOW,
	CAUSE_MAX,
};

/* The word people see ("fin-acked"); "unknown" out of range. Static. */
const char *cause_name(enum cause cause);

/* A connection ended so in failure, not in order (-e problems). */
bool cause_failed(enum cause cause);

/* What a state record of the kernel means. */
struct cause_verdict {
	enum ev_tcp_state from;
	enum ev_tcp_state to;	/* TIME-WAIT where the kernel says CLOSE */
	enum cause cause;
	bool inferred;		/* `to` follows from SOCK_DONE, not from a hook */
	bool silent;		/* a move to a FIN-WAIT-2 mini-socket: no end */
};

/* Derive it; see the table in cause.c for the rules and their sources. */
struct cause_verdict cause_of_state(const struct ev_state *ev);

/* The same for a mini-socket's record. */
enum cause cause_of_timewait(const struct ev_timewait *ev);

/* A request's. */
enum cause cause_of_request(const struct ev_request *ev);

/* The end of a connection: that of its full socket, or what its mini-socket came to
 * in FIN-WAIT-2 (lives.h). Not silent. */
struct cause_verdict cause_of_connection(const struct ev_connection *c);

#endif /* TCPTRAIL_CAUSE_H */
