// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "names.h"

#include <stdio.h>
#include <string.h>

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static const char *pick(const char *const *table, size_t len, unsigned int i)
{
	return i < len && table[i] ? table[i] : "unknown";
}

const char *name_state(unsigned int state)
{
	static const char *const names[] = {
		[EVS_ESTABLISHED] = "ESTABLISHED", [EVS_SYN_SENT] = "SYN-SENT",
		[EVS_SYN_RECV] = "SYN-RECEIVED", [EVS_FIN_WAIT1] = "FIN-WAIT-1",
		[EVS_FIN_WAIT2] = "FIN-WAIT-2", [EVS_TIME_WAIT] = "TIME-WAIT",
		[EVS_CLOSE] = "CLOSED", [EVS_CLOSE_WAIT] = "CLOSE-WAIT",
		[EVS_LAST_ACK] = "LAST-ACK", [EVS_LISTEN] = "LISTEN",
		[EVS_CLOSING] = "CLOSING", [EVS_NEW_SYN_RECV] = "SYN-RECEIVED",
	};

	return pick(names, LEN(names), state);
}

const char *name_state_otel(unsigned int state)
{
	static const char *const names[] = {
		[EVS_ESTABLISHED] = "established", [EVS_SYN_SENT] = "syn_sent",
		[EVS_SYN_RECV] = "syn_received", [EVS_FIN_WAIT1] = "fin_wait_1",
		[EVS_FIN_WAIT2] = "fin_wait_2", [EVS_TIME_WAIT] = "time_wait",
		[EVS_CLOSE] = "closed", [EVS_CLOSE_WAIT] = "close_wait",
		[EVS_LAST_ACK] = "last_ack", [EVS_LISTEN] = "listen",
		[EVS_CLOSING] = "closing", [EVS_NEW_SYN_RECV] = "syn_received",
	};

	return pick(names, LEN(names), state);
}

const char *name_kind(enum record_kind kind)
{
	static const char *const names[] = {
		[REC_STATE] = "state", [REC_RETRANSMIT] = "retransmit", [REC_RESET] = "reset",
		[REC_ERROR] = "error", [REC_DROP] = "drop", [REC_SYNCOOKIE] = "syncookie",
		[REC_ACCEPT] = "accept", [REC_CONNECTION] = "connection", [REC_STALL] = "stall",
		[REC_SUMMARY] = "summary", [REC_LIMIT] = "limit",
		[REC_LISTEN] = "listen",
		[REC_START] = "start", [REC_HEARTBEAT] = "heartbeat",
		[REC_LOST] = "lost", [REC_STOP] = "stop",
	};

	return pick(names, LEN(names), kind);
}

const char *name_method(enum ev_method method)
{
	static const char *const names[] = {
		[EVM_TP_BTF] = "tp_btf", [EVM_FENTRY] = "fentry", [EVM_KPROBE] = "kprobe",
		[EVM_TRACEPOINT] = "tracepoint", [EVM_ITER] = "iter", [EVM_POLL] = "poll",
		[EVM_INFERRED] = "inferred", [EVM_GAP] = "gap",
	};

	return pick(names, LEN(names), method);
}

const char *name_role(enum ev_role role)
{
	static const char *const names[] = {
		[EVR_CLIENT] = "client", [EVR_SERVER] = "server", [EVR_LISTENER] = "listener",
	};

	return pick(names, LEN(names), role);
}

const char *name_owner_source(enum ev_owner_source source)
{
	static const char *const names[] = {
		[EVO_CONNECT] = "connect", [EVO_LISTEN] = "listen", [EVO_ACCEPT] = "accept",
		[EVO_SNAPSHOT] = "snapshot", [EVO_LISTENER] = "listener",
		[EVO_CALL] = "call",
	};

	return pick(names, LEN(names), source);
}

const char *name_retransmit(enum ev_retransmit_type type)
{
	static const char *const names[] = {
		[EVX_SYN] = "syn", [EVX_SYNACK] = "syn-ack", [EVX_RTO] = "rto",
		[EVX_FAST] = "fast", [EVX_PROBE] = "probe",
	};

	return pick(names, LEN(names), type);
}

const char *name_errno(int err, char *buf, size_t len)
{
	const char *name = strerrorname_np(err);

	if (name)
		return name;
	snprintf(buf, len, "errno %d", err);
	return buf;
}

const char *name_drop_reason(enum ev_drop_reason reason)
{
	static const char *const names[] = {
		[EVD_OTHER] = "other", [EVD_ACCEPT_QUEUE] = "accept-queue-full",
		[EVD_SYN_QUEUE] = "syn-queue-full", [EVD_MAX_SYN_BACKLOG] = "max-syn-backlog",
		[EVD_COOKIE] = "cookie-sent", [EVD_UNKNOWN] = "unknown",
	};

	return pick(names, LEN(names), reason);
}

const char *name_drop_counter(enum ev_drop_reason reason)
{
	static const char *const names[] = {
		[EVD_OTHER] = "ListenDrops", [EVD_ACCEPT_QUEUE] = "ListenOverflows",
		[EVD_SYN_QUEUE] = "TCPReqQFullDrop", [EVD_MAX_SYN_BACKLOG] = "ListenDrops",
		[EVD_COOKIE] = "SyncookiesSent", [EVD_UNKNOWN] = "ListenDrops",
	};

	return pick(names, LEN(names), reason);
}

const char *name_limit_call(enum ev_limit_call call)
{
	static const char *const names[] = {
		[EVL_ACCEPT] = "accept", [EVL_ACCEPT4] = "accept4", [EVL_SOCKET] = "socket",
		[EVL_CONNECT] = "connect", [EVL_BIND] = "bind", [EVL_LISTEN] = "listen",
	};

	return pick(names, LEN(names), call);
}

const char *name_limit(enum ev_limit_name name)
{
	static const char *const names[] = {
		[EVL_OPEN_FILES] = "open-files", [EVL_FILE_MAX] = "file-max",
		[EVL_LOCAL_PORTS] = "local-ports", [EVL_SOMAXCONN] = "somaxconn",
	};

	return pick(names, LEN(names), name);
}

const char *name_limit_set_by(enum ev_limit_name name)
{
	static const char *const names[] = {
		[EVL_OPEN_FILES] = "RLIMIT_NOFILE", [EVL_FILE_MAX] = "fs.file-max",
		[EVL_LOCAL_PORTS] = "net.ipv4.ip_local_port_range",
		[EVL_SOMAXCONN] = "net.core.somaxconn",
	};

	return pick(names, LEN(names), name);
}

const char *name_drop_bound(const struct record_drop *drop)
{
	if (drop->reason == EVD_MAX_SYN_BACKLOG)
		return "tcp_max_syn_backlog";
	/* tcp_syncookies 2 sends them always. */
	if (drop->reason == EVD_OTHER || drop->reason == EVD_UNKNOWN || (drop->reason == EVD_COOKIE && drop->queues.syncookies == 2))
		return NULL;
	return drop->queues.backlog < drop->queues.somaxconn ? "backlog" : "somaxconn";
}
