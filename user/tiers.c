// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tiers.h"

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
		.ways = { { EVM_ITER, { "census" } } },
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
		.without = "seen at intervals",
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
		.without = "final ACKs refused for a full accept queue",
		.remedy = "Linux 6.18 or newer, or function hooks",
	},
	[FACT_LISTENERS] = {
		.name = "queues of listening sockets",
		.ways = { { EVM_ITER, { "listening_walk" } } },
		.without = "tcptrail listeners",
		.remedy = NULL,
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
