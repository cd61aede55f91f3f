// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_advice.c - what to try of a limit in trouble: commands with the values to give them.
 */
#include <stdio.h>
#include <string.h>

#include "limit_rows.h"

/* fs.nr_open, a multiple of 64 below 2^31 (sysctl_nr_open_max) */
#define NR_OPEN_MOST 0x7fffffc0ULL

/* "or does it leak?" is asked in any case: a higher limit cures no leak. */
static void both_advice(const struct limit_row *row, unsigned long long more, char *buf, size_t len)
{
	char first[64] = "";

	/* A hard limit may not be above it (do_prlimit()). */
	if (row->ceiling && row->hard >= row->ceiling)
		snprintf(first, sizeof(first), "sysctl -w fs.nr_open=%llu; ", more);
	else if (row->ceiling && more > row->ceiling)
		more = row->ceiling;
	snprintf(buf, len, "soft and hard limit are the same: %sprlimit --pid %u --nofile=%llu:%llu "
		 "(now, with CAP_SYS_RESOURCE), LimitNOFILE=%llu of its unit (to stay); or does it "
		 "leak? ls -l /proc/%u/fd", first, row->pid, more, more, more, row->pid);
}

/* The soft limit alone where the hard one has room: one number for both, in systemd.exec(5)
 * as in prlimit(1), would lower that. Above it both are raised. */
static void open_files_advice(const struct limit_row *row, char *buf, size_t len)
{
	unsigned long long more = row->max ? 4ULL * row->max : 1024;
	char both[48] = "";

	if (row->max >= NR_OPEN_MOST || !row->pid || row->recorded) {
		snprintf(buf, len, "LimitNOFILE= of its unit, or prlimit --nofile; or does it "
			 "leak? ls -l /proc/PID/fd");
		return;
	}
	if (more > NR_OPEN_MOST)
		more = NR_OPEN_MOST;
	if (row->has_hard && row->max >= row->hard) {
		both_advice(row, more, buf, len);
		return;
	}
	if (row->has_hard && more > row->hard)
		more = row->hard;
	if (row->has_hard && row->hard != UINT64_MAX)
		snprintf(both, sizeof(both), "%llu:%llu", more, (unsigned long long)row->hard);
	snprintf(buf, len, "prlimit --pid %u --nofile=%llu: (now), LimitNOFILE=%s of its unit (to "
		 "stay); or does it leak? ls -l /proc/%u/fd", row->pid, more, both, row->pid);
}

/* 1024 to 65535, but for a few that are reserved. */
#define PORTS_MOST 64000

static void ports_advice(const struct limit_row *row, char *buf, size_t len)
{
	snprintf(buf, len, "reuse connections (pool, keepalive)%s%s",
		 row->time_wait > row->use / 2 ?
		 ": most are TIME-WAIT; sysctl net.ipv4.tcp_tw_reuse=1" : "",
		 row->max < PORTS_MOST || row->max == UINT64_MAX ? "; or sysctl net.ipv4.ip_local_port_range=\"1024 65535\" "
		 "in this namespace" : "; all ports are in the range already");
}

static void buffer_advice(const struct limit_row *row, char *buf, size_t len)
{
	bool recv = row->kind == LIMIT_RECV_BUFFER;

	if (row->locked)
		snprintf(buf, len, "the program sets %s: without it the kernel would grow it to "
			 "%llu (tcp_%cmem)", row->set_by, (unsigned long long)row->sizes.most,
			 recv ? 'r' : 'w');
	else if (recv)
		snprintf(buf, len, "the program reads too slowly: tcptrail stalls; or sysctl "
			 "net.ipv4.tcp_rmem");
	else
		snprintf(buf, len, "the peer or the path takes no more, or sysctl "
			 "net.ipv4.tcp_wmem");
}

/* Twice a limit that is near its end. 0: it cannot be so high, or is not what failed, which
 * more of it would not cure (nf_conntrack's `drop` and ENFILE have other causes, too). */
static unsigned long long twice(const struct limit_row *row, uint64_t most)
{
	if (row->max > most / 2 || limit_percent(row) < LIMIT_SHOWN_PERCENT)
		return 0;
	return 2 * row->max;
}

/* What their sysctls may be: long, int (proc_doulongvec_minmax(), proc_dointvec()). */
static const struct raise {
	const char *sysctl;
	uint64_t most;
	const char *where;
	const char *rest;
} raises[LIMITS] = {
	[LIMIT_FILE_MAX] = { "fs.file-max", INT64_MAX, "",
			     "who holds them: tcptrail limits --all" },
	[LIMIT_TIME_WAIT] = { "net.ipv4.tcp_max_tw_buckets", INT32_MAX, " in this namespace",
			      "reuse connections: beyond it they end without TIME-WAIT" },
	/* Read-only in other namespaces (nf_conntrack_standalone_init_sysctl()). */
	[LIMIT_CONNTRACK] = { "net.netfilter.nf_conntrack_max", INT32_MAX, " on the host",
			      "beyond it new connections are dropped" },
};

static void raise_advice(const struct limit_row *row, char *buf, size_t len)
{
	const struct raise *r = &raises[row->kind];
	unsigned long long more = twice(row, r->most);

	if (more)
		snprintf(buf, len, "sysctl -w %s=%llu%s; %s", r->sysctl, more, r->where, r->rest);
	else
		snprintf(buf, len, "%s", r->rest);
}

/* All three together. Where it would be more than half of memory, more is no cure. */
static void tcp_mem_advice(const struct limit_row *row, char *buf, size_t len)
{
	static const char rest[] = "beyond it buffers shrink and connections are reset; whose: "
				   "ss -tm";
	unsigned long long more = row->has_below ? twice(row, row->ceiling) : 0;

	if (more)
		snprintf(buf, len, "sysctl -w net.ipv4.tcp_mem=\"%llu %llu %llu\"; %s",
			 2ULL * row->below[0], 2ULL * row->below[1], more, rest);
	else
		snprintf(buf, len, "%s", rest);
}

/* A process whose own hard limit is lower does not get there. */
static void nr_open_advice(const struct limit_row *row, char *buf, size_t len)
{
	unsigned long long more = twice(row, NR_OPEN_MOST);

	if (row->has_hard && row->hard < row->max)
		snprintf(buf, len, "its own hard RLIMIT_NOFILE of %llu is met first",
			 (unsigned long long)row->hard);
	else if (more)
		snprintf(buf, len, "sysctl -w fs.nr_open=%llu; then a higher RLIMIT_NOFILE for it; "
			 "or does it leak?", more);
	else
		snprintf(buf, len, "no RLIMIT_NOFILE can be higher; does it leak?");
}

/* From gc_thresh2 on the kernel looks for what to throw away at each new entry, so both
 * (neigh_alloc()). */
static void neighbours_advice(const struct limit_row *row, char *buf, size_t len)
{
	static const char rest[] = "beyond it nothing can be sent to hosts that are not in it; "
				   "who is: ip -s neigh";
	unsigned long long more = row->has_below ? twice(row, INT32_MAX) : 0;
	int prefix = strlen(limit_set_by(row)) - 1;	/* "net.ipv4.neigh.default.gc_thresh" */

	if (more && row->below[1] <= row->max)
		snprintf(buf, len, "sysctl -w %.*s2=%llu %.*s3=%llu; %s", prefix, limit_set_by(row),
			 2ULL * row->below[1], prefix, limit_set_by(row), more, rest);
	else
		snprintf(buf, len, "%s", rest);
}

/* Who does not acknowledge our SYN-ACK is for those to see who look. With cookies a full
 * queue refuses nobody. */
static void syn_queue_advice(const struct limit_row *row, char *buf, size_t len)
{
	static const char *const beyond[] = {
		"sysctl -w net.ipv4.tcp_syncookies=1 in this namespace: beyond it SYNs are dropped",
		"beyond it a SYN gets a cookie and takes no place (tcp_syncookies)",
	};

	snprintf(buf, len, "%s; whose final ACK it waits for: ss -tn state syn-recv sport = :%u",
		 beyond[!!row->syncookies], row->lport);
}

static const char *const advices[LIMITS] = {
	[LIMIT_ORPHANS] = "peers do not acknowledge our last data: beyond it they are reset",
	[LIMIT_ACCEPT_QUEUE] = "tcptrail listeners tells what binds, and what to do",
	[LIMIT_CGROUP_MEMORY] = "beyond it buffers shrink and connections stall: raise it; ss -tm",
};

static void fixed_advice(const struct limit_row *row, char *buf, size_t len)
{
	snprintf(buf, len, "%s", advices[row->kind]);
}

static void (*const advise[LIMITS])(const struct limit_row *row, char *buf, size_t len) = {
	[LIMIT_OPEN_FILES] = open_files_advice,
	[LIMIT_FILE_MAX] = raise_advice,
	[LIMIT_LOCAL_PORTS] = ports_advice,
	[LIMIT_TIME_WAIT] = raise_advice,
	[LIMIT_ORPHANS] = fixed_advice,
	[LIMIT_TCP_MEM] = tcp_mem_advice,
	[LIMIT_CONNTRACK] = raise_advice,
	[LIMIT_NR_OPEN] = nr_open_advice,
	[LIMIT_NEIGHBOURS] = neighbours_advice,
	[LIMIT_ACCEPT_QUEUE] = fixed_advice,
	[LIMIT_SYN_QUEUE] = syn_queue_advice,
	[LIMIT_CGROUP_MEMORY] = fixed_advice,
	[LIMIT_RECV_BUFFER] = buffer_advice,
	[LIMIT_SEND_BUFFER] = buffer_advice,
};

const char *limit_advice(const struct limit_row *row, char *buf, size_t len)
{
	snprintf(buf, len, "%s", "");
	if ((unsigned int)row->kind < LIMITS && limit_in_trouble(row))
		advise[row->kind](row, buf, len);
	return buf;
}
