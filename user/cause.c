// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cause.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define SEND_SHUTDOWN	2
#define BOTH_SHUTDOWN	3

/* An expired TCP_USER_TIMEOUT ends the socket when its timer fires next: not
 * earlier, and at most the longest retransmission step of a SYN later. */
#define USER_TIMEOUT_SLACK_NS	1000000000ULL

static const char *const names[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = "unknown",
	[CAUSE_CONNECT] = "connect",
	[CAUSE_LISTEN] = "listen",
	[CAUSE_SYN_RECEIVED] = "syn-received",
	[CAUSE_SYN_ACK_RECEIVED] = "syn-ack-received",
	[CAUSE_HANDSHAKE_ACKED] = "handshake-acked",
	[CAUSE_FIN_ACKED] = "fin-acked",
	[CAUSE_CLOSE] = "close",
	[CAUSE_SHUTDOWN] = "shutdown",
	[CAUSE_PROCESS_EXIT] = "process-exit",
	[CAUSE_FIN_RECEIVED] = "fin-received",
	[CAUSE_RST_RECEIVED] = "rst-received",
	[CAUSE_ABORT_LINGER] = "abort-linger",
	[CAUSE_ABORT_UNREAD_DATA] = "abort-unread-data",
	[CAUSE_ABORT_MEMORY] = "abort-memory",
	[CAUSE_OVERFLOW_RST] = "overflow-rst",
	[CAUSE_TIMEOUT] = "timeout",
	[CAUSE_KEEPALIVE_TIMEOUT] = "keepalive-timeout",
	[CAUSE_USER_TIMEOUT] = "user-timeout",
	[CAUSE_ICMP_ERROR] = "icmp-error",
	[CAUSE_CONNECT_FAILED] = "connect-failed",
	[CAUSE_CANCELLED] = "cancelled",
	[CAUSE_KILLED] = "killed",
	[CAUSE_LISTENER_CLOSED] = "listener-closed",
	[CAUSE_FIN_WAIT_2_TIMEOUT] = "fin-wait-2-timeout",
	[CAUSE_TIME_WAIT_EXPIRED] = "time-wait-expired",
	[CAUSE_TIME_WAIT_REUSED] = "time-wait-reused",
	[CAUSE_TIME_WAIT_KILLED] = "time-wait-killed",
	[CAUSE_TIME_WAIT_OVERFLOW] = "time-wait-overflow",
};

const char *cause_name(enum cause cause)
{
	return (unsigned int)cause < CAUSE_MAX ? names[cause] : names[CAUSE_UNKNOWN];
}

bool cause_failed(enum cause cause)
{
	switch (cause) {
	case CAUSE_RST_RECEIVED:
	case CAUSE_ABORT_UNREAD_DATA:
	case CAUSE_ABORT_MEMORY:
	case CAUSE_OVERFLOW_RST:
	case CAUSE_TIMEOUT:
	case CAUSE_KEEPALIVE_TIMEOUT:
	case CAUSE_USER_TIMEOUT:
	case CAUSE_ICMP_ERROR:
	case CAUSE_CONNECT_FAILED:
	case CAUSE_KILLED:
	case CAUSE_LISTENER_CLOSED:
	case CAUSE_FIN_WAIT_2_TIMEOUT:
	case CAUSE_TIME_WAIT_OVERFLOW:
		return true;
	default:
		return false;
	}
}

static bool has(const struct ev_state *ev, uint32_t fact)
{
	return ev->facts & fact;
}

/*
 * Who sent the FIN. tcp_close() runs with every direction shut and, when it was
 * the last close(2), with no reference left to the file; shutdown(2) keeps it.
 */
static enum cause fin_sent(const struct ev_state *ev)
{
	if (has(ev, EVF_EXITING))
		return CAUSE_PROCESS_EXIT;
	if (ev->shutdown == SEND_SHUTDOWN)
		return CAUSE_SHUTDOWN;
	if (ev->sock.flags & EVSK_MPTCP)
		return CAUSE_CLOSE;	/* the kernel closes subflows itself */
	if (ev->shutdown == BOTH_SHUTDOWN && has(ev, EVF_FILE_LIVE))
		return CAUSE_SHUTDOWN;
	if (ev->shutdown == BOTH_SHUTDOWN && has(ev, EVF_FILE_DEAD))
		return CAUSE_CLOSE;
	return CAUSE_UNKNOWN;		/* a socket of the kernel's own */
}

/* tcp_write_err() reports ETIMEDOUT, or what ICMP said on the way. */
static bool timed_out(const struct ev_state *ev)
{
	return ev->err == ETIMEDOUT || (ev->err && ev->err == ev->err_soft);
}

/* In SYN-SENT both a count and TCP_USER_TIMEOUT end it; time tells which. */
static bool syn_user_timeout(const struct ev_state *ev)
{
	uint64_t limit = ev->user_timeout_ms * 1000000ULL;
	uint64_t age = ev->head.ts_ns - ev->since_ns;

	return limit && ev->since_ns && age + 10000000 >= limit &&
	       age < limit + USER_TIMEOUT_SLACK_NS;
}

/*
 * With TCP_USER_TIMEOUT set it replaces every other limit of a synchronised
 * connection (RFC 5482; retransmits_timed_out(), tcp_keepalive_timer()). Only
 * the keepalive timer sends a RST before it gives up.
 */
static enum cause timeout_kind(const struct ev_state *ev)
{
	if (ev->from == EVS_SYN_SENT || ev->from == EVS_SYN_RECV)
		return syn_user_timeout(ev) ? CAUSE_USER_TIMEOUT : CAUSE_TIMEOUT;
	if (ev->user_timeout_ms)
		return CAUSE_USER_TIMEOUT;
	return has(ev, EVF_RST_OUT) ? CAUSE_KEEPALIVE_TIMEOUT : CAUSE_TIMEOUT;
}

/*
 * tcp_reset() ran. It also runs when data arrives for a socket that was closed
 * (RFC 9293 section 3.10.7.4 via tcp_rcv_state_process(), FIN-WAIT-1 and -2):
 * nobody sent a RST then. A hook on it sees the flag; without one, a data
 * segment since FIN-WAIT-1 leaves it open.
 */
static enum cause reset_kind(const struct ev_state *ev)
{
	bool fin_wait = ev->from == EVS_FIN_WAIT1 || ev->from == EVS_FIN_WAIT2 ||
			ev->from == EVS_CLOSING;

	if (has(ev, EVF_RST_FLAG))
		return CAUSE_RST_RECEIVED;
	if (has(ev, EVF_RST_NOFLAG))
		return CAUSE_ABORT_UNREAD_DATA;
	if (fin_wait && ev->shutdown & 1 && has(ev, EVF_DATA_AFTER_CLOSE))
		return CAUSE_UNKNOWN;
	return CAUSE_RST_RECEIVED;
}

static enum cause listen_end(const struct ev_state *ev)
{
	if (has(ev, EVF_ABORT))
		return CAUSE_KILLED;
	if (has(ev, EVF_EXITING))
		return CAUSE_PROCESS_EXIT;
	if (has(ev, EVF_FILE_DEAD))
		return CAUSE_CLOSE;
	return CAUSE_UNKNOWN;	/* shutdown(2), ss -K, connect(AF_UNSPEC) */
}

static enum cause syn_sent_end(const struct ev_state *ev)
{
	if (has(ev, EVF_NOTHING_SENT))
		return CAUSE_CONNECT_FAILED;
	if (has(ev, EVF_RST_IN))
		return CAUSE_RST_RECEIVED;
	if (has(ev, EVF_ABORT) || ev->err == ECONNABORTED)
		return CAUSE_KILLED;
	if (timed_out(ev))
		return timeout_kind(ev);
	return ev->err ? CAUSE_ICMP_ERROR : CAUSE_CANCELLED;
}

/* close() of a connection that cannot end in order (__tcp_close()): unread data
 * is looked at before SO_LINGER. */
static enum cause local_abort(const struct ev_state *ev)
{
	bool closing = ev->shutdown == BOTH_SHUTDOWN && has(ev, EVF_FILE_DEAD | EVF_EXITING) &&
		       !has(ev, EVF_SOCK_DEAD);

	if (closing && ev->unread)
		return CAUSE_ABORT_UNREAD_DATA;
	if (closing && has(ev, EVF_LINGER0))
		return CAUSE_ABORT_LINGER;
	return CAUSE_UNKNOWN;
}

/* inet_csk_listen_stop() disconnects a child before it orphans it: no socket,
 * and not dead yet. An MPTCP subflow has no socket of its own either. */
static bool was_queued(const struct ev_state *ev)
{
	return has(ev, EVF_NO_SOCKET) && !has(ev, EVF_SOCK_DEAD) && !ev->err &&
	       !(ev->sock.flags & EVSK_MPTCP);
}

static enum cause connection_end(const struct ev_state *ev)
{
	if (has(ev, EVF_RST_IN | EVF_RST_FLAG | EVF_RST_NOFLAG))
		return reset_kind(ev);
	if (has(ev, EVF_ABORT) || ev->err == ECONNABORTED)
		return CAUSE_KILLED;
	if (timed_out(ev))
		return timeout_kind(ev);
	if (ev->err)
		return CAUSE_UNKNOWN;
	if (was_queued(ev))
		return CAUSE_LISTENER_CLOSED;
	if (ev->from == EVS_LAST_ACK)
		return has(ev, EVF_ALL_ACKED) ? CAUSE_FIN_ACKED : CAUSE_UNKNOWN;
	if (ev->from == EVS_FIN_WAIT2 && has(ev, EVF_LINGER2_NEG) && !has(ev, EVF_SOCK_DONE))
		return CAUSE_ABORT_LINGER;
	if (ev->from == EVS_FIN_WAIT2 && has(ev, EVF_RST_OUT))
		return CAUSE_FIN_WAIT_2_TIMEOUT;
	return local_abort(ev);
}

/*
 * FIN-WAIT-2 or CLOSING -> CLOSE is mostly the move to a mini-socket. A hook on
 * its allocation decides. Without one: tcp_fin() sets SOCK_DONE before
 * tcp_time_wait(), an orphan moves to a FIN-WAIT-2 mini-socket without it, and
 * with the buckets at their limit nobody can say whether there was one.
 */
static bool moved(const struct ev_state *ev, struct cause_verdict *v)
{
	if (ev->from != EVS_FIN_WAIT2 && ev->from != EVS_CLOSING)
		return false;
	v->cause = ev->from == EVS_CLOSING ? CAUSE_FIN_ACKED : CAUSE_FIN_RECEIVED;
	if (has(ev, EVF_TW_ALLOC_FW2))
		return v->silent = true;
	if (has(ev, EVF_TW_ALLOC)) {
		v->to = EVS_TIME_WAIT;
		return true;
	}
	if (has(ev, EVF_TW_NULL)) {
		v->cause = CAUSE_TIME_WAIT_OVERFLOW;
		return true;
	}
	if (has(ev, EVF_TW_HOOKED | EVF_RST_IN | EVF_RST_OUT | EVF_ABORT) || ev->err ||
	    (has(ev, EVF_LINGER2_NEG) && !has(ev, EVF_SOCK_DONE)))
		return false;
	if (has(ev, EVF_TW_FULL)) {
		v->cause = CAUSE_UNKNOWN;
		return true;
	}
	if (has(ev, EVF_SOCK_DONE)) {
		v->to = EVS_TIME_WAIT;
		return v->inferred = true;
	}
	return v->silent = v->inferred = has(ev, EVF_SOCK_DEAD);
}

static enum cause cause_of_end(const struct ev_state *ev)
{
	if (ev->from == EVS_LISTEN)
		return listen_end(ev);
	if (ev->from == EVS_SYN_SENT)
		return syn_sent_end(ev);
	return connection_end(ev);
}

struct cause_verdict cause_of_state(const struct ev_state *ev)
{
	struct cause_verdict v = { .from = ev->from, .to = ev->to };

	switch (ev->to) {
	case EVS_SYN_SENT:
		v.cause = CAUSE_CONNECT;
		break;
	case EVS_LISTEN:
		v.cause = CAUSE_LISTEN;
		break;
	case EVS_SYN_RECV:
		v.cause = CAUSE_SYN_RECEIVED;
		break;
	case EVS_ESTABLISHED:
		v.cause = ev->from == EVS_SYN_SENT ? CAUSE_SYN_ACK_RECEIVED : CAUSE_HANDSHAKE_ACKED;
		break;
	case EVS_CLOSE_WAIT:
	case EVS_CLOSING:
		v.cause = CAUSE_FIN_RECEIVED;
		break;
	case EVS_FIN_WAIT2:
		v.cause = CAUSE_FIN_ACKED;
		break;
	case EVS_FIN_WAIT1:
	case EVS_LAST_ACK:
		v.cause = fin_sent(ev);
		break;
	case EVS_CLOSE:
		if (!moved(ev, &v))
			v.cause = cause_of_end(ev);
		break;
	default:
		break;
	}
	return v;
}

enum cause cause_of_timewait(const struct ev_timewait *ev)
{
	bool fin_wait = ev->from == EVS_FIN_WAIT2;

	switch (ev->why) {
	case EVW_FIN:
		return CAUSE_FIN_RECEIVED;
	case EVW_EXPIRED:
		return fin_wait ? CAUSE_FIN_WAIT_2_TIMEOUT : CAUSE_TIME_WAIT_EXPIRED;
	case EVW_REUSED:
		return fin_wait ? CAUSE_UNKNOWN : CAUSE_TIME_WAIT_REUSED;
	case EVW_RST:
		return fin_wait ? CAUSE_RST_RECEIVED : CAUSE_TIME_WAIT_KILLED;
	case EVW_KILLED:
		return fin_wait ? CAUSE_UNKNOWN : CAUSE_TIME_WAIT_KILLED;
	default:
		return CAUSE_UNKNOWN;
	}
}

enum cause cause_of_request(const struct ev_request *ev)
{
	if (ev->to == EVS_SYN_RECV)
		return CAUSE_SYN_RECEIVED;
	switch (ev->why) {
	case EVQ_EXPIRED:
		return CAUSE_TIMEOUT;
	case EVQ_RST:
		return CAUSE_RST_RECEIVED;
	case EVQ_OVERFLOW_RST:
		return CAUSE_OVERFLOW_RST;
	case EVQ_LISTENER_CLOSED:
		return CAUSE_LISTENER_CLOSED;
	case EVQ_KILLED:
		return CAUSE_KILLED;
	default:
		return CAUSE_UNKNOWN;
	}
}

struct cause_verdict cause_of_connection(const struct ev_connection *c)
{
	struct cause_verdict v = cause_of_state(&c->end);
	struct ev_timewait tw = { .from = EVS_FIN_WAIT2, .to = c->end.to, .why = c->mini_why };

	if (!c->mini)
		return v;
	v.from = EVS_FIN_WAIT2;
	v.to = c->end.to;
	v.cause = cause_of_timewait(&tw);
	v.inferred = v.silent = false;
	return v;
}
