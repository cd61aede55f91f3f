/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_sources.h - reads limits and their use from /proc and sock_diag. No socket lock is
 * taken, and what cannot be read is left out.
 */
#ifndef TCPTRAIL_LIMIT_SOURCES_H
#define TCPTRAIL_LIMIT_SOURCES_H

#include "limit_rows.h"

/* Of processes those nearest to their limit, at most. */
#define LIMIT_PROCESSES 8
/* Of the services of a namespace those that most ports are used for, at most. */
#define LIMIT_SERVICES 8
/* Of the listeners of a namespace, of cgroups: the nearest to their limit. */
#define LIMIT_QUEUES 8
#define LIMIT_CGROUPS 8
#define LIMIT_NEIGHBOUR_TABLES 2
/* Namespaces whose ports are counted without need: those with most sockets. */
#define LIMIT_COUNTED 4
/* Of sockets: receive buffers, and send buffers. */
#define LIMIT_BUFFERS 8

struct loader;

/* A network namespace, and its counter at the begin of the sample. */
struct limit_netns {
	uint32_t inum;
	int fd;
	uint64_t tw_overflow;
	bool has_tw_overflow;
	uint64_t sockets;		/* of TCP, TIME-WAIT among them */
	unsigned int low, high;		/* ip_local_port_range; 0: not known */
	uint32_t ports;			/* in it, less the reserved ones */
	bool counts_ports;		/* its connections are counted by service */
	struct limit_sizes rmem, wmem;	/* with has_buffers: since limit_take_network() */
	bool has_buffers;
	uint64_t conntrack_drops;
	bool has_conntrack_drops;
	uint64_t neighbours_full[LIMIT_NEIGHBOUR_TABLES];
	bool has_neighbours_full[LIMIT_NEIGHBOUR_TABLES];
};

struct limit_namespaces {
	struct limit_netns *all;
	size_t len;
	size_t room;
};

/* Every namespace that a task is in, or that has a name below /run/netns. 0 or -errno.
 * Holds them open until the end. */
int limit_namespaces_open(struct limit_namespaces *n);
void limit_namespaces_close(struct limit_namespaces *n);

/* Descriptors of one process, and RLIMIT_NOFILE. false: it is gone, or not ours to see. */
bool limit_take_process(uint32_t pid, struct limit_row *row);

/* Descriptors of each process, and of the host. false: no memory. */
bool limit_take_files(struct limit_rows *rows);

/* What each namespace limits, and the host's own of TCP. Counting the ports of one is a walk
 * over all sockets of the host: left out where they cannot be half of its range, but with
 * `all` for LIMIT_COUNTED namespaces. false: no memory. */
bool limit_take_network(struct limit_rows *rows, struct limit_namespaces *n, bool all);

/* Of those what is told by a few files, without a walk: the host's own, and TIME-WAIT, conntrack
 * and neighbours of the namespace of this process. false: no memory. */
bool limit_take_host(struct limit_rows *rows);
bool limit_take_file_max(struct limit_rows *rows);

/* Socket buffers and SYN queues; who holds the ports, and whose the accept queues are, of the
 * rows there are. After the network.
 * false: no memory. */
bool limit_take_buffers(struct limit_rows *rows, const struct limit_namespaces *n,
			struct loader *loader);

/* Socket memory of cgroups. false: no memory. */
bool limit_take_cgroups(struct limit_rows *rows);

/* Inside of a namespace: how full a neighbour table is, and how often it was. */
bool limit_neighbours_full(size_t table, uint64_t *entries, uint64_t *fulls);
bool limit_take_neighbours(struct limit_rows *rows, const struct limit_netns *ns);

/* Inside of it: accept queues, by a socket of sock_diag. */
bool limit_take_queues(struct limit_rows *rows, const struct limit_netns *ns, int sock);

#endif /* TCPTRAIL_LIMIT_SOURCES_H */
