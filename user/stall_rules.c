// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stall_rules.h"

#include <stdio.h>

#include "format.h"
#include "names.h"
#include "stall_timers.h"

/* A window smaller than a segment of Ethernet lets nobody send on: silly window
 * syndrome avoidance (RFC 9293 section 3.8.6.2). */
#define WINDOW_CLOSED	1460
#define RTO_MIN_MS	200	/* TCP_RTO_MIN */

const struct stall_limits stall_defaults = {
	.syn_ms = 3000, .accept_ms = 1000, .window_ms = 5000, .close_wait_ms = 60000, .fin_ms = 30000,
	.fin_wait_2_ms = 120000, .backoff = 3, .keepalive = 2, .leak = 10,
};

static const char *const names[STALLS] = {
	[STALL_NONE] = "none",
	[STALL_SYN] = "syn-no-answer",
	[STALL_SYN_ACK] = "syn-ack-no-answer",
	[STALL_FINAL_ACK] = "final-ack-ignored",
	[STALL_ACCEPT] = "accept-waiting",
	[STALL_LOCKED] = "socket-locked",
	[STALL_ZERO_WINDOW] = "zero-window-peer",
	[STALL_NOT_READING] = "app-not-reading",
	[STALL_DROPPED_HERE] = "dropped-here",
	[STALL_RETRANSMITTING] = "retransmitting",
	[STALL_SEND_BUFFER] = "send-buffer-full",
	[STALL_CLOSE_WAIT_UNREAD] = "close-wait-unread",
	[STALL_CLOSE_WAIT] = "close-wait",
	[STALL_FIN] = "fin-not-acked",
	[STALL_ORPHAN] = "orphan",
	[STALL_PEER_OPEN] = "peer-not-closing",
	[STALL_KEEPALIVE] = "keepalive-unanswered",
};

const char *stall_name(enum stall stall)
{
	return (unsigned int)stall < STALLS ? names[stall] : names[STALL_NONE];
}

static struct stall_verdict verdict(enum stall stall, uint32_t age_ms, bool lower, uint32_t limit)
{
	if (age_ms == STALLED_UNKNOWN || age_ms < limit)
		return (struct stall_verdict){ STALL_NONE, 0, false };
	return (struct stall_verdict){ stall, age_ms, lower };
}

static struct stall_verdict none(void)
{
	return verdict(STALL_NONE, STALLED_UNKNOWN, false, 0);
}

static uint32_t next_segment(const struct stalled *s)
{
	return s->unsent < s->mss ? s->unsent : s->mss;
}

/* It has a rate of its own (SO_MAX_PACING_RATE, a congestion control's), and its turn comes.
 * The kernel has the timer of probes run meanwhile, by as much longer (tcp_pacing_delay()),
 * and none is sent. */
static bool paced(const struct stalled *s)
{
	uint32_t first = s->rto_ms > RTO_MIN_MS ? s->rto_ms : RTO_MIN_MS;

	return s->probing && !s->unacked && s->probing_ms == STALLED_UNKNOWN &&
	       s->timer_ms != STALLED_UNKNOWN && s->timer_ms > first && s->peer_window >= next_segment(s);
}

/* Probes are sent while something is to be sent and nothing is under way: because the
 * window has no room for the next segment (tcp_snd_wnd_test()), or because it was
 * refused on this host, by a filter or a queue (tcp_check_probe_timer()). A peer that is
 * there answers each of them, and none is counted then. */
static struct stall_verdict probing(const struct stalled *s, const struct stall_limits *l)
{
	enum stall stall = s->peer_window < next_segment(s) ? STALL_ZERO_WINDOW : STALL_DROPPED_HERE;

	if (!s->probing || !s->unsent || s->unacked || paced(s))
		return none();
	return s->probing_ms != STALLED_UNKNOWN ? verdict(stall, s->probing_ms, false, l->window_ms) :
						  verdict(stall, s->sent_ms, true, l->window_ms);
}

static struct stall_verdict syn(const struct stalled *s, const struct stall_limits *l)
{
	if (!s->retransmits)
		return none();
	return verdict(s->left ? STALL_SYN : STALL_DROPPED_HERE, s->retrans_ms, false, l->syn_ms);
}

/* Of a request, or of a simultaneous open (RFC 9293 section 3.5). */
static struct stall_verdict syn_ack(const struct stalled *s, const struct stall_limits *l)
{
	if (s->acked)
		return verdict(STALL_FINAL_ACK, s->waited_ms, false, l->accept_ms);
	return !s->retransmits ? none() :
	       s->place == STALLED_REQUEST ? verdict(STALL_SYN_ACK, s->waited_ms, false, l->syn_ms) :
					     verdict(STALL_SYN_ACK, s->retrans_ms, false, l->syn_ms);
}

static struct stall_verdict retransmitting(const struct stalled *s, const struct stall_limits *l)
{
	if (!s->retransmits || s->backoff < l->backoff)
		return none();
	return verdict(s->left ? STALL_RETRANSMITTING : STALL_DROPPED_HERE, s->retrans_ms, false, 0);
}

static struct stall_verdict not_reading(const struct stalled *s, const struct stall_limits *l)
{
	if (!s->unread || s->fin_received || (s->window >= WINDOW_CLOSED && s->rmem < s->rcvbuf))
		return none();
	return verdict(STALL_NOT_READING, s->received_ms, true, l->window_ms);
}

static struct stall_verdict send_buffer(const struct stalled *s, const struct stall_limits *l)
{
	if (s->queued < s->sndbuf || paced(s))
		return none();
	return verdict(STALL_SEND_BUFFER, s->sent_ms, true, l->window_ms);
}

static struct stall_verdict keepalive(const struct stalled *s, const struct stall_limits *l)
{
	if (s->probes < l->keepalive || s->unsent || s->unacked)
		return none();
	return verdict(STALL_KEEPALIVE, s->heard_ms, false, 0);
}

/* Sending on in CLOSE-WAIT is a legal half-close (RFC 9293 section 3.6). */
static struct stall_verdict close_wait(const struct stalled *s, const struct stall_limits *l)
{
	if (s->sock.state != EVS_CLOSE_WAIT || s->sent_ms < l->close_wait_ms || s->unacked)
		return none();
	return verdict(s->unread ? STALL_CLOSE_WAIT_UNREAD : STALL_CLOSE_WAIT, s->heard_ms, true,
		       l->close_wait_ms);
}

static struct stall_verdict fin(const struct stalled *s, const struct stall_limits *l)
{
	enum stall stall = s->place == STALLED_ORPHAN ? STALL_ORPHAN : STALL_FIN;

	if (!s->unacked)
		return none();
	return s->retrans_ms != STALLED_UNKNOWN ? verdict(stall, s->retrans_ms, false, l->fin_ms) :
						  verdict(stall, s->heard_ms, true, l->fin_ms);
}

/* Since when is not known, but that nothing was sent or came since: both look at it
 * with the lock. */
static struct stall_verdict locked(const struct stalled *s, const struct stall_limits *l)
{
	uint32_t age = s->sent_ms < s->received_ms ? s->sent_ms : s->received_ms;

	if (!s->locked)
		return none();
	return verdict(STALL_LOCKED, age < s->heard_ms ? age : s->heard_ms, true, l->window_ms);
}

/* The first that holds: what is nearer to the cause goes before what follows of it. */
static struct stall_verdict of_open(const struct stalled *s, const struct stall_limits *l)
{
	struct stall_verdict v = locked(s, l);

	if (!v.stall)
		v = probing(s, l);
	if (!v.stall)
		v = retransmitting(s, l);
	if (!v.stall)
		v = not_reading(s, l);
	if (!v.stall)
		v = send_buffer(s, l);
	if (!v.stall)
		v = close_wait(s, l);
	return v.stall ? v : keepalive(s, l);
}

struct stall_verdict stall_of(const struct stalled *s, const struct stall_limits *l)
{
	struct stall_verdict v;

	if (s->place == STALLED_QUEUED)
		return verdict(STALL_ACCEPT, s->waited_ms, false, l->accept_ms);
	switch (s->sock.state) {
	case EVS_SYN_SENT:
		return syn(s, l);
	case EVS_SYN_RECV:
	case EVS_NEW_SYN_RECV:
		return syn_ack(s, l);
	case EVS_ESTABLISHED:
	case EVS_CLOSE_WAIT:
		return of_open(s, l);
	case EVS_FIN_WAIT1:
	case EVS_CLOSING:
	case EVS_LAST_ACK:
		v = probing(s, l);
		return v.stall ? v : fin(s, l);
	case EVS_FIN_WAIT2:
		return verdict(STALL_PEER_OPEN, s->heard_ms, true, l->fin_wait_2_ms);
	default:
		return none();
	}
}

/* Sent so far: each doubles the time to the next. */
static unsigned int probes(const struct stalled *s)
{
	return s->backoff > s->probes ? s->backoff : s->probes;
}

static const char *timer(const struct stalled *s, char *buf, size_t len)
{
	uint32_t due = stall_next_ms(s), end = stall_gives_up_ms(s);
	char next[24], last[24];

	buf[0] = '\0';
	if (due == STALLED_UNKNOWN)
		return buf;
	format_duration(due * 1000000ULL, next, sizeof(next));
	if (end == STALLED_UNKNOWN)
		snprintf(buf, len, ", next in %s", next);
	else if (end == due)
		snprintf(buf, len, ", given up in %s", next);
	else
		snprintf(buf, len, ", next in %s, given up in %s", next,
			 format_duration(end * 1000000ULL, last, sizeof(last)));
	return buf;
}

/* A segment of ours that this host did not let out: a SYN or a FIN, or data; or one that
 * left, and then it was a queue here, or what answers it (stall_drops.h). */
static void dropped_here(const struct stalled *s, const char *next, char *buf, size_t len)
{
	const char *left = s->left || s->place == STALLED_REQUEST ? "" : ", none left this host";
	char bytes[32];

	if (s->sock.state == EVS_SYN_SENT)
		snprintf(buf, len, "SYN resent %ux%s%s", s->retransmits, left, next);
	else if (s->place == STALLED_REQUEST)
		snprintf(buf, len, "SYN-ACK resent %ux%s", s->retransmits, next);
	else if (s->unacked)
		snprintf(buf, len, "%s unacked, resent %ux%s%s",
			 format_bytes(s->unacked, bytes, sizeof(bytes)), s->retransmits, left, next);
	else
		snprintf(buf, len, "peer window open, probe %u%s, %s do not leave", probes(s), next,
			 format_bytes(s->unsent, bytes, sizeof(bytes)));
}

/* Of a connection that is not open yet, or that nobody took. */
static void not_opened(enum stall stall, const struct stalled *s, const char *next, char *buf,
		       size_t len)
{
	switch (stall) {
	case STALL_SYN:
		snprintf(buf, len, "SYN resent %ux%s", s->retransmits, next);
		break;
	case STALL_SYN_ACK:
		snprintf(buf, len, "SYN-ACK resent %ux%s", s->retransmits, next);
		break;
	case STALL_FINAL_ACK:
		snprintf(buf, len, "client thinks ESTABLISHED, SYN-ACK resent %ux%s, acceptq %u/%u",
			 s->retransmits, next, s->accept_queue, s->backlog);
		break;
	default:
		snprintf(buf, len, "established, nobody accept()s it, acceptq %u/%u", s->accept_queue,
			 s->backlog);
	}
}

const char *stall_evidence(enum stall stall, const struct stalled *s, char *buf, size_t len)
{
	char next[80], a[32], b[32];

	timer(s, next, sizeof(next));
	switch (stall) {
	case STALL_SYN:
	case STALL_SYN_ACK:
	case STALL_FINAL_ACK:
	case STALL_ACCEPT:
		not_opened(stall, s, next, buf, len);
		break;
	case STALL_LOCKED:
		snprintf(buf, len, "a system call holds the socket's lock, nothing is sent or received");
		break;
	case STALL_ZERO_WINDOW:
		snprintf(buf, len, "peer window closed, probe %u%s, %s unsent", probes(s), next,
			 format_bytes(s->unsent, a, sizeof(a)));
		break;
	case STALL_DROPPED_HERE:
		dropped_here(s, next, buf, len);
		break;
	case STALL_RETRANSMITTING:
		snprintf(buf, len, "%s unacked, resent %ux%s", format_bytes(s->unacked, a, sizeof(a)),
			 s->retransmits, next);
		break;
	case STALL_NOT_READING:
		snprintf(buf, len, "%s unread, our window %s", format_bytes(s->unread, a, sizeof(a)),
			 format_bytes(s->window, b, sizeof(b)));
		break;
	case STALL_SEND_BUFFER:
		snprintf(buf, len, "send buffer %s of %s, %s unacked",
			 format_bytes(s->queued, a, sizeof(a)), format_bytes(s->sndbuf, b, sizeof(b)),
			 s->unacked ? "some" : "none");
		break;
	case STALL_CLOSE_WAIT_UNREAD:
		snprintf(buf, len, "peer closed, %s and its end unread",
			 format_bytes(s->unread - 1, a, sizeof(a)));
		break;
	case STALL_CLOSE_WAIT:
		snprintf(buf, len, "peer closed, that was read, close() not called");
		break;
	case STALL_FIN:
	case STALL_ORPHAN:
		snprintf(buf, len, "%s, resent %ux%s", name_state(s->sock.state), s->retransmits, next);
		break;
	case STALL_PEER_OPEN:
		snprintf(buf, len, "our FIN is acknowledged, the peer's does not come");
		break;
	case STALL_KEEPALIVE:
		snprintf(buf, len, "%u keepalive probes unanswered%s", s->probes, next);
		break;
	default:
		snprintf(buf, len, "%s", "");
	}
	return buf;
}

static const char *const what_to_try[STALLS] = {
	[STALL_NONE] = "",
	[STALL_SYN] = "nothing answers: firewall (here: nft list ruleset), security group, dead host or a full queue there.",
	[STALL_SYN_ACK] = "clients do not answer: a flood of SYNs, a firewall, or no way back to them.",
	[STALL_FINAL_ACK] = "the accept queue was full when it came: tcptrail listeners.",
	[STALL_ACCEPT] = "this program does not accept(): where does it hang? Or EMFILE: tcptrail limits.",
	[STALL_LOCKED] = "a call of this program sleeps with the socket locked (a page of a dead NFS or FUSE?).",
	[STALL_ZERO_WINDOW] = "the program at the peer does not read: look there.",
	[STALL_NOT_READING] = "this program does not read what came: where does it hang?",
	[STALL_DROPPED_HERE] = "a filter or a queue of this host refuses it: nft list ruleset; tc -s qdisc.",
	[STALL_RETRANSMITTING] = "nothing is acknowledged: path, firewall or peer gone.",
	[STALL_SEND_BUFFER] = "what is written does not get out: look at the path and the peer.",
	[STALL_CLOSE_WAIT_UNREAD] = "this program reads no more: where does it hang?",
	[STALL_CLOSE_WAIT] = "this program does not close what the peer closed: a leak.",
	[STALL_FIN] = "nobody acknowledges the FIN: path, firewall or peer gone.",
	[STALL_ORPHAN] = "nobody acknowledges the FIN of a process that is done: path, firewall or peer gone; ss -K ends it.",
	[STALL_PEER_OPEN] = "the program at the peer does not close: look there.",
	[STALL_KEEPALIVE] = "the peer is gone, or a firewall forgot the connection.",
};

/* Is the answer in the process, or on the wire? */
static bool on_the_wire(enum stall stall)
{
	return stall != STALL_NOT_READING && stall != STALL_CLOSE_WAIT_UNREAD &&
	       stall != STALL_CLOSE_WAIT && stall != STALL_ACCEPT && stall != STALL_FINAL_ACK && stall != STALL_LOCKED;
}

const char *stall_advice(enum stall stall, const struct stalled *s, char *buf, size_t len)
{
	char peer[64];

	format_endpoint(s->sock.family, s->sock.raddr, true, 0, false, peer, sizeof(peer));
	if ((unsigned int)stall >= STALLS)
		stall = STALL_NONE;
	/* "10.0.0.1:*", "[::1]:*": the port is told apart from the address. */
	for (size_t i = 0; peer[i]; i++)
		if (peer[i] == ':' && peer[i + 1] == '*')
			peer[i] = '\0';
	if (on_the_wire(stall))
		snprintf(buf, len, "%s  tcpdump -ni any host %s and port %u", what_to_try[stall],
			 peer, s->sock.rport);
	else if (s->sock.owner.source)
		snprintf(buf, len, "%s  cat /proc/%u/stack; gdb -p %u; ss -tnpe dst %s",
			 what_to_try[stall], s->sock.owner.pid, s->sock.owner.pid, peer);
	else
		snprintf(buf, len, "%s  ss -tnpe dst %s", what_to_try[stall], peer);
	return buf;
}
