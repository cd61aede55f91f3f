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
	snprintf(pid, sizeof(pid), "%s%u", r->owner_source == EVO_LISTENER ? "~" : "", r->pid);
	add(l, " %7s %-15s ", pid, format_plain(r->comm, sizeof(r->comm), comm, sizeof(comm)));
}

static void where(struct line *l, const struct record *r)
{
	char local[64], peer[64];
	bool in = r->role == EVR_SERVER || r->kind == REC_DROP || r->kind == REC_SYNCOOKIE;
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
		add(l, "  polled: peers not visible");
}

static void lost(struct line *l, const struct record *r)
{
	const struct stream_totals *t = r->totals;
	char n[5][32];

	add(l, " LOST %s records: ring buffer %s, missed %s, output %s, malformed %s",
	    format_count(t->lost, n[0], 32), format_count(t->lost_ring, n[1], 32),
	    format_count(t->lost_missed, n[2], 32), format_count(t->lost_output, n[3], 32),
	    format_count(t->lost_malformed, n[4], 32));
}

static const char *colour_of(const struct record *r)
{
	if (r->kind == REC_LOST || r->kind == REC_DROP || (r->kind == REC_STATE && cause_failed(r->cause)))
		return RED;
	if (r->kind == REC_RETRANSMIT || r->kind == REC_RESET || r->kind == REC_ERROR ||
	    r->kind == REC_SYNCOOKIE)
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
