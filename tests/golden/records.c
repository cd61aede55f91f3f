// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * records.c - a fixed list of raw records, as the kernel side makes them, through
 * decode() and a sink: the whole way of a line without a kernel or a privilege.
 *
 *   records text|json|prom
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "decode.h"
#include "rec_codec.h"
#include "recorder.h"
#include "stall_record.h"
#include "metrics.h"
#include "options.h"
#include "sink.h"

#define START	1795330200000000000ULL	/* 2026-11-22T06:50:00Z */
#define MS	1000000ULL

static uint64_t wall_ns(void *ctx, uint64_t mono_ns, uint64_t tai_ns)
{
	(void)ctx;
	(void)tai_ns;
	return START + mono_ns;
}

static const char *reset_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason == 11 ? "TCP_ABORT_ON_CLOSE" : NULL;
}

static const struct decode_env env = { wall_ns, reset_reason, NULL };

/* The sink of numbers, without its file. */
static struct sink *prom_open(struct output *out, const struct sink_options *options)
{
	(void)out;
	(void)options;
	return (struct sink *)metrics_open(EVENTS_ALL);
}

static bool prom_write(struct sink *sink, const struct record *r)
{
	metrics_take((struct metrics *)sink, r);
	return true;
}

static void prom_close(struct sink *sink)
{
	static const struct stream_totals totals = { .printed = 1000, .lost_ring = 40,
						     .lost_missed = 2, .poorer = 3, .unknown_cause = 2 };
	static const struct stream_info info = { .version = "0.1.0", .kernel = "6.1.0", .tier = "tracepoint" };
	static struct limit_row limits[] = {
		{ .kind = LIMIT_FILE_MAX, .use = 9000, .max = 100000 },
		{ .kind = LIMIT_TIME_WAIT, .use = 65536, .max = 65536 },
		{ .kind = LIMIT_NEIGHBOURS, .use = 12, .max = 1024 },
		{ .kind = LIMIT_NEIGHBOURS, .use = 1000, .max = 1024 },
	};
	static const struct gauges gauges = {
		.limits = { .all = limits, .len = 4 }, .has_sockets = true,
		.sockets = { [EVS_ESTABLISHED] = 1200, [EVS_CLOSE_WAIT] = 31, [EVS_LISTEN] = 9 },
	};
	static const struct metrics_own own = { .info = &info, .totals = &totals, .started_ns = START,
						.user_ns = 1500 * MS, .system_ns = 250 * MS,
						.resident_bytes = 44150784, .ring_fill = 0.25,
						.gauges = &gauges };

	metrics_print((const struct metrics *)sink, &own, stdout);
	metrics_close((struct metrics *)sink);
}

static const struct sink_ops sink_prom = { "prom", prom_open, prom_write, prom_close };

static const struct sink_ops *ops_of(const char *name)
{
	return strcmp(name, "prom") ? sink_by_name(name) : &sink_prom;
}

struct tool {
	struct recorder *recorder;	/* NULL: a sink */
	const struct sink_ops *ops;
	struct sink *sink;
	struct cgroup_info cgroup;
};

static void tell(struct tool *t, const void *raw)
{
	struct record r;

	if (!decode(raw, &env, &r) && !t->recorder)
		return;
	if (t->recorder && r.kind == REC_LIMIT)
		recorder_limit(t->recorder, &r.limit);
	if (t->recorder) {
		recorder_event(t->recorder, raw);
		return;
	}
	if (((const struct ev_state *)raw)->sock.cgroup) {
		r.cgroup = &t->cgroup;
		r.has |= HAS_CGROUP;
	}
	t->ops->write(t->sink, &r);
}

static struct ev_sock sock(uint64_t cookie, uint8_t role, uint8_t source, const char *comm)
{
	struct ev_sock s = {
		.cookie = cookie, .netns = 4026531840, .uid = 1000, .family = 4, .role = role,
		.lport = 40000, .rport = 443, .laddr = { 10, 0, 0, 1 }, .raddr = { 10, 0, 0, 2 },
		.owner = { .pid = 48213, .source = source },
	};

	/* Without NUL where it is that long, as the kernel's own. */
	memcpy(s.owner.comm, comm, strnlen(comm, sizeof(s.owner.comm)));
	return s;
}

static struct ev_head head(uint8_t kind, size_t size, uint64_t ms)
{
	return (struct ev_head){ .ts_ns = ms * MS, .tai_ns = ms * MS, .kind = kind,
				 .method = EVM_TP_BTF, .size = size };
}

static struct ev_state step(struct ev_sock s, uint64_t ms, uint64_t since_ms, uint8_t from,
			    uint8_t to, uint32_t facts)
{
	struct ev_state e = { .head = head(EV_STATE, sizeof(e), ms), .sock = s, .from = from,
			      .stored = from, .to = to, .facts = facts,
			      .since_ns = since_ms * MS };

	e.sock.state = to;
	return e;
}

static void healthy_client(struct tool *t)
{
	struct ev_sock s = sock(0x42afab, EVR_CLIENT, EVO_CONNECT, "curl");
	struct ev_state steps[] = {
		step(s, 100, 0, EVS_CLOSE, EVS_SYN_SENT, 0),
		step(s, 121, 100, EVS_SYN_SENT, EVS_ESTABLISHED, 0),
		step(s, 389, 121, EVS_ESTABLISHED, EVS_FIN_WAIT1, EVF_FILE_DEAD),
		step(s, 410, 389, EVS_FIN_WAIT1, EVS_FIN_WAIT2, 0),
		step(s, 411, 410, EVS_FIN_WAIT2, EVS_CLOSE, EVF_SOCK_DONE),
	};
	struct ev_timewait end = { .head = head(EV_TIMEWAIT, sizeof(end), 60411), .sock = s,
				   .since_ns = 411 * MS, .from = EVS_TIME_WAIT, .to = EVS_CLOSE,
				   .why = EVW_EXPIRED };

	steps[2].shutdown = 3;
	steps[0].stored = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		tell(t, &steps[i]);
	end.sock.state = EVS_CLOSE;
	tell(t, &end);
}

/* One cookie from the SYN on; by a kprobe there is none. */
static void syn_queue(struct tool *t)
{
	struct ev_sock s = sock(0x2001, EVR_SERVER, EVO_LISTENER, "nginx");
	struct ev_request e = { .head = head(EV_REQUEST, sizeof(e), 700), .sock = s,
				.from = EVS_LISTEN, .to = EVS_SYN_RECV };
	struct ev_state child = step(s, 720, 700, EVS_SYN_RECV, EVS_ESTABLISHED, 0);
	struct record sum = { .kind = REC_STATE, .wall_ns = START + 4000 * MS, .count = 70000,
			      .window_ns = 1000 * MS, .has = HAS_WINDOW | HAS_FROM | HAS_STATE |
			      HAS_OWNER | HAS_COOKIE | HAS_LADDR | HAS_LPORT, .lport = 80,
			      .role = EVR_LISTENER, .family = 4, .cookie = 0x1001,
			      .from = EVS_LISTEN, .to = EVS_SYN_RECV, .cause = CAUSE_SYN_RECEIVED,
			      .pid = 7, .owner_source = EVO_LISTEN, .method = EVM_FENTRY,
			      .comm = "nginx" };

	e.sock.state = EVS_SYN_RECV;
	e.head.method = EVM_FENTRY;
	tell(t, &e);
	tell(t, &child);
	e.head = head(EV_REQUEST, sizeof(e), 63700);
	e.head.method = EVM_KPROBE;
	e.sock.cookie = 0;
	e.sock.state = e.to = EVS_CLOSE;
	e.from = EVS_SYN_RECV;
	e.why = EVQ_EXPIRED;
	e.since_ns = 700 * MS;
	tell(t, &e);
	t->ops->write(t->sink, &sum);
}

static void listened_again(struct tool *t)
{
	struct ev_sock s = sock(0x1001, EVR_LISTENER, EVO_CALL, "nginx");
	struct ev_listener e = { .head = head(EV_LISTENER, sizeof(e), 2600), .sock = s,
				 .backlog = 511, .before = 128, .accept_queue = 129 };

	tell(t, &e);
}

static void server_in_a_pod(struct tool *t)
{
	struct ev_sock s = sock(0x1001, EVR_SERVER, EVO_LISTENER, "nginx");
	struct ev_state e;

	s.family = 6;
	s.cgroup = 77;
	memcpy(s.laddr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(s.raddr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	s.lport = 443;
	s.rport = 51522;
	e = step(s, 500, 499, EVS_SYN_RECV, EVS_ESTABLISHED, 0);
	tell(t, &e);
	s.owner.source = EVO_ACCEPT;
	e = step(s, 700, 500, EVS_ESTABLISHED, EVS_CLOSE, EVF_FILE_DEAD);
	e.shutdown = 3;
	e.unread = 17;
	tell(t, &e);
	s = sock(0x1002, EVR_LISTENER, EVO_LISTEN, "nginx");
	memset(s.laddr, 0, sizeof(s.laddr));
	e = step(s, 800, 0, EVS_CLOSE, EVS_LISTEN, 0);
	e.stored = 0;
	tell(t, &e);
}

static void what_is_not_known(struct tool *t)
{
	struct ev_sock s = sock(0x77, EVR_UNKNOWN, EVO_NONE, "");
	struct ev_state e;

	s.flags = EVSK_LATE;
	e = step(s, 900, 0, EVS_ESTABLISHED, EVS_CLOSE_WAIT, 0);
	e.stored = 0;
	tell(t, &e);
	s = sock(0x78, EVR_SERVER, EVO_NONE, "");
	s.flags = EVSK_MIXED | EVSK_MPTCP;
	e = step(s, 910, 905, EVS_SYN_RECV, EVS_ESTABLISHED, 0);
	tell(t, &e);
	s = sock(0, EVR_CLIENT, EVO_NONE, "");
	s.flags = EVSK_NO_STORAGE;
	s.lport = 0;
	s.uid = -1;
	e = step(s, 920, 0, EVS_CLOSE, EVS_SYN_SENT, 0);
	tell(t, &e);
	/* A snapshot's socket with two steps that no program saw. */
	s = sock(0x79, EVR_CLIENT, EVO_SNAPSHOT, "java");
	s.flags = EVSK_LOWER;
	e = step(s, 930, 10, EVS_FIN_WAIT2, EVS_CLOSE, EVF_SOCK_DONE);
	e.stored = EVS_ESTABLISHED;
	tell(t, &e);
	e = step(s, 930, 10, EVS_ESTABLISHED, EVS_CLOSE_WAIT, 0);
	tell(t, &e);
}

static void hostile_names(struct tool *t)
{
	static const char *const names[] = { "\033[31mred", "a\"b\\c\n\x7f", "\xff\xc0\x80\xed\xa0\x80",
					     "sixteen-bytes-ab", "\xe2\x80\xae" "evil" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ev_sock s = sock(0x80 + i, EVR_CLIENT, EVO_CONNECT, names[i]);
		struct ev_state e = step(s, 1000 + i, 0, EVS_CLOSE, EVS_SYN_SENT, 0);

		tell(t, &e);
	}
}

static void other_kinds(struct tool *t)
{
	struct ev_sock s = sock(0x90, EVR_CLIENT, EVO_CONNECT, "php-fpm");
	struct ev_retransmit rexmit = { .head = head(EV_RETRANSMIT, sizeof(rexmit), 2000), .sock = s,
					.type = EVX_SYN, .attempt = 2, .rto_ms = 2000, .backoff = 1 };
	struct ev_reset reset = { .head = head(EV_RESET, sizeof(reset), 2100), .sock = s, .sent = 1,
				  .has_reason = 1, .reason = 11 };
	struct ev_reset nobody = { .head = head(EV_RESET, sizeof(nobody), 2150), .sent = 1,
				   .no_socket = 1, .has_reason = 1, .reason = 4711 };
	struct ev_error error = { .head = head(EV_ERROR, sizeof(error), 2200), .sock = s,
				  .err = ETIMEDOUT };
	struct ev_state timeout = step(s, 2201, 1, EVS_SYN_SENT, EVS_CLOSE, 0);

	rexmit.sock.state = EVS_SYN_SENT;
	timeout.err = ETIMEDOUT;
	tell(t, &rexmit);
	tell(t, &reset);
	tell(t, &nobody);
	tell(t, &error);
	tell(t, &timeout);
}

static void refusals(struct tool *t)
{
	struct ev_sock s = sock(0x1001, EVR_LISTENER, EVO_LISTEN, "nginx");
	struct ev_drop e = { .head = head(EV_DROP, sizeof(e), 2300), .sock = s, .queues = {
			     .accept_queue = 512, .backlog = 511, .syn_queue = 3, .somaxconn = 4096,
			     .max_syn_backlog = 1024 }, .stage = EVG_SYN, .reason = EVD_ACCEPT_QUEUE };
	struct record sum = { .kind = REC_DROP, .wall_ns = START + 3000 * MS, .count = 1284,
			      .window_ns = 1000 * MS,
			      .has = HAS_WINDOW | HAS_OWNER | HAS_COOKIE | HAS_PEERS,
			      .cookie = 0x1001, .role = EVR_LISTENER, .pid = 7,
			      .owner_source = EVO_LISTEN, .method = EVM_FENTRY, .comm = "nginx",
			      .drop = { .stage = EVG_SYN, .reason = EVD_ACCEPT_QUEUE,
					.connections = 611, .peers = 1 } };

	e.sock.state = EVS_LISTEN;
	e.head.method = EVM_FENTRY;
	e.tries = 1;
	tell(t, &e);
	e.tries = 2;
	e.tries_lower = 1;
	tell(t, &e);
	e.tries = 0;
	e.stage = EVG_ACK;
	e.queues.somaxconn = 511;
	tell(t, &e);
	e.queues.abort_on_overflow = 1;
	tell(t, &e);
	e.stage = EVG_SYN;
	e.reason = EVD_MAX_SYN_BACKLOG;
	tell(t, &e);
	e.reason = EVD_OTHER;
	tell(t, &e);
	e.reason = EVD_COOKIE;
	tell(t, &e);
	t->ops->write(t->sink, &sum);
	sum.drop.peers = 402;
	sum.drop.peers_lower = true;
	t->ops->write(t->sink, &sum);
	sum.because = "accept4 fails with EMFILE";
	t->ops->write(t->sink, &sum);
	sum.has |= HAS_ACCEPTS;
	sum.drop.accepts_ns = 1002003004;
	t->ops->write(t->sink, &sum);
	sum.drop.accepts = 3;
	t->ops->write(t->sink, &sum);
	sum.drop.accepts = 12345;
	t->ops->write(t->sink, &sum);
	sum.has |= HAS_SYNS;
	sum.drop.syns = 98765;
	t->ops->write(t->sink, &sum);
	sum.has &= ~HAS_SYNS;
	sum.method = EVM_POLL;
	sum.has = (sum.has & ~HAS_PEERS) | HAS_AT_MOST;
	sum.count = 0;
	sum.drop.stage = 0;
	sum.drop.reason = EVD_UNKNOWN;
	sum.drop.at_most = 17;
	t->ops->write(t->sink, &sum);
}

static void accepted(struct tool *t)
{
	struct ev_sock s = sock(0x3001, EVR_SERVER, EVO_ACCEPT, "nginx");
	struct ev_accept e = { .head = head(EV_ACCEPT, sizeof(e), 2400), .sock = s,
			       .wait_ns = 168 * MS, .accept_queue = 511, .backlog = 511 };

	e.sock.state = EVS_ESTABLISHED;
	e.head.method = EVM_FENTRY;
	tell(t, &e);
	e.wait_ns = 0;
	e.backlog = 0;
	tell(t, &e);
	e.wait_ns = UINT64_MAX;
	e.head.method = EVM_TRACEPOINT;
	tell(t, &e);
}

static struct ev_connection ended(struct ev_state end)
{
	struct ev_connection c = { .end = end, .began_ns = 100 * MS, .bytes_sent = 1912,
				   .bytes_received = 48211, .segments_sent = 12,
				   .segments_received = 40, .rtt_us = 21402, .rtt_min_us = 21011,
				   .first_close = EVS_FIN_WAIT1 };

	c.end.head.kind = EV_CONNECTION;
	c.end.head.size = sizeof(c);
	c.in_ns[ev_life_place(EVS_SYN_SENT)] = 21 * MS;
	c.in_ns[ev_life_place(EVS_ESTABLISHED)] = 268 * MS;
	return c;
}

static void connections(struct tool *t)
{
	struct ev_sock s = sock(0x42afab, EVR_CLIENT, EVO_CONNECT, "curl");
	struct ev_connection c = ended(step(s, 411, 410, EVS_FIN_WAIT2, EVS_CLOSE,
					    EVF_SOCK_DONE));

	tell(t, &c);
	s.role = EVR_SERVER;
	c = ended(step(s, 511, 510, EVS_LAST_ACK, EVS_CLOSE, EVF_SOCK_DONE | EVF_ALL_ACKED));
	c.first_close = EVS_CLOSE_WAIT;
	c.opened_ns = 110 * MS;
	c.accepted_ns = 117 * MS;
	c.resent = 7;
	c.syns_resent = 2;
	c.bytes_resent = 5120;
	c.lower = 1;
	c.end.sock.flags = EVSK_LOWER;
	c.busy_ns = 90 * MS;
	c.rwnd_ns = 70 * MS;
	c.sndbuf_ns = 10 * MS;
	tell(t, &c);
	s.role = EVR_UNKNOWN;
	s.flags = EVSK_LATE;
	c = ended(step(s, 611, 0, EVS_ESTABLISHED, EVS_CLOSE, EVF_RST_IN));
	c.end.err = ECONNRESET;
	c.began_ns = 0;
	c.rtt_us = 0;
	c.first_close = 0;
	tell(t, &c);
	s = sock(0x90, EVR_CLIENT, EVO_CONNECT, "php-fpm");
	c = ended(step(s, 131100, 100, EVS_SYN_SENT, EVS_CLOSE, 0));
	c.end.err = ETIMEDOUT;
	c.resent = c.syns_resent = 10;
	c.bytes_sent = c.bytes_received = c.rtt_us = c.segments_received = c.first_close = 0;
	tell(t, &c);
	c.resent = c.syns_resent = 0;
	c.end.err = ECONNREFUSED;
	c.end.facts = EVF_RST_IN;
	tell(t, &c);
	c.end.err = 0;
	c.end.facts = EVF_NOTHING_SENT;
	tell(t, &c);
}

static void summed(struct tool *t)
{
	struct record_summary s = {
		.handshake = { 4300, 210000, 480000, 1200000, 8000000 }, .age = { 4310, 1000000, 2000000, 9000000, 60000000000 },
		.bytes_sent = 1912000, .bytes_received = 482110000, .resent = 7, .syns_resent = 2, .bytes_resent = 5120,
	};
	struct record r = { .kind = REC_SUMMARY, .wall_ns = START + 10000 * MS, .count = 4311, .window_ns = 10000 * MS,
			    .has = HAS_WINDOW | HAS_OWNER | HAS_NETNS | HAS_RADDR | HAS_RPORT | HAS_CGROUP,
			    .role = EVR_CLIENT, .family = 4, .raddr = { 10, 0, 0, 20 }, .rport = 5432, .comm = "php-fpm",
			    .netns = 4026531840, .cgroup = &t->cgroup, .summary = &s };

	t->ops->write(t->sink, &r);
	s.outcome = OUTCOME_FAILURE;
	s.handshake.count = s.age.count = 0;
	r.count = 3;
	t->ops->write(t->sink, &r);
	s = (struct record_summary){ .accept_wait = { 99, 12000, 90000, 168000000, 171000000 } };
	r.role = EVR_SERVER;
	r.has = HAS_WINDOW | HAS_OWNER | HAS_NETNS | HAS_LADDR | HAS_LPORT;
	r.lport = 443;
	t->ops->write(t->sink, &r);
	s.outcome = OUTCOME_UNKNOWN;
	s.rest = true;
	r.role = EVR_UNKNOWN;
	r.has = HAS_WINDOW;
	r.family = 0;
	t->ops->write(t->sink, &r);
}

static void sampled(struct tool *t)
{
	struct record r = { .kind = REC_CONNECTION, .wall_ns = START + 10000 * MS, .count = 1, .sample_n = 100,
			    .has = HAS_COOKIE | HAS_STATE | HAS_FROM, .cookie = 0x5001, .role = EVR_CLIENT,
			    .method = EVM_TP_BTF, .from = EVS_FIN_WAIT2, .to = EVS_TIME_WAIT, .cause = CAUSE_FIN_RECEIVED };

	t->ops->write(t->sink, &r);
}

static void limits(struct tool *t)
{
	struct ev_sock s = sock(0x1001, EVR_LISTENER, EVO_CALL, "nginx");
	struct ev_limit e = { .head = head(EV_LIMIT, sizeof(e), 2500), .sock = s, .value = 1024,
			      .hard = 524288, .accept_queue = 41, .backlog = 511, .flags = EVLF_QUEUE,
			      .err = EMFILE, .call = EVL_ACCEPT4, .limit = EVL_OPEN_FILES };
	struct record sum = { .kind = REC_LIMIT, .wall_ns = START + 3000 * MS, .count = 1930,
			      .window_ns = 1000 * MS, .has = HAS_WINDOW | HAS_OWNER | HAS_ERRNO |
			      HAS_RADDR | HAS_RPORT | HAS_LADDR, .role = EVR_CLIENT, .pid = 3310,
			      .owner_source = EVO_CALL, .method = EVM_FENTRY, .comm = "php-fpm",
			      .err = EADDRNOTAVAIL, .family = 4, .laddr = { 10, 0, 0, 7 },
			      .raddr = { 10, 0, 0, 20 }, .rport = 5432, .limit = {
				      .call = EVL_CONNECT, .name = EVL_LOCAL_PORTS, .value = 28232,
				      .use = 28232, .has_value = true, .has_use = true, .low = 32768,
				      .high = 60999, .has_used = true, .used = 28232, .time_wait = 27412,
				      .set_by = "net.ipv4.ip_local_port_range" } };

	e.sock.state = EVS_LISTEN;
	tell(t, &e);
	e.hard = UINT64_MAX;
	e.flags = 0;
	e.call = EVL_SOCKET;
	e.sock = (struct ev_sock){ .family = 4, .uid = -1, .netns = s.netns, .owner = s.owner };
	tell(t, &e);
	e.sock = s;
	e.value = 128;
	e.hard = 0;
	e.err = 0;
	e.asked = -1;
	e.call = EVL_LISTEN;
	e.limit = EVL_SOMAXCONN;
	tell(t, &e);
	t->ops->write(t->sink, &sum);
}

/* The same, where the answer is thrown away; and where the one who listens is slow. */
static void dropped_here(struct tool *t, struct stall_row *row, struct record *r)
{
	row->verdict.stall = STALL_DROPPED_HERE;
	row->drop = (struct stall_drop){ 250, DROPPED_IN, "NETFILTER_DROP" };
	r->wall_ns += 1000 * MS;
	r->stall_phase = STALL_START;
	t->ops->write(t->sink, r);
	row->verdict.stall = STALL_SYN;
	row->drop.where = DROPPED_NOT;
	snprintf(row->because, sizeof(row->because), "full accept queue of nginx[1187]");
	r->wall_ns += 1000 * MS;
	t->ops->write(t->sink, r);
}

static void stalls(struct tool *t)
{
	struct stall_row row = {
		.oldest = { .sock = { .cookie = 0x6001, .state = EVS_CLOSE_WAIT, .netns = 4026531840,
				      .owner = { .pid = 2201 },
				      .family = 4, .rport = 8443, .raddr = { 10, 0, 0, 30 } },
			    .retrans_ms = STALLED_UNKNOWN, .timer_ms = STALLED_UNKNOWN, .sent_ms = 2990000,
			    .received_ms = 2990100, .heard_ms = 2990000, .sndbuf = 87040, .rcvbuf = 131072,
			    .window = 65536 },
		.verdict = { STALL_CLOSE_WAIT, 2990000, true }, .count = 1893, .many_local = true,
		.has_growth = true, .growth_per_min = 38, .files = 1931, .files_max = 4096,
	};
	struct record r = { .kind = REC_STALL, .wall_ns = START + 30000 * MS, .count = 1893,
			    .has = HAS_OWNER | HAS_UID | HAS_NETNS | HAS_LADDR | HAS_RADDR | HAS_RPORT |
				   HAS_STATE | HAS_DURATION | HAS_CGROUP,
			    .role = EVR_CLIENT, .method = EVM_ITER, .owner_source = EVO_SNAPSHOT, .pid = 2201,
			    .comm = "java", .family = 4, .laddr = { 10, 0, 0, 7 }, .raddr = { 10, 0, 0, 30 },
			    .rport = 8443, .netns = 4026531840, .cgroup = &t->cgroup, .to = EVS_CLOSE_WAIT,
			    .duration_ns = 2990000 * MS, .duration_lower = true, .stall = &row,
			    .stall_phase = STALL_ONGOING };

	t->ops->write(t->sink, &r);
	row.oldest.sock.state = r.to = EVS_SYN_SENT;
	row.oldest.sock.rport = r.rport = 5432;
	row.oldest.retrans_ms = 3000;
	row.oldest.timer_ms = 1000;
	row.oldest.rto_ms = 1000;
	row.oldest.rto_max_ms = 120000;
	row.oldest.retransmits = 2;
	row.oldest.retries = 6;
	row.oldest.linear = 4;
	row.oldest.left = 1;
	row.verdict = (struct stall_verdict){ STALL_SYN, 3000, false };
	row.path = (struct stall_path){ .known = true, .interface = "eth0", .family = 4, .gateway = true,
					.next_hop = { 10, 0, 0, 1 }, .neighbour = 0x02 };
	row.has_growth = row.many_local = false;
	row.files = 0;
	row.waiting = 37;
	row.count = r.count = 1;
	r.has |= HAS_LPORT | HAS_COOKIE;
	r.has &= ~HAS_OWNER;
	r.lport = 40122;
	r.cookie = 0x6002;
	r.duration_ns = 3000 * MS;
	r.duration_lower = false;
	r.stall_phase = STALL_START;
	t->ops->write(t->sink, &r);
	r.duration_ns = 9000 * MS;
	r.stall_phase = STALL_END;
	t->ops->write(t->sink, &r);
	dropped_here(t, &row, &r);
}

static void of_the_stream(struct tool *t)
{
	static const struct stream_totals totals = {
		.printed = 1000, .made = 1300, .lost = 42, .lost_ring = 40, .lost_missed = 2,
		.held_back = 250, .recovered = 9, .gaps = 1, .late = 1, .poorer = 3,
		.unknown_cause = 2, .filtered = 7, .requests_queued = 12, .requests_left = 11,
	};
	static const struct stream_info info = {
		.version = "0.1.0", .kernel = "6.1.0", .boot_id = "5f2c91aa", .tier = "tracepoint",
		.filter = "--comm a\"b", .events = "state", .hooks = { { "transitions", "tp_btf" } },
		.hooks_len = 1,
	};
	struct record r = { .kind = REC_START, .wall_ns = START, .count = 1, .totals = &totals,
			    .info = &info, .uptime_ns = 61 * 1000 * MS };
	struct record sum = { .kind = REC_ERROR, .wall_ns = START + 3000 * MS, .count = 1284,
			      .window_ns = 1000 * MS, .has = HAS_WINDOW | HAS_ERRNO | HAS_OWNER,
			      .err = ECONNRESET, .pid = 7, .owner_source = EVO_ACCEPT,
			      .method = EVM_TP_BTF, .comm = "nginx" };

	t->ops->write(t->sink, &r);
	t->ops->write(t->sink, &sum);
	for (enum record_kind kind = REC_HEARTBEAT; kind <= REC_STOP; kind++) {
		r.kind = kind;
		t->ops->write(t->sink, &r);
	}
}

/* As teller.c does. */
static bool write_recorded(struct sink *sink, const struct record *r)
{
	struct recorder *recorder = (void *)sink;
	struct rec_stall stall;
	struct rec_sum sum;

	if (r->kind == REC_STALL) {
		stall_record_to(r, &stall);
		recorder_stall(recorder, &stall);
	} else if (rec_sum_of(r, 0, 0, &sum)) {
		recorder_sum(recorder, &sum);
	}
	return true;
}

static const char *recorded_reason(void *ctx, uint32_t reason)
{
	return reset_reason(ctx, reason);
}

/* At two listeners of one namespace, of which one refuses. */
static void look(struct recorder *r, uint64_t ms, uint32_t refused)
{
	struct netns_count count = { .listen_drops = 4711 + refused, .listen_overflows = 4711 + refused };
	struct listening l = {
		.sock = sock(0x1001, EVR_LISTENER, EVO_LISTEN, "nginx"), .drops = 4711 + refused,
		.queues = { .accept_queue = refused ? 512 : 3, .backlog = 511, .syn_queue = 3,
			    .somaxconn = 4096, .max_syn_backlog = 1024, .syncookies = 1 },
	};

	recorder_listening(r, &l);
	l.sock = sock(0x1002, EVR_LISTENER, EVO_NONE, "");
	l.sock.lport = 443;
	l.drops = 0;
	l.queues.accept_queue = 0;
	recorder_listening(r, &l);
	recorder_netns(r, l.sock.netns, &count);
	recorder_looked(r, START + ms * MS);
}

/* The same events as a recording: how tests/golden/v1.rec was made. */
static int make_recording(const char *path)
{
	static const struct stream_info run_info = {
		.version = "0.1.0", .kernel = "6.1.0", .boot_id = "5f2c91aa", .tier = "tracepoint",
		.filter = "--comm a\"b", .events = "state", .made = "all",
		.hooks = { { "transitions", "tp_btf" } },
		.hooks_len = 1,
	};
	static const char cgroup[] = "/kubepods.slice/kubepods-pod7c1f0d3e_0000_4000_8000_0123456789ab"
		".slice/cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		".scope";
	struct rec_file_options fo = { .path = path };
	/* As wall_ns() above: the clocks begin at START. */
	struct wallclock clock = { .realtime_offset_ns = START, .tai_offset_ns = -(int64_t)START };
	struct recorder_run run = { .stream = 0x5f2c91aa, .wall_ns = START, .host = "web-0417",
				    .info = &run_info, .clock = &clock,
				    .cgroups = cgroup_open_recorded(),
				    .reset_reason = recorded_reason };
	struct stream_totals totals = { .made = 30, .lost = 42, .lost_ring = 42, .held_back = 1284 };
	struct record own = { .kind = REC_HEARTBEAT, .wall_ns = START + 1000 * MS,
			      .totals = &totals, .uptime_ns = 1000 * MS };
	struct record sum = { .kind = REC_ERROR, .wall_ns = START + 3000 * MS, .count = 1284,
			      .window_ns = 1000 * MS, .has = HAS_WINDOW | HAS_ERRNO | HAS_OWNER,
			      .err = ECONNRESET, .pid = 7, .owner_source = EVO_ACCEPT,
			      .method = EVM_TP_BTF, .comm = "nginx" };
	static const struct sink_ops ops = { .write = write_recorded };
	char why[256] = "";
	struct tool t = { .recorder = recorder_open(&fo, why, sizeof(why)), .ops = &ops };

	if (!t.recorder || !cgroup_learn(run.cgroups, 77, cgroup, sizeof(cgroup) - 1)) {
		fprintf(stderr, "records: %s\n", why);
		return 1;
	}
	recorder_begin(t.recorder, &run);
	look(t.recorder, 100, 0);
	healthy_client(&t);
	server_in_a_pod(&t);
	recorder_flush(t.recorder);
	what_is_not_known(&t);
	recorder_stream(t.recorder, &own);
	hostile_names(&t);
	other_kinds(&t);
	t.sink = (void *)t.recorder;
	ops.write(t.sink, &sum);
	refusals(&t);
	limits(&t);
	stalls(&t);
	own.kind = REC_LOST;
	recorder_stream(t.recorder, &own);
	clock.tai_offset_ns -= 1000 * MS;
	accepted(&t);
	connections(&t);
	look(t.recorder, 3900, 1284);
	own.kind = REC_STOP;
	own.uptime_ns = 4000 * MS;
	own.wall_ns = START + 4000 * MS;
	recorder_stream(t.recorder, &own);
	recorder_flush(t.recorder);
	recorder_close(t.recorder);
	cgroup_close(run.cgroups);
	return 0;
}

int main(int argc, char **argv)
{
	struct sink_options so = { .utc = true, .host_name = "web-0417", .ephemeral_id = "5f2c91aa" };
	struct output *out;
	struct tool t = {
		.ops = ops_of(argc > 1 ? argv[1] : ""),
		.cgroup = { .unit = "nginx.service", .pod_uid = "7c1f0d3e-0000-4000-8000-0123456789ab",
			    .container_id = "0123456789abcdef0123456789abcdef"
					    "0123456789abcdef0123456789abcdef" },
	};

	if (argc > 2 && !strcmp(argv[1], "rec"))
		return make_recording(argv[2]);
	out = output_open(STDOUT_FILENO, NULL, 0);
	if (!out || !t.ops) {
		fprintf(stderr, "usage: records text|json|prom, records rec FILE\n");
		return 2;
	}
	so.colour = argc > 2;
	t.sink = t.ops->open(out, &so);
	of_the_stream(&t);
	healthy_client(&t);
	server_in_a_pod(&t);
	what_is_not_known(&t);
	hostile_names(&t);
	other_kinds(&t);
	refusals(&t);
	accepted(&t);
	connections(&t);
	summed(&t);
	sampled(&t);
	limits(&t);
	stalls(&t);
	syn_queue(&t);
	listened_again(&t);
	output_flush(out);
	t.ops->close(t.sink);
	output_close(out);
	return 0;
}
