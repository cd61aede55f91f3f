// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tiers.h"

#include <string.h>

#define FENTRY(...)	{ EVM_FENTRY, { __VA_ARGS__ } }
#define KPROBE(...)	{ EVM_KPROBE, { __VA_ARGS__ } }
#define TP_BTF(...)	{ EVM_TP_BTF, { __VA_ARGS__ } }
#define SYSCALL_TP(...)	{ EVM_TRACEPOINT, { __VA_ARGS__ } }
#define DERIVED(method)	{ method, { NULL } }

static const char function_hooks[] =
	"function hooks: a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS (fentry) or "
	"CONFIG_KPROBES, not refused by an LSM or lockdown";

const struct fact facts[FACTS] = {
	[FACT_STATE] = {
		.name = "transitions", .required = true,
		.ways = { TP_BTF("state") },
		.without = "everything",
		.remedy = "Linux 5.15 or newer with CONFIG_DEBUG_INFO_BTF",
	},
	[FACT_UNDERSTUDY] = {
		.name = "transitions, second copy",
		.ways = { TP_BTF("state_understudy") },
		.without = "transitions of a softirq that interrupts the first copy",
	},
	[FACT_MORE_COPIES] = {
		.name = "transitions, third and fourth copy", .sometimes = true,
		.ways = { TP_BTF("state_third", "state_fourth") },
		.without = "transitions while tasks are preempted in the first two (Linux 7)",
	},
	[FACT_SOCK_END] = {
		.name = "gap check at the end of a socket",
		.ways = { TP_BTF("sock_end", "sock_end_understudy") },
		.without = "a missed last transition is not found",
	},
	[FACT_SNAPSHOT] = {
		.name = "sockets open before the start",
		.ways = { { EVM_ITER, { "snapshot" } } },
		.without = "their owners",
	},
	[FACT_PORT] = {
		.name = "local port at connect()",
		.ways = { { EVM_POLL, { "portfill" } } },
		.without = "the local port on CLOSED -> SYN-SENT",
		.remedy = "Linux 5.14 or newer",
	},
	[FACT_CENSUS] = {
		.name = "sockets that ended unseen",
		.ways = { { EVM_POLL, { "census" } } },
		.without = "transitions that no program was called for are not counted",
	},
	[FACT_ACCEPT] = {
		.name = "owner by accept()",
		.ways = { FENTRY("accept_graft_fentry"), KPROBE("accept_graft_kprobe"),
			  SYSCALL_TP("accept_sys_exit4", "accept_sys_exit") },
		.without = "accepted by io_uring or by 32-bit callers: their owner stays the "
			   "listener's; every system call of the machine costs about 12 ns more",
		.remedy = function_hooks,
	},
	[FACT_ACCEPT_MPTCP] = {
		.name = "owner by accept() of MPTCP",
		.ways = { FENTRY("accept_fexit_2"), FENTRY("accept_fexit_4"),
			  KPROBE("accept_kretprobe") },
		.without = "the owner of an MPTCP connection accepted stays the listener's",
		.remedy = function_hooks,
	},
	[FACT_TW_ENTERED] = {
		.name = "TIME-WAIT entered",
		.ways = { FENTRY("tw_alloc_fexit"),
			  KPROBE("tw_enter_kprobe", "tw_alloc_kretprobe"),
			  DERIVED(EVM_INFERRED) },
		.without = "inferred from SOCK_DONE; at tcp_max_tw_buckets the end is `unknown`",
		.remedy = function_hooks,
	},
	[FACT_TW_LEFT] = {
		.name = "TIME-WAIT left",
		.ways = { FENTRY("tw_kill_fentry"), KPROBE("tw_kill_kprobe"),
			  DERIVED(EVM_POLL) },
		.without = "seen at intervals, reuse inferred from the same addresses and ports",
		.remedy = function_hooks,
	},
	[FACT_TW_EXPIRED] = {
		.name = "TIME-WAIT expired",
		.ways = { FENTRY("tw_timer_fentry"), KPROBE("tw_timer_kprobe"),
			  DERIVED(EVM_INFERRED) },
		.without = "inferred from its age of 60 s",
		.remedy = function_hooks,
	},
	[FACT_TW_SEGMENT] = {
		.name = "TIME-WAIT ended by a segment",
		.ways = { FENTRY("tw_segment_fentry", "tw_segment_fexit"),
			  KPROBE("tw_segment_kprobe", "tw_segment_kretprobe"),
			  DERIVED(EVM_INFERRED) },
		.without = "a RST and ss -K are not told apart",
		.remedy = function_hooks,
	},
	[FACT_TW_REUSED] = {
		.name = "TIME-WAIT reused by connect()",
		.ways = { FENTRY("tw_unique_fexit"),
			  KPROBE("tw_unique_kprobe", "tw_unique_kretprobe"),
			  DERIVED(EVM_INFERRED) },
		.without = "inferred from the same addresses and ports",
		.remedy = function_hooks,
	},
	[FACT_FIN_WAIT_2] = {
		.name = "FIN-WAIT-2 without a process -> TIME-WAIT",
		.ways = { FENTRY("tw_schedule_fentry"),
			  KPROBE("tw_schedule_kprobe"),
			  TP_BTF("tw_fin_dropped", "tw_fin_understudy"),
			  DERIVED(EVM_POLL) },
		.without = "before Linux 6.12 seen at intervals",
		.remedy = function_hooks,
	},
	[FACT_KILLED] = {
		.name = "sockets destroyed by ss -K",
		.ways = { FENTRY("abort_fentry", "abort_fexit"), KPROBE("abort_kprobe"),
			  DERIVED(EVM_INFERRED) },
		.without = "from ECONNABORTED; a destroyed listener is `unknown`",
		.remedy = function_hooks,
	},
	[FACT_RST_FLAG] = {
		.name = "RST received or data after close()",
		.ways = { FENTRY("reset_fentry"), DERIVED(EVM_INFERRED) },
		.without = "in FIN-WAIT with data since: `unknown`",
		.remedy = function_hooks,
	},
	[FACT_RETRANSMIT] = {
		.name = "retransmits",
		.ways = { TP_BTF("retransmit") },
		.without = "retransmitted SYN and data",
	},
	[FACT_RETRANSMIT_SYNACK] = {
		.name = "SYN-ACK retransmits",
		.ways = { TP_BTF("retransmit_synack") },
		.without = "retransmitted SYN-ACKs",
	},
	[FACT_RESET_SENT] = {
		.name = "resets sent",
		.ways = { TP_BTF("reset_sent_reason"), TP_BTF("reset_sent") },
		.without = "the kernel's reason, and resets without a socket",
		.remedy = "Linux 6.10 or newer",
	},
	[FACT_RESET_RECEIVED] = {
		.name = "resets received",
		.ways = { TP_BTF("reset_received") },
		.without = "resets received, and the cause rst-received",
	},
	[FACT_ERROR] = {
		.name = "socket errors",
		.ways = { TP_BTF("error") },
		.without = "errors as events of their own",
		.remedy = "Linux 5.15 or newer",
	},
	[FACT_DROP_SYN] = {
		.name = "SYNs refused, cookies sent",
		.ways = { FENTRY("drop_syn_fentry", "drop_syn_fexit"),
			  KPROBE("drop_syn_kprobe", "drop_syn_kretprobe") },
		.without = "no event exists for a SYN refused: how many is polled (--poll), exact by "
			   "namespace; not whose, and not the last before a namespace ends",
		.remedy = function_hooks,
	},
	[FACT_DROP_ACK] = {
		.name = "final ACKs refused",
		.ways = { FENTRY("drop_ack_fentry", "drop_ack_fexit"),
			  KPROBE("drop_ack_kprobe", "drop_ack_kretprobe"),
			  TP_BTF("drop_ack_freed") },
		.without = "final ACKs refused for another reason than a full accept queue; before "
			   "Linux 6.18 all of them",
		.remedy = function_hooks,
	},
	[FACT_LISTENERS] = {
		.name = "queues of listening sockets",
		.ways = { { EVM_POLL, { "listening_look" } } },
		.without = "tcptrail listeners",
		.remedy = NULL,
	},
	[FACT_STALLS] = {
		.name = "connections that are stuck",
		.ways = { { EVM_ITER, { "stalls_walk" } } },
		.without = "tcptrail stalls",
	},
	[FACT_STALLS_ALONE] = {
		.name = "those in a SYN queue, and without a process",
		.ways = { { EVM_POLL, { "stalls_look_up" } } },
		.without = "SYN-ACKs not answered, final ACKs ignored, orphans",
		.remedy = "CAP_NET_ADMIN",
	},
	[FACT_STALLS_DROPPED] = {
		.name = "why this host drops what they wait for",
		.ways = { TP_BTF("segment_dropped") },
		.without = "the kernel's reason in dropped-here; SYN-ACKs dropped on their way in, and what "
			   "a queue drops, are told as not answered",
		.remedy = "Linux 5.17 or newer",
	},
	[FACT_SYNS] = {
		.name = "SYNs at a listener",
		.ways = { FENTRY("syns_fentry"), KPROBE("syns_kprobe") },
		.without = "SYNs a second in tcptrail listeners",
		.remedy = function_hooks,
	},
	[FACT_RELISTEN] = {
		.name = "listen() again, with another backlog",
		.ways = { FENTRY("relisten_fentry"), KPROBE("relisten_kprobe"),
			  DERIVED(EVM_POLL) },
		.without = "seen when listeners are polled for drops, without who called it",
		.remedy = function_hooks,
	},
	[FACT_SYN_QUEUE] = {
		.name = "SYN queue: SYN-RECEIVED before the final ACK",
		.ways = { FENTRY("request_queued_fentry", "request_left_fentry"),
			  KPROBE("request_queued_kprobe", "request_left_kprobe") },
		.without = "LISTEN -> SYN-RECEIVED, how it ended without a connection, and the time: "
			   "SYN-RECEIVED begins with the final ACK",
		.remedy = function_hooks,
	},
	[FACT_FOLLOW] = {
		.name = "children of a followed process",
		.ways = { TP_BTF("follow_fork", "follow_exit") },
		.without = "--pid knows no children that come later, and no command can be traced",
	},
	[FACT_LIMIT_ACCEPT] = {
		.name = "accept() without descriptors",
		.ways = { FENTRY("limit_accept_fexit"), KPROBE("limit_accept_kretprobe"),
			  SYSCALL_TP("limit_accept4_exit", "limit_accept_exit") },
		.without = "accept() that fails with EMFILE or ENFILE; by system call: not that of "
			   "32-bit callers, and its share of the price above",
		.remedy = function_hooks,
	},
	[FACT_LIMIT_SOCKET] = {
		.name = "socket() without descriptors",
		.ways = { FENTRY("limit_socket_fexit"), KPROBE("limit_socket_kretprobe"),
			  SYSCALL_TP("limit_socket_exit") },
		.without = "socket() that fails with EMFILE or ENFILE; by system call: not that of "
			   "32-bit callers",
		.remedy = function_hooks,
	},
	[FACT_LIMIT_CONNECT] = {
		.name = "connect() without local ports",
		.ways = { FENTRY("limit_connect_fexit", "limit_connect6_fexit"),
			  FENTRY("limit_connect_fexit"),
			  KPROBE("limit_connect_kretprobe", "limit_connect6_kretprobe"),
			  SYSCALL_TP("limit_connect_exit") },
		.without = "connect() that fails with EADDRNOTAVAIL for want of a port; by system call: "
			   "not that of io_uring, of 32-bit callers and of TCP Fast Open",
		.remedy = function_hooks,
	},
	[FACT_LIMIT_BIND] = {
		.name = "bind() without local ports",
		.ways = { FENTRY("limit_bind_fexit"), KPROBE("limit_bind_kretprobe"),
			  SYSCALL_TP("limit_bind_exit") },
		.without = "bind() to port 0 that fails with EADDRINUSE; by system call: not that of "
			   "32-bit callers",
		.remedy = function_hooks,
	},
	[FACT_LIMIT_LISTEN] = {
		.name = "listen() cut by somaxconn",
		.ways = { FENTRY("limit_listen_fexit"), KPROBE("limit_listen_kretprobe"),
			  SYSCALL_TP("limit_listen_exit") },
		.without = "listen() whose backlog is cut to somaxconn",
		.remedy = function_hooks,
	},
	[FACT_LIMIT_ALONE] = {
		.name = "connect() that failed, where nothing else is traced", .sometimes = true,
		.ways = { TP_BTF("limit_connect_state") },
		.without = "connect() without local ports in tcptrail limits",
	},
	[FACT_BUFFERS] = {
		.name = "socket buffers, SYN queues, and who holds local ports",
		.ways = { { EVM_ITER, { "buffers_walk" } } },
		.without = "all three in tcptrail limits",
	},
	[FACT_DROP_COOKIE_ACK] = {
		.name = "final ACKs refused after a cookie",
		.ways = { FENTRY("drop_cookie_fentry", "drop_cookie_fexit"),
			  KPROBE("drop_cookie_kprobe", "drop_cookie_kretprobe") },
		.without = "those of connections that a cookie remembers",
		.remedy = function_hooks,
	},
};

bool tier_excludes(enum tier tier, enum ev_method method)
{
	if (tier == TIER_KPROBE)
		return method == EVM_FENTRY;
	if (tier == TIER_TRACEPOINT)
		return method == EVM_FENTRY || method == EVM_KPROBE;
	return false;
}

const char *tier_name(enum tier tier)
{
	switch (tier) {
	case TIER_FENTRY:
		return "fentry";
	case TIER_KPROBE:
		return "kprobe";
	case TIER_TRACEPOINT:
		return "tracepoint";
	default:
		return "auto";
	}
}

const char *understudy_of(const char *program)
{
	static const char *const pairs[][2] = {
		{ "retransmit", "retransmit_understudy" },
		{ "retransmit_synack", "retransmit_synack_understudy" },
		{ "reset_sent_reason", "reset_sent_understudy" },
		{ "reset_received", "reset_received_understudy" },
		{ "error", "error_understudy" },
		{ "limit_accept_fexit", "limit_accept_understudy" },
		{ "limit_socket_fexit", "limit_socket_understudy" },
		{ "limit_connect_fexit", "limit_connect_understudy" },
		{ "limit_connect6_fexit", "limit_connect6_understudy" },
		{ "limit_bind_fexit", "limit_bind_understudy" },
		{ "limit_listen_fexit", "limit_listen_understudy" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strcmp(pairs[i][0], program))
			return pairs[i][1];
	return NULL;
}

enum tier tier_of(const struct outcome *outcomes)
{
	enum tier tier = TIER_TRACEPOINT;

	for (int i = 0; i < FACTS; i++) {
		const struct way *way = outcomes[i].way;

		if (way && way->method == EVM_FENTRY)
			return TIER_FENTRY;
		if (way && way->method == EVM_KPROBE)
			tier = TIER_KPROBE;
	}
	return tier;
}
