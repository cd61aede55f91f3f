// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sink_text.c - one line a record, for people.
 *
 *   TIME          PID COMM       LOCAL        > REMOTE     FROM -> TO | EVENT   IN FROM  WHY
 *
 * `>`: we opened the connection, `<`: they did. `~` before a pid: not accepted
 * yet, the listener's owner. `>=` before a time: it began before the start.
 * Addresses are never cut: a long one pushes the rest of its line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "names.h"
#include "sink.h"

#define RED	"\033[31m"
#define YELLOW	"\033[33m"
#define DIM	"\033[2m"
#define PLAIN	"\033[0m"
#define ENDPOINT_COLUMNS 21	/* 255.255.255.255:65535 */

struct sink {
	struct output *out;
	bool colour;
	bool utc;
	bool headed;
};

/* A line under construction; what does not fit is left out. */
struct line {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->at, l->room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= l->room)
		n = l->room ? l->room - 1 : 0;
	l->at += n;
	l->room -= n;
}

static struct sink *sink_text_open(struct output *out, const struct sink_options *options)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->out = out;
	s->colour = options->colour;
	s->utc = options->utc;
	return s;
}

static void broken_down(const struct sink *s, uint64_t wall_ns, struct tm *tm)
{
	time_t t = wall_ns / 1000000000;

	if (s->utc)
		gmtime_r(&t, tm);
	else
		localtime_r(&t, tm);
}

static void header(struct sink *s, struct line *l, uint64_t wall_ns)
{
	char zone[16];
	struct tm tm;

	if (s->headed)
		return;
	s->headed = true;
	broken_down(s, wall_ns, &tm);
	strftime(zone, sizeof(zone), "TIME(%z)", &tm);
	add(l, "%-14s %7s %-15s %-*s   %-*s %-28s %8s  WHY\n", zone, "PID", "COMM",
	    ENDPOINT_COLUMNS, "LOCAL", ENDPOINT_COLUMNS, "REMOTE", "FROM -> TO | EVENT", "IN FROM");
}

static void when(const struct sink *s, struct line *l, uint64_t wall_ns)
{
	char clock[16];
	struct tm tm;

	broken_down(s, wall_ns, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	add(l, "%s.%03u  ", clock, (unsigned int)(wall_ns / 1000000 % 1000));
}

static void who(struct line *l, const struct record *r)
{
	char comm[4 * EV_COMM_LEN + 1], pid[16];

	if (!(r->has & HAS_OWNER)) {
		add(l, " %7s %-15s ", "-", r->shared_port ? "(several)" : "-");
		return;
	}
	if (r->kind == REC_SUMMARY)
		snprintf(pid, sizeof(pid), "-");
	else
		snprintf(pid, sizeof(pid), "%s%u", r->owner_source == EVO_LISTENER ? "~" : "", r->pid);
	add(l, " %7s %-15s ", pid, format_plain(r->comm, sizeof(r->comm), comm, sizeof(comm)));
}

static void where(struct line *l, const struct record *r)
{
	char local[64], peer[64];
	bool in = r->role == EVR_SERVER || r->kind == REC_DROP || r->kind == REC_SYNCOOKIE ||
		  (r->kind == REC_LIMIT && r->role == EVR_LISTENER);
	char arrow = r->role == EVR_CLIENT ? '>' : in ? '<' : ' ';

	format_endpoint(r->family, r->laddr, r->has & HAS_LADDR, r->lport, r->has & HAS_LPORT,
			local, sizeof(local));
	format_endpoint(r->family, r->raddr, r->has & HAS_RADDR, r->rport, r->has & HAS_RPORT,
			peer, sizeof(peer));
	add(l, "%-*s %c %-*s ", ENDPOINT_COLUMNS, local, arrow, ENDPOINT_COLUMNS, peer);
}

static void state(struct line *l, const struct record *r)
{
	char time[24], bound[32] = "-";

	if (r->has & HAS_DURATION)
		snprintf(bound, sizeof(bound), "%s%s", r->duration_lower ? ">=" : "",
			 format_duration(r->duration_ns, time, sizeof(time)));
	add(l, "%-12s -> %-12s %8s  %s", r->has & HAS_FROM ? name_state(r->from) : "?",
	    name_state(r->to), bound, cause_name(r->cause));
	if (r->missed_len) {
		add(l, "  (missed");
		for (int i = 0; i < r->missed_len; i++)
			add(l, " %s", name_state(r->missed[i]));
		add(l, ")");
	}
	if (r->mptcp)
		add(l, "  mptcp");
}

static void retransmit(struct line *l, const struct record *r)
{
	static const char *const words[EVX_MAX] = { [EVX_SYN] = "SYN", [EVX_SYNACK] = "SYN-ACK",
						    [EVX_RTO] = "data (timeout)",
						    [EVX_FAST] = "data (fast)",
						    [EVX_PROBE] = "data (tail probe)" };
	char time[24];

	add(l, "RETRANSMIT %s", r->rexmit < EVX_MAX && words[r->rexmit] ? words[r->rexmit] : "?");
	if (r->has & HAS_ATTEMPT)
		add(l, " #%u", r->attempt);
	if (r->has & HAS_RTO)
		add(l, "   next in %s", format_duration(r->rto_ns, time, sizeof(time)));
}

/* Below ten a second with one decimal: a few seconds' figure says no more. */
static const char *rate(uint64_t n, uint64_t ns, char *out, size_t size)
{
	double per_s = n * 1e9 / ns;

	if (per_s >= 9.95 || !n)
		return format_count(per_s + 0.5, out, size);
	snprintf(out, size, "%.1f", per_s);
	return out;
}

static void accepts(struct line *l, const struct record *r)
{
	const struct record_drop *d = &r->drop;
	char number[32];

	add(l, "  accepts %s/s", rate(d->accepts, d->accepts_ns, number, sizeof(number)));
	if (r->has & HAS_SYNS)
		add(l, " of %s SYNs/s", rate(d->syns, d->accepts_ns, number, sizeof(number)));
}

/* `a/b` is now/limit. */
static void drop(struct line *l, const struct record *r)
{
	const struct record_drop *d = &r->drop;
	const char *bound = r->has & HAS_QUEUES ? name_drop_bound(d) : NULL;

	if (r->kind == REC_SYNCOOKIE)
		add(l, "SYNCOOKIE sent");
	else
		add(l, "DROP %s%s", !d->stage ? "" : d->stage == EVG_SYN ? "SYN " : "final ACK ",
		    name_drop_reason(d->reason));
	if (r->has & HAS_QUEUES)
		add(l, "   acceptq %u/%u synq %u/%u", d->queues.accept_queue, d->queues.backlog, d->queues.syn_queue,
		    d->queues.backlog);
	if (bound)
		add(l, "  limit: %s", bound);
	if (d->stage == EVG_ACK && r->has & HAS_QUEUES)
		add(l, "  %s", d->queues.abort_on_overflow ? "RST sent (tcp_abort_on_overflow)" :
						      "client thinks ESTABLISHED");
	if (r->has & HAS_TRY)
		add(l, "  try %s%u", d->tries_lower ? ">=" : "", d->tries);
	if (r->has & HAS_ACCEPTS)
		accepts(l, r);
	if (r->because)
		add(l, "  because %s", r->because);
	add(l, "  [%s]", name_drop_counter(d->reason));
}

static void accept_line(struct line *l, const struct record *r)
{
	char time[24];

	add(l, "ACCEPT");
	if (r->has & HAS_DURATION)
		add(l, " waited %s", format_duration(r->duration_ns, time, sizeof(time)));
	if (r->has & HAS_QUEUES)
		add(l, "   acceptq %u/%u", r->accept_queue.length, r->accept_queue.limit);
}

/* `a/b` is use/limit. */
static void limit(struct line *l, const struct record *r)
{
	const struct record_limit *lim = &r->limit;
	char error[24], n[3][32];

	add(l, "LIMIT %s %s %s", name_limit_call(lim->call),
	    r->has & HAS_ERRNO ? name_errno(r->err, error, sizeof(error)) : "cut to",
	    name_limit(lim->name));
	if (lim->name == EVL_SOMAXCONN && lim->has_value)
		add(l, " %s, asked for %d", format_count(lim->value, n[0], 32), lim->asked);
	else if (lim->has_use && lim->has_value)
		add(l, " %s/%s", format_count(lim->use, n[0], 32),
		    lim->value == UINT64_MAX ? "unlimited" : format_count(lim->value, n[1], 32));
	if (lim->set_by)
		add(l, "   %s%s", lim->set_by, lim->name == EVL_OPEN_FILES && lim->has_hard ? " soft" : "");
	if (lim->has_hard)
		add(l, " (hard %s)", lim->hard == UINT64_MAX ? "unlimited" :
		    format_count(lim->hard, n[2], 32));
	if (lim->low)
		add(l, " %u-%u", lim->low, lim->high);
	if (lim->has_used)
		add(l, "  to it %s TIME-WAIT + %s others", format_count(lim->time_wait, n[0], 32),
		    format_count(lim->used - lim->time_wait, n[1], 32));
	if (r->has & HAS_QUEUES)
		add(l, "  acceptq %u/%u", r->accept_queue.length, r->accept_queue.limit);
}

static const char *ended(const struct record *r, char *buf, size_t len)
{
	char error[24];

	if (cause_failed(r->cause))
		snprintf(buf, len, "CONNECTION failed %s", r->has & HAS_ERRNO ?
			 name_errno(r->err, error, sizeof(error)) : "");
	else
		snprintf(buf, len, "CONNECTION %s%s", r->cause == CAUSE_UNKNOWN ? "ended" : "ok",
			 r->life.first_close == EVS_FIN_WAIT1 ? ", closed by us" :
			 r->life.first_close == EVS_CLOSE_WAIT ? ", closed by them" : "");
	return buf;
}

/* Of one that was never established there is no more to tell than its SYNs. */
/* What became of the SYNs of a connection that was never established. */
static void syns(struct line *l, const struct record *r)
{
	if (r->cause == CAUSE_CONNECT_FAILED) {
		add(l, "  no SYN sent");
		return;
	}
	add(l, "  SYN 1+%u sent", r->life.syns_resent);
	if (r->cause == CAUSE_RST_RECEIVED)
		add(l, ", answered by RST");
	else if (r->cause == CAUSE_TIMEOUT || r->cause == CAUSE_USER_TIMEOUT)
		add(l, ", none answered");
}

static void connection(struct line *l, const struct record *r)
{
	const struct record_life *life = &r->life;
	char what[64], time[24], bound[32] = "-", n[2][32];

	if (r->has & HAS_DURATION)
		snprintf(bound, sizeof(bound), "%s%s", r->duration_lower ? ">=" : "",
			 format_duration(r->duration_ns, time, sizeof(time)));
	add(l, "%-28s %8s  %s", ended(r, what, sizeof(what)), bound, cause_name(r->cause));
	if (r->from == EVS_SYN_SENT) {
		syns(l, r);
		return;
	}
	add(l, "  tx %s rx %s  rexmit %u", format_bytes(life->bytes_sent, n[0], 32),
	    format_bytes(life->bytes_received, n[1], 32), life->resent);
	if (life->syns_resent)
		add(l, " + %u SYN%s", life->syns_resent, r->role == EVR_SERVER ? "-ACK" : "");
	if (r->has & HAS_RTT)
		add(l, "  rtt %s", format_duration(life->rtt_us * 1000ULL, time, sizeof(time)));
	if (r->has & HAS_ACCEPT_WAIT)
		add(l, "  accept %s", format_duration(life->accept_wait_ns, time, sizeof(time)));
	if (r->mptcp)
		add(l, "  mptcp");
}

static void times(struct line *l, const char *what, const struct record_times *t)
{
	char p50[24], p99[24], max[24];

	if (t->count)
		add(l, "  %s %s/%s/%s", what, format_duration(t->p50_ns, p50, sizeof(p50)),
		    format_duration(t->p99_ns, p99, sizeof(p99)),
		    format_duration(t->max_ns, max, sizeof(max)));
}

/* Times are p50/p99/max. */
static void summary(struct line *l, const struct record *r)
{
	static const char *const outcomes[] = { "ok", "failed", "ended" };
	const struct record_summary *s = r->summary;
	char n[3][32], time[24];

	add(l, "SUMMARY %s %s in %s%s", format_count(r->count, n[0], 32), outcomes[s->outcome],
	    format_duration(r->window_ns, time, sizeof(time)), s->rest ? ", all others" : "");
	times(l, "handshake", &s->handshake);
	times(l, "accept", &s->accept_wait);
	times(l, "age", &s->age);
	add(l, "  tx %s rx %s  rexmit %llu + %llu SYN", format_bytes(s->bytes_sent, n[1], 32),
	    format_bytes(s->bytes_received, n[2], 32),
	    (unsigned long long)s->resent, (unsigned long long)s->syns_resent);
}

/* What to try goes below, where it begins. */
static void stall(struct line *l, const struct record *r)
{
	const char *verdict = stall_name(r->stall->verdict.stall);
	char what[64], time[24], bound[32], number[32], text[512];

	snprintf(bound, sizeof(bound), "%s%s", r->duration_lower ? ">=" : "",
		 format_duration(r->duration_ns, time, sizeof(time)));
	if (r->count > 1)
		snprintf(what, sizeof(what), "STALL %s x%s", verdict,
			 format_count(r->count, number, sizeof(number)));
	else
		snprintf(what, sizeof(what), "STALL %s", verdict);
	if (r->stall_phase == STALL_END) {
		add(l, "%-28s %8s  over", what, bound);
		return;
	}
	add(l, "%-28s %8s  %s%s%s", what, bound, stall_rows_evidence(r->stall, text, sizeof(text)),
	    r->stall->because[0] ? "; because " : "", r->stall->because);
	if (r->stall_phase == STALL_START)
		add(l, "\n%22stry: %s", "",
		    stall_rows_advice(r->stall, text, sizeof(text)));
}

/* Drops are segments: whose they are. */
static void whose(struct line *l, const struct record *r)
{
	const char *bound = r->drop.peers_lower ? ">=" : "";
	char n[2][32];

	add(l, ": %s%s connection%s, %s%s peer%s", bound,
	    format_count(r->drop.connections, n[0], 32), r->drop.connections == 1 ? "" : "s", bound,
	    format_count(r->drop.peers, n[1], 32), r->drop.peers == 1 ? "" : "s");
}

static void what(struct line *l, const struct record *r)
{
	char error[24], number[32], time[24];

	switch (r->kind) {
	case REC_STATE:
		state(l, r);
		break;
	case REC_RETRANSMIT:
		retransmit(l, r);
		break;
	case REC_RESET:
		add(l, "RESET %s%s%s%s", r->sent ? "sent" : "received",
		    r->no_socket ? ", no socket" : "", r->has & HAS_REASON ? ": " : "",
		    r->has & HAS_REASON ? r->reason : "");
		break;
	case REC_ERROR:
		add(l, "ERROR %s", r->has & HAS_ERRNO ? name_errno(r->err, error, sizeof(error)) : "?");
		break;
	case REC_DROP:
	case REC_SYNCOOKIE:
		drop(l, r);
		break;
	case REC_ACCEPT:
		accept_line(l, r);
		break;
	case REC_LIMIT:
		limit(l, r);
		break;
	case REC_LISTEN:
		add(l, "LISTEN again, backlog %u -> %u   acceptq %u/%u", r->backlog_before,
		    r->accept_queue.limit, r->accept_queue.length, r->accept_queue.limit);
		break;
	case REC_CONNECTION:
		connection(l, r);
		break;
	case REC_SUMMARY:
		summary(l, r);
		return;
	case REC_STALL:
		stall(l, r);
		break;
	default:
		break;
	}
	if (r->has & HAS_WINDOW)
		add(l, "   x%s in %s", format_count(r->count, number, sizeof(number)),
		    format_duration(r->window_ns, time, sizeof(time)));
	if (r->has & HAS_PEERS)
		whose(l, r);
	if (r->has & HAS_AT_MOST)
		add(l, ", at most %s", format_count(r->drop.at_most, number, sizeof(number)));
	if (r->kind == REC_DROP && r->method == EVM_POLL)
		add(l, r->has & HAS_NOT_SEEN ? "  polled: not seen by kprobes" :
					       "  polled: peers not visible");
}

static void lost(struct line *l, const struct record *r)
{
	const struct stream_totals *t = r->totals;
	char n[5][32];

	add(l, " LOST %s records: ring buffer %s, missed %s, output %s, malformed %s",
	    format_count(t->lost, n[0], 32), format_count(t->lost_ring, n[1], 32),
	    format_count(t->lost_missed, n[2], 32), format_count(t->lost_output, n[3], 32),
	    format_count(t->lost_malformed, n[4], 32));
	if (t->lost_recording)
		add(l, ", missing in the recording %s", format_count(t->lost_recording, n[0], 32));
}

static const char *colour_of(const struct record *r)
{
	if (r->kind == REC_LOST || r->kind == REC_DROP ||
	    (r->kind == REC_STALL && r->stall_phase != STALL_END) ||
	    (r->kind == REC_SUMMARY && r->summary->outcome == OUTCOME_FAILURE) ||
	    (r->kind == REC_LIMIT && r->has & HAS_ERRNO) ||
	    ((r->kind == REC_STATE || r->kind == REC_CONNECTION) && cause_failed(r->cause)))
		return RED;
	if (r->kind == REC_RETRANSMIT || r->kind == REC_RESET || r->kind == REC_ERROR ||
	    r->kind == REC_SYNCOOKIE || r->kind == REC_LIMIT)
		return YELLOW;
	return r->kind == REC_STATE && r->from == EVS_TIME_WAIT ? DIM : NULL;
}

static void record_line(const struct sink *s, struct line *l, const struct record *r)
{
	const char *colour = s->colour ? colour_of(r) : NULL;

	add(l, "%s", colour ? colour : "");
	when(s, l, r->wall_ns);
	if (r->kind == REC_LOST) {
		lost(l, r);
	} else {
		who(l, r);
		where(l, r);
		what(l, r);
	}
	add(l, "%s\n", colour ? PLAIN : "");
}

static bool sink_text_write(struct sink *s, const struct record *r)
{
	struct line l = { .room = OUTPUT_LINE_MAX };
	char *room;

	/* They tell a machine that the stream is whole; people see the summary. */
	if (r->kind == REC_HEARTBEAT || r->kind == REC_STOP)
		return true;
	room = output_reserve(s->out, OUTPUT_LINE_MAX);
	if (!room)
		return false;
	l.at = room;
	header(s, &l, r->wall_ns);
	if (r->kind != REC_START)
		record_line(s, &l, r);
	output_commit(s->out, l.at - room);
	return true;
}

static void sink_text_close(struct sink *s)
{
	free(s);
}

const struct sink_ops sink_text = {
	.name = "text",
	.open = sink_text_open,
	.write = sink_text_write,
	.close = sink_text_close,
};
