// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_advice.c - what to try of a limit in trouble: commands with the values to give them.
 */
#include <stdio.h>

#include "limit_rows.h"

/* "or does it leak?" is asked in any case: a higher limit cures no leak. */
static void both_advice(const struct limit_row *row, unsigned long long more, char *buf, size_t len)
{
	char first[64] = "";

	/* A hard limit may not be above it (do_prlimit()). */
	if (row->ceiling && row->hard >= row->ceiling)
		snprintf(first, sizeof(first), "sysctl -w fs.nr_open=%llu, ", more);
	else if (row->ceiling && more > row->ceiling)
		more = row->ceiling;
	snprintf(buf, len, "the hard limit is reached, too: %sprlimit --pid %u --nofile=%llu:%llu "
		 "(now), LimitNOFILE=%llu of its unit (to stay); or does it leak? "
		 "ls -l /proc/%u/fd", first, row->pid, more, more, more, row->pid);
}

/* The soft limit alone where the hard one has room: one number for both, in systemd.exec(5)
 * as in prlimit(1), would lower that. Above it both are raised, with CAP_SYS_RESOURCE. */
static void open_files_advice(const struct limit_row *row, char *buf, size_t len)
{
	unsigned long long more = row->max ? 4ULL * row->max : 1024;
	char both[48] = "";

	if (row->max > UINT64_MAX / 4 || !row->pid) {
		snprintf(buf, len, "LimitNOFILE= of its unit, or prlimit --nofile; or does it "
			 "leak? ls -l /proc/PID/fd");
		return;
	}
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

static void ports_advice(const struct limit_row *row, char *buf, size_t len)
{
	snprintf(buf, len, "reuse connections (pool, keepalive)%s; or "
		 "sysctl net.ipv4.ip_local_port_range=\"1024 65535\"",
		 row->time_wait > row->use / 2 ?
		 ": most are TIME-WAIT; sysctl net.ipv4.tcp_tw_reuse=1" : "");
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
		snprintf(buf, len, "the peer or the path takes no more, or sysctl net.ipv4.tcp_wmem");
}

static const char *const advices[LIMITS] = {
	[LIMIT_FILE_MAX] = "sysctl fs.file-max; and who holds them: tcptrail limits --all",
	[LIMIT_TIME_WAIT] = "reuse connections; beyond it they end without TIME-WAIT: "
			    "sysctl net.ipv4.tcp_max_tw_buckets",
	[LIMIT_ORPHANS] = "peers do not acknowledge our last data: beyond it they are reset",
	[LIMIT_TCP_MEM] = "beyond it buffers shrink and connections are reset: ss -tm; sysctl "
			  "net.ipv4.tcp_mem",
	[LIMIT_CONNTRACK] = "beyond it new connections are dropped: sysctl "
			    "net.netfilter.nf_conntrack_max",
	[LIMIT_NR_OPEN] = "no RLIMIT_NOFILE can be higher: sysctl fs.nr_open",
	[LIMIT_NEIGHBOURS] = "beyond it nothing can be sent to hosts that are not in it: sysctl "
			     "gc_thresh1, 2 and 3 of neigh.default; or a scan? ip -s neigh",
	[LIMIT_ACCEPT_QUEUE] = "tcptrail listeners tells whose, and what to do",
	[LIMIT_CGROUP_MEMORY] = "beyond it buffers shrink and connections stall: raise it; ss -tm",
};

const char *limit_advice(const struct limit_row *row, char *buf, size_t len)
{
	snprintf(buf, len, "%s", "");
	if (!limit_in_trouble(row) || (unsigned int)row->kind >= LIMITS)
		return buf;
	if (row->kind == LIMIT_OPEN_FILES)
		open_files_advice(row, buf, len);
	else if (row->kind == LIMIT_LOCAL_PORTS)
		ports_advice(row, buf, len);
	else if (row->kind == LIMIT_RECV_BUFFER || row->kind == LIMIT_SEND_BUFFER)
		buffer_advice(row, buf, len);
	else
		snprintf(buf, len, "%s", advices[row->kind]);
	return buf;
}
