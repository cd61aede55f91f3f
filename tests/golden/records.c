// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * records.c - a fixed list of raw records, as the kernel side makes them, through
 * decode() and a sink: the whole way of a line without a kernel or a privilege.
 *
 *   records text|json
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
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

struct tool {
	const struct sink_ops *ops;
	struct sink *sink;
	struct cgroup_info cgroup;
};

static void tell(struct tool *t, const void *raw)
{
	struct record r;

	if (!decode(raw, &env, &r))
		return;
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

static void of_the_stream(struct tool *t)
{
	static const struct stream_totals totals = {
		.printed = 1000, .made = 1300, .lost = 42, .lost_ring = 40, .lost_missed = 2,
		.held_back = 250, .recovered = 9, .gaps = 1, .late = 1, .poorer = 3,
		.unknown_cause = 2, .filtered = 7,
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

int main(int argc, char **argv)
{
	struct sink_options so = { .utc = true, .host_name = "web-0417", .ephemeral_id = "5f2c91aa" };
	struct output *out = output_open(STDOUT_FILENO, NULL, 0);
	struct tool t = {
		.ops = sink_by_name(argc > 1 ? argv[1] : ""),
		.cgroup = { .unit = "nginx.service", .pod_uid = "7c1f0d3e-0000-4000-8000-0123456789ab",
			    .container_id = "0123456789abcdef0123456789abcdef"
					    "0123456789abcdef0123456789abcdef" },
	};

	if (!out || !t.ops) {
		fprintf(stderr, "usage: records text|json\n");
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
	output_flush(out);
	t.ops->close(t.sink);
	output_close(out);
	return 0;
}
